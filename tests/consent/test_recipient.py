"""The closure of a recipient: what it belongs to, what it is not in, and what nobody can tell."""

import pytest
from consent_builders import DENVER, X

from adapter.consent.names import AtHand, identifier_key
from adapter.consent.recipient import RecipientContext, close
from adapter.fhir.dates import interval

AT = interval("2026-11-22T12:00:00-07:00", DENVER)[0]
NUMBER = {"system": "urn:npi", "value": "123"}


def role(identity="r", **elements):
    return {
        "resourceType": "PractitionerRole",
        "id": identity,
        "practitioner": {"reference": "Practitioner/p"},
        "organization": {"reference": "Organization/d"},
        **elements,
    }


def organisation(identity, part_of=None, **elements):
    made = {"resourceType": "Organization", "id": identity, **elements}
    return {**made, "partOf": {"reference": part_of}} if part_of else made


def group(*members, identity="g", **elements):
    entries = [one if isinstance(one, dict) else {"entity": {"reference": one}} for one in members]
    return {"resourceType": "Group", "id": identity, "actual": True, "member": entries, **elements}


def team(*members, identity="t", **elements):
    entries = [one if isinstance(one, dict) else {"member": {"reference": one}} for one in members]
    return {
        "resourceType": "CareTeam",
        "id": identity,
        "status": "active",
        "participant": entries,
        **elements,
    }


TREE = [organisation("d", X), organisation("x"), {"resourceType": "Practitioner", "id": "p"}]


def told(key, actors, context):
    """True, False or None: whether the recipient is ``key``, by the reading of a consent."""
    recipient = close(actors, AtHand(context), at=AT, zone=DENVER)
    if key in recipient.actors:
        return True
    return False if recipient.rules_out(key) else None


def test_the_climb_goes_through_the_role_to_the_top():
    recipient = close(["PractitionerRole/r"], AtHand([role(), *TREE]), at=AT, zone=DENVER)
    assert recipient.actors == {"PractitionerRole/r", "Practitioner/p", "Organization/d", X}
    assert recipient.beyond == frozenset()


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, True),
        ({"active": True}, True),
        ({"active": False}, False),
        ({"active": "yes"}, None),
        ({"period": {"end": "2027"}}, True),
        ({"period": {"end": "2025"}}, False),
        ({"period": {"end": "then"}}, None),
        ({"period": {"end": 5}}, None),
        ({"period": "2025"}, None),
        ({"modifierExtension": [{"url": "urn:not"}]}, None),
        ({"organization": {"display": "the hospital"}}, None),
        ({"organization": "Organization/d"}, None),
        ({"organization": {"identifier": {"system": "urn:none", "value": "1"}}}, None),
    ],
)
def test_a_role_counts_while_it_lasts(elements, expected):
    assert told(X, ["PractitionerRole/r"], [role(**elements), *TREE]) is expected


def test_an_organisation_known_by_an_identifier_is_followed():
    known = [
        role(organization={"identifier": NUMBER}),
        organisation("d", X, identifier=[NUMBER]),
        organisation("x"),
    ]
    assert told(X, ["PractitionerRole/r"], known) is True
    assert told("=urn:npi|123", ["PractitionerRole/r"], known) is True


@pytest.mark.parametrize(
    ("key", "actor", "expected"),
    [
        ("Organization/z", "PractitionerRole/lost", None),
        ("Practitioner/z", "PractitionerRole/lost", None),
        ("PractitionerRole/z", "PractitionerRole/lost", False),
        ("Organization/z", "Organization/lost", None),
        ("Practitioner/z", "Organization/lost", False),
        ("Organization/z", "Practitioner/lost", False),
        ("=urn:npi|1", "Practitioner/lost", None),
        ("=urn:npi|1", "Practitioner/p", False),
        ("Group/lost", "Practitioner/p", None),
        ("Practitioner/z", "urn:uuid:0", None),
        ("urn:uuid:0", "Practitioner/p", False),
        ("https://elsewhere.example/Practitioner/p", "Practitioner/p", None),
        ("Practitioner/p", "Practitioner/p/_history/4", True),
    ],
)
def test_what_lies_behind_a_lost_link_is_unknown(key, actor, expected):
    if key.startswith("urn:"):
        assert not close([actor], AtHand(TREE)).rules_out(key)
    else:
        assert told(key, [actor], TREE) is expected


def test_two_resources_with_one_id_resolve_to_neither():
    assert told("Organization/z", [X], [organisation("x"), organisation("x", "Organization/z")]) is None
    assert told("Organization/z", [X], [organisation("x"), organisation("x")]) is False


@pytest.mark.parametrize(
    ("circle", "expected"),
    [
        (group("Practitioner/p"), True),
        (group("Practitioner/q"), False),
        (group(), None),
        (group("Practitioner/p", active=False), False),
        (group("Practitioner/q", active="no"), False),
        (group("Practitioner/p", active="no"), None),
        (group({"entity": {"reference": "Practitioner/p"}, "inactive": True}), False),
        (group({"entity": {"reference": "Practitioner/p"}, "inactive": "x"}), None),
        (group({"entity": {"reference": "Practitioner/p"}, "period": {"end": "2020"}}), False),
        (group({"entity": {"display": "p"}}), None),
        (group("Practitioner/q", actual=False), None),
        (group("Practitioner/q", characteristic=[{}]), None),
        (group("Practitioner/q", member="everyone"), None),
        (group("Practitioner/q", member=["q"]), None),
        (group("Group/lost"), None),
        (group({"entity": {"reference": "Practitioner/p"}, "modifierExtension": [{}]}), None),
        (group("Practitioner/p", modifierExtension=[{"url": "urn:not"}]), None),
        (group("Group/g"), False),
    ],
)
def test_a_group_is_its_members(circle, expected):
    assert told("Group/g", ["Practitioner/p"], [*TREE, circle]) is expected


@pytest.mark.parametrize(
    ("circle", "expected"),
    [
        (team("Practitioner/p"), True),
        (team("Organization/x"), False),
        (team("Practitioner/p", status="inactive"), False),
        (team("Practitioner/p", status="novel"), None),
        (team("Practitioner/p", status=None), True),
        (team("Practitioner/p", period={"end": "2020"}), False),
        (team("Practitioner/p", period="2020"), None),
        (team({"member": {"reference": "Practitioner/p"}, "period": {"start": "2030"}}), False),
        (team(), None),
    ],
)
def test_a_care_team_is_its_participants(circle, expected):
    assert told("CareTeam/t", ["Practitioner/p"], [*TREE, circle]) is expected


def test_circles_within_circles():
    inner, outer = (
        group("Practitioner/p", identity="in"),
        group("Group/in", identity="out", identifier=[NUMBER]),
    )
    assert told("Group/out", ["Practitioner/p"], [*TREE, outer, inner]) is True
    assert told("=urn:npi|123", ["Practitioner/p"], [*TREE, outer, inner]) is True
    assert told("Group/out", ["Practitioner/q"], [*TREE, outer, inner]) is False
    doubtful = group("Practitioner/q", identity="in", actual=False)
    assert told("Group/out", ["Practitioner/p"], [*TREE, outer, doubtful]) is None


def test_a_member_by_role_of_somebody_lost():
    assert told("Group/g", ["PractitionerRole/lost"], [group("Practitioner/p")]) is None


def test_two_ways_to_one_organisation_are_one():
    recipient = close(["PractitionerRole/r", X, X], AtHand([role(), *TREE]), at=AT, zone=DENVER)
    assert recipient.actors == {"PractitionerRole/r", "Practitioner/p", "Organization/d", X}


def test_without_a_moment_every_membership_counts():
    recipient = close(["PractitionerRole/r"], AtHand([role(period={"end": "2001"}), *TREE]))
    assert X in recipient.actors


def test_the_context_survives_its_canonical_form():
    made = close(
        ["PractitionerRole/r"],
        AtHand([role(), *TREE, group("Practitioner/q")]),
        purposes=[("s", "b"), ("s", "a")],
        organisation=X,
        at=AT,
        zone=DENVER,
    )
    again = RecipientContext.parse(made.canonical())
    assert again.canonical() == made.canonical()
    assert (again.actors, again.outside, again.organisation) == (made.actors, {"Group/g"}, X)
    assert not again.odd


@pytest.mark.parametrize(
    "identifier",
    [
        {"system": 5, "value": "x"},
        {"value": "x"},
        {"system": "", "value": "x"},
        {"system": "s"},
        {"system": "s", "value": 5},
    ],
)
def test_an_identifier_needs_a_system_and_a_value(identifier):
    assert identifier_key(identifier) is None
    assert identifier_key({"system": "s", "value": "x"}) == "=s|x"


def test_who_asks_for_no_organisation_belongs_to_none():
    assert close([X], AtHand()).organisation == ""
