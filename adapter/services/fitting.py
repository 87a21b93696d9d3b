"""The part of the gate that finds whom a group means among the Patients that its owner may read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from adapter.fhir.codec import parse
from adapter.services.disclose import Disclosure
from adapter.services.patient_match import MATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adapter.services.decisions import Decisions
    from adapter.services.disclose import Caller
    from adapter.services.panels import Panels
    from adapter.store.exports import PanelRow
    from adapter.store.port import Ledger, Snapshot, Store


_PIECE: Final = 100
"""Patients that are read before others are answered."""


class Fit(NamedTuple):
    """A Patient by its id who is somebody on a group, since when, and what the owner calls the person."""

    id: str
    since: int
    key: str


class Reading(Disclosure):
    """Reads Patients as a caller would get them, to compare them. They go nowhere."""

    async def patients(self, caller: Caller, rids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
        """Those of these Patients that a caller may read, as it would get them."""
        at = self._clock()

        async def answer(view: Snapshot) -> dict[int, Mapping[str, Any]]:
            return await self._read_by(view, caller, rids, at)

        return await self._decided(caller, answer)

    async def _read_by(
        self, view: Snapshot, caller: Caller, rids: Sequence[int], at: int
    ) -> dict[int, Mapping[str, Any]]:
        if caller.scopes is not None and not caller.scopes.allows("Patient", "r"):
            return {}
        found: dict[int, Mapping[str, Any]] = {}
        for number, rid in enumerate(rids, 1):
            if number % _PIECE == 0:
                await asyncio.sleep(0)
            hits = (await self._found(view, caller, "Patient", rid, at)).hits
            found |= {hit.rid: parse(one.body) for hit, one in await self._serve(view, caller, hits, at, "r")}
        return found


class Fitting(Reading):
    """A gate that resolves groups."""

    def __init__(
        self, store: Store, ledger: Ledger, decisions: Decisions, clock: Callable[[], int], *, panels: Panels
    ) -> None:
        super().__init__(store, ledger, decisions, clock)
        self._panels = panels

    async def _fits(self, view: Snapshot, caller: Caller, row: PanelRow, at: int) -> list[Fit]:
        """The Patients that the caller may read who are people of a group; none without the right to ask who is who."""
        if not row.people or MATCH not in caller.rights:
            return []
        roll = await self._panels.roll(row)
        read = await self._read_by(view, caller, await self._panels.near(view, roll.people), at)
        return sorted(
            Fit(str(patient["id"]), one.since, one.person.key)
            for patient in read.values()
            for one in roll.fits(patient)
        )
