"""The part of the gate that subscriptions pass: what a subscriber could read of a person now, and telling it.

Looking hands out nothing and is in no ledger; what is found is compared with what the subscriber was told. Telling
decides again, and its entry is in the ledger before the bytes leave.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from adapter.fhir.codec import parse
from adapter.fhir.search import Query
from adapter.services.disclose import MissingDecisions
from adapter.services.fitting import Reading
from adapter.store.shapes import TYPES, row_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapter.services.disclose import Caller, Served
    from adapter.store.port import Snapshot
    from adapter.store.shapes import Hit

NOTIFICATION: Final = "notification"
"""How a notification stands in the ledger."""
_PAGE: Final = 1_000


class Current(NamedTuple):
    """A resource as a subscriber could read it now. Internal: it is compared and goes nowhere."""

    rid: int
    patient: int
    segment: int
    name: str
    updated: int
    resource: Mapping[str, Any]


class Looked(NamedTuple):
    """What a subscriber sees of one record of a person: its resources, and which records are the same person's."""

    resources: Sequence[Current]
    persons: Sequence[tuple[int, str]]


class Announcing(Reading):
    """The gate for subscriptions."""

    async def look(self, caller: Caller, kinds: Sequence[str], patient: int, *, at: int) -> Looked:
        """What a caller could read of some types of a patient, and the Patients that it sees as the same person.

        The Patients come as (key, `Patient/id`), the patient itself among them, which is what everything is about.
        """

        async def answer(view: Snapshot) -> Looked:
            found: list[Current] = []
            for kind in kinds:
                if caller.scopes is not None and not caller.scopes.allows(kind, "r"):
                    continue
                found += [_current(hit, body.body) for hit, body in await self._all(view, caller, kind, patient, at)]
            return Looked(found, await self._persons(view, caller, patient, at) if found else ())

        return await self._decided(caller, answer)

    async def _all(self, view: Snapshot, caller: Caller, kind: str, patient: int, at: int) -> list[tuple[Hit, Served]]:
        within = caller.narrowed(kind, "r")
        query, place, found = Query(type=kind, count=_PAGE), None, []
        while True:
            page = await view.search(caller.context, query, [patient], place, at=at, within=within)
            if page.gaps:
                raise MissingDecisions(page.gaps)
            found += await self._serve(view, caller, page.hits, at, "r")
            if not page.more:
                return found
            place = page.last

    async def _persons(self, view: Snapshot, caller: Caller, patient: int, at: int) -> list[tuple[int, str]]:
        rows = [
            await view.row(rid) for rid in dict.fromkeys([patient, *await self._visible(view, caller, patient, at)])
        ]
        return [(row.rid, f"Patient/{row.id}") for row in rows if row is not None]

    async def persons(self, caller: Caller, patient: int) -> tuple[str, ...]:
        """The Patients (`Patient/id`) that a caller sees to be one person, the given one first. Names, nothing else."""
        at = self._clock()

        async def answer(view: Snapshot) -> Sequence[tuple[int, str]]:
            return await self._persons(view, caller, patient, at)

        return tuple(name for _, name in await self._decided(caller, answer))

    async def joined(self, patient: int) -> set[int]:
        """All records that are confirmed to be the same person's, whoever sees them. Internal."""
        async with self._store.snapshot() as view:
            return set(await view.component(patient, at=self._clock()))

    async def may(self, caller: Caller, names: Sequence[str]) -> dict[str, Served]:
        """Those of the named resources (``Type/id``) that a caller may read now, by name. `enter` before they leave."""
        hits = await self._readable_now(caller, names)
        return {f"{hit.type}/{hit.id}": served for hit, served in hits}

    async def enter(self, caller: Caller, names: Sequence[str], *, target: str, interaction: str) -> dict[str, Served]:
        """The same, and in the ledger: what is returned may leave, and nothing else of what was named.

        It is decided again, because what leaves must be what the ledger says.
        """
        at = self._clock()
        hits = await self._readable_now(caller, names)
        await self._enter(caller, interaction, target, hits, at)
        return {f"{hit.type}/{hit.id}": served for hit, served in hits}

    async def _readable_now(self, caller: Caller, names: Sequence[str]) -> list[tuple[Hit, Served]]:
        at = self._clock()

        async def answer(view: Snapshot) -> list[tuple[Hit, Served]]:
            found: list[tuple[Hit, Served]] = []
            for name in dict.fromkeys(names):
                kind, _, ident = name.partition("/")
                if kind not in TYPES or (caller.scopes is not None and not caller.scopes.allows(kind, "r")):
                    continue
                hits = (await self._found(view, caller, kind, row_key(kind, ident), at)).hits
                found += await self._serve(view, caller, hits, at, "r")
            return found

        return await self._decided(caller, answer)


def _current(hit: Hit, body: bytes) -> Current:
    return Current(hit.rid, hit.patient, hit.segment, f"{hit.type}/{hit.id}", hit.updated, _parsed(body))


@lru_cache(maxsize=2_048)
def _parsed(body: bytes) -> Mapping[str, Any]:
    """A body parsed: most of what is held of somebody is the same at the next look. It is read, never changed."""
    return parse(body)
