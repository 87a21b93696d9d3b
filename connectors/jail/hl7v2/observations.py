"""An ORU message as one record for each OBX, each with the person, visit and order it stands under.

Structure of ORU^R01, HL7 v2.9 chapter 7, section 7.3.1; PID opens a patient, ORC or OBR an order, and what
follows belongs to the innermost of them:
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adapter.source import Malformed, Position, SourceRecord
from connectors.jail.hl7v2.columns import columns, joined
from connectors.jail.hl7v2.message import malformed
from connectors.jail.hl7v2.persons import RESTRICTS, noted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.jail.hl7v2.message import Line, Message


@dataclass(slots=True, kw_only=True)
class _Group:
    """A patient or an order: its segments, the notes on them, its observations and the notes on those."""

    patient: _Group | None = None
    lines: list[Line] = field(default_factory=list)
    notes: list[tuple[str, Line]] = field(default_factory=list)
    observations: list[tuple[Line, list[Line]]] = field(default_factory=list)
    again: bool | None = None

    def has(self, name: str) -> bool:
        return any(line.name == name for line in self.lines)


def observations(message: Message) -> Iterator[SourceRecord | Malformed]:
    """One record, kind ``ORU``, for each OBX of ``message``.

    Columns: those of MSH, the patient and the order, ``OBX-n``, the notes after the OBX as ``NTE-n``, notes
    and restrictions after another segment as ``PID.NTE-n``, ``OBR.NTE-n``, ``PV1.ARV-n``, and the ordinals
    ``OBR-set`` (in the message) and ``OBX-set`` (in the order). ``raw`` is the whole message: an OBX cannot be
    read again without it. An order without any OBX comes back as ``no-observation``. Where a person's PID comes
    a second time the results behind it may be prior ones: they are read, and warned of as ``ambiguous-group``.
    """
    header, groups = _groups(message)
    place, told = 0, set[str]()
    for order, group in enumerate((group for group in groups if group.patient is not None), 1):
        above = group.patient.lines if group.patient else []
        notes = [*(group.patient.notes if group.patient else []), *group.notes]
        common: dict[str, Any] = {
            **columns(message, [*header, *above, *group.lines]),
            **noted(message, notes),
        }
        odd = _again(group.patient, told)
        for number, (line, after) in enumerate(group.observations, 1):
            place += 1
            own = {**columns(message, [line]), **joined(message, "NTE", after)}
            yield SourceRecord(
                kind="ORU",
                position=Position(line=line.line, part=f"OBX[{place}]"),
                values={**common, **own, "OBR-set": str(order), "OBX-set": str(number)},
                raw=message.raw,
                warnings=odd,
            )
        if not group.observations:
            yield _empty(message, group.lines[0])
    if not any(group.patient is not None for group in groups):
        yield _empty(message, message.lines[0])


def _empty(message: Message, line: Line) -> Malformed:
    return malformed(line.line, line.name, "no-observation", "an OBR followed by at least one OBX", message.raw)


def _again(patient: _Group | None, told: set[str]) -> tuple[tuple[str, str], ...]:
    """A warning where another PID group of the message was about the same person."""
    person = next((line.field(3) for line in patient.lines if line.name == "PID"), "") if patient else ""
    if patient is None or not person:
        return ()
    if patient.again is None:
        patient.again = person in told
        told.add(person)
    return (("ambiguous-group", "PID"),) if patient.again else ()


def _groups(message: Message) -> tuple[list[Line], list[_Group]]:
    """The lines before the first patient or order, and the groups after them; orders know their patient."""
    header: list[Line] = []
    groups: list[_Group] = []
    before, restricted, patient = "", "MSH", _Group()
    for line in message.lines:
        if line.name == "NTE" and groups:
            _note(groups[-1], before, line)
            continue
        if line.name == "ARV" and groups:
            groups[-1].notes.append((restricted, line))
            continue
        before, restricted = line.name, RESTRICTS.get(line.name, restricted)
        if line.name == "PID":
            patient = _Group()
            groups.append(patient)
        elif _opens_order(line, groups):
            groups.append(_Group(patient=patient))
        if line.name == "OBX":
            groups[-1].observations.append((line, []))
        elif groups:
            groups[-1].lines.append(line)
        else:
            header.append(line)
    return header, groups


def _note(group: _Group, before: str, line: Line) -> None:
    if before == "OBX":
        group.observations[-1][1].append(line)
    else:
        group.notes.append((before, line))


def _opens_order(line: Line, groups: list[_Group]) -> bool:
    """Whether ``line`` starts an order: an ORC or OBR that the open one has already, or a bare OBX."""
    current = groups[-1] if groups and groups[-1].patient is not None else None
    if line.name == "ORC":
        return current is None or current.has("OBR") or current.has("ORC")
    if line.name == "OBR":
        return current is None or current.has("OBR")
    return line.name == "OBX" and current is None
