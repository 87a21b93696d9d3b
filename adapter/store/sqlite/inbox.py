"""The raw inbox: what was received, byte for byte, durable before anyone is told that it was.

A receipt whose bytes did not all arrive is not a receipt: it stays incomplete and invisible, and the sender, who was
never told otherwise, sends again.
"""

from __future__ import annotations

import io
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO

from adapter.errors import SallyportError
from adapter.store.queries import load
from adapter.store.shapes import Receipt

if TYPE_CHECKING:
    import apsw

SQL = load("inbox")
CHUNK = 1 << 20
"""Bytes per stored piece."""
_COMMIT_EVERY = 32


class SqliteInbox:
    """One file of receipts and their chunks."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection

    async def keep(self, *, receipt: str, feed: str, name: str, stream: BinaryIO, at: int) -> Receipt:
        with self._db:
            self._db.execute(SQL["begin"], (receipt, feed, name, at))
            self._db.execute(SQL["clear"], (receipt,))
        digest, size, seq = sha256(), 0, 0
        finished = False
        while not finished:
            with self._db:
                for _ in range(_COMMIT_EVERY):
                    data = stream.read(CHUNK)
                    if not data:
                        finished = True
                        break
                    digest.update(data)
                    size += len(data)
                    self._db.execute(SQL["add"], (receipt, seq, data))
                    seq += 1
        latest = self._db.execute(SQL["latest"], (feed, name, receipt)).fetchone()
        with self._db:
            if latest is not None and latest[4] == digest.digest():
                self._db.execute(SQL["clear"], (receipt,))
                self._db.execute(SQL["drop"], (receipt,))
                return _receipt(latest)
            self._db.execute(SQL["finish"], (size, digest.digest(), receipt))
        return Receipt(id=receipt, feed=feed, name=name, size=size, sha256=digest.digest(), received=at)

    def open(self, receipt: str) -> SqliteReceipt:
        if self._db.execute(SQL["by_id"], (receipt,)).fetchone() is None:
            raise SallyportError(f"no receipt `{receipt}` in the inbox")
        return SqliteReceipt(_Chunks(self._db, receipt))

    async def receipts(self, feed: str | None = None) -> list[Receipt]:
        return [_receipt(row) for row in self._db.execute(SQL["all"], {"feed": feed})]


def _receipt(row: tuple[object, ...]) -> Receipt:
    ident, feed, name, size, digest, received = row
    return Receipt(id=ident, feed=feed, name=name, size=size, sha256=digest, received=received)  # type: ignore[arg-type]


class SqliteReceipt:
    """The bytes of a receipt, read chunk by chunk."""

    def __init__(self, chunks: _Chunks) -> None:
        self._chunks = chunks
        self.stream: BinaryIO = io.BufferedReader(chunks, buffer_size=CHUNK)

    @property
    def consumed(self) -> int:
        return self._chunks.consumed


class _Chunks(io.RawIOBase):
    """The chunks of a receipt as one readable stream, one chunk in memory at a time."""

    def __init__(self, connection: apsw.Connection, receipt: str) -> None:
        super().__init__()
        self._db, self._receipt = connection, receipt
        self._seq, self._rest = 0, memoryview(b"")
        self.consumed = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if not self._rest:
            row = self._db.execute(SQL["chunk"], (self._receipt, self._seq)).fetchone()
            if row is None:
                return 0
            self._seq += 1
            self._rest = memoryview(row[0])
            self.consumed += len(self._rest)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
