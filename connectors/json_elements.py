"""The objects of a JSON array, cut out before any is parsed, so that one that is broken costs no other.

The array is the document itself, or a member of the one object that the document is: `[{…}]`, `{"records": [{…}]}`.
RFC 8259: https://www.rfc-editor.org/rfc/rfc8259
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_OBJECT = 16 * 2**20
"""Bytes of the longest object that is read as one."""

_TOKEN = re.compile(rb'"(?:(?:[^"\\\n]++|\\[^\n])*+")?|[{}\[\]]')
_INSIDE_TEXT = re.compile(rb'(?:[^"\\\n]++|\\[^\n])*+')
_QUOTE, _COLON, _SPACES = 0x22, 0x3A, b" \t\r\n"
_ARRAY, _OBJECT = 0x5B, 0x7B
_CLOSES = {0x5D: _ARRAY, 0x7D: _OBJECT}

Kind = Literal["object", "around", "too-long"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Consecutive bytes: one object, or what stands around objects. ``line`` is 1-based and counts LF."""

    kind: Kind
    raw: bytes
    line: int


def pieces(arriving: Iterator[bytes], *, longest: int = LONGEST_OBJECT) -> Iterator[Piece]:
    """Cut the chunks ``arriving``: every byte once and in order.

    An object that is not closed ends where the next one starts, which no valid JSON allows inside of it.
    """
    scanner = _Scanner(longest)
    for chunk in arriving:
        yield from scanner.feed(chunk)
    yield from scanner.finish()


class _Scanner:
    """The bytes not yet given out, how far they have been looked at, and the brackets that are open there."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._buffer = b""
        self._start = 0
        self._at = 0
        self._line = 1
        self._outer: list[int] = []
        self._inner: list[int] = []
        self._ended = False
        self._in_text = False

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """Take ``chunk`` in; give out what is complete."""
        self._buffer = self._buffer[self._start :] + chunk
        self._at -= self._start
        self._start = 0
        yield from self._scan()
        if len(self._buffer) - self._start > self._longest:
            self._inner.clear()
            yield self._cut(self._at, "too-long")

    def finish(self) -> Iterator[Piece]:
        """Give out the rest."""
        self._ended = True
        yield from self._scan()
        if self._start < len(self._buffer):
            yield self._cut(len(self._buffer), "object" if self._inner else "around")

    def _scan(self) -> Iterator[Piece]:
        while self._leave_text():
            token = _TOKEN.search(self._buffer, self._at)
            if token is None:
                self._at = len(self._buffer)
                return
            self._at = token.end()
            if token.end() - token.start() == 1:
                mark = self._buffer[token.start()]
                self._in_text = mark == _QUOTE
                if not self._in_text:
                    yield from self._bracket(mark, token.start())

    def _leave_text(self) -> bool:
        """Go to the end of the text that is open: its quotation mark, or the end of the line where it has none."""
        if self._in_text:
            inside = _INSIDE_TEXT.match(self._buffer, self._at)
            self._at = self._at if inside is None else inside.end()
            # A backslash at the very end belongs to what is still to come.
            rest = self._buffer[self._at : self._at + 2]
            if not rest or rest == b"\\":
                return False
            self._at += len(rest) if rest.startswith(b"\\") else 1
            self._in_text = False
        return True

    def _bracket(self, mark: int, at: int) -> Iterator[Piece]:
        if self._inner:
            yield from self._within(mark, at)
        elif mark == _OBJECT and self._outer in ([_ARRAY], [_OBJECT, _ARRAY]):
            yield from self._up_to(at)
            self._inner.append(_OBJECT)
        elif mark in _CLOSES:
            if self._outer and self._outer[-1] == _CLOSES[mark]:
                self._outer.pop()
        else:
            self._outer.append(mark)

    def _within(self, mark: int, at: int) -> Iterator[Piece]:
        """A bracket inside an object."""
        if mark == _OBJECT and self._inner[-1] == _OBJECT and not self._is_value(at):
            yield self._cut(at, "object")
            self._inner[:] = [_OBJECT]
        elif mark not in _CLOSES:
            self._inner.append(mark)
        elif _CLOSES[mark] in self._inner:
            # What was left open inside is closed with it, so that a missing bracket costs this object only.
            while self._inner.pop() != _CLOSES[mark]:
                pass
            if not self._inner:
                yield self._cut(at + 1, "object")
        else:
            self._inner.clear()
            yield self._cut(at, "object")
            yield from self._bracket(mark, at)

    def _is_value(self, at: int) -> bool:
        """Whether what starts here follows a colon, as the value of a member does."""
        place = at - 1
        while place >= self._start and self._buffer[place] in _SPACES:
            place -= 1
        return place >= self._start and self._buffer[place] == _COLON

    def _up_to(self, at: int) -> Iterator[Piece]:
        if at > self._start:
            yield self._cut(at, "around")

    def _cut(self, end: int, kind: Kind) -> Piece:
        raw = self._buffer[self._start : end]
        made = Piece(kind=kind, raw=raw, line=self._line)
        self._line += raw.count(b"\n")
        self._start = end
        return made
