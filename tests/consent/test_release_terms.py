"""How long a form holds: the shortest of all ends, and a revocation from the moment it may have effect."""

import pytest
from signed_forms import CASE, CONDITION, CONDITIONED, SIGNED, authored, instant, permits

from adapter.consent.expiry import Known
from adapter.errors import RecordError

GUARDIAN = {"capacity": "guardian", "name": "Bo Lund", "authority": "letters 26-1"}
CHILD = SIGNED["person"] | {"dob": "2008-10-01"}
COURT = ("treatment-court", "diversion", "SUD")
PRETRIAL = ("pretrial", "pretrial-release", "SUD")
REVOKED = [{"at": "2026-05-01T09:00:00-06:00", "partners": "all"}]
FROM_COURT = [{"at": "2026-05-01T09:00:00-06:00", "partners": ["treatment-court"]}]
BY_EVENT = CONDITIONED["condition"] | {"revocable_from": None, "revocable_on": "release"}


def last(document=None, **elements):
    made = authored(**elements) if document is None else authored(document, **elements)
    return made["provision"]["period"].get("end")


@pytest.mark.parametrize(
    ("end", "changed_form", "elements"),
    [
        ("2027-03-02", {}, {}),
        ("2026-08-29", {"longest_days": 180}, {}),
        ("2027-03-02", {"longest_days": 3650}, {}),
        ("2026-09-30", {}, {"signer": GUARDIAN | {"authority_until": "2026-09-30"}}),
        ("2026-09-30", {"minors": ["parent"]}, {"person": CHILD, "signer": {"capacity": "parent"}}),
        ("2027-03", {}, {"expires": "2027-03"}),
    ],
)
def test_the_shortest_end_counts(end, changed_form, elements):
    assert last(changed_form=changed_form, **elements) == end


def condition(at, *record, **elements):
    events = elements.pop("events", ())
    made = authored(CONDITION, **elements)
    return made, permits([made], *record, regime="part2", at=instant(at), events=events)


def test_a_revocation_before_its_day_is_kept_and_has_effect_on_that_day():
    made, before = condition("2026-08-31T23:59:59-06:00", *COURT, revocations=REVOKED)
    assert (made["status"], made["provision"]["period"]["end"], before) == ("active", "2026-08-31", True)
    assert not condition("2026-09-01", *COURT, revocations=REVOKED)[1]


def test_a_revocation_of_one_who_imposed_it_has_effect_on_that_day_for_that_one():
    assert condition("2026-08-31T23:59:59-06:00", *COURT, revocations=FROM_COURT)[1]
    assert not condition("2026-09-01", *COURT, revocations=FROM_COURT)[1]
    assert condition("2026-09-01", *PRETRIAL, revocations=FROM_COURT)[1]


def test_from_its_day_on_a_revocation_has_effect_at_once():
    free = CONDITIONED["condition"] | {"revocable_from": "2026-04-01"}
    made, shown = condition("2026-06-01", *COURT, revocations=REVOKED, condition=free)
    assert (made["status"], shown) == ("inactive", False)
    made, shown = condition("2026-06-01", *COURT, revocations=FROM_COURT, condition=free)
    assert (made["status"], shown) == ("active", False)


RELEASED = Known(event="release", start=instant("2026-07-01T08:00:00-06:00"), stop=instant("2026-07-01T08:00:01-06:00"))


@pytest.mark.parametrize(
    ("revocations", "court", "pretrial"), [(REVOKED, False, False), (FROM_COURT, False, True), ([], True, True)]
)
def test_a_revocation_waits_for_the_event_that_makes_it_possible(revocations, court, pretrial):
    elements = {"revocations": revocations, "condition": BY_EVENT}
    assert condition("2026-07-02", *COURT, **elements)[1]
    assert condition("2026-07-02", *COURT, events=[RELEASED], **elements)[1] is court
    assert condition("2026-07-02", *PRETRIAL, events=[RELEASED], **elements)[1] is pretrial
    assert condition("2026-06-30", *COURT, events=[RELEASED], **elements)[1]


def test_revocable_on_disposition_is_that_of_the_case():
    on_end = CONDITIONED["condition"] | {"revocable_from": None, "revocable_on": "disposition"}
    made = authored(CONDITION, revocations=REVOKED, condition=on_end)
    (event,) = [one for one in made["extension"] if one["url"].endswith("expiry-event")]
    assert event["extension"] == [
        {"url": "event", "valueCode": "disposition"},
        {"url": "identifier", "valueIdentifier": CASE},
    ]


def test_a_refusal_of_a_criminal_justice_consent_has_no_condition():
    made = authored(CONDITION, refused=True, choices=[], part2=None, condition=None, revocations=REVOKED)
    assert made["status"] == "inactive"
    without = CONDITIONED["condition"] | {"revocable_from": None}
    made = authored(CONDITION, refused=True, choices=[], part2=None, case=None, condition=without, revocations=REVOKED)
    assert made["status"] == "inactive"


def test_the_day_of_revocation_has_to_be_a_day():
    with pytest.raises(RecordError, match="revocable_from"):
        condition("2026-06-01", *COURT, revocations=REVOKED, condition=BY_EVENT | {"revocable_from": "autumn"})
