"""The port to what feeds leave for people to do: rosters, work items, unmapped codes. Part of a transaction.

Instants are epoch microseconds. Nothing here but the codes themselves is content of a record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from adapter.store.shapes import StoredResource


class WorkItem(NamedTuple):
    """Something to look at. ``about`` is the ``Type/id`` of a resource or empty, ``number`` of how many records."""

    id: str
    feed: str
    kind: str
    receipt: str
    about: str
    number: int
    why: str
    since: int


class UnmappedCode(NamedTuple):
    """A code of a sender in one column that its table does not list: how often, first and last seen when."""

    feed: str
    table: str
    column: str
    code: str
    number: int
    first: int
    last: int


class FeedWork(Protocol):
    """The part of a transaction that is about the work of feeds."""

    async def name_bookings(self, feed: str, receipt: str, rids: Iterable[int], *, late: bool) -> None:
        """A receipt of a roster names these bookings as open; one that runs ``late`` takes back nothing newer."""
        ...

    async def drop_bookings(self, feed: str, rids: Iterable[int]) -> None:
        """These bookings are over; a roster need not name them."""
        ...

    async def unnamed_bookings(self, feed: str, receipts: Collection[str]) -> list[int]:
        """The open bookings that none of these receipts was the last to name."""
        ...

    async def roster_size(self, feed: str) -> int:
        """How many bookings are open by the roster of a feed."""
        ...

    async def stored(self, rids: Iterable[int]) -> list[StoredResource]:
        """Resources as they are now, by their internal keys; what is not there is left out."""
        ...

    async def add_work(self, items: Sequence[WorkItem]) -> None:
        """Keep work items; one whose id is known is kept once."""
        ...

    async def open_work(self) -> list[WorkItem]:
        """The work that is open, oldest first."""
        ...

    async def close_work(self, ident: str, *, at: int, author: str, finding: str) -> bool:
        """Close a work item; tells whether it was open."""
        ...

    async def hold_releases(self, work: str, rids: Iterable[int]) -> None:
        """Keep which bookings a held inference is about."""
        ...

    async def held_releases(self, work: str) -> list[int]:
        """The bookings a held inference is about."""
        ...

    async def count_codes(self, feed: str, counts: Mapping[tuple[str, str, str], int], *, at: int) -> None:
        """Count codes that no table lists, by table, column and code."""
        ...

    async def unmapped_codes(self, feed: str | None) -> list[UnmappedCode]:
        """The codes of a feed, or of all, that no table listed when they came, the most frequent first."""
        ...

    async def forget_codes(self, codes: Iterable[UnmappedCode]) -> None:
        """Forget codes that a table lists by now."""
        ...
