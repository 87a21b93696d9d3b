"""What followed from an earlier version of a record and does not follow from the present one: it is taken back.

A screening that is corrected to another instrument, or to another day, tells another summary. The former one would say
what nobody says any more, so it leaves every answer at the next request, and whoever was told of it is told that too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.services.assemble import SCREENED
from adapter.services.sealing import nobodys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from adapter.services.assemble import Assembled
    from adapter.services.decisions import Decisions
    from adapter.store.port import Transaction
    from adapter.store.shapes import ResourceWrite

_DERIVED = "derived-from"


class Superseded:
    """Takes back what is told no more by the records of a feed."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions
        self._nobody = 0

    async def ready(self) -> None:
        """Find the segment of what is taken back; outside of the transaction, since a new one needs its own."""
        if not self._nobody:
            self._nobody = await self._decisions.segment_number(nobodys("Observation"))

    async def follow(
        self, change: Transaction, told: Mapping[int, set[int]], written: Iterable[ResourceWrite], *, at: int
    ) -> set[int]:
        """Take back what only earlier versions of what was written told; the keys of what was taken back.

        ``told`` is what follows from each record, by its key, as of its last version in this batch; see `follows`.
        """
        new = {write.rid: write for write in written}
        changed = new.keys() & told.keys()
        if not changed:
            return set()
        gone: list[tuple[int, int]] = []
        lost: set[int] = set()
        for rid, sources in (await change.derived(changed)).items():
            silent = {one for one in sources if one in changed and rid not in told[one]}
            gone += [(rid, one) for one in silent]
            if silent == sources:
                lost.add(rid)
        again = [(rid, one) for one in changed for rid in told[one] if rid in new]
        await change.take_back(dict.fromkeys(lost, self._nobody), at=at)
        await change.rederive(gone, again)
        return lost


def follows(assembled: Sequence[Assembled]) -> dict[int, set[int]]:
    """What follows from the records of a batch, in order: of one that is in it twice, from the later version."""
    found: dict[int, set[int]] = {}
    for one in assembled:
        mine: dict[int, set[int]] = {write.rid: set() for write in one.writes if write.type in SCREENED}
        for write in one.writes:
            for kind, other in write.relations:
                if kind == _DERIVED and other in mine:
                    mine[other].add(write.rid)
                    mine.pop(write.rid, None)
        found |= mine
    return found
