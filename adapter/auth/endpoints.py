"""What the authorization endpoints do: issue, introspect and revoke access tokens for clients that prove themselves.

Each answer is in the disclosure ledger before it is given: who asked where that is proven, what came of it, and nothing
of what was sent.

Token: https://www.rfc-editor.org/rfc/rfc6749#section-4.4 with
https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
Introspection: https://www.rfc-editor.org/rfc/rfc7662
Revocation: https://www.rfc-editor.org/rfc/rfc7009
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from adapter.auth.assertion import TYPE
from adapter.auth.b2b import Asked, read_b2b, told
from adapter.auth.granting import NOTHING, grant, written
from adapter.auth.refusal import Refusal
from adapter.auth.tokens import LONGEST, MICROSECONDS, digest_of
from adapter.errors import NotAuthenticated, Throttled
from adapter.store.shapes import LedgerEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from adapter.auth.assertion import Assertions, Proven
    from adapter.auth.clients import Clients, Registered
    from adapter.auth.granting import Bounds
    from adapter.auth.limits import Limits
    from adapter.auth.tokens import Tokens
    from adapter.store.shapes import TokenRow

ORGANIZATION: Final = "Organization/"
FAILURES: Final = 60
"""Failed proofs that one address may send within a minute."""
OF_REFUSALS: Final = {
    "invalid_request": 400,
    "invalid_client": 401,
    "invalid_grant": 400,
    "invalid_scope": 400,
    "unsupported_grant_type": 400,
}
"""The HTTP status of each error code, https://www.rfc-editor.org/rfc/rfc6749#section-5.2"""


class Ledger(Protocol):
    """Where each answer is written down first."""

    async def append(self, entry: LedgerEntry) -> None:
        """Returns when the entry is durable."""
        ...


class Revocations(Protocol):
    """Where tokens are taken back."""

    async def revoke(self, digest: bytes) -> None:
        """Take a token back, from the next request on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The three endpoints, over one registry of clients.

    ``issuer`` is the FHIR base, which names tokens and organisations; ``types`` are the resource types there are.
    """

    clients: Clients
    assertions: Assertions
    tokens: Tokens
    bounds: Bounds
    limits: Limits
    ledger: Ledger
    revocations: Revocations
    clock: Callable[[], int]
    types: Collection[str]
    issuer: str

    @property
    def _organisations(self) -> str:
        return f"{self.issuer}/{ORGANIZATION}"

    async def token(self, form: Mapping[str, str], *, request_id: str, address: str) -> dict[str, Any]:
        """A new access token; ``Refusal`` or ``Throttled``."""

        async def work() -> tuple[str, dict[str, Any]]:
            if form.get("grant_type") != "client_credentials":
                known = "grant_type" in form
                raise Refusal("unsupported_grant_type" if known else "invalid_request", "grant-type")
            client, proven = await self._proven(form)
            asked = read_b2b(proven.claims, organisations=self._organisations)
            granted = await grant(
                client, asked, form.get("scope"), bounds=self.bounds, types=self.types, at=self.clock()
            )
            scopes = written(granted.scopes)
            lifetime = 60 * client.spec.token_minutes
            try:
                token = await self.tokens.issue(
                    client=client.id,
                    organisation=ORGANIZATION + granted.organisation,
                    purposes=granted.purposes,
                    rights=granted.rights,
                    lifetime=lifetime,
                    user=granted.user,
                    scopes=scopes,
                )
            except NotAuthenticated:
                raise Refusal("invalid_client", "stopped", client=client.id) from None
            body = {"access_token": token, "token_type": "bearer", "expires_in": lifetime}
            body["scope"] = "" if scopes == NOTHING else scopes
            return f"{client.id} for {granted.user}" if granted.user else client.id, body

        return await self._ledgered("token", work, request_id, address)

    async def introspect(
        self, form: Mapping[str, str], bearer: bytes | None, *, request_id: str, address: str
    ) -> dict[str, Any]:
        """What a token grants, for the client it was issued to and for registered resource servers.

        Anyone else's token is as inactive as one that never was.
        """

        async def work() -> tuple[str, dict[str, Any]]:
            client = await self._asker(form, bearer)
            row = await self.tokens.known(_token(form, client))
            if row is None or not row.scopes or not (client.spec.introspects or row.client == client.id):
                return client.id, {"active": False}
            return client.id, self._told(row)

        return await self._ledgered("introspect", work, request_id, address)

    async def revoke(
        self, form: Mapping[str, str], bearer: bytes | None, *, request_id: str, address: str
    ) -> dict[str, Any]:
        """Take back a token of the client that asks; the answer is the same whatever the token was."""

        async def work() -> tuple[str, dict[str, Any]]:
            client = await self._asker(form, bearer)
            token = _token(form, client)
            row = await self.tokens.known(token)
            if row is not None and row.scopes and row.client == client.id:
                await self.revocations.revoke(digest_of(token))
            return client.id, {}

        return await self._ledgered("revoke", work, request_id, address)

    def _told(self, row: TokenRow) -> dict[str, Any]:
        asked = Asked(organisation=row.organisation.removeprefix(ORGANIZATION), purposes=row.purposes, user=row.user)
        return {
            "active": True,
            "scope": "" if row.scopes == NOTHING else row.scopes,
            "client_id": row.client,
            "sub": row.client,
            "iss": self.issuer,
            "aud": self.issuer,
            "token_type": "bearer",
            "iat": row.issued // MICROSECONDS,
            "exp": row.expires // MICROSECONDS,
            "extensions": told(asked, organisations=self._organisations),
        }

    async def _asker(self, form: Mapping[str, str], bearer: bytes | None) -> Registered:
        """Who asks about a token: by an assertion, or by a token of its own."""
        if bearer is None:
            return (await self._proven(form))[0]
        row = await self.tokens.known(bearer)
        client = self.clients.find(row.client) if row is not None and row.scopes else None
        if client is None:
            raise Refusal("invalid_client", "bearer")
        return client

    async def _proven(self, form: Mapping[str, str]) -> tuple[Registered, Proven]:
        if form.get("client_assertion_type") != TYPE or "client_assertion" not in form:
            raise Refusal("invalid_request", "no-assertion")
        proven = await self.assertions.verify(form["client_assertion"], form.get("client_id"))
        client = self.clients.find(proven.client)
        if client is None:
            raise Refusal("invalid_client", "unknown-client")
        if wait := self.limits.take(f"proof {client.id}", client.spec.tokens_per_minute):
            raise Throttled(wait)
        return client, proven

    async def _ledgered(
        self, interaction: str, work: Callable[[], Any], request_id: str, address: str
    ) -> dict[str, Any]:
        if wait := self.limits.wait(f"address {address}", FAILURES):
            raise Throttled(wait)
        try:
            who, body = await work()
        except Refusal as refusal:
            if refusal.code == "invalid_client":
                self.limits.take(f"address {address}", FAILURES)
            outcome = f"{OF_REFUSALS[refusal.code]} {refusal.code} {refusal.why}"
            await self._enter(interaction, refusal.client, outcome, request_id)
            raise
        await self._enter(interaction, who, "", request_id)
        return dict(body)

    async def _enter(self, interaction: str, client: str, outcome: str, request_id: str) -> None:
        await self.ledger.append(
            LedgerEntry(
                at=self.clock(),
                request_id=request_id,
                client=client,
                context=0,
                purpose="",
                interaction=interaction,
                target="",
                passed=(),
                outcome=outcome,
            )
        )


def _token(form: Mapping[str, str], client: Registered) -> bytes:
    token = form.get("token", "")
    if not token:
        raise Refusal("invalid_request", "no-token", client=client.id)
    # What is longer than any token of ours is none; it is not worth a hash.
    return token.encode("utf-8")[: LONGEST + 1]
