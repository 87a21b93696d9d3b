"""JSON in and out: nothing lost, nothing ambiguous let in."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import InvalidResource
from adapter.fhir.codec import MAX_DEPTH, dump, dump_value, parse

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\r\n"), max_size=8)
NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=5)


def as_text(value):
    """The value with its numbers as text, so that 1.5 and 1.50 differ."""
    if isinstance(value, dict):
        return {name: as_text(item) for name, item in value.items()}
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


@settings(max_examples=200, deadline=None)
@given(resource=OBJECTS)
def test_what_is_parsed_is_what_was_written(resource):
    text = json.dumps(as_text(resource))
    for digits in sorted({str(n) for n in _numbers(resource)}, key=len, reverse=True):
        text = text.replace(json.dumps(digits), digits)
    data = text.encode()
    parsed = parse(data)
    again = parse(dump(parsed))
    assert as_text(again) == as_text(parsed)
    assert dump(again) == dump(parsed)
    first = [name for name in ("resourceType", "id", "meta") if name in parsed]
    assert list(again) == first + [name for name in parsed if name not in first]


def _numbers(value):
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _numbers(item)
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        yield value


@pytest.mark.parametrize(
    "digits", ["1.50", "0.00", "-0", "-0.0", "12345678901234567890.12", "123456789012345678901", "3"]
)
def test_digits_stay(digits):
    assert dump(parse(b'{"value":%s}' % digits.encode())) == b'{"value":%s}' % digits.encode()


def test_numbers_are_exact():
    parsed = parse(b'{"a":1.50,"b":7,"c":1e-7,"d":12345678901234567890}')
    assert [type(value) for value in parsed.values()] == [Decimal, int, Decimal, Decimal]
    assert str(parsed["a"]) == "1.50"
    assert dump(parsed) == b'{"a":1.50,"b":7,"c":1E-7,"d":12345678901234567890}'


def test_type_id_and_meta_come_first():
    assert dump({"status": "x", "meta": {}, "id": "1", "resourceType": "Patient"}) == (
        b'{"resourceType":"Patient","id":"1","meta":{},"status":"x"}'
    )


def test_text_is_written_as_itself():
    assert dump({"a": 'é "x" \\ \n'}) == '{"a":"é \\"x\\" \\\\ \\n"}'.encode()
    assert parse(b'{"a":"\\u00e9 \\\\u0000 \\ud83d\\ude00"}') == {"a": "é \\u0000 😀"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a":1,"a":2}', "repeats a key"),
        (b'{"x":{"a":1,"a":1}}', "repeats a key"),
        (b"[]", "JSON object"),
        (b'"x"', "JSON object"),
        (b"", "line 1, column 1"),
        (b'{"a":1}x', "not JSON"),
        (b'{"a":01}', "not JSON"),
        (b'{"a":"\n"}', "not JSON"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "NaN"),
        (b'{"a":1e99999999999999999999}', "range"),
        (b'{"a":"\xff"}', "byte 6 is not UTF-8"),
        (b'\xef\xbb\xbf{"a":1}', "byte order mark"),
        (b'{"a":"\\u0000"}', "control character"),
        (b'{"a":"\\\\\\u001F"}', "control character"),
        (b'{"a":"\\b"}', "control character"),
        (b'{"a":"\\ud800"}', "cannot express"),
        (b'{"\\udfff":"a"}', "cannot express"),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "nested too deeply"),
        (b'{"a":' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_ambiguous_is_refused(data, words):
    with pytest.raises(InvalidResource, match=words):
        parse(data)


def test_depth_up_to_the_limit_and_breadth_beyond_it():
    data = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    assert dump(parse(data)) == data
    wide = b'{"a":[' + b",".join([b"[]"] * 500) + b"]}"
    assert dump(parse(wide)) == wide


@pytest.mark.parametrize("value", [Decimal("NaN"), date(2026, 3, 2), {1: 2}, "\ud800", object(), 2**64])
def test_values_outside_json_are_refused(value):
    with pytest.raises(InvalidResource, match="cannot express"):
        dump_value([value])
