"""`GET Patient/{id}/$everything`: a searchset of what a caller may see of a person.

It takes `_type`, `_since`, `_count` and the cursor of its next links. `start` and `end` are refused by name, as is
whatever else is not understood.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from adapter.errors import NotFound, NotSupported, RequestError
from adapter.fhir.bundle import searchset
from adapter.fhir.results import read_count
from adapter.rest import parameters
from adapter.rest.answer import Answer
from adapter.rest.cursor import PARAMETER as CURSOR
from adapter.rest.formats import negotiate
from adapter.rest.operands import since, types
from adapter.rest.read import ID
from adapter.rest.refusals import MALFORMED_ID, Reading
from adapter.rest.search import cautioned
from adapter.services.everything import INTERACTION, OF_PERSONS, Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from starlette.types import Scope

    from adapter.rest.cursor import Cursors
    from adapter.rest.parameters import Pair
    from adapter.services.disclose import Caller
    from adapter.services.everything import Everything

OPERATION: Final = INTERACTION
_TAKEN: Final = ("_type", "_since", "_count", "_format", CURSOR)
_SIZE: Final = "50"
"""Resources on a page where `_count` is not given."""


class EverythingFace:
    """The operation over one gate. ``zone`` is that of the site."""

    def __init__(self, everything: Everything, *, base_url: str, zone: ZoneInfo, cursors: Cursors) -> None:
        self._everything = everything
        self._base_url = base_url
        self._zone = zone
        self._cursors = cursors

    async def __call__(self, caller: Caller, scope: Scope, ident: str) -> Answer:
        """One page; ``NotFound`` if the Patient is absent or withheld."""
        place = f"Patient/{ident}/{OPERATION}"
        async with Reading(self._everything, caller, INTERACTION, "Patient"):
            pairs = parameters.of_query(scope["query_string"])
            negotiate(scope["headers"], pairs)
            given, wanted = self._wanted(pairs)
            asked = repr((place, sorted(wanted.types), wanted.since)).encode()
            after = None
            if CURSOR in given:
                after = self._cursors.open_for(given[CURSOR], caller=caller, asked=asked)
        if ID.fullmatch(ident) is None:
            await self._everything.refuse(caller, INTERACTION, "Patient", f"404 {MALFORMED_ID}")
            raise NotFound("no id has this form")
        page = await self._everything.of(caller, ident, wanted, after)
        links = [("self", self._url(place, pairs))]
        if page.next is not None:
            sealed = self._cursors.seal_for(page.next, caller=caller, asked=asked)
            onward = [pair for pair in pairs if pair[0] != CURSOR]
            links.append(("next", self._url(place, [*onward, (CURSOR, sealed)])))
        body = searchset(
            total=page.total,
            links=links,
            entries=[(f"{self._base_url}/{one.type}/{one.id}", one.body) for one in page.served],
            outcome=cautioned(page.notice),
        )
        return Answer(200, body)

    def _wanted(self, pairs: Sequence[Pair]) -> tuple[dict[str, str], Wanted]:
        given: dict[str, str] = {}
        for name, value in pairs:
            if name not in _TAKEN:
                told = f"`$everything` takes {', '.join(_TAKEN[:-1])} and no other parameter"
                raise NotSupported(told, expression=name)
            if name in given:
                raise RequestError(f"`{name}` is given twice; expected it once", expression=name)
            given[name] = value
        if CURSOR in given and not given[CURSOR]:
            raise RequestError("`_cursor`: expected the value from a next link", expression=CURSOR)
        return given, Wanted(
            types=types(given["_type"], OF_PERSONS) if "_type" in given else (),
            since=since(given["_since"], self._zone) if "_since" in given else None,
            count=read_count(given.get("_count", _SIZE)),
        )

    def _url(self, place: str, pairs: Sequence[Pair]) -> str:
        texts = [f"{quote(name)}={quote(value, safe=':,')}" for name, value in pairs]
        return f"{self._base_url}/{place}" + (f"?{'&'.join(texts)}" if texts else "")
