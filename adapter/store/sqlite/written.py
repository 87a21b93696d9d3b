"""What clients wrote over FHIR REST, on any connection; see `adapter.store.written`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from adapter.store.queries import load
from adapter.store.shapes import TYPE_NAMES, TYPES
from adapter.store.sqlite.sealing import ERASED_OF_PATIENT
from adapter.store.written import Written, WrittenBefore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import apsw

    from adapter.store.sqlite.identity import IdentityWriter
    from adapter.store.sqlite.resources import ResourceWriter
    from adapter.store.written import WrittenVersion

SQL = load("written")
_PATIENT = TYPES["Patient"]


class SqliteWrittenReads:
    """Reads that a transaction and a snapshot share."""

    _db: apsw.Connection

    def _ready(self) -> None:
        """A transaction writes first what waits to be seen."""

    async def written(self, rids: Iterable[int]) -> dict[int, Written]:
        self._ready()
        rows = self._db.execute(SQL["of_rids"], (_listed(rids),))
        return {rid: Written(rid, TYPE_NAMES[kind], *rest) for rid, kind, *rest in rows}

    async def written_before(self, rid: int) -> list[WrittenBefore]:
        return [WrittenBefore._make(row) for row in self._db.execute(SQL["before"], (rid,))]

    async def written_of(self, source: str, patient: int) -> list[int]:
        return [rid for (rid,) in self._db.execute(SQL["of_patient"], (patient, source))]

    async def written_as(self, source: str, kind: str, system: str | None, value: str) -> list[int]:
        return [rid for (rid,) in self._db.execute(SQL["named"], (source, TYPES[kind], value, system))]

    async def referring(self, rids: Iterable[int]) -> dict[int, dict[int, str]]:
        self._ready()
        found: dict[int, dict[int, str]] = {}
        for target, rid, kind in self._db.execute(SQL["referring"], (_listed(rids),)):
            found.setdefault(target, {})[rid] = TYPE_NAMES[kind]
        return found

    async def derived(self, rids: Iterable[int]) -> dict[int, frozenset[int]]:
        self._ready()
        found: dict[int, set[int]] = {}
        for _, rid, other in self._db.execute(SQL["derived"], (_listed(rids),)):
            found.setdefault(rid, set()).add(other)
        return {rid: frozenset(others) for rid, others in found.items()}

    async def written_mark(self, source: str) -> int:
        row = self._db.execute(SQL["mark"], (source,)).fetchone()
        return 0 if row is None else int(row[0])


class SqliteWritten(SqliteWrittenReads):
    """The part of a transaction."""

    _resources: ResourceWriter
    _identities: IdentityWriter

    async def put_written(self, source: str, versions: Sequence[WrittenVersion]) -> None:
        self._db.execute(SQL["raise_mark"], (source,))
        before = [(one.written.rid,) for one in versions if one.written.revision > 1]
        for name in ("keep", "drop_identifiers", "drop_references"):
            self._db.executemany(SQL[name], before)
        rows, named, refers = [], [], []
        for one in versions:
            rid, kind, _, *rest = one.written
            rows.append((rid, *rest))
            named += [(source, TYPES[kind], value, system, rid) for system, value in one.identifiers]
            refers += [(other, rid) for other in one.refers]
        self._db.executemany(SQL["put"], rows)
        self._db.executemany(SQL["put_identifier"], named)
        self._db.executemany(SQL["put_reference"], refers)

    async def rederive(self, gone: Iterable[tuple[int, int]], new: Iterable[tuple[int, int]]) -> None:
        self._resources.flush()
        self._db.executemany(SQL["underive"], list(gone))
        made = list(new)
        self._db.executemany(SQL["derive"], made)
        # What is derived again is there again.
        self._db.executemany(SQL["back_again"], [(rid,) for rid, _ in made])

    async def take_back(self, segments: Mapping[int, int], *, at: int) -> set[int]:
        self._resources.flush()
        linked: set[int] = set()
        for rid, segment in sorted(segments.items()):
            row = self._db.execute(SQL["kind_of"], (rid,)).fetchone()
            for trace in self._keys("traces", rid):
                self._resources.drop_index(trace)
                self._db.execute(SQL["remove"], (trace,))
            self._db.execute(SQL["put_taken_back"], (rid, at))
            self._db.execute(SQL["derived_no_more"], (rid,))
            self._resources.drop_index(rid)
            for name in ("move", "move_history"):
                self._db.execute(SQL[name], (rid, segment))
            for name in ("keep", "drop", "drop_identifiers", "drop_references"):
                self._db.execute(SQL[name], (rid,))
            if row is not None and row[0] == _PATIENT:
                linked |= self._forget(rid, at)
        return linked - segments.keys()

    def _forget(self, patient: int, at: int) -> set[int]:
        """Forget by what a Patient is recognised; that it was linked until now stays known."""
        self._identities.flush()
        linked = set(self._keys("linked", patient))
        for other in sorted(linked):
            self._identities.unlink(patient, other, at=at)
        for table, columns in ERASED_OF_PATIENT.items():
            for column in columns:
                self._db.execute(f"DELETE FROM {table} WHERE {column} = ?", (patient,))
        return linked

    def _keys(self, statement: str, rid: int) -> list[int]:
        """The keys that a statement finds, before anything is changed."""
        rows: list[tuple[Any, ...]] = self._db.execute(SQL[statement], (rid,)).fetchall()
        return [row[0] for row in rows]


def _listed(rids: Iterable[int]) -> str:
    return orjson.dumps(sorted(rids)).decode()
