"""Every rule of every profile has an example that breaks it alone; profiles are checked when claimed, and only then."""

from __future__ import annotations

import copy
from decimal import Decimal

import pytest
from profile_examples import ABSTRACTED, LABELS, NPI, OURS, US_CORE, concept, examples

from adapter.assets import conformance, us_core
from adapter.fhir.profiles import HL7, Definition, definition_of

EXAMPLES = examples()
DEFINITIONS = {
    one["url"]: definition_of(one) for one in conformance().values() if one["resourceType"] == "StructureDefinition"
} | {
    url: Definition(url=url, type=one["type"], base=HL7 + one["type"], rows=one["rows"])
    for url, one in us_core()["profiles"].items()
}
OF_RESOURCES = [url for url, one in DEFINITIONS.items() if one.type != "Extension"]
SAMPLES = {
    "Address": {"city": "Alder"},
    "Annotation": {"text": "x"},
    "Attachment": {"title": "x"},
    "boolean": True,
    "CodeableConcept": {"text": "x"},
    "Coding": {"code": "x"},
    "ContactPoint": {"system": "phone", "value": "1"},
    "code": "female",
    "date": "1990-02-28",
    "dateTime": "2026-03-02",
    "HumanName": {"family": "x"},
    "Extension": {"url": "urn:x", "valueBoolean": True},
    "id": "x1",
    "Identifier": {"system": "urn:x", "value": "1"},
    "instant": "2026-03-02T15:00:00Z",
    "Narrative": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
    "Period": {"start": "2026"},
    "Reference": {"reference": "Observation/o2"},
    "Resource": {"resourceType": "Patient", "id": "c1"},
    "SampledData": {"origin": {"value": 1}, "period": 1, "dimensions": 1},
    "string": "x",
    "Timing": {"event": ["2026"]},
    "uri": "urn:x",
}
"""A value of each type that some profile leaves out."""
OWN = {
    "Observation.component": {"code": {"text": "1"}, "valueInteger": 1},
    "Observation.referenceRange": {"text": "x"},
    "Patient.contact": {"name": {"text": "x"}},
    "Organization.contact": {"name": {"text": "x"}},
    "Consent.verification": {"verified": True},
    "Consent.source[x]": {"title": "x"},
    "Encounter.participant": {"period": {"start": "2026"}},
    "Encounter.diagnosis": {"condition": {"reference": "Condition/c1"}},
    "Condition.stage": {"summary": {"text": "x"}},
    "Condition.evidence": {"code": [{"text": "x"}]},
    "DocumentReference.relatesTo": {"code": "appends", "target": {"reference": "DocumentReference/d2"}},
    "Group.characteristic": {"code": {"text": "x"}, "valueBoolean": True, "exclude": False},
}
"""Backbones that some profile leaves out."""


def claim_of(url):
    return copy.deepcopy(EXAMPLES[url])


def broken(validator, resource):
    assert not validator.valid(resource)
    return {
        (issue.path.partition("[")[0], issue.code, issue.message.partition(":")[0])
        for issue in validator.issues(resource)
    }


def at(resource, path):
    """The objects that hold the last element of a path."""
    found = [resource]
    for name in path.split(".")[1:-1]:
        inner = [one.get(name, ()) for one in found]
        found = [item for one in inner for item in (one if isinstance(one, list) else [one])]
    return [one for one in found if isinstance(one, dict)]


def rows(what):
    return [(url, row) for url in OF_RESOURCES for row in DEFINITIONS[url].rows if what(row) and ":" not in row["id"]]


def named(value):
    return value.rpartition("/")[2] if isinstance(value, str) else value["id"]


def test_every_profile_has_an_example():
    assert set(EXAMPLES) == set(OF_RESOURCES)


@pytest.mark.parametrize("url", OF_RESOURCES, ids=named)
def test_the_example_of_each_profile_is_valid(validator, url):
    assert validator.issues(EXAMPLES[url]) == []
    assert validator.valid(EXAMPLES[url])


@pytest.mark.parametrize(("url", "row"), rows(lambda row: row.get("min")), ids=named)
def test_what_must_be_there_is_missed(validator, url, row):
    resource = claim_of(url)
    name = row["id"].rpartition(".")[2].removesuffix("[x]")
    filled(resource, row["id"])
    holders = at(resource, row["id"])
    assert holders, "the example reaches nothing that this row is about"
    for holder in holders:
        for key in [key for key in holder if key == name or (row["id"].endswith("[x]") and key.startswith(name))]:
            del holder[key]
        holder["extension"] = [{"url": "urn:x", "valueBoolean": True}]
    paths = [issue.path for issue in validator.profiles.against(url, resource) if issue.code == "required"]
    assert any(path.endswith(f".{name}") for path in paths)
    # Without meta a resource claims nothing.
    assert name == "meta" or not validator.valid(resource)


def filled(resource, path):
    """Make the objects exist that a row below the examples' own elements is about."""
    samples = {
        "Patient.identifier": [{"system": "urn:x", "value": "1"}],
        "Patient.telecom": [{"system": "phone", "value": "1"}],
        "Encounter.identifier": [{"system": "urn:x", "value": "1"}],
    }
    parent = path.rpartition(".")[0]
    if parent in samples:
        resource[parent.partition(".")[2]] = copy.deepcopy(samples[parent])


@pytest.mark.parametrize(("url", "row"), rows(lambda row: row.get("max") == "0"), ids=named)
def test_what_is_left_out_is_refused(validator, facts, url, row):
    resource = claim_of(url)
    kind, *names = row["id"].split(".")
    structure = facts.types[kind]
    for name in names[:-1]:
        structure = facts.types[next(iter(structure.element(name.removesuffix("[x]")).forms.values()))]
    element = structure.element(names[-1].removesuffix("[x]"))
    form, of = next((form, of) for form, of in element.forms.items() if of in SAMPLES or row["id"] in OWN)
    value = OWN.get(row["id"], SAMPLES.get(of))
    for name in names[:-1]:
        if not at(resource, row["id"]):
            resource[name] = [{}]
    for holder in at(resource, row["id"]):
        holder[form] = [value] if element.repeats else value
    issues = validator.profiles.against(url, resource)
    assert any(issue.path.endswith(f".{element.base}") and issue.code == "structure" for issue in issues)
    assert "leaves out" in next(issue.message for issue in issues if issue.path.endswith(f".{element.base}"))
    assert not validator.valid(resource)


@pytest.mark.parametrize(
    ("url", "row"),
    rows(lambda row: any(one.get("targetProfile") for one in row.get("type", ()))),
    ids=named,
)
def test_a_reference_to_another_type_is_refused(validator, url, row):
    resource = claim_of(url)
    kind = row["id"].partition(".")[0]
    name = row["id"].rpartition(".")[2]
    repeated = validator.facts.types[kind].element(name).repeats if row["id"].count(".") == 1 else name == "encounter"
    wrong = {"reference": "Medication/m1"}
    for outer in row["id"].split(".")[1:-1]:
        if not at(resource, row["id"]):
            repeats = validator.facts.types[kind].element(outer).repeats
            resource[outer] = [{}] if repeats else {}
    for holder in at(resource, row["id"]):
        holder[name] = [wrong] if repeated else wrong
    paths = [issue.path for issue in validator.profiles.against(url, resource) if "reference to" in issue.message]
    assert paths
    assert f".{name}" in paths[0]


CONSTRAINTS = {
    # Ours.
    ("screening-summary", "sps-1"): {"valueQuantity": None},
    ("screening-summary", "sps-2"): {"effectiveDateTime": "2026-03"},
    ("screening-summary", "sps-3"): {"meta": {"profile": [f"{OURS}screening-summary"], "security": LABELS}},
    ("screening-summary", "sps-4"): {"valueQuantity": {"value": 12, "system": "urn:x", "code": "points"}},
    ("screening-panel", "spp-1"): {"component": [{"code": {"text": "1"}}]},
    ("minimal-patient", "spm-1"): {"identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "1"}]},
    ("release-of-information", "spr-1"): {"provision": {"type": "permit"}},
    ("release-of-information", "spr-2"): {"provision": {"type": "deny", "provision": [{"type": "permit"}]}},
    ("consent-share", "sps-share-1"): {"provision": {"type": "permit"}},
    ("consent-share", "sps-share-2"): {
        "provision": {
            "type": "deny",
            "provision": [
                {
                    "type": "permit",
                    "actor": [{"role": {"text": "r"}, "reference": {"reference": f"Organization/{one}"}}],
                }
                for one in ("a", "b")
            ],
        }
    },
    ("relative", "spl-1"): {"name": None},
    ("disclosure-event", "spa-1"): {"entity": [{"name": "x"}, {"name": "y"}]},
    # Of US Core.
    ("us-core-observation-screening-assessment", "us-core-1"): {"effectiveDateTime": "2026-03"},
    ("us-core-observation-screening-assessment", "us-core-2"): {"valueInteger": None},
    ("us-core-observation-screening-assessment", "us-core-3"): {
        "valueInteger": None,
        "valueQuantity": {"value": Decimal("1.0"), "system": "http://example.org", "code": "x"},
    },
    ("us-core-simple-observation", "us-core-2"): {"valueInteger": None},
    ("us-core-patient", "us-core-6"): {"name": [{"text": "Ada"}]},
    ("us-core-organization", "us-core-16"): {"identifier": [{**NPI, "value": "12345"}]},
    ("us-core-organization", "us-core-17"): {"identifier": [{**NPI, "value": "1234567890"}]},
    ("us-core-organization", "us-core-18"): {"identifier": [{"system": "urn:oid:2.16.840.1.113883.4.7", "value": "1"}]},
    ("us-core-organization", "us-core-19"): {
        "identifier": [{"system": "urn:oid:2.16.840.1.113883.6.300", "value": "1"}]
    },
    ("us-core-location", "us-core-16"): {"identifier": [{**NPI, "value": "12345"}]},
    ("us-core-location", "us-core-17"): {"identifier": [{**NPI, "value": "1234567890"}]},
    ("us-core-location", "us-core-18"): {"identifier": [{"system": "urn:oid:2.16.840.1.113883.4.7", "value": "1"}]},
    ("us-core-location", "us-core-19"): {"identifier": [{"system": "urn:oid:2.16.840.1.113883.6.300", "value": "1"}]},
    ("us-core-practitioner", "us-core-16"): {"identifier": [{**NPI, "value": "12345"}]},
    ("us-core-practitioner", "us-core-17"): {"identifier": [{**NPI, "value": "1234567890"}]},
    ("us-core-practitionerrole", "pd-1"): {"practitioner": None, "organization": None},
    ("us-core-provenance", "provenance-1"): {"agent": [{"who": {"reference": "Practitioner/lee"}}]},
    ("us-core-documentreference", "us-core-6"): {"content": [{"attachment": {"title": "x"}}]},
    ("us-core-relatedperson", "us-core-14"): {"name": None},
}
"""For each invariant a change that breaks it; None takes an element away."""


def test_every_invariant_has_an_example_that_breaks_it():
    keys = {
        (DEFINITIONS[url].label, constraint["key"])
        for url in OF_RESOURCES
        for row in DEFINITIONS[url].rows
        for constraint in row.get("constraint", ())
    }
    assert set(CONSTRAINTS) == keys


@pytest.mark.parametrize(("name", "key"), CONSTRAINTS)
def test_an_invariant_that_is_broken_is_named(validator, name, key):
    url = next(url for url in OF_RESOURCES if DEFINITIONS[url].label == name)
    change = CONSTRAINTS[name, key]
    resource = {one: value for one, value in (claim_of(url) | change).items() if value is not None}
    assert key in {told for _, _, told in broken(validator, resource)}


@pytest.mark.parametrize(
    ("name", "change", "path", "code"),
    [
        ("release-of-information", {"scope": {"text": "x"}}, "Consent.scope", "value"),
        ("release-of-information", {"provision": {"type": "permit"}}, "Consent.provision.type", "value"),
        ("consent-share", {"scope": {"text": "x"}}, "Consent.scope", "value"),
        ("consent-share", {"provision": {"type": "permit"}}, "Consent.provision.type", "value"),
        (
            "ingest-provenance",
            {"entity": [{"role": "removal", "what": {"display": "x"}}]},
            "Provenance.entity",
            "value",
        ),
        ("directory-organization", {"active": False}, "Organization.active", "value"),
        ("patient-list", {"type": "animal"}, "Group.type", "value"),
        ("patient-list", {"actual": False}, "Group.actual", "value"),
        ("screening-summary", {"category": [{"text": "survey"}]}, "Observation.category", "required"),
        ("screening-summary", {"category": [concept("survey")]}, "Observation.category", "required"),
        (
            "screening-summary",
            {"performer": [{"display": "a"}, {"display": "b"}]},
            "Observation.performer",
            "structure",
        ),
        ("screening-summary", {"valueQuantity": None, "valueString": "x"}, "Observation.value", "structure"),
        (
            "screening-summary",
            {"effectiveDateTime": None, "effectivePeriod": {"start": "2026"}},
            "Observation.effective",
            "structure",
        ),
        (
            "directory-practitioner",
            {"identifier": [{"system": "urn:x", "value": "1"}]},
            "Practitioner.identifier",
            "required",
        ),
        ("directory-practitioner", {"identifier": [NPI, NPI]}, "Practitioner.identifier", "structure"),
        ("disclosure-event", {"agent": [{"who": {"display": "x"}, "requestor": True}]}, "AuditEvent.agent", "required"),
        (
            "us-core-observation-screening-assessment",
            {"category": [{"text": "survey"}]},
            "Observation.category",
            "required",
        ),
        ("us-core-condition-encounter-diagnosis", {"category": [{"text": "x"}]}, "Condition.category", "required"),
        ("us-core-condition-problems-health-concerns", {"category": [{"text": "x"}]}, "Condition.category", "required"),
        ("us-core-documentreference", {"type": {"text": "x"}}, "DocumentReference.type", "code-invalid"),
        (
            "us-core-organization",
            {"address": [{"line": ["1", "2", "3", "4", "5"]}]},
            "Organization.address",
            "structure",
        ),
    ],
)
def test_values_slices_types_and_codes(validator, name, change, path, code):
    url = next(url for url in OF_RESOURCES if DEFINITIONS[url].label == name)
    resource = {one: value for one, value in (claim_of(url) | change).items() if value is not None}
    assert (path, code) in {(where, kind) for where, kind, _ in broken(validator, resource)}


def test_an_issue_says_where_by_index(validator):
    resource = claim_of(f"{US_CORE}practitioner")
    resource["identifier"] = [NPI, {**NPI, "value": "12345"}]
    assert {issue.path for issue in validator.issues(resource)} == {"Practitioner.identifier[1]"}


def test_a_summary_may_withhold_its_result(validator):
    resource = claim_of(f"{OURS}screening-summary")
    del resource["valueQuantity"]
    resource["dataAbsentReason"] = concept("masked", "http://terminology.hl7.org/CodeSystem/data-absent-reason")
    assert validator.valid(resource)
    resource["meta"]["security"] = [ABSTRACTED]
    assert validator.valid(resource)


def test_a_profile_counts_where_it_is_claimed_with_a_version_and_not_where_it_is_unknown(validator):
    resource = claim_of(f"{OURS}screening-detail")
    resource["note"] = [{"text": "x"}]
    assert not validator.valid(resource)
    resource["meta"]["profile"] = [f"{OURS}screening-detail|0.1.0"]
    assert not validator.valid(resource)
    resource["meta"]["profile"] = ["http://example.org/unknown"]
    assert validator.valid(resource)
    resource["meta"]["profile"] = [f"{OURS}relative"]
    assert [issue.path for issue in validator.issues(resource)] == ["Observation.meta.profile"]


def test_a_profile_asks_what_its_base_asks(validator):
    resource = claim_of(f"{OURS}screening-panel")
    resource["note"] = [{"text": "x"}]
    assert [(issue.path, issue.message) for issue in validator.issues(resource)] == [
        ("Observation.note", "screening-detail leaves out `note`")
    ]


def test_known_extensions_are_checked_wherever_they_stand(validator, consent):
    url = f"{OURS}consent-signer"
    consent["extension"] = [{"url": url, "valueCode": "neighbour"}]
    assert [(issue.path, issue.code) for issue in validator.issues(consent)] == [
        ("Consent.extension[0].value", "code-invalid")
    ]
    consent["extension"] = [{"url": url, "valueString": "guardian"}]
    assert [issue.path for issue in validator.issues(consent)] == ["Consent.extension[0].value"]
    consent["extension"] = [{"url": url, "valueCode": "guardian"}]
    assert validator.valid(consent)
    consent["meta"] = {"extension": consent.pop("extension")}
    assert [issue.message for issue in validator.issues(consent)] == ["this extension stands on Consent only"]


def test_a_closed_extension_takes_no_other_part(validator, consent):
    parts = [{"url": "statement", "valueString": "x"}, {"url": "other", "valueString": "x"}]
    consent["meta"] = {"extension": [{"url": f"{OURS}disclosure-notice", "extension": parts}]}
    assert [(issue.path, issue.code) for issue in validator.issues(consent)] == [
        ("Consent.meta.extension[0].extension[1]", "structure")
    ]
    del consent["meta"]["extension"][0]["extension"][0]
    assert any("slice `statement`" in issue.message for issue in validator.issues(consent))
