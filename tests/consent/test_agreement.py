"""Agreements as an upper bound, and the grounds that need none."""

import pytest
from consent_builders import DENVER, LOCAL, consent, deny, permit
from pydantic import ValidationError

from adapter.consent.agreement import Agreement, bound, data_class, rights
from adapter.consent.bases import CONSENT, OWN, UNBOUND
from adapter.consent.directive import read
from adapter.consent.evaluate import Effect
from adapter.consent.policy import timeline
from adapter.consent.recipient import RecipientContext
from adapter.consent.rules import rule
from adapter.consent.segment import Segment
from adapter.fhir.dates import MAX, MIN, interval

MOU = {
    "agreement": "mou-2026",
    "title": "Behavioral health information in pretrial release",
    "authority": "County code 4-12",
    "parties": ["jail", "pretrial"],
    "start": "2026-01-01",
    "end": "2026-12-31",
    "contact": "privacy@county.example",
    "grants": [
        {
            "recipient": "pretrial",
            "purposes": ["pretrial-release"],
            "classes": ["screening-summary"],
            "regimes": ["justice"],
            "rights": ["population-search"],
        }
    ],
    "signatories": [
        {"name": "Marta Quill", "role": "administrator", "organisation": "jail", "date": "2025-12-01"},
        {"name": "Rhea Pike", "role": "director", "organisation": "pretrial", "date": "2025-12-02"},
    ],
}
HOLDS = (interval("2026-01-01", DENVER)[0], interval("2027-01-01", DENVER)[0])
PRETRIAL = RecipientContext(
    actors=frozenset({"Organization/pretrial"}),
    purposes=((LOCAL, "pretrial-release"),),
    organisation="Organization/pretrial",
)
SUMMARY = Segment(type="Observation", tier="summary", regime="justice", unit="Organization/jail")


def changed(made, **elements):
    parts = {name: getattr(made, name) for name in made.__dataclass_fields__ if made.__dataclass_fields__[name].init}
    return type(made)(**{**parts, **elements})


def bounds_of(recipient=PRETRIAL, segment=SUMMARY, **elements):
    return bound([Agreement.model_validate({**MOU, **elements})], recipient, segment, zone=DENVER)


def test_an_agreement_holds_from_its_first_to_its_last_day():
    assert bounds_of() == [(*HOLDS, CONSENT, ("mou-2026",))]
    assert bounds_of(end=None) == [(HOLDS[0], MAX, CONSENT, ("mou-2026",))]


def test_who_signs_late_sends_from_the_first_hour_of_that_day_where_the_county_is():
    late = [MOU["signatories"][0] | {"date": "2026-02-03"}, MOU["signatories"][1]]
    assert bounds_of(signatories=late) == [(interval("2026-02-03", DENVER)[0], HOLDS[1], CONSENT, ("mou-2026",))]


def test_what_law_gives_over_an_agreement_holds_before_and_after_it():
    found = bound([Agreement.model_validate(MOU)], PRETRIAL, SUMMARY, zone=DENVER, floor=UNBOUND)
    assert [(start, stop, bases) for start, stop, bases, _ in found] == [
        (MIN, HOLDS[0], UNBOUND),
        (*HOLDS, UNBOUND | CONSENT),
        (HOLDS[1], MAX, UNBOUND),
    ]


def test_two_agreements_of_one_day_do_not_hide_each_other():
    short = Agreement.model_validate({**MOU, "agreement": "mou-short", "end": "2026-06-30"})
    found = bound([Agreement.model_validate(MOU), short], PRETRIAL, SUMMARY, zone=DENVER)
    assert [names for _, _, _, names in found] == [("mou-2026", "mou-short"), ("mou-2026",)]
    assert found[0].stop == found[1].start


@pytest.mark.parametrize(
    ("recipient", "segment"),
    [
        (changed(PRETRIAL, organisation="Organization/court"), SUMMARY),
        (changed(PRETRIAL, purposes=((LOCAL, "supervision"),)), SUMMARY),
        (changed(PRETRIAL, purposes=((LOCAL, "pretrial-release"), (LOCAL, "supervision"))), SUMMARY),
        (changed(PRETRIAL, purposes=()), SUMMARY),
        (PRETRIAL, changed(SUMMARY, tier="detail")),
        (PRETRIAL, changed(SUMMARY, tier="identity")),
        (PRETRIAL, changed(SUMMARY, regime="part2")),
        (PRETRIAL, changed(SUMMARY, regime="undeclared")),
    ],
)
def test_what_is_not_granted_is_never_allowed(recipient, segment):
    assert bounds_of(recipient, segment) == []


def test_no_agreement_is_no_interval():
    assert bound([], PRETRIAL, SUMMARY, zone=DENVER) == []


def test_own_records_and_the_directory_need_none():
    own = changed(SUMMARY, unit="Organization/pretrial")
    assert bound([], PRETRIAL, own, zone=DENVER) == [(MIN, MAX, OWN, ("own-record",))]
    directory = Segment(type="Organization", tier="directory", regime="justice")
    assert bound([], PRETRIAL, directory, zone=DENVER) == [(MIN, MAX, OWN, ("directory",))]


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ({}, "screening-summary"),
        ({"tier": "identity"}, "identity"),
        ({"tier": "detail"}, "screening-detail"),
        ({"tier": "detail", "type": "Encounter"}, "booking"),
        ({"tier": "detail", "domain": "court"}, "court"),
        ({"tier": "detail", "domain": "booking"}, "booking"),
        ({"tier": "detail", "type": "Consent"}, ""),
        ({"tier": "share", "type": "Consent"}, "consent-share"),
        ({"tier": "novel"}, ""),
    ],
)
def test_the_class_of_a_segment(segment, expected):
    assert data_class(changed(SUMMARY, **segment)) == expected


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"end": "2025-01-01"}, "on or after"),
        ({"parties": ["jail"]}, "pretrial"),
        ({"grants": []}, "at least 1"),
        ({"kind": "handshake"}, "mou"),
        ({"novel": 1}, "not permitted"),
    ],
)
def test_a_wrong_agreement_is_refused(elements, expected):
    with pytest.raises(ValidationError, match=expected):
        Agreement.model_validate({**MOU, **elements})


def test_rights_end_with_the_agreement():
    agreements = [Agreement.model_validate(MOU)]
    inside = {"at": HOLDS[0], "zone": DENVER}
    assert rights(agreements, "Organization/pretrial", **inside) == {"population-search"}
    assert rights(agreements, "Organization/jail", **inside) == frozenset()
    assert rights(agreements, "Organization/pretrial", at=HOLDS[1], zone=DENVER) == frozenset()


DENIED = timeline([read(consent(deny()))], DENVER)[0][2]
PERMITTED = timeline([read(consent(permit()))], DENVER)[0][2]


@pytest.mark.parametrize(
    ("policy", "segment", "effect", "ground"),
    [
        (DENIED, changed(SUMMARY, unit="Organization/pretrial"), Effect.PERMIT, "own-record"),
        (
            DENIED,
            changed(SUMMARY, unit="Organization/pretrial", regime="undeclared"),
            Effect.PERMIT,
            "own-record",
        ),
        (DENIED, changed(SUMMARY, tier="directory"), Effect.PERMIT, "directory"),
        (PERMITTED, changed(SUMMARY, regime="undeclared"), Effect.DENY, "undeclared"),
        (PERMITTED, SUMMARY, Effect.PERMIT, "provision"),
        (PERMITTED, changed(SUMMARY, unit=""), Effect.PERMIT, "provision"),
    ],
)
def test_the_grounds_beside_consent(policy, segment, effect, ground):
    verdict = rule(policy, PRETRIAL, segment)
    assert (verdict.effect, verdict.reasons[0].rule) == (effect, ground)


def test_a_recipient_without_an_organisation_owns_nothing():
    nobody = changed(PRETRIAL, organisation="")
    assert rule(DENIED, nobody, changed(SUMMARY, unit="")).effect is Effect.DENY
