"""`sallyport record seal` and its like: who, why, and two people for a destruction."""

from __future__ import annotations

import shutil

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


def test_what_was_destroyed_after_a_backup_is_destroyed_again_when_it_is_restored(sallyport, site, tmp_path):
    assert sallyport("backup", tmp_path / "backup", "--site", site, "--with-key").code == 0
    sallyport("record", "expunge", "--site", site, ADA, *ORDER, *BY)
    sallyport("record", "destroy", "--site", site, listed(sallyport, site)[0]["id"], *OTHER)
    kept = tmp_path / "sealed.json"
    kept.write_text(sallyport("record", "sealed", "--site", site, "--json").out)
    restored = tmp_path / "restored"
    command = ("restore", tmp_path / "backup", "--site", restored, "--destroyed", kept)
    done = sallyport(*command)
    assert (done.code, "destroyed again: 2 records" in done.out) == (0, True)
    (one,) = listed(sallyport, restored)
    assert (one["state"], one["author"], one["second"]) == ("destroyed", "staff R. Desk", "staff P. Officer")
    assert all(b'"MARSH","ADA"' not in path.read_bytes() for path in (restored / "data").glob("inbox*"))
