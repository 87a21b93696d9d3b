"""What is kept of people and what is in force follows from, read on any connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from adapter.store.queries import load
from adapter.store.shapes import TYPE_NAMES, TYPES, Awaited, ClinicalRow, LegalFact, StoredResource
from adapter.store.sqlite.legal import facts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import apsw

SQL, LEGAL, MATCHING = load("write"), load("legal"), load("matching")


def stored(row: tuple[Any, ...]) -> StoredResource:
    """A row of `stored`-shaped columns."""
    return StoredResource(TYPE_NAMES[row[0]], *row[1:])


class SqlitePeople:
    """Reads that a transaction and a snapshot share."""

    _db: apsw.Connection

    def _ready(self) -> None:
        """A transaction writes first what waits to be seen."""

    def _of(self, statement: str, keys: Iterable[int], *bindings: object) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement about any number of keys, in their order."""
        return self._db.execute(SQL[statement], (_listed(keys), *bindings))

    async def consents(self, patients: Iterable[int]) -> list[StoredResource]:
        self._ready()
        return [stored(row) for row in self._of("of_type", patients, TYPES["Consent"])]

    async def clinical(self, patients: Iterable[int], kind: str) -> list[ClinicalRow]:
        self._ready()
        return [ClinicalRow._make(row) for row in self._of("clinical_of", patients, TYPES[kind])]

    async def elements(self, rids: Iterable[int], name: str) -> dict[int, Any]:
        self._ready()
        return dict(self._of("elements", rids, name))

    async def leaning(self, patients: Iterable[int], *, at: int) -> dict[int, set[int]]:
        return self._others("leaning", patients, at)

    async def merging(self, patients: Iterable[int], *, at: int) -> dict[int, set[int]]:
        return self._others("merging", patients, at)

    def _others(self, statement: str, patients: Iterable[int], at: int) -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        for patient, other in self._db.execute(MATCHING[statement], (_listed(patients), at)):
            found.setdefault(patient, set()).add(other)
        return found

    async def persons(self, patients: Iterable[int]) -> list[frozenset[int]]:
        alone = dict.fromkeys(patients)
        found: dict[frozenset[int], None] = {}
        for (patient,) in self._of("having_links", alone):
            if patient in alone:
                component = self._component(patient)
                found[component] = None
                for member in component:
                    alone.pop(member, None)
        return [*found, *(frozenset((patient,)) for patient in alone)]

    def _component(self, patient: int) -> frozenset[int]:
        found, frontier = {patient}, [patient]
        while frontier:
            for (other,) in self._db.execute(SQL["linked"], (frontier.pop(),)):
                if other not in found:
                    found.add(other)
                    frontier.append(other)
        return frozenset(found)

    async def recorded(self, patients: Iterable[int]) -> list[LegalFact]:
        return facts_of(self._db.execute(LEGAL["legal_facts_of"], (_listed(patients),)))

    async def awaited(self, patients: Iterable[int]) -> list[Awaited]:
        self._ready()
        return [
            Awaited(patient, person, orjson.loads(theirs), orjson.loads(ours))
            for patient, person, theirs, ours in self._db.execute(LEGAL["awaited"], (_listed(patients),))
        ]


def _listed(keys: Iterable[int]) -> str:
    return orjson.dumps(sorted(keys)).decode()
