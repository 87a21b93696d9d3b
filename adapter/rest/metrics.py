"""`GET /metrics` for the monitoring of whoever runs the server: a token with the right `metrics`, nothing else.

To everyone else the address is one that is not offered. The token opens nothing but this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapter.errors import NotAuthenticated
from adapter.fhir.search import PARAMETERS
from adapter.rest import described
from adapter.rest.errors import NO_ROUTE, Refused
from adapter.services.measures import MEDIA_TYPE, RIGHT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from adapter.auth.requester import Requester
    from adapter.services.measures import Measures

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
OPERATIONS: Final = frozenset({"metadata", "_search", "$match", "$assert-basis", "$explain", "$export"})
"""Addresses counted by name; whatever else a caller writes is no name here."""
_OTHER: Final = "other"


class MetricServices(Protocol):
    """What the counts take from whoever wires the server."""

    @property
    def requester(self) -> Requester:
        """Finds who holds the token of a request."""
        ...

    @property
    def metrics(self) -> Callable[[], Awaitable[str]]:
        """The counts as text."""
        ...


def router(services: MetricServices) -> APIRouter:
    """The address of the counts."""
    routes = APIRouter()

    @routes.get(
        "/metrics",
        summary="Counts in the Prometheus text format, for a token with the right `metrics`",
        response_class=Response,
        responses=described.METRICS,
        openapi_extra=described.BEARER,
    )
    async def read(request: Request) -> Response:
        try:
            row = await services.requester.holder(request.scope["headers"])
        except NotAuthenticated:
            raise Refused(NO_ROUTE) from None
        if RIGHT not in row.rights:
            raise Refused(NO_ROUTE)
        return Response(await services.metrics(), headers={"content-type": MEDIA_TYPE})

    return routes


class Meter:
    """Counts answers by the shape of their address. ``tick`` gives seconds of a clock that never goes back."""

    def __init__(self, measures: Measures, tick: Callable[[], float], *, addresses: Collection[str]) -> None:
        self.tick = tick
        self._measures = measures
        self._addresses = addresses

    def fhir(self, method: str, path: str, status: int, started: float) -> None:
        """Count an answer below ``/fhir/``, of which ``path`` is the rest."""
        kind, slash, tail = path.partition("/")
        if kind in PARAMETERS:
            shape = tail if tail in OPERATIONS else "{id}" if slash else ""
            route = f"/fhir/{kind}/{shape}" if shape else f"/fhir/{kind}"
        else:
            route = f"/fhir/{path if path in OPERATIONS else _OTHER}"
        self._count(method, route, status, started)

    def beside(self, method: str, path: str, status: int, started: float) -> None:
        """Count an answer to any other address."""
        first = "/" + path.strip("/").partition("/")[0]
        known = path if path in self._addresses else first if first in self._addresses else _OTHER
        self._count(method, known, status, started)

    def _count(self, method: str, route: str, status: int, started: float) -> None:
        self._measures.answered(method if method in METHODS else _OTHER, route, status, self.tick() - started)
