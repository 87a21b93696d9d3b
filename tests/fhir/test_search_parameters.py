"""Which parameters of a search are understood; everything else is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import NotSupported, RequestError
from adapter.fhir.dates import search_interval
from adapter.fhir.search import Include, Query, parse_query

BASE = "https://gate.example/fhir"


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
