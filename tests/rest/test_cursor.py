from __future__ import annotations

import re
from base64 import urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapter.errors import RequestError
from adapter.fhir.search import Alternative, Filter, Query
from adapter.rest.cursor import Cursors, _binding, normalised
from adapter.services.disclose import Caller

CURSORS = Cursors(bytes(range(64)))


def _caller(client="ehr-1", context=3):
    return Caller(
        client=client,
        organisation="Organization/cottonwood",
        context=context,
        purpose="TREAT",
        rights=frozenset(),
        request_id="request-1",
    )


def _query(*filters, kind="Observation", sort=(), count=20, cursor=None):
    return Query(type=kind, filters=filters, sort=sort, count=count, cursor=cursor, summary=None)


def _filter(param, *values):
    return Filter(
        param=param,
        kind="token",
        alternatives=tuple(Alternative(prefix="eq", value=value, low=None, high=None) for value in values),
    )


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=64), st.text(max_size=10), st.integers(0, 2**40))
def test_what_was_sealed_opens_for_the_same_caller_and_query(position, client, context):
    caller, query = _caller(client, context), _query(_filter("code", "a"))
    sealed = CURSORS.seal(position, caller=caller, query=query)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", sealed)
    assert CURSORS.open(sealed, caller=caller, query=query) == position
    assert CURSORS.seal(position, caller=caller, query=query) == sealed


@settings(max_examples=200, deadline=None)
@given(st.tuples(st.text(max_size=4), st.integers(0, 99)), st.tuples(st.text(max_size=4), st.integers(0, 99)))
def test_a_cursor_of_another_caller_does_not_open(one, other):
    assume(one != other)
    sealed = CURSORS.seal(b"position", caller=_caller(*one), query=_query())
    with pytest.raises(RequestError) as refused:
        CURSORS.open(sealed, caller=_caller(*other), query=_query())
    assert refused.value.expression == "_cursor"


@pytest.mark.parametrize(
    "other",
    [
        _query(_filter("code", "a"), kind="Condition"),
        _query(_filter("code", "b")),
        _query(_filter("category", "a")),
        _query(_filter("code", "a", "b")),
        _query(_filter("code", "a"), _filter("code", "a")),
        _query(_filter("code", "a"), sort=("date",)),
        _query(),
    ],
)
def test_a_cursor_of_another_search_does_not_open(other):
    sealed = CURSORS.seal(b"position", caller=_caller(), query=_query(_filter("code", "a")))
    with pytest.raises(RequestError):
        CURSORS.open(sealed, caller=_caller(), query=other)


def test_a_cursor_of_another_key_does_not_open():
    sealed = Cursors(bytes(64)).seal(b"position", caller=_caller(), query=_query())
    with pytest.raises(RequestError):
        CURSORS.open(sealed, caller=_caller(), query=_query())


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=90))
def test_no_text_opens_that_was_not_sealed(text):
    with pytest.raises(RequestError):
        CURSORS.open(text, caller=_caller(), query=_query())


def test_a_position_of_another_form_does_not_open():
    caller, query = _caller(), _query()
    other = AESSIV(bytes(range(64))).encrypt(b"\x02position", _binding(caller, normalised(query)))
    with pytest.raises(RequestError):
        CURSORS.open(urlsafe_b64encode(other).decode(), caller=caller, query=query)


def test_the_position_cannot_be_read_from_outside():
    sealed = CURSORS.seal(b"Observation/o1", caller=_caller(), query=_query())
    assert "o1" not in sealed
    assert "T2JzZXJ2YXRpb24" not in sealed


def test_one_search_has_one_spelling():
    one = _query(_filter("code", "a", "b"), _filter("status", "final"), count=5, cursor="x")
    other = _query(_filter("status", "final"), _filter("code", "b", "a"), count=50)
    assert normalised(one) == normalised(other)
    assert normalised(one) != normalised(_query(_filter("code", "a"), _filter("code", "b"), _filter("status", "final")))
