"""The raw bytes of a receipt in the pieces that are erased by themselves: its records, and what stands between them.

The same pieces that `adapter.services.erasing` writes over once a record is destroyed; found while the extract is read
once from its start, with no more of it in memory than its connector holds.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from adapter.errors import SallyportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adapter.source import Connector, ExtractOptions, Malformed, SourceRecord

_END, _RETURN = b"\n", b"\r"
_LINE_END = re.compile(rb"\r\n|\r|\n")


class RawUnit(NamedTuple):
    """Some bytes, where they start, and the lines of the records in them: none for what belongs to no record."""

    start: int
    data: bytes
    lines: frozenset[int]


def raw_units(stream: BinaryIO, connector: Connector, options: ExtractOptions) -> Iterator[RawUnit]:
    """Every byte of an extract once and in order."""
    held = _Held(stream)
    records = connector.records(cast("BinaryIO", io.BufferedReader(held, buffer_size=1 << 16)), options)
    yield from _joined(held, records)
    while held.read_on():
        yield from held.until(held.stop, frozenset())
    yield from held.until(held.stop, frozenset())


def _joined(held: _Held, records: Iterable[SourceRecord | Malformed]) -> Iterator[RawUnit]:
    """The units of records; records whose bytes overlap are one, and what comes before one is between."""
    start = stop = 0
    lines: set[int] = set()
    for one in records:
        if not one.raw:
            continue
        low, high = held.span(one.position.line, one.raw)
        if lines and low >= stop:
            yield from held.until(start, frozenset())
            yield from held.until(stop, frozenset(lines))
            start, stop, lines = low, high, {one.position.line}
        elif lines:
            start, stop = min(start, low), max(stop, high)
            lines.add(one.position.line)
        else:
            start, stop, lines = low, high, {one.position.line}
    yield from held.until(start, frozenset())
    yield from held.until(stop, frozenset(lines))


class _Held(io.RawIOBase):
    """A stream that keeps what was read of it until it was given out as units, and knows where its lines start."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._data = bytearray()
        self._given = 0
        # The starts of lines that are still held, the first of them the line numbered `_line`.
        self._starts, self._line = [0], 1
        self._returned = False

    @property
    def stop(self) -> int:
        """How far it was read."""
        return self._given + len(self._data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self._stream.read(len(target))
        target[: len(data)] = data
        self._take(data)
        return len(data)

    def read_on(self) -> bool:
        """Read what no record was made of; whether there was more."""
        data = self._stream.read(1 << 20)
        self._take(data)
        return bool(data)

    def _take(self, data: bytes) -> None:
        if not data:
            return
        base, place = self.stop, 0
        if self._returned:
            # CR LF ends one line, also where it was read in two pieces.
            place = int(data.startswith(_END))
            self._starts.append(base + place)
        self._returned = data.endswith(_RETURN)
        ends = [base + found.end() for found in _LINE_END.finditer(data, place)]
        self._starts += ends[:-1] if self._returned else ends
        self._data += data

    def span(self, line: int, raw: bytes) -> tuple[int, int]:
        """Where a record of a line stands; the whole line if it is not found. Compare `erasing`."""
        at = self._starts[max(min(line - self._line, len(self._starts) - 1), 0)]
        found = self._data.rfind(raw, 0, at - self._given + len(raw) + 1)
        if found >= 0:
            return self._given + found, self._given + found + len(raw)
        if line < self._line:
            raise SallyportError(
                f"line {line} of an extract comes back after what follows it; it cannot be taken apart"
            )
        local = max(at - self._given, 0)
        ends = [place for place in (self._data.find(one, local) for one in (_RETURN, _END)) if place >= 0]
        return at, self._given + min(ends, default=len(self._data))

    def until(self, stop: int, lines: frozenset[int]) -> Iterator[RawUnit]:
        """Give out what is held up to a place."""
        count = stop - self._given
        if count <= 0:
            return
        yield RawUnit(self._given, bytes(self._data[:count]), lines)
        del self._data[:count]
        self._given = stop
        kept = next((place for place, start in enumerate(self._starts) if start > stop), len(self._starts))
        # The line in which the next unit begins is still wanted.
        kept = max(kept - 1, 0)
        del self._starts[:kept]
        self._line += kept
