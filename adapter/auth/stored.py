"""What authorization keeps in the store and asks of agreements and signatures, for the parts that only decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapter.store.shapes import NOTHING_SAID, LastWord

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.services.access import Access
    from adapter.store.port import Store

ORGANIZATION: Final = "Organization/"
REMEMBERED: Final = 7 * 24 * 3600 * 1_000_000
"""Microseconds for which expired tokens of registered clients stay listed; what they were used for is in the ledger."""


class Stored:
    """Used assertions, revocations and signatures of one site."""

    def __init__(self, store: Store, access: Access, clock: Callable[[], int]) -> None:
        self._store = store
        self._access = access
        self._clock = clock

    async def spend(self, digest: bytes, *, expires: int) -> bool:
        """Use an assertion up, durably; tells whether it was unused."""
        now = self._clock()
        return await self._store.spend_assertion(digest, expires=expires, at=now, tokens_until=now - REMEMBERED)

    async def revoke(self, digest: bytes) -> None:
        """Take a token back, from the next request on."""
        async with self._store.transaction() as change:
            await change.revoke_token(digest)

    def purposes(self, recipient: str, *, at: int) -> set[str]:
        """The purposes of use that agreements in force grant a partner."""
        return self._access.purposes(recipient, at=at)

    def unattended(self, recipient: str, *, at: int) -> set[str]:
        """Those for which its software may ask with no user named."""
        return self._access.unattended(recipient, at=at)

    def rights(self, recipient: str, *, at: int) -> set[str]:
        """The rights that a partner can have."""
        return self._access.rights(recipient, at=at)

    async def signed(self, recipient: str, user: str, *, at: int) -> bool:
        """Whether a user of a partner has a signature that counts."""
        return await self._access.signed(self._store, recipient, user, at=at)

    async def stopped(self, client: str) -> bool:
        """Whether a client is shut out."""
        return await self._store.client_stopped(client)

    async def withdrawn(self, client: str, organisation: str, user: str) -> bool:
        """Whether the last token that was issued by hand to these was revoked."""
        return await self._store.withdrawn(client, organisation, user)

    async def last_word(self, organisation: str, user: str) -> LastWord:
        """What a user signed or did last in an organisation."""
        if not user:
            return NOTHING_SAID
        own = [one for one in await self._store.user_events(user) if one.organisation == organisation]
        return LastWord(kind=own[-1].kind, text_hash=own[-1].text_hash, at=own[-1].at) if own else NOTHING_SAID
