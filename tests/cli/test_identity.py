"""`sallyport identity`: the analyst sees what waits without names, decides with a name and a reason, and repairs."""

from __future__ import annotations

import shutil

import orjson
import pytest
import records

from adapter.settings import read_document

JAIL, CASE = f"jail-medical-hl7:{records.JAIL}", "court-cases:D1"
SIGNED = ("--because", "photo and signature", "--by", "R. Desk")


@pytest.fixture
def site(county, tmp_path, sallyport):
    """A copy of the county that knows Ada, with a court case of an Ada Marsh of the same birth date and no number."""
    folder = tmp_path / "site"
    shutil.copytree(county, folder)
    case = tmp_path / "cases.xml"
    case.write_bytes(records.court(records.court_case()))
    assert sallyport("ingest", "--site", folder, "court-cases", case).code == 0
    return folder


@pytest.fixture
def identity(sallyport, site):
    def run(command, *arguments):
        return sallyport("identity", command, "--site", site, *arguments)

    return run


def test_what_waits_is_listed_without_names(identity):
    ran = identity("review")
    assert ran.code == 0
    assert "likely one person; nothing passes between the two until it is confirmed" in ran.out
    assert "birth date exact" in ran.out
    assert "MARSH" not in ran.out.upper()
    assert ran.out.splitlines()[-1] == "0 held, 0 to review, 3 likely, 3 confirmed"
    told = orjson.loads(identity("review", "--json").out)
    assert told["counts"]["link"] == len(told["items"]) == 3
    assert {item["one"]["source"] for item in told["items"]} | {item["other"]["source"] for item in told["items"]} == {
        "court-cases",
        "jail-roster",
        "jail-medical-hl7",
        "releases",
    }


def test_two_records_are_shown_side_by_side_to_somebody_with_a_name(identity):
    ran = identity("review", JAIL, CASE, "--by", "R. Desk")
    assert "ada marsh" in ran.out
    assert "1980-04-02" in ran.out
    assert records.SSN.replace("-", "") not in ran.out
    nameless = identity("review", JAIL, CASE)
    assert (nameless.code, nameless.out) == (4, "")
    alone = identity("review", JAIL, "--by", "R. Desk")
    assert (alone.code, alone.out) == (4, "")


def test_a_decision_is_told_back_kept_and_listed(identity):
    assert identity("decide", JAIL, CASE, "--same", *SIGNED).out == "confirmed to be one person\n"
    told = identity("list", CASE).out
    assert "same: " in told
    assert "by staff R. Desk: photo and signature" in told
    assert identity("decide", JAIL, CASE, "--different", *SIGNED).out == "decided: two persons\n"
    listed = orjson.loads(identity("list", CASE, "--json").out)
    assert [one["verdict"] for one in listed["decisions"]] == ["same", "different"]
    undecided = identity("decide", JAIL, CASE, *SIGNED)
    assert undecided.code == 4
    assert "--same or --different" in undecided.err


def test_a_record_with_no_other_says_so(identity, sallyport, site, tmp_path):
    other = tmp_path / "other.csv"
    other.write_bytes(records.roster(records.roster_row("J9", last="ZEBULON", ssn="", booking="B9")))
    sallyport("ingest", "--site", site, "jail-roster", other)
    assert "no other record is known" in identity("list", "jail-roster:J9").out


def test_taking_apart_holds_both_and_counts_disclosures(identity, sallyport, site):
    identity("decide", JAIL, CASE, "--same", *SIGNED)
    ran = identity("unlink", JAIL, CASE, "--because", "a namesake", "--by", "R. Desk")
    assert "both records are on hold" in ran.out
    assert "0 of 0 disclosures since would not have been made without the link" in ran.out
    held = orjson.loads(sallyport("record", "list", "--site", site, CASE, "--json").out)
    assert [one["kind"] for one in held] == ["hold"]
    again = identity("unlink", JAIL, CASE, "--because", "again", "--by", "R. Desk", "--json")
    assert (again.code, again.out) == (4, "")


def test_a_record_that_is_not_in_doubt_cannot_be_accepted(identity):
    ran = identity("accept", JAIL, *SIGNED)
    assert ran.code == 4
    assert "not in doubt" in ran.err


def test_training_prints_weights_or_writes_them_into_the_site(identity, site):
    printed = identity("train")
    assert printed.code == 0
    assert "expectation maximisation" in " ".join(printed.out.split())
    assert not (site / "identity.yaml").exists()
    assert identity("train", "--write").out.startswith("identity.yaml: learned from")
    assert read_document(site / "identity.yaml")["comparisons"].keys() >= {"family", "ssn"}
    assert identity("review").code == 0


@pytest.mark.parametrize("command", ["review", "decide", "accept", "unlink", "list", "train"])
def test_every_command_has_an_example(sallyport, command):
    ran = sallyport("identity", command, "--help")
    assert ran.code == 0
    assert "sallyport identity" in ran.out
