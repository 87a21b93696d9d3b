"""The profiles, code systems and value sets are R4, agree with each other and with the registry."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

from adapter.consent.expiry import EVENTS
from adapter.consent.release_form import Capacity, Instrument
from adapter.subscription.channel import CHANNELS, REST_HOOK
from adapter.summary.vocabulary import CANONICAL, SCREENING_ORDER, SUMMARY_PROFILE
from profiles.generate_terminology import files, write

PROFILES = Path(__file__).parents[2] / "profiles"
PATHS = sorted(PROFILES.glob("*-*.json"))
RESOURCES = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in PATHS}
BY_URL = {resource["url"]: resource for resource in RESOURCES.values()}


def structure(name):
    return BY_URL[f"{CANONICAL}/StructureDefinition/{name}"]


def elements(name):
    return {element["id"]: element for element in structure(name)["differential"]["element"]}


def codes(name):
    return [concept["code"] for concept in BY_URL[f"{CANONICAL}/CodeSystem/{name}"]["concept"]]


def ids(kind):
    return {resource["id"] for resource in RESOURCES.values() if resource["resourceType"] == kind}


def test_everything_outside_programs_rely_on_is_there():
    assert ids("StructureDefinition") == {
        "screening-summary",
        "screening-detail",
        "source-patient",
        "release-of-information",
        "booking-encounter",
        "ingest-provenance",
        "screening-order",
        "disclosure-notice",
        "consent-share",
        "consent-signer",
        "consent-discloser",
        "consent-signing",
        "consent-condition",
        "part2-consent-elements",
        "expiry-event",
        "original-text",
        "identity-reliability",
        "identity-unknown",
        "further-method",
        "screening-panel",
        "minimal-patient",
        "care-encounter",
        "screening-response",
        "diagnosis",
        "directory-organization",
        "directory-location",
        "directory-practitioner",
        "directory-role",
        "document",
        "relative",
        "contact-details",
        "patient-list",
        "disclosure-event",
        "event-notice",
        "subscription-end-recipient",
    }
    assert ids("OperationDefinition") == {"match", "assert-basis", "explain", "validate"}
    assert ids("ConceptMap") == {"jbh-result-code-to-loinc"}
    assert ids("CodeSystem") == {
        "jbh-instrument",
        "jbh-result-code",
        "jbh-result-category",
        "purpose-of-use",
        "legal-regime",
        "court-event",
        "custody-event",
        "consent-instrument",
        "consent-signer",
        "expiry-event",
        "notification-channel",
    }
    assert ids("ValueSet") == ids("CodeSystem")


@pytest.mark.parametrize("name", RESOURCES)
def test_each_is_valid_r4(name):
    resource = RESOURCES[name]
    kind = resource["resourceType"]
    model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    assert model.model_validate(resource).url == resource["url"]


@pytest.mark.parametrize("name", RESOURCES)
def test_each_file_is_named_for_its_canonical(name):
    resource = RESOURCES[name]
    assert name == f"{resource['resourceType']}-{resource['id']}.json"
    assert resource["url"] == f"{CANONICAL}/{resource['resourceType']}/{resource['id']}"


@pytest.mark.parametrize("name", [name for name, each in RESOURCES.items() if each["resourceType"] == "CodeSystem"])
def test_code_systems_are_complete_and_name_their_value_set(name):
    system = RESOURCES[name]
    listed = [concept["code"] for concept in system["concept"]]
    assert (system["content"], system["count"]) == ("complete", len(listed))
    assert len(set(listed)) == len(listed)
    assert BY_URL[system["valueSet"]]["compose"]["include"] == [{"system": system["url"]}]


def test_the_generated_files_are_not_stale():
    made = files(PROFILES)
    assert len(made) == 7
    stale = [name for name, resource in made.items() if RESOURCES.get(name) != resource]
    assert stale == [], "run `python -m profiles.generate_terminology`"


def test_the_generator_writes_what_it_makes(tmp_path):
    for name in ("loinc.yaml", "instruments.yaml"):
        (tmp_path / name).write_bytes((PROFILES / name).read_bytes())
    write(tmp_path)
    for name in files(PROFILES):
        assert (tmp_path / name).read_bytes() == (PROFILES / name).read_bytes()


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("purpose-of-use", ["pretrial-release", "diversion", "discharge-planning", "supervision"]),
        ("expiry-event", list(EVENTS)),
        ("notification-channel", [code for code in CHANNELS if code != REST_HOOK]),
        ("consent-instrument", [*get_args(Instrument), "stated"]),
        ("consent-signer", list(get_args(Capacity))),
        ("legal-regime", ["justice", "hipaa", "part2", "education", "undeclared"]),
        (
            "court-event",
            [
                "release-conditions",
                "competency-evaluation",
                "treatment-court",
                "disposition",
                "treatment-evaluation",
                "commitment",
                "supervision-condition",
                "hearing",
                "disclosure-order",
            ],
        ),
    ],
)
def test_the_fixed_code_systems(system, expected):
    assert codes(system) == expected


@pytest.mark.parametrize(
    "name", [name for name, each in RESOURCES.items() if each["resourceType"] == "StructureDefinition"]
)
def test_a_differential_walks_the_paths_of_its_type(name):
    definition = RESOURCES[name]
    kind = definition["type"]
    rows = definition["differential"]["element"]
    assert (rows[0]["path"], definition["derivation"]) == (kind, "constraint")
    bases = (f"{CANONICAL}/StructureDefinition/", "http://hl7.org/fhir/us/core/StructureDefinition/us-core-")
    base = definition["baseDefinition"]
    assert base == f"http://hl7.org/fhir/StructureDefinition/{kind}" or base.startswith(bases)
    assert all(row["path"] == kind or row["path"].startswith(f"{kind}.") for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)


def test_bindings_point_at_value_sets_of_ours():
    bound = {
        row["binding"]["valueSet"]
        for definition in RESOURCES.values()
        if definition["resourceType"] == "StructureDefinition"
        for row in definition["differential"]["element"]
        if "binding" in row
    }
    assert len(bound) == 5
    assert bound <= set(BY_URL)


@pytest.mark.parametrize(
    "element",
    [
        "component", "hasMember", "derivedFrom", "note", "text", "encounter", "identifier", "contained",
        "issued", "performer.reference", "performer.identifier", "interpretation", "method", "basedOn",
    ],
)  # fmt: skip
def test_a_summary_forbids_what_leads_back_to_the_detail(element):
    assert elements("screening-summary")[f"Observation.{element}"]["max"] == "0"


def test_a_summary_demands_labels_a_day_and_a_value_or_reason():
    rows = elements("screening-summary")
    assert structure("screening-summary")["url"] == SUMMARY_PROFILE
    assert rows["Observation.meta.security"]["min"] == 1
    assert rows["Observation.effective[x]"]["type"] == [{"code": "dateTime"}]
    assert [rule["key"] for rule in rows["Observation"]["constraint"]] == ["sps-1", "sps-2", "sps-4"]
    assert [rule["key"] for rule in rows["Observation.meta"]["constraint"]] == ["sps-3"]


def test_the_order_extension_has_the_parts_that_are_served():
    definition = BY_URL[SCREENING_ORDER]
    rows = {row["id"]: row for row in definition["differential"]["element"]}
    assert rows["Extension.url"]["fixedUri"] == SCREENING_ORDER
    parts = [row["sliceName"] for row in rows.values() if row["path"] == "Extension.extension" and "sliceName" in row]
    assert parts == ["sequence", "of", "current"]
    assert definition["context"] == [{"type": "element", "expression": "Observation.meta"}]
