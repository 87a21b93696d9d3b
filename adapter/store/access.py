"""What the store keeps of who may ask: tokens, used assertions, clients that were shut out, and what users signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from adapter.store.clients import ClientEvent
    from adapter.store.users import TokenRow, UserEvent


class AccessRecords(Protocol):
    """The part of a store that every request asks first."""

    async def token(self, digest: bytes) -> TokenRow | None:
        """A stored token by the digest of its text, with the last word of its user."""
        ...

    async def add_token(self, row: TokenRow) -> None:
        """Store an issued token."""
        ...

    async def add_client_token(self, row: TokenRow) -> bool:
        """Store a token issued to a registered client, unless it is shut out; tells whether it was stored."""
        ...

    async def withdrawn(self, client: str, organisation: str, user: str) -> bool:
        """Whether the last token that was issued by hand to these was revoked."""
        ...

    async def tokens(self) -> list[TokenRow]:
        """Every issued token, oldest first."""
        ...

    async def spend_assertion(self, digest: bytes, *, expires: int, at: int, tokens_until: int) -> bool:
        """Use up an assertion; tells whether it was unused. Durable: of many at once, one finds it unused.

        What expired by ``at`` is forgotten, and so are tokens of registered clients that expired by ``tokens_until``.
        """
        ...

    async def client_stopped(self, client: str) -> bool:
        """Whether the last word about a client is that it is shut out."""
        ...

    async def client_events(self) -> list[ClientEvent]:
        """Every client that was shut out or let in again, oldest first."""
        ...

    async def user_events(self, user: str | None = None) -> list[UserEvent]:
        """What users signed and when they left, oldest first; of one user or of all."""
        ...
