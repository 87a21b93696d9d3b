"""Exports and groups: rows written and read, and the decided rows of an export in the order in which they leave."""

from __future__ import annotations

import asyncio
from array import array
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import apsw

from adapter.consent.bases import custody
from adapter.store.exports import Destroyed, ExportRow, PanelRow, Span
from adapter.store.queries import load
from adapter.store.shapes import BEGINNING, EXCEPTION, LIVE, TYPE_NAMES, TYPES, Found, Gap, Hit, row_key
from adapter.store.sqlite.connection import row_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

SQL, READ = load("exports"), load("read")
_MISSING: Final = 2**62
"""How a Patient is seen while a decision is missing."""
_GAPS: Final = 9
"""Leading columns of `chunk`: what tells gaps and place."""
_FIRST: Final = BEGINNING - 1
_THEN: Final = frozenset({"since", "live_then"})
Place = tuple[int, int, int]


@cache
def _statements(kind: str, *, since: bool) -> tuple[str, str]:
    """The statements `chunk` and `weigh` of a type, without and with a condition on what changed."""
    then = SQL["effect_then"]
    parts = {
        "known_then": SQL["known_then"] if since else "",
        "decided_then": SQL["decided_then"].format(row="c") if since else "",
        "changed": SQL["record_changed"].format(effect_then=then) if since else "",
    }
    if kind == "Patient":
        parts["changed"] = SQL["patient_changed"] if since else ""
        saw = SQL["saw_patient"].format(effect_then=then, saw_rows=_saw_rows("c.rid")) if since else "0"
        one = SQL["patients"].format(sees_patient=READ["sees_patient"], saw=saw, changed=parts["changed"])
        return one, one
    gaps = SQL["record_gaps"].format(
        missing_then=SQL["missing_then"].format(effect_then=then) if since else "0",
        policy_then="coalesce(o.policy, q.policy)" if since else "0",
    )
    chunk = SQL["records"].format(resource=SQL["resource_of"], **parts)
    weigh = SQL["records"].format(resource=SQL["resource_of"] if since else "", **parts)
    return SQL["chunk"].format(gaps=gaps, records=chunk), SQL["weigh"].format(gaps=gaps, records=weigh)


def _saw_rows(patient: str) -> str:
    return SQL["saw_rows"].format(
        patient=patient, known_then=SQL["known_then"], decided_then=SQL["decided_then"].format(row="x")
    )


class SqliteExports:
    """The part of a snapshot that finds what an export holds; see `adapter.store.exports`."""

    _db: apsw.Connection

    async def export(self, ident: str) -> ExportRow | None:
        row = self._db.execute(SQL["export"], (ident,)).fetchone()
        return None if row is None else export_of(row)

    async def panel(self, ident: str) -> PanelRow | None:
        row = self._db.execute(SQL["panel"], (ident,)).fetchone()
        if row is None:
            return None
        members: list[Any] = self._db.execute(SQL["panel_members"], (ident,)).fetchall()
        people: list[Any] = self._db.execute(SQL["panel_people"], (ident,)).fetchall()
        return PanelRow(**dict(zip(_PANEL, row, strict=True)), members=members, people=people)

    async def panels(self) -> list[str]:
        return [ident for (ident,) in self._db.execute(SQL["panels"])]

    async def panel_version(self, ident: str) -> tuple[str, str] | None:
        row: tuple[str, str] | None = self._db.execute(SQL["panel_version"], (ident,)).fetchone()
        return row

    async def changed_panels(self) -> list[tuple[str, int]]:
        rows: list[Any] = self._db.execute(SQL["changed_panels"]).fetchall()
        return rows

    async def sharing(self, blocks: Collection[int]) -> list[int]:
        listed = apsw.carray(array("q", sorted(set(blocks)))) if blocks else None
        return [patient for (patient,) in self._db.execute(SQL["sharing"], (listed,))] if listed else []

    async def exported(
        self, context: int, kind: str, spans: Sequence[Span], after: Place | None, *, at: int, limit: int
    ) -> Found:
        # Much may be withheld between two rows: the loop goes on meanwhile.
        return await asyncio.to_thread(self._exported, context, kind, spans, after, at, limit)

    async def destroyed(self, context: int, *, since: int, at: int) -> tuple[list[Destroyed], list[Gap]]:
        bindings = {"context": context, "since": since, "at": at, "live": _live(self._db, READ["stale_feeds"], at)}
        found, gaps = [], []
        for effect, kind, ident, rid, patient, segment, policy in self._db.execute(SQL["destroyed"], bindings):
            if effect is None:
                gaps.append(Gap(policy=policy, segment=segment, rid=None))
            elif effect:
                found.append(Destroyed(TYPE_NAMES[kind], ident, rid, patient))
        return found, gaps

    async def weighed(
        self, context: int, kind: str, spans: Sequence[Span], *, at: int
    ) -> tuple[list[tuple[int, int]], list[Gap]]:
        return await asyncio.to_thread(self._weighed, context, kind, spans, at)

    def _exported(
        self, context: int, kind: str, spans: Sequence[Span], after: Place | None, at: int, limit: int
    ) -> Found:
        hits: list[Hit] = []
        gaps: dict[Gap, None] = {}
        last: Place | None = None
        base = self._base(context, spans, at)
        for span in _behind(spans, after):
            for gap, place, hit in self._rows(kind, span, after, base | {"limit": limit + 1 - len(hits)}):
                gaps.update(dict.fromkeys(gap))
                if hit is None or len(hits) == limit:
                    return Found(total=0, hits=hits, more=True, gaps=list(gaps), last=last)
                hits.append(hit)
                last = place
        return Found(total=0, hits=hits, more=False, gaps=list(gaps), last=last)

    def _weighed(
        self, context: int, kind: str, spans: Sequence[Span], at: int
    ) -> tuple[list[tuple[int, int]], list[Gap]]:
        gaps: dict[Gap, None] = {}
        found: list[tuple[int, int]] = []
        base = self._base(context, spans, at)
        for span in spans:
            for patient, group in groupby(self._rows(kind, span, None, base, weigh=True), key=lambda row: row[1][0]):
                number = 0
                for gap, _, _ in group:
                    number += 1
                    gaps.update(dict.fromkeys(gap))
                found.append((patient, number))
        return found, list(gaps)

    def _base(self, context: int, spans: Sequence[Span], at: int) -> dict[str, int]:
        """What all statements of one answer are given. Spans count from one instant or from none."""
        base = {"context": context, "at": at, "live": _live(self._db, READ["stale_feeds"], at)}
        since = next((span.since for span in spans if span.since is not None), None)
        if since is not None:
            base |= {"since": since, "live_then": _live(self._db, SQL["stale_then"], since)}
        return base

    def _rows(
        self, kind: str, span: Span, after: Place | None, base: Mapping[str, int], *, weigh: bool = False
    ) -> Iterator[tuple[list[Gap], Place, Hit | None]]:
        """Decided rows of a span: what is missing of each, where it stands, and the resource."""
        started = after is not None and after[0] >= span.low
        patient, low, rid = after if after is not None and started else (span.low, _FIRST, -1)
        given = _only(base, *(name for name in base if span.since is not None or name not in _THEN))
        given |= {"low": patient, "high": span.high}
        statement = _statements(kind, since=span.since is not None)[weigh]
        if kind == "Patient":
            given |= {"after": patient if started else span.low - 1, "limit": base.get("limit", -1)}
            yield from self._patients(statement, given)
            return
        given |= {"type": TYPES[kind], "after_low": low, "after_rid": rid}
        for row in self._db.execute(statement, given):
            yield _missing(row), (row[7], row[8], row[6]), None if weigh else Hit._make(row[_GAPS:])

    def _patients(self, statement: str, given: Mapping[str, int]) -> Iterator[tuple[list[Gap], Place, Hit | None]]:
        for seen, saw, *columns in self._db.execute(statement, given):
            hit = Hit._make(columns)
            found: list[tuple[Any, ...]] = []
            if seen == _MISSING:
                found = self._db.execute(READ["gaps"], _only(given, "context", "at") | {"rid": hit.rid}).fetchall()
            elif saw == _MISSING:
                text = SQL["saw_gaps"].format(effect_then=SQL["effect_then"], saw_rows=_saw_rows(":rid"))
                found = self._db.execute(text, _only(given, "context", "at", "since") | {"rid": hit.rid}).fetchall()
            gaps = [Gap(policy=row[0], segment=row[1], rid=row[2]) for row in found]
            yield gaps, (hit.rid, 0, hit.rid), hit


def _only(bindings: Mapping[str, int], *names: str) -> dict[str, int]:
    return {name: bindings[name] for name in names}


def _behind(spans: Sequence[Span], after: Place | None) -> Iterator[Span]:
    """The spans that are not all before a place."""
    return (span for span in spans if after is None or span.high > after[0])


def _missing(row: Sequence[Any]) -> list[Gap]:
    effect, ruled, missing_then, policy, policy_then, segment, rid = row[:7]
    gaps = []
    if effect is None:
        gaps.append(Gap(policy=policy, segment=segment, rid=rid if ruled == EXCEPTION else None))
    if missing_then and policy_then is not None:
        gaps.append(Gap(policy=policy_then, segment=segment, rid=rid if missing_then == 2 else None))  # noqa: PLR2004
    return gaps


def _live(db: apsw.Connection, statement: str, at: int) -> int:
    """The grounds that count at an instant: all but custody as told by a feed whose data is too old."""
    live = LIVE
    for (number,) in db.execute(statement, (at,)):
        live &= ~custody(number)
    return live


_EXPORT: Final = ("id", "client", "context", "request", "asked", "at", "expires", "files")
_PANEL: Final = ("id", "organisation", "name", "version", "updated")


def export_of(row: Sequence[Any]) -> ExportRow:
    """An export from its columns."""
    return ExportRow(**dict(zip(_EXPORT, row, strict=True)))


class SqliteExportRecords:
    """The part of a transaction that writes exports and groups; see `adapter.store.exports`."""

    _db: apsw.Connection

    async def add_export(self, row: ExportRow) -> None:
        self._db.execute(SQL["forget_exports"], (row.at,))
        columns = (row.id, row.client, row.context, row.request, row.asked, row.at, row.expires)
        self._db.execute(SQL["put_export"], columns)

    async def plan_export(self, ident: str, files: bytes) -> None:
        self._db.execute(SQL["set_files"], (files, ident))

    async def drop_export(self, ident: str) -> None:
        self._db.execute(SQL["drop_export"], (ident,))

    async def open_exports(self, client: str, *, at: int) -> int:
        return int(row_of(self._db.execute(SQL["open_exports"], (client, at)))[0])

    async def put_panel(self, row: PanelRow) -> None:
        self._db.execute(SQL["put_panel"], (row.id, row.organisation, row.name, row.version, row.updated))
        members = [(row.id, row_key("Patient", ident), ident, since) for ident, since in row.members]
        stay = {rid for _, rid, _, _ in members}
        there = {rid for (rid,) in self._db.execute(SQL["panel_keys"], (row.id,))}
        self._db.executemany(SQL["drop_member"], [(row.id, rid) for rid in sorted(there - stay)])
        self._db.executemany(SQL["put_member"], members)
        listed = {sealed for sealed, _ in row.people}
        held = {sealed for sealed, _ in self._db.execute(SQL["panel_people"], (row.id,))}
        self._db.executemany(SQL["drop_person"], [(row.id, sealed) for sealed in sorted(held - listed)])
        self._db.executemany(SQL["put_person"], [(row.id, *person) for person in row.people])

    async def drop_panel(self, ident: str) -> None:
        self._db.execute(SQL["drop_panel"], (ident,))

    async def spread_panel(self, ident: str, version: str) -> None:
        self._db.execute(SQL["panel_spread"], (ident, version))

    def _keep_policies(self, settled: Mapping[int, Sequence[tuple[int, int, int]]], at: int) -> None:
        """Keep what was in force for those of these patients for whom something else takes its place."""
        rows: list[tuple[int, int, int, int]] = self._of_json("policies_of", sorted(settled))
        for patient, group in groupby(rows, key=itemgetter(0)):
            if [row[1:] for row in group] != list(settled[patient]):
                self._db.execute(SQL["keep_policies"], (patient, at))

    def _of_json(self, name: str, keys: Sequence[int]) -> list[Any]:
        return self._db.execute(SQL[name], (f"[{','.join(map(str, keys))}]",)).fetchall()
