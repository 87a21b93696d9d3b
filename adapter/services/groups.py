"""Groups of people that an organisation keeps for itself, to export by.

A group says whom its owner works with; nothing of it comes from anyone else. Members are written as ids of Patients and
never looked up then, so a hidden one, an unknown one and one that is seen are taken alike. What is read back names the
members that the owner may see at that moment. To everyone else a group is not there.

https://hl7.org/fhir/R4/group.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapter.errors import NotFound
from adapter.services.disclose import Disclosure
from adapter.store.exports import PanelRow
from adapter.store.shapes import row_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapter.services.decisions import Decisions
    from adapter.services.disclose import Caller
    from adapter.store.port import Ledger, Snapshot, Store

TYPE: Final = "Group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group as its owner reads it: ``members`` are ids of Patients in order, ``updated`` epoch microseconds."""

    id: str
    name: str
    version: str
    updated: int
    members: tuple[str, ...]


class Groups(Disclosure):
    """The gate for groups. ``new_id`` makes ids of groups and of their versions: ASCII, unguessable."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        decisions: Decisions,
        clock: Callable[[], int],
        *,
        new_id: Callable[[], str],
    ) -> None:
        super().__init__(store, ledger, decisions, clock)
        self._new_id = new_id

    async def create(self, caller: Caller, name: str, members: Sequence[str]) -> Group:
        """Keep a new group of the caller's organisation."""
        await self._within(caller, "create", TYPE, "c")
        ident = self._new_id()
        await self.note(caller, "create", f"{TYPE}/{ident}")
        return await self._put(caller, ident, name, members)

    async def update(self, caller: Caller, ident: str, name: str, members: Sequence[str]) -> Group:
        """Replace a group; ``NotFound`` for any but the caller's own."""
        await self._within(caller, "update", TYPE, "u")
        await self.note(caller, "update", f"{TYPE}/{ident}")
        await self._own(caller, ident)
        return await self._put(caller, ident, name, members)

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

    async def _put(self, caller: Caller, ident: str, name: str, members: Sequence[str]) -> Group:
        at = self._clock()
        row = PanelRow(
            id=ident,
            organisation=caller.organisation,
            name=name,
            version=self._new_id(),
            updated=at,
            members=[(member, at) for member in dict.fromkeys(members)],
        )
        async with self._store.transaction() as change:
            await change.put_panel(row)
        return await self._told(caller, row)

    async def _own(self, caller: Caller, ident: str) -> PanelRow:
        async with self._store.snapshot() as view:
            row = await view.panel(ident)
        if row is None or row.organisation != caller.organisation:
            raise NotFound("there is nothing here")
        return row

    async def _told(self, caller: Caller, row: PanelRow) -> Group:
        at = self._clock()

        async def answer(view: Snapshot) -> list[str]:
            members = sorted(member for member, _ in row.members)
            return [
                one for one in members if await self._readable(view, caller, "Patient", row_key("Patient", one), at)
            ]

        members = await self._decided(caller, answer)
        return Group(id=row.id, name=row.name, version=row.version, updated=row.updated, members=tuple(members))
