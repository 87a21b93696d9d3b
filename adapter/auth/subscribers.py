"""Who is told by a subscription: what its client, organisation and user may still ask for at this moment.

A subscription outlives the access token it was asked with, so what the token stood for is looked at anew each time:
registration, agreements in force, signatures, whether the client is shut out and, where the county issued the token by
hand, whether it took the last such token back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from adapter.services.disclose import Caller
from adapter.services.subscribed import read
from adapter.store.shapes import END, TokenRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.auth.clients import Clients
    from adapter.auth.requester import Contexts
    from adapter.store.shapes import LastWord
    from adapter.store.subscriptions import SubscriptionRow


_SECOND: Final = 1_000_000


class Words(Protocol):
    """What is stored and agreed of those who ask."""

    def rights(self, recipient: str, *, at: int) -> set[str]:
        """The rights that a partner can have."""
        ...

    async def stopped(self, client: str) -> bool:
        """Whether a client is shut out."""
        ...

    async def withdrawn(self, client: str, organisation: str, user: str) -> bool:
        """Whether the last token that was issued by hand to these was revoked."""
        ...

    async def last_word(self, organisation: str, user: str) -> LastWord:
        """What a user signed or did last in an organisation."""
        ...


class Users(Protocol):
    """Who knows whether a user may ask."""

    def may_ask(self, organisation: str, user: str, last_word: LastWord, at: int) -> bool:
        """Whether a user may ask at an instant; without a user, whether none is required."""
        ...


class Subscribers:
    """Finds the callers of a subscription."""

    def __init__(
        self, *, clients: Clients, words: Words, users: Users, contexts: Contexts, clock: Callable[[], int]
    ) -> None:
        self._clients = clients
        self._words = words
        self._users = users
        self._contexts = contexts
        self._clock = clock
        self._rights: tuple[int, dict[str, set[str]]] = 0, {}

    async def __call__(self, row: SubscriptionRow, request_id: str) -> tuple[Caller, ...] | None:
        """The subscriber, then the end recipients it names; None where one of them may be told nothing any more."""
        at = self._clock()
        token = await self._token(row, at)
        if token is None or row.purpose not in token.purposes:
            return None
        asking = Caller(
            client=f"{row.client} for {row.user}" if row.user else row.client,
            organisation=row.organisation,
            context=await self._contexts.context_of(row.organisation, row.purpose),
            purpose=row.purpose,
            rights=frozenset(token.rights),
            request_id=request_id,
            scopes=self._clients.scopes(token),
        )
        found = [asking]
        for recipient in read(row.wish).recipients:
            context = await self._contexts.context_of(recipient, row.purpose)
            found.append(replace(asking, organisation=recipient, context=context))
        return tuple(found)

    async def _token(self, row: SubscriptionRow, at: int) -> TokenRow | None:
        """The token it was asked with, as it would be now if it had not expired."""
        token = TokenRow(
            digest=b"",
            client=row.client,
            organisation=row.organisation,
            purposes=(row.purpose,),
            rights=row.rights,
            expires=END,
            user=row.user,
            scopes=row.scopes,
            last_word=await self._words.last_word(row.organisation, row.user),
        )
        if row.scopes:
            return None if await self._words.stopped(row.client) else self._clients.still(token, at)
        if await self._words.withdrawn(row.client, row.organisation, row.user):
            return None
        key = row.organisation.removeprefix("Organization/")
        if not self._users.may_ask(row.organisation, row.user, token.last_word, at):
            return None
        rights = self._rights_of(key, at)
        return replace(token, rights=tuple(one for one in row.rights if one in rights))

    def _rights_of(self, key: str, at: int) -> set[str]:
        """The rights of a partner. Agreements begin and end with days, so they are looked up once a second."""
        second = at // _SECOND
        if self._rights[0] != second:
            self._rights = second, {}
        known = self._rights[1].get(key)
        if known is None:
            known = self._rights[1][key] = self._words.rights(key, at=at)
        return known
