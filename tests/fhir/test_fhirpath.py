"""FHIRPath by example: what the specification says of each operator and function that is covered."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.fhir.fhirpath import Paths
from adapter.fhir.fhirpath_syntax import PathError, parse_path

RESOURCE = {
    "resourceType": "Observation",
    "status": "final",
    "valueQuantity": {"value": Decimal("5.50"), "code": "{score}"},
    "_issued": {"extension": [{"url": "urn:x", "valueCode": "unknown"}]},
    "category": [{"coding": [{"system": "a", "code": "survey"}, {"code": "b"}]}, {"text": "other"}],
    "component": [{"code": {"text": "1"}, "valueInteger": 2}, {"code": {"text": "2"}}],
    "note": [{"text": "one"}, {"text": "two"}],
    "contained": [{"resourceType": "Patient", "id": "p"}],
}


@pytest.fixture(scope="module")
def paths(facts):
    return Paths(facts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status", ["final"]),
        ("Observation.status", ["final"]),
        ("category.coding.code", ["survey", "b"]),
        ("category[0].coding[1].code", ["b"]),
        ("category[7]", []),
        ("issued.exists()", [True]),
        ("issued.hasValue()", [False]),
        ("value.exists()", [True]),
        ("value.ofType(Quantity).value", [Decimal("5.50")]),
        ("(value as Quantity).code", ["{score}"]),
        ("value is Quantity", [True]),
        ("value is CodeableConcept", [False]),
        ("effective is dateTime", []),
        ("contained.ofType(Patient).id", ["p"]),
        ("contained.first() is Patient", [True]),
        ("component.all(value.exists())", [False]),
        ("component.where(value.exists()).code.text", ["1"]),
        ("component.exists(value > 1)", [True]),
        ("component.select(code.text & '!')", ["1!", "2!"]),
        ("note.text.count() = 2", [True]),
        ("note.text.isDistinct()", [True]),
        ("note.text.combine(note.text).distinct().count()", [2]),
        ("note.text.intersect('two')", ["two"]),
        ("note.text.exclude('two')", ["one"]),
        ("('one' | 'three').subsetOf(note.text)", [False]),
        ("note.tail().text", ["two"]),
        ("note.last().text", ["two"]),
        ("'two' in note.text", [True]),
        ("note.text contains 'three'", [False]),
        ("{} in note.text", []),
        ("status.matches('^fin')", [True]),
        ("status.startsWith('fi') and status.endsWith('al')", [True]),
        ("status.substring(1, 2)", ["in"]),
        ("status.substring(9)", []),
        ("status.length() > 3", [True]),
        ("status.replaceMatches('f.n', 'x')", ["xal"]),
        ("'12'.toInteger() + 1", [13]),
        ("'x'.toInteger()", []),
        ("5.toString()", ["5"]),
        ("7 div 2 = 3 and 7 mod 2 = 1", [True]),
        ("7 / 0", []),
        ("1 + 2 * 3", [7]),
        ("-(1) < 0", [True]),
        ("iif(status = 'final', 'a', 'b')", ["a"]),
        ("iif(status = 'x', 'a')", []),
        ("note.trace('n').count()", [2]),
        ("issued.extension('urn:x').value", ["unknown"]),
        ("category.descendants().code.count()", [2]),
        ("children().where($this.code = '{score}').exists()", [True]),
        ("note.where($this.text = 'one').exists()", [True]),
        ("note.all(%resource.status = 'final')", [True]),
        ("%ucum", ["http://unitsofmeasure.org"]),
        ("status != 'amended'", [True]),
        ("identifier = 'x'", []),
        ("true = 1", [False]),
        ("{} and false", [False]),
        ("{} or true", [True]),
        ("{} or false", []),
        ("{} implies true", [True]),
        ("true implies {}", []),
        ("false implies {}", [True]),
        ("true xor false", [True]),
        ("{}.not()", []),
        ("'it\\'s' = 'it\\u0027s'", [True]),
        ("`status`", ["final"]),
    ],
)
def test_what_an_expression_gives(paths, text, expected):
    assert paths.compile(text).values(RESOURCE, RESOURCE) == expected


@pytest.mark.parametrize(
    "text",
    ["status.", "status status", "(status", "status.where(", "@2026", "a ? b", "where(", "{1}", "a.%resource", "'x"],
)
def test_what_is_no_expression_is_refused_with_its_place(text):
    with pytest.raises(PathError, match="character"):
        parse_path(text)


@pytest.mark.parametrize(
    "text",
    [
        "subject.resolve()",
        "%vs",
        "$total",
        "code.memberOf('x')",
        "a ~ b",
        "status is Color",
        "value is Color",
        "status.count(1)",
        "a is (b)",
    ],
)
def test_what_is_not_covered_is_refused_when_it_is_compiled(paths, text):
    with pytest.raises(PathError):
        paths.compile(text)


def test_an_invariant_without_a_result_does_not_hold(paths):
    assert not paths.compile("identifier.value = 'x'").holds(RESOURCE, RESOURCE)
    assert paths.compile("status").holds(RESOURCE, RESOURCE)


def test_every_invariant_of_the_tables_compiles(facts, paths):
    expressions = [text for structure in facts.types.values() for _, text in structure.expressions]
    assert len(expressions) > 60
    for text in expressions:
        paths.compile(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "value", "code"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(
    JSON, st.sampled_from(["a.b | value", "descendants().count()", "a.where(b = code).exists()", "a < b", "a & code"])
)
def test_no_value_breaks_an_expression(paths, value, text):
    resource = {"resourceType": "Basic", "a": value}
    assert isinstance(paths.compile(text).values(resource, resource), list)
