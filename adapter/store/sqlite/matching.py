"""Who is who, inside a SQLite transaction."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import apsw

from adapter.store.queries import load
from adapter.store.shapes import PairDecision, PairRow, Portrait

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

SQL = load("matching")
_CROWD = 200
"""A key that more records share recognises nobody: a shelter's telephone, a default date."""


class SqliteMatchRecords:
    """The part of a transaction that is about who is who; see `adapter.store.matching`."""

    _db: apsw.Connection
    _portraits: dict[int, Portrait | None]

    def _look_up(self, patients: Iterable[int]) -> None:
        unknown = array("q", [patient for patient in patients if patient not in self._portraits])
        self._portraits.update(dict.fromkeys(unknown))
        for row in self._db.execute(SQL["portraits"], (apsw.carray(unknown),)) if unknown else ():
            self._portraits[row[0]] = _portrait(*row)

    async def portraits(self, patients: Iterable[int]) -> dict[int, Portrait]:
        wanted = list(patients)
        self._look_up(wanted)
        found = ((patient, self._portraits[patient]) for patient in wanted)
        return {patient: portrait for patient, portrait in found if portrait is not None}

    async def every_portrait(self) -> list[int]:
        return [row[0] for row in self._db.execute(SQL["every_portrait"])]

    async def sample(self, after: int, count: int) -> list[Portrait]:
        return [_portrait(*row) for row in self._db.execute(SQL["sample"], (after, count))]

    async def put_portrait(self, portrait: Portrait) -> None:
        patient, blocks = portrait.patient, set(portrait.blocks)
        self._look_up((patient,))
        current = self._portraits[patient]
        before = set(current.blocks) if current is not None else set()
        self._db.executemany(SQL["drop_block"], [(key, patient) for key in before - blocks])
        self._db.executemany(SQL["put_block"], [(key, patient) for key in blocks - before])
        packed = array("q", portrait.blocks).tobytes()
        row = (patient, portrait.source, portrait.told, portrait.sealed, packed, int(portrait.doubted))
        self._db.execute(SQL["put_portrait"], row)
        self._portraits[patient] = portrait

    async def neighbours(self, patient: int, source: str, blocks: Collection[int]) -> list[Portrait]:
        found: set[int] = set()
        for key in blocks:
            sharing = self._db.execute(SQL["block"], (key,)).fetchall()
            if len(sharing) <= _CROWD:
                found.update(int(row[0]) for row in sharing)  # type: ignore[arg-type]
        found.discard(patient)
        self._look_up(found)
        portraits = (self._portraits[other] for other in sorted(found))
        return [portrait for portrait in portraits if portrait is not None and portrait.source != source]

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

    async def pairs_in(self, state: int, count: int) -> list[PairRow]:
        return [PairRow._make(row) for row in self._db.execute(SQL["pairs_in"], (state, count))]

    async def pair_counts(self) -> dict[int, int]:
        return {state: count for state, count in self._db.execute(SQL["counted"])}  # noqa: C416 - rows of two

    async def doubted(self) -> list[int]:
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


def _portrait(patient: int, source: str, told: bytes, sealed: bytes, blocks: bytes, doubted: int) -> Portrait:
    keys = array("q")
    keys.frombytes(blocks)
    return Portrait(patient, source, told, sealed, tuple(keys), bool(doubted))
