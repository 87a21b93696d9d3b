"""A result is read from whatever element it stands in, and never guessed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import RecordError
from adapter.summary.values import Reading, answer_score, reading
from adapter.summary.vocabulary import (
    ABSENT_REASON,
    INTERPRETATION,
    LOINC,
    ORDINAL_VALUE,
    RESULT_CATEGORY,
    RESULT_CODE,
)


@pytest.fixture(scope="session")
def read(registry):
    def of(code, element, system=LOINC):
        return reading(element, target=registry.by_code[system, code], path="Observation.value[x]")

    return of


def concept(*codings, **elements):
    return {"valueCodeableConcept": {"coding": list(codings), **elements}}


@pytest.mark.parametrize(
    "element",
    [
        {"valueQuantity": {"value": Decimal(12), "unit": "{score}"}},
        {"valueQuantity": {"value": 12}},
        {"valueQuantity": {"value": 12.0}},
        {"valueInteger": 12},
        {"valueDecimal": Decimal("12.0")},
        {"valueString": "12"},
        {"valueString": " 12 "},
        concept({"system": "urn:x", "code": "12"}),
        concept({"display": "12"}),
        concept(text="12"),
        concept({"code": "x", "extension": [{"url": ORDINAL_VALUE, "valueDecimal": Decimal(12)}]}),
        {"valueCoding": {"code": "12"}},
    ],
)
def test_a_score_is_read_from_any_element(read, element):
    assert read("44261-6", element).score == 12


def test_the_digits_of_a_score_are_kept(read):
    assert str(read("44261-6", {"valueDecimal": Decimal("12.50")}).score) == "12.50"


@pytest.mark.parametrize(
    "element",
    [
        concept({"system": RESULT_CATEGORY, "code": "refer"}),
        concept({"code": "REFER"}),
        concept({"system": "urn:jail", "code": "17", "display": "Refer for evaluation"}),
        concept(text="Refer"),
        {"valueString": "referred"},
        {"valueString": "Positive"},
        {"valueBoolean": True},
        {"valueString": "Y"},
        concept({"system": LOINC, "code": "LA33-6"}),
        concept({"system": "http://snomed.info/sct", "code": "373066001"}),
        concept({"system": "http://terminology.hl7.org/CodeSystem/v2-0136", "code": "Y"}),
        {"interpretation": [{"coding": [{"system": INTERPRETATION, "code": "POS"}]}]},
    ],
)
def test_a_category_is_read_from_any_element(read, element):
    assert read("bjmhs-result", element, RESULT_CODE) == Reading(category="refer")


@pytest.mark.parametrize(
    ("element", "category"),
    [
        ({"valueBoolean": False}, "no-refer"),
        (concept({"system": LOINC, "code": "LA32-8"}), "no-refer"),
        ({"valueString": "Declined"}, "refused"),
        (concept({"system": LOINC, "code": "LA30122-8"}), "refused"),
        ({"dataAbsentReason": {"coding": [{"system": ABSENT_REASON, "code": "asked-declined"}]}}, "refused"),
    ],
)
def test_other_answers_are_kept_as_such(read, element, category):
    assert read("bjmhs-result", element, RESULT_CODE) == Reading(category=category)


def test_a_band_beside_a_score_code_is_the_senders_band(read):
    assert read("44261-6", concept({"code": "moderate"})) == Reading(category="moderate")
    both = concept({"code": "moderate", "extension": [{"url": ORDINAL_VALUE, "valueDecimal": Decimal(12)}]})
    assert read("44261-6", both) == Reading(score=Decimal(12), category="moderate")


def test_interpretation_of_a_score_is_the_senders_band(read):
    element = {"valueInteger": 4, "interpretation": [{"coding": [{"system": INTERPRETATION, "code": "NEG"}]}]}
    assert read("44261-6", element) == Reading(score=Decimal(4), category="negative")


@pytest.mark.parametrize("code", ["H", "N", "A", "L", "HH"])
def test_laboratory_flags_are_not_bands(read, code):
    element = {"valueInteger": 4, "interpretation": [{"coding": [{"system": INTERPRETATION, "code": code}]}]}
    assert read("44261-6", element) == Reading(score=Decimal(4))


def test_pinned_answers_of_an_instrument(read):
    low = concept({"system": LOINC, "code": "LA9194-7"})
    assert read("93374-7", low) == Reading(category="low")
    high = concept({"system": LOINC, "code": "LA0000-0", "display": "High Risk"})
    assert read("93374-7", high) == Reading(category="high")


@pytest.mark.parametrize("text", ["0.5", "3.1", "4"])
def test_levels_of_care(read, text):
    assert read("asam-level", {"valueString": text}, RESULT_CODE) == Reading(category=f"asam-{text}")


@pytest.mark.parametrize(
    ("element", "reading_"),
    [
        ({}, None),
        (
            {"dataAbsentReason": {"coding": [{"system": ABSENT_REASON, "code": "not-performed"}]}},
            "not-performed",
        ),
        ({"dataAbsentReason": {"coding": [{"system": "urn:x", "code": "lost"}]}}, "unknown"),
        ({"dataAbsentReason": {"text": "left before the end"}}, "unknown"),
    ],
)
def test_no_value(read, element, reading_):
    expected = None if reading_ is None else Reading(absent=reading_)
    assert read("44261-6", element) == expected


@pytest.mark.parametrize(
    ("code", "system", "element"),
    [
        ("44261-6", LOINC, {"valueString": "twelve"}),
        ("44261-6", LOINC, {"valueString": "12 of 27"}),
        ("44261-6", LOINC, {"valueBoolean": True}),
        ("44261-6", LOINC, {"valueQuantity": {"value": 12, "comparator": "<"}}),
        ("44261-6", LOINC, {"valueQuantity": {"unit": "{score}"}}),
        ("44261-6", LOINC, {"valueDecimal": Decimal("NaN")}),
        ("93374-7", LOINC, {"valueInteger": 2}),
        ("93374-7", LOINC, concept({"system": "urn:x", "code": "N"})),
        ("bjmhs-result", RESULT_CODE, {"valueInteger": 1}),
    ],
)
def test_what_cannot_be_read_is_refused_without_its_content(read, code, system, element):
    with pytest.raises(RecordError) as raised:
        read(code, element, system)
    assert raised.value.code == "unreadable-result"
    assert "12" not in str(raised.value)
    assert "twelve" not in str(raised.value)


@pytest.mark.parametrize("score", ["28", "-1", "99", "27.5"])
def test_sentinels_are_refused(read, score):
    with pytest.raises(RecordError) as raised:
        read("44261-6", {"valueString": score})
    assert raised.value.code == "out-of-range"
    assert score not in str(raised.value)


def test_a_scale_without_a_range_takes_any_tally(read):
    assert read("prapare-score", {"valueInteger": 17}, RESULT_CODE).score == 17
    with pytest.raises(RecordError):
        read("prapare-score", {"valueInteger": -1}, RESULT_CODE)


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ({"valueInteger": 2}, 2),
        ({"valueDecimal": Decimal("2.0")}, 2),
        ({"valueDecimal": Decimal("1.5")}, None),
        ({"valueBoolean": True}, 1),
        ({"valueString": "No"}, 0),
        ({"valueString": "often"}, None),
        ({"valueCoding": {"system": LOINC, "code": "LA6570-1"}}, 2),
        ({"valueCoding": {"system": LOINC, "code": "LA33-6"}}, 1),
        (
            {"valueCoding": {"code": "x", "extension": [{"url": ORDINAL_VALUE, "valueDecimal": Decimal(3)}]}},
            3,
        ),
        (
            {"valueCoding": {"code": "x", "extension": [{"url": "urn:other", "valueDecimal": Decimal(3)}]}},
            None,
        ),
        ({"valueReference": {"reference": "Patient/x"}}, None),
        ({}, None),
    ],
)
def test_answers(answer, value):
    assert answer_score(answer) == value


@given(st.integers(0, 27), st.sampled_from(["valueInteger", "valueDecimal", "valueString", "valueQuantity"]))
@settings(max_examples=100, deadline=None)
def test_the_element_does_not_change_the_score(registry, score, key):
    element = {key: {"valueString": str(score), "valueQuantity": {"value": score}}.get(key, score)}
    found = reading(element, target=registry.by_code[LOINC, "44261-6"], path="x")
    assert found == Reading(score=Decimal(score))


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_free_text_is_a_number_a_category_or_refused(registry, text):
    target = registry.by_code[LOINC, "44261-6"]
    code, found = "", None
    try:
        found = reading({"valueString": text}, target=target, path="x")
    except RecordError as error:
        code = error.code
    if found is None:
        assert code in {"unreadable-result", "out-of-range"}
    else:
        assert found.category in registry.categories or 0 <= found.score <= 27
