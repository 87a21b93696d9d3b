"""`sallyport ledger`: it says which entry breaks, and ends with 1."""

from __future__ import annotations

import shutil

import apsw
import orjson
import pytest


@pytest.fixture
def site(county, tmp_path):
    """A copy of Ada's county, with three questions in its ledger."""
    shutil.copytree(county, tmp_path / "site")
    return tmp_path / "site"


def ask(sallyport, site):
    for words in ("one", "two", "three"):
        command = (
            "record",
            "hold",
            "--site",
            site,
            "jail-medical-hl7:J1",
            "--oral",
            "--by",
            "R. Desk",
            "--words",
            words,
        )
        assert sallyport(*command).code == 0


def tamper(site, sql):
    raw = apsw.Connection(str(site / "data" / "ledger.sqlite"))
    for trigger in ("entry_never_changes", "entry_never_leaves"):
        raw.execute(f"DROP TRIGGER {trigger}")
    raw.execute(sql)
    raw.close()


def test_a_whole_ledger_is_said_to_be_whole(sallyport, site):
    ask(sallyport, site)
    done = sallyport("ledger", "verify", "--site", site)
    assert done.code == 0
    assert "3 entries" in done.out
    count, head = sallyport("ledger", "head", "--site", site).out.split()
    assert count == "3"
    told = orjson.loads(sallyport("ledger", "verify", "--site", site, "--head", head, "--json").out)
    assert told == {"whole": True, "entries": 3, "head": head}


@pytest.mark.parametrize(
    ("sql", "entry"),
    [
        ("UPDATE entry SET target = 'Patient/other' WHERE seq = 2", 2),
        ("UPDATE entry SET at = at + 1 WHERE seq = 1", 1),
        ("UPDATE entry SET anchored = 0 WHERE seq = 3", 3),
        ("DELETE FROM entry WHERE seq = 2", 2),
    ],
)
def test_the_entry_that_breaks_is_named(sallyport, site, sql, entry):
    ask(sallyport, site)
    tamper(site, sql)
    done = sallyport("ledger", "verify", "--site", site, "--json")
    assert done.code == 1
    assert f"breaks at entry {entry} " in done.err
    assert orjson.loads(done.out)["breaks_at"] == entry


def test_a_cut_end_shows_with_a_head_that_was_kept(sallyport, site):
    ask(sallyport, site)
    _, head = sallyport("ledger", "head", "--site", site).out.split()
    tamper(site, "DELETE FROM entry WHERE seq = 3")
    assert sallyport("ledger", "verify", "--site", site).code == 0
    done = sallyport("ledger", "verify", "--site", site, "--head", head)
    assert done.code == 1
    assert "its end was cut off" in done.err
    assert sallyport("ledger", "verify", "--site", site, "--head", "no digest").code == 4


def test_a_site_that_was_never_asked_has_no_ledger(sallyport, folder):
    done = sallyport("ledger", "verify", "--site", folder)
    assert done.code == 1
    assert "nothing was ever asked here" in done.err
