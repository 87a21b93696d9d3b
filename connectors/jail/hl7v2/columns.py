"""Columns of HL7 v2 segments: ``PID-3`` names a field, its value is the list of its repetitions.

A repetition is an object of its non-empty leaves: ``{"1": "J1", "4": "ALDERJAIL", "4.2": "1.2.3"}``. The
first subcomponent of a component carries the name of the component, as section 2.5.5 of chapter 2 lets a
receiver read a component that has since been divided. ``""`` (delete what is there) stays the two
characters it is.

HL7 v2.9 chapter 2, sections 2.5.3 and 2.5.5:
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from connectors.jail.hl7v2.escapes import unescape
from connectors.jail.hl7v2.tokenizer import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from connectors.jail.hl7v2.message import Line, Message
    from connectors.jail.hl7v2.tokenizer import Delimiters

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
    marks = message.delimiters
    structure = structured(marks)
    found: list[tuple[int, Field]] = []
    for index, text in enumerate(line.fields):
        if not text or index < start:
            continue
        if structure(text) is None:
            if not text.isspace():
                found.append((index + shift, [{"1": text}]))
        elif field := _repetitions(message, text, marks):
            found.append((index + shift, field))
    return found


@lru_cache(maxsize=32)
def structured(marks: Delimiters) -> Callable[[str], object]:
    """Tells whether a field has anything but plain text."""
    every = marks.component + marks.repetition + marks.subcomponent + marks.escape
    return re.compile(f"[{re.escape(every)}]").search


def _repetitions(message: Message, text: str, marks: Delimiters) -> Field:
    if marks.escape in text:
        leaves = [_leaves(message, components) for components in tree(text, marks)]
        return [repetition for repetition in leaves if repetition]
    repetitions = [_plain(one, marks) for one in text.split(marks.repetition)]
    return [repetition for repetition in repetitions if repetition]


def _plain(text: str, marks: Delimiters) -> dict[str, str]:
    """The leaves of a repetition without escapes."""
    leaves: dict[str, str] = {}
    for number, part in enumerate(text.split(marks.component), 1):
        if not part or part.isspace():
            continue
        if marks.subcomponent not in part:
            leaves[str(number)] = part
            continue
        for place, leaf in enumerate(part.split(marks.subcomponent), 1):
            if leaf and not leaf.isspace():
                leaves[str(number) if place == 1 else f"{number}.{place}"] = leaf
    return leaves


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
