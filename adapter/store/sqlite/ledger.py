"""The disclosure ledger: append only, hash-chained, entries of one moment share a commit.

Each process writes a chain of its own. An entry that comes after one of another chain follows from both, so that no
chain can be cut or exchanged anywhere without breaking every entry written after it by anyone. What is left is the end
of the file: a head that is kept elsewhere (a backup keeps one) tells whether everything up to it is still there.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from adapter.errors import LedgerBroken, Unavailable
from adapter.store.queries import load
from adapter.store.shapes import LedgerEntry, LedgerHead
from adapter.store.sqlite.about import SqliteAbout, entry_of
from adapter.store.sqlite.connection import row_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import apsw

SQL = load("ledger")
_BEGINNING = sha256(b"").digest()
"""What the first entry of the first chain follows from."""


class SqliteLedger(SqliteAbout):
    """One file of entries. ``append`` returns when its entry is durable."""

    def __init__(self, connection: apsw.Connection, *, chain: bytes) -> None:
        self._db = connection
        self._chain = chain
        self._head = b""
        self._pending: list[tuple[LedgerEntry, asyncio.Future[None]]] = []

    async def append(self, entry: LedgerEntry) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._pending.append((entry, done))
        if len(self._pending) == 1:
            # One turn of the loop later every request that is ready now has joined, and one commit serves them all.
            loop.call_soon(self._commit)
        await done

    def _commit(self) -> None:
        batch, self._pending = self._pending, []
        if not batch:
            return  # a flush was first
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                head = self._append(batch)
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._head = head
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody gets an answer without an entry
            for _, done in batch:
                if not done.done():
                    done.set_exception(
                        Unavailable(f"the disclosure ledger could not be written: {type(error).__name__}")
                    )
            return
        for _, done in batch:
            if not done.done():
                done.set_result(None)

    def _append(self, batch: list[tuple[LedgerEntry, asyncio.Future[None]]]) -> bytes:
        # Read under the write lock: nobody can come between the last entry and what follows from it.
        chain, last = self._db.execute(SQL["last"]).fetchone() or (self._chain, b"")
        anchored = bytes(chain) != self._chain
        head = sha256(self._head + bytes(last)).digest() if anchored else self._head or _BEGINNING
        rows = []
        for entry, _ in batch:
            body = _columns(entry)
            digest = _digest(head, body)
            rows.append((self._chain, *body, head, digest, int(anchored)))
            head, anchored = digest, False
        self._db.executemany(SQL["append"], rows)
        return head

    @property
    def waiting(self) -> int:
        return len(self._pending)

    async def flush(self) -> None:
        if self._pending:
            self._commit()

    async def head(self) -> LedgerHead:
        count, digest = row_of(self._db.execute(SQL["bounds"]))
        return LedgerHead(entries=count, digest=bytes(digest or b""))

    async def of_request(self, request_id: str) -> list[LedgerEntry]:
        return [entry_of(row) for row in self._db.execute(SQL["of_request"], (request_id,))]

    async def entries(self) -> AsyncIterator[tuple[LedgerEntry, bytes, bytes, bytes]]:
        for row in self._db.execute(SQL["all"]):
            yield entry_of(row[:9]), bytes(row[9]), bytes(row[10]), bytes(row[11])

    async def since(self, at: int) -> AsyncIterator[LedgerEntry]:
        for row in self._db.execute(SQL["since"], (at,)):
            yield entry_of(row)

    async def verify(self, *, head: bytes | None = None) -> int:
        heads: dict[bytes, bytes] = {}
        count, last, met = 0, b"", head is None
        for row in self._db.execute(SQL["all"]):
            entry, chain, previous, digest = entry_of(row[:9]), *(bytes(part) for part in row[9:12])
            count += 1
            own = heads.get(chain)
            if row[12]:
                expected = sha256((own or b"") + last).digest()
            else:
                expected = sha256(b"".join(sorted(heads.values()))).digest() if own is None else own
            if previous != expected or _digest(previous, _columns(entry)) != digest:
                raise LedgerBroken(count, at=entry.at, request_id=entry.request_id)
            heads[chain] = last = digest
            met = met or digest == head
        if not met:
            raise LedgerBroken(count + 1)
        return count

    def close(self) -> None:
        self._db.close()


def _columns(entry: LedgerEntry) -> tuple[Any, ...]:
    passed = orjson.dumps([list(item) for item in entry.passed])
    return (
        entry.at,
        entry.request_id,
        entry.client,
        entry.context,
        entry.purpose,
        entry.interaction,
        entry.target,
        passed,
        entry.outcome,
    )


def _digest(previous: bytes, body: tuple[Any, ...]) -> bytes:
    *rest, passed, outcome = body
    # An entry without an outcome hashes as it did before there were outcomes.
    told = [*rest, outcome] if outcome else rest
    return sha256(previous + orjson.dumps(told) + passed).digest()
