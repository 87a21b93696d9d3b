"""vread and history of one resource: `Type/id/_history/version` and `Type/id/_history`.

Hidden versions are absent: they show in no total, page, order or time. A version that is unknown or withheld, and the
history of a resource of which nothing may be seen, are the 404 of any id that leads nowhere.

https://hl7.org/fhir/R4/http.html#vread and https://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from adapter.errors import NotFound, NotSupported, RequestError
from adapter.fhir.bundle import history
from adapter.fhir.dates import MAX, MIN, interval
from adapter.fhir.results import read_count
from adapter.rest import operands, parameters
from adapter.rest.answer import FHIR, Answer, http_date
from adapter.rest.cursor import PARAMETER as CURSOR
from adapter.rest.formats import negotiate
from adapter.rest.read import ID
from adapter.rest.refusals import MALFORMED_ID, Reading
from adapter.services.versions import HISTORY, VREAD, Window

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from starlette.types import Scope

    from adapter.rest.cursor import Cursors
    from adapter.rest.parameters import Pair
    from adapter.services.disclose import Caller
    from adapter.services.versions import Versions

NAME: Final = "_history"
_TAKEN: Final = ("_count", "_since", "_at", "_format", CURSOR)


class HistoryFace:
    """Both interactions over one gate. ``zone`` reads dates that carry no offset."""

    def __init__(self, versions: Versions, *, base_url: str, zone: ZoneInfo, cursors: Cursors) -> None:
        self._versions = versions
        self._base_url = base_url
        self._zone = zone
        self._cursors = cursors

    async def vread(self, caller: Caller, scope: Scope, kind: str, ident: str, version: str) -> Answer:
        """One version with its ETag; ``NotFound`` if unknown or withheld."""
        async with Reading(self._versions, caller, VREAD, kind):
            pairs = parameters.of_query(scope["query_string"])
            negotiate(scope["headers"], pairs)
            for name, _ in pairs:
                if name != "_format":
                    raise NotSupported("a vread takes no parameter but `_format`", expression=name)
        await self._check(caller, VREAD, kind, ident, version)
        served = await self._versions.vread(caller, kind, ident, version)
        tag, changed = b'W/"%b"' % served.version.encode("ascii"), http_date(served.last_updated)
        return Answer(200, served.body, (*FHIR, (b"etag", tag), (b"last-modified", changed)))

    async def history(self, caller: Caller, scope: Scope, kind: str, ident: str) -> Answer:
        """A page of the versions, newest first; ``RequestError`` names the parameter that cannot be honoured."""
        place = f"{kind}/{ident}/{NAME}"
        async with Reading(self._versions, caller, HISTORY, kind):
            pairs = parameters.of_query(scope["query_string"])
            negotiate(scope["headers"], pairs)
            window = self._window(pairs)
            given = dict(pairs)
            # A page is bound to what it is a page of, whatever its size or format.
            asked = repr((place, given.get("_since"), given.get("_at"))).encode()
            after = None
            if CURSOR in given:
                after = self._cursors.open_for(given[CURSOR], caller=caller, asked=asked)
        await self._check(caller, HISTORY, kind, ident)
        page = await self._versions.history(caller, kind, ident, window, after)
        links = [("self", self._url(place, pairs))]
        if page.next is not None:
            sealed = self._cursors.seal_for(page.next, caller=caller, asked=asked)
            onward = [pair for pair in pairs if pair[0] != CURSOR]
            links.append(("next", self._url(place, [*onward, (CURSOR, sealed)])))
        return Answer(200, history(total=page.total, links=links, base_url=self._base_url, versions=page.served))

    async def _check(self, caller: Caller, interaction: str, kind: str, *idents: str) -> None:
        """The same answer and the same entry in the ledger as for any id that leads nowhere."""
        if not all(ID.fullmatch(ident) for ident in idents):
            await self._versions.refuse(caller, interaction, kind, f"404 {MALFORMED_ID}")
            raise NotFound("no id has this form")

    def _window(self, pairs: Sequence[Pair]) -> Window:
        given: dict[str, str] = {}
        for name, value in pairs:
            if name not in _TAKEN:
                raise NotSupported(f"a history takes {', '.join(_TAKEN[:-1])} and no other parameter", expression=name)
            if name in given:
                raise RequestError(f"`{name}` is given twice; expected it once", expression=name)
            given[name] = value
        count = read_count(given.get("_count"))
        if CURSOR in given and not given[CURSOR]:
            raise RequestError("`_cursor`: expected the value from a next link", expression=CURSOR)
        since = operands.since(given["_since"], self._zone) if "_since" in given else MIN
        low, high = self._at(given["_at"]) if "_at" in given else (MIN, MAX)
        return Window(since=since, low=low, high=high, count=count)

    def _at(self, value: str) -> tuple[int, int]:
        try:
            return interval(value.replace(" ", "+"), self._zone)
        except ValueError as error:
            raise RequestError(f"`_at`: {error}", expression="_at") from None

    def _url(self, place: str, pairs: Sequence[Pair]) -> str:
        texts = [f"{quote(name)}={quote(value, safe=':')}" for name, value in pairs]
        return f"{self._base_url}/{place}" + (f"?{'&'.join(texts)}" if texts else "")
