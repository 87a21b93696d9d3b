"""JSON subtrees of FHIR sources: the allow-list."""

from __future__ import annotations

import pytest

from adapter.errors import RecordError
from adapter.mapping.mapped import IGNORED, UNMAPPED

RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"


def test_only_listed_paths_are_kept(run):
    element = {"coding": [{"code": "a", "userSelected": True}, {"extension": []}], "text": "t", "id": "x"}
    assert run("keep", element, ["coding.code", "text"]).value == {"coding": [{"code": "a"}], "text": "t"}
    assert run("keep", [element, {"id": "x"}], ["text"]).value == [{"text": "t"}]
    assert run("keep", {"id": "x"}, ["text"]).value is None
    assert run("keep", "text", ["text"]).value is None
    assert run("keep", None, ["text"]).value is None
    assert run("keep", {"a": {"b": None}}, ["a.b"]).value is None


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ({"reference": "Patient/p1"}, "p1"),
        ({"reference": "https://ehr.example/fhir/Patient/p1/_history/2"}, "p1"),
        ({"reference": "Group/p1"}, None),
        ({"reference": "Patient/p1/extra"}, None),
        ({"reference": 1}, None),
        ({"display": "x"}, None),
        ("Patient/p1", None),
        (None, None),
    ],
)
def test_the_id_of_a_reference(run, element, expected):
    assert run("reference_id", element, "Patient").value == expected


def test_labels_a_resource_came_with(run):
    meta = {
        "security": [
            {"system": "s", "code": "42CFRPart2", "display": "d"},
            {"display": "x"},
            "y",
            {"code": "R"},
        ]
    }
    assert run("security_labels", meta).value == [
        {"system": "s", "code": "42CFRPart2"},
        {"system": "", "code": "R"},
    ]
    assert run("security_labels", {"security": [{}]}).value is None
    assert run("security_labels", {"source": "x"}).value is None
    assert run("security_labels", None).value is None


def test_the_unit_is_what_the_source_names_and_never_guessed(run):
    assert run("unit_of_source", {"source": "urn:unit:riverside-otp"}, "urn:unit:").value == "riverside-otp"
    for meta in (None, {}, {"source": "urn:unit:"}, {"source": "elsewhere"}, {"source": 3}):
        with pytest.raises(RecordError, match="missing-unit"):
            run("unit_of_source", meta, "urn:unit:")


def test_identifiers_have_a_system_and_a_number_that_was_issued(run):
    ssn = {"system": "http://hl7.org/fhir/sid/us-ssn"}
    found = run(
        "identifiers",
        [
            {"system": "s", "value": "1", "assigner": {"display": "x"}},
            ssn | {"value": "123-45-6780"},
            ssn | {"value": "999999999"},
            {"value": "2"},
            "x",
        ],
    )
    assert found.value == [{"system": "s", "value": "1"}, ssn | {"value": "123456780"}]
    assert found.states == {"a0": UNMAPPED}
    assert set(found.warned) == {"invalid-ssn", "identifier-without-system"}
    assert run("identifiers", [ssn | {"value": "000000000"}]).states == {"a0": IGNORED}
    assert run("identifiers", None).value is None


def test_only_the_us_core_demographics_are_kept_of_extensions(run):
    race = {"url": RACE, "extension": [{"url": "text", "valueString": "White", "id": "x"}]}
    found = run("us_core_demographics", [race, {"url": "https://x.example/secret", "valueString": "s"}])
    assert found.value == [{"url": RACE, "extension": [{"url": "text", "valueString": "White"}]}]
    assert (found.states, found.warned) == ({"a0": UNMAPPED}, ["unknown-extension"])
    assert run("us_core_demographics", [race]).states == {}
    assert run("us_core_demographics", None).value is None


def test_questionnaire_items_are_kept_at_every_depth(run):
    item = [
        {
            "linkId": "/1",
            "definition": "d",
            "item": [{"linkId": "/1.1", "answer": [{"valueInteger": 2, "extension": [{}]}]}],
            "answer": [
                {"valueCoding": {"code": "a", "userSelected": True}, "item": [{"linkId": "/1.2"}]},
                {"id": "x"},
            ],
        },
        {"text": "without link id"},
        "x",
    ]
    assert run("questionnaire_items", item).value == [
        {
            "linkId": "/1",
            "answer": [{"valueCoding": {"code": "a"}, "item": [{"linkId": "/1.2"}]}],
            "item": [{"linkId": "/1.1", "answer": [{"valueInteger": 2}]}],
        }
    ]
    assert run("questionnaire_items", None).value is None
    assert run("questionnaire_items", [{"linkId": "/1", "answer": "x"}]).value == [{"linkId": "/1"}]


def test_items_nested_without_end_are_cut(run):
    item = {"linkId": "end"}
    for _ in range(500):
        item = {"linkId": "x", "item": [item]}
    assert "end" not in str(run("questionnaire_items", [item]).value)
