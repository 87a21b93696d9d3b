"""HL7 v2 fields."""

from __future__ import annotations

import pytest

from adapter.mapping import Environment
from adapter.mapping.functions.hl7 import component
from adapter.mapping.mapped import IGNORED, LOSSY, UNMAPPED

SYSTEMS = {"ALDERJAIL": "https://alder-jail.example/person"}


def test_a_component_is_its_first_subcomponent_and_nothing_where_it_says_nothing():
    assert component({"4": "A"}, "4") == "A"
    assert component({"4.1": "A"}, "4") == "A"
    assert component({"4": '""'}, "4") is None
    assert component({"4": " NULL "}, "4") is None
    assert component({}, "4") is None


def test_dates(run):
    assert run("hl7_datetime", [{"1": "20260302081000-0700"}]).value == "2026-03-02T08:10:00-07:00"
    assert run("hl7_datetime", None).value is None
    assert run("hl7_birth_date", [{"1": "19800203"}]).value == "1980-02-03"
    assert run("hl7_birth_date", None).value is None
    assert run("hl7_birth_date", [{"1": "198002030410"}]).states == {"a0": LOSSY}
    assert run("hl7_birth_date", [{"1": "29990101"}]).states == {"a0": IGNORED}
    late = run("hl7_birth_date", [{"1": "20110203"}], environment=Environment(zone="UTC", newest_birth_year=2010))
    assert (late.value, late.warned) == (None, ["birth-after-newest-year"])


def test_identifiers_of_every_repetition_with_a_known_authority(run):
    field = [
        {"1": "J1", "4": "ALDERJAIL", "5": "PCN"},
        {"1": "123-45-6780", "4": "SSA", "5": "SS"},
        {"1": "X", "4": "ELSEWHERE", "5": "PCN"},
        {"4": "ALDERJAIL", "5": "PCN"},
        {"1": "J2", "4": "ALDERJAIL"},
    ]
    found = run("cx_identifiers", field, SYSTEMS)
    assert [(entry["system"], entry["value"]) for entry in found.value] == [
        (SYSTEMS["ALDERJAIL"], "J1"),
        ("http://hl7.org/fhir/sid/us-ssn", "123456780"),
        (SYSTEMS["ALDERJAIL"], "J2"),
    ]
    assert (found.states, found.warned) == ({"a0": UNMAPPED}, ["unknown-authority"])
    assert run("cx_identifiers", None, SYSTEMS).value is None


def test_identifiers_of_other_types_are_passed_by(run):
    found = run("cx_identifiers", [{"1": "B1", "4": "ALDERJAIL", "5": "VN"}], SYSTEMS, ["PCN"])
    assert (found.value, found.states) == (None, {"a0": IGNORED})


def test_a_key_does_not_depend_on_the_order_of_repetitions(run):
    field = [{"1": "9", "4": "OTHER", "5": "PI"}, {"1": "J1", "4": "ALDERJAIL", "5": "PCN"}]
    for order in (field, field[::-1]):
        assert run("cx_value", order, "ALDERJAIL", "PCN").value == "J1"
    assert run("cx_value", None, "ALDERJAIL", "PCN").value is None


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (
            [{"1": "ASH", "2": "BO", "3": "Q", "4": "JR", "5": "DR"}],
            [{"use": "official", "family": "ASH", "given": ["BO", "Q"], "suffix": ["JR"], "prefix": ["DR"]}],
        ),
        (
            [{"1": "ASH", "2": "BO"}, {"1": "ELM", "2": "BO", "7": "A"}],
            [
                {"use": "official", "family": "ASH", "given": ["BO"]},
                {"use": "nickname", "family": "ELM", "given": ["BO"]},
            ],
        ),
        ([{"1": "ASH"}, {"1": "ELM"}], [{"use": "official", "family": "ASH"}, {"family": "ELM"}]),
        ([{"1": "ASH", "7": "M"}], [{"use": "maiden", "family": "ASH"}]),
        (
            [{"1": "ASH AKA ELM"}],
            [{"use": "official", "family": "ASH"}, {"use": "nickname", "family": "ELM"}],
        ),
        ([{"1": "NULL"}], None),
        (None, None),
    ],
)
def test_names_of_every_repetition(run, field, expected):
    assert run("xpn_names", field).value == expected


def test_a_coded_element_keeps_both_codings(run):
    field = [{"1": "44261-6", "2": "PHQ-9 total", "3": "LN", "4": "phq-9", "5": "PHQ", "6": "L"}]
    found = run("cwe_concept", field, {"L": "https://x.example/local"})
    assert found.value == {
        "coding": [
            {"system": "http://loinc.org", "code": "44261-6", "display": "PHQ-9 total"},
            {"system": "https://x.example/local", "code": "phq-9", "display": "PHQ"},
        ],
        "text": "PHQ-9 total",
    }


def test_a_code_of_an_unknown_system_is_kept_as_text_with_a_warning(run):
    found = run("cwe_concept", [{"1": "Q7", "3": "99ZZZ"}], {})
    assert (found.value, found.states, found.warned) == (
        {"text": "Q7"},
        {"a0": LOSSY},
        ["unknown-code-system"],
    )
    assert run("cwe_concept", [{"9": "words"}], {}).value == {"text": "words"}
    assert run("cwe_concept", [{"3": "LN"}], {}).value is None
    assert run("cwe_concept", None, {}).value is None
