"""`token issue`, `list` and `revoke`: within agreements in force, for users who have signed, and gone when revoked."""

from __future__ import annotations

import json

import pytest
import yaml

BOXES = ("understands-use", "keeps-confidential", "knows-part2", "reports")


@pytest.fixture
def token(sallyport, folder):
    """Run a `token` command on the site."""
    return lambda name, *arguments: sallyport("token", name, "--site", folder, *arguments)


@pytest.fixture
def signed(sallyport, folder):
    """Have a user sign."""

    def sign(user="c.reyes", agency="police"):
        certify = [word for box in BOXES for word in ("--certify", box)]
        who = ("--user", user, "--name", "Cam Reyes", "--role", "officer", "--agency", agency, "--client", "car-7")
        assert sallyport("user-agreement", "sign", "--site", folder, *who, *certify).code == 0

    return sign


def listed(token, *arguments):
    return json.loads(token("list", "--json", *arguments).out)


def test_a_token_is_printed_alone_and_within_the_agreement(token):
    ran = token("issue", "--recipient", "defender", "--purpose", "diversion", "--purpose", "pretrial-release")
    assert (ran.code, len(ran.out.split()), ran.err) == (0, 1, "")
    (row,) = listed(token)
    assert row["purposes"] == ["diversion", "pretrial-release"]
    assert (row["organisation"], row["client"], row["user"], row["state"]) == ("defender", "command-line", "", "works")
    assert ran.out.strip() not in token("list", "--json").out


@pytest.mark.parametrize(
    ("recipient", "purpose", "expected"),
    [
        ("defender", "TREAT", "diversion, pretrial-release"),
        ("probation", "diversion", "supervision"),
        ("nobody", "TREAT", "no partner `nobody`"),
        ("jail", "supervision", "a grant for this recipient"),
    ],
)
def test_a_purpose_that_no_agreement_in_force_grants_is_refused(token, recipient, purpose, expected):
    refused = token("issue", "--recipient", recipient, "--purpose", purpose)
    assert (refused.code, refused.out) == (4, "")
    assert expected in refused.err
    assert listed(token, "--all") == []


def test_nothing_is_issued_under_an_agreement_that_has_lapsed(token, folder):
    path = folder / "agreements" / "memorandum.yaml"
    body = yaml.safe_load(path.read_text()) | {"end": "2026-01-02", "amendments": []}
    path.write_text(yaml.safe_dump(body))
    refused = token("issue", "--recipient", "defender", "--purpose", "diversion")
    assert (refused.code, refused.out) == (4, "")
    assert "no agreement in force grants `defender` the purpose diversion" in refused.err


@pytest.mark.parametrize(
    ("recipient", "right", "code"),
    [
        ("cottonwood", "population-search", 0),
        ("pretrial", "population-search", 4),
        ("jail", "feed:jail-roster", 0),
        ("vendor", "feed:jail-roster", 0),
        ("vendor", "feed:court-cases", 4),
        ("registry", "feed:jail-roster", 4),
        ("jail", "feed:fax", 4),
    ],
)
def test_a_right_is_given_to_whom_an_agreement_a_feed_or_a_contract_gives_it(token, recipient, right, code):
    purposes = {"cottonwood": ["--purpose", "TREAT"], "pretrial": ["--purpose", "pretrial-release"]}
    ran = token("issue", "--recipient", recipient, "--right", right, *purposes.get(recipient, []))
    assert ran.code == code
    assert [row["rights"] for row in listed(token)] == ([] if code else [[right]])
    if code:
        assert f"gives `{recipient}` the right {right}" in ran.err


def test_without_a_right_that_is_asked_for_a_token_has_none(token):
    token("issue", "--recipient", "cottonwood", "--purpose", "TREAT")
    assert listed(token)[0]["rights"] == []


def test_a_token_needs_a_purpose_or_a_feed(token):
    for rights in ((), ("--right", "population-search")):
        refused = token("issue", "--recipient", "cottonwood", *rights)
        assert refused.code == 4
        assert "a token needs a purpose of use" in refused.err


def test_who_has_not_signed_gets_no_token_and_who_has_does(token, signed, sallyport, folder):
    wanted = ("--recipient", "police", "--purpose", "diversion")
    for user, told in (((), "no user is named"), (("--user", "c.reyes"), "has not signed the user agreement")):
        refused = token("issue", *wanted, *user)
        assert (refused.code, refused.out) == (4, "")
        assert told in refused.err
    signed()
    assert token("issue", *wanted, "--user", "c.reyes").code == 0
    assert token("issue", *wanted, "--user", "a.lund").code == 4
    assert sallyport("user-agreement", "leave", "--site", folder, "--user", "c.reyes", "--agency", "police").code == 0
    assert "has left the agency" in token("issue", *wanted, "--user", "c.reyes").err
    (row,) = listed(token)
    assert (row["user"], row["state"]) == ("c.reyes", "has left the agency")


def test_a_clinician_of_the_team_signs_for_their_own_unit(token, signed):
    signed("a.lund", "police-triage")
    wanted = ("--user", "a.lund", "--purpose")
    assert token("issue", "--recipient", "police-triage", *wanted, "TREAT").code == 0
    assert token("issue", "--recipient", "police", *wanted, "diversion").code == 4
    assert token("issue", "--recipient", "police-triage", *wanted, "diversion").code == 4


def test_revoked_tokens_are_gone_from_the_list_and_stay_in_the_whole_one(token):
    for recipient, purpose, client in (
        ("defender", "diversion", "one"),
        ("defender", "diversion", "two"),
        ("pretrial", "pretrial-release", "two"),
    ):
        token("issue", "--recipient", recipient, "--purpose", purpose, "--client", client)
    name = listed(token)[0]["token"]
    assert token("revoke", name).out == "1 revoked\n"
    assert token("revoke", "--client", "two", "--recipient", "defender").out == "1 revoked\n"
    assert [row["organisation"] for row in listed(token)] == ["pretrial"]
    assert [row["state"] for row in listed(token, "--all")] == ["revoked", "revoked", "works"]
    assert token("revoke", name).out == "0 revoked\n"


def test_revoking_nothing_or_what_is_not_there_is_told(token):
    assert token("revoke").code == 2
    missing = token("revoke", "0000")
    assert (missing.code, missing.out) == (4, "")
    assert "no such token" in missing.err


def test_people_see_a_table(token):
    token("issue", "--recipient", "jail", "--right", "feed:jail-roster", "--minutes", "30")
    ran = token("list")
    assert ran.code == 0
    assert max(map(len, ran.out.splitlines())) <= 80
    assert listed(token)[0]["token"] in ran.out
    assert "…" not in ran.out
