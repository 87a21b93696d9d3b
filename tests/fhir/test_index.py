"""Index rows: what each resource is found by, and when a filter is satisfied."""

from __future__ import annotations

import pytest

from adapter.fhir.dates import MAX, MIN, interval
from adapter.fhir.index import IndexRow, index_rows, satisfies
from adapter.fhir.search import Alternative, Filter


def values(rows, param):
    return [row.value for row in rows if row.param == param]


def test_a_patient(patient, zone):
    rows = index_rows(patient, zone)
    assert values(rows, "identifier") == ["https://jail.example/person|J00123"]
    assert values(rows, "name") == ["nunez", "ada", "m"]
    assert [row.exact for row in rows if row.param == "family"] == ["Nuñez"]
    assert values(rows, "given") == ["ada", "m"]
    gender = "http://hl7.org/fhir/administrative-gender"
    assert values(rows, "gender") == [f"{gender}|female"]
    low, high = interval("1990-02-28", zone)
    assert IndexRow(param="birthdate", value="1990-02-28", low=low, high=high) in rows
    assert values(rows, "_id") == []


def test_an_observation(observation, zone):
    rows = index_rows(observation, zone)
    assert values(rows, "patient") == values(rows, "subject") == ["Patient/p1"]
    assert values(rows, "code") == ["http://loinc.org|44261-6"]
    assert values(rows, "date") == ["2026-03-02T08:00:00-07:00"]


def test_rows_of_some_parameters_are_those_among_all(patient, observation, zone):
    for resource in (patient, observation):
        rows = index_rows(resource, zone)
        assert rows
        for name in {row.param.partition(":")[0] for row in rows} | {"_id", "no-parameter"}:
            assert index_rows(resource, zone, {name}) == [row for row in rows if row.param.partition(":")[0] == name]


def test_a_list_says_the_same_with_one_entry_as_with_several(zone):
    one, other = {"family": "Ash", "given": ["Ann", None, "Bea"]}, {"family": "Oak"}
    alone, empty = ({"resourceType": "Patient", "name": [entry]} for entry in (one, {"use": "old"}))
    both = {"resourceType": "Patient", "name": [one, other]}
    assert values(index_rows(alone, zone), "name") == ["ash", "ann", "bea"]
    assert values(index_rows(both, zone), "name") == ["ash", "oak", "ann", "bea"]
    assert values(index_rows(both, zone), "family") == ["ash", "oak"]
    assert index_rows(empty, zone) == []


def test_no_row_appears_twice(zone):
    coding = {"system": "s", "code": "a"}
    concept = {
        "coding": [
            coding,
            coding,
            {"system": "t", "code": "a"},
            {"code": "a"},
            {"system": "s"},
            {"display": "x"},
        ]
    }
    condition = {"resourceType": "Condition", "code": concept, "category": [{"text": "x"}]}
    rows = index_rows(condition, zone)
    assert values(rows, "code") == ["s|a", "t|a", "|a"]
    assert len(set(rows)) == len(rows)
    assert values(rows, "category") == []


@pytest.mark.parametrize(
    ("element", "value", "low", "high"),
    [
        ("effectivePeriod", {"start": "2026-03-01", "end": "2026-03-02"}, "2026-03-01", "2026-03-02"),
        ("effectivePeriod", {"start": "2026-03-01"}, "2026-03-01", None),
        ("effectivePeriod", {"end": "2026-03"}, None, "2026-03"),
        ("effectiveTiming", {"event": ["2026-03-05", "2026-03-01", None]}, "2026-03-01", "2026-03-05"),
        ("effectiveTiming", {"repeat": {"boundsPeriod": {"start": "2026", "end": "2026"}}}, "2026", "2026"),
        ("effectiveInstant", "2026-03-02T08:00:00Z", "2026-03-02T08:00:00Z", "2026-03-02T08:00:00Z"),
    ],
)
def test_forms_of_time(zone, element, value, low, high):
    (row,) = index_rows({"resourceType": "Observation", element: value}, zone)
    assert row.low == (interval(low, zone)[0] if low else MIN)
    assert row.high == (interval(high, zone)[1] if high else MAX)


@pytest.mark.parametrize("timing", [{"code": {"text": "x"}}, {"repeat": {"count": 1}}, {"event": [None]}])
def test_a_time_without_a_place_in_time_is_not_indexed(zone, timing):
    assert index_rows({"resourceType": "Observation", "effectiveTiming": timing}, zone) == []
    period = {"extension": [{"url": "u", "valueCode": "unknown"}]}
    assert index_rows({"resourceType": "Encounter", "period": period}, zone) == []


def test_references_by_type_and_address(zone):
    def target(reference):
        return values(index_rows({"resourceType": "Provenance", "target": [reference]}, zone), "target")

    assert target({"reference": "Observation/o1/_history/2"}) == ["Observation/o1"]
    assert target({"reference": "https://other.example/fhir/Patient/p1"}) == ["https://other.example/fhir/Patient/p1"]
    assert target({"reference": "#inner"}) == target({"display": "x"}) == []
    group = {"resourceType": "Condition", "subject": {"reference": "Group/g1"}}
    assert index_rows(group, zone) == []


def test_canonical_references_with_and_without_version(zone):
    answers = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": "http://example.org/Questionnaire/q|1.0",
    }
    assert values(index_rows(answers, zone), "questionnaire") == [
        "http://example.org/Questionnaire/q|1.0",
        "http://example.org/Questionnaire/q",
    ]


def test_a_canonical_reference_without_version(zone):
    answers = {"resourceType": "QuestionnaireResponse", "questionnaire": "http://example.org/Questionnaire/q"}
    assert values(index_rows(answers, zone), "questionnaire") == ["http://example.org/Questionnaire/q"]


def test_nulls_and_other_types_give_no_rows(zone):
    assert values(index_rows({"resourceType": "Patient", "name": [{"given": [None, "B"]}]}, zone), "given") == ["b"]
    assert index_rows({"resourceType": "Patient", "name": [{"text": "\u0301"}]}, zone) == []
    assert index_rows({"resourceType": "Medication", "name": "x"}, zone) == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [("s|a|b", True), ("*|a|b", True), ("s|", True), ("|a|b", False), ("*|a", False), ("t|", False), ("s|a", False)],
)
def test_a_token_is_found_by_system_and_code_by_either_and_by_nothing_else(asked, found):
    rows = [IndexRow(param="identifier", value="s|a|b")]
    alternative = Alternative(value=asked)
    assert satisfies("x", rows, Filter(param="identifier", kind="token", alternatives=(alternative,))) is found


def test_filters_on_ids_and_dates_without_bounds(patient, zone):
    rows = index_rows(patient, zone)
    asked = Filter(param="_id", kind="id", alternatives=(Alternative(value="p0"), Alternative(value="p1")))
    assert satisfies("p1", rows, asked)
    assert not satisfies("p2", rows, asked)
    unbound = Filter(param="birthdate", kind="date", alternatives=(Alternative(prefix="eq", value="x"),))
    with pytest.raises(ValueError, match="without bounds"):
        satisfies("p1", rows, unbound)
