"""The port to who is who: sealed traits, the pairs they make, and what people decided of them.

All of it is part of the transaction that changes what is in force, and none of it is ever read for an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from adapter.store.pairs import PairDecision, PairRow, Portrait


class MatchRecords(Protocol):
    """The part of a transaction that is about who is who."""

    async def portraits(self, patients: Iterable[int]) -> dict[int, Portrait]:
        """What is kept of these records; one of which nothing is kept is left out."""
        ...

    async def every_portrait(self) -> list[int]:
        """The records of which something is kept, in order."""
        ...

    async def sample(self, after: int, count: int) -> list[Portrait]:
        """So many records after a key, in the order of their keys, which are hashes."""
        ...

    async def put_portrait(self, portrait: Portrait) -> None:
        """Keep what comparison needs of a record, in place of what was kept of it."""
        ...

    async def meet(self, blocks: Iterable[int]) -> None:
        """Look up together who shares blocks that are about to be asked for. Never needed, faster."""
        ...

    async def neighbours(self, patient: int, source: str, blocks: Collection[int]) -> list[Portrait]:
        """The records of other sources that share a block. A block of more than 200 records recognises nobody."""
        ...

    async def pairs(self, patients: Iterable[int]) -> list[PairRow]:
        """Every pair of each of these records, seen from it."""
        ...

    async def links(self, patients: Iterable[int]) -> set[tuple[int, int]]:
        """Every confirmed pair of each of these records, seen from it."""
        ...

    async def put_pairs(self, rows: Sequence[PairRow]) -> None:
        """Keep pairs, both ways."""
        ...

    async def drop_pairs(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Forget pairs, both ways."""
        ...

    async def merges(self, patients: Iterable[int]) -> list[tuple[int, int]]:
        """Every two Patients of the store, one of these among them, that their source says are one person's."""
        ...

    async def pairs_in(self, state: int, count: int) -> list[PairRow]:
        """Pairs in a state, each once, the latest first."""
        ...

    async def pair_counts(self) -> dict[int, int]:
        """How many pairs are in each state."""
        ...

    async def doubted(self) -> list[int]:
        """The records that told otherwise of themselves than before and of which nobody has decided yet."""
        ...

    async def decide_pair(self, decision: PairDecision) -> None:
        """Keep what somebody decided."""
        ...

    async def decisions(self, patients: Iterable[int]) -> list[PairDecision]:
        """Everything that was decided of these records and their pairs, oldest first."""
        ...
