"""One HL7 v2 message: its header understood, its segments decoded to text, or the reason it cannot be read.

HL7 v2.9 chapter 2, section 2.14.9 (MSH):
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from adapter.source import Malformed, Position
from connectors.jail.hl7v2.charsets import charset
from connectors.jail.hl7v2.escapes import unescape, well_escaped
from connectors.jail.hl7v2.tokenizer import NAME, BadDelimitersError, Delimiters, Segment, fields, segments

if TYPE_CHECKING:
    from collections.abc import Iterator

_FRAMING = b"\x00\x0b\x1c \t"
_MARK = b"\xef\xbb\xbf"
_ORDINARY = re.compile(r"[A-Z][A-Z0-9]{2}\Z")
_SEQUENCE = 13
_CHARSET = 17
_NAME_LENGTH = 3


class Line(NamedTuple):
    """One segment as text: its name, its fields (escapes untouched), its line, and where its bytes start.

    A tuple, because every message makes many.
    """

    name: str
    fields: tuple[str, ...]
    line: int
    offset: int

    def field(self, number: int) -> str:
        """Field ``number`` as the standard counts it, or nothing."""
        index = number - 1 if self.name == "MSH" else number
        return self.fields[index] if 0 < index < len(self.fields) else ""


class Message(NamedTuple):
    """A message that can be read. ``lines`` are its segments in order, MSH first, blank lines left out.

    ``warnings`` are what had to be put up with: a word and where.
    """

    raw: bytes
    delimiters: Delimiters
    encoding: str
    lines: tuple[Line, ...]
    warnings: tuple[tuple[str, str], ...] = ()

    def component(self, number: int, component: int) -> str:
        """A component of a field of MSH, first repetition, as text."""
        first = self.lines[0].field(number).split(self.delimiters.repetition)[0]
        parts = first.split(self.delimiters.component)
        part = parts[component - 1] if component <= len(parts) else ""
        return unescape(part.split(self.delimiters.subcomponent)[0], self.delimiters, self.encoding).strip()


def read_message(raw: bytes, *, line: int, fallback: str) -> Message | Malformed:
    """Read the message ``raw`` that starts at ``line``; ``fallback`` is the encoding where MSH-18 names none.

    Codes of what cannot be read: ``missing-msh``, ``bad-delimiters``, ``unknown-charset``, ``undecodable``,
    ``broken-segment``.
    """
    found = [(segment, offset) for segment, offset in _offsets(segments(raw, line=line)) if _has_text(segment)]
    if not found or not found[0][0].body.startswith(b"MSH"):
        first = found[0][0] if found else None
        return malformed(first.line if first else line, _part(first), "missing-msh", "a message to start with MSH", raw)
    head = found[0][0]
    try:
        delimiters = Delimiters.read(head.body.decode("latin-1"))
    except BadDelimitersError as error:
        return malformed(head.line, "MSH-2", "bad-delimiters", str(error), raw)
    declared = _declared(head, delimiters)
    encoding = charset(declared, fallback)
    if encoding is None:
        return malformed(head.line, "MSH-18", "unknown-charset", "a single-byte set of table 0211 or UTF-8", raw)
    lines: list[Line] = []
    for number, (segment, offset) in enumerate(found, 1):
        try:
            parts = fields(segment.body.decode(encoding), delimiters)
        except UnicodeError:
            return malformed(segment.line, _part(segment, number), "undecodable", f"text in {encoding}", raw)
        if not NAME.match(parts[0]) or (len(parts) == 1 and len(parts[0]) < _NAME_LENGTH):
            expected = "a segment name of two or three characters and the field separator"
            return malformed(segment.line, f"segment {number}", "broken-segment", expected, raw)
        lines.append(Line(parts[0], tuple(parts), segment.line, offset))
    return Message(
        raw=raw,
        delimiters=delimiters,
        encoding=encoding,
        lines=tuple(lines),
        warnings=tuple(_oddities(raw, head, delimiters, lines)),
    )


def _oddities(raw: bytes, head: Segment, delimiters: Delimiters, lines: list[Line]) -> Iterator[tuple[str, str]]:
    """What is not as the standard has it and was read all the same: section 2.5, 2.7, 2.10.2."""
    if _MARK in head.lead:
        yield "byte-order-mark", "MSH"
    if b"\n" in head.end:
        yield "line-feed-terminator", "MSH"
    if len(lines[0].fields[1]) < len("^~\\&"):
        yield "encoding-characters", "MSH-2"
    header = lines[0].fields
    if len(header) >= _SEQUENCE and header[_SEQUENCE - 1].strip():
        # Order is by sender and event here; the sequence number protocol (section 2.10.1) is not taken part in.
        yield "sequence-number", "MSH-13"
    escape = delimiters.escape
    stray = raw.count(escape.encode("ascii")) > 1
    for place, line in enumerate(lines):
        if not _ORDINARY.match(line.name):
            yield "segment-name", line.name
        if not stray:
            continue
        texts = line.fields[2:] if place == 0 else line.fields
        if any(escape in text and not well_escaped(text, delimiters) for text in texts):
            yield "stray-escape", line.name


def malformed(line: int, part: str, code: str, expected: str, raw: bytes) -> Malformed:
    """A message, or a part of one, that cannot be read."""
    return Malformed(position=Position(line=line, part=part), code=code, expected=expected, raw=raw)


def _offsets(found: list[Segment]) -> list[tuple[Segment, int]]:
    at = 0
    placed: list[tuple[Segment, int]] = []
    for segment in found:
        placed.append((segment, at))
        at += len(segment.raw)
    return placed


def _has_text(segment: Segment) -> bool:
    return bool(segment.body.strip(_FRAMING))


def _part(segment: Segment | None, number: int = 1) -> str:
    """The name of a segment when it has one, else its number: never its content."""
    name = segment.body[:3].decode("latin-1") if segment else ""
    return name if NAME.match(name) else f"segment {number}"


def _declared(head: Segment, delimiters: Delimiters) -> str:
    parts = fields(head.body.decode("latin-1"), delimiters)
    value = parts[_CHARSET] if len(parts) > _CHARSET else ""
    return value.split(delimiters.repetition)[0]
