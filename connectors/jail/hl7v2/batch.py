r"""A stream of HL7 v2 cut into messages and batch envelopes, whatever is inside them.

A message starts where a line starts with MSH; FHS, BHS, BTS and FTS are lines of their own. A line that
carries ``|^~\&`` within its first bytes under another name is a header that was damaged: it starts a piece
too, or the message behind it would be read as part of the message before it. So does ``MSH|^~\&`` in the
middle of a line, where the message before it was cut off.

HL7 v2.9 chapter 2, section 2.10.3 (batch protocol):
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from adapter.source import Malformed, Position
from connectors.jail.hl7v2.tokenizer import line_ends

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_MESSAGE = 16 * 2**20
"""Bytes of the longest message that is read as one."""

_START = re.compile(
    rb"[\n\r\x00\x0b\x1c](?<![\x00\x0b\x1c]{2})(?=([\x00\x0b\x1c \t]{0,64}(?:\xef\xbb\xbf)?)"
    rb"(?:(?:MSH|[FB]HS|[FB]TS)(?:[^A-Za-z0-9 ]|\Z)|[^\r\n|]{0,8}\|\^~\\&))"
)
"""One set of bytes first: the search skips to the next of them, which it does not do for alternatives."""
_NAME = re.compile(rb"[\x00\x0b\x1c \t\r\n]*(?:\xef\xbb\xbf)?(MSH|[FB]HS|[FB]TS)(?=[^A-Za-z0-9 ]|\Z)")
_END = re.compile(rb"\r\n|\r|\n")
_REACH = 96
"""Bytes after a line end that must be at hand to see whether a piece starts there."""
_WINDOW = 4096
"""Bytes looked through at a time, so that no piece costs a search through all that is at hand."""
_GLUED = b"MSH|^~\\&"
_MARK = b"\xef\xbb\xbf"
_NOTHING = b"\x00\x0b\x1c \t\r\n"


class Piece(NamedTuple):
    """Consecutive bytes of the stream. ``name`` is MSH, FHS, BHS, BTS, FTS, or empty without a header.

    ``whole`` is False for a part of something longer than ``LONGEST_MESSAGE``; ``last`` is True at the very
    end.
    """

    name: str
    raw: bytes
    line: int
    whole: bool = True
    last: bool = False

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing but line ends and framing."""
        return not self.raw.strip(_NOTHING)


def pieces(arriving: Iterator[bytes], *, longest: int = LONGEST_MESSAGE) -> Iterator[Piece]:
    """Cut the chunks ``arriving`` into pieces: every byte exactly once and in order."""
    line = 1
    cut = False
    for raw, whole, last in _cuts(arriving, longest):
        named = None if cut else _NAME.match(raw)
        name = named.group(1).decode("ascii") if named and whole else ""
        stop = len(raw)
        if name not in {"", "MSH"} and named and (end := _END.search(raw, named.end())):
            stop = end.end()
        yield Piece(name=name, raw=raw[:stop], line=line, whole=whole and not cut, last=last and stop == len(raw))
        line += line_ends(raw[:stop])
        if stop < len(raw):
            yield Piece(name="", raw=raw[stop:], line=line, last=last)
            line += line_ends(raw[stop:])
        cut = not whole


def _cuts(arriving: Iterator[bytes], longest: int) -> Iterator[tuple[bytes, bool, bool]]:
    """The bytes between the starts of pieces, whether they are whole, and whether they are the last."""
    buffer = bytearray()
    at = 0
    for chunk in arriving:
        buffer += chunk
        start = 0
        while (found := _next_start(buffer, start, at)) and found[0] + _REACH <= len(buffer):
            yield bytes(buffer[start : found[0]]), True, False
            start, at = found
        del buffer[:start]
        at = max(0, len(buffer) - _REACH)
        if len(buffer) > longest:
            yield bytes(buffer[:longest]), False, False
            del buffer[:longest]
            at = 0
    start = 0
    while found := _next_start(buffer, start, at):
        yield bytes(buffer[start : found[0]]), True, False
        start, at = found
    if start < len(buffer):
        yield bytes(buffer[start:]), True, True


def _next_start(buffer: bytearray, start: int, at: int) -> tuple[int, int] | None:
    """Where the piece after the one at ``start`` begins, and where its name does, looking from ``at`` on.

    A piece has more than framing and blank lines, or those before a header would be a piece of their own.
    """
    while at < len(buffer):
        limit = at + _WINDOW
        glued = buffer.find(_GLUED, at, limit + len(_GLUED))
        end = glued if glued >= 0 else limit
        found = _START.search(buffer, at, end + _REACH)
        if found is not None and found.start() < end:
            cut, name, at = found.end(), found.end(1), found.start() + 1
        elif glued >= 0:
            cut, name, at = glued, glued + 1, glued + 1
        else:
            at = limit
            continue
        if cut - start > _REACH or buffer[start:cut].strip(_NOTHING + _MARK):
            return cut, name
    return None


class Envelopes:
    """What batch headers opened and what their trailers say about it."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._messages = 0
        self._batches = 0

    @property
    def is_open(self) -> bool:
        """Whether a trailer is still to come."""
        return bool(self._open)

    def message(self) -> None:
        """Count one message."""
        self._messages += 1

    def header(self, piece: Piece) -> Malformed | None:
        """Open a batch or file. The fault, when a batch before it has no trailer."""
        unclosed = piece.name in self._open
        if piece.name == "FHS":
            self._open, self._batches = ["FHS"], 0
        else:
            self._open = [name for name in self._open if name != "BHS"] + ["BHS"]
            self._batches += 1
        self._messages = 0
        return _missing_trailer(piece.line) if unclosed else None

    def trailer(self, piece: Piece) -> Malformed | None:
        """Close a batch or file. The fault, when its count is another than was read."""
        header = piece.name.replace("TS", "HS")
        counted = self._messages if header == "BHS" or not self._batches else self._batches
        what = "messages" if header == "BHS" or not self._batches else "batches"
        if header in self._open:
            self._open = self._open[: self._open.index(header)]
        self._messages = 0
        if header == "FHS":
            self._batches = 0
        said = _count(piece.raw)
        if said in {"", str(counted)}:
            return None
        expected = f"{piece.name}-1 to be {counted}, the number of {what} read"
        position = Position(line=piece.line, part=piece.name)
        return Malformed(position=position, code="batch-count", expected=expected, raw=piece.raw)

    def end(self, line: int) -> Malformed | None:
        """The fault, when the stream ends before its trailers."""
        return _missing_trailer(line) if self._open else None


def _missing_trailer(line: int) -> Malformed:
    return Malformed(position=Position(line=line), code="batch-trailer", expected="a trailer (BTS, FTS)", raw=b"")


def _count(trailer: bytes) -> str:
    """The first field of a trailer; leading zeros do not count."""
    body = trailer.lstrip(_NOTHING).removeprefix(b"\xef\xbb\xbf")
    parts = body.rstrip(_NOTHING).split(body[3:4]) if body[3:4] else [body]
    text = parts[1].decode("ascii", "replace").strip() if len(parts) > 1 else ""
    return str(int(text)) if text.isascii() and text.isdigit() and len(text) < 12 else text  # noqa: PLR2004
