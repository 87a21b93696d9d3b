"""What follows from new versions, in the transaction that writes them: who is one person, what is in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from adapter.services.in_force import InForce
    from adapter.services.people import People, Told
    from adapter.store.port import Transaction
    from adapter.store.shapes import ResourceWrite


class Settling:
    """Brings everything in line with what was put, however it came in."""

    def __init__(self, people: People, in_force: InForce) -> None:
        self._people = people
        self._in_force = in_force

    async def settle(
        self,
        change: Transaction,
        written: Sequence[ResourceWrite],
        identities: Sequence[Told],
        *,
        source: str,
        at: int,
        merging: Collection[int] = (),
        besides: Collection[int] = (),
    ) -> int:
        """Settle new versions and what they tell of who someone is; how many records were linked by it.

        ``source`` is the source system they came from; ``merging`` are Patients of whom it says that they are the same
        person's as others, new versions or not. ``besides`` are Patients of whom something changed that is no new
        version.
        """
        touched = await self._in_force.touched(change, written, at=at)
        regrouped = await self._people.link(change, identities, at=at)
        told = {write.rid for write in written if write.type == "Patient"}.union(merging)
        regrouped.add(await self._people.merge(change, told, source=source, at=at))
        touched |= regrouped.patients | set(besides)
        if touched:
            await self._in_force.refresh(change, touched, at=at)
        events = [(at, orjson.dumps({"resource": write.rid})) for write in written if write.screening is not None]
        if events:
            await change.enqueue("change", events)
        return regrouped.links
