"""Objects of a JSON array: every byte once and in order, and one that is broken costs no other."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.json_elements import pieces

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=4), max_size=4)


def cut(data, step=0, longest=2**20):
    chunks = [data[at : at + step] for at in range(0, len(data), step)] if step else [data]
    return list(pieces(iter(chunks), longest=longest))


def objects(data, step=0):
    return [piece.raw for piece in cut(data, step) if piece.kind == "object"]


@settings(deadline=None, max_examples=100)
@given(OBJECTS, st.integers(0, 40), st.sampled_from([None, 1]), st.booleans())
def test_the_objects_of_an_array_are_found_wherever_the_chunks_end(values, step, indent, enveloped):
    document = {"n": len(values), "m": {"x": [1]}, "records": values, "z": "[{"} if enveloped else values
    data = json.dumps(document, indent=indent, ensure_ascii=False).encode()
    found = cut(data, step)
    assert b"".join(piece.raw for piece in found) == data
    assert [json.loads(piece.raw) for piece in found if piece.kind == "object"] == values
    line = 1
    for piece in found:
        assert piece.line == line
        line += piece.raw.count(b"\n")


@settings(deadline=None, max_examples=150)
@given(st.text('{}[]",:\\a1 \n', max_size=60), st.integers(1, 9))
@example('[{"a":"', 3)
def test_every_byte_of_anything_comes_once_and_in_order(text, step):
    data = text.encode()
    assert b"".join(piece.raw for piece in cut(data, step)) == data
    assert [(p.kind, p.raw) for p in cut(data, step)] == [(p.kind, p.raw) for p in cut(data)]


@pytest.mark.parametrize(
    "broken",
    [
        b'{"a":2',
        b'{"a":[2}',
        b'{"a":{"b":2}',
        b'{"a":"2}\n',
        b'{"a":2}}',
        b'{"a":{"b":[2}',
        b"{a:2}",
        b'{"a":2,"c":{"d":"}"}',
    ],
)
def test_an_object_that_is_not_closed_costs_no_other(broken):
    data = b'[{"a":1},\n' + broken + b',\n{"a":3},\n{"a":{"b":[{"c":4}]}}]'
    found = objects(data)
    assert found[0] == b'{"a":1}'
    assert found[-2:] == [b'{"a":3}', b'{"a":{"b":[{"c":4}]}}']


def test_the_end_of_the_array_ends_an_object_that_is_not_closed():
    found = cut(b'{"records":[{"a":1},{"a":{"b":2}],"n":2}')
    assert [piece.raw for piece in found if piece.kind == "object"] == [b'{"a":1}', b'{"a":{"b":2}']
    assert found[-1].raw == b'],"n":2}'


def test_memory_is_bounded_by_the_longest_object():
    data = b'[{"a":1},{"a":"' + b"x" * 5000 + b'"},{"a":3}]'
    found = cut(data, step=100, longest=1000)
    assert b"".join(piece.raw for piece in found) == data
    assert [piece.raw for piece in found if piece.kind == "object"] == [b'{"a":1}', b'{"a":3}']
    assert max(len(piece.raw) for piece in found) < 1200
