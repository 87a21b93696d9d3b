"""Query parsing: what is understood finds what it should, everything else is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import NotSupported, RequestError
from adapter.fhir.dates import search_interval
from adapter.fhir.search import Include, Query, index_rows, parse_query, satisfies

BASE = "https://gate.example/fhir"


@pytest.fixture
def ask(zone):
    def parsed(kind, *pairs):
        return parse_query(kind, pairs, base_url=BASE, zone=zone)

    return parsed


@pytest.fixture
def found(ask, zone):
    def answer(resource, *pairs):
        rows = index_rows(resource, zone)
        filters = ask(resource["resourceType"], *pairs).filters
        return all(satisfies(resource["id"], rows, asked) for asked in filters)

    return answer


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


REFUSED = [
    ("Patient", "colour", "x", "colour"),
    ("Patient", "name:text", "x", "name:text"),
    ("Patient", "name:missing", "perhaps", "name:missing"),
    ("Patient", "name:not", "x", "name:not"),
    ("Patient", "_id:missing", "true", "_id:missing"),
    ("Patient", "_lastUpdated:missing", "true", "_lastUpdated:missing"),
    ("Patient", "identifier:of-type", "s|MR", "identifier:of-type"),
    ("Patient", "identifier:of-type", "|MR|1", "identifier:of-type"),
    ("Patient", "identifier:in", "x", "identifier:in"),
    ("Patient", "gender:of-type", "s|a|1", "gender:of-type"),
    ("Patient", "gender:above", "x", "gender:above"),
    ("Patient", "family:contains", "\u0301", "family:contains"),
    ("Patient", "_lastUpdated", "soon", "_lastUpdated"),
    ("Patient", "_profile", "x", "_profile"),
    ("Patient", "_tag", "x", "_tag"),
    ("Patient", "_security", "R", "_security"),
    ("Patient", "_text", "x", "_text"),
    ("Patient", "_content", "x", "_content"),
    ("Patient", "_list", "x", "_list"),
    ("Patient", "_filter", "name eq x", "_filter"),
    ("Patient", "_contained", "true", "_contained"),
    ("Patient", "_query", "x", "_query"),
    ("Patient", "_revinclude:iterate", "Provenance:target", "_revinclude:iterate"),
    ("Patient", "_revinclude", "*", "_revinclude"),
    ("Patient", "_revinclude", "Provenance:agent", "_revinclude"),
    ("Patient", "_revinclude", "Observation:patient:Group", "_revinclude"),
    ("Location", "_revinclude", "Encounter:location", "_revinclude"),
    ("Observation", "_include", "*", "_include"),
    ("Observation", "_include", "Encounter:patient", "_include"),
    ("Observation", "_include", "Observation:patient:Group", "_include"),
    ("Observation", "_include", "Observation:code", "_include"),
    ("Observation", "_include:iterate", "Observation:patient", "_include:iterate"),
    ("Observation", "_elements", "", "_elements"),
    ("Observation", "_elements", "code.coding", "_elements"),
    ("Observation", "value-quantity", "five", "value-quantity"),
    ("Observation", "value-quantity", "5|mg", "value-quantity"),
    ("Observation", "value-quantity", "5|s|", "value-quantity"),
    ("Observation", "value-quantity", "gt", "value-quantity"),
    ("Observation", "value-quantity", "05", "value-quantity"),
    ("Observation", "patient:identifier", "*|x", "patient:identifier"),
    ("QuestionnaireResponse", "_include", "QuestionnaireResponse:questionnaire", "_include"),
    ("QuestionnaireResponse", "questionnaire:identifier", "x", "questionnaire:identifier"),
    ("Patient", "name:", "x", "name:"),
    ("Patient", "_sort", "date", "_sort"),
    ("Patient", "_sort", "--family", "_sort"),
    ("Observation", "_sort", "status", "_sort"),
    ("Observation", "_sort", "date,-date", "_sort"),
    ("Observation", "_sort", "", "_sort"),
    ("Observation", "patient.name", "x", "patient.name"),
    ("Observation", "_has:Provenance:target:agent", "x", "_has:Provenance:target:agent"),
    ("Observation", "_summary", "some", "_summary"),
    ("Observation", "_total", "perhaps", "_total"),
    ("Observation", "_count", "-1", "_count"),
    ("Observation", "_count", "ten", "_count"),
    ("Observation", "_cursor", "", "_cursor"),
    ("Observation", "_format", "", "_format"),
    ("Observation", "date", "notadate", "date"),
    ("Observation", "date", "2026-02-30", "date"),
    ("Observation", "date", "gt", "date"),
    ("Observation", "date", "xx2026", "date"),
    ("Observation", "date", "2026-03-02T08:00:00 07:00", "date"),
    ("Observation", "date", "2026,", "date"),
    ("Observation", "code", "", "code"),
    ("Observation", "code", "a,,b", "code"),
    ("Observation", "code", "|", "code"),
    ("Observation", "code", "*|a", "code"),
    ("Observation", "code", "a\\b", "code"),
    ("Observation", "code", "a\\", "code"),
    ("Observation", "code", ",".join(str(n) for n in range(101)), "code"),
    ("Observation", "patient", "https://other.example/fhir/Patient/p1", "patient"),
    ("Observation", "patient", "#p1", "patient"),
    ("Observation", "_id", "a_b", "_id"),
    ("Patient", "family", "\u0301", "family"),
    ("QuestionnaireResponse", "questionnaire", "a b", "questionnaire"),
    ("Medication", "code", "a", "resourceType"),
]


@pytest.mark.parametrize(("kind", "name", "value", "expression"), REFUSED)
def test_what_is_not_understood_is_refused_by_name(ask, kind, name, value, expression):
    with pytest.raises(RequestError) as caught:
        ask(kind, (name, value))
    assert caught.value.expression == expression
    assert "expected" in str(caught.value)


def test_names_that_are_no_names_and_values_are_not_repeated(ask):
    with pytest.raises(NotSupported) as caught:
        ask("Patient", ("John Smith 1980", "x"))
    assert "Smith" not in str(caught.value) + caught.value.expression
    with pytest.raises(RequestError) as caught:
        ask("Patient", ("birthdate", "secret"))
    assert "secret" not in str(caught.value)
    with pytest.raises(NotSupported) as caught:
        ask("Patient", ("name:John Smith", "x"))
    assert caught.value.expression == "name"


def test_result_parameters(ask):
    assert ask("Observation") == Query(type="Observation", count=20)
    pairs = [
        ("_sort", "-date,_id"),
        ("_count", "500"),
        ("_summary", "count"),
        ("_cursor", "abc"),
        ("_total", "accurate"),
    ]
    query = ask("Observation", *pairs, ("_format", "json"))
    assert (query.sort, query.count, query.summary, query.cursor) == (("-date", "_id"), 200, "count", "abc")
    assert ask("Patient", ("_count", "0"), ("_summary", "false"), ("_sort", "_lastUpdated")) == Query(
        type="Patient", count=0, sort=("_lastUpdated",)
    )
    with pytest.raises(RequestError, match="twice"):
        ask("Patient", ("_count", "1"), ("_count", "2"))
    assert not ask("Patient", ("_total", "none")).total
    assert ask("Patient", ("_elements", "name,deceased[x],name")).elements == ("name", "deceased")
    assert ask("Patient", ("_sort", "-family,birthdate,-_id")).sort == ("-family", "birthdate", "-_id")
    with pytest.raises(RequestError, match="_include"):
        ask("Observation", ("_summary", "text"), ("_include", "Observation:patient"))
    with pytest.raises(RequestError, match="_summary"):
        ask("Observation", ("_summary", "data"), ("_elements", "code"))


def test_includes(ask):
    pairs = [("_include", "Observation:patient"), ("_include", "Observation:subject:Patient")]
    named = ask("Observation", *pairs, pairs[0], ("_revinclude", "Provenance:target")).includes
    assert named == (
        Include(source="Observation", param="patient"),
        Include(source="Observation", param="subject", target="Patient"),
        Include(source="Provenance", param="target", reverse=True),
    )
    assert ask("Practitioner", ("_revinclude", "PractitionerRole:practitioner:Practitioner")).includes == (
        Include(source="PractitionerRole", param="practitioner", target="Practitioner", reverse=True),
    )


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


def test_repeated_parameters_are_all_kept(ask, zone):
    query = ask("Observation", ("date", "ge2026-01-01"), ("date", "lt2026-02-01"), ("patient", "p1,p2"))
    first, second, third = query.filters
    assert [(a.prefix, a.low) for a in (*first.alternatives, *second.alternatives)] == [
        ("ge", search_interval("2026-01-01", zone)[0]),
        ("lt", search_interval("2026-02-01", zone)[0]),
    ]
    assert [a.value for a in third.alternatives] == ["Patient/p1", "Patient/p2"]


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(["Patient", "Observation", "Condition"]),
    pairs=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "_id",
                    "identifier",
                    "name",
                    "date",
                    "code",
                    "patient",
                    "birthdate",
                    "_count",
                    "_sort",
                    "gender:not",
                    "x",
                ]
            )
            | st.text(max_size=8),
            st.text(max_size=12) | st.from_regex(r"(ge|lt)?20[0-9]{2}-[0-9]{2}(-[0-9]{2})?", fullmatch=True),
        ),
        max_size=3,
    ),
)
def test_any_parameters_are_parsed_or_refused_and_none_is_dropped(kind, pairs, zone):
    refusal, query = None, None
    try:
        query = parse_query(kind, pairs, base_url=BASE, zone=zone)
    except RequestError as error:
        refusal = str(error)
    if query is None:
        assert "expected" in refusal
    else:
        searched = [name for name, _ in pairs if not name.startswith("_") or name == "_id"]
        assert [asked.param + (":not" if asked.modifier else "") for asked in query.filters] == searched
