"""Who is who, inside a SQLite transaction."""

from __future__ import annotations

from array import array
from functools import cache
from typing import TYPE_CHECKING

import apsw

from adapter.store.pairs import PairDecision, PairRow, Portrait
from adapter.store.queries import load
from adapter.store.shapes import row_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

SQL = load("matching")
_CROWD = 200
"""A key that more records share recognises nobody: a shelter's telephone, a default date."""


class MatchWriter:
    """Sealed traits and their blocks of one transaction: looked up for many records at once, written as they end.

    What waits to be written is seen by whoever asks here.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self._portraits: dict[int, Portrait | None] = {}
        self._blocks: dict[int, dict[int, int]] = {}
        self._waiting: dict[int, Portrait] = {}
        self._put: dict[tuple[int, int], int] = {}
        self._drop: set[tuple[int, int]] = set()

    def look_up(self, patients: Iterable[int]) -> None:
        """Know what is kept of these records."""
        unknown = array("q", [patient for patient in patients if patient not in self._portraits])
        if not unknown:
            return
        self._portraits.update(dict.fromkeys(unknown))
        for row in self._db.execute(SQL["portraits"], (apsw.carray(unknown),)):
            self._portraits[row[0]] = _portrait(*row)

    def look_for(self, keys: Iterable[int]) -> None:
        """Know who shares these blocks."""
        unknown = sorted([key for key in keys if key not in self._blocks])
        if not unknown:
            return
        self._blocks.update([(key, {}) for key in unknown])
        for key, patient, source in self._db.executemany(SQL["block"], [(key,) for key in unknown]):
            if (key, patient) not in self._drop:
                self._blocks[key][patient] = source

    def of(self, patient: int) -> Portrait | None:
        """What is kept of a record."""
        if patient not in self._portraits:
            self.look_up((patient,))
        return self._portraits[patient]

    def put(self, portrait: Portrait) -> None:
        """Keep what comparison needs of a record."""
        patient, source = portrait.patient, _number(portrait.source)
        current = self.of(patient)
        self.look_for(portrait.blocks)
        for key in set(current.blocks).difference(portrait.blocks) if current is not None else ():
            self._drop.add((key, patient))
            self._put.pop((key, patient), None)
            if key in self._blocks:
                self._blocks[key].pop(patient, None)
        for key in portrait.blocks:
            self._blocks[key][patient] = source
            self._put[key, patient] = source
            self._drop.discard((key, patient))
        self._portraits[patient] = self._waiting[patient] = portrait

    def neighbours(self, patient: int, source: str, blocks: Collection[int]) -> list[Portrait]:
        """The records of other sources that share a block."""
        own = _number(source)
        self.look_for(blocks)
        found: set[int] = set()
        for key in blocks:
            sharing = self._blocks[key]
            if len(sharing) <= _CROWD:
                found.update([other for other, number in sharing.items() if number != own])
        found.discard(patient)
        self.look_up(found)
        portraits = (self._portraits[other] for other in sorted(found))
        return [portrait for portrait in portraits if portrait is not None]

    def flush(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        self._db.executemany(SQL["drop_block"], sorted(self._drop))
        self._db.executemany(SQL["put_block"], [(*place, source) for place, source in sorted(self._put.items())])
        rows = [
            (patient, one.source, one.told, one.sealed, array("q", one.blocks).tobytes(), int(one.doubted))
            for patient, one in sorted(self._waiting.items())
        ]
        self._db.executemany(SQL["put_portrait"], rows)
        self._waiting.clear()
        self._put.clear()
        self._drop.clear()


class SqliteMatchRecords:
    """The part of a transaction that is about who is who; see `adapter.store.matching`."""

    _db: apsw.Connection
    _matches: MatchWriter

    def _ready(self) -> None:
        """Write first what waits to be seen."""

    async def portraits(self, patients: Iterable[int]) -> dict[int, Portrait]:
        wanted = list(patients)
        self._matches.look_up(wanted)
        found = ((patient, self._matches.of(patient)) for patient in wanted)
        return {patient: portrait for patient, portrait in found if portrait is not None}

    async def every_portrait(self) -> list[int]:
        self._matches.flush()
        return [row[0] for row in self._db.execute(SQL["every_portrait"])]

    async def sample(self, after: int, count: int) -> list[Portrait]:
        self._matches.flush()
        return [_portrait(*row) for row in self._db.execute(SQL["sample"], (after, count))]

    async def put_portrait(self, portrait: Portrait) -> None:
        self._matches.put(portrait)

    async def meet(self, blocks: Iterable[int]) -> None:
        self._matches.look_for(set(blocks))

    async def neighbours(self, patient: int, source: str, blocks: Collection[int]) -> list[Portrait]:
        return self._matches.neighbours(patient, source, blocks)

    async def pairs(self, patients: Iterable[int]) -> list[PairRow]:
        listed = array("q", sorted(set(patients)))
        return [PairRow._make(row) for row in self._db.execute(SQL["pairs"], (apsw.carray(listed),))] if listed else []

    async def links(self, patients: Iterable[int]) -> set[tuple[int, int]]:
        listed = array("q", sorted(set(patients)))
        rows = self._db.execute(SQL["links"], (apsw.carray(listed),)) if listed else ()
        return {(one, other) for one, other in rows}

    async def put_pairs(self, rows: Sequence[PairRow]) -> None:
        both = [*rows, *(row._replace(patient=row.other, other=row.patient) for row in rows)]
        self._db.executemany(SQL["put_pair"], both)

    async def drop_pairs(self, pairs: Iterable[tuple[int, int]]) -> None:
        self._db.executemany(SQL["drop_pair"], [way for one, other in pairs for way in ((one, other), (other, one))])

    async def merges(self, patients: Iterable[int]) -> list[tuple[int, int]]:
        self._ready()
        listed = apsw.carray(array("q", sorted(set(patients))))
        return [(one, other) for one, other in self._db.execute(SQL["merges"], (listed,))]

    async def pairs_in(self, state: int, count: int) -> list[PairRow]:
        return [PairRow._make(row) for row in self._db.execute(SQL["pairs_in"], (state, count))]

    async def pair_counts(self) -> dict[int, int]:
        return {state: count for state, count in self._db.execute(SQL["counted"])}  # noqa: C416 - rows of two

    async def doubted(self) -> list[int]:
        self._matches.flush()
        return [row[0] for row in self._db.execute(SQL["doubted"])]

    async def decide_pair(self, decision: PairDecision) -> None:
        row = (*decision[:3], " ".join(decision.knowing), *decision[4:])
        self._db.execute(SQL["decide"], row)

    async def decisions(self, patients: Iterable[int]) -> list[PairDecision]:
        listed = array("q", sorted(set(patients)))
        rows = self._db.execute(SQL["decisions"], (apsw.carray(listed),)) if listed else ()
        return [
            PairDecision(one, other, verdict, tuple(knowing.split()), author, why, at)
            for one, other, verdict, knowing, author, why, at, _ in rows
        ]


@cache
def _number(source: str) -> int:
    """A source as its blocks carry it."""
    return row_key("source", source) & 0xFFFFFFFF


def _portrait(patient: int, source: str, told: bytes, sealed: bytes, blocks: bytes, doubted: int) -> Portrait:
    keys = array("q")
    keys.frombytes(blocks)
    return Portrait(patient, source, told, sealed, tuple(keys), bool(doubted))
