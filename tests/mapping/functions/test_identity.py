"""Identifiers, race and ethnicity."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.mapping.functions.identity import SSN_LAST4_SYSTEM, SSN_SYSTEM, ssn_parts
from adapter.mapping.mapped import IGNORED, UNMAPPED

WHITE = {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3", "display": "White"}


@pytest.mark.parametrize("text", ["123-45-6780", "123456780", "123 45 6780"])
def test_an_ssn_is_kept_as_digits(run, text):
    found = run("ssn", text)
    assert (found.value["system"], found.value["value"]) == (SSN_SYSTEM, "123456780")
    assert found.value["type"]["coding"][0]["code"] == "SS"


@pytest.mark.parametrize("text", ["XXX-XX-1234", "XXXXX1234", "***-**-1234", "1234"])
def test_a_masked_ssn_keeps_its_last_four_digits_in_a_system_of_their_own(run, text):
    found = run("ssn", text)
    assert (found.value["system"], found.value["value"]) == (SSN_LAST4_SYSTEM, "1234")


@pytest.mark.parametrize(
    "text",
    [
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "999-99-9999",
        "123-00-4567",
        "123-45-0000",
        "111-11-1111",
        "123-45-6789",
        "078-05-1120",
    ],
)
def test_a_number_never_issued_is_dropped_by_rule(run, text):
    found = run("ssn", text)
    assert (found.value, found.states, found.warned) == (None, {"a0": IGNORED}, ["invalid-ssn"])


@pytest.mark.parametrize("text", ["12345678", "none", "123-45-67890"])
def test_what_is_no_ssn_is_reported(run, text):
    found = run("ssn", text)
    assert (found.value, found.states, found.warned) == (None, {"a0": UNMAPPED}, ["bad-ssn"])


def test_no_ssn(run):
    assert run("ssn", None).value is None


@given(st.integers(min_value=0, max_value=999_999_999))
@settings(max_examples=200, deadline=None)
def test_dashes_do_not_change_what_an_ssn_is(number):
    digits = f"{number:09d}"
    assert ssn_parts(digits) == ssn_parts(f"{digits[:3]}-{digits[3:5]}-{digits[5:]}")


def test_race_has_its_category_where_the_code_is_sure_and_always_the_senders_word(run):
    sure = run("us_core_race", WHITE, "W").value
    assert sure["extension"] == [
        {"url": "ombCategory", "valueCoding": WHITE},
        {"url": "text", "valueString": "W"},
    ]
    unsure = run("us_core_race", None, "A").value
    assert unsure["extension"] == [{"url": "text", "valueString": "A"}]
    assert run("us_core_race", None, None).value is None


def test_ethnicity_is_read_from_its_column_or_from_a_race_column_that_says_it(run):
    assert run("us_core_ethnicity", None, "N").value["extension"] == [{"url": "text", "valueString": "N"}]
    found = run("ethnicity_in_race", "Hispanic").value
    assert found["extension"][0]["valueCoding"]["code"] == "2135-2"
    assert run("ethnicity_in_race", "W").value is None
    assert run("ethnicity_in_race", None).value is None
