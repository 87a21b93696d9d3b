"""Which entries of the ledger are about whom, read behind the gate and never while somebody waits for an answer."""

from __future__ import annotations

import asyncio
from array import array
from typing import TYPE_CHECKING, Any

import apsw
import orjson

from adapter.store.queries import load
from adapter.store.shapes import LedgerEntry, Numbered, keys_named
from adapter.store.sqlite.connection import row_of

if TYPE_CHECKING:
    from collections.abc import Iterable

SQL = load("ledger")
BATCH = 2_000
"""Entries read in one commit: about ten milliseconds, for which an answer may have to wait."""


class SqliteAbout:
    """The part of the ledger that finds entries by what they name."""

    _db: apsw.Connection

    async def about(self, rids: Iterable[int], *, since: int, until: int) -> list[Numbered]:
        more = True
        while more:
            more = self._read_on()
            await asyncio.sleep(0)
        rows = self._db.execute(SQL["about"], (apsw.carray(array("q", sorted(rids))), since, until))
        return [Numbered(row[9], entry_of(row[:9])) for row in rows]

    async def of_number(self, number: int) -> LedgerEntry | None:
        row = self._db.execute(SQL["of_seq"], (number,)).fetchone()
        return None if row is None else entry_of(row[:9])

    def _read_on(self) -> bool:
        """Read some more entries; whether there may be others."""
        (done,) = row_of(self._db.execute(SQL["read_to"]))
        rows = list(self._db.execute(SQL["unread"], (done, BATCH)))
        if rows:
            with self._db:
                found = {
                    (rid, number)
                    for number, target, passed in rows
                    for rid in keys_named(target, (item[0] for item in orjson.loads(passed)))
                }
                self._db.executemany(SQL["put_about"], sorted(found))
                self._db.execute(SQL["set_read"], (rows[-1][0],))
        return len(rows) == BATCH


def entry_of(row: tuple[Any, ...]) -> LedgerEntry:
    """A row of the columns that every statement gives in this order."""
    at, request_id, client, context, purpose, interaction, target, passed, outcome = row
    return LedgerEntry(
        at=at,
        request_id=request_id,
        client=client,
        context=context,
        purpose=purpose,
        interaction=interaction,
        target=target,
        passed=[tuple(item) for item in orjson.loads(passed)],
        outcome=outcome,
    )
