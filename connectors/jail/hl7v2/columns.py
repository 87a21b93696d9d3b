"""Columns of HL7 v2 segments: ``PID-3`` names a field, its value is the list of its repetitions.

A repetition is an object of its non-empty leaves: ``{"1": "J1", "4": "ALDERJAIL", "4.2": "1.2.3"}``. The
first subcomponent of a component carries the name of the component, as section 2.5.5 of chapter 2 lets a
receiver read a component that has since been divided. ``""`` (delete what is there) stays the two
characters it is.

HL7 v2.9 chapter 2, sections 2.5.3 and 2.5.5:
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.jail.hl7v2.escapes import unescape
from connectors.jail.hl7v2.tokenizer import tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.jail.hl7v2.message import Line, Message

Field = list[dict[str, str]]


def columns(message: Message, lines: Iterable[Line]) -> dict[str, Field]:
    """All non-empty fields of ``lines``; the second segment of a name is ``NK1[2]``, the third ``NK1[3]``."""
    seen: dict[str, int] = {}
    values: dict[str, Field] = {}
    for line in lines:
        times = seen[line.name] = seen.get(line.name, 0) + 1
        prefix = line.name if times == 1 else f"{line.name}[{times}]"
        for number, field in filled(message, line):
            values[f"{prefix}-{number}"] = field
    return values


def joined(message: Message, prefix: str, lines: Iterable[Line]) -> dict[str, Field]:
    """All non-empty fields of ``lines`` as if they were one segment: each adds its repetitions."""
    values: dict[str, Field] = {}
    for line in lines:
        for number, field in filled(message, line):
            values.setdefault(f"{prefix}-{number}", []).extend(field)
    return values


def filled(message: Message, line: Line) -> list[tuple[int, Field]]:
    """The numbers and values of the non-empty fields of one segment, without MSH-1 and MSH-2."""
    start, shift = (2, 1) if line.name == "MSH" else (1, 0)
    values = (
        (index + shift, _repetitions(message, text))
        for index, text in enumerate(line.fields)
        if text and index >= start
    )
    return [pair for pair in values if pair[1]]


def _repetitions(message: Message, text: str) -> Field:
    marks = message.delimiters
    if (
        marks.component not in text
        and marks.repetition not in text
        and marks.subcomponent not in text
        and marks.escape not in text
    ):
        return [] if text.isspace() else [{"1": text}]
    leaves = [_leaves(message, components) for components in tree(text, marks)]
    return [repetition for repetition in leaves if repetition]


def _leaves(message: Message, components: list[list[str]]) -> dict[str, str]:
    leaves: dict[str, str] = {}
    for number, parts in enumerate(components, 1):
        for place, part in enumerate(parts, 1):
            if not part:
                continue
            text = unescape(part, message.delimiters, message.encoding)
            if text and not text.isspace():
                leaves[str(number) if place == 1 else f"{number}.{place}"] = text
    return leaves
