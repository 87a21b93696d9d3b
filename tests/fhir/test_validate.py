"""The validator accepts what R4 allows, refuses what it forbids, and always explains what it refuses."""

from __future__ import annotations

import copy
import json
from decimal import Decimal

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import Issue
from adapter.fhir.codec import parse
from adapter.fhir.validate import Validator

EXTENSION = {"url": "http://example.org/e", "valueCode": "x"}
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"versionId": "1", "profile": ["http://example.org/p"]},
    "extension": [{"url": "http://example.org/a", "extension": [EXTENSION]}],
    "active": True,
    "name": [{"family": "Doe", "given": ["A", None], "_given": [None, {"extension": [EXTENSION]}]}],
    "telecom": [{"system": "phone", "value": "555-0100"}],
    "_birthDate": {"extension": [EXTENSION]},
    "multipleBirthInteger": 2,
    "contact": [{"organization": {"reference": "Organization/o1"}}],
}
OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "44249-1"}]},
    "effectivePeriod": {"start": "2026-03-01", "end": "2026-03-02"},
    "component": [{"code": {"text": "item"}, "valueQuantity": {"value": Decimal("1.50"), "system": "s", "code": "c"}}],
    "referenceRange": [{"text": "0-27"}],
}
CONDITION = {
    "resourceType": "Condition",
    "clinicalStatus": {
        "coding": [
            {"system": "http://example.org/local", "code": "on"},
            {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"},
        ]
    },
    "subject": {"reference": "Patient/p1"},
}
ANSWERS = {
    "resourceType": "QuestionnaireResponse",
    "status": "completed",
    "item": [{"linkId": "1", "answer": [{"valueInteger": 3, "item": [{"linkId": "1.1"}]}]}],
}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [{"resource": PATIENT}, {"resource": CONDITION}],
}
SAMPLES = [PATIENT, OBSERVATION, CONDITION, ANSWERS, BUNDLE]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["resourceType"])
def test_samples_are_valid_here_and_to_an_independent_model(validator, sample):
    assert validator.issues(sample) == []
    assert validator.valid(sample)
    model = get_fhir_model_class(sample["resourceType"])
    assert model.model_validate_json(json.dumps(sample, default=float)).get_resource_type() == sample["resourceType"]


def test_fixtures_are_valid(validator, patient, observation, summary, consent):
    for resource in (patient, observation, summary, consent):
        assert validator.issues(resource) == []
        assert validator.valid(resource)


DEFECTS = [
    (OBSERVATION, {"status": None}, "Observation.status", "required"),
    (OBSERVATION, {"status": "zzz"}, "Observation.status", "code-invalid"),
    (OBSERVATION, {"status": 5}, "Observation.status", "value"),
    (OBSERVATION, {"code": None}, "Observation.code", "required"),
    (OBSERVATION, {"valueString": "x", "valueInteger": 1}, "Observation.value", "structure"),
    (OBSERVATION, {"valueString": "x", "_valueInteger": {"id": "a", "extension": [EXTENSION]}},
    "Observation.value", "structure"), (OBSERVATION, {"valueInteger": Decimal("1.0")},
    "Observation.value", "value"), (OBSERVATION, {"valueQuantity": {"value": "12"}},
    "Observation.value.value", "value"), (OBSERVATION, {"valueQuantity": {"value": 1, "code": "c"}},
    "Observation.value", "invariant"), (OBSERVATION, {"component": []}, "Observation.component",
    "structure"), (OBSERVATION, {"component": {}}, "Observation.component", "structure"), (OBSERVATION,
    {"component": [{"valueString": "x"}]}, "Observation.component[0].code", "required"), (OBSERVATION,
    {"colour": "red"}, "Observation", "structure"), (OBSERVATION, {"effectiveDateTime": "2026-03-02"},
    "Observation.effective", "structure"), (OBSERVATION, {"issued": "2026-03-02"}, "Observation.issued",
    "value"), (OBSERVATION, {"issued": "2026-02-30T00:00:00Z"}, "Observation.issued", "value"),
    (OBSERVATION, {"valueString": "x", "dataAbsentReason": {"text": "x"}}, "Observation", "invariant"),
    (OBSERVATION, {"referenceRange": [{"age": {"low": {"value": 1}}}]}, "Observation.referenceRange[0]",
    "invariant"), (OBSERVATION, {"note": [{}]}, "Observation.note[0]", "invariant"), (OBSERVATION,
    {"note": [{"id": "n"}]}, "Observation.note[0]", "invariant"), (OBSERVATION, {"subject": {}},
    "Observation.subject", "invariant"), (OBSERVATION, {"subject": "Patient/p1"}, "Observation.subject",
    "structure"), (OBSERVATION, {"id": "a_b"}, "Observation.id", "value"), (OBSERVATION, {"_id":
    {"extension": [EXTENSION]}}, "Observation", "structure"), (OBSERVATION, {"contained": [{"id": "x"}]},
    "Observation.contained[0]", "structure"), (OBSERVATION, {"contained": [{"resourceType": "Patient",
    "gender": "x"}]}, "Observation.contained[0].gender", "code-invalid"), (PATIENT, {"birthDate":
    "1990-02-30", "_birthDate": None}, "Patient.birthDate", "value"), (PATIENT, {"birthDate": ""},
    "Patient.birthDate", "value"), (PATIENT, {"gender": "F"}, "Patient.gender", "code-invalid"), (PATIENT,
    {"contact": [{"gender": "male"}]}, "Patient.contact[0]", "invariant"), (PATIENT, {"telecom":
    [{"value": "555-0100"}]}, "Patient.telecom[0]", "invariant"), (PATIENT, {"extension": [{"url": "u"}]},
    "Patient.extension[0]", "invariant"), (PATIENT, {"extension": [{"url": "u", "valueCode": "x",
    "extension": [EXTENSION]}]}, "Patient.extension[0]", "invariant"), (PATIENT, {"extension":
    [{"valueCode": "x"}]}, "Patient.extension[0].url", "required"), (PATIENT, {"extension": [{"url": "u",
    "valueDosage": {"maxDosePerPeriod": {"id": "x"}}}]}, "Patient.extension[0].value.maxDosePerPeriod",
    "invariant"), (PATIENT, {"name": [{"given": ["A", None]}]}, "Patient.name[0].given[1]", "value"),
    (PATIENT, {"name": [{"given": ["A"], "_given": [None, {"extension": [EXTENSION]}]}]},
    "Patient.name[0].given", "structure"), (PATIENT, {"name": [{"given": ["A", None], "_given":
    [{"extension": [EXTENSION]}, None]}]}, "Patient.name[0].given[1]", "value"), (PATIENT, {"name":
    [{"family": "x", "_family": []}]}, "Patient.name[0].family", "structure"), (CONDITION,
    {"clinicalStatus": {"text": "active"}}, "Condition.clinicalStatus", "code-invalid"), (CONDITION,
    {"clinicalStatus": {"coding": [{"code": "active"}]}}, "Condition.clinicalStatus", "code-invalid"),
    (CONDITION, {"stage": [{"type": {"text": "x"}}]}, "Condition.stage[0]", "invariant"), (ANSWERS,
    {"item": [{"linkId": "1", "answer": [{"valueCoding": {"code": "a b "}}]}]},
    "QuestionnaireResponse.item[0].answer[0].value.code", "value"), (BUNDLE, {"entry": [{"resource":
    {"resourceType": "Group"}}]}, "Bundle.entry[0].resource.type", "required"), (BUNDLE, {"entry":
    [{"fullUrl": "urn:x"}]}, "Bundle.entry[0]", "invariant"),
]  # fmt: skip


@pytest.mark.parametrize(("sample", "change", "path", "code"), DEFECTS, ids=lambda value: str(value)[:60])
def test_defects_are_refused_and_located(validator, sample, change, path, code):
    resource = copy.deepcopy(sample) | change
    resource = {name: value for name, value in resource.items() if value is not None}
    assert not validator.valid(resource)
    assert (path, code) in {(issue.path, issue.code) for issue in validator.issues(resource)}


@pytest.mark.parametrize("kind", [None, "Pacient", "Medication", 5, ["Patient"]])
def test_types_that_are_missing_misspelt_or_not_read(validator, kind):
    resource = {"resourceType": kind, "id": "x"}
    assert not validator.valid(resource)
    assert len(validator.issues(resource)) == 1


def test_other_types_pass_inside_unread(validator):
    entry = {"resource": {"resourceType": "Medication", "code": {"text": "x"}}}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [entry]}
    assert validator.valid(bundle)
    assert validator.issues(bundle) == []


def test_required_elements_may_be_replaced_by_an_extension(validator):
    resource = copy.deepcopy(OBSERVATION)
    del resource["status"]
    resource["_status"] = {"extension": [EXTENSION]}
    assert validator.valid(resource)
    assert validator.issues(resource) == []


def test_resources_inside_parameters_and_responses_are_checked(validator):
    inner = {"resourceType": "Patient", "gender": "F"}
    unread = {"name": "c", "resource": {"resourceType": "Medication"}}
    part = [{"name": "b", "resource": inner}, unread]
    nested = {"resourceType": "Parameters", "parameter": [{"name": "a", "part": part}]}
    assert [issue.path for issue in validator.issues(nested)] == ["Parameters.parameter[0].part[0].resource.gender"]
    outcome = {"resourceType": "OperationOutcome", "issue": []}
    bundle = {
        "resourceType": "Bundle",
        "type": "batch-response",
        "entry": [{"response": {"status": "404", "outcome": outcome}}],
    }
    assert validator.issues(bundle)[0].path == "Bundle.entry[0].response.outcome.issue"
    assert not validator.valid(nested)
    assert not validator.valid(bundle)


def test_values_json_cannot_carry_are_refused(validator):
    for value in ("\ud800", "bell\x07"):
        resource = OBSERVATION | {"valueString": value}
        assert not validator.valid(resource)
        assert validator.issues(resource)
    resource = OBSERVATION | {5: "x"}
    assert not validator.valid(resource)
    assert "malformed name" in validator.issues(resource)[0].message


def test_messages_hold_no_content(validator):
    resource = PATIENT | {"gender": "secret", "birthDate": "secret", "My Secret": 1, "name": "secret"}
    issues = validator.issues(resource)
    assert len(issues) == 4
    assert not any("secret" in (issue.path + issue.message).lower() for issue in issues)


def test_deep_nesting_is_reported_not_raised(validator):
    extension = EXTENSION
    for _ in range(700):
        extension = {"url": "u", "extension": [extension]}
    issues = validator.issues({"resourceType": "Patient", "extension": [extension]})
    assert issues == [
        Issue(
            path="Patient",
            code="too-long",
            message="nested too deeply to be read; expected at most 100 levels",
        )
    ]


def test_a_parsed_decimal_is_a_number(validator):
    data = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.50}}'
    assert validator.valid(parse(data))


def test_the_validator_takes_the_document_or_the_facts(document, facts):
    assert Validator(document).valid(PATIENT)
    assert Validator(facts).facts is facts


JUNK = st.sampled_from(
    [
        *(None, "", " ", "x", "2026-02-30", "2026-03-02", 0, 1, -1, True, Decimal("1.5"), [], {}),
        *([None], [{}], ["x"], {"id": "x"}, {"extension": [EXTENSION]}, [{"extension": [EXTENSION]}]),
        *({"text": "x"}, {"reference": "Patient/x"}),
    ]
).map(copy.deepcopy)
KEYS = st.sampled_from(
    [
        *("id", "extension", "_status", "status", "valueString", "_valueString", "valueQuantity", "value"),
        *("code", "coding", "text", "period", "start", "end", "given", "_given", "_birthDate", "contained"),
        *("resourceType", "subject", "item", "answer", "entry", "resource", "url", "modifierExtension"),
    ]
)


def _places(value, found):
    if isinstance(value, dict | list):
        found.append(value)
        for inner in value.values() if isinstance(value, dict) else value:
            _places(inner, found)
    return found


@st.composite
def mutants(draw):
    resource = copy.deepcopy(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(_places(resource, [])))
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if isinstance(place, dict) and draw(st.booleans()):
            place[draw(KEYS)] = draw(JUNK)
        elif keys and draw(st.booleans()):
            del place[draw(st.sampled_from(keys))]
        elif keys:
            place[draw(st.sampled_from(keys))] = draw(JUNK)
        elif isinstance(place, list):
            place.append(draw(JUNK))
    return resource


@settings(max_examples=600, deadline=None)
@given(resource=mutants())
def test_schema_and_walk_agree_on_anything(validator, resource):
    assert validator.valid(resource) == (validator.issues(resource) == [])
