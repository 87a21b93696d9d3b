"""The raw inbox: what was received, byte for byte, durable before anyone is told that it was.

A receipt whose bytes did not all arrive is not a receipt: it stays incomplete and invisible, and the sender, who was
never told otherwise, sends again.
"""

from __future__ import annotations

import asyncio
import io
import re
from bisect import bisect_left, bisect_right
from hashlib import sha256
from itertools import accumulate
from typing import TYPE_CHECKING, Any, BinaryIO

from adapter.errors import SallyportError
from adapter.store.queries import load
from adapter.store.shapes import Receipt
from adapter.store.sqlite.connection import row_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import apsw

SQL = load("inbox")
CHUNK = 1 << 20
"""Bytes per stored piece."""
FILLER = b"x"
"""Stands where something was erased."""
_NO_LINE_END = re.compile(rb"[^\r\n]")
_HELD = 8 * CHUNK
"""Bytes kept in memory before they are committed."""


class SqliteInbox:
    """One file of receipts and their chunks."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection

    async def keep(self, *, receipt: str, feed: str, name: str, stream: BinaryIO, at: int) -> Receipt:
        arrival = self.arrive(receipt=receipt, feed=feed, name=name, at=at)
        try:
            while data := stream.read(CHUNK):
                arrival.add(data)
                # A file may be large: answers pass between its pieces.
                await asyncio.sleep(0)
        except BaseException:
            arrival.abandon()
            raise
        return arrival.finish()

    def arrive(self, *, receipt: str, feed: str, name: str | None, at: int) -> SqliteArrival:
        return SqliteArrival(self._db, receipt=receipt, feed=feed, name=name, at=at)

    async def receipt(self, ident: str) -> Receipt | None:
        row = self._db.execute(SQL["by_id"], (ident,)).fetchone()
        return None if row is None else receipt_of(row)

    def open(self, receipt: str) -> SqliteReceipt:
        if self._db.execute(SQL["by_id"], (receipt,)).fetchone() is None:
            raise SallyportError(f"no receipt `{receipt}` in the inbox")
        return SqliteReceipt(_Chunks(self._db, receipt))

    async def erase(self, receipt: str, spans: Iterable[tuple[int, int]]) -> None:
        with self._db:
            # A piece is shorter than the others where as much had arrived when what waited was committed.
            sizes = [size for _, size in self._db.execute(SQL["sizes"], (receipt,))]
            begins = list(accumulate(sizes, initial=0))
            for start, stop in spans:
                for seq in range(bisect_right(begins, start) - 1, bisect_left(begins, stop)):
                    data = bytearray(row_of(self._db.execute(SQL["chunk"], (receipt, seq)))[0])
                    low, high = max(start - begins[seq], 0), min(stop - begins[seq], len(data))
                    data[low:high] = _NO_LINE_END.sub(FILLER, bytes(data[low:high]))
                    self._db.execute(SQL["write_over"], (bytes(data), receipt, seq))

    async def receipts(self, feed: str | None = None, *, after: int = 0) -> list[Receipt]:
        return [receipt_of(row) for row in self._db.execute(SQL["all"], {"feed": feed, "after": after})]

    async def repeated(self, receipt: str) -> set[int]:
        ranges = self._db.execute(SQL["repeated"], (receipt,))
        return {line for start, stop in ranges for line in range(start, stop)}

    async def newest(self, feed: str) -> int:
        return int(row_of(self._db.execute(SQL["newest"], (feed,)))[0])


def receipt_of(row: tuple[Any, ...]) -> Receipt:
    """A row of ``by_id`` and its like."""
    ident, feed, name, size, digest, received, seq = row
    return Receipt(id=ident, feed=feed, name=name, size=size, sha256=digest, received=received, seq=seq)


class SqliteArrival:
    """Bytes on their way into the inbox. What is short of a few pieces waits in memory for one commit."""

    def __init__(self, connection: apsw.Connection, *, receipt: str, feed: str, name: str | None, at: int) -> None:
        self._db = connection
        self._receipt, self._feed, self._name, self._at = receipt, feed, name, at
        self._digest, self._size, self._seq = sha256(), 0, 0
        self._waiting = bytearray()

    def add(self, data: bytes) -> None:
        self._digest.update(data)
        self._size += len(data)
        self._waiting += data
        if len(self._waiting) >= _HELD:
            with self._db:
                self._write()

    def _write(self) -> None:
        if not self._seq:
            self._db.execute(SQL["begin"], (self._receipt, self._feed, self._name or "", self._at))
            self._db.execute(SQL["clear"], (self._receipt,))
        with memoryview(self._waiting) as waiting:
            for start in range(0, len(waiting), CHUNK):
                self._db.execute(SQL["add"], (self._receipt, self._seq, bytes(waiting[start : start + CHUNK])))
                self._seq += 1
        self._waiting.clear()

    def finish(self) -> Receipt:
        digest = self._digest.digest()
        name = digest.hex() if self._name is None else self._name
        latest = self._db.execute(SQL["latest"], (self._feed, name, self._receipt)).fetchone()
        if latest is not None and latest[4] == digest:
            self.abandon()
            return receipt_of(latest)
        with self._db:
            self._write()
            self._db.execute(SQL["finish"], (name, self._size, digest, self._receipt))
        return receipt_of(row_of(self._db.execute(SQL["by_id"], (self._receipt,))))

    def abandon(self) -> None:
        self._waiting.clear()
        with self._db:
            self._db.execute(SQL["clear"], (self._receipt,))
            self._db.execute(SQL["drop"], (self._receipt,))


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
