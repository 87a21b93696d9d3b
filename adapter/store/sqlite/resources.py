"""The resources of one transaction: versions, history and where they came from, written many rows at a time."""

from __future__ import annotations

from array import array
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

from adapter.errors import SallyportError
from adapter.store.queries import load
from adapter.store.shapes import TYPES
from adapter.store.sqlite.index import Indexed, IndexWriter
from adapter.store.sqlite.labels import LiftedRows
from adapter.store.sqlite.sealing import ApartRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from adapter.fhir.search import IndexRow
    from adapter.store.shapes import ResourceWrite, StoredResource

SQL = load("write")
_VERSION = 7
"""How many leading columns of a waiting row are those of its history."""


class _InPlace(NamedTuple):
    """The version in place, before a write."""

    rid: int
    id: str
    type: int
    patient: int
    revision: int
    segment: int
    digest: bytes
    seeded: int
    updated: int
    version: str

    def holds(self, write: ResourceWrite) -> bool:
        """Whether the write brings nothing new."""
        return self.digest == write.digest and self.segment == write.segment and not self.seeded


class ResourceWriter:
    """Writes resources and everything that belongs to their versions.

    Rows wait until somebody has to see them, because one statement for many rows costs a fraction of many statements;
    whoever reads resources or their index inside the transaction, or ends it, calls ``flush`` first.
    """

    def __init__(
        self, connection: apsw.Connection, stamp: Callable[[ResourceWrite, int, int], tuple[str, bytes]]
    ) -> None:
        self._db = connection
        self._stamp = stamp
        self._index = IndexWriter(connection)
        self._apart = ApartRows(connection)
        self.lifted = LiftedRows(connection)
        self._in_place: dict[int, _InPlace | None] = {}
        self._rows: dict[int, tuple[Any, ...]] = {}
        self._replaced: list[tuple[int]] = []
        self._history: list[tuple[Any, ...]] = []
        self._screenings: list[ResourceWrite] = []
        self._relations: list[tuple[int, str, int]] = []
        self._origins: list[tuple[int, str, int]] = []

    def expect(self, rids: Iterable[int]) -> None:
        """Look up in one statement what is in place where something is about to be put."""
        unknown = array("q", {rid for rid in rids if rid not in self._in_place})
        if not unknown:
            return
        self._in_place.update(dict.fromkeys(unknown))
        self._apart.expect(unknown)
        self.lifted.expect(unknown)
        for row in self._db.execute(SQL["in_place"], (apsw.carray(unknown),)):
            self._in_place[row[0]] = _InPlace._make(row)

    def put(self, write: ResourceWrite, *, at: int, origin: tuple[str, int] | None) -> bool:
        """Write one resource; whether it made a new version."""
        rid = write.rid
        if rid not in self._in_place:
            self.expect((rid,))
        current = self._in_place[rid]
        if current is not None and (current.id, current.type) != (write.id, TYPES[write.type]):
            raise SallyportError(f"two resources share the internal key {rid}; the later one was not stored")
        if current is None and write.existing:
            return False
        if current is not None and self._apart.sealed(rid):
            changed = current.digest != write.digest and not write.seed
            if changed:
                self._replace_sealed(current, write, at)
        else:
            changed = current is None or not (write.seed or current.holds(write) or self.lifted.settled(write))
            if changed:
                self._replace(current, write, at)
                self.lifted.changed(write)
        if write.type == "Patient" and not changed:
            # That a record is another's is new even where the record itself says nothing new.
            self._relate(write)
        if origin is not None and not write.seed:
            self._origins.append((rid, *origin))
        return changed

    def came_of(self, rid: int, receipt: str, line: int) -> None:
        """Keep that a line tells of a resource although nothing of it is written."""
        self._origins.append((rid, receipt, line))

    def index_anew(
        self, resources: Sequence[StoredResource], rows: Callable[[StoredResource], Sequence[IndexRow]]
    ) -> None:
        """Replace the index rows of stored resources; those that are sealed or were taken back are in no index."""
        rids = array("q", [one.rid for one in resources])
        self._apart.expect(rids)
        gone = {rid for (rid,) in self._db.execute(SQL["taken_back"], (apsw.carray(rids),))} if rids else set()
        for one in resources:
            if one.rid in gone or self._apart.sealed(one.rid):
                continue
            kind = TYPES[one.type]
            self._index.drop(kind, one.patient, one.rid)
            self._index.put(
                kind, Indexed(rid=one.rid, patient=one.patient, segment=one.segment, index=partial(rows, one))
            )
        self._index.flush()

    def _replace(self, current: _InPlace | None, write: ResourceWrite, at: int) -> None:
        rid, kind = write.rid, TYPES[write.type]
        revision = self._retire(current) if current is not None else 1
        version, head = self._stamped(current, write, at)
        content = (revision, version, write.segment, at, head, write.tail)
        self._rows[rid] = (rid, *content, kind, write.id, write.patient, write.digest, write.seed)
        self._in_place[rid] = _InPlace(
            rid, write.id, kind, write.patient, revision, write.segment, write.digest, write.seed, at, version
        )
        self._index.put(kind, write)
        if write.type == "Observation" and (current is not None or write.screening is not None):
            self._screenings.append(write)
        self._relate(write)

    def _relate(self, write: ResourceWrite) -> None:
        self._relations += [(write.rid, relation, other) for relation, other in write.relations]

    def _replace_sealed(self, current: _InPlace, write: ResourceWrite, at: int) -> None:
        """Keep a new version where the sealed ones are: in no index, under the segment that nobody is allowed."""
        revision = self._retire(current)
        version, head = self._stamped(current, write, at)
        content = (revision, version, current.segment, at, head, write.tail)
        self._rows[write.rid] = (write.rid, *content, current.type, write.id, write.patient, write.digest, False)
        self._in_place[write.rid] = current._replace(
            revision=revision, digest=write.digest, seeded=0, updated=at, version=version
        )
        self._apart.changed(write)

    def refused(self, writes: Sequence[ResourceWrite], origin: tuple[str, int] | None) -> set[int]:
        """The keys of those writes of one source record that would bring back what was destroyed."""
        self.expect(write.rid for write in writes)
        return self._apart.refused(writes, origin)

    def drop_index(self, rid: int) -> None:
        """Take a stored resource out of every index; ``flush`` first."""
        row = self._db.execute(SQL["whose"], (rid,)).fetchone()
        if row is not None:
            self._index.drop(row[0], row[1], rid)
            self._db.execute(SQL["drop_indexed"], (rid,))
            self._db.execute(SQL["drop_exceptions"], (rid,))
            self._db.execute(SQL["drop_screening"], (rid,))
        self.forget(rid)

    def forget(self, rid: int) -> None:
        """Look again at what is in place and apart before the next write of a resource."""
        self._in_place.pop(rid, None)
        self._apart.known.pop(rid, None)

    def _retire(self, current: _InPlace) -> int:
        """Take a version out of its place, into history unless it was a seed; the revision of what follows."""
        rid = current.rid
        waiting = self._rows.get(rid)
        if waiting is None:
            self._index.drop(current.type, current.patient, rid)
            self._db.execute(SQL["drop_exceptions"], (rid,))
        if current.seeded:
            return 1
        if waiting is None:
            self._replaced.append((rid,))
        else:
            self._history.append(waiting[:_VERSION])
        return current.revision + 1

    def _stamped(self, current: _InPlace | None, write: ResourceWrite, at: int) -> tuple[str, bytes]:
        """Version id and head of what takes the place of ``current``: an id that no version before it has."""
        again = 0
        while True:
            version, head = self._stamp(write, at, again)
            # The same content may come back within one instant, and at no other.
            if current is None or current.updated != at or not self._named(current, version):
                return version, head
            again += 1

    def _named(self, current: _InPlace, version: str) -> bool:
        """Whether a version is the one in place or one before it."""
        waiting = {row[2] for row in self._history if row[0] == current.rid}
        # A seed is in no history: what takes its place may bear its name.
        known = (version == current.version and not current.seeded) or version in waiting
        asked = {"rid": current.rid, "version": version}
        return known or self._db.execute(SQL["named_before"], asked).fetchone() is not None

    def flush(self) -> None:
        """Write what waits."""
        self._db.executemany(SQL["keep_history"], self._replaced)  # while it is still in place
        self._db.executemany(SQL["put_history"], self._history)
        self._db.executemany(SQL["put_resource"], self._rows.values())
        self._index.flush()
        for write in self._screenings:
            self._put_screening(write)
        self._db.executemany(SQL["put_relation"], self._relations)
        self._db.executemany(SQL["put_origin"], self._origins)
        lists = (self._replaced, self._history, self._rows, self._screenings, self._relations, self._origins)
        for waiting in lists:
            waiting.clear()

    def _put_screening(self, write: ResourceWrite) -> None:
        rid, place = write.rid, write.screening
        self._db.execute(SQL["drop_screening"], (rid,))
        if place is None:
            return
        self._db.execute(
            SQL["put_screening"], (write.patient, place.instrument, place.day, rid, place.instant, place.risk)
        )
        group = {"patient": write.patient, "instrument": place.instrument, "day": place.day}
        self._db.execute(SQL["mark_repeats"], group)
