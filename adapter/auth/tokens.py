"""Opaque access tokens: random text for the partner, its SHA-256 digest for the store.

A token says nothing by itself and is looked up on every request, so that revoking it holds for the next
request. The store never sees the token, and a copy of the store opens nothing. A token issued for a user works
only while the user's signature under the user agreement counts; one of a registered client grants no more than its
registration and the agreements in force do at that moment.

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
LONGEST_OUTSIDE = 8192
"""Characters of the longest token that another server is asked about."""
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

    async def add_client_token(self, row: TokenRow) -> bool:
        """Keep a new row of a registered client, unless the client is shut out; tells whether it was kept."""
        ...


class Users(Protocol):
    """Who knows whether the user of a token may ask."""

    def may_ask(self, organisation: str, user: str, last_word: LastWord, at: int) -> bool:
        """Whether a user may ask at an instant; without a user, whether none is required."""
        ...


class Registrations(Protocol):
    """Who knows what registered clients may do."""

    def still(self, row: TokenRow, at: int) -> TokenRow | None:
        """What a token of a registered client grants at an instant; None if nothing."""
        ...


class Outside(Protocol):
    """Another authorization server whose tokens are believed."""

    async def holder(self, token: bytes, at: int) -> TokenRow | None:
        """What a token of that server grants here; None if nothing. ``Unavailable`` if it cannot be asked."""
        ...


class Tokens:
    """Issues tokens and finds who holds one.

    ``clock`` gives epoch microseconds UTC; ``new_token`` gives unguessable URL-safe text, at least 192 bits
    of it. Without ``users`` nobody has to sign anything; without ``registrations`` no client is registered; without
    ``outside`` no other server's tokens are believed.
    """

    def __init__(
        self,
        *,
        store: TokenStore,
        clock: Callable[[], int],
        new_token: Callable[[], str],
        users: Users | None = None,
        registrations: Registrations | None = None,
        outside: Outside | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_token = new_token
        self._users = users
        self._registrations = registrations
        self._outside = outside

    async def issue(
        self,
        *,
        client: str,
        organisation: str,
        purposes: Collection[str],
        rights: Collection[str] = (),
        lifetime: int,
        user: str = "",
        scopes: str = "",
    ) -> str:
        """Make a token for ``client`` that lives ``lifetime`` seconds; its text is returned and never kept.

        ``organisation`` is the reference of the partner (``Organization/pretrial``); ``purposes`` are the
        codes of which each request chooses one; a token that only feeds needs none. ``user`` is who uses it, for
        organisations whose users sign; ``scopes`` narrow what it may do, and are those of a
        registered client. ``ValueError`` when a field is empty, the lifetime is not positive or the factory makes text
        too short to be unguessable; ``NotAuthenticated`` when the client is shut out.
        """
        feeds = any(right.startswith(FEED_RIGHT) for right in rights)
        if not client or not organisation or not (purposes or feeds):
            raise ValueError("a token needs a client, an organisation, and a purpose of use or a feed")
        if lifetime <= 0:
            raise ValueError("the lifetime of a token is a positive number of seconds")
        token = self._new_token()
        if not SHORTEST_MADE <= len(token) <= LONGEST:
            raise ValueError(f"the token factory makes text of {SHORTEST_MADE} to {LONGEST} characters")
        row = TokenRow(
            digest=digest_of(token.encode("ascii")),
            client=client,
            organisation=organisation,
            purposes=tuple(sorted(purposes)),
            rights=tuple(sorted(rights)),
            expires=self._clock() + lifetime * MICROSECONDS,
            revoked=False,
            user=user,
            issued=self._clock(),
            scopes=scopes,
        )
        if not scopes:
            await self._store.add_token(row)
        elif not await self._store.add_client_token(row):
            raise NotAuthenticated("this client is shut out")
        return token

    async def holder(self, token: bytes) -> TokenRow:
        """The row of a live token; ``NotAuthenticated`` when it is unknown, expired, revoked or unsigned alike."""
        longest = LONGEST if self._outside is None else LONGEST_OUTSIDE
        if len(token) <= longest:
            row = await self._store.token(sha256(token).digest())
            now = self._clock()
            if row is None and self._outside is not None:
                row = await self._outside.holder(token, now)
            found = None if row is None else self._live(row, now)
            if found is not None:
                return found
        raise NotAuthenticated("the access token is not valid; ask for a new one")

    async def known(self, token: bytes) -> TokenRow | None:
        """The row of a token issued here, if it is live; None for every other text."""
        row = await self._store.token(sha256(token).digest()) if len(token) <= LONGEST else None
        return None if row is None else self._live(row, self._clock())

    def _live(self, row: TokenRow, now: int) -> TokenRow | None:
        if row.revoked or now >= row.expires:
            return None
        if row.scopes:
            return None if self._registrations is None else self._registrations.still(row, now)
        return row if self._signed(row, now) else None

    def _signed(self, row: TokenRow, now: int) -> bool:
        """Whether the user of a token has signed. The row was read just now, so leaving holds for the next request."""
        users = self._users
        return users is None or users.may_ask(row.organisation, row.user, row.last_word, now)


def digest_of(token: bytes) -> bytes:
    """What the store keeps of a token.

    SHA-256 is enough for random text; a password would need a slow hash.
    """
    return sha256(token).digest()
