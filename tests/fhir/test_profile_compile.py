"""How a profile becomes checks: slices of each kind, codes of value sets, and what makes no sense as a profile."""

from __future__ import annotations

import pytest

from adapter.fhir.profile_tree import ProfileError, tree_of
from adapter.fhir.profiles import HL7, Definition, Profiles, codes_of


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "Patient.colour", "min": 1}, "has no element"),
        ({"id": "Observation.code"}, "stands outside Patient"),
        (
            {
                "id": "Patient.name",
                "constraint": [{"key": "k", "severity": "error", "human": "h", "expression": "a ("}],
            },
            "k: ",
        ),
        ({"id": "Patient.gender", "binding": {"strength": "required", "valueSet": "urn:x"}}, "value set urn:x"),
        (
            {"id": "Patient.managingOrganization", "type": [{"code": "Reference", "targetProfile": ["urn:x"]}]},
            "target urn:x",
        ),
        ({"id": "Patient.gender", "type": [{"code": "string"}]}, "R4 does not give"),
        ({"id": "Patient.gender.code"}, "nothing stands below"),
        ({"id": "Patient.identifier:one"}, "without a discriminator"),
        ({"id": "Patient.gender:one"}, "only what repeats"),
    ],
)
def test_a_profile_that_makes_no_sense_is_an_error(facts, row, message):
    definition = Definition(url="urn:p", type="Patient", base=f"{HL7}Patient", rows=[row])
    with pytest.raises(ProfileError, match=message.replace("(", r"\(")):
        Profiles(facts, [definition]).compile_all()


def test_an_unknown_base_and_a_row_that_stands_twice_are_errors(facts):
    with pytest.raises(ProfileError, match="base urn:x"):
        Profiles(facts, [Definition(url="urn:p", type="Patient", base="urn:x", rows=[])]).compile_all()
    with pytest.raises(ProfileError, match="two rows"):
        tree_of("Patient", [{"id": "Patient.name", "min": 1}, {"id": "Patient.name", "max": "1"}])


ONE = "Patient.identifier:one"
USES = "http://hl7.org/fhir/ValueSet/identifier-use"


def slicing(kind, path):
    return {"id": "Patient.identifier", "slicing": {"discriminator": [{"type": kind, "path": path}], "rules": "closed"}}


@pytest.mark.parametrize(
    ("discriminator", "rule", "inside", "outside"),
    [
        (("value", "system"), {"id": f"{ONE}.system", "fixedUri": "urn:a"}, {"system": "urn:a"}, {"system": "urn:b"}),
        (
            ("pattern", "type"),
            {"id": f"{ONE}.type", "patternCodeableConcept": {"text": "a"}},
            {"type": {"text": "a"}},
            {"value": "1"},
        ),
        (("exists", "value"), {"id": f"{ONE}.value", "min": 1}, {"value": "1"}, {"system": "urn:b"}),
        (
            ("type", "assigner"),
            {"id": f"{ONE}.assigner", "type": [{"code": "Reference", "targetProfile": [f"{HL7}Organization"]}]},
            {"assigner": {"reference": "Organization/o1"}},
            {"assigner": {"reference": "Patient/p1"}},
        ),
        (
            ("value", "use"),
            {"id": f"{ONE}.use", "binding": {"strength": "required", "valueSet": USES}},
            {"use": "usual"},
            {"value": "1"},
        ),
    ],
)
def test_slices_are_told_apart(facts, discriminator, rule, inside, outside):
    definition = Definition(url="urn:p", type="Patient", base=f"{HL7}Patient", rows=[slicing(*discriminator), rule])
    profiles = Profiles(facts, [definition])
    patient = {"resourceType": "Patient", "identifier": [inside]}
    assert profiles.against("urn:p", patient) == []
    patient["identifier"].append(outside)
    assert [issue.path for issue in profiles.against("urn:p", patient)] == ["Patient.identifier[1]"]


def test_slices_that_cannot_be_told_apart_are_an_error(facts):
    rule = {"id": "Patient.identifier:one", "min": 1}
    definition = Definition(url="urn:p", type="Patient", base=f"{HL7}Patient", rows=[slicing("profile", "$this"), rule])
    with pytest.raises(ProfileError, match="told apart"):
        Profiles(facts, [definition]).compile_all()


def test_the_codes_of_a_value_set():
    systems = {"urn:s": {"concept": [{"code": "a", "concept": [{"code": "b"}]}]}}
    included = [{"system": "urn:s"}, {"system": "urn:t", "concept": [{"code": "c"}]}, {"system": "urn:open"}]
    found = codes_of({"compose": {"include": included}}, systems)
    assert found == {"urn:s": frozenset("ab"), "urn:t": frozenset("c"), "urn:open": None}
