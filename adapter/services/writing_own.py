"""What a client may meet while it writes: what it wrote itself, and the public directory.

Nothing else exists for a write, whatever the client may read: what a conditional write finds, what a reference names
and what a version is compared with tell nothing of the records of anyone else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.errors import RequestError
from adapter.fhir.codec import parse
from adapter.fhir.index import index_rows, satisfies
from adapter.fhir.parameters import PARAMETERS
from adapter.fhir.results import RESULT_PARAMETERS
from adapter.fhir.search import parse_query
from adapter.store.shapes import OF_PATIENT, row_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from zoneinfo import ZoneInfo

    from adapter.store.port import Snapshot
    from adapter.store.written import Written

IDENTIFIER: Final = "identifier"
MOST: Final = 16
"""Criteria of one conditional write."""


class OwnRecords:
    """The records of one source in one view, and the directory."""

    def __init__(self, view: Snapshot, source: str, *, base_url: str, zone: ZoneInfo) -> None:
        self._view = view
        self._source = source
        self._base_url = base_url
        self._zone = zone
        self._known: dict[int, Written | None] = {}
        self._bodies: dict[int, dict[str, Any]] = {}
        self._public: dict[int, bool] = {}

    async def look_up(self, rids: Iterable[int]) -> None:
        """Look up together what is about to be asked for."""
        unknown = {rid for rid in rids if rid not in self._known}
        if unknown:
            found = await self._view.written(unknown)
            mine = {rid: one for rid, one in found.items() if one.source == self._source}
            self._known.update({rid: mine.get(rid) for rid in unknown})
            rows = await self._view.rows(unknown - mine.keys())
            listed = {row.rid for row in rows if not row.patient}
            self._public.update({rid: rid in listed for rid in unknown})

    async def find(self, kind: str, ident: str) -> Written | None:
        """A record that this source wrote."""
        return await self.of_key(row_key(kind, ident))

    async def of_key(self, rid: int) -> Written | None:
        """A record that this source wrote, by its internal key."""
        await self.look_up((rid,))
        return self._known[rid]

    def known(self, rid: int) -> Written | None:
        """A record that was looked up."""
        return self._known.get(rid)

    async def is_public(self, kind: str, ident: str) -> bool:
        """Whether this names an entry of the directory."""
        rid = row_key(kind, ident)
        await self.look_up((rid,))
        return self._public.get(rid, False)

    def body(self, record: Written) -> dict[str, Any]:
        """A record as it was written, parsed; for reading alone."""
        known = self._bodies.get(record.rid)
        if known is None:
            known = self._bodies[record.rid] = parse(record.body)
        return known

    async def matching(self, kind: str, criteria: Sequence[tuple[str, str]]) -> list[Written]:
        """The records of a type that fit every criterion of a conditional write, in the order of their keys.

        ``RequestError`` names the criterion that cannot be honoured. A record is told by ``identifier``, ``_id`` or its
        ``patient``, and may be narrowed by what the type is searched by.
        """
        if not criteria or len(criteria) > MOST:
            raise RequestError(
                f"expected up to {MOST} criteria of a conditional write, such as identifier=system|value"
            )
        rest = [pair for pair in criteria if pair[0] != IDENTIFIER]
        for name, _ in rest:
            if name in RESULT_PARAMETERS or name == "_lastUpdated":
                raise RequestError("it is no criterion of a conditional write", expression=name)
        filters = parse_query(kind, rest, base_url=self._base_url, zone=self._zone).filters
        found: set[int] | None = None
        for name, value in criteria:
            named = await self._named(kind, name, value)
            if named is not None:
                found = set(named) if found is None else found & set(named)
        if found is None:
            raise RequestError("name what is meant by `identifier`, `_id` or `patient`", expression=IDENTIFIER)
        await self.look_up(found)
        matched = [one for rid in sorted(found) if (one := self._known[rid]) is not None and one.type == kind]
        return [one for one in matched if self._fits(one, filters)]

    async def _named(self, kind: str, name: str, value: str) -> Collection[int] | None:
        """The keys that a criterion names one by one; None for one that only narrows."""
        if name == IDENTIFIER:
            if not value or "," in value:
                raise RequestError("expected one identifier as system|value", expression=IDENTIFIER)
            system, bar, number = value.rpartition("|")
            return await self._view.written_as(self._source, kind, system if bar else None, number)
        if name == "_id":
            return [row_key(kind, one) for one in value.split(",")]
        if name in OF_PATIENT and name in PARAMETERS[kind]:
            ident = value.removeprefix(f"{self._base_url}/").removeprefix("Patient/")
            return await self._view.written_of(self._source, row_key("Patient", ident))
        return None

    def _fits(self, record: Written, filters: Sequence[Any]) -> bool:
        if not filters:
            return True
        rows = index_rows(self.body(record), self._zone)
        return all(satisfies(record.id, rows, one) for one in filters)
