"""One consistent view for one answer, inside BEGIN … COMMIT of a read connection."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from adapter.consent.bases import custody
from adapter.fhir.results import names_records
from adapter.store.queries import load
from adapter.store.shapes import (
    EXCEPTION,
    LIVE,
    TYPES,
    BoundRow,
    Found,
    Gap,
    Hit,
    PolicySpan,
    StoredResource,
    row_key,
)
from adapter.store.sqlite.compile import CompiledSearch, compile_search
from adapter.store.sqlite.connection import row_of
from adapter.store.sqlite.exports import SqliteExports
from adapter.store.sqlite.order import order_of
from adapter.store.sqlite.person import stored
from adapter.store.sqlite.survey import SqliteSurvey
from adapter.store.sqlite.versions import earlier
from adapter.store.sqlite.written import SqliteWrittenReads

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

    from adapter.fhir.search import Filter, Query

SQL = load("read")
_READ_PATIENT = SQL["read_patient"].format(sees_patient=SQL["sees_patient"])
_MISSING = 2**62
_SEEN = len(Hit._fields) - 1
"""Where `read_patient` tells how the Patient is seen: behind the columns of a hit, in place of its obligation."""
_PLACES = 2
"""Where in a row of `page` the values stand by which it is ordered."""


@lru_cache(maxsize=64)
def _seen_patients(count: int) -> str:
    """The statement that asks about so many Patients."""
    rids = ",".join(f":p{place}" for place in range(count))
    return SQL["seen_patients"].format(sees_patient=SQL["sees_patient"], rids=rids)


_NOTHING = Found(total=0, hits=(), more=False, gaps=())


class SqliteSnapshot(SqliteSurvey, SqliteExports, SqliteWrittenReads):
    """Reads of one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self._lived: dict[int, int] = {}

    def _live(self, at: int) -> int:
        """The grounds that count at ``at``: all but custody as told by a feed whose data is too old."""
        live = self._lived.get(at)
        if live is None:
            live = LIVE
            for (number,) in self._db.execute(SQL["stale_feeds"], (at,)):
                live &= ~custody(number)
            self._lived[at] = live
        return live

    async def read(self, context: int, rid: int, *, at: int) -> Found:
        bindings = {"context": context, "rid": rid, "at": at, "live": self._live(at)}
        row = self._db.execute(SQL["read"], bindings).fetchone()
        if row is None:
            return _NOTHING
        effect, ruled = row[:2]
        hit = Hit._make(row[2:])
        if effect is None:
            gap = Gap(policy=hit.policy, segment=hit.segment, rid=rid if ruled == EXCEPTION else None)
            return Found(total=0, hits=(), more=False, gaps=(gap,))
        if not effect:
            return _NOTHING
        return Found(total=1, hits=(hit,), more=False, gaps=())

    async def read_patient(self, context: int, rid: int, *, at: int) -> Found:
        bindings = {"context": context, "rid": rid, "at": at, "live": self._live(at)}
        row = self._db.execute(_READ_PATIENT, bindings).fetchone()
        if row is None or not row[_SEEN]:
            return _NOTHING
        if row[_SEEN] == _MISSING:
            return Found(total=0, hits=(), more=False, gaps=self._patient_gaps(context, rid, at))
        hit = Hit._make((*row[:_SEEN], (row[_SEEN] - 1) // 2))
        return Found(total=1, hits=(hit,), more=False, gaps=())

    async def earlier(self, context: int, rid: int, *, at: int) -> Found:
        bindings = {"context": context, "rid": rid, "at": at, "live": self._live(at)}
        return earlier(self._db, bindings, lambda: self._patient_gaps(context, rid, at))

    async def seen(self, context: int, patients: Sequence[int], *, at: int) -> tuple[list[int], list[Gap]]:
        bindings = {f"p{place}": rid for place, rid in enumerate(patients)}
        bindings |= {"context": context, "at": at, "live": self._live(at)}
        rows = [(rid, how) for rid, how in self._db.execute(_seen_patients(len(patients)), bindings) if how]
        missing = [rid for rid, how in rows if how == _MISSING]
        gaps = [gap for rid in missing for gap in self._patient_gaps(context, rid, at)]
        return [rid for rid, _ in rows], gaps

    def _patient_gaps(self, context: int, rid: int, at: int) -> list[Gap]:
        bindings = {"context": context, "rid": rid, "at": at}
        return [Gap(policy=row[0], segment=row[1], rid=row[2]) for row in self._db.execute(SQL["gaps"], bindings)]

    async def search(
        self,
        context: int,
        query: Query,
        patients: Sequence[int] | None,
        after: Sequence[Any] | None,
        *,
        at: int,
        within: Sequence[Sequence[Filter]] | None = None,
    ) -> Found:
        if patients is None:
            # A population may be large: the loop goes on meanwhile.
            return await asyncio.to_thread(self._search, context, query, patients, after, at, within)
        return self._search(context, query, patients, after, at, within)

    def _search(
        self,
        context: int,
        query: Query,
        patients: Sequence[int] | None,
        after: Sequence[Any] | None,
        at: int,
        within: Sequence[Sequence[Filter]] | None,
    ) -> Found:
        live = self._live(at)
        search = compile_search(query, patients, self._terms, context=context, at=at, live=live, within=within)
        if query.summary == "count" or query.count == 0:
            total, missing = self._total(search)
            gaps = self._search_gaps(query, search) if missing else []
            return Found(total=total, hits=(), more=False, gaps=gaps)
        order = order_of(query, search.statement, after)
        text = SQL["page"].format(decided=search.decided, **order._asdict())
        rows = list(self._db.execute(text, dict(search.statement.bindings, limit=query.count + 1)))
        if not rows:
            # Behind the last page nothing follows, but the total is what it is.
            total = 0 if after is None else self._total(search)[0]
            return Found(total=total, hits=(), more=False, gaps=())
        if rows[0][1] is None:
            return Found(total=0, hits=(), more=False, gaps=self._search_gaps(query, search))
        page = rows[: query.count]
        behind = len(rows[0]) - len(Hit._fields)
        hits = [Hit._make(row[behind:]) for row in page]
        last = (*page[-1][_PLACES:behind], hits[-1].rid)
        return Found(total=rows[0][0], hits=hits, more=len(rows) > query.count, gaps=(), last=last)

    def _total(self, search: CompiledSearch) -> tuple[int, int]:
        text = SQL["total"].format(decided=search.decided)
        permitted, missing = row_of(self._db.execute(text, search.statement.bindings))
        return permitted, missing

    def _search_gaps(self, query: Query, search: CompiledSearch) -> list[Gap]:
        decided, bindings = search.decided, search.statement.bindings
        rows = list(self._db.execute(SQL["search_gaps"].format(decided=decided), bindings))
        if query.type != "Patient":
            return list(dict.fromkeys(Gap(policy=row[0], segment=row[1], rid=row[2]) for row in rows))
        context, at = bindings["context"], bindings["at"]
        return [gap for row in rows for gap in self._patient_gaps(context, row[3], at)]

    def _terms(self, value: str) -> list[int]:
        system, _, code = value.partition("|")
        if system == "*":
            rows = self._db.execute(SQL["terms_by_code"], (code,))
        elif not code:
            rows = self._db.execute(SQL["terms_by_system"], (system,))
        else:
            rows = self._db.execute(SQL["terms_by_both"], (code, system))
        return [row[0] for row in rows]

    async def owners(self, query: Query) -> list[int] | None:
        rids: list[int] | None = None
        for item in query.filters:
            if not names_records(item):
                continue
            if item.kind == "id":
                found = [row_key(query.type, alternative.value) for alternative in item.alternatives]
            else:
                keys = [(TYPES[query.type], item.param, alternative.value) for alternative in item.alternatives]
                found = [row[0] for key in keys for row in self._db.execute(SQL["referring"], key)]
            rids = found if rids is None else [rid for rid in rids if rid in found]
        if rids is None:
            return None
        rows = (self._db.execute(SQL["owner"], (rid,)).fetchone() for rid in rids)
        return sorted({row[0] for row in rows if row is not None})

    async def linked(self, patient: int) -> list[int]:
        return [row[0] for row in self._db.execute(SQL["linked"], (patient,))]

    async def merged(self, patient: int) -> dict[int, str]:
        rows: list[tuple[Any, ...]] = self._db.execute(SQL["merged"], (patient,)).fetchall()
        return {row[0]: row[1] for row in rows}

    async def siblings(self, rid: int) -> list[tuple[int, int | None, int]]:
        return list(self._db.execute(SQL["siblings"], (rid,)))

    async def resource(self, kind: str, ident: str) -> StoredResource | None:
        return await self.row(row_key(kind, ident))

    async def row(self, rid: int) -> StoredResource | None:
        row = self._db.execute(SQL["stored"], (rid,)).fetchone()
        return None if row is None else stored(row)

    async def policy_of(self, patient: int, *, at: int) -> PolicySpan | None:
        row = self._db.execute(SQL["policy_of"], {"patient": patient, "at": at}).fetchone()
        if row is None:
            return None
        sources = orjson.loads(row[4] or b"[]")
        return PolicySpan(start=row[0], stop=row[1], policy=row[2], ends=row[3], sources=sources)

    async def bounds(self, context: int, segment: int) -> list[BoundRow]:
        return [
            BoundRow(context=row[0], segment=row[1], start=row[2], stop=row[3], bases=row[4], agreement=row[5])
            for row in self._db.execute(SQL["bounds"], (context, segment))
        ]
