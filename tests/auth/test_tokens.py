from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from adapter.auth.tokens import LONGEST, MICROSECONDS, Tokens, digest_of
from adapter.errors import NotAuthenticated

pytestmark = pytest.mark.anyio

GRANT = {"client": "ehr-1", "organisation": "Organization/cottonwood", "purposes": ["TREAT"], "lifetime": 60}


async def test_the_store_holds_the_digest_and_never_the_token(tokens, store):
    token = await tokens.issue(**GRANT)
    assert list(store.rows) == [sha256(token.encode()).digest()]
    assert token not in repr(store.rows)


async def test_a_live_token_finds_its_row(tokens):
    token = await tokens.issue(**GRANT | {"purposes": ["TREAT", "HOPERAT"], "rights": ["population-search"]})
    row = await tokens.holder(token.encode())
    assert (row.client, row.organisation) == ("ehr-1", "Organization/cottonwood")
    assert row.purposes == ("HOPERAT", "TREAT")
    assert row.rights == ("population-search",)


async def test_every_token_is_another(tokens):
    assert await tokens.issue(**GRANT) != await tokens.issue(**GRANT)


async def test_a_token_expires_at_its_instant_and_not_before(tokens, clock):
    token = await tokens.issue(**GRANT)
    clock.now += 60 * MICROSECONDS - 1
    assert (await tokens.holder(token.encode())).client == "ehr-1"
    clock.now += 1
    with pytest.raises(NotAuthenticated):
        await tokens.holder(token.encode())


async def test_a_revoked_token_holds_nothing_from_the_next_request_on(tokens, store):
    token = await tokens.issue(**GRANT)
    await tokens.holder(token.encode())
    digest = digest_of(token.encode())
    store.rows[digest] = replace(store.rows[digest], revoked=True)
    with pytest.raises(NotAuthenticated):
        await tokens.holder(token.encode())


async def test_unknown_expired_and_revoked_are_told_in_the_same_words(tokens, store, clock):
    words = set()
    token = await tokens.issue(**GRANT)
    digest = digest_of(token.encode())
    row = store.rows[digest]
    store.rows[digest] = replace(row, revoked=True)
    for text in (b"never-issued", token.encode(), b"x" * (LONGEST + 1)):
        with pytest.raises(NotAuthenticated) as refused:
            await tokens.holder(text)
        words.add(str(refused.value))
    store.rows[digest] = row
    clock.now += 61 * MICROSECONDS
    with pytest.raises(NotAuthenticated) as refused:
        await tokens.holder(token.encode())
    assert words == {str(refused.value)}


@pytest.mark.parametrize(
    "wrong", [{"client": ""}, {"organisation": ""}, {"purposes": []}, {"lifetime": 0}, {"lifetime": -1}]
)
async def test_a_grant_that_says_too_little_is_refused(tokens, store, wrong):
    with pytest.raises(ValueError, match="token"):
        await tokens.issue(**GRANT | wrong)
    assert store.rows == {}


@pytest.mark.parametrize("made", ["guessable", "x" * (LONGEST + 1)])
async def test_a_factory_of_unfit_tokens_is_refused(store, clock, made):
    tokens = Tokens(store=store, clock=clock, new_token=lambda: made)
    with pytest.raises(ValueError, match="factory"):
        await tokens.issue(**GRANT)
    assert store.rows == {}
