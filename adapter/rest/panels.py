"""Groups as CSV files: `POST /panels` makes a Group of people as its owner knows them, `PUT /panels/{group}` replaces.

The list is what a partner's own software exports: names and birth dates, numbers, ids. The answer is the same whoever
is on it: nobody is looked for when it comes. It is then `Group/{group}` of the FHIR base: read, deleted, exported, and
a filter of subscriptions.

OpenAPI describes it at `/openapi.json`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

import orjson
from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from adapter.errors import NotFound, NotSupported, RequestError
from adapter.rest import described
from adapter.rest.errors import Refused, refusal
from adapter.rest.groups import NAME
from adapter.rest.read import ID
from adapter.rest.refusals import Reading
from adapter.services.groups import TYPE
from adapter.services.panel_csv import read_panel

if TYPE_CHECKING:
    from adapter.auth.requester import Requester
    from adapter.services.groups import Groups

LONGEST: Final = 4_000_000
"""Bytes of the longest list."""
_CSV: Final = "text/csv"
TOO_LONG: Final = refusal(413, "too-long", "the list is longer than 4 MB; cut it into several groups")
CUT_SHORT: Final = refusal(400, "invalid", "the body ended early; send it again, nothing of it was kept")


class PanelServices(Protocol):
    """What lists take from whoever wires the server."""

    @property
    def groups(self) -> Groups:
        """Keeps groups."""
        ...

    @property
    def requester(self) -> Requester:
        """Finds who asks."""
        ...


def router(services: PanelServices) -> APIRouter:
    """The addresses of lists."""
    routes = APIRouter(prefix="/panels")

    @routes.post(
        "",
        summary="Make a Group of the people of a CSV file",
        status_code=201,
        response_class=Response,
        responses=described.LISTED,
        openapi_extra=described.PEOPLE,
    )
    async def create(request: Request) -> Response:
        return await _keep(services, request, "")

    @routes.put(
        "/{group}",
        summary="Replace a Group by the people of a CSV file",
        response_class=Response,
        responses=described.LISTED_ANEW,
        openapi_extra=described.PEOPLE,
    )
    async def update(request: Request, group: str) -> Response:
        if ID.fullmatch(group) is None:
            raise NotFound("no id has this form")
        return await _keep(services, request, group)

    return routes


async def _keep(services: PanelServices, request: Request, ident: str) -> Response:
    groups = services.groups
    caller = await services.requester.caller(request.scope["headers"], request.scope["state"]["request_id"])
    interaction, letter = ("update", "u") if ident else ("create", "c")
    async with Reading(groups, caller, interaction, TYPE):
        caller.require(TYPE, letter)
        name = _name(request)
        # A long list takes a quarter of a second: others are answered meanwhile.
        members, people = await asyncio.to_thread(read_panel, await _content(request))
    row = await groups.upload(caller, ident, name, members, people)
    told = {"group": f"{TYPE}/{row.id}", "version": row.version, "rows": len(members) + len(people)}
    headers = {} if ident else {"location": f"/fhir/{TYPE}/{row.id}"}
    return Response(orjson.dumps(told), 200 if ident else 201, headers, "application/json")


def _name(request: Request) -> str:
    for parameter in request.query_params:
        if parameter != "name":
            raise NotSupported("expected no parameter but `name`", expression=parameter)
    given = request.query_params.getlist("name") or [""]
    if len(given) > 1 or NAME.fullmatch(given[0]) is None:
        raise RequestError("expected one name of up to 200 characters", expression="name")
    return given[0]


async def _content(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _CSV or request.headers.get("content-encoding", "identity") != "identity":
        raise NotSupported(f"expected a body of `Content-Type: {_CSV}`, not compressed", expression="http.Content-Type")
    found = bytearray()
    try:
        async for chunk in request.stream():
            found += chunk
            if len(found) > LONGEST:
                raise Refused(TOO_LONG)
    except ClientDisconnect:
        raise Refused(CUT_SHORT) from None
    return bytes(found)
