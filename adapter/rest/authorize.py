"""The authorization endpoints over HTTP: `POST /auth/token`, `/auth/introspect` and `/auth/revoke`.

Forms in, JSON out, with the error codes of OAuth 2.0. The answer to each code is a constant: it tells a client what
kind of thing is wrong and nothing about what exists. Why it was refused stands in the ledger under its
``X-Request-Id``.

https://www.rfc-editor.org/rfc/rfc6749#section-5
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from adapter.auth.endpoints import OF_REFUSALS
from adapter.auth.refusal import Refusal
from adapter.errors import RequestError, Throttled
from adapter.rest import described, parameters
from adapter.rest.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from adapter.auth.endpoints import Endpoints

WORDS: Final = {
    "invalid_request": "send the parameters of this request once each, as a form in the body; see smart-configuration",
    "invalid_client": "the client is not authenticated; check key id, signature, iss, sub, aud, exp and a new jti",
    "invalid_grant": "what is asked for is not registered, agreed or signed; quote the X-Request-Id to the county",
    "invalid_scope": "a scope is malformed, not known or not registered for this client",
    "unsupported_grant_type": "expected grant_type=client_credentials",
}
"""What each error code says, and nothing else."""


class AuthorizingServices(Protocol):
    """What the endpoints take from whoever wires the server."""

    @property
    def authorization(self) -> Endpoints:
        """What they do."""
        ...


def router(services: AuthorizingServices) -> APIRouter:
    """The addresses of the authorization endpoints."""
    routes = APIRouter(prefix="/auth")

    @routes.post(
        "/token",
        summary="A short-lived access token for software that proves itself with its key (SMART Backend Services)",
        response_class=Response,
        responses=described.TOKEN,
        openapi_extra=described.GRANT,
    )
    async def token(request: Request) -> Response:
        form = await _form(request)
        if isinstance(form, Response):
            return form
        return await _answer(services.authorization.token(form, **_asking(request)))

    @routes.post(
        "/introspect",
        summary="What an access token grants, for whoever may ask (RFC 7662)",
        response_class=Response,
        responses=described.INTROSPECTED,
        openapi_extra=described.ABOUT,
    )
    async def introspect(request: Request) -> Response:
        form = await _form(request)
        if isinstance(form, Response):
            return form
        return await _answer(services.authorization.introspect(form, _bearer(request), **_asking(request)))

    @routes.post(
        "/revoke",
        summary="End an access token of one's own (RFC 7009)",
        response_class=Response,
        responses=described.REVOKED,
        openapi_extra=described.ABOUT,
    )
    async def revoke(request: Request) -> Response:
        form = await _form(request)
        if isinstance(form, Response):
            return form
        return await _answer(services.authorization.revoke(form, _bearer(request), **_asking(request)))

    return routes


def _asking(request: Request) -> dict[str, str]:
    return {
        "request_id": request.scope["state"]["request_id"],
        "address": request.client.host if request.client is not None else "",
    }


async def _form(request: Request) -> dict[str, str] | Response:
    """The parameters of the body, each once; or the answer that refuses it."""
    try:
        pairs = await parameters.of_form(request.scope["headers"], request.receive)
    except Refused as refused:
        return _error("invalid_request", refused.answer.status)
    except RequestError:
        return _error("invalid_request", OF_REFUSALS["invalid_request"])
    # What is in an address is in the logs of everything it passes.
    if request.scope["query_string"] or len(dict(pairs)) != len(pairs):
        return _error("invalid_request", OF_REFUSALS["invalid_request"])
    return dict(pairs)


def _bearer(request: Request) -> bytes | None:
    """The access token in the one Authorization header; None without a header, empty for one that is no bearer's."""
    found = [value for name, value in request.scope["headers"] if name == b"authorization"]
    if not found:
        return None
    scheme, _, token = found[0].partition(b" ")
    return bytes(token.strip()) if len(found) == 1 and scheme.lower() == b"bearer" else b""


async def _answer(work: Awaitable[dict[str, Any]]) -> Response:
    try:
        return _json(200, await work)
    except Refusal as refusal:
        return _error(refusal.code, OF_REFUSALS[refusal.code])
    except Throttled as throttled:
        return _json(429, {"error": "temporarily_unavailable"}, {"retry-after": str(throttled.wait)})


def _error(code: str, status: int) -> Response:
    # RFC 6750 section 3 for who came with a token, RFC 6749 section 5.2 for all others: a 401 names a scheme.
    headers = {"www-authenticate": "Bearer"} if status == OF_REFUSALS["invalid_client"] else {}
    return _json(status, {"error": code, "error_description": WORDS[code]}, headers)


def _json(status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    # RFC 6749 section 5.1 asks for both; Cache-Control is on every answer of this server.
    return Response(
        orjson.dumps(document),
        status_code=status,
        media_type="application/json",
        headers={"pragma": "no-cache", **(headers or {})},
    )
