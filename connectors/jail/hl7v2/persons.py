"""ADT, MDM and SIU messages as records: one for each person of the message, one for each segment that stands alone.

A record of kind ``ADT``, ``MDM`` or ``SIU`` has the segments about a person and the visit. Segments that become a
resource of their own (next of kin, diagnoses, allergies, consents, OBX) are a record each, with what they stand under,
so that what one of them lacks never hides in another. A note (NTE) belongs to the segment right before it, an access
restriction (ARV) to the person or the visit it follows.

HL7 v2.9 chapter 3, sections 3.3 and 3.4.14 (ARV); chapter 9 (MDM, CON); chapter 10 (SIU):
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from adapter.source import Position, SourceRecord
from connectors.jail.hl7v2.columns import columns, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.jail.hl7v2.message import Line, Message

ALONE: Final = frozenset({"NK1", "DG1", "AL1", "OBX", "CON"})
"""Segments that are a record each."""
CONTEXT: Final = frozenset(
    {"event", "MSH-3", "MSH-4", "MSH-7", "MSH-8", "MSH-10", "EVN-2", "EVN-6", "PID-2", "PID-3", "PD1-12", "PV1-19"}
) | {"PV2-22"}
"""What a segment of its own is handed over with: the sender, the message, when, whom and which visit it is about, and
that these are protected. Everything else is in the record of the person alone."""
RESTRICTS: Final = {"PID": "PID", "PD1": "PID", "PV1": "PV1", "PV2": "PV1"}
"""Whom an ARV speaks of, by the segment it follows."""


@dataclass(slots=True, kw_only=True)
class Group:
    """What a message says of one person. ``alone`` holds the segments that are records, with the notes on them."""

    lines: list[Line] = field(default_factory=list)
    notes: list[tuple[str, Line]] = field(default_factory=list)
    alone: list[tuple[Line, list[Line]]] = field(default_factory=list)


def records(message: Message, kind: str, event: str) -> Iterator[SourceRecord]:
    """The records of ``message``, whose code is ``kind`` and whose trigger event is ``event``.

    Columns are those of the segments, ``event``, and ``PID.NTE-3``, ``PV1.ARV-3`` for what belongs to a segment.
    ``raw`` is the whole message: no record of it can be read again without the rest.
    """
    header, groups = _groups(message)
    for place, group in enumerate(groups):
        context: dict[str, Any] = {"event": event, **columns(message, [*header.lines, *group.lines])}
        context |= noted(message, [*header.notes, *group.notes])
        start = message.lines[0] if place == 0 else group.lines[0]
        part = "MSH" if len(groups) == 1 else f"PID[{place + 1}]"
        yield SourceRecord(kind=kind, position=Position(line=start.line, part=part), values=context, raw=message.raw)
        if not group.alone:
            continue
        shared = {name: value for name, value in context.items() if name in CONTEXT or ".ARV-" in name}
        seen: dict[str, int] = {}
        for line, notes in group.alone:
            seen[line.name] = seen.get(line.name, 0) + 1
            values = {**shared, **columns(message, [line]), f"{line.name}-set": str(seen[line.name])}
            yield SourceRecord(
                kind=line.name,
                position=Position(line=line.line, part=f"{line.name}[{seen[line.name]}]"),
                values=values | joined(message, "NTE", notes),
                raw=message.raw,
            )


def noted(message: Message, notes: list[tuple[str, Line]]) -> dict[str, Any]:
    """The columns of notes and restrictions, each named after the segment it belongs to."""
    values: dict[str, Any] = {}
    for owner in dict.fromkeys((owner, line.name) for owner, line in notes):
        lines = [line for name, line in notes if (name, line.name) == owner]
        values |= joined(message, f"{owner[0]}.{owner[1]}", lines)
    return values


def _groups(message: Message) -> tuple[Group, list[Group]]:
    """What stands before the first person, and the groups; a second MRG under a PID opens one for the same person."""
    header = Group()
    groups: list[Group] = []
    current, before, restricted = header, "MSH", "MSH"
    for line in message.lines:
        name = line.name
        if name in {"NTE", "ARV"}:
            if name == "NTE" and before in ALONE:
                current.alone[-1][1].append(line)
            else:
                current.notes.append((before if name == "NTE" else restricted, line))
            continue
        before, restricted = name, RESTRICTS.get(name, restricted)
        if name == "PID":
            current = Group()
            groups.append(current)
        elif name == "MRG" and any(other.name == "MRG" for other in current.lines):
            current = Group(lines=[other for other in current.lines if other.name in {"PID", "PD1"}])
            groups.append(current)
        if name in ALONE:
            current.alone.append((line, []))
        else:
            current.lines.append(line)
    if not groups:
        return Group(), [header]
    return header, groups
