"""Feeds pushed over HTTP: `POST /feeds/{feed}` takes an extract or an HL7 v2 message, durable before the answer.

The answer tells what became of the bytes: 202 with a receipt, or for HL7 v2 the acknowledgements of its messages: 200
(AA), 400 (one of them AR). While no contract that covers the feed is in force it is 503 with Retry-After, and AE for
HL7 v2: the sender keeps its queue. The same bytes again have the same receipt, so a sender that saw no answer may
always send again. `GET /feeds/{feed}/receipts?control-id=…` tells a sender what became of its own messages.

HL7 v2 over HTTP: https://hapifhir.github.io/hapi-hl7v2/hapi-hl7overhttp/specification.html
Status 202: https://www.rfc-editor.org/rfc/rfc9110#section-15.3.3
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson
from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from adapter.errors import FeedClosed, NotAllowed, NotFound, RequestError
from adapter.rest import described
from adapter.rest.errors import Refused, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from adapter.auth.requester import Requester
    from adapter.services.intake import Intake
    from adapter.services.reception import Outcome, Reception

HL7_TYPES: Final = ("application/hl7-v2", "x-application/hl7-v2+er7")
RETRY_AFTER: Final = b"3600"
"""Seconds: a contract is renewed by people."""
OPENING: Final = 16_384
"""Bytes from the start of a body in which the header segment of a message has to end."""
LEAD: Final = b"\x0b\x00\xef\xbb\xbf \t\r\n"
HEADERS: Final = (b"MSH", b"BHS", b"FHS")
ANSWERED: Final = 16_000_000
"""Bytes of the largest body whose messages are acknowledged; a longer one is answered with its receipt."""
NAME: Final = "pushed"
"""What extracts that are no messages are called in the inbox: the last one, sent again, is the same receipt."""

TOO_LARGE = refusal(413, "too-long", "the body is larger than this feed takes; cut the extract into several")
COMPRESSED = refusal(415, "not-supported", "expected a body that is not compressed: no Content-Encoding")
CLOSED = refusal(
    503,
    "transient",
    "the feed takes nothing in now; keep what is to be sent and send it later, nothing of it was taken",
    (b"retry-after", RETRY_AFTER),
)
CUT_SHORT = refusal(400, "invalid", "the body ended early; send it again, nothing of it was kept")


class FeedServices(Protocol):
    """What the feeds take from whoever wires the server."""

    @property
    def intake(self) -> Intake:
        """Takes what senders push."""
        ...

    @property
    def reception(self) -> Reception:
        """Answers messages in their own language."""
        ...

    @property
    def requester(self) -> Requester:
        """Finds who holds the token of a request."""
        ...


def router(services: FeedServices) -> APIRouter:
    """The addresses of the feeds."""
    routes = APIRouter(prefix="/feeds")

    @routes.post(
        "/{feed}",
        summary="Push an extract or an HL7 v2 message; durable before the answer",
        status_code=202,
        response_class=Response,
        responses=described.PUSHED,
        openapi_extra=described.BYTES,
    )
    async def push(request: Request, feed: str) -> Response:
        organisation = await _authorise(services, request, feed)
        return await _push(services, request, feed, organisation)

    @routes.get(
        "/{feed}/receipts/{receipt}",
        summary="What became of something that was pushed: counts, and where what waits stands in it",
        response_class=Response,
        responses=described.REPORTED,
        openapi_extra=described.BEARER,
    )
    async def report(request: Request, feed: str, receipt: str) -> Response:
        await _authorise(services, request, feed)
        found = await services.intake.report(feed, receipt)
        if found is None:
            raise NotFound("no such receipt of this feed")
        return _json(200, found)

    @routes.get(
        "/{feed}/receipts",
        summary="What became of the messages that their sender calls by this control id (MSH-10)",
        response_class=Response,
        responses=described.FATES,
        openapi_extra=described.CONTROL_ID,
    )
    async def fate(request: Request, feed: str) -> Response:
        organisation = await _authorise(services, request, feed)
        asked = request.query_params.getlist("control-id")
        if len(asked) != 1 or not asked[0]:
            raise RequestError("expected one control-id, the MSH-10 of a message", expression="control-id")
        return _json(200, await services.intake.fate(feed, asked[0], organisation))

    return routes


async def _authorise(services: FeedServices, request: Request, feed: str) -> str:
    """Who asks, a reference to an Organization."""
    row = await services.requester.holder(request.scope["headers"])
    if not services.intake.may_push(row.organisation, row.rights, feed):
        # One answer for a feed of others and for one that does not exist.
        raise NotAllowed("this access token does not cover this feed")
    return row.organisation


async def _push(services: FeedServices, request: Request, feed: str, organisation: str) -> Response:
    intake, reception = services.intake, services.reception
    try:
        intake.admit(feed)
    except FeedClosed as error:
        return await _closed(reception, request, feed, error)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refused(COMPRESSED)
    limit = intake.limit(feed)
    if _declared(request) > limit:
        raise Refused(TOO_LARGE)
    body = _limited(request.stream(), limit)
    if not reception.answers(feed):
        return _receipt(feed, await _kept(intake, body, feed, NAME))
    opening, more = await _up_to(body, ANSWERED)
    if more is not None:
        return _receipt(feed, await _kept(intake, _chained(opening, more, body), feed, None))
    outcome = await reception.taken(feed, opening, organisation=organisation)
    if outcome.kept is not None and outcome.is_batch and not reception.answers_batches(feed):
        return _receipt(feed, outcome.kept.receipt)
    return _answered(feed, outcome, opening, request)


def _answered(feed: str, outcome: Outcome, content: bytes, request: Request) -> Response:
    """The acknowledgements of a body, or its receipt where it is no message."""
    body = b"".join(outcome.answers)
    if outcome.kept is None:
        # Nothing was kept: the feed closed meanwhile, or the store fails. Either way it is to be sent again.
        return _hl7(503, body, request, **{"retry-after": RETRY_AFTER.decode("ascii")})
    if not body or not content.lstrip(LEAD).startswith(HEADERS):
        return _receipt(feed, outcome.kept.receipt)
    return _hl7(400 if outcome.is_rejected else 200, body, request)


def _receipt(feed: str, receipt: Any) -> Response:
    told = {"receipt": receipt.id, "feed": feed, "bytes": receipt.size, "sha256": receipt.sha256.hex()}
    where = f"/feeds/{feed}/receipts/{receipt.id}"
    return _json(202, {**told, "report": where}, location=where)


async def _up_to(body: AsyncIterator[bytes], most: int) -> tuple[bytes, bytes | None]:
    """The body, or what came of it once it is longer than ``most``, and the piece after that."""
    found = bytearray()
    try:
        async for chunk in body:
            if len(found) + len(chunk) > most:
                return bytes(found), chunk
            found += chunk
    except ClientDisconnect:
        raise Refused(CUT_SHORT) from None
    return bytes(found), None


async def _chained(first: bytes, second: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    yield second
    async for chunk in rest:
        yield chunk


async def _kept(intake: Intake, body: AsyncIterator[bytes], feed: str, name: str | None) -> Any:
    """The receipt of a whole body, durable and on its way into the store."""
    arrival = intake.arrive(feed, name)
    try:
        async for chunk in body:
            arrival.add(chunk)
    except ClientDisconnect:
        arrival.abandon()
        raise Refused(CUT_SHORT) from None
    except BaseException:
        arrival.abandon()
        raise
    receipt = arrival.finish()
    intake.accept(receipt)
    return receipt


async def _limited(stream: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """The pieces of a body that is neither empty nor longer than ``limit`` bytes."""
    size = 0
    async for chunk in stream:
        size += len(chunk)
        if size > limit:
            raise Refused(TOO_LARGE)
        yield chunk
    if not size:
        raise RequestError("expected an extract or a message as the body")


async def _closed(reception: Reception, request: Request, feed: str, error: FeedClosed) -> Response:
    """503; for a message with the acknowledgement that says so, of which the header is read and nothing kept."""
    opening = await _opening(request.stream()) if reception.answers(feed) else b""
    if not opening.lstrip(LEAD).startswith(HEADERS[:1]):
        raise Refused(CLOSED) from error
    answer = reception.refusal(feed, opening, "closed")
    return _hl7(503, answer, request, **{"retry-after": RETRY_AFTER.decode("ascii")})


async def _opening(stream: AsyncIterator[bytes]) -> bytes:
    opening = bytearray()
    try:
        async for chunk in stream:
            opening += chunk
            if len(opening) >= OPENING or b"\r" in opening.lstrip() or b"\n" in opening.lstrip():
                break
    except ClientDisconnect:
        raise Refused(CUT_SHORT) from None
    return bytes(opening[:OPENING])


def _declared(request: Request) -> int:
    length = request.headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() else 0


def _hl7(status: int, body: bytes, request: Request, **headers: str) -> Response:
    asked = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind = asked if asked in HL7_TYPES else HL7_TYPES[0]
    return Response(body, status_code=status, media_type=kind, headers=headers)


def _json(status: int, document: dict[str, Any], **headers: str) -> Response:
    return Response(orjson.dumps(document), status_code=status, media_type="application/json", headers=headers)
