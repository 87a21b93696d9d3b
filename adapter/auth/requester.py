"""From the headers of a request to the caller the gate decides for.

The token alone says who asks and which purposes of use are granted. The header ``X-Purpose-Of-Use`` chooses
one of them and can widen nothing; with exactly one purpose granted it may be left out.

Bearer tokens: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
Purposes of use: https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from adapter.errors import NotAllowed, NotAuthenticated, RequestError, Throttled
from adapter.services.disclose import LONGEST_BODY, MOST_ENTRIES, Caller

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapter.auth.clients import Clients, Registered
    from adapter.auth.limits import Limits
    from adapter.auth.tokens import Tokens
    from adapter.store.shapes import TokenRow

PURPOSE_HEADER = "X-Purpose-Of-Use"
CONTEXTS_KEPT = 1024
"""Recipient contexts remembered: organisations times purposes, a few hundred in a large county."""

_AUTHORIZATION = b"authorization"
_PURPOSE = PURPOSE_HEADER.lower().encode("ascii")


class Contexts(Protocol):
    """Where recipient contexts are interned."""

    async def context_of(self, organisation: str, purpose: str) -> int:
        """The number of the context of an organisation acting for a purpose."""
        ...


class Requester:
    """Finds the caller of a request.

    Context numbers are remembered, because an interned context never changes its meaning. When the directory
    of organisations changes, which context an organisation has may change: ``forget`` drops what is
    remembered. ``per_minute`` bounds the clients of tokens that the county issued itself; a registered client has
    bounds of its own.
    """

    def __init__(
        self,
        *,
        tokens: Tokens,
        contexts: Contexts,
        clients: Clients | None = None,
        limits: Limits | None = None,
        per_minute: int = 6000,
    ) -> None:
        self._tokens = tokens
        self._contexts = contexts
        self._clients = clients
        self._limits = limits
        self._per_minute = per_minute
        self._known: dict[tuple[str, str], int] = {}

    async def caller(self, headers: Iterable[tuple[bytes, bytes]], request_id: str) -> Caller:
        """The caller named by the headers (lower-case names, as ASGI gives them); see `held`."""
        return (await self.held(headers, request_id))[0]

    async def held(self, headers: Iterable[tuple[bytes, bytes]], request_id: str) -> tuple[Caller, TokenRow]:
        """The caller named by the headers, with the token that says so.

        ``NotAuthenticated`` without exactly one valid bearer token, ``RequestError`` naming the header when a
        purpose has to be chosen and was not, ``NotAllowed`` when the chosen purpose is not granted.
        """
        credentials: bytes | None = None
        purpose: bytes | None = None
        for name, value in headers:
            if name == _AUTHORIZATION:
                if credentials is not None:
                    raise NotAuthenticated("send one Authorization header")
                credentials = value
            elif name == _PURPOSE:
                if purpose is not None:
                    raise _choose()
                purpose = value
        row = await self._tokens.holder(_bearer(credentials))
        registered = self._clients.find(row.client) if self._clients is not None and row.scopes else None
        self._throttle(row, registered)
        chosen = _purpose(row, purpose)
        context = self._known.get((row.organisation, chosen))
        if context is None:
            context = await self._context(row.organisation, chosen)
        caller = Caller(
            # The ledger tells who of a client asked, where users sign for themselves.
            client=f"{row.client} for {row.user}" if row.user else row.client,
            organisation=row.organisation,
            context=context,
            purpose=chosen,
            rights=frozenset(row.rights),
            request_id=request_id,
            scopes=self._clients.scopes(row) if self._clients is not None else None,
            longest_body=LONGEST_BODY if registered is None else 1024 * registered.spec.body_kilobytes,
            most_entries=MOST_ENTRIES if registered is None else registered.spec.bundle_entries,
        )
        return caller, row

    async def holder(self, headers: Iterable[tuple[bytes, bytes]]) -> TokenRow:
        """The token of a request that asks for nothing about anyone: a sender of a feed. No purpose is chosen."""
        found = [value for name, value in headers if name == _AUTHORIZATION]
        if len(found) != 1:
            raise NotAuthenticated("send one access token: Authorization: Bearer")
        row = await self._tokens.holder(_bearer(found[0]))
        self._throttle(row, self._clients.find(row.client) if self._clients is not None and row.scopes else None)
        return row

    async def still(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """``NotAuthenticated`` once the token of a request that is being answered does not hold any more."""
        found = [value for name, value in headers if name == _AUTHORIZATION]
        await self._tokens.holder(_bearer(found[0] if found else None))

    def _throttle(self, row: TokenRow, registered: Registered | None) -> None:
        if self._limits is None:
            return
        # The word before the name keeps a token of the county's own from emptying the bucket of a registered client.
        kind, bound = (
            ("own", self._per_minute) if registered is None else ("client", registered.spec.requests_per_minute)
        )
        if wait := self._limits.take(f"{kind} {row.client}", bound):
            raise Throttled(wait)

    def forget(self) -> None:
        """Drop the remembered contexts; to be called when the directory of organisations has changed."""
        self._known = {}

    async def _context(self, organisation: str, purpose: str) -> int:
        # A number asked for before `forget` goes into the dropped dictionary, never into the fresh one.
        known = self._known
        context = await self._contexts.context_of(organisation, purpose)
        if len(known) >= CONTEXTS_KEPT:
            known.clear()
        known[organisation, purpose] = context
        return context


def _bearer(credentials: bytes | None) -> bytes:
    if credentials is None:
        raise NotAuthenticated("send an access token: Authorization: Bearer")
    scheme, _, token = credentials.partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise NotAuthenticated("send an access token: Authorization: Bearer")
    return token.strip()


def _purpose(row: TokenRow, header: bytes | None) -> str:
    if not row.purposes:
        raise NotAllowed("this access token feeds and asks for nothing: it grants no purpose of use")
    if header is None:
        if len(row.purposes) == 1:
            return row.purposes[0]
        raise _choose()
    chosen = header.decode("latin-1").strip()
    if chosen not in row.purposes:
        raise NotAllowed("this access token does not grant the purpose of use that was asked for")
    return chosen


def _choose() -> RequestError:
    return RequestError(
        f"choose one of the purposes of use that this token grants: send the header `{PURPOSE_HEADER}` once",
        expression=f"http.{PURPOSE_HEADER}",
    )
