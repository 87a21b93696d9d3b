"""Query parsing: what is understood finds what it should."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import NotSupported, RequestError
from adapter.fhir.search import index_rows, parse_query, satisfies

BASE = "https://gate.example/fhir"


def concept(system, code):
    return {"coding": [{name: value for name, value in (("system", system), ("code", code)) if value}]}


def condition(*codings):
    return {"resourceType": "Condition", "id": "c1", "code": {"coding": [c["coding"][0] for c in codings]}}


@pytest.mark.parametrize(
    ("asked", "with_system", "without_system"),
    [
        ("a", True, True),
        ("s|a", True, False),
        ("|a", False, True),
        ("s|", True, False),
        ("t|a", False, False),
        ("b", False, False),
        ("t|", False, False),
        ("A", False, False),
        ("b,s|a", True, False),
        ("b,|a,t|", False, True),
    ],
)
def test_token_forms(found, asked, with_system, without_system):
    assert found(condition(concept("s", "a")), ("code", asked)) == with_system
    assert found(condition(concept(None, "a")), ("code", asked)) == without_system


def test_and_by_repetition_may_be_met_by_different_codings(found):
    both = condition(concept("s", "a"), concept("t", "b"))
    assert found(both, ("code", "a"), ("code", "t|b"))
    assert not found(both, ("code", "a"), ("code", "s|b"))


def test_plain_codes_have_the_system_of_their_value_set(found, patient):
    gender = "http://hl7.org/fhir/administrative-gender"
    assert found(patient, ("gender", "female"))
    assert found(patient, ("gender", f"{gender}|female"))
    assert not found(patient, ("gender", "|female"))
    assert not found(patient, ("gender", "male"))


TOKEN = st.text(st.sampled_from(list("ab,|$\\ é*")), min_size=1, max_size=6)


def escaped(text):
    for character in "\\,|$":
        text = text.replace(character, f"\\{character}")
    return text


@settings(max_examples=300, deadline=None)
@given(codes=st.lists(TOKEN, min_size=1, max_size=4))
def test_escaped_values_arrive_whole(codes, zone):
    query = parse_query("Condition", [("code", ",".join(map(escaped, codes)))], base_url=BASE, zone=zone)
    assert [a.value for a in query.filters[0].alternatives] == [f"*|{code}" for code in dict.fromkeys(codes)]


@settings(max_examples=300, deadline=None)
@given(system=st.text(st.sampled_from("st"), max_size=2), code=TOKEN)
def test_a_coding_is_found_by_each_of_its_forms(system, code, zone):
    rows = index_rows(condition(concept(system, code)), zone)
    forms = [escaped(code), f"{system}|{escaped(code)}"] + ([f"{system}|"] if system else [])
    for form in forms:
        query = parse_query("Condition", [("code", form)], base_url=BASE, zone=zone)
        assert satisfies("c1", rows, query.filters[0]), form


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("2026-03-02", True),
        ("eq2026-03-02", True),
        ("2026-03-01", False),
        ("2026-03-03", False),
        ("2026-03", True),
        ("2026-03-02T08:00:00-07:00", True),
        ("2026-03-02T15:00:00Z", True),
        ("2026-03-02T08:00", True),
        ("2026-03-02T08:01", False),
        ("ne2026-03-02", False),
        ("gt2026-03-02", False),
        ("ge2026-03-02", True),
        ("lt2026-03-02", False),
        ("le2026-03-02", True),
        ("gt2026-03-02T07:59:59-07:00", True),
        ("sa2026-03-01", True),
        ("eb2026-03-03", True),
        ("ap2026-03-02", True),
        ("2025,2026-03-02", True),
    ],
)
def test_days_against_a_stored_instant(found, observation, asked, answer):
    assert found(observation, ("date", asked)) == answer


def test_a_day_is_local(found, observation):
    observation["effectiveDateTime"] = "2026-03-03T06:30:00Z"
    assert found(observation, ("date", "2026-03-02"))
    assert found(observation, ("date", "ge2026-03-02"), ("date", "lt2026-03-03"))


def test_an_open_period_goes_on(found):
    encounter = {"resourceType": "Encounter", "id": "e1", "period": {"start": "2026-03-01"}}
    assert found(encounter, ("date", "gt2030"))
    assert found(encounter, ("date", "sa2026-02"))
    assert not found(encounter, ("date", "eq2026-03"))


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("nu", True),
        ("NUÑ", True),
        ("nunez", True),
        ("uñez", False),
        ("ada", True),
        ("x,ad", True),
        ("ada m", False),
    ],
)
def test_strings_start_with(found, patient, asked, answer):
    assert found(patient, ("name", asked)) == answer


def test_exact_strings_keep_case_and_marks(found, patient):
    assert found(patient, ("family:exact", "Nuñez"))
    assert not found(patient, ("family:exact", "Nunez"))
    assert not found(patient, ("family:exact", "Nuñ"))


@pytest.mark.parametrize("asked", ["p1", "Patient/p1", f"{BASE}/Patient/p1", "Patient/p1/_history/3", "p0,Patient/p1"])
def test_reference_forms(found, observation, asked):
    assert found(observation, ("patient", asked))
    assert found(observation, ("subject", asked))
    assert not found(observation, ("patient", "p2"))


def test_references_with_a_type(found, ask, observation):
    assert found(observation, ("subject:Patient", "p1"))
    assert found(observation, ("subject:Patient", "Patient/p1"))
    with pytest.raises(NotSupported, match="subject:Device"):
        ask("Observation", ("subject:Device", "d1"))
    with pytest.raises(RequestError, match="Patient"):
        ask("Observation", ("subject", "Device/d1"))
    provenance = {"resourceType": "Provenance", "id": "v1", "target": [{"reference": "Consent/c1"}]}
    assert found(provenance, ("target", "Consent/c1"))
    with pytest.raises(RequestError, match="Type/id"):
        ask("Provenance", ("target", "c1"))


def test_canonical_references(found):
    answers = {"resourceType": "QuestionnaireResponse", "id": "q1", "questionnaire": "http://x.example/q|1"}
    assert found(answers, ("questionnaire", "http://x.example/q"))
    assert found(answers, ("questionnaire", "http://x.example/q|1"))
    assert not found(answers, ("questionnaire", "http://x.example/q|2"))


def test_ids(found, patient):
    assert found(patient, ("_id", "p0,p1"))
    assert not found(patient, ("_id", "p0"), ("_id", "p1"))


def test_an_identifier_of_a_type(found, patient):
    kinds = {"coding": [{"system": "http://v2", "code": "MR"}, {"code": "local"}]}
    patient["identifier"] = [{"type": kinds, "system": "s", "value": "J|1"}, {"type": kinds}, {"value": "x"}]
    assert found(patient, ("identifier:of-type", "http://v2|MR|J\\|1"))
    assert not found(patient, ("identifier:of-type", "http://v2|MR|J"))
    assert not found(patient, ("identifier:of-type", "http://v2|local|J\\|1"))


def test_a_logical_reference_is_found_by_its_identifier(found):
    named = {"type": "Organization", "identifier": {"system": "npi", "value": "1"}}
    encounter = {"resourceType": "Encounter", "id": "e1", "serviceProvider": named}
    assert found(encounter, ("service-provider:identifier", "npi|1"))
    assert not found(encounter, ("service-provider:identifier", "npi|2"))
    assert found(encounter, ("service-provider:missing", "false"))
    assert found(encounter, ("location:missing", "true"))


def test_not_is_also_what_says_nothing(found, patient):
    assert found(patient, ("gender:not", "male,other"))
    assert not found(patient, ("gender:not", "male,female"))
    del patient["gender"]
    assert found(patient, ("gender:not", "female"))
    assert found(patient, ("gender:missing", "true"))
    assert not found(patient, ("gender:missing", "false"))


def test_strings_contain(found, patient):
    assert found(patient, ("family:contains", "UÑE"))
    assert not found(patient, ("family:contains", "nn"))


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("12", True),
        ("11.5", False),
        ("12.0", True),
        ("12.4", False),
        ("1.2e1", True),
        ("gt11.99", True),
        ("gt12", False),
        ("ge12", True),
        ("lt12", False),
        ("le12", True),
        ("sa12", False),
        ("eb12.1", True),
        ("ap13", True),
        ("ap14", False),
        ("ne12", False),
        ("12|http://unitsofmeasure.org|{score}", True),
        ("12|http://unitsofmeasure.org|score", False),
        ("12||score", True),
        ("12||{score}", True),
        ("12||mg", False),
        ("13,ge12||score", True),
    ],
)
def test_quantities(found, observation, asked, answer):
    assert found(observation, ("value-quantity", asked)) is answer
