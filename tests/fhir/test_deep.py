"""JSON of any depth."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.fhir.deep import _Reader, loads

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)


@given(values, st.sampled_from([None, 1]))
def test_it_reads_what_the_fast_parser_reads(value, indent):
    text = json.dumps(value, indent=indent)
    assert _Reader(text).value() == orjson.loads(text)


@given(st.text(alphabet='[]{}:," 1tnull\\', max_size=12))
def test_it_refuses_what_the_fast_parser_refuses(text):
    try:
        expected = orjson.loads(text)
    except orjson.JSONDecodeError:
        with pytest.raises(ValueError, match=r"."):
            _Reader(text).value()
    else:
        assert _Reader(text).value() == expected


@pytest.mark.parametrize(
    "text", ["[NaN]", "[-Infinity]", '["\\ud800"]', '{"\\udc00": 1}', "[1] 2", "{[]: 1}", "{1: 2}"]
)
def test_it_refuses_what_json_may_not_hold(text):
    with pytest.raises(ValueError, match=r"."):
        _Reader(text).value()


def test_a_number_beyond_64_bits_loses_digits_as_in_the_fast_parser():
    text = "36893488147419103232"
    assert _Reader(text).value() == orjson.loads(text) == 2.0**65


def test_nesting_has_no_limit():
    value = loads(b'{"a":[' * 60_000 + b"7" + b"]}" * 60_000)
    for _ in range(60_000):
        (value,) = value["a"]
    assert value == 7


@pytest.mark.parametrize(
    "data", [b"[" * 5000, b'{"a":' * 5000, b"[" * 5000 + b"]" * 5001, b"\xff" + b"[" * 5000, b"nul"]
)
def test_what_is_no_json_is_refused_however_deep(data):
    with pytest.raises(ValueError, match=r"."):
        loads(data)
