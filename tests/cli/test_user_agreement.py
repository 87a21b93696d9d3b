"""`user-agreement sign`, `list`, `status` and `leave`."""

from __future__ import annotations

import json

import pytest

BOXES = ("understands-use", "keeps-confidential", "knows-part2", "reports")
WHO = ("--user", "c.reyes", "--name", "Cam Reyes", "--role", "officer", "--agency", "police", "--client", "car-7")


@pytest.fixture
def users(sallyport, folder):
    """Run a `user-agreement` command on the site."""
    return lambda name, *arguments: sallyport("user-agreement", name, "--site", folder, *arguments)


def certify(*boxes):
    return [word for box in boxes for word in ("--certify", box)]


def test_the_text_is_shown_before_anything_is_signed(users):
    shown = users("sign", *WHO)
    assert shown.code == 0
    assert "I will look up only people I am working with" in shown.out
    assert "nothing is signed yet" in shown.out
    assert json.loads(users("list", "--json").out) == []


def test_each_box_has_to_be_ticked(users):
    refused = users("sign", *WHO, *certify(*BOXES[:2]))
    assert (refused.code, refused.out) == (4, "")
    assert "not certified: knows-part2, reports" in refused.err
    assert users("status", "--user", "c.reyes").code == 3


def test_a_signature_is_listed_with_everything_it_says(users):
    assert "has signed `resource-connection-user` version 2026-1" in users("sign", *WHO, *certify(*BOXES)).out
    (row,) = json.loads(users("list", "--json").out)
    told = {name: row[name] for name in ("user", "name", "role", "agency", "client", "version", "counts", "days_left")}
    assert told == {
        "user": "c.reyes",
        "name": "Cam Reyes",
        "role": "officer",
        "agency": "police",
        "client": "car-7",
        "version": "2026-1",
        "counts": True,
        "days_left": 364,
    }
    assert len(row["text_hash"]) == 64
    status = users("status", "--user", "c.reyes")
    assert status.code == 0
    assert max(map(len, status.out.splitlines())) <= 80


def test_who_leaves_no_longer_counts_and_who_never_signed_cannot_leave(users):
    users("sign", *WHO, *certify(*BOXES))
    gone = users("leave", "--user", "c.reyes", "--agency", "police")
    assert (gone.code, gone.out) == (0, "c.reyes has left police; signing again brings them back\n")
    assert users("status", "--user", "c.reyes").code == 3
    (row,) = json.loads(users("status", "--user", "c.reyes", "--json").out)
    assert (row["name"], row["state"], row["counts"]) == ("Cam Reyes", "has left the agency", False)
    users("sign", *WHO, *certify(*BOXES))
    assert users("status", "--user", "c.reyes").code == 0
    refused = users("leave", "--user", "a.lund", "--agency", "police")
    assert refused.code == 4
    assert "nobody called `a.lund` has signed" in refused.err


def test_users_of_a_partner_that_signs_nothing_are_told_so(users):
    where = WHO.index("police")
    refused = users("sign", *WHO[:where], "jail", *WHO[where + 1 :], *certify(*BOXES))
    assert refused.code == 4
    assert "nothing to sign" in refused.err
