"""The tables of R4: complete in themselves, and generated the same way every time."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from adapter.fhir.primitives import PRIMITIVES

R4 = Path(__file__).parents[2] / "profiles" / "r4"
SCOPE = (
    "Patient Encounter Consent Observation Organization Provenance QuestionnaireResponse Condition Location "
    "Practitioner PractitionerRole Group DocumentReference RelatedPerson AuditEvent Subscription Bundle "
    "OperationOutcome CapabilityStatement StructureDefinition CodeSystem ValueSet SearchParameter"
)


@pytest.fixture(scope="session")
def generate():
    spec = importlib.util.spec_from_file_location("generate", R4 / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_type_a_row_names_is_defined(document):
    for name, table in document["types"].items():
        for element, (_, _, types, *_) in table["elements"].items():
            for kind in types.split(" "):
                assert kind in PRIMITIVES or kind in document["types"] or kind == "Resource", f"{name}.{element}"


def test_cardinalities_are_one_or_open(document):
    rows = [row for table in document["types"].values() for row in table["elements"].values()]
    assert {row[0] for row in rows} == {0, 1}
    assert {row[1] for row in rows} == {1, None}


def test_only_choices_have_several_types(document):
    for table in document["types"].values():
        for element, row in table["elements"].items():
            assert (" " in row[2]) == element.endswith("[x]")


def test_required_codes_are_listed_and_belong_to_codes_and_concepts(document):
    used = set()
    for table in document["types"].values():
        for row in table["elements"].values():
            if len(row) > 3:
                assert row[2] in {"code", "CodeableConcept"}
                used.add(row[3])
    assert used | {"resource-types"} == set(document["codes"])
    assert all(codes for systems in document["codes"].values() for codes in systems.values())


def test_invariants_speak_of_siblings(facts):
    for structure in facts.types.values():
        for invariant in structure.invariants:
            assert invariant.form in {"any", "one", "needs", "excludes"}
            for base in invariant.names:
                assert structure.element(base).base == base


def test_the_types_in_scope_are_there(facts):
    assert set(SCOPE.split(" ")) <= facts.resources
    assert len(facts.all_resources) == 148
    assert facts.fhir == "4.0.1"


def test_elements_expand_choices(facts):
    elements = facts.elements("Observation")
    assert {"valueQuantity", "valueString", "effectiveDateTime", "status", "component"} <= elements
    assert not elements & {"value[x]", "value", "resourceType", "_status"}
    assert facts.elements("Nothing") == frozenset()


def test_required_elements(facts):
    assert facts.required("Observation") == {"status", "code"}
    assert facts.required("Encounter") == {"status", "class"}
    assert facts.required("Consent") == {"status", "scope", "category"}
    assert facts.required("Patient") == facts.required("Nothing") == frozenset()


def test_ids_urls_of_extensions_and_xhtml_take_no_extensions(facts):
    extension = facts.types["Extension"]
    assert not extension.element("url").extensible
    assert "valueString" in extension.element("value").extensible
    assert not facts.types["Narrative"].element("div").extensible
    assert facts.types["Patient"].element("birthDate").names() == ("birthDate", "_birthDate")


def test_the_text_of_the_facts_is_what_the_generator_writes(generate, document):
    assert generate.written(document) == (R4 / "facts.json").read_text(encoding="utf-8")


def _definition(folder, name, kind, elements):
    body = {"kind": kind, "fhirVersion": "4.0.1", "snapshot": {"element": elements}}
    (folder / f"StructureDefinition-{name}.json").write_text(json.dumps(body))


def _system(folder, name, concepts):
    url = f"http://example.org/{name}"
    (folder / f"CodeSystem-{name}.json").write_text(json.dumps({"url": url, "concept": concepts}))
    compose = {"include": [{"system": url}]}
    value_set = {"url": f"http://hl7.org/fhir/ValueSet/{name}", "compose": compose}
    (folder / f"ValueSet-{name}.json").write_text(json.dumps(value_set))


def _element(path, kind="code", low=0, high="1", **more):
    return {"path": path, "min": low, "max": high, "type": [{"code": kind}], **more}


@pytest.fixture
def definitions(tmp_path, generate, monkeypatch):
    """A tiny R4: one resource with a backbone, a choice, a required code, a reference to its own content."""
    monkeypatch.setattr(generate, "RESOURCES", ("Patient",))
    system = "http://hl7.org/fhirpath/System.String"
    rule = {"key": "t-1", "severity": "error", "expression": "(link.exists() and status.exists()).not()"}
    advice = {"key": "t-2", "severity": "warning", "expression": "link.exists() or status.exists()"}
    binding = {"strength": "required", "valueSet": "http://hl7.org/fhir/ValueSet/colour|4.0.1"}
    choice = {
        "path": "Patient.seen[x]",
        "min": 0,
        "max": "1",
        "type": [{"code": "code"}, {"code": "boolean"}],
    }
    again = {"path": "Patient.link.link", "min": 0, "max": "*", "contentReference": "#Patient.link"}
    elements = [
        {"path": "Patient", "min": 0, "max": "*", "constraint": [rule, advice]},
        _element("Patient.id", system),
        _element("Patient.status", low=1, binding=binding),
        choice,
        _element("Patient.link", "BackboneElement", high="*"),
        again,
    ]
    _definition(tmp_path, "Patient", "resource", elements)
    _definition(tmp_path, "Element", "complex-type", [{"path": "Element", "min": 0, "max": "*"}])
    for primitive in ("code", "boolean"):
        _definition(tmp_path, primitive, "primitive-type", [])
    _system(tmp_path, "colour", [{"code": "red", "concept": [{"code": "crimson"}]}, {"code": "blue"}])
    _system(tmp_path, "resource-types", [{"code": "Patient"}])
    return tmp_path


def test_generator_reads_rows_backbones_choices_codes_and_invariants(generate, definitions):
    facts = generate.tables(definitions)
    assert facts["types"]["Patient"] == {
        "kind": "resource",
        "elements": {
            "id": [0, 1, "id"],
            "status": [1, 1, "code", "colour"],
            "seen[x]": [0, 1, "code boolean"],
            "link": [0, None, "Patient.link"],
        },
        "invariants": [["t-1", "excludes", "link", "status"]],
    }
    assert facts["types"]["Patient.link"]["elements"] == {"link": [0, None, "Patient.link"]}
    assert facts["codes"]["colour"] == {"http://example.org/colour": ["blue", "crimson", "red"]}
    assert json.loads(generate.written(facts)) == facts


def test_generator_leaves_registries_to_others_and_stops_at_what_it_does_not_cover(generate, definitions):
    def compose(**body):
        value_set = {"url": "http://hl7.org/fhir/ValueSet/colour", "compose": body}
        (definitions / "ValueSet-colour.json").write_text(json.dumps(value_set))

    compose(include=[{"system": "urn:ietf:bcp:13"}])
    assert generate.tables(definitions)["types"]["Patient"]["elements"]["status"] == [1, 1, "code"]
    compose(include=[{"system": "http://example.org/colour", "filter": [{}]}])
    with pytest.raises(SystemExit, match="filters"):
        generate.tables(definitions)
    compose(include=[], exclude=[{"system": "http://example.org/colour"}])
    with pytest.raises(SystemExit, match="exclusions"):
        generate.tables(definitions)


@pytest.mark.parametrize(
    ("expression", "row"),
    [
        ("a.exists() or b.exists() or c.exists()", ["any", "a", "b", "c"]),
        ("a.empty() or b.exists()", ["needs", "a", "b"]),
        ("a.exists() implies b.exists()", ["needs", "a", "b"]),
        ("a.empty() or b.empty()", ["excludes", "a", "b"]),
        ("a.exists() != b.exists()", ["one", "a", "b"]),
        ("a.exists() xor b.exists()", ["one", "a", "b"]),
        ("a.empty() or (b = true)", None),
        ("a.exists()", None),
    ],
)
def test_generator_takes_only_presence_from_invariants(generate, expression, row):
    assert generate._presence(expression) == row
