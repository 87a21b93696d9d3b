"""`sallyport backup` and `restore`: what is restored is what was there, or nothing is."""

from __future__ import annotations

import shutil
import stat
import threading

import apsw
import backed_up
import orjson
import pytest
from backed_up import FILES, tables

from adapter.services import backups
from adapter.settings import load_site

ADA = "jail-medical-hl7:J1"


@pytest.fixture
def site(county, tmp_path):
    shutil.copytree(county, tmp_path / "site")
    return tmp_path / "site"


def kept(site):
    """What is kept apart from backups."""
    return "--key", site / "site.key", "--keys", site / "backup.keys"


def hold(sallyport, site, words):
    done = sallyport("record", "hold", "--site", site, ADA, "--oral", "--by", "R. Desk", "--words", words)
    assert done.code == 0


def test_a_site_restored_in_an_empty_folder_is_the_site(sallyport, site, tmp_path):
    hold(sallyport, site, "before")
    done = sallyport("backup", tmp_path / "backup", "--site", site)
    assert done.code == 0, done.err
    assert "keep that elsewhere" in done.out
    assert not (tmp_path / "backup" / "site.key").exists()
    before = tables(site)
    hold(sallyport, site, "after")
    restored = tmp_path / "restored"
    done = sallyport("restore", tmp_path / "backup", "--site", restored, *kept(site))
    assert done.code == 0, done.err
    assert backed_up.differences(before, tables(restored)) == {}
    assert before != tables(site)
    assert (restored / "site.key").read_bytes() == (site / "site.key").read_bytes()
    assert stat.S_IMODE((restored / "site.key").stat().st_mode) == 0o600
    assert load_site(restored).partners == load_site(site).partners
    head = orjson.loads((tmp_path / "backup" / backups.MANIFEST).read_bytes())["head"]
    assert sallyport("ledger", "verify", "--site", restored, "--head", head).code == 0
    assert "oral: yes" not in sallyport("record", "list", "--site", restored, ADA).err
    hold(sallyport, restored, "it works")


def test_the_secret_is_in_it_only_when_asked_for(sallyport, site, tmp_path):
    assert sallyport("backup", tmp_path / "backup", "--site", site, "--with-key").code == 0
    assert stat.S_IMODE((tmp_path / "backup" / "site.key").stat().st_mode) == 0o600
    keys = ("--keys", site / "backup.keys")
    assert sallyport("restore", tmp_path / "backup", "--site", tmp_path / "restored", *keys).code == 0
    assert sallyport("backup", tmp_path / "apart", "--site", site).code == 0
    done = sallyport("restore", tmp_path / "apart", "--site", tmp_path / "other", *keys)
    assert (done.code, "without the secret" in done.err) == (1, True)
    (tmp_path / "wrong.key").write_bytes(bytes(32))
    done = sallyport(
        "restore", tmp_path / "apart", "--site", tmp_path / "other", "--key", tmp_path / "wrong.key", *keys
    )
    assert (done.code, "is not the secret" in done.err) == (1, True)
    assert not (tmp_path / "other").exists()
    manifest = (tmp_path / "apart" / backups.MANIFEST).read_bytes()
    assert (site / "site.key").read_bytes().hex().encode() not in manifest


@pytest.mark.parametrize("harm", ["byte", "missing", "more", "manifest", "cut", "format"])
def test_a_backup_that_is_not_as_it_was_written_restores_nothing(sallyport, site, tmp_path, harm):
    folder = tmp_path / "backup"
    assert sallyport("backup", folder, "--site", site, "--with-key").code == 0
    path = folder / "store" / "ledger.sqlite"
    if harm == "byte":
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    elif harm == "missing":
        (folder / "documents" / "partners.yaml").unlink()
    elif harm == "more":
        (folder / "documents" / "agreements" / "other.yaml").write_text("x")
    elif harm == "manifest":
        (folder / backups.MANIFEST).unlink()
    elif harm == "cut":
        (folder / backups.MANIFEST).write_bytes(b"{")
    else:
        (folder / backups.MANIFEST).write_bytes(b'{"format": 99}')
    done = sallyport("restore", folder, "--site", tmp_path / "restored", "--keys", site / "backup.keys")
    assert done.code == 1
    assert not (tmp_path / "restored").exists()


def test_nothing_is_written_over(sallyport, site, tmp_path):
    folder = tmp_path / "backup"
    assert sallyport("backup", folder, "--site", site, "--with-key").code == 0
    assert "holds a backup already" in sallyport("backup", folder, "--site", site).err
    assert "holds files already" in sallyport("restore", folder, "--site", site).err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x")
    assert "holds other files" in sallyport("backup", tmp_path / "mine", "--site", site).err
    assert (tmp_path / "mine" / "letter.txt").exists()


def test_a_site_without_a_store_has_nothing_to_copy(sallyport, folder, tmp_path):
    done = sallyport("backup", tmp_path / "backup", "--site", folder)
    assert (done.code, "has no store.sqlite" in done.err) == (1, True)


def test_copies_of_a_busy_site_fit_each_other(sallyport, site, tmp_path):
    """While somebody writes into all three files, every copy has what the others rest on."""
    data, stop = site / "data", threading.Event()

    def write():
        files = {name: apsw.Connection(str(data / f"{name}.sqlite")) for name in FILES}
        for db in files.values():
            db.set_busy_timeout(10_000)
        number = 0
        while not stop.is_set():
            number += 1
            files["inbox"].execute(
                "INSERT INTO receipt (id, feed, name, bytes, sha256, received, complete)"
                " VALUES (?, 'f', ?, 0, x'', 0, 1)",
                (f"busy-{number}", str(number)),
            )
            files["ledger"].execute("INSERT INTO entry_about (rid, seq) VALUES (?, 1)", (-number,))
            files["store"].execute("INSERT INTO setting (name, value) VALUES (?, x'')", (f"busy-{number}",))
        for db in files.values():
            db.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for place in range(4):
            assert sallyport("backup", tmp_path / f"b{place}", "--site", site, "--with-key").code == 0
            restored = tmp_path / f"r{place}"
            assert sallyport("restore", tmp_path / f"b{place}", "--site", restored, *kept(site)).code == 0
            told = {
                "store": "SELECT count(*) FROM setting WHERE name LIKE 'busy-%'",
                "inbox": "SELECT count(*) FROM receipt WHERE id LIKE 'busy-%'",
                "ledger": "SELECT count(*) FROM entry_about WHERE rid < 0",
            }
            counts = {name: backed_up.rows(restored, name, sql)[0][0] for name, sql in told.items()}
            assert counts["store"] <= counts["ledger"] <= counts["store"] + 2
            assert counts["store"] <= counts["inbox"] <= counts["store"] + 2
        assert counts["store"] > 0
    finally:
        stop.set()
        writer.join()
