"""Primitive types: the pattern in the schema and the check in Python say the same, and know the calendar."""

from __future__ import annotations

from calendar import monthrange
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from adapter.fhir.primitives import CHECKS, PATTERNS, PRIMITIVES, WholeNumber, json_schema

SCHEMAS = {name: Draft202012Validator(json_schema(name), keywords={"wholeNumber": WholeNumber}) for name in PRIMITIVES}
NEAR_DATES = st.builds(
    "{:04d}-{:02d}-{:02d}{}".format,
    st.integers(0, 9999) | st.sampled_from([1900, 2000, 2024, 2100]),
    st.integers(0, 13),
    st.integers(0, 32),
    st.sampled_from(["", "T24:00:00Z", "T23:59:60Z", "T08:00:00", "T08:00:00.125-07:00", "T08:00:00+14:30", " "]),
)
TEXTS = (
    st.text(max_size=20)
    | NEAR_DATES
    | st.from_regex(r"[a-z:./ -]{0,12}")
    | st.sampled_from(
        [
            "urn:oid:1.2.3",
            "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
            "<div>x</div>",
            "YWJj",
            "a  b",
            " a",
            "a b",
            "",
        ]
    )
)
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | TEXTS


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
@settings(max_examples=60, deadline=None)
@given(value=VALUES)
def test_schema_and_python_agree(name, value):
    assert SCHEMAS[name].is_valid(value) == CHECKS[name](value)


@settings(max_examples=300, deadline=None)
@given(year=st.integers(1, 9999), month=st.integers(1, 12), day=st.integers(1, 31))
def test_a_day_is_a_date_if_the_calendar_has_it(year, month, day):
    exists = day <= monthrange(year, month)[1]
    text = f"{year:04d}-{month:02d}-{day:02d}"
    assert CHECKS["date"](text) == exists
    assert CHECKS["dateTime"](f"{text}T00:00:00Z") == exists
    assert SCHEMAS["instant"].is_valid(f"{text}T00:00:00Z") == exists


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("dateTime", "2026-03-02T08:00:00-07:00", "2026-03-02T08:00-07:00"),
        ("dateTime", "2026-03-02T23:59:60Z", "2026-03-02T24:00:00Z"),
        ("dateTime", "2026", "26"),
        ("instant", "2026-03-02T08:00:00.5Z", "2026-03-02"),
        ("date", "0001", "0000"),
        ("id", "a.B-9", "a_b"),
        ("id", "x" * 64, "x" * 65),
        ("code", "in progress", "in  progress"),
        ("uri", "urn:x", "urn: x"),
        ("string", "line\nline", "bell\x07"),
        ("integer", 2**31 - 1, 2**31),
        ("integer", -1, Decimal("1.0")),
        ("positiveInt", 1, 0),
        ("unsignedInt", 0, -1),
        ("boolean", True, "true"),
        ("decimal", Decimal("1.50"), Decimal("NaN")),
        ("decimal", 0.5, "0.5"),
        ("time", "08:30:00", "08:30"),
        ("oid", "urn:oid:2.16.840", "urn:oid:3.1"),
        ("uuid", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "c757873d-ec9a-4326-a141-556f43239520"),
        ("base64Binary", "YWJj\nZA==", "YW=J"),
        ("xhtml", "<div xmlns='http://www.w3.org/1999/xhtml'>x</div>", "x"),
    ],
)
def test_values_on_both_sides_of_a_border(name, good, bad):
    assert CHECKS[name](good)
    assert SCHEMAS[name].is_valid(good)
    assert not CHECKS[name](bad)
    assert not SCHEMAS[name].is_valid(bad)


def test_every_primitive_has_its_words_pattern_and_check():
    assert set(CHECKS) == set(PRIMITIVES)
    assert set(PATTERNS) < set(PRIMITIVES)
