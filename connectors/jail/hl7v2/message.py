"""One HL7 v2 message: its header understood, its segments decoded to text, or the reason it cannot be read.

HL7 v2.9 chapter 2, section 2.14.9 (MSH):
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

from dataclasses import dataclass

from adapter.source import Malformed, Position
from connectors.jail.hl7v2.charsets import charset
from connectors.jail.hl7v2.escapes import unescape
from connectors.jail.hl7v2.tokenizer import NAME, BadDelimitersError, Delimiters, Segment, fields, segments

_FRAMING = b"\x00\x0b\x1c \t"
_CHARSET = 17
_NAME_LENGTH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One segment as text: its name, its fields (escapes untouched), its line, and where its bytes start."""

    name: str
    fields: tuple[str, ...]
    line: int
    offset: int

    def field(self, number: int) -> str:
        """Field ``number`` as the standard counts it, or nothing."""
        index = number - 1 if self.name == "MSH" else number
        return self.fields[index] if 0 < index < len(self.fields) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that can be read. ``lines`` are its segments in order, MSH first, blank lines left out."""

    raw: bytes
    delimiters: Delimiters
    encoding: str
    lines: tuple[Line, ...]

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
        lines.append(Line(name=parts[0], fields=tuple(parts), line=segment.line, offset=offset))
    return Message(raw=raw, delimiters=delimiters, encoding=encoding, lines=tuple(lines))


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
