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


async def test_a_token_that_only_feeds_needs_no_purpose(tokens, store):
    await tokens.issue(**GRANT | {"purposes": [], "rights": ["feed:jail-roster"]})
    (row,) = store.rows.values()
    assert (row.purposes, row.rights) == ((), ("feed:jail-roster",))
    with pytest.raises(ValueError, match="token"):
        await tokens.issue(**GRANT | {"purposes": [], "rights": ["population-search"]})


class Users:
    """Knows who may ask; counts how often it is asked."""

    def __init__(self):
        self.signed, self.asked = set(), []

    def may_ask(self, organisation, user, last_word, at):
        self.asked.append((organisation, user, last_word, at))
        return user in self.signed


async def test_a_token_works_while_its_user_may_ask(store, clock):
    users = Users()
    tokens = Tokens(store=store, clock=clock, new_token=lambda: "s" * 40, users=users)
    token = (await tokens.issue(**GRANT | {"user": "c.reyes"})).encode()
    with pytest.raises(NotAuthenticated) as refused:
        await tokens.holder(token)
    users.signed.add("c.reyes")
    row = await tokens.holder(token)
    assert (row.user, row.issued) == ("c.reyes", clock.now)
    assert users.asked[-1] == ("Organization/cottonwood", "c.reyes", row.last_word, clock.now)
    with pytest.raises(NotAuthenticated) as unknown:
        await tokens.holder(b"never-issued")
    assert str(refused.value) == str(unknown.value)


async def test_an_expired_or_revoked_token_is_refused_without_asking_who_signed(store, clock):
    users = Users()
    tokens = Tokens(store=store, clock=clock, new_token=lambda: "s" * 40, users=users)
    token = (await tokens.issue(**GRANT)).encode()
    clock.now += 61 * MICROSECONDS
    with pytest.raises(NotAuthenticated):
        await tokens.holder(token)
    assert users.asked == []


@pytest.mark.parametrize("made", ["guessable", "x" * (LONGEST + 1)])
async def test_a_factory_of_unfit_tokens_is_refused(store, clock, made):
    tokens = Tokens(store=store, clock=clock, new_token=lambda: made)
    with pytest.raises(ValueError, match="factory"):
        await tokens.issue(**GRANT)
    assert store.rows == {}
