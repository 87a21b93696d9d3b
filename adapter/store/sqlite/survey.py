"""What explanations and rehearsals read, on a read connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from adapter.consent.bases import custody
from adapter.store.queries import load
from adapter.store.sealing import SealingRow
from adapter.store.shapes import LIVE, TYPE_NAMES, TYPES, row_key
from adapter.store.sqlite.person import SqlitePeople, stored
from adapter.store.survey import Decided, Join, Placed, Theirs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from adapter.store.shapes import StoredResource

SQL, SEALING = load("survey"), load("sealing")


class SqliteSurvey(SqlitePeople):
    """The undecided side of a snapshot."""

    async def consents_known(self, patients: Iterable[int], *, at: int) -> list[StoredResource]:
        found: dict[int, StoredResource] = {}
        for patient in sorted(patients):
            for row in self._db.execute(SQL["consents_known"], {"patient": patient, "at": at}):
                version = stored(row[:9])
                found[version.rid] = version
        return list(found.values())

    async def rows(self, rids: Iterable[int]) -> list[StoredResource]:
        found = (self._db.execute(SQL["row"], (rid,)).fetchone() for rid in sorted(rids))
        return [stored(row) for row in found if row is not None]

    async def component(self, patient: int, *, at: int) -> frozenset[int]:
        found, frontier = {patient}, [patient]
        while frontier:
            for (other,) in self._db.execute(SQL["linked"], (frontier.pop(), at)):
                if other not in found:
                    found.add(other)
                    frontier.append(other)
        return frozenset(found)

    async def joins(self, patient: int) -> list[Join]:
        return [Join._make(row) for row in self._db.execute(SQL["joins"], {"patient": patient})]

    async def theirs(self, patients: Iterable[int]) -> list[Theirs]:
        return [
            Theirs(rid, f"{TYPE_NAMES[kind]}/{ident}", owner, segment)
            for patient in sorted(patients)
            for rid, kind, ident, owner, segment in self._db.execute(SQL["theirs"], {"patient": patient})
        ]

    async def sealed(self, rid: int) -> SealingRow | None:
        row = self._db.execute(SEALING["of_record"], (rid,)).fetchone()
        return None if row is None else SealingRow._make(row)

    async def owner(self, rid: int) -> int | None:
        row = self._db.execute(SQL["owner"], {"rid": rid}).fetchone()
        return None if row is None else int(row[0])

    async def held(self, rids: Collection[int], *, at: int) -> set[int]:
        return {rid for rid in rids if self._db.execute(SQL["held"], {"rid": rid, "at": at}).fetchone() is not None}

    async def version(self, kind: str, ident: str, version: str) -> StoredResource | None:
        rid = row_key(kind, ident)
        current = self._db.execute(SQL["row"], (rid,)).fetchone()
        if current is not None and current[5] == version:
            return stored(current)
        row = self._db.execute(SQL["version"], (rid, version)).fetchone()
        return None if row is None else stored(row)

    async def records(self, patients: Iterable[int], kind: str | None = None) -> list[StoredResource]:
        number = None if kind is None else TYPES[kind]
        return [
            stored(row)
            for patient in sorted(patients)
            for row in self._db.execute(SQL["records"], {"patient": patient, "type": number})
        ]

    async def freshness(self) -> Mapping[int, tuple[str, int]]:
        return {number: (feed, until) for number, feed, until in self._db.execute(SQL["freshness"])}

    async def live(self, *, at: int) -> int:
        live = LIVE
        for number, (_, until) in (await self.freshness()).items():
            if until <= at:
                live &= ~custody(number)
        return live

    async def decided(self, *, at: int, patients: Collection[int] | None = None) -> list[Decided]:
        text = SQL["decided"].format(patients=_among("p.patient", "patients", patients))
        return [Decided._make(row) for row in self._db.execute(text, {"at": at, "patients": _listed(patients)})]

    async def placed(
        self, policies: Collection[int], *, at: int, patients: Collection[int] | None = None
    ) -> list[Placed]:
        return self._placed("placed", policies, at, patients)

    async def people(
        self, policies: Collection[int], *, at: int, patients: Collection[int] | None = None
    ) -> list[Placed]:
        return self._placed("people", policies, at, patients)

    def _placed(self, name: str, policies: Collection[int], at: int, patients: Collection[int] | None) -> list[Placed]:
        text = SQL[name].format(
            policies=_among("p.policy", "policies", policies), patients=_among("p.patient", "patients", patients)
        )
        bindings = {"at": at, "policies": _listed(policies), "patients": _listed(patients)}
        return [Placed._make(row) for row in self._db.execute(text, bindings)]

    async def ruled(self, context: int) -> Mapping[tuple[int, int], int]:
        rows = self._db.execute(SQL["ruled"], {"context": context})
        return {(policy, segment): effect for policy, segment, effect in rows}

    async def names(self, rids: Collection[int]) -> Mapping[int, str]:
        found = ((rid, self._db.execute(SQL["name"], (rid,)).fetchone()) for rid in rids)
        return {rid: f"{TYPE_NAMES[row[0]]}/{row[1]}" for rid, row in found if row is not None}


def _among(column: str, name: str, values: Collection[int] | None) -> str:
    return "1" if values is None else f"{column} IN (SELECT value FROM json_each(:{name}))"


def _listed(values: Collection[int] | None) -> str:
    return "[]" if values is None else orjson.dumps(list(values)).decode()
