"""`sallyport record seal` and its like: who, why, and two people for a destruction."""

from __future__ import annotations

import shutil

import backed_up
import orjson
import pytest

ADA = "jail-roster:J1"
ORDER = ("--authority", "order 2026-77")
BY, OTHER = ("--by", "R. Desk"), ("--by", "P. Officer")


@pytest.fixture
def site(county, tmp_path):
    shutil.copytree(county, tmp_path / "site")
    return tmp_path / "site"


def listed(sallyport, site):
    return orjson.loads(sallyport("record", "sealed", "--site", site, "--json").out)


def test_a_seal_is_listed_and_opened(sallyport, site):
    assert "nothing is sealed" in sallyport("record", "sealed", "--site", site).out
    done = sallyport("record", "seal", "--site", site, ADA, *ORDER, *BY, "--words", "by counsel")
    assert (done.code, "sealed 2 records" in done.out) == (0, True)
    (one,) = listed(sallyport, site)
    assert (one["state"], one["records"], one["authority"], one["author"]) == ("sealed", 2, ORDER[1], "staff R. Desk")
    assert one["what"].startswith("Patient/")
    done = sallyport("record", "unseal", "--site", site, one["id"], "--because", "vacated", *OTHER)
    assert (done.code, "opened: 2 records" in done.out) == (0, True)
    told = sallyport("record", "sealed", "--site", site).out
    assert "opened" in told
    assert "by staff P. Officer" in told


def test_a_destruction_takes_two_and_says_what_is_left(sallyport, site):
    done = sallyport("record", "expunge", "--site", site, ADA, *ORDER, *BY)
    assert (done.code, "somebody else confirms" in done.out) == (0, True)
    (one,) = listed(sallyport, site)
    assert one["state"] == "sealed, to be destroyed"
    same = sallyport("record", "destroy", "--site", site, one["id"], *BY)
    assert (same.code, "somebody else has to confirm" in same.err) == (4, True)
    done = sallyport("record", "destroy", "--site", site, one["id"], *OTHER)
    assert (done.code, done.out) == (0, "destroyed 2 records\n")
    assert listed(sallyport, site)[0]["state"] == "destroyed"
    again = sallyport("record", "destroy", "--site", site, one["id"], *OTHER)
    assert again.code == 0
    assert sallyport("ledger", "verify", "--site", site).code == 0


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("seal", "Observation/absent", *ORDER), "nothing is held"),
        (("seal", "releases:q1", *ORDER), "164.530(j)"),
        (("seal", "jail-roster:nobody", *ORDER), "no record of this person"),
        (("destroy", "nothing"), "no sealing has this id"),
        (("unseal", "nothing", "--because", "x"), "no sealing has this id"),
    ],
)
def test_mistakes_are_told(sallyport, site, command, told):
    done = sallyport("record", command[0], "--site", site, *command[1:], *BY)
    assert done.code == 4
    assert told in done.err


def destroy(sallyport, site):
    sallyport("record", "expunge", "--site", site, ADA, *ORDER, *BY)
    return sallyport("record", "destroy", "--site", site, listed(sallyport, site)[-1]["id"], *OTHER)


def test_a_backup_of_before_has_lost_what_was_destroyed(sallyport, site, tmp_path):
    assert sallyport("backup", tmp_path / "backup", "--site", site, "--with-key").code == 0
    copied = sallyport("backup-keys", "copy", tmp_path / "copy.keys", "--site", site)
    assert (copied.code, "generation 0" in copied.out) == (0, True)
    done = destroy(sallyport, site)
    assert "1 copy of the keys is out of date" in done.out
    assert "OUT OF DATE" in sallyport("backup-keys", "list", "--site", site).out
    assert sallyport("backup-keys", "copy", tmp_path / "copy.keys", "--site", site).code == 0
    told = orjson.loads(sallyport("backup-keys", "list", "--site", site, "--json").out)
    assert (told["generation"], [one["outdated"] for one in told["copies"]]) == (1, [False])
    assert (tmp_path / "copy.keys").read_bytes() == (site / "backup.keys").read_bytes()
    restored = tmp_path / "restored"
    command = ("restore", tmp_path / "backup", "--site", restored, "--keys", site / "backup.keys")
    done = sallyport(*command)
    assert (done.code, "destroyed since: 2 records and 1 raw" in done.out) == (0, True)
    (one,) = listed(sallyport, restored)
    assert (one["state"], one["author"], one["second"]) == ("destroyed", "staff R. Desk", "staff P. Officer")
    assert all(b'"MARSH","ADA"' not in data for data in backed_up.everything(restored / "data").values())
    assert sallyport("ledger", "verify", "--site", restored).code == 0


def test_with_older_keys_it_is_destroyed_again_by_a_list(sallyport, site, tmp_path):
    assert sallyport("backup", tmp_path / "backup", "--site", site, "--with-key").code == 0
    assert sallyport("backup-keys", "copy", tmp_path / "copy.keys", "--site", site).code == 0
    destroy(sallyport, site)
    kept = tmp_path / "sealed.json"
    kept.write_text(sallyport("record", "sealed", "--site", site, "--json").out)
    restored = tmp_path / "restored"
    command = (
        "restore",
        tmp_path / "backup",
        "--site",
        restored,
        "--destroyed",
        kept,
        "--keys",
        tmp_path / "copy.keys",
    )
    done = sallyport(*command)
    assert (done.code, "destroyed again: 2 records" in done.out) == (0, True)
    (one,) = listed(sallyport, restored)
    assert (one["state"], one["author"], one["second"]) == ("destroyed", "staff R. Desk", "staff P. Officer")
    assert all(b'"MARSH","ADA"' not in path.read_bytes() for path in (restored / "data").glob("inbox*"))
    # And the backup has lost it to the keys of the new site as well.
    again = sallyport("restore", tmp_path / "backup", "--site", tmp_path / "more", "--keys", restored / "backup.keys")
    assert "destroyed since: 2 records" in again.out


def test_before_the_first_backup_there_are_no_keys_to_copy(sallyport, site, tmp_path):
    done = sallyport("backup-keys", "copy", tmp_path / "copy.keys", "--site", site)
    assert (done.code, "no backup was taken" in done.err) == (1, True)
    assert "no backup was taken" in sallyport("backup-keys", "list", "--site", site).out
    assert sallyport("backup", tmp_path / "backup", "--site", site).code == 0
    assert "no copy of the keys is known" in sallyport("backup-keys", "list", "--site", site).out
    (tmp_path / "letter").write_text("mine")
    done = sallyport("backup-keys", "copy", tmp_path / "letter", "--site", site)
    assert (done.code, (tmp_path / "letter").read_text()) == (1, "mine")
