"""Supersession, and the county that lets the latest consent win."""

from dataclasses import replace

import pytest
from consent_builders import answered, case, consent, deny, effect, permit

from adapter.consent.cases import case_of
from adapter.consent.decide import decide
from adapter.consent.evaluate import Effect
from adapter.consent.force import Combination, Revision, revisions

P, D = "PERMIT", "DENY"
FORM = {"identifier": [{"system": "https://example.org/forms", "value": "1"}]}
BARE = {"identifier": [{"value": "1"}]}


def provenance(new, *olds, **elements):
    entities = [{"role": "revision", "what": {"reference": f"Consent/{old}"}} for old in olds]
    return {
        "resourceType": "Provenance",
        "target": [{"reference": f"Consent/{new}"}],
        "entity": entities,
        **elements,
    }


def old(provision, **elements):
    return consent(provision, id="old", dateTime="2020-05-01", **elements)


def new(provision, **elements):
    return consent(provision, **{"id": "new", "dateTime": "2024-05-01", **elements})


@pytest.mark.parametrize(
    ("older", "newer", "expected"),
    [
        (old(deny(), **FORM), new(permit(), **FORM), P),
        (old(deny(), **FORM), new(permit(), **FORM, dateTime="2020"), D),
        (old(deny(), **FORM), new(permit(), **FORM, dateTime=None), D),
        (old(deny(), **FORM), new(permit(), identifier=[{**FORM["identifier"][0], "value": "2"}]), D),
        (old(permit(), **FORM), new(permit(), **FORM, status="inactive"), D),
        (old(permit(), **FORM), new(permit(period={"end": "2025"}), **FORM), D),
        (old(permit(), **FORM), new(deny(), **FORM, status="draft"), P),
        (old(permit(), **FORM), new(deny(), **FORM, patient={"reference": "Patient/b"}), P),
        (old(deny(), **BARE), new(permit(), **BARE), D),
        (old(permit(), **BARE), new(deny(period={"end": "2025"}), **BARE), D),
        (old(deny(), identifier=[{"system": 5, "value": "1"}]), new(permit(), **FORM), D),
        (old(deny(), identifier="1"), new(permit(), **FORM), D),
    ],
)
def test_a_later_signing_of_the_same_form(older, newer, expected):
    assert effect(older, newer) == expected
    assert effect(newer, older) == expected


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ([provenance("new", "old")], P),
        ([provenance("new", "old/_history/2")], P),
        ([provenance("old", "new")], D),
        ([provenance("new", "old"), provenance("old", "new")], D),
        ([provenance("old", "old")], D),
        ([provenance("new", "old", modifierExtension=[{"url": "urn:x"}])], D),
        ([provenance("new", "old", implicitRules="urn:x")], D),
        ([provenance("new", "old"), provenance("new", "old", modifierExtension=[{"url": "urn:x"}])], P),
        ([provenance("gone", "old")], D),
        ([provenance("new", "old", target=[{"reference": "Consent/other"}])], D),
        ([{"resourceType": "Provenance", "target": ["Consent/new"], "entity": [5, {"role": "source"}]}], D),
        ([{"resourceType": "Provenance", "target": 5, "entity": {"role": "revision"}}], D),
    ],
)
def test_a_revision_by_provenance(context, expected):
    assert effect(old(deny()), new(permit()), context=context) == expected


def test_a_reviser_that_is_not_at_hand_stops_a_permit():
    assert effect(old(permit()), context=[provenance("gone", "old")]) == D
    reasons = answered(case(old(permit()), context=[provenance("gone", "old")]))["reasons"]
    assert reasons[-2]["rule"] == "supersession"


def test_a_longer_circle_of_revisions_is_void():
    third = consent(permit(), id="third", dateTime="2025")
    circle = [provenance("new", "old"), provenance("third", "new"), provenance("old", "third")]
    assert effect(old(deny()), new(permit()), third, context=circle) == D


def test_a_draft_revises_nothing():
    assert effect(old(permit()), new(permit(), status="draft"), context=[provenance("new", "old")]) == P


def test_revisions_that_meet_again_are_no_circle():
    made = [consent(deny(), id=name) for name in "abcd"]
    context = [provenance("z", "a"), provenance("a", "b", "c"), provenance("b", "d"), provenance("c", "d")]
    assert effect(*made, consent(permit(), id="z"), context=context) == P


def test_revisions_are_read_once():
    stated = revisions([provenance("new", "old"), provenance("new", "old")])
    assert stated == (Revision("Consent/new", "Consent/old"),)


@pytest.mark.parametrize(
    ("consents", "expected"),
    [
        ([old(deny()), new(permit())], P),
        ([old(permit()), new(deny())], D),
        ([old(deny()), new(permit(purposes=["HMARKT"]))], D),
        ([old(deny()), new(permit(), dateTime="2020")], D),
        ([old(deny()), new(permit(), dateTime=None)], D),
        ([old(permit()), new(deny(), dateTime=None)], P),
        ([new(permit(), dateTime=None)], P),
        ([old(permit(permit())), new(permit())], D),
        ([old(permit()), new(permit()), consent(permit(permit()), id="c", dateTime=None)], D),
    ],
)
def test_where_the_latest_consent_wins(consents, expected):
    for order in (consents, consents[::-1]):
        asked = replace(case_of(case(*order)), combination=Combination.LATEST_WINS)
        assert decide(asked).effect is Effect[expected]


def test_that_the_latest_won_is_recorded():
    asked = replace(case_of(case(old(deny()), new(permit()))), combination=Combination.LATEST_WINS)
    assert "latest-wins" in {one.rule for one in decide(asked).reasons}
