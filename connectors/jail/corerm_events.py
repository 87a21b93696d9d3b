"""The events of CorEMR: lines `Name="value"`, each event beginning with `DataType="…"`.

https://docs.coremr.com/integrations: `PatientDemographics` says who was booked, `PatientLocation` where in the jail
somebody is. A file may hold one event or many; one file mixes formats of dates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from adapter.source import Malformed, Position, SourceRecord
from connectors.encodings import opened
from connectors.lines import LONGEST_LINE, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.source import ExtractOptions
    from connectors.encodings import Text

KINDS = {"patientdemographics": "demographics", "patientlocation": "location"}
"""The record kind of each data type."""
LONGEST_EVENT = 2**20
"""Bytes of the longest event."""

_STARTS = re.compile(rb"\s*DataType\s*=", re.IGNORECASE)
_ASIDE = re.compile(r"\s*(?:[;#].*|\[[^\]]*\]\s*)?")
_SETTING = re.compile(r"\s*([A-Za-z][\w #./-]{0,63}?)\s*=\s*(?:\"((?:[^\"]|\"\")*)\"|([^\"]*?))\s*")


class CoremrEvents:
    """Reads events: kind ``demographics`` or ``location``, columns as the event names them."""

    name = "jail.corerm_events"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """One record for each event; one that cannot be read leaves the others alone.

        Codes: ``undecodable``, ``bad-line``, ``repeated-name``, ``unknown-data-type``, ``no-data-type`` (lines before
        the first event), ``too-long``.
        """
        text = opened(stream, options)
        yield from text.restored(_records(text))


@dataclass(slots=True)
class _Event:
    """The lines of one event, or those before the first."""

    line: int
    begun: bool
    lines: list[bytes] = field(default_factory=list)
    size: int = 0


def _records(text: Text) -> Iterator[SourceRecord | Malformed]:
    for event in _events(text):
        raw = b"".join(event.lines)
        if event.size > LONGEST_EVENT:
            yield _bad(event.line, "too-long", f"an event of at most {LONGEST_EVENT} bytes", raw)
        elif event.begun:
            yield _record(event, raw, text.encoding)
        elif raw.strip() and not _only_asides(raw, text.encoding):
            yield _bad(event.line, "no-data-type", 'an event that begins with DataType="…"', raw)


def _events(text: Text) -> Iterator[_Event]:
    event = _Event(line=1, begun=False)
    for block in blocks(text.chunks, carriage_return=True):
        if block.cut:
            if event.lines:
                yield event
            yield _Event(line=block.first, begun=False, lines=[block.data], size=LONGEST_LINE)
            event = _Event(line=block.first + 1, begun=False)
            continue
        for place, line in enumerate(block.lines(), block.first):
            if _STARTS.match(line) or event.size > LONGEST_EVENT:
                if event.lines:
                    yield event
                event = _Event(line=place, begun=_STARTS.match(line) is not None)
            event.lines.append(line)
            event.size += len(line)
    if event.lines:
        yield event


def _only_asides(raw: bytes, encoding: str) -> bool:
    lines = raw.decode(encoding, "surrogateescape").splitlines()
    return all(_ASIDE.fullmatch(line) for line in lines)


def _record(event: _Event, raw: bytes, encoding: str) -> SourceRecord | Malformed:
    values: dict[str, str] = {}
    for place, line in enumerate(event.lines, event.line):
        try:
            words = line.decode(encoding)
        except UnicodeDecodeError:
            return _bad(place, "undecodable", f"text in {encoding}", raw)
        if _ASIDE.fullmatch(words):
            continue
        setting = _SETTING.fullmatch(words)
        if setting is None:
            return _bad(place, "bad-line", 'one Name="value" a line', raw)
        name, quoted, bare = setting.groups()
        if name in values:
            return _bad(place, "repeated-name", "each name once in an event", raw)
        values[name] = quoted.replace('""', '"') if quoted is not None else bare
    kind = KINDS.get(next(iter(values.values())).strip().lower())
    if kind is None:
        return _bad(event.line, "unknown-data-type", "PatientDemographics or PatientLocation", raw)
    filled = {name: value for name, value in values.items() if value and not value.isspace()}
    return SourceRecord(kind=kind, position=Position(line=event.line), values=filled, raw=raw)


def _bad(line: int, code: str, expected: str, raw: bytes) -> Malformed:
    return Malformed(position=Position(line=line), code=code, expected=expected, raw=raw)
