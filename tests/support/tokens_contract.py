"""What every store must keep of access: tokens, assertions that were spent, clients shut out, what users signed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import store_contract

from adapter.store.clients import ClientEvent
from adapter.store.shapes import NOTHING_SAID, LastWord, TokenRow, UserEvent

pytestmark = pytest.mark.anyio
NOW = store_contract.NOW


class TokensContract:
    async def test_tokens_are_found_by_digest(self, store):
        row = TokenRow(
            digest=b"d",
            client="c",
            organisation="Organization/o",
            purposes=("a", "b"),
            rights=("r",),
            expires=NOW,
        )
        await store.add_token(row)
        assert await store.token(b"d") == row
        assert await store.token(b"e") is None

    async def test_tokens_are_listed_in_the_order_of_their_issue_and_revoked_once(self, store):
        rows = [
            TokenRow(
                digest=bytes([n]),
                client=f"c{n}",
                organisation="Organization/o",
                purposes=(),
                rights=("feed:x",),
                expires=NOW,
                user="u" if n else "",
                issued=NOW - n,
            )
            for n in range(3)
        ]
        for row in rows:
            await store.add_token(row)
        assert await store.tokens() == rows[::-1]
        async with store.transaction() as change:
            assert await change.revoke_token(b"\x01")
            assert not await change.revoke_token(b"\x01")
            assert not await change.revoke_token(b"\x09")
        assert [row.revoked for row in await store.tokens()] == [False, True, False]
        assert (await store.token(b"\x01")).revoked

    async def test_whoever_the_last_token_was_taken_back_from_is_told_apart(self, store):
        def issued(digest, at, *, client="c", scopes=""):
            return TokenRow(
                digest=digest,
                client=client,
                organisation="o",
                purposes=(),
                rights=(),
                expires=NOW,
                issued=at,
                scopes=scopes,
            )

        assert not await store.withdrawn("c", "o", "")
        for row in (
            issued(b"1", 1),
            issued(b"2", 2),
            issued(b"3", 9, client="d"),
            issued(b"4", 9, scopes="system/*.r"),
        ):
            await store.add_token(row)
        async with store.transaction() as change:
            await change.revoke_token(b"1")
        assert not await store.withdrawn("c", "o", "")
        async with store.transaction() as change:
            await change.revoke_token(b"2")
        asked = (("c", "o", ""), ("d", "o", ""), ("c", "p", ""), ("c", "o", "u"))
        assert [await store.withdrawn(*one) for one in asked] == [True, False, False, False]

    async def test_an_assertion_is_spent_once_and_remembered_until_it_expires(self, store):
        spend = {"expires": NOW + 10, "tokens_until": 0}
        found = await asyncio.gather(*(store.spend_assertion(b"a", at=NOW, **spend) for _ in range(64)))
        assert sorted(found) == [False] * 63 + [True]
        assert await store.spend_assertion(b"b", at=NOW, **spend)
        assert not await store.spend_assertion(b"a", at=NOW + 9, **spend)
        assert await store.spend_assertion(b"a", at=NOW + 10, expires=NOW + 20, tokens_until=0)

    async def test_expired_tokens_of_registered_clients_are_forgotten_and_no_others(self, store):
        row = TokenRow(digest=b"", client="c", organisation="Organization/o", purposes=("a",), rights=(), expires=NOW)
        await store.add_token(replace(row, digest=b"own"))
        for digest, expires in ((b"old", NOW), (b"new", NOW + 1)):
            assert await store.add_client_token(replace(row, digest=digest, expires=expires, scopes="system/*.r"))
        await store.spend_assertion(b"a", expires=NOW, at=NOW, tokens_until=NOW)
        assert {one.digest for one in await store.tokens()} == {b"own", b"new"}
        assert (await store.token(b"new")).scopes == "system/*.r"

    async def test_a_client_that_is_shut_out_gets_no_token_until_it_is_let_in_again(self, store):
        row = TokenRow(
            digest=b"d", client="c", organisation="Organization/o", purposes=(), rights=(), expires=NOW, scopes="-"
        )
        said = [
            ClientEvent(client=client, kind=kind, author="a", words="w", at=NOW)
            for client, kind in (("c", "stopped"), ("d", "restored"), ("c", "restored"))
        ]
        kept = []
        for event in said:
            async with store.transaction() as change:
                await change.add_client_event(event)
            kept.append((await store.client_stopped("c"), await store.add_client_token(row)))
        assert kept == [(True, False), (True, False), (False, True)]
        assert await store.client_events() == said
        assert not await store.client_stopped("never heard of")

    async def test_a_token_comes_with_the_last_word_of_its_user_in_its_organisation(self, store):
        row = TokenRow(
            digest=b"d", client="c", organisation="Organization/o", purposes=("a",), rights=(), expires=NOW, user="u"
        )
        await store.add_token(row)
        said = [
            UserEvent(kind="signed", user="u", organisation="Organization/o", at=NOW, text_hash=b"\x00 one"),
            UserEvent(kind="signed", user="u", organisation="Organization/p", at=NOW + 1, text_hash=b"other place"),
            UserEvent(kind="signed", user="v", organisation="Organization/o", at=NOW + 2, text_hash=b"other user"),
            UserEvent(kind="departed", user="u", organisation="Organization/o", at=NOW - 5),
        ]
        words = [await self._last_word(store)]
        for event in said:
            async with store.transaction() as change:
                await change.add_user_event(event)
            words.append(await self._last_word(store))
        first = LastWord(kind="signed", text_hash=b"\x00 one", at=NOW)
        assert words == [NOTHING_SAID, first, first, first, LastWord(kind="departed", text_hash=b"", at=NOW - 5)]
        assert await store.user_events() == said
        assert await store.user_events("v") == [said[2]]

    async def _last_word(self, store):
        return (await store.token(b"d")).last_word

    async def test_what_a_user_signed_is_kept_whole_and_survives_nothing_else(self, store):
        event = UserEvent(
            kind="signed",
            user="c.reyes",
            organisation="Organization/police",
            at=NOW,
            name="Cam Reyes",
            role="officer",
            client="car-7",
            agreement="users",
            version="1",
            text_hash=bytes(range(32)),
            certified=("one", "two"),
        )

        async def interrupted():
            async with store.transaction() as change:
                await change.add_user_event(event)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await interrupted()
        assert await store.user_events() == []
        async with store.transaction() as change:
            await change.add_user_event(event)
        assert await store.user_events() == [event]
