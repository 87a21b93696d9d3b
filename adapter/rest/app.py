"""The HTTP application: the FHIR face in front, everything else behind it in a FastAPI app.

A FHIR request passes one comparison and goes straight to its interaction; only other addresses reach FastAPI.
Every answer, an error of any kind included, carries ``Cache-Control: no-store`` and an ``X-Request-Id`` made
here: a request id sent by the caller is not used, because the ledger is looked up by it.

RESTful API: https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from adapter.errors import SallyportError, Unavailable
from adapter.fhir.subset import Subsets
from adapter.fhir.xml_dump import XmlWriter
from adapter.fhir.xml_parse import XmlReader
from adapter.rest import authorize, described, feeds, metrics, panels
from adapter.rest.answer import GUARDED, send_answer
from adapter.rest.assert_basis import OPERATION as ASSERT_BASIS
from adapter.rest.assert_basis import AssertBasis
from adapter.rest.audit import AuditFace
from adapter.rest.below import Below
from adapter.rest.bulk import ADDRESS as EXPORTS
from adapter.rest.bulk import GROUP, BulkFace
from adapter.rest.catalog import Catalog
from adapter.rest.cursor import Cursors
from adapter.rest.errors import DEFECT, NO_ROUTE, answer_to, log_defect, refusal, wrong_method
from adapter.rest.everything import EverythingFace
from adapter.rest.face import PREFIX, ROOT, FhirFace, Prepared
from adapter.rest.groups import GroupFace
from adapter.rest.history import HistoryFace
from adapter.rest.match import OPERATION as MATCH
from adapter.rest.match import MatchOperation
from adapter.rest.metadata import statement
from adapter.rest.metrics import Meter
from adapter.rest.operations import ExplainOperation
from adapter.rest.rendering import Rendering
from adapter.rest.search import Search
from adapter.rest.smart import configuration
from adapter.rest.statements import capabilities, of_roles
from adapter.rest.subscription import SubscriptionFace, TopicFace
from adapter.rest.subscription_topics import topics
from adapter.rest.validate import ValidateOperation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastapi import APIRouter, Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from adapter.rest.answer import Answer
    from adapter.rest.needs import Services

_OURS = frozenset({b"x-request-id", *(name for name, _ in GUARDED)})


def application(services: Services, *, routers: Sequence[APIRouter] = ()) -> ASGIApp:
    """The ASGI application.

    ``routers`` hold further addresses, outside ``/fhir/``; they get the same errors and headers.
    """
    search = Search(
        services.disclosure,
        base_url=services.base_url,
        zone=services.zone,
        cursors=Cursors(services.cursor_key),
        subsets=Subsets(services.facts),
    )
    bulk = BulkFace(services.bulk, services.requester, base_url=services.base_url, zone=services.zone)
    face = FhirFace(
        disclosure=services.disclosure,
        requester=services.requester,
        search=search,
        explain=ExplainOperation(services.disclosure, services.explain),
        audit=AuditFace(services.audit, services.requester, base_url=services.base_url, zone=services.zone),
        of_patient={
            ASSERT_BASIS: AssertBasis(services.assertions, base_url=services.base_url, zone=services.zone),
            MATCH: MatchOperation(services.disclosure, services.match, base_url=services.base_url),
        },
        below=_below(services, bulk),
        beside={
            EXPORTS: bulk,
            "Subscription": SubscriptionFace(
                services.subscriptions, services.disclosure, services.requester, base_url=services.base_url
            ),
            "Basic": TopicFace(
                topics(services.subscriptions.topics),
                services.disclosure,
                services.requester,
                base_url=services.base_url,
            ),
            GROUP: GroupFace(services.groups, bulk, services.requester, base_url=services.base_url),
        },
        validate=ValidateOperation(services.disclosure, services.validator),
        prepared=Prepared(
            capabilities=statement(
                base_url=services.base_url, version=services.version, topics=sorted(services.subscriptions.topics)
            ),
            discovery=configuration(services.base_url),
            catalog=_catalog(services),
        ),
        writing=services.writing,
        rendering=Rendering(XmlWriter(services.facts), XmlReader(services.facts)),
        new_id=services.new_id,
    )
    beside = _beside(services, routers)
    addresses = {path for path in beside.openapi()["paths"] if "{" not in path} | {"/feeds"}
    meter = Meter(services.measures, services.tick, addresses=addresses)
    return Front(face=face, rest=beside, new_id=services.new_id, meter=meter)


def _below(services: Services, bulk: BulkFace) -> Below:
    cursors, base_url, zone = Cursors(services.cursor_key), services.base_url, services.zone
    return Below(
        services.requester,
        history=HistoryFace(services.versions, base_url=base_url, zone=zone, cursors=cursors),
        everything=EverythingFace(services.everything, base_url=base_url, zone=zone, cursors=cursors),
        bulk=bulk,
    )


def _catalog(services: Services) -> Catalog:
    statements = [capabilities(base_url=services.base_url, version=services.version), *of_roles(services.version)]
    return Catalog([*services.conformance, *statements], base_url=services.base_url)


class Front:
    """Sends FHIR requests to the face and all others to ``rest``, whose answers get the common headers."""

    def __init__(self, *, face: FhirFace, rest: ASGIApp, new_id: Callable[[], str], meter: Meter) -> None:
        self._face = face
        self._rest = rest
        self._new_id = new_id
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in the lifespan of the server."""
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        started, method, path = self._meter.tick(), scope["method"], scope["path"]
        if path.startswith(PREFIX) or path == ROOT:
            status = await self._face(scope, receive, send)
            self._meter.fhir(method, path[len(PREFIX) :], status, started)
        else:
            status = await self._answer_beside(scope, receive, send)
            self._meter.beside(method, path, status, started)

    async def _answer_beside(self, scope: Scope, receive: Receive, send: Send) -> int:
        request_id = self._new_id()
        status = 0

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *(pair for pair in message.get("headers", ()) if pair[0] not in _OURS),
                    *GUARDED,
                    (b"x-request-id", request_id.encode("ascii")),
                ]
            await send(message)

        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        try:
            await self._rest(scope, receive, guarded)
        except Exception as error:  # noqa: BLE001 - the last line: a defect is logged and answered with a constant
            log_defect(error, request_id)
            if not status:
                status = DEFECT.status
                await send_answer(send, DEFECT, request_id, without_body=scope["method"] == "HEAD")
        return status


def _beside(services: Services, routers: Sequence[APIRouter]) -> FastAPI:
    app = FastAPI(
        title="Sallyport",
        version=services.version,
        docs_url=None,
        redoc_url=None,
        description="The addresses beside `/fhir/`, whose description is the CapabilityStatement.",
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )

    @app.get("/health/live", summary="Whether the process runs", responses=described.LIVE)
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.get(
        "/health/ready",
        summary="Whether requests should be sent here, and which agreements are about to end",
        responses=described.READY,
    )
    async def ready() -> dict[str, Any]:
        if not await services.ready():
            raise Unavailable("the store does not answer")
        ending = [
            {
                "agreement": one.agreement,
                "days_left": one.days,
                "last_day": one.last.isoformat(),
                "closes_feeds": list(one.feeds),
            }
            for one in services.endings()
        ]
        return {"status": "ready"} | ({"agreements_ending": ending} if ending else {})

    for router in (
        feeds.router(services),
        panels.router(services),
        authorize.router(services),
        metrics.router(services),
        *routers,
    ):
        app.include_router(router)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(SallyportError, _of_ours)
    app.add_exception_handler(Exception, _of_defect)
    described.complete(app)
    return app


def _response(answer: Answer) -> Response:
    # The guarding headers are added in front, to these answers and to all others.
    headers = {name.decode("ascii"): value.decode("ascii") for name, value in answer.headers}
    return Response(answer.body, status_code=answer.status, headers=headers)


async def _of_http(_: Request, error: Exception) -> Response:
    refused = cast("HTTPException", error)
    if refused.status_code == HTTPStatus.NOT_FOUND:
        return _response(NO_ROUTE)
    if refused.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return _response(wrong_method(*sorted((refused.headers or {}).get("Allow", "GET").split(", "))))
    return _response(refusal(refused.status_code, "processing", "the request was refused"))


async def _of_validation(_: Request, error: Exception) -> Response:
    where = ".".join(str(part) for part in cast("RequestValidationError", error).errors()[0]["loc"])
    return _response(refusal(400, "invalid", "the request has a part that is missing or not of its type", path=where))


async def _of_ours(_: Request, error: Exception) -> Response:
    return _response(answer_to(error, ""))


async def _of_defect(_: Request, __: Exception) -> Response:
    # Starlette raises the error again after this answer; it is logged in front.
    return _response(DEFECT)
