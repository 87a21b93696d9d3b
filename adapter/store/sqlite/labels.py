"""Labels that people lifted, inside a SQLite transaction."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import apsw

from adapter.store.labels import LIFT, LabelDecision
from adapter.store.queries import load
from adapter.store.shapes import ScreeningPlace

if TYPE_CHECKING:
    from collections.abc import Collection

    from adapter.store.shapes import ResourceWrite
    from adapter.store.sqlite.resources import ResourceWriter

SQL = load("labels")


class LiftedRows:
    """From which of the records about to be written labels are lifted. Looked up where there are any at all."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self._any: bool | None = None
        self._told: dict[int, bytes] = {}
        self._anew: set[int] = set()

    def expect(self, rids: Collection[int]) -> None:
        """Look up together what is about to be written."""
        if self._any is None:
            self._any = self._db.execute(SQL["any"]).fetchone() is not None
        if self._any and rids:
            self._told.update(self._db.execute(SQL["lifted"], (apsw.carray(array("q", rids)),)))

    def settled(self, write: ResourceWrite) -> bool:
        """Whether a write says only what the source said when somebody lifted labels from it.

        What is derived from a record says something new where the record does.
        """
        if self._told.get(write.rid) != write.digest:
            return False
        return not any(kind == "derived-from" and other in self._anew for kind, other in write.relations)

    def changed(self, write: ResourceWrite) -> None:
        """Count with a new version of a record, which ends a lift."""
        if self._told.pop(write.rid, None) is not None:
            self._anew.add(write.rid)

    def decided(self, decision: LabelDecision) -> None:
        """Count with a decision of this transaction."""
        self._any = True
        self._told.pop(decision.rid, None)
        if decision.act == LIFT:
            self._told[decision.rid] = decision.told


class SqliteLabels:
    """The part of a transaction that is about labels people lifted; see `adapter.store.labels`."""

    _db: apsw.Connection
    _resources: ResourceWriter

    async def digest(self, rid: int) -> bytes | None:
        self._resources.flush()
        row = self._db.execute(SQL["digest"], (rid,)).fetchone()
        return None if row is None else bytes(row[0])

    async def screening_place(self, rid: int) -> ScreeningPlace | None:
        self._resources.flush()
        row = self._db.execute(SQL["place"], (rid,)).fetchone()
        if row is None:
            return None
        instrument, day, instant, risk = row
        return ScreeningPlace(instrument=instrument, day=day, instant=instant, risk=risk)

    async def last_label_decision(self, rid: int) -> LabelDecision | None:
        row = self._db.execute(SQL["last"], (rid,)).fetchone()
        return None if row is None else _decision(row)

    async def label_decisions(self) -> list[LabelDecision]:
        return [_decision(row) for row in self._db.execute(SQL["all"])]

    async def decide_labels(self, decision: LabelDecision) -> None:
        labels = "\n".join(f"{system}|{code}" for system, code in decision.labels)
        self._db.execute(SQL["decide"], decision._replace(labels=labels))  # type: ignore[arg-type]
        self._resources.lifted.decided(decision)


def _decision(row: tuple[Any, ...]) -> LabelDecision:
    act, rid, labels, *rest = row
    pairs = [line.rpartition("|") for line in labels.splitlines()]
    return LabelDecision(act, rid, tuple((system, code) for system, _, code in pairs), *rest)
