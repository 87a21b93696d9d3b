"""The disclosure ledger: append only, hash-chained, entries of one moment share a commit.

Each process writes a chain of its own. A chain starts from the heads of all chains it finds, so that an older chain
cannot be cut or exchanged without breaking every chain begun after it.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from adapter.errors import SallyportError, Unavailable
from adapter.store.queries import load
from adapter.store.shapes import LedgerEntry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import apsw

SQL = load("ledger")


class SqliteLedger:
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
        # The first entry of a chain follows from the heads that stand at that moment, read under the write lock.
        head = self._head or sha256(b"".join(bytes(row[0]) for row in self._db.execute(SQL["heads"]))).digest()
        rows = []
        for entry, _ in batch:
            body = _columns(entry)
            digest = _digest(head, body)
            rows.append((self._chain, *body, head, digest))
            head = digest
        self._db.executemany(SQL["append"], rows)
        return head

    async def of_request(self, request_id: str) -> list[LedgerEntry]:
        return [_entry(row) for row in self._db.execute(SQL["of_request"], (request_id,))]

    async def entries(self) -> AsyncIterator[tuple[LedgerEntry, bytes, bytes, bytes]]:
        for row in self._db.execute(SQL["all"]):
            yield _entry(row[:9]), bytes(row[9]), bytes(row[10]), bytes(row[11])

    async def since(self, at: int) -> AsyncIterator[LedgerEntry]:
        for row in self._db.execute(SQL["since"], (at,)):
            yield _entry(row)

    async def verify(self) -> int:
        heads: dict[bytes, bytes] = {}
        count = 0
        async for entry, chain, previous, digest in self.entries():
            count += 1
            expected = heads.get(chain)
            if expected is None:
                expected = sha256(b"".join(sorted(heads.values()))).digest()
            if previous != expected or _digest(previous, _columns(entry)) != digest:
                raise SallyportError(
                    f"the ledger breaks at entry {count}: its chain does not follow from the entry before"
                )
            heads[chain] = digest
        return count


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


def _entry(row: tuple[Any, ...]) -> LedgerEntry:
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
