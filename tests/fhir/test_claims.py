"""Profiles are checked when claimed, and only then."""

from __future__ import annotations

import pytest

from adapter.fhir.claims import SCREENING_SUMMARY, US_CORE_SCREENING

REFERENCE = {"reference": "Organization/o1"}


def keys(validator, resource):
    return {issue.message.partition(":")[0] for issue in validator.issues(resource)}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"effectiveDateTime": "2026-03"}, "us-core-1"),
        ({"valueQuantity": None}, "us-core-2"),
        ({"valueQuantity": {"value": 1, "system": "http://example.org", "code": "x"}}, "us-core-3"),
        (
            {"component": [{"code": {"text": "x"}, "valueQuantity": {"value": 1, "system": "urn:x", "code": "x"}}]},
            "us-core-3",
        ),
        ({"category": [{"text": "survey"}]}, "expected a category survey of observation-category"),
        ({"subject": None}, "expected a subject"),
    ],
)
def test_us_core_screening(validator, observation, change, key):
    resource = {name: value for name, value in (observation | change).items() if value is not None}
    assert keys(validator, resource) == set()
    resource["meta"]["profile"] = [US_CORE_SCREENING]
    assert keys(validator, resource) == {key}
    assert not validator.valid(resource)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"component": [{"code": {"text": "item"}, "valueInteger": 3}]}, "summary-1"),
        ({"hasMember": [{"reference": "Observation/o2"}]}, "summary-1"),
        ({"derivedFrom": [{"reference": "QuestionnaireResponse/q1"}]}, "summary-1"),
        ({"note": [{"text": "x"}]}, "summary-1"),
        ({"text": {"status": "generated", "div": "<div>x</div>"}}, "summary-1"),
        ({"encounter": {"reference": "Encounter/e1"}}, "summary-1"),
        ({"identifier": [{"value": "1"}]}, "summary-1"),
        ({"issued": "2026-03-02T08:00:00Z"}, "summary-1"),
        ({"performer": [{"display": "x"}, REFERENCE]}, "summary-2"),
        ({"performer": [{"display": "x", "identifier": {"value": "1"}}]}, "summary-2"),
        ({"effectiveDateTime": "2026-03-02T08:00:00Z"}, "summary-3"),
        ({"effectiveDateTime": "2026-03"}, "summary-3"),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2026-03-02"}}, "summary-3"),
        ({"valueQuantity": None}, "summary-4"),
        ({"meta": {"profile": [SCREENING_SUMMARY]}}, "summary-5"),
    ],
)
def test_screening_summary(validator, summary, change, key):
    assert validator.valid(summary)
    resource = {name: value for name, value in (summary | change).items() if value is not None}
    resource["meta"]["profile"] = [SCREENING_SUMMARY]
    assert keys(validator, resource) == {key}
    assert not validator.valid(resource)


def test_a_summary_may_withhold_its_result(validator, summary):
    del summary["valueQuantity"]
    summary["dataAbsentReason"] = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "masked"}]
    }
    assert validator.valid(summary)


def test_a_profile_of_another_type_cannot_be_claimed(validator, patient):
    patient["meta"] = {"profile": [SCREENING_SUMMARY]}
    assert [issue.path for issue in validator.issues(patient)] == ["Patient.meta.profile"]
    patient["meta"] = {"profile": ["http://example.org/unknown"]}
    assert validator.valid(patient)
