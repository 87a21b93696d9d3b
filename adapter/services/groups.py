"""Groups of people that an organisation keeps for itself, to export by.

A group says whom its owner works with; the owner writes it, or the county does for it. Members are written as ids of
Patients, or as people by what their owner knows of them, and never looked up then, so a hidden one, an unknown one and
one that is seen are taken alike. What is read back names the members that the owner may see at that moment. To everyone
else a group is not there.

https://hl7.org/fhir/R4/group.html
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from adapter.errors import NotAllowed, NotFound
from adapter.services.fitting import Fit, Fitting
from adapter.services.patient_match import MATCH
from adapter.store.exports import PanelRow
from adapter.store.shapes import row_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adapter.services.decisions import Decisions
    from adapter.services.disclose import Caller
    from adapter.services.panel_people import Person
    from adapter.services.panels import Panels
    from adapter.store.port import Ledger, Snapshot, Store

TYPE: Final = "Group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group as its owner reads it: ``members`` are ids of Patients in order, ``updated`` epoch microseconds.

    ``keys`` are what the owner calls those of them whom it described.
    """

    id: str
    name: str
    version: str
    updated: int
    members: tuple[str, ...]
    keys: Mapping[str, str] = field(default_factory=dict)


class Groups(Fitting):
    """The gate for groups. ``new_id`` makes ids of groups and of their versions: ASCII, unguessable."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        decisions: Decisions,
        clock: Callable[[], int],
        *,
        panels: Panels,
        new_id: Callable[[], str],
    ) -> None:
        super().__init__(store, ledger, decisions, clock, panels=panels)
        self._new_id = new_id

    async def create(self, caller: Caller, name: str, members: Sequence[str]) -> Group:
        """Keep a new group of the caller's organisation."""
        await self._within(caller, "create", TYPE, "c")
        ident = self._new_id()
        await self.note(caller, "create", f"{TYPE}/{ident}")
        return await self._told(caller, await self.keep(caller.organisation, ident, name, members))

    async def update(self, caller: Caller, ident: str, name: str, members: Sequence[str]) -> Group:
        """Replace a group; ``NotFound`` for any but the caller's own."""
        await self._within(caller, "update", TYPE, "u")
        await self.note(caller, "update", f"{TYPE}/{ident}")
        await self._own(caller, ident)
        return await self._told(caller, await self.keep(caller.organisation, ident, name, members))

    async def upload(
        self, caller: Caller, ident: str, name: str, members: Sequence[str], people: Sequence[Person]
    ) -> PanelRow:
        """Keep a whole group as a list that its owner keeps elsewhere; an empty ``ident`` makes a new one.

        Nobody is looked for, so what is returned is the same whoever is on the list. ``NotAllowed`` without the right
        to ask who somebody is, where people are described.
        """
        interaction, letter = ("update", "u") if ident else ("create", "c")
        await self._within(caller, interaction, TYPE, letter)
        if people and MATCH not in caller.rights:
            await self.refuse(caller, interaction, TYPE, f"403 {MATCH}")
            raise NotAllowed(f"people are described: the agreement does not give the right `{MATCH}`")
        place = ident or self._new_id()
        await self.note(caller, interaction, f"{TYPE}/{place}")
        if ident:
            await self._own(caller, ident)
        return await self.keep(caller.organisation, place, name, members, people)

    async def delete(self, caller: Caller, ident: str) -> None:
        """Forget a group; ``NotFound`` for any but the caller's own."""
        await self._within(caller, "delete", TYPE, "d")
        await self.note(caller, "delete", f"{TYPE}/{ident}")
        await self._own(caller, ident)
        async with self._store.transaction() as change:
            await change.drop_panel(ident)

    async def group(self, caller: Caller, ident: str) -> Group:
        """A group with the members that the caller may read now; ``NotFound`` for any but the caller's own."""
        await self._within(caller, "read", TYPE, "r")
        await self.note(caller, "read", f"{TYPE}/{ident}")
        return await self._told(caller, await self._own(caller, ident))

    async def keep(
        self, organisation: str, ident: str, name: str, members: Sequence[str], people: Sequence[Person] = ()
    ) -> PanelRow:
        """Keep a group of an organisation in place of the one of this id; an empty ``ident`` makes a new one."""
        at, place = self._clock(), ident or self._new_id()
        row = PanelRow(
            id=place,
            organisation=organisation,
            name=name,
            version=self._new_id(),
            updated=at,
            members=[(member, at) for member in dict.fromkeys(members)],
            people=await asyncio.to_thread(self._panels.sealed, place, people, at) if people else (),
        )
        async with self._store.transaction() as change:
            await change.put_panel(row)
        return row

    async def every(self) -> list[PanelRow]:
        """The groups of all organisations, for the county."""
        async with self._store.snapshot() as view:
            rows = [await view.panel(ident) for ident in await view.panels()]
        return [row for row in rows if row is not None]

    async def drop(self, ident: str) -> None:
        """Forget a group, for the county; ``NotFound`` where there is none."""
        async with self._store.snapshot() as view:
            if await view.panel_version(ident) is None:
                raise NotFound(f"there is no group `{ident}`; `sallyport panels list` tells which there are")
        async with self._store.transaction() as change:
            await change.drop_panel(ident)

    async def _own(self, caller: Caller, ident: str) -> PanelRow:
        async with self._store.snapshot() as view:
            row = await view.panel(ident)
        if row is None or row.organisation != caller.organisation:
            raise NotFound("there is nothing here")
        return row

    async def _told(self, caller: Caller, row: PanelRow) -> Group:
        at = self._clock()

        async def answer(view: Snapshot) -> tuple[list[str], list[Fit]]:
            named = [member for member, _ in row.members]
            seen = [one for one in named if await self._readable(view, caller, "Patient", row_key("Patient", one), at)]
            return seen, await self._fits(view, caller, row, at)

        seen, fits = await self._decided(caller, answer)
        return Group(
            id=row.id,
            name=row.name,
            version=row.version,
            updated=row.updated,
            members=tuple(sorted({*seen, *(one.id for one in fits)})),
            keys={one.id: one.key for one in fits if one.key},
        )
