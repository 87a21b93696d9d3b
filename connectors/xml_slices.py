"""An XML extract cut into its records, elements of given names, before any of it is parsed.

A parser that meets a fault stops for good, and everything after the fault is lost with it. So the bytes are
cut first, and each record is parsed on its own. Comments, CDATA sections and processing instructions are
stepped over, so that a record that is commented out stays so. One that is never closed, or holds the start of
another of its kind, is a fault: it is not stepped over, so that it takes no other record with it.

XML 1.0, section 2: https://www.w3.org/TR/xml/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_RECORD = 16 * 2**20
"""Bytes of the longest record, or stretch between records, that is read as one."""

Kind = Literal["record", "between", "dtd", "too-long"]

_ASIDE = rb"<(?:(?P<comment>!--)|(?P<cdata>!\[CDATA\[)|(?P<instruction>\?)|(?P<dtd>!DOCTYPE)"
_TAG = re.compile(rb"(?:[^<>\"']++|\"[^<\"]*+\"|'[^<']*+')*+>")
_CLOSING = {"comment": (b"--", b"-->"), "cdata": (b"]]>", b"]]>"), "instruction": (b"?>", b"?>")}
_OPENING = {"comment": b"<!--", "cdata": b"<![CDATA[", "instruction": b"<?"}
_LONGEST_NAME = 512
_LONGEST_ASIDE = 2**20
"""Bytes after which a comment, CDATA section, instruction or start tag counts as never closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Consecutive bytes: one record, or what stands between records. ``line`` is 1-based and counts LF."""

    kind: Kind
    raw: bytes
    line: int


def slices(arriving: Iterator[bytes], names: tuple[str, ...], *, longest: int = LONGEST_RECORD) -> Iterator[Slice]:
    """Cut the chunks ``arriving``: every byte once and in order, up to a document type declaration.

    ``names`` are the local names of the elements that are records.
    """
    scanner = _Scanner(_mark(names), longest)
    for chunk in arriving:
        yield from scanner.feed(chunk)
        if scanner.stopped:
            return
    yield from scanner.finish()


@cache
def _mark(names: tuple[str, ...]) -> re.Pattern[bytes]:
    """What decides where a record begins or ends: an aside, or a tag of one of ``names`` with any prefix."""
    tag = b"|".join(re.escape(name.encode("ascii")) for name in names)
    return re.compile(_ASIDE + rb"|(?P<close>/)?(?:[A-Za-z_][\w.\-]*:)?(?:" + tag + rb")(?=[\s/>]))")


class _Scanner:
    """The bytes not yet given out, and how far they have been looked at."""

    def __init__(self, mark: re.Pattern[bytes], longest: int) -> None:
        self._mark = mark
        self._longest = longest
        self._buffer = b""
        self._start = 0
        self._at = 0
        self._line = 1
        self._inside = False
        self._ended = False
        self.stopped = False

    def feed(self, chunk: bytes) -> Iterator[Slice]:
        """Take ``chunk`` in; give out what is complete."""
        self._buffer = self._buffer[self._start :] + chunk
        self._at -= self._start
        self._start = 0
        yield from self._scan()
        if len(self._buffer) - self._start > self._longest and not self.stopped:
            yield self._cut(len(self._buffer), "too-long")
            self._at, self._inside = len(self._buffer), False

    def finish(self) -> Iterator[Slice]:
        """Give out the rest."""
        self._ended = True
        yield from self._scan()
        if self._start < len(self._buffer) and not self.stopped:
            yield self._cut(len(self._buffer), "record" if self._inside else "between")

    def _scan(self) -> Iterator[Slice]:
        while not self.stopped:
            mark = self._mark.search(self._buffer, self._at)
            if mark is None:
                self._at = max(self._at, len(self._buffer) - _LONGEST_NAME)
                return
            stop = self._stop(mark)
            if stop is None:
                self._at = mark.start()
                return
            self._at = stop
            yield from self._passed(mark, stop)

    def _stop(self, mark: re.Match[bytes]) -> int | None:
        """Where what ``mark`` starts ends; None while that cannot be known yet."""
        kind = mark.lastgroup
        if kind in _CLOSING:
            return self._aside_end(kind, mark.end())
        if kind == "dtd":
            return mark.end()
        tag = _TAG.match(self._buffer, mark.end())
        if tag is not None:
            return tag.end()
        return None if self._may_come(mark.end()) and self._buffer.find(b"<", mark.end()) < 0 else mark.end()

    def _aside_end(self, kind: str, start: int) -> int | None:
        """Where the aside with its content from ``start`` ends: at ``start`` when it is not well-formed."""
        end, whole = _CLOSING[kind]
        nested = self._buffer.find(_OPENING[kind], start)
        # Looking no further than the next opening also keeps many openings from being many long searches.
        found = self._buffer.find(end, start, len(self._buffer) if nested < 0 else nested)
        if found >= 0 and len(self._buffer) - found < len(whole) and not self._ended:
            return None
        if found >= 0:
            return found + len(whole) if self._buffer.startswith(whole, found) else start
        return None if nested < 0 and self._may_come(start) else start

    def _may_come(self, start: int) -> bool:
        return not self._ended and len(self._buffer) - start < _LONGEST_ASIDE

    def _passed(self, mark: re.Match[bytes], stop: int) -> Iterator[Slice]:
        """The slices that end at a mark or at its end."""
        kind = mark.lastgroup
        if kind == "dtd" and not self._inside:
            if mark.start() > self._start:
                yield self._cut(mark.start(), "between")
            yield self._cut(len(self._buffer), "dtd")
            self.stopped = True
        elif kind == "close":
            if self._inside:
                yield self._cut(stop, "record")
                self._inside = False
        elif kind is None:
            if mark.start() > self._start:
                yield self._cut(mark.start(), "record" if self._inside else "between")
            self._inside = not self._buffer.endswith(b"/>", 0, stop)
            if not self._inside:
                yield self._cut(stop, "record")

    def _cut(self, end: int, kind: Kind) -> Slice:
        raw = self._buffer[self._start : end]
        made = Slice(kind=kind, raw=raw, line=self._line)
        self._line += raw.count(b"\n")
        self._start = end
        return made
