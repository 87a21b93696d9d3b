"""Values of OBX segments, by the type OBX-2 declares."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.mapping.functions.observation import (
    obx_components,
    obx_concept,
    obx_datetime,
    obx_quantity,
    obx_text,
)
from adapter.mapping.mapped import Environment
from adapter.mapping.scope import Remarks, Scope

SCORE = {"unit": "{score}", "system": "http://unitsofmeasure.org", "code": "{score}"}
LOCAL = {"L": "https://x.example/category"}
CODE = [{"1": "44261-6", "3": "LN"}]


def typed(kind):
    return [{"1": kind}] if kind else None


@pytest.mark.parametrize("text", ["12", "12.50", "-3", "0.10", ".5", "+7"])
def test_a_number_keeps_its_digits_and_is_a_score_without_a_unit(run, text):
    found = run("obx_quantity", typed("NM"), [{"1": text}], None).value
    assert found == {"value": Decimal(text), **SCORE}
    assert str(found["value"]) == str(Decimal(text))


def test_a_unit_has_its_code_only_where_it_is_ucum(run):
    assert run("obx_quantity", typed("NM"), [{"1": "1"}], [{"1": "{score}", "3": "UCUM"}]).value == {
        "value": Decimal(1),
        **SCORE,
    }
    assert run("obx_quantity", typed("NM"), [{"1": "1"}], [{"1": "pts", "2": "points"}]).value == {
        "value": Decimal(1),
        "unit": "points",
    }


@pytest.mark.parametrize("text", ["<5", "1,200", "n/a", "1e9999", "١٢"])
def test_a_number_that_is_none_is_kept_as_text_with_a_warning(run, text):
    assert run("obx_quantity", typed("NM"), [{"1": text}], None).value is None
    found = run("obx_text", typed("NM"), [{"1": text}])
    assert (found.value, found.warned) == (text, ["number-expected"])


@pytest.mark.parametrize(
    ("parts", "quantity", "text"),
    [
        ({"1": ">=", "2": "20"}, {"comparator": ">=", "value": Decimal(20), **SCORE}, None),
        ({"1": "=", "2": "20"}, {"value": Decimal(20), **SCORE}, None),
        ({"2": "20"}, {"value": Decimal(20), **SCORE}, None),
        ({"1": "<>", "2": "20"}, None, "<>20"),
        ({"2": "10", "3": "-", "4": "20"}, None, "10-20"),
        ({}, None, None),
    ],
)
def test_structured_numbers(run, parts, quantity, text):
    assert run("obx_quantity", typed("SN"), [parts], None).value == quantity
    assert run("obx_text", typed("SN"), [parts]).value == text


def test_coded_values(run):
    refer = [{"1": "refer", "2": "Refer", "3": "L"}]
    for kind in ("CWE", "CE", "CNE"):
        assert run("obx_concept", typed(kind), refer, LOCAL).value == {
            "coding": [{"system": LOCAL["L"], "code": "refer", "display": "Refer"}],
            "text": "Refer",
        }
    assert run("obx_concept", typed("IS"), [{"1": "refer"}], LOCAL).value["coding"][0]["system"] == LOCAL["L"]
    assert run("obx_concept", typed("ST"), refer, LOCAL).value is None
    assert run("obx_concept", typed("CWE"), [{"2": "Refer"}], LOCAL).value == {"text": "Refer"}


def test_texts_and_dates(run):
    for kind in ("ST", "TX", "FT"):
        assert run("obx_text", typed(kind), [{"1": "words"}]).value == "words"
    assert run("obx_text", typed("CWE"), [{"1": "refer"}]).value is None
    assert run("obx_datetime", typed("DTM"), [{"1": "202603020810"}]).value == "2026-03-02T08:10:00-07:00"
    assert run("obx_datetime", typed("ST"), [{"1": "202603020810"}]).value is None
    soon = run("obx_text", typed("DT"), [{"1": "soon"}])
    assert (soon.value, soon.warned) == ("soon", ["bad-date"])


@pytest.mark.parametrize(("kind", "code"), [(None, "value-type-missing"), ("ZZ", "value-type-unknown")])
def test_a_missing_or_unknown_type_is_read_as_text(run, kind, code):
    found = run("obx_text", typed(kind), [{"1": "12"}])
    assert (found.value, found.warned) == ("12", [code])


def test_several_values_become_components_and_none_is_dropped(run):
    refer, other = {"1": "refer", "3": "L"}, {"1": "refused", "3": "L"}
    found = run("obx_components", typed("CWE"), [refer, other], None, LOCAL, CODE, {}).value
    assert [entry["valueCodeableConcept"]["coding"][0]["code"] for entry in found] == ["refer", "refused"]
    assert all(entry["code"]["coding"][0]["code"] == "44261-6" for entry in found)
    mixed = run("obx_components", typed("NM"), [{"1": "1"}, {"1": "<5"}], None, LOCAL, CODE, {}).value
    assert [sorted(entry)[1] for entry in mixed] == ["valueQuantity", "valueString"]
    dates = run("obx_components", typed("DT"), [{"1": "20260302"}, {"1": "19000101"}], None, LOCAL, CODE, {}).value
    assert [entry.get("valueDateTime") for entry in dates] == ["2026-03-02", None]


def test_one_value_has_no_components(run):
    assert run("obx_components", typed("NM"), [{"1": "1"}, {"1": " "}], None, LOCAL, CODE, {}).value is None
    assert run("obx_components", typed("NM"), None, None, LOCAL, CODE, {}).value is None
    assert run("obx_components", typed("NM"), [{"1": "1"}, {"1": "2"}], None, LOCAL, None, {}).value is None


def test_a_value_that_is_not_there_has_a_reason(run):
    coding = run("obx_absent", typed("NM"), None, typed("N")).value["coding"][0]
    assert coding["code"] == "not-asked"
    assert run("obx_absent", typed("CWE"), [{"3": "L"}], None).value["coding"][0]["code"] == "unknown"
    assert run("obx_absent", typed("NM"), [{"1": "0"}], None).value is None


def test_a_missing_status_is_unknown_with_a_warning(run):
    assert run("or_unknown", "final").value == "final"
    found = run("or_unknown", None)
    assert (found.value, found.warned) == ("unknown", ["missing-code"])


REPETITIONS = st.lists(
    st.dictionaries(st.sampled_from("12349"), st.sampled_from(["1", "<", "x", "L", "20260302", '""', " ", "0.50"])),
    max_size=3,
)


@given(st.sampled_from(["NM", "SN", "CWE", "ST", "DT", "IS", "??", ""]), REPETITIONS)
@settings(max_examples=150, deadline=None)
def test_exactly_one_element_says_the_value_or_why_there_is_none(kind, value):
    remarks = Remarks(Scope({}, Environment(zone="UTC")), tuple("abcdefg"))
    found = [
        obx_quantity(remarks, typed(kind), value, None),
        obx_concept(remarks, typed(kind), value, LOCAL),
        obx_text(remarks, typed(kind), value),
        obx_datetime(remarks, typed(kind), value),
        obx_components(remarks, typed(kind), value, None, LOCAL, CODE, {}),
    ]
    assert sum(entry is not None for entry in found) <= 1
