"""Every resource that the county's extracts become, against an oracle that is not our validator."""

from __future__ import annotations

import importlib
from collections import Counter

import orjson
import pytest
import worlds

from adapter.rest.offered import CANONICAL, PROFILES
from adapter.services.profiles import shipped_validator
from adapter.store.shapes import TYPE_NAMES

pytestmark = pytest.mark.anyio
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
BY_HL7_ALONE = {"AllergyIntolerance", "DocumentReference", "Appointment"}
"""Types that no extract of the county has; the hard cases of HL7 v2 store them."""
OURS = "https://sallyport.example/fhir/StructureDefinition/"


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resources")
    world = await worlds.open_site(folder / "site")
    await worlds.ingest_all(world, worlds.extracts(folder / "extracts", people=40, seed=5))
    rows = world.rows("SELECT type, CAST(head || ']' || tail AS TEXT) FROM resource")
    yield [(TYPE_NAMES[kind], orjson.loads(body)) for kind, body in rows]
    await world.close()


@pytest.fixture(scope="module")
def validator():
    return shipped_validator()


async def test_fhir_resources_reads_every_one(stored):
    seen = Counter()
    for kind, body in stored:
        model = getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
        assert model.model_validate(body).id == body["id"]
        seen[kind] += 1
    assert seen.keys() == set(TYPE_NAMES.values()) - BY_HL7_ALONE


async def test_every_one_claims_its_profile_and_bears_a_label(stored):
    for kind, body in stored:
        labels = [label["system"] for label in body["meta"]["security"]]
        assert "http://terminology.hl7.org/CodeSystem/v3-Confidentiality" in labels
        if kind != "Patient" or len(body) > 3:
            # An empty Patient stands in until a record says who it is.
            profiles = body["meta"].get("profile", [])
            assert profiles or kind in {"Condition", "QuestionnaireResponse", "Encounter", "Observation", "Patient"}
            assert all(profile.startswith((OURS, US_CORE)) for profile in profiles)


async def test_a_summary_is_abstracted_to_a_day_and_a_result(stored):
    summaries = [
        body
        for kind, body in stored
        if kind == "Observation" and OURS + "screening-summary" in body["meta"].get("profile", [])
    ]
    assert summaries
    for body in summaries:
        assert US_CORE + "us-core-observation-screening-assessment" in body["meta"]["profile"]
        assert "ABSTRED" in {label["code"] for label in body["meta"]["security"]}
        assert len(body["effectiveDateTime"]) == len("2026-03-02")
        assert {"valueQuantity", "valueCodeableConcept", "dataAbsentReason"} & body.keys()
        allowed = {"resourceType", "id", "meta", "status", "category", "code", "subject", "effectiveDateTime"}
        assert body.keys() <= allowed | {"valueQuantity", "valueCodeableConcept", "dataAbsentReason"}


async def test_every_one_follows_the_profiles_it_claims_and_one_that_the_statement_names(stored, validator):
    seen = set()
    for kind, body in stored:
        assert validator.issues(body) == [], kind
        if kind == "Observation" and not body["meta"].get("profile"):
            continue  # a flag of a jail is no screening
        fitting = {
            name
            for name in PROFILES[kind]
            if not validator.profiles.against(f"{CANONICAL}/StructureDefinition/{name}", body)
        }
        assert fitting, (kind, body["meta"])
        seen |= fitting
    by_hl7_alone = {"relative", "document"}
    made_by_others = {"patient-list", "disclosure-event", "screening-panel"}
    assert seen == {name for names in PROFILES.values() for name in names} - by_hl7_alone - made_by_others
