"""Rows of a comma-separated extract with their exact bytes, where one bad row costs no other row.

RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180) as jail and court systems write it. Whole blocks of lines
go through the reader at once. Only a block with something odd in it (an embedded line break, an open quote,
a NUL, a byte outside the encoding) is read again record by record.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal

from adapter.errors import ConfigurationError, Problem
from adapter.source import ExtractOptions, Malformed, Position, SourceRecord
from connectors.encodings import opened
from connectors.lines import LONGEST_LINE, Block, blocks
from connectors.quoting import Found, Lookahead, Window, record

if TYPE_CHECKING:
    from collections.abc import Iterator

Header = Literal["required", "optional", "absent"]
LONGEST_HEADER = 10_000
"""Columns that no table has."""
HEADERS: tuple[Header, ...] = ("required", "optional", "absent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A fixed table: the kind of its records, its columns in order, and whether their names lead the file."""

    kind: str
    columns: tuple[str, ...] = ()
    header: Header = "required"

    def is_header(self, row: list[str]) -> bool:
        """Whether ``row`` is the names of the columns, in order."""
        return [_folded(cell) for cell in row] == [_folded(column) for column in self.columns]

    def names_columns(self, row: list[str]) -> bool:
        """Whether ``row`` is a header at all: names of columns in half of its cells, in any order."""
        names = {_folded(column) for column in self.columns}
        return 2 * sum(_folded(cell) in names for cell in row) >= len(self.columns)


def _folded(name: str) -> str:
    return name.strip().casefold()


def rows(stream: BinaryIO, options: ExtractOptions, layout: Layout) -> Iterator[SourceRecord | Malformed]:
    """Read ``stream`` as rows of ``layout``; lines without any value are passed over.

    Setting ``header`` (required, optional, absent) takes the place of the layout's, so that single rows
    taken out of a file can be read again. Where a header is due and the first row is something else, that
    row comes back as ``wrong-header`` and nothing more is read: no value may land in a column it was not
    written for.
    """
    due = header_setting(options, layout.header)
    # A booking photo is longer than the 128 KiB that the standard library takes for the longest cell.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
    text = opened(stream, options)
    reading = _Reading(Lookahead(blocks(text.chunks, carriage_return=True)), text.encoding, layout)
    wrong = reading.header(due) if due != "absent" else None
    if wrong is not None:
        yield from text.restored([wrong])
        return
    yield from text.restored(reading.records())


def named_rows(stream: BinaryIO, options: ExtractOptions, kind: str) -> Iterator[SourceRecord | Malformed]:
    """Read ``stream`` as rows of a table whose first row names its columns.

    Setting ``columns``, names with `|` between them, stands for the first row of files that have none. A first row
    with an empty name or one that comes twice is ``wrong-header``, and nothing more is read.
    """
    named = options.settings.get("columns", "")
    if named:
        layout = Layout(kind=kind, columns=tuple(name.strip() for name in named.split("|")), header="optional")
        yield from rows(stream, options, layout)
        return
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
    text = opened(stream, options)
    reading = _Reading(Lookahead(blocks(text.chunks, carriage_return=True)), text.encoding, Layout(kind=kind))
    wrong = reading.take_names()
    yield from text.restored([wrong] if wrong is not None else reading.records())


def header_setting(options: ExtractOptions, default: Header) -> Header:
    """The feed's ``header`` setting, or ``default``. Raises ConfigurationError for any other word."""
    chosen = options.settings.get("header", default)
    for header in HEADERS:
        if chosen == header:
            return header
    raise ConfigurationError(
        [
            Problem(
                where="feed",
                path="settings.header",
                message=f"`{chosen}` is not known",
                expected="one of " + ", ".join(HEADERS),
            )
        ]
    )


class _Reading:
    """One pass over one extract."""

    def __init__(self, ahead: Lookahead, encoding: str, layout: Layout) -> None:
        self._ahead = ahead
        self._encoding = encoding
        self._layout = layout
        self._width = len(layout.columns)

    def header(self, due: Header) -> Malformed | None:
        """Take the header off. The fault, when it is wrong, or missing where it is required."""
        line, opening = self._opening()
        cells = opening.cells or []
        if self._layout.is_header(cells) or not (due == "required" or self._layout.names_columns(cells)):
            return None
        return _bad(line, "wrong-header", "a first row " + ",".join(self._layout.columns), opening.raw)

    def take_names(self) -> Malformed | None:
        """Take the columns from the first row. The fault, when it does not name them."""
        line, opening = self._opening(names=True)
        names = tuple(cell.strip() for cell in opening.cells or ())
        if opening.raw and (not names or not all(names) or len(set(names)) < len(names)):
            return _bad(line, "wrong-header", "a first row that names every column, and none twice", opening.raw)
        self._layout = Layout(kind=self._layout.kind, columns=names)
        self._width = len(names)
        return None

    def _opening(self, *, names: bool = False) -> tuple[int, Found]:
        """The first record that is not blank, and its line. It stays to be read unless it is the header.

        With ``names`` it is the header whatever it says.
        """
        line = 1
        while (block := self._ahead.take()) is not None:
            if block.cut:
                self._ahead.give_back(block)
                return block.first, Found(cells=None, raw=block.data, lines=1)
            window = Window(block, self._ahead)
            blank = next((at for at in range(window.size) if window.lines[at].strip()), window.size)
            line = block.first + blank
            if blank == window.size:
                continue
            # A header of any width: one that seems to go on over several lines is an open quote.
            found = record(window, blank, self._encoding, self._width or LONGEST_HEADER)
            window.leave(blank + (found.lines if names or self._layout.is_header(found.cells or []) else 0))
            return line, found
        return line, Found(cells=None, raw=b"", lines=0)

    def records(self) -> Iterator[SourceRecord | Malformed]:
        """All rows from here on."""
        while (block := self._ahead.take()) is not None:
            if block.cut:
                yield _bad(block.first, "too-long", f"a line of at most {LONGEST_LINE} bytes", block.data)
            else:
                clean = self._clean(block)
                yield from self._careful(block) if clean is None else clean

    def _clean(self, block: Block) -> Iterator[SourceRecord | Malformed] | None:
        """The records of a block in which every line is a row of its own; None for any other block."""
        data = block.data
        if b"\0" in data or (block.end == b"\n" and data.count(b"\r") != data.count(b"\r\n")):
            return None
        raws = data.splitlines(keepends=True)
        try:
            text = data.decode(self._encoding)
            texts = text.split(block.end.decode("ascii"))
            if not texts[-1]:
                texts.pop()
            found = _cells(text, texts, self._width)
        except (UnicodeError, csv.Error):
            return None
        if not len(found) == len(texts) == len(raws):
            return None  # a row takes one line or more, so only equal numbers mean one line each
        return self._made(block.first, found, raws)

    def _careful(self, block: Block) -> Iterator[SourceRecord | Malformed]:
        """The records that start in ``block``, one by one."""
        window = Window(block, self._ahead)
        at = 0
        while at < window.size:
            found = record(window, at, self._encoding, self._width)
            line = block.first + at
            if found.cells is None:
                yield _bad(line, found.code, found.expected, found.raw)
            else:
                yield from self._made(line, [found.cells], [found.raw])
            at += found.lines
        window.leave(at)

    def _made(self, first: int, found: list[list[str]], raws: list[bytes]) -> Iterator[SourceRecord | Malformed]:
        """The records of rows with their bytes, from line ``first`` on; a row without a value gives none."""
        columns, width, kind = self._layout.columns, self._width, self._layout.kind
        for line, (row, raw) in enumerate(zip(found, raws, strict=True), first):
            if len(row) == width:
                values = {name: text for name, text in zip(columns, row, strict=True) if text and not text.isspace()}
                if values:
                    yield SourceRecord(kind=kind, position=Position(line=line), values=values, raw=raw)
            elif raw.strip():
                yield _bad(line, "ragged-row", f"{width} columns", raw)


def _cells(text: str, texts: list[str], width: int) -> list[list[str]]:
    """The cells of the lines ``texts``, which together are ``text``.

    Where no cell is quoted, or every one and none holds a quote, cutting at the commas is all there is to
    do, and takes a fifth of the time of the reader that knows all cases.
    """
    quotes = text.count('"')
    if quotes == 0:
        return [line.rstrip("\r").split(",") for line in texts]
    if width > 1 and quotes == 2 * width * len(texts):
        bare = [line.rstrip("\r") for line in texts]
        found = [line[1:-1].split('","') for line in bare]
        # Each line of ``width`` cells takes at least 2 * width quotes, so none is left to stand in a cell.
        if all(len(row) == width for row in found) and all(line[0] == line[-1] == '"' for line in bare):
            return found
    return list(csv.reader(texts, strict=True))


def _bad(line: int, code: str, expected: str, raw: bytes) -> Malformed:
    return Malformed(position=Position(line=line), code=code, expected=expected, raw=raw)
