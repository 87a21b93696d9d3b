"""The versions of one resource, each decided by its own segment under what is in force now.

A version that is withheld is as absent as one that never was: the order, the totals and the pages are those of what
this caller sees. Where the current version is withheld, so are all: a label that was added later is about what the
record said before, and an earlier version without a current one would tell that there is another. Earlier versions are
given as they were; what an answer says beside the resource itself (the place of
a screening in its day, the links of a Patient) is said with the current version alone.

https://hl7.org/fhir/R4/http.html#vread and https://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from adapter.errors import NotFound
from adapter.services.disclose import Disclosure, MissingDecisions, Served
from adapter.store.shapes import BEGINNING, END, TYPES, row_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapter.services.disclose import Caller
    from adapter.store.port import Snapshot
    from adapter.store.shapes import Hit

VREAD: Final = "vread"
HISTORY: Final = "history-instance"
_MILLISECOND: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which versions are wanted: made at ``since`` or later, and current at some time of ``[low, high)``.

    ``count`` is the size of a page; 0 asks for the total alone.
    """

    since: int = BEGINNING
    low: int = BEGINNING
    high: int = END
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPage:
    """One page of a history, newest first: the exact total over what is permitted, and where the next page starts."""

    total: int
    served: tuple[Served, ...]
    next: bytes | None = None


class Versions(Disclosure):
    """The gate for single versions."""

    async def vread(self, caller: Caller, kind: str, ident: str, version: str) -> Served:
        """One version of a resource; ``NotFound`` when it is unknown, withheld or of another resource alike."""
        await self._within(caller, VREAD, kind, "r")
        at = self._clock()

        async def answer(view: Snapshot) -> list[tuple[Hit, Served]]:
            return [one for one in await self._all(view, caller, kind, ident, at) if one[0].version == version]

        hits = await self._decided(caller, answer)
        await self._enter(caller, VREAD, f"{kind}/{ident}", hits, at)
        if not hits:
            raise NotFound("there is nothing here")
        return hits[0][1]

    async def history(self, caller: Caller, kind: str, ident: str, window: Window, after: bytes | None) -> VersionPage:
        """A page of the versions of a resource; ``NotFound`` where the caller sees none, wanted or not."""
        await self._within(caller, HISTORY, kind, "r")
        at = self._clock()

        async def answer(view: Snapshot) -> list[tuple[Hit, Served]]:
            return await self._all(view, caller, kind, ident, at)

        seen = await self._decided(caller, answer)
        wanted = _wanted(seen, window)
        first = 0 if after is None else _behind(wanted, *orjson.loads(after))
        page = wanted[first : first + window.count]
        await self._enter(caller, HISTORY, f"{kind}/{ident}", page, at)
        if not seen:
            raise NotFound("there is nothing here")
        more = page and first + window.count < len(wanted)
        return VersionPage(
            total=len(wanted),
            served=tuple(served for _, served in page),
            next=orjson.dumps([page[-1][0].updated, page[-1][0].version]) if more else None,
        )

    async def _all(self, view: Snapshot, caller: Caller, kind: str, ident: str, at: int) -> list[tuple[Hit, Served]]:
        """Every version that the caller sees, newest first."""
        if kind not in TYPES:
            return []
        rid = row_key(kind, ident)
        current = await self._found(view, caller, kind, rid, at)
        served = await self._serve(view, caller, _named(current.hits, kind, ident), at, "r")
        if not served:
            return []
        own = (await self._written(view, caller, current.hits)).get(rid)
        if own is not None:
            hit, told = served[0]
            last = hit._replace(updated=own.updated)
            return [(last, told), *await self._as_written(view, caller, last)]
        before = await view.earlier(caller.context, rid, at=at)
        if before.gaps:
            raise MissingDecisions(before.gaps)
        return served + [one for hit in _named(before.hits, kind, ident) for one in await self._as_it_was(caller, hit)]

    async def _as_written(self, view: Snapshot, caller: Caller, current: Hit) -> list[tuple[Hit, Served]]:
        """The earlier versions of what software of the caller's organisation wrote, as it wrote them."""
        return [
            (
                current._replace(version=one.version, updated=one.updated),
                Served(current.type, current.id, one.version, one.updated, one.body),
            )
            for one in await view.written_before(current.rid)
            if _held(caller, current.type, one.body)
        ]

    async def _as_it_was(self, caller: Caller, hit: Hit) -> list[tuple[Hit, Served]]:
        """An earlier version with its obligations, if the scopes of the caller hold it."""
        obligations = self._decisions.obligations
        if not obligations.knows(hit.obligation):
            await obligations.load()
        body = hit.head + obligations.fragment(hit.obligation, ends=hit.ends) + hit.tail
        if not _held(caller, hit.type, body):
            return []
        return [(hit, Served(hit.type, hit.id, hit.version, hit.updated, body, hit.obligation))]


def _held(caller: Caller, kind: str, body: bytes) -> bool:
    """Whether the scopes of a caller hold a version; where they narrow its type, by what it says."""
    narrowed = caller.scopes is not None and caller.narrowed(kind, "r") is not None
    return not narrowed or caller.scopes is None or caller.scopes.covers(orjson.loads(body), "r")


def _named(hits: Sequence[Hit], kind: str, ident: str) -> list[Hit]:
    return [hit for hit in hits if (hit.type, hit.id) == (kind, ident)]


def _wanted(seen: Sequence[tuple[Hit, Served]], window: Window) -> list[tuple[Hit, Served]]:
    """The versions of a window. One was current until the next that this caller sees."""
    found, until = [], END
    for hit, served in seen:
        made = hit.updated // _MILLISECOND * _MILLISECOND
        if made >= window.since and made < window.high and until > window.low:
            found.append((hit, served))
        until = made
    return found


def _behind(wanted: Sequence[tuple[Hit, Served]], updated: int, version: str) -> int:
    """Where a page starts that follows a version; if that is not seen any more, where it stood."""
    for place, (hit, _) in enumerate(wanted):
        if hit.version == version:
            return place + 1
    return next((place for place, (hit, _) in enumerate(wanted) if hit.updated <= updated), len(wanted))
