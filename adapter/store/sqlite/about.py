"""Which entries of the ledger are about whom, read behind the gate and never while somebody waits for an answer."""

from __future__ import annotations

import asyncio
from array import array
from typing import TYPE_CHECKING, Any

import apsw
import orjson

from adapter.store.queries import load
from adapter.store.shapes import OF_PATIENT, LedgerEntry, Numbered, row_key
from adapter.store.sqlite.connection import row_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
                found = {(rid, row[0]) for row in rows for rid in _named(row[1], row[2])}
                self._db.executemany(SQL["put_about"], sorted(found))
                self._db.execute(SQL["set_read"], (rows[-1][0],))
        return len(rows) == BATCH


def _named(target: str, passed: bytes) -> Iterator[int]:
    """The keys of everything that an entry names by an id of ours, as it was asked for and as it left."""
    for name, *_ in orjson.loads(passed):
        yield row_key(*name.split("/", 1))
    asked, _, query = target.partition("?")
    kind, slash, ident = asked.partition(" ")[0].partition("/")
    if slash:
        yield row_key(kind, ident)
    for item in query.split("&") if query else ():
        param, _, values = item.partition("=")
        for value in values.split(",") if values else ():
            name, slash, named = value.partition("/")
            if slash:
                yield row_key(name, named)
            elif param == "_id":
                yield row_key(kind, value)
            elif param in OF_PATIENT:
                yield row_key("Patient", value)


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
