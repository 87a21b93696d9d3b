"""Access tokens of another authorization server, believed while that server confirms them.

What it confirms is mapped strictly: its client to a registered one, organisation, purposes and user out of the
``hl7-b2b`` extension, scopes, each met with its bound here exactly as for a token of our own. Anything missing, unknown
or unreadable is no token; a server that cannot be asked is no answer. Confirmations are kept for seconds.

https://www.rfc-editor.org/rfc/rfc7662
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson
from joserfc import jws

from adapter.auth.assertion import LIFE, SECOND, TYPE
from adapter.auth.b2b import read_b2b
from adapter.auth.granting import grant, written
from adapter.auth.refusal import Refusal
from adapter.errors import Unavailable
from adapter.store.shapes import TokenRow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from joserfc.jwk import ECKey, RSAKey

    from adapter.auth.clients import Clients
    from adapter.auth.granting import Bounds
    from adapter.outbound import Reply
    from adapter.registration import Introspection
    from adapter.store.shapes import LastWord

ORGANIZATION: Final = "Organization/"
KEPT: Final = 4096
"""Confirmations remembered."""
AT_ONCE: Final = 16
"""Questions to the other server under way; one more is answered with 503."""
_OK: Final = 200
_FAR: Final = 10**12
_SHORTEST: Final = 16
"""Characters of the shortest token that the other server is asked about."""


class Post(Protocol):
    """What asks other servers."""

    async def post_form(self, url: str, form: Mapping[str, str]) -> Reply:
        """The answer to a posted form; ``Unavailable`` if there is none."""
        ...


class Words(Protocol):
    """What is last recorded of users and clients."""

    async def stopped(self, client: str) -> bool:
        """Whether a client is shut out."""
        ...

    async def last_word(self, organisation: str, user: str) -> LastWord:
        """The last word of a user in an organisation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideTokens:
    """Finds what a token of the other server grants here. ``key`` is our private key there, ``new_id`` makes ids."""

    server: Introspection
    key: RSAKey | ECKey
    post: Post
    clients: Clients
    bounds: Bounds
    words: Words
    types: Collection[str]
    organisations: str
    clock: Callable[[], int]
    new_id: Callable[[], str]
    _kept: OrderedDict[bytes, tuple[int, Mapping[str, Any]]] = field(default_factory=OrderedDict, init=False)
    _under_way: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE), init=False)

    async def holder(self, token: bytes, at: int) -> TokenRow | None:
        """What a token grants here; None if nothing, ``Unavailable`` if the other server gives no answer."""
        if len(token) < _SHORTEST or not token.isascii():
            return None
        digest = sha256(token).digest()
        claims = await self._confirmed(digest, token.decode("ascii"), at)
        expires = _instant(claims.get("exp"))
        if claims.get("active") is not True or not self._ours(claims) or at >= expires:
            return None
        client = self.clients.outside(str(claims.get("client_id", "")))
        scope = claims.get("scope")
        if client is None or not isinstance(scope, str) or await self.words.stopped(client.id):
            return None
        try:
            asked = read_b2b(claims, organisations=self.organisations)
            granted = await grant(client, asked, scope, bounds=self.bounds, types=self.types, at=at)
        except Refusal:
            return None
        organisation = ORGANIZATION + granted.organisation
        return TokenRow(
            digest=digest,
            client=client.id,
            organisation=organisation,
            purposes=granted.purposes,
            rights=granted.rights,
            expires=expires,
            user=granted.user,
            issued=at,
            last_word=await self.words.last_word(organisation, granted.user),
            scopes=written(granted.scopes),
        )

    def _ours(self, claims: Mapping[str, Any]) -> bool:
        audience = claims.get("aud")
        listed = audience if isinstance(audience, list) else [audience]
        kind = claims.get("token_type", "Bearer")
        return (
            claims.get("iss") == self.server.issuer
            and self.server.audience in listed
            and isinstance(kind, str)
            and kind.lower() == "bearer"
        )

    async def _confirmed(self, digest: bytes, token: str, at: int) -> Mapping[str, Any]:
        known = self._kept.get(digest)
        if known is not None and at < known[0]:
            return known[1]
        if self._under_way.locked():
            raise Unavailable("too many questions to the other authorization server are under way")
        async with self._under_way:
            claims = await self._ask(token)
        self._kept[digest] = (at + self.server.cache_seconds * SECOND, claims)
        self._kept.move_to_end(digest)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return claims

    async def _ask(self, token: str) -> Mapping[str, Any]:
        form = {
            "token": token,
            "token_type_hint": "access_token",
            "client_id": self.server.client_id,
            "client_assertion_type": TYPE,
            "client_assertion": self._assertion(),
        }
        reply = await self.post.post_form(self.server.url, form)
        try:
            claims = orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            claims = None
        if reply.status != _OK or not isinstance(claims, dict) or not isinstance(claims.get("active"), bool):
            raise Unavailable("the other authorization server gives no introspection that can be read")
        return claims

    def _assertion(self) -> str:
        """Who we are, for one question."""
        now = self.clock() // SECOND
        claims = {
            "iss": self.server.client_id,
            "sub": self.server.client_id,
            "aud": self.server.url,
            "jti": self.new_id(),
            "iat": now,
            "exp": now + LIFE // SECOND // 2,
        }
        algorithm = "RS384" if self.key.key_type == "RSA" else "ES384"
        header = {"alg": algorithm, "typ": "JWT"} | ({"kid": self.key.kid} if self.key.kid else {})
        return jws.serialize_compact(header, orjson.dumps(claims), self.key, algorithms=[algorithm])


def _instant(value: Any) -> int:
    """Seconds as epoch microseconds; 0 for what is no instant."""
    return value * SECOND if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _FAR else 0
