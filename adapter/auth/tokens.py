"""Opaque access tokens: random text for the partner, its SHA-256 digest for the store.

A token says nothing by itself and is looked up on every request, so that revoking it holds for the next
request. The store never sees the token, and a copy of the store opens nothing. A token issued for a user works
only while the user's signature under the user agreement counts.

Bearer tokens: https://www.rfc-editor.org/rfc/rfc6750
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from adapter.errors import NotAuthenticated
from adapter.store.shapes import TokenRow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from adapter.store.shapes import LastWord

MICROSECONDS = 1_000_000
LONGEST = 512
"""Characters of the longest token looked up; what the factory makes is far shorter."""
FEED_RIGHT = "feed:"
"""Before the name of a feed: the right to push it."""
SHORTEST_MADE = 32
"""Characters of the shortest token the factory may make: 32 base64url characters hold 192 random bits."""


class TokenStore(Protocol):
    """The store operations that tokens need."""

    async def token(self, digest: bytes) -> TokenRow | None:
        """The row of a digest, or None."""
        ...

    async def add_token(self, row: TokenRow) -> None:
        """Keep a new row."""
        ...


class Users(Protocol):
    """Who knows whether the user of a token may ask."""

    def may_ask(self, organisation: str, user: str, last_word: LastWord, at: int) -> bool:
        """Whether a user may ask at an instant; without a user, whether none is required."""
        ...


class Tokens:
    """Issues tokens and finds who holds one.

    ``clock`` gives epoch microseconds UTC; ``new_token`` gives unguessable URL-safe text, at least 192 bits
    of it. Without ``users`` nobody has to sign anything.
    """

    def __init__(
        self,
        *,
        store: TokenStore,
        clock: Callable[[], int],
        new_token: Callable[[], str],
        users: Users | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_token = new_token
        self._users = users

    async def issue(
        self,
        *,
        client: str,
        organisation: str,
        purposes: Collection[str],
        rights: Collection[str] = (),
        lifetime: int,
        user: str = "",
    ) -> str:
        """Make a token for ``client`` that lives ``lifetime`` seconds; its text is returned and never kept.

        ``organisation`` is the reference of the partner (``Organization/pretrial``); ``purposes`` are the
        codes of which each request chooses one; a token that only feeds needs none. ``user`` is who uses it, for
        organisations whose users sign. ``ValueError`` when a field is empty, the lifetime is not positive or the
        factory makes text too short to be unguessable.
        """
        feeds = any(right.startswith(FEED_RIGHT) for right in rights)
        if not client or not organisation or not (purposes or feeds):
            raise ValueError("a token needs a client, an organisation, and a purpose of use or a feed")
        if lifetime <= 0:
            raise ValueError("the lifetime of a token is a positive number of seconds")
        token = self._new_token()
        if not SHORTEST_MADE <= len(token) <= LONGEST:
            raise ValueError(f"the token factory makes text of {SHORTEST_MADE} to {LONGEST} characters")
        await self._store.add_token(
            TokenRow(
                digest=digest_of(token.encode("ascii")),
                client=client,
                organisation=organisation,
                purposes=tuple(sorted(purposes)),
                rights=tuple(sorted(rights)),
                expires=self._clock() + lifetime * MICROSECONDS,
                revoked=False,
                user=user,
                issued=self._clock(),
            )
        )
        return token

    async def holder(self, token: bytes) -> TokenRow:
        """The row of a live token; ``NotAuthenticated`` when it is unknown, expired, revoked or unsigned alike."""
        if len(token) <= LONGEST:
            row = await self._store.token(sha256(token).digest())
            now = self._clock()
            if row is not None and not row.revoked and now < row.expires and self._signed(row, now):
                return row
        raise NotAuthenticated("the access token is not valid; ask for a new one")

    def _signed(self, row: TokenRow, now: int) -> bool:
        """Whether the user of a token has signed. The row was read just now, so leaving holds for the next request."""
        users = self._users
        return users is None or users.may_ask(row.organisation, row.user, row.last_word, now)


def digest_of(token: bytes) -> bytes:
    """What the store keeps of a token.

    SHA-256 is enough for random text; a password would need a slow hash.
    """
    return sha256(token).digest()
