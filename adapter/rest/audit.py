"""AuditEvent, for the privacy officers of the site alone.

To everyone else, with a token or without, the type does not exist: they get the answer of any type that is not offered,
and the CapabilityStatement does not list it. What an officer asks is in the disclosure ledger before it is answered.

Search by `patient` or `entity` (a resource), within `date`; the newest first. https://hl7.org/fhir/R4/auditevent.html
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from adapter.errors import NotAllowed, NotAuthenticated, NotFound, RequestError
from adapter.fhir.bundle import searchset
from adapter.fhir.codec import dump
from adapter.fhir.dates import search_interval
from adapter.rest import parameters
from adapter.rest.answer import FHIR, Answer, http_date
from adapter.rest.errors import UNKNOWN_TYPE, Refused, wrong_method
from adapter.rest.formats import negotiate
from adapter.services.audit import AuditQuery

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from starlette.types import Receive, Scope

    from adapter.auth.requester import Requester
    from adapter.rest.parameters import Pair
    from adapter.services.audit import Audit
    from adapter.services.disclose import Caller

TYPE: Final = "AuditEvent"
LARGEST: Final = 200
"""Events of the largest page."""
_READING: Final = frozenset({"GET", "HEAD"})
_ONLY_READING: Final = wrong_method("GET", "HEAD")
_ONLY_POSTING: Final = wrong_method("POST")
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_NAME: Final = re.compile(r"([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})")
_DATE: Final = re.compile(r"(eq|ge|gt|le|lt|sa|eb)?(\d.*)")
_EXPECTED: Final = (
    "AuditEvent takes `patient` (an id) or `entity` (a Type/id), with `date` (eq, ge, gt, le, lt), `_count`, `_offset` "
    "and `_format`"
)


class AuditFace:
    """Read and search of AuditEvent. ``zone`` reads dates that carry no offset."""

    def __init__(self, audit: Audit, requester: Requester, *, base_url: str, zone: ZoneInfo) -> None:
        self._audit = audit
        self._requester = requester
        self._base_url = base_url
        self._zone = zone

    async def __call__(self, scope: Scope, receive: Receive, ident: str, request_id: str) -> Answer:
        """The answer to an officer; what a type gets that is not offered, to anyone else."""
        caller = await self._officer(scope, request_id)
        method, headers = scope["method"], scope["headers"]
        pairs = parameters.of_query(scope["query_string"])
        if ident == "_search":
            if method != "POST":
                raise Refused(_ONLY_POSTING)
            pairs = parameters.merge(pairs, await parameters.of_form(headers, receive))
        elif method not in _READING:
            raise Refused(_ONLY_READING)
        negotiate(headers, pairs)
        if ident and ident != "_search":
            return await self._read(caller, ident)
        return await self._search(caller, [pair for pair in pairs if pair[0] != "_format"])

    async def _officer(self, scope: Scope, request_id: str) -> Caller:
        try:
            caller = await self._requester.caller(scope["headers"], request_id)
        except (NotAuthenticated, NotAllowed, RequestError):
            raise Refused(UNKNOWN_TYPE) from None
        if not self._audit.may_read(caller):
            raise Refused(UNKNOWN_TYPE)
        return caller

    async def _read(self, caller: Caller, ident: str) -> Answer:
        if _ID.fullmatch(ident) is None:
            raise NotFound("no id has this form")
        event = await self._audit.read(caller, ident)
        return Answer(200, dump(event), (*FHIR, (b"last-modified", http_date(event["meta"]["lastUpdated"]))))

    async def _search(self, caller: Caller, pairs: Sequence[Pair]) -> Answer:
        query = self._query(pairs)
        page = await self._audit.search(caller, query)
        links = [("self", self._url(pairs, query.offset))]
        if query.offset + query.count < page.total and query.count:
            links.append(("next", self._url(pairs, query.offset + query.count)))
        entries = [(f"{self._base_url}/{TYPE}/{event['id']}", dump(event)) for event in page.events]
        return Answer(200, searchset(total=page.total, links=links, entries=entries))

    def _url(self, pairs: Sequence[Pair], offset: int) -> str:
        kept = [pair for pair in pairs if pair[0] != "_offset"]
        return f"{self._base_url}/{TYPE}?{urlencode([*kept, *([('_offset', str(offset))] if offset else [])])}"

    def _query(self, pairs: Sequence[Pair]) -> AuditQuery:
        """What is asked; ``RequestError`` names the parameter that cannot be honoured."""
        query = AuditQuery()
        seen: set[str] = set()
        for name, value in pairs:
            if name in seen and name != "date":
                raise RequestError(f"a parameter is given twice; {_EXPECTED}", expression=name)
            seen.add(name)
            if name == "patient":
                query = replace(query, patient=self._patient(value))
            elif name == "entity":
                query = replace(query, entities=tuple(self._resource(one) for one in value.split(",")))
            elif name == "date":
                query = self._within(query, value)
            elif name == "_count":
                query = replace(query, count=min(_number(name, value), LARGEST))
            elif name == "_offset":
                query = replace(query, offset=_number(name, value))
            else:
                raise RequestError(_EXPECTED, expression=name)
        if not (query.patient or query.entities):
            raise RequestError(_EXPECTED, expression="patient")
        return query

    def _patient(self, value: str) -> str:
        found = self._local(value).removeprefix("Patient/")
        if _ID.fullmatch(found) is None:
            raise RequestError(_EXPECTED, expression="patient")
        return found

    def _resource(self, value: str) -> str:
        found = self._local(value)
        if _NAME.fullmatch(found) is None:
            raise RequestError(_EXPECTED, expression="entity")
        return found

    def _local(self, value: str) -> str:
        return value.removeprefix(f"{self._base_url}/")

    def _within(self, query: AuditQuery, value: str) -> AuditQuery:
        """The period narrowed by one date. What is recorded is an instant, so the prefixes come down to bounds."""
        match = _DATE.fullmatch(value)
        try:
            low, high = search_interval(match[2] if match else "", self._zone)
        except ValueError:
            raise RequestError(_EXPECTED, expression="date") from None
        prefix = (match[1] if match else None) or "eq"
        since = {"eq": low, "ge": low, "gt": high, "sa": high}.get(prefix, query.since)
        until = {"eq": high, "le": high, "lt": low, "eb": low}.get(prefix, query.until)
        return replace(query, since=max(since, query.since), until=min(until, query.until))


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 9):  # noqa: PLR2004 - digits of a number that fits
        raise RequestError(_EXPECTED, expression=name)
    return int(value)
