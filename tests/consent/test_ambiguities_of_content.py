"""Each ambiguity of R4's Consent and how it is resolved, by the number of its row.

Rows 17 to 20: codes and dates.
"""

import pytest
from consent_builders import (
    ACT,
    answered,
    case,
    concept,
    consent,
    deny,
    observation,
    permit,
)

P, D = "PERMIT", "DENY"
SUD = {"resource": observation("SUD")}
PSY = {"resource": observation("PSY")}
STATEMENT = {
    "resourceType": "MedicationStatement",
    "id": "m",
    "meta": {"security": [{"system": ACT, "code": "PERSISTLABEL"}]},
    "subject": {"reference": "Patient/a"},
    "medicationReference": {"reference": "Medication/k"},
}
MEDICATION = {"resourceType": "Medication", "id": "k", "code": concept("http://loinc.org", "718-7")}
EVENING = {"start": "2026-11-22T20:00:00-07:00", "end": "2026-11-22"}
ROWS = [
    ("17 two denies", P, [consent(permit(deny(codes=["74013-4"]), deny(codes=["75624-7"])))], {}),
    ("17 a concept in words", D, [consent(permit(deny(code=[{"text": "blood"}])))], {}),
    (
        "17 a code without a system on the resource",
        D,
        [consent(permit(deny(codes=["74013-4"])))],
        {"resource": observation(component=[{"code": {"coding": [{"code": "74013-4"}]}}])},
    ),
    (
        "17 the resource does not say what it is",
        D,
        [consent(permit(deny(codes=["74013-4"])))],
        {"resource": observation(code={"text": "alcohol"})},
    ),
    ("17 another code", P, [consent(permit(deny(codes=["74013-4"])))], {}),
    (
        "18 issued when there is no effective date",
        P,
        [consent(permit(dataPeriod={"start": "2022", "end": "2022"}))],
        {"resource": observation(effectiveDateTime=None, issued="2022-07-07T10:00:00Z")},
    ),
    (
        "18 a timing",
        D,
        [consent(permit(deny(dataPeriod={"start": "1990", "end": "1991"})))],
        {
            "resource": observation(
                effectiveDateTime=None, effectiveTiming={"event": ["2022"]}, issued="2022-07-07T10:00:00Z"
            )
        },
    ),
    (
        "18 a change inside a denied period",
        D,
        [consent(permit(deny(dataPeriod={"start": "2024", "end": "2024"})))],
        {
            "resource": observation(
                meta={
                    "security": [{"system": ACT, "code": "PERSISTLABEL"}],
                    "lastUpdated": "2024-04-04T00:00:00Z",
                }
            )
        },
    ),
    (
        "18 a change inside a permitted period",
        D,
        [consent(permit(dataPeriod={"start": "2024", "end": "2024"}))],
        {
            "resource": observation(
                meta={
                    "security": [{"system": ACT, "code": "PERSISTLABEL"}],
                    "lastUpdated": "2024-04-04T00:00:00Z",
                }
            )
        },
    ),
    (
        "18 an unreadable change",
        D,
        [consent(permit(deny(dataPeriod={"start": "2024", "end": "2024"})))],
        {"resource": observation(meta={"lastUpdated": "lately"})},
    ),
    (
        "18 partly inside",
        D,
        [consent(permit(dataPeriod={"start": "2022-06-16"}))],
        {"resource": observation(effectiveDateTime="2022-06")},
    ),
    ("18 an open end", P, [consent(permit(dataPeriod={"start": "2022"}))], {}),
    (
        "18 an unreadable date",
        D,
        [consent(permit(deny(dataPeriod={"start": "2024", "end": "2024"})))],
        {"resource": observation(effectiveDateTime="2022-02-30")},
    ),
    (
        "18 an empty period",
        D,
        [consent(permit(dataPeriod={"start": "2000"}))],
        {"resource": observation(effectiveDateTime=None, effectivePeriod={})},
    ),
    (
        "18 a period of no dates",
        D,
        [consent(permit(dataPeriod={"start": "2000"}))],
        {"resource": observation(effectiveDateTime=None, effectivePeriod={"start": 5})},
    ),
    (
        "18 a date that is a list",
        D,
        [consent(permit(dataPeriod={"start": "2000"}))],
        {"resource": observation(effectiveDateTime=["2022"])},
    ),
    (
        "18 a type without a date",
        D,
        [consent(permit(deny(dataPeriod={"start": "2024"})))],
        {"resource": {"resourceType": "Patient", "id": "a"}},
    ),
    ("20 a nested period is the life of the rule", P, [consent(permit(deny(period={"end": "2020"})))], {}),
    (
        "17 a type that has no code",
        P,
        [consent(permit(deny(codes=["718-7"])))],
        {"resource": {"resourceType": "Patient", "id": "a"}},
    ),
    (
        "17 a medication by reference",
        D,
        [consent(permit(deny(codes=["718-7"])))],
        {"resource": STATEMENT, "context": [MEDICATION]},
    ),
    (
        "17 another medication by reference",
        P,
        [consent(permit(deny(codes=["74013-4"])))],
        {"resource": STATEMENT, "context": [MEDICATION]},
    ),
    ("17 a medication not at hand", D, [consent(permit(deny(codes=["74013-4"])))], {"resource": STATEMENT}),
    (
        "17 a medication nobody can name",
        D,
        [consent(permit(deny(codes=["74013-4"])))],
        {"resource": {**STATEMENT, "medicationReference": {"display": "pills"}}},
    ),
    (
        "18 a date without a time",
        D,
        [consent(permit(), dateTime=["2026"]), consent(deny(), id="d", dateTime="soon")],
        {},
    ),
    ("20 a period that may end before it starts", D, [consent(permit(period=EVENING))], {"timezone": "UTC"}),
    (
        "20 the same in another zone",
        P,
        [consent(permit(period=EVENING))],
        {"at": "2026-11-22T21:00:00-07:00"},
    ),
    (
        "20 a deny that may end before it starts",
        D,
        [consent(permit(deny(period=EVENING)))],
        {"timezone": "UTC"},
    ),
    (
        "18 a data period that may end before it starts",
        D,
        [consent(permit(deny(dataPeriod=EVENING)))],
        {"timezone": "UTC"},
    ),
]


@pytest.mark.parametrize(("expected", "consents", "keywords"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_row(expected, consents, keywords):
    keywords = dict(keywords)
    zone = keywords.pop("timezone", "America/Denver")
    line = case(*consents, **keywords)
    line["request"]["timezone"] = zone
    assert answered(line)["effect"] == expected
