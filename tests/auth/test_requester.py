from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.auth.requester import CONTEXTS_KEPT, PURPOSE_HEADER
from adapter.errors import NotAllowed, NotAuthenticated, RequestError

pytestmark = pytest.mark.anyio


async def _token(tokens, *purposes, organisation="Organization/cottonwood"):
    token = await tokens.issue(
        client="ehr-1",
        organisation=organisation,
        purposes=purposes,
        rights=["population-search"],
        lifetime=600,
    )
    return token.encode()


def _headers(token, purpose=None, scheme=b"Bearer "):
    headers = [(b"accept", b"*/*"), (b"authorization", scheme + token)]
    return headers if purpose is None else [*headers, (b"x-purpose-of-use", purpose)]


async def test_the_caller_is_what_the_token_says(tokens, requester, store):
    caller = await requester.caller(_headers(await _token(tokens, "TREAT")), "request-1")
    assert caller.client == "ehr-1"
    assert caller.organisation == "Organization/cottonwood"
    assert caller.purpose == "TREAT"
    assert caller.rights == frozenset({"population-search"})
    assert caller.request_id == "request-1"
    assert caller.context == store.contexts["Organization/cottonwood", "TREAT"]


async def test_the_header_chooses_among_the_granted_purposes(tokens, requester, store):
    token = await _token(tokens, "TREAT", "discharge-planning")
    contexts = set()
    for purpose in (b"TREAT", b" discharge-planning "):
        caller = await requester.caller(_headers(token, purpose), "r")
        assert caller.purpose == purpose.strip().decode()
        contexts.add(caller.context)
    assert len(contexts) == 2


async def test_several_purposes_and_no_choice_is_refused_naming_the_header(tokens, requester):
    with pytest.raises(RequestError, match=PURPOSE_HEADER) as refused:
        await requester.caller(_headers(await _token(tokens, "TREAT", "HOPERAT")), "r")
    assert not isinstance(refused.value, NotAllowed | NotAuthenticated)
    assert PURPOSE_HEADER in refused.value.expression


async def test_two_choices_are_no_choice(tokens, requester):
    headers = _headers(await _token(tokens, "TREAT"), b"TREAT")
    with pytest.raises(RequestError, match=PURPOSE_HEADER):
        await requester.caller([*headers, (b"x-purpose-of-use", b"TREAT")], "r")


@pytest.mark.parametrize("purpose", [b"BTG", b"treat", b"", b"TREAT,HOPERAT", b"\xff"])
async def test_a_header_never_widens_what_is_granted(tokens, requester, store, purpose):
    with pytest.raises(NotAllowed) as refused:
        await requester.caller(_headers(await _token(tokens, "TREAT"), purpose), "r")
    assert not purpose or purpose.decode("latin-1") not in str(refused.value)
    assert store.asked == 0


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"")],
        [(b"authorization", b"Bearer")],
        [(b"authorization", b"Bearer ")],
        [(b"authorization", b"Basic %b")],
        [(b"authorization", b"Bearer %b x")],
        [(b"authorization", b"%b")],
        [(b"authorization", b"Bearer %b"), (b"authorization", b"Bearer %b")],
        [(b"cookie", b"token=%b")],
    ],
)
async def test_anything_but_one_bearer_token_is_not_authenticated(tokens, requester, headers):
    token = await _token(tokens, "TREAT")
    with pytest.raises(NotAuthenticated):
        await requester.caller([(name, value.replace(b"%b", token)) for name, value in headers], "r")


@pytest.mark.parametrize("scheme", [b"bearer ", b"BEARER ", b"Bearer   "])
async def test_the_scheme_is_read_as_http_reads_it(tokens, requester, scheme):
    caller = await requester.caller(_headers(await _token(tokens, "TREAT"), scheme=scheme), "r")
    assert caller.client == "ehr-1"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.binary(max_size=80))
async def test_no_guess_is_authenticated(tokens, requester, value):
    await _token(tokens, "TREAT")
    with pytest.raises(NotAuthenticated):
        await requester.caller([(b"authorization", value)], "r")


async def test_a_context_is_asked_for_once(tokens, requester, store):
    headers = _headers(await _token(tokens, "TREAT"))
    assert await requester.caller(headers, "a") != await requester.caller(headers, "b")
    assert store.asked == 1


async def test_a_changed_directory_is_seen_after_forgetting(tokens, requester, store):
    headers = _headers(await _token(tokens, "TREAT"))
    await requester.caller(headers, "r")
    store.contexts["Organization/cottonwood", "TREAT"] = 7
    requester.forget()
    assert (await requester.caller(headers, "r")).context == 7


async def test_an_answer_from_before_forgetting_is_not_remembered(tokens, requester, store):
    headers = _headers(await _token(tokens, "TREAT"))
    numbered = store.context_of

    async def slow(organisation, purpose):
        number = await numbered(organisation, purpose)
        requester.forget()
        return number

    store.context_of = slow
    await requester.caller(headers, "r")
    store.context_of = numbered
    await requester.caller(headers, "r")
    assert store.asked == 2


async def test_the_memory_of_contexts_is_bounded(tokens, requester):
    for number in range(CONTEXTS_KEPT + 5):
        token = await _token(tokens, "TREAT", organisation=f"Organization/o{number}")
        await requester.caller(_headers(token), "r")
    assert len(requester._known) <= CONTEXTS_KEPT


async def test_the_ledger_is_told_the_user_of_a_client(tokens, requester):
    token = await tokens.issue(
        client="car-7", organisation="Organization/police", purposes=["diversion"], lifetime=600, user="c.reyes"
    )
    assert (await requester.caller(_headers(token.encode()), "r")).client == "car-7 for c.reyes"


async def test_a_token_without_a_purpose_asks_for_nothing(tokens, requester, store):
    token = await tokens.issue(
        client="feeder", organisation="Organization/jail", purposes=[], rights=["feed:jail-roster"], lifetime=600
    )
    for purpose in (None, b"TREAT", b""):
        with pytest.raises(NotAllowed):
            await requester.caller(_headers(token.encode(), purpose), "r")
    assert (await requester.holder(_headers(token.encode()))).rights == ("feed:jail-roster",)
    assert store.asked == 0


@pytest.mark.parametrize("headers", [[], [(b"authorization", b"Basic x")], [(b"authorization", b"Bearer %b")] * 2])
async def test_a_holder_is_found_by_exactly_one_token(tokens, requester, headers):
    token = await _token(tokens, "TREAT")
    with pytest.raises(NotAuthenticated):
        await requester.holder([(name, value.replace(b"%b", token)) for name, value in headers])
