"""`$everything`: what a caller may see of a person, over the records that it sees to be one.

It is one search of each type after the other, so that it finds what those would find: the Patients first, then type by
type in the order of the table of types, and within a type in the order of a search that asks for none.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from adapter.errors import Issue, NotFound, OutOfScope
from adapter.fhir.outcome import outcome
from adapter.fhir.results import DIRECTORY
from adapter.fhir.search import Alternative, Filter, Query
from adapter.services.disclose import Disclosure, MissingDecisions, Page
from adapter.store.shapes import TYPES, row_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapter.services.disclose import Caller, Served
    from adapter.store.port import Snapshot
    from adapter.store.shapes import Hit

INTERACTION: Final = "$everything"
OF_PERSONS: Final = tuple(kind for kind in TYPES if kind not in DIRECTORY)
"""The types of records about people, the Patient first: the order of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of a person: ``types`` (none: all), changed at ``since`` or later, ``count`` on a page."""

    types: tuple[str, ...] = ()
    since: int | None = None
    count: int

    def query(self, kind: str, count: int) -> Query:
        """The search of one type."""
        filters: tuple[Filter, ...] = ()
        if self.since is not None:
            instant = Alternative(prefix="ge", value="", low=self.since, high=self.since + 1000)
            filters = (Filter(param="_lastUpdated", kind="instant", alternatives=(instant,)),)
        return Query(type=kind, filters=filters, count=count)


class Everything(Disclosure):
    """The gate for all there is of one person."""

    async def of(self, caller: Caller, ident: str, wanted: Wanted, after: bytes | None) -> Page:
        """One page; ``NotFound`` where the caller does not see the Patient.

        Types that no scope holds are left out, and refused with ``OutOfScope`` where they are asked for by name.
        """
        for kind in ("Patient", *wanted.types):
            await self._within(caller, INTERACTION, kind, "s")
        kinds = [kind for kind in OF_PERSONS if (not wanted.types or kind in wanted.types) and _held(caller, kind)]
        at = self._clock()
        place: list[Any] | None = orjson.loads(after) if after else None

        async def answer(view: Snapshot) -> _Found | None:
            rid = row_key("Patient", ident)
            known = [hit for hit in (await self._found(view, caller, "Patient", rid, at)).hits if hit.id == ident]
            if not await self._serve(view, caller, known, at, "s"):
                return None
            patients = sorted(await self._visible(view, caller, rid, at))
            return await self._page(view, caller, wanted, kinds, patients, place, at)

        found = await self._decided(caller, answer)
        hits = found.served if found else []
        await self._enter(caller, INTERACTION, f"Patient/{ident}", hits, at)
        if found is None:
            raise NotFound("there is nothing here")
        notices = self._decisions.obligations.notices((hit.obligation, hit.ends) for hit, _ in hits)
        issues = [Issue(path="", code="business-rule", message=text) for text in notices]
        return Page(
            total=found.total,
            served=tuple(served for _, served in hits),
            next=orjson.dumps(found.next) if found.next else None,
            notice=outcome(issues, "information") if issues else None,
        )

    async def _page(
        self,
        view: Snapshot,
        caller: Caller,
        wanted: Wanted,
        kinds: Sequence[str],
        patients: Sequence[int],
        place: list[Any] | None,
        at: int,
    ) -> _Found:
        """The searches of one page: types before its start and behind its end are only counted."""
        start, after = (OF_PERSONS[0], None) if place is None else (place[0], place[1:])
        total, left, more = 0, wanted.count, False
        served: list[tuple[Hit, Served]] = []
        end: list[Any] | None = None
        for kind in kinds:
            behind = OF_PERSONS.index(kind) >= OF_PERSONS.index(start)
            query, begin = wanted.query(kind, left if behind else 0), after if kind == start else None
            found = await view.search(caller.context, query, patients, begin, at=at, within=caller.narrowed(kind, "s"))
            if found.gaps:
                raise MissingDecisions(found.gaps)
            total += found.total
            more = more or found.more or (behind and not left and found.total > 0)
            if found.hits:
                served += await self._serve(view, caller, found.hits, at, "s")
                left -= len(found.hits)
                end = [kind, *(found.last or ())]
        return _Found(total=total, served=served, next=end if more else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    total: int
    served: list[tuple[Hit, Served]]
    next: list[Any] | None


def _held(caller: Caller, kind: str) -> bool:
    try:
        caller.require(kind, "s")
    except OutOfScope:
        return False
    return True
