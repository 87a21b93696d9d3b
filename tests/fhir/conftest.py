"""Synthetic resources and the compiled facts, shared by the tests of the FHIR package."""

from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from adapter.fhir.facts import Facts
from adapter.fhir.search import index_rows, parse_query, satisfies
from adapter.fhir.validate import Validator
from adapter.services.profiles import shipped_profiles
from adapter.summary.vocabulary import SUMMARY_PROFILE as SCREENING_SUMMARY
from adapter.summary.vocabulary import US_CORE_SCREENING

R4 = Path(__file__).parents[2] / "profiles" / "r4"


@pytest.fixture(scope="session")
def document():
    return json.loads((R4 / "facts.json").read_bytes())


@pytest.fixture(scope="session")
def facts(document):
    return Facts(document)


@pytest.fixture(scope="session")
def profiles(facts):
    return shipped_profiles(facts)


@pytest.fixture(scope="session")
def validator(facts, profiles):
    return Validator(facts, profiles)


@pytest.fixture(scope="session")
def zone():
    return ZoneInfo("America/Denver")


@pytest.fixture
def patient():
    return {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"system": "https://jail.example/person", "value": "J00123"}],
        "name": [{"family": "Nuñez", "given": ["Ada", "M"]}],
        "gender": "female",
        "birthDate": "1990-02-28",
        "contact": [{"name": {"text": "Sister"}}],
    }


@pytest.fixture
def observation():
    return {
        "resourceType": "Observation",
        "id": "o1",
        "meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "MH"}]},
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "survey",
                    }
                ]
            }
        ],
        "code": {"coding": [{"system": "http://loinc.org", "code": "44261-6"}], "text": "PHQ-9 total"},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-03-02T08:00:00-07:00",
        "valueQuantity": {
            "value": 12,
            "unit": "score",
            "system": "http://unitsofmeasure.org",
            "code": "{score}",
        },
    }


@pytest.fixture
def summary(observation):
    abstracted = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "ABSTRED"}
    observation["meta"]["profile"] = [SCREENING_SUMMARY, US_CORE_SCREENING]
    observation["meta"]["security"].append(abstracted)
    observation["effectiveDateTime"] = "2026-03-02"
    observation["performer"] = [{"display": "County jail intake"}]
    return observation


@pytest.fixture
def consent():
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]
        },
        "category": [{"text": "Release of information"}],
        "patient": {"reference": "Patient/p1"},
        "dateTime": "2026-03-02T10:00:00-07:00",
        "policyRule": {"text": "County release form"},
        "provision": {
            "type": "deny",
            "provision": [{"type": "permit", "period": {"start": "2026-03-02", "end": "2027-03-02"}}],
        },
    }


@pytest.fixture
def ask(zone):
    def parsed(kind, *pairs):
        return parse_query(kind, pairs, base_url="https://gate.example/fhir", zone=zone)

    return parsed


@pytest.fixture
def found(ask, zone):
    def answer(resource, *pairs):
        rows = index_rows(resource, zone)
        filters = ask(resource["resourceType"], *pairs).filters
        return all(satisfies(resource["id"], rows, asked) for asked in filters)

    return answer
