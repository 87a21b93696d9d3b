"""JSON Patch by the examples of RFC 6902, appendix A, and by what a resource adds to them: decimals, places, bounds."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.fhir.codec import dump_value, parse
from adapter.fhir.json_patch import MOST, PatchError, patched


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"foo": "bar", "baz": "qux"}),
        ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}], {"foo": ["bar", "qux", "baz"]}),
        ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
        ({"baz": "qux"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo"}),
        ({"a": {"b": 1}, "c": {}}, [{"op": "move", "from": "/a/b", "path": "/c/d"}], {"a": {}, "c": {"d": 1}}),
        ({"f": ["a", "b", "c"]}, [{"op": "move", "from": "/f/0", "path": "/f/2"}], {"f": ["b", "c", "a"]}),
        ({"f": ["a"]}, [{"op": "replace", "path": "/f/0", "value": "z"}], {"f": ["z"]}),
        ({"a": "b"}, [{"op": "test", "path": "/a", "value": "b"}], {"a": "b"}),
        ({"f": "b"}, [{"op": "add", "path": "/c", "value": {"g": {}}}], {"f": "b", "c": {"g": {}}}),
        ({"f": "b"}, [{"op": "add", "path": "/b", "value": "q", "xyz": 1}], {"f": "b", "b": "q"}),
        ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
        ({"f": ["b"]}, [{"op": "add", "path": "/f/-", "value": ["c"]}], {"f": ["b", ["c"]]}),
        ({"f": 1}, [{"op": "copy", "from": "/f", "path": "/g"}], {"f": 1, "g": 1}),
        ({"f": 1}, [{"op": "replace", "path": "", "value": {"g": 1}}], {"g": 1}),
        ({"f": 1}, [{"op": "test", "path": "/f", "value": Decimal("1.0")}], {"f": 1}),
        ({"f": [{"a": 1}]}, [{"op": "test", "path": "/f", "value": [{"a": 1}]}], {"f": [{"a": 1}]}),
    ],
)
def test_what_operations_do(document, patch, expected):
    before = dump_value(document)
    assert patched(document, patch) == expected
    assert dump_value(document) == before


@pytest.mark.parametrize(
    ("patch", "place"),
    [
        ({"op": "add"}, None),
        ([{"op": "add", "path": "/a/b/c", "value": 1}], 0),
        ([{"op": "test", "path": "/a", "value": True}], 0),
        ([{"op": "test", "path": "/a", "value": "1"}], 0),
        ([{"op": "test", "path": "/l", "value": [2, 1]}], 0),
        ([{"op": "test", "path": "/l", "value": [1]}], 0),
        ([{"op": "test", "path": "/o", "value": {"x": 1, "y": 2}}], 0),
        ([{"op": "remove", "path": "/nothing"}], 0),
        ([{"op": "replace", "path": "/nothing", "value": 1}], 0),
        ([{"op": "remove", "path": "/l/2"}], 0),
        ([{"op": "remove", "path": "/l/01"}], 0),
        ([{"op": "remove", "path": "/l/-"}], 0),
        ([{"op": "add", "path": "/l/3", "value": 1}], 0),
        ([{"op": "add", "path": "/l/x", "value": 1}], 0),
        ([{"op": "add", "path": "/a/b", "value": 1}], 0),
        ([{"op": "add", "path": "l", "value": 1}], 0),
        ([{"op": "add", "path": "/~2", "value": 1}], 0),
        ([{"op": "add", "path": 3, "value": 1}], 0),
        ([{"op": "add", "path": "/b"}], 0),
        ([{"op": "move", "path": "/b"}], 0),
        ([{"op": "move", "from": "/o", "path": "/o/x"}], 0),
        ([{"op": "move", "from": "", "path": "/o/x"}], 0),
        ([{"op": "spam", "path": "/b"}], 0),
        (["add"], 0),
        ([{"op": "remove", "path": ""}], None),
        ([{"op": "replace", "path": "", "value": []}], None),
        ([{"op": "add", "path": "/b", "value": 1}, {"op": "remove", "path": "/c"}], 1),
        ([{"op": "test", "path": "", "value": {}}] * (MOST + 1), None),
    ],
)
def test_what_cannot_be_applied_is_told_by_its_place(patch, place):
    document = {"a": 1, "l": [1, 2], "o": {"x": 1}}
    with pytest.raises(PatchError) as raised:
        patched(document, patch)
    assert raised.value.operation == place
    assert document == {"a": 1, "l": [1, 2], "o": {"x": 1}}


def test_a_failed_test_is_told_apart():
    with pytest.raises(PatchError) as raised:
        patched({"a": 1}, [{"op": "test", "path": "/a", "value": 2}])
    assert raised.value.is_test
    with pytest.raises(PatchError) as raised:
        patched({"a": 1}, [{"op": "remove", "path": "/b"}])
    assert not raised.value.is_test


def test_decimals_keep_their_digits():
    document = parse(b'{"a":1.50,"b":[0.10]}')
    patch = parse(b'{"p":[{"op":"copy","from":"/a","path":"/b/-"},{"op":"add","path":"/c","value":2.000}]}')["p"]
    assert dump_value(patched(document, patch)) == b'{"a":1.50,"b":[0.10,1.50],"c":2.000}'


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text("a~/", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("a~/", max_size=2), inner, max_size=3),
    max_leaves=6,
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"])},
    optional={"path": st.text("/a~01-", max_size=5), "from": st.text("/a~01-", max_size=5), "value": VALUES},
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text("a~/", max_size=2), VALUES, max_size=3), st.lists(OPERATIONS, max_size=4))
def test_a_patch_is_applied_whole_or_refused(document, patch):
    before = dump_value(document)
    try:
        after = patched(document, patch)
    except PatchError:
        after = None
    assert dump_value(document) == before
    assert after is None or isinstance(after, dict)
