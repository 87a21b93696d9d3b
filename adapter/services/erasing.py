"""Raw bytes of destroyed records are written over in the inbox, line by line, after the store has let go of them.

The inbox is another file than the store, so a crash may come between: what is to be erased is kept until it is. A
receipt that is still being brought in waits. The other records of a receipt stay as they were received; where some of
them wait in quarantine, it is made sure that they are still found afterwards.
"""

from __future__ import annotations

import io
import logging
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from adapter.services.feed_line import FeedLine
    from adapter.services.shredding import Shredding
    from adapter.source import Malformed, SourceRecord
    from adapter.store.port import Inbox, Store
    from adapter.store.shapes import Receipt

_log = logging.getLogger(__name__)
_ENDS: Final = b"\r\n"
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_FILLER: Final = ord("x")


class Erasing:
    """Erases what waits to be erased: raw bytes here; ``shredding`` does it to keys, and so in backups."""

    def __init__(self, store: Store, inbox: Inbox, lines: Mapping[str, FeedLine], shredding: Shredding) -> None:
        self.shredding = shredding
        self._store = store
        self._inbox = inbox
        self._lines = lines

    async def run(self) -> int:
        """Erase everything that can be erased now; how many receipts that was."""
        async with self._store.transaction() as change:
            waiting = await change.erasures()
        done = [receipt for receipt, lines in waiting.items() if await self._erase(receipt, lines)]
        if done:
            async with self._store.transaction() as change:
                await change.erased(done)
        return len(done)

    async def waiting(self) -> int:
        """How many receipts have lines that are still to be erased."""
        async with self._store.transaction() as change:
            return len(await change.erasures())

    async def _erase(self, ident: str, lines: set[int]) -> bool:
        receipt = await self._inbox.receipt(ident)
        if receipt is None:
            return True  # it was never whole, and whoever sent it was told nothing
        state = await self._store.progress(ident)
        if state is None or not state[2] or receipt.feed not in self._lines:
            return False
        with self._inbox.open(ident).stream as stream:
            data = stream.read()
        spans = list(_spans(data, self._records(receipt, data), lines))
        if not await self._found_afterwards(receipt, data, spans):
            _log.warning("receipt %s: lines are erased once its records left quarantine", ident)
            return False
        await self._inbox.erase(ident, spans)
        return True

    def _records(self, receipt: Receipt, data: bytes) -> Iterable[SourceRecord | Malformed]:
        line = self._lines[receipt.feed]
        return line.connector.records(io.BytesIO(data), line.options)

    async def _found_afterwards(self, receipt: Receipt, data: bytes, spans: Iterable[tuple[int, int]]) -> bool:
        """Whether what waits in quarantine is where it was once the spans are written over."""
        waits = {one.ordinal for one in await self._store.quarantined(receipt.feed) if one.receipt == receipt.id}
        if not waits:
            return True
        erased = bytearray(data)
        for start, stop in spans:
            for place in range(start, stop):
                if erased[place] not in _ENDS:
                    erased[place] = _FILLER
        before = {place: one.raw for place, one in enumerate(self._records(receipt, data)) if place in waits}
        after = {place: one.raw for place, one in enumerate(self._records(receipt, bytes(erased))) if place in waits}
        return before == after


def _spans(data: bytes, records: Iterable[SourceRecord | Malformed], lines: set[int]) -> Iterator[tuple[int, int]]:
    """Where the records of these lines stand in an extract; the whole line for one that is not found in it."""
    starts = [0, *(end.end() for end in _LINE_END.finditer(data))]
    for one in records:
        if one.position.line not in lines or not one.raw:
            continue
        start = starts[min(one.position.line, len(starts)) - 1]
        # A record begins on its line or, as the message around a segment, before it.
        found = data.rfind(one.raw, 0, start + len(one.raw) + 1)
        yield (found, found + len(one.raw)) if found >= 0 else (start, _line_end(data, start))


def _line_end(data: bytes, start: int) -> int:
    ends = [place for place in (data.find(b"\r", start), data.find(b"\n", start)) if place >= 0]
    return min(ends, default=len(data))
