"""Where one record of a comma-separated extract ends when its lines are not what they should be.

A quote that is never closed would make every line after it part of one cell. Here it is given up as soon as
the text shows it (something follows the quote that seems to close it, or the lines in between are rows of
their own), and at the latest after ``MOST_LINES`` lines or ``MOST_BYTES`` bytes; only its own line is then
lost to it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.lines import Block

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_LINES = 1000
"""Lines that one record with embedded line breaks may take."""
MOST_BYTES = 2**20
"""Bytes that the lines after its first may add to it."""


class Lookahead:
    """Blocks in order, of which those taken can be given back, the last one first."""

    def __init__(self, arriving: Iterator[Block]) -> None:
        self._arriving = arriving
        self._back: list[Block] = []

    def take(self) -> Block | None:
        """The next block, or None at the end."""
        return self._back.pop() if self._back else next(self._arriving, None)

    def give_back(self, block: Block) -> None:
        """Let ``block`` be the next one taken."""
        self._back.append(block)


class Window:
    """The lines of a block and, as far as an open quote needs them, of those after it."""

    def __init__(self, block: Block, ahead: Lookahead) -> None:
        self._ahead = ahead
        self._block = block
        self.lines = block.lines()
        self.size = len(self.lines)

    def reach(self, at: int) -> bool:
        """Whether there is a line ``at``, fetching blocks if need be; one too long does not count."""
        while at >= len(self.lines):
            block = self._ahead.take()
            if block is None:
                return False
            if block.cut:
                self._ahead.give_back(block)
                return False
            self.lines += block.lines()
        return True

    def leave(self, at: int) -> None:
        """Give back all lines from ``at`` on."""
        rest = b"".join(self.lines[at:])
        if rest:
            self._ahead.give_back(Block(first=self._block.first + at, data=rest, end=self._block.end))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One record: its cells, or its fault; its exact bytes; how many lines it takes."""

    cells: list[str] | None
    raw: bytes
    lines: int
    code: str = ""
    expected: str = ""


class _Texts:
    """Lines of ``window`` from ``at`` on as text, as many as one record may take."""

    def __init__(self, window: Window, at: int, encoding: str) -> None:
        self._window = window
        self._start = self._at = at
        self._encoding = encoding
        self._bytes = 0
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        at = self._at
        self.ended = at - self._start == MOST_LINES or self._bytes > MOST_BYTES or not self._window.reach(at)
        if self.ended:
            raise StopIteration
        line = self._window.lines[at]
        self._bytes += len(line) if at > self._start else 0
        self._at = at + 1
        return line.decode(self._encoding, "surrogateescape")


def record(window: Window, at: int, encoding: str, width: int) -> Found:
    """The record that starts at line ``at`` of ``window``, which there is; a row should have ``width`` cells.

    Codes: ``bad-quoting``, ``unterminated-quote``, ``nul-byte``, ``undecodable``.
    """
    texts = _Texts(window, at, encoding)
    reader = csv.reader(texts, strict=True)
    try:
        cells = next(reader)
    except csv.Error:
        cells = None
    lines = reader.line_num
    if cells is None and lines == 1 and not texts.ended:
        return _fault(window, at, "bad-quoting", "quotes around whole cells only, and line breaks inside them only")
    between = window.lines[at + 1 : at + lines - 1]
    if cells is None or (lines > 1 and (len(cells) != width or _holds_rows(between, encoding, width))):
        return _fault(window, at, "unterminated-quote", "a closing quote for each opening one")
    raw = b"".join(window.lines[at : at + lines])
    if b"\0" in raw:
        return Found(cells=None, raw=raw, lines=lines, code="nul-byte", expected="text without NUL bytes")
    if not _decodes(raw, encoding):
        return Found(cells=None, raw=raw, lines=lines, code="undecodable", expected=f"text in {encoding}")
    return Found(cells=cells, raw=raw, lines=lines)


def _fault(window: Window, at: int, code: str, expected: str) -> Found:
    return Found(cells=None, raw=window.lines[at], lines=1, code=code, expected=expected)


def _holds_rows(between: list[bytes], encoding: str, width: int) -> bool:
    """Whether a line inside a quoted cell is a full row of its own: then the quote was not meant."""
    for line in between:
        try:
            if len(next(csv.reader([line.decode(encoding, "surrogateescape")], strict=True))) == width:
                return True
        except csv.Error:
            continue
    return False


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeError:
        return False
    return True
