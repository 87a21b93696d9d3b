"""What someone has to look at among the Consents of one person."""

import pytest
from consent_builders import DENVER, SCOPE, X, concept, consent, deny, permit

from adapter.consent.directive import applicable, read
from adapter.consent.force import Combination, Revision
from adapter.consent.names import AtHand
from adapter.consent.work import CAPPED, CONFLICT, DOUBTFUL, WorkItem, work_items
from adapter.fhir.dates import interval

AT = interval("2026-11-22", DENVER)[0]
OLD = {"id": "old", "dateTime": "2020"}
NEW = {"id": "new", "dateTime": "2024"}


def listed(*consents, **keywords):
    directives = [applicable(read(one), frozenset({"Patient/a"}), AtHand()) for one in consents]
    return work_items([one for one in directives if one], DENVER, at=AT, **keywords)


def kinds(*consents, **keywords):
    return [(one.kind, one.consents) for one in listed(*consents, **keywords)]


def test_consents_that_agree_need_nobody():
    assert listed(consent(permit()), consent(permit(), id="d")) == ()


@pytest.mark.parametrize(
    ("elements", "because"),
    [
        ({"decision": "permit"}, "decision: expected a Consent of R4, this is the shape of R5"),
        ({"provision": [{"type": "permit"}]}, "provision: expected a Consent of R4, this is the shape of R5"),
        ({"modifierExtension": []}, "modifierExtension: expected none, it may change the meaning of everything else"),
        ({"provision": {"type": "allow"}}, "provision[0].type: expected permit or deny"),
        ({"patient": {"display": "A"}}, "patient: expected a reference that identifies one patient"),
    ],
)
def test_a_capped_consent_is_listed_with_what_is_wrong(elements, because):
    assert listed({**consent(permit()), **elements}) == (
        WorkItem(kind=CAPPED, consents=("Consent/c",), because=because),
    )


@pytest.mark.parametrize("elements", [{"status": "inactive"}, {"scope": concept(SCOPE, "research")}])
def test_a_capped_consent_that_is_not_in_force_is_nobodys_work(elements):
    assert listed({**consent(permit(permit())), **elements}) == ()


def test_what_may_not_be_in_force_is_listed():
    assert kinds(consent(permit(), scope={"text": "privacy"})) == [(DOUBTFUL, ("Consent/c",))]
    gone = Revision("Consent/gone", "Consent/c")
    (item,) = listed(consent(permit()), stated=[gone])
    assert item == WorkItem(kind=DOUBTFUL, consents=("Consent/c",), because="another consent may have replaced it")


def test_case_49_an_old_denial_and_a_new_permit():
    (item,) = listed(consent(deny(), **OLD), consent(permit(), **NEW))
    assert (item.kind, item.consents) == (CONFLICT, ("Consent/new", "Consent/old"))
    assert item.because == "one permits and one denies anyone for TREAT; until one replaces the other, denial holds"


def test_case_50_is_no_work_once_one_replaces_the_other():
    assert (
        listed(consent(deny(), **OLD), consent(permit(), **NEW), stated=[Revision("Consent/new", "Consent/old")]) == ()
    )
    assert listed(consent(deny(), **OLD), consent(permit(), **NEW), combination=Combination.LATEST_WINS) == ()


@pytest.mark.parametrize(
    ("denied", "found"),
    [
        (deny(actors=[X]), True),
        (deny(actors=["Organization/y"]), False),
        (deny(labels=["SUD"]), True),
        (deny(labels=["SEX"]), False),
        (deny(labels=["42CFRPart2"]), False),
        (deny(labels=["R"]), True),
        (deny(purposes=["TREAT"]), True),
        (deny(purposes=["HMARKT"]), False),
        (deny(classes=["Observation"]), True),
        (deny(classes=["Condition"]), False),
        (deny(codes=["718-7"]), True),
        (deny(period={"end": "2020"}), False),
        (deny(permit(actors=[X])), False),
        (deny(permit(actors=["Organization/y"])), True),
        (permit(deny(actors=[X])), True),
    ],
)
def test_a_conflict_is_what_one_permits_and_another_denies(denied, found):
    permitted = deny(
        permit(actors=[X], purposes=["TREAT"], labels=["MH", "SUD"], classes=["Observation"]),
        actors=[X],
        labels=["SUD", "MH"],
    )
    conflicts = [one for one in kinds(consent(permitted, **OLD), consent(denied, **NEW)) if one[1][0] == "Consent/old"]
    assert bool(conflicts) is found


@pytest.mark.parametrize(
    "denied", [deny(labels=["V"]), deny(labels=["42CFRPart2"]), deny(labels=["SUD"]), deny(codes=["1"])]
)
def test_a_general_permit_conflicts_with_every_denial(denied):
    assert (CONFLICT, ("Consent/old", "Consent/new")) in kinds(consent(permit(), **OLD), consent(denied, **NEW))


def test_profiles_are_classes_too():
    summary = {"class": [{"system": "urn:ietf:rfc:3986", "code": "https://x.example/StructureDefinition/summary"}]}
    assert kinds(consent(permit(**summary), **OLD), consent(deny(**summary), **NEW)) == [
        (CONFLICT, ("Consent/old", "Consent/new"))
    ]


def test_a_capped_consent_is_not_a_conflict_as_well():
    assert kinds(consent(permit(permit()), **OLD), consent(permit(), **NEW)) == [(CAPPED, ("Consent/old",))]


def test_the_last_day_of_a_consent_is_a_local_day():
    """Half past eleven at night in Denver is the next day in Greenwich."""
    last = {"period": {"end": "2026-11-22"}}
    directives = [read(consent(permit(**last), **OLD)), read(consent(deny(), **NEW))]
    late = interval("2026-11-22T23:30:00-07:00", DENVER)[0]
    assert [one.kind for one in work_items(directives, DENVER, at=late)] == [CONFLICT]
    assert work_items(directives, DENVER, at=late + 3_600_000_000) == ()


def test_dates_of_signature_are_local_days_too():
    form = {"identifier": [{"system": "https://example.org/forms", "value": "1"}]}
    old = consent(deny(), **{**OLD, **form, "dateTime": "2024-01-01T03:00:00Z"})
    new = consent(permit(), **{**NEW, **form, "dateTime": "2024-01-01"})
    assert kinds(old, new) == []
    assert kinds(old, {**new, "dateTime": "2023-12-31"}) == [(CONFLICT, ("Consent/new", "Consent/old"))]
