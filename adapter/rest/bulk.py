"""Bulk Data Access: kick-off at `Patient/$export` and `Group/{id}/$export`, status, files and the end of an export.

An export lives at `exports/{id}` below the FHIR base and its files at `exports/{id}/{number}.ndjson`; all of them want
a token of the client that asked, for the purpose it asked for. `_typeFilter` and whatever else is not listed here is
refused by name. A file is one form, NDJSON, whatever is accepted.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import orjson

from adapter.errors import NotFound, NotSupported, RequestError
from adapter.fhir.instants import instant_text
from adapter.fhir.search import PARAMETERS
from adapter.rest import operands, parameters
from adapter.rest.answer import GUARDED, Answer, http_date
from adapter.rest.errors import NO_ROUTE, Refused, wrong_method
from adapter.rest.formats import negotiate
from adapter.rest.read import ID
from adapter.rest.refusals import MALFORMED_ID, Reading
from adapter.rest.streaming import until_gone
from adapter.services.bulk import INTERACTION
from adapter.services.bulk_files import DELETED, Order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

    from starlette.types import Receive, Scope

    from adapter.auth.requester import Requester
    from adapter.rest.parameters import Pair
    from adapter.services.bulk import Bulk
    from adapter.services.bulk_files import Manifest
    from adapter.services.disclose import Caller

OPERATION: Final = INTERACTION
ADDRESS: Final = "exports"
GROUP: Final = "Group"
CURRENT: Final = "https://sallyport.example/fhir/StructureDefinition/export-current-to"
"""In the manifest, for each subscription of the client: the event number that the export is current to."""
NDJSON: Final = (b"content-type", b"application/fhir+ndjson")
_JSON: Final = (b"content-type", b"application/json")
_WAIT: Final = b"2"
"""Seconds after which asking for the status again makes sense."""
_TAKEN: Final = ("_outputFormat", "_since", "_type")
_FORMATS: Final = frozenset({"application/fhir+ndjson", "application/ndjson", "ndjson"})
_FILE: Final = re.compile(r"([0-9]{1,6})\.ndjson")


class BulkFace:
    """The operation over one gate. ``zone`` is that of the site."""

    def __init__(self, bulk: Bulk, requester: Requester, *, base_url: str, zone: ZoneInfo) -> None:
        self._bulk = bulk
        self._requester = requester
        self._base_url = base_url
        self._zone = zone

    async def kick_off(self, scope: Scope, group: str | None, request_id: str) -> Answer:
        """202 with the address of the export; of everyone, or of a group by its id."""
        if scope["method"] != "GET":
            raise Refused(wrong_method("GET"))
        caller = await self._requester.caller(scope["headers"], request_id)
        kind = "Patient" if group is None else GROUP
        async with Reading(self._bulk, caller, INTERACTION, kind):
            pairs = parameters.of_query(scope["query_string"])
            negotiate(scope["headers"], ())
            _check_prefers(scope["headers"])
            order = self._order(pairs, scope, group or "")
        if group is not None and ID.fullmatch(group) is None:
            await self._bulk.refuse(caller, INTERACTION, kind, f"404 {MALFORMED_ID}")
            raise NotFound("no id has this form")
        ident = await self._bulk.kick_off(caller, order)
        return Answer(202, b"", (*GUARDED, (b"content-location", self._url(ident))))

    async def __call__(self, scope: Scope, receive: Receive, path: str, request_id: str) -> Answer:
        """What is asked of an export: its status, its end, or one of its files."""
        ident, slash, name = path.partition("/")
        file = _FILE.fullmatch(name) if slash else None
        if not ident or (slash and file is None):
            raise Refused(NO_ROUTE)
        offered = ("GET",) if file else ("GET", "DELETE")
        if scope["method"] not in offered:
            raise Refused(wrong_method(*offered))
        caller = await self._requester.caller(scope["headers"], request_id)
        async with Reading(self._bulk, caller, INTERACTION, ""):
            for parameter, _ in parameters.of_query(scope["query_string"]):
                raise NotSupported("an export takes no parameters here", expression=parameter)
        if file is not None:
            return await self._file(caller, scope, receive, ident, int(file[1]))
        if scope["method"] == "DELETE":
            await self._bulk.cancel(caller, ident)
            return Answer(202, b"", GUARDED)
        manifest = await self._bulk.status(caller, ident)
        if manifest is None:
            return Answer(202, b"", (*GUARDED, (b"x-progress", b"finding what to export"), (b"retry-after", _WAIT)))
        expires = (b"expires", http_date(instant_text(manifest.expires)))
        return Answer(200, self._manifest(ident, manifest), (_JSON, *GUARDED, expires))

    async def _file(self, caller: Caller, scope: Scope, receive: Receive, ident: str, number: int) -> Answer:
        async def still() -> None:
            await self._requester.still(scope["headers"])

        chunks = self._bulk.download(caller, ident, number, still)
        # What is refused is refused before anything is sent.
        first = await anext(chunks, b"")
        return Answer(200, b"", (NDJSON, *GUARDED), stream=until_gone(receive, first, chunks))

    def _order(self, pairs: Sequence[Pair], scope: Scope, group: str) -> Order:
        """What is asked for; ``RequestError`` names the parameter that cannot be honoured."""
        types: list[str] = []
        given: dict[str, str] = {}
        for name, value in pairs:
            if name not in _TAKEN:
                raise NotSupported(f"an export takes {', '.join(_TAKEN)} and no other parameter", expression=name)
            if name == "_type":
                types += operands.types(value, PARAMETERS)
            elif name in given:
                raise RequestError(f"`{name}` is given twice; expected it once", expression=name)
            given[name] = value
        if given.get("_outputFormat", "ndjson").replace(" ", "+") not in _FORMATS:
            raise NotSupported("`_outputFormat`: expected application/fhir+ndjson", expression="_outputFormat")
        query = scope["query_string"].decode("latin-1")
        level = f"{GROUP}/{group}/{OPERATION}" if group else f"Patient/{OPERATION}"
        return Order(
            request=f"{self._base_url}/{level}" + (f"?{query}" if query else ""),
            group=group,
            types=tuple(dict.fromkeys(types)),
            since=operands.since(given["_since"], self._zone) // 1000 * 1000 if "_since" in given else None,
        )

    def _manifest(self, ident: str, manifest: Manifest) -> bytes:
        address = self._url(ident).decode("ascii")
        listed = [
            {"type": file.kind, "url": f"{address}/{number}.ndjson"} for number, file in enumerate(manifest.files)
        ]
        told = {
            "transactionTime": instant_text(manifest.at),
            "request": manifest.request,
            "requiresAccessToken": True,
            "output": [one for one in listed if one["type"] != DELETED],
            "deleted": [one for one in listed if one["type"] == DELETED],
            "error": [],
        }
        current = [
            {"subscription": f"{self._base_url}/Subscription/{ident}", "eventNumber": number}
            for ident, number in sorted(manifest.current.items())
        ]
        return orjson.dumps(told | ({"extension": {CURRENT: current}} if current else {}))

    def _url(self, ident: str) -> bytes:
        return f"{self._base_url}/{ADDRESS}/{ident}".encode("ascii")


def _check_prefers(headers: Iterable[tuple[bytes, bytes]]) -> None:
    said = [part.strip() for name, value in headers if name == b"prefer" for part in value.lower().split(b",")]
    if b"respond-async" not in [part for one in said for part in map(bytes.strip, one.split(b";"))]:
        told = "an export is answered later; expected the header `Prefer: respond-async`"
        raise RequestError(told, expression="http.Prefer")
