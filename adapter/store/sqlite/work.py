"""What feeds leave for people to do, inside a SQLite transaction; see `adapter.store.work`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from adapter.store.queries import load
from adapter.store.sqlite.person import stored
from adapter.store.work import UnmappedCode, WorkItem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import apsw

    from adapter.store.shapes import StoredResource

SQL = load("work")


class SqliteFeedWork:
    """The part of a transaction that is about the work of feeds."""

    _db: apsw.Connection

    def _ready(self) -> None:
        """A transaction writes first what waits to be seen."""

    async def name_bookings(self, feed: str, receipt: str, rids: Iterable[int], *, late: bool) -> None:
        statement = SQL["name_late_booking" if late else "name_booking"]
        self._db.executemany(statement, [(feed, rid, receipt) for rid in rids])

    async def drop_bookings(self, feed: str, rids: Iterable[int]) -> None:
        self._db.executemany(SQL["drop_booking"], [(feed, rid) for rid in rids])

    async def unnamed_bookings(self, feed: str, receipts: Collection[str]) -> list[int]:
        listed = orjson.dumps(sorted(receipts)).decode()
        return [row[0] for row in self._db.execute(SQL["unnamed_bookings"], (feed, listed))]

    async def roster_size(self, feed: str) -> int:
        ((size,),) = self._db.execute(SQL["roster_size"], (feed,))
        return int(size)

    async def stored(self, rids: Iterable[int]) -> list[StoredResource]:
        self._ready()
        return [stored(row) for rid in rids for row in self._db.execute(SQL["stored"], (rid,))]

    async def add_work(self, items: Sequence[WorkItem]) -> None:
        self._db.executemany(SQL["put_work"], items)

    async def open_work(self) -> list[WorkItem]:
        return [WorkItem._make(row) for row in self._db.execute(SQL["open_work"])]

    async def close_work(self, ident: str, *, at: int, author: str, finding: str) -> bool:
        self._db.execute(SQL["close_work"], (ident, at, author, finding))
        return bool(self._db.changes())

    async def hold_releases(self, work: str, rids: Iterable[int]) -> None:
        self._db.executemany(SQL["hold_release"], [(work, rid) for rid in rids])

    async def held_releases(self, work: str) -> list[int]:
        return [row[0] for row in self._db.execute(SQL["held_releases"], (work,))]

    async def count_codes(self, feed: str, counts: Mapping[tuple[str, str, str], int], *, at: int) -> None:
        self._db.executemany(SQL["count_code"], [(feed, *place, number, at) for place, number in counts.items()])

    async def unmapped_codes(self, feed: str | None) -> list[UnmappedCode]:
        return [UnmappedCode._make(row) for row in self._db.execute(SQL["codes"], (feed,))]

    async def forget_codes(self, codes: Iterable[UnmappedCode]) -> None:
        self._db.executemany(SQL["forget_code"], [(one.feed, one.table, one.column, one.code) for one in codes])
