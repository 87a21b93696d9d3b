from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import RequestError
from adapter.rest.errors import Refused
from adapter.rest.parameters import Disconnected, merge, of_form, of_query

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), max_size=20))
def test_what_was_written_is_what_is_read(pairs):
    assert of_query(urlencode(pairs).encode("ascii")) == pairs


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw):
    try:
        read = len(of_query(raw))
    except RequestError:
        read = None
    assert read in {None, sum(1 for part in raw.split(b"&") if part)}


@pytest.mark.parametrize("raw", [b"", b"&", b"&&&"])
def test_nothing_is_no_parameter(raw):
    assert of_query(raw) == []


def test_blank_values_are_kept_for_the_search_to_refuse():
    assert of_query(b"patient=&code=a") == [("patient", ""), ("code", "a")]


@pytest.mark.parametrize("raw", [b"zq", b"zq=1&b", b"zq=%", b"zq=%4", b"zq=%u0041", b"zq=%c3%28", b"zq%ff=1"])
def test_what_cannot_be_read_is_refused_without_repeating_it(raw):
    with pytest.raises(RequestError) as refused:
        of_query(raw)
    assert refused.value.__cause__ is None
    assert "zq" not in str(refused.value)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), max_size=8), st.lists(st.tuples(TEXT, TEXT), max_size=8))
def test_merging_loses_no_parameter_and_repeats_none(of_url, of_body):
    merged = merge(of_url, of_body)
    assert set(merged) == {*of_url, *of_body}
    assert len(set(merged)) == len(merged)


def _receive(*messages):
    left = iter(messages)

    async def receive():
        return next(left)

    return receive


@pytest.mark.anyio
async def test_a_body_in_pieces_is_put_together():
    receive = _receive(
        {"type": "http.request", "body": b"patient=", "more_body": True},
        {"type": "http.request", "more_body": True},
        {"type": "http.request", "body": b"p1"},
    )
    headers = [
        (b"content-type", b"application/x-www-form-urlencoded;charset=UTF-8"),
        (b"content-length", b"10"),
    ]
    assert await of_form(headers, receive) == [("patient", "p1")]


@pytest.mark.anyio
async def test_a_caller_that_hangs_up_is_not_answered():
    with pytest.raises(Disconnected):
        await of_form([], _receive({"type": "http.disconnect"}))


@pytest.mark.anyio
@pytest.mark.parametrize("length", [b"65537", b"9" * 5000])
async def test_a_length_beyond_the_limit_is_refused_before_reading(length):
    with pytest.raises(Refused) as refused:
        await of_form([(b"content-length", length)], _receive())
    assert refused.value.answer.status == 413
