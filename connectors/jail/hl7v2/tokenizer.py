r"""Lossless tokens of HL7 v2: any bytes go in, and the same bytes can be put together again from the tokens.

No table of the standard is used: segments, fields, repetitions, components and subcomponents are what the
delimiters of the message make them. Escape sequences stay as they are until a leaf is read (``escapes``),
since they stand for delimiters that must not cut anything.

HL7 v2.9 chapter 2, sections 2.5 (delimiters) and 2.6 (message construction):
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{1,2}\Z")
"""Names of segments that are kept, the lower-case and two-letter ones of some senders included."""

_LEAD = re.compile(rb"[\x00\x0b\x1c \t\r\n]*(?:\xef\xbb\xbf)?(?=[A-Za-z]{3})")
_FIRST_END = re.compile(rb"\r\n|\r|\n")
_ANY_END = re.compile(rb"\r\n?|\n|\x1c\r\n?|\x1c\n")
_DELIMITER = frozenset(chr(byte) for byte in range(0x21, 0x7F) if not chr(byte).isalnum())


class BadDelimitersError(ValueError):
    """The header segment does not say how the message is delimited."""


class Delimiters(NamedTuple):
    """The delimiters of one message, each a single character; ``truncation`` is empty where there is none."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    @classmethod
    def read(cls, header: str) -> Delimiters:
        """The delimiters that ``header`` (an MSH, FHS or BHS segment) declares in its first two fields.

        Three to five encoding characters are accepted; with three the subcomponent separator is ``&``.
        Raises BadDelimitersError when there are fewer or more, when one is a letter, digit, blank or control
        character, or when two are the same.
        """
        field = header[3:4]
        encoding = header[4:].split(field, 1)[0] if field else ""
        if not 3 <= len(encoding) <= 5:  # noqa: PLR2004 - the numbers the standard knows
            raise BadDelimitersError("three to five encoding characters are needed")
        return cls._of(field, encoding)

    @classmethod
    @lru_cache(maxsize=256)
    def _of(cls, field: str, encoding: str) -> Delimiters:
        component, repetition, escape, *more = list(encoding)
        subcomponent = more[0] if more else "&"
        truncation = more[1] if len(more) > 1 else ""
        every = [field, component, repetition, escape, subcomponent, *truncation]
        if len(set(every)) < len(every) or not _DELIMITER.issuperset(every):
            raise BadDelimitersError("delimiters must be different punctuation characters")
        return cls(
            field=field,
            component=component,
            repetition=repetition,
            escape=escape,
            subcomponent=subcomponent,
            truncation=truncation,
        )


class Segment(NamedTuple):
    """The bytes of one segment: what leads it (framing, a byte order mark), its body, its terminator.

    A tuple, because every message makes many. ``line`` is its 1-based line, where CR, LF and CR LF each end a line. The
    body is empty for a blank line.
    """

    lead: bytes
    body: bytes
    end: bytes
    line: int

    @property
    def raw(self) -> bytes:
        """The segment byte for byte."""
        return self.lead + self.body + self.end


def segments(data: bytes, *, line: int = 1) -> list[Segment]:
    """Cut ``data`` into segments; their ``raw`` joined is ``data`` again. ``line`` is that of its start.

    The first terminator decides. Where it is CR (or CR LF), a lone LF is text of a field, unless a segment
    name and the field separator follow it or nothing does. Where it is LF, every CR, LF and CR LF ends a
    segment. A block end of MLLP (FS) before a terminator belongs to it.
    """
    lead = _LEAD.match(data)
    at = start = lead.end() if lead else 0
    found: list[Segment] = []
    before = data[:start]
    number = line + line_ends(before)
    for end in _terminators(data, start):
        body = data[at : end.start()]
        found.append(Segment(lead=before, body=body, end=end.group(), line=number))
        number += line_ends(data[at : end.end()]) if b"\n" in body or end.end() - end.start() > 1 else 1
        before, at = b"", end.end()
    if before or at < len(data):
        found.append(Segment(lead=before, body=data[at:], end=b"", line=number))
    return found


def _terminators(data: bytes, start: int) -> list[re.Match[bytes]]:
    first = _FIRST_END.search(data, start)
    if first is None:
        return []
    if first.group() == b"\n":
        return list(_ANY_END.finditer(data, start))
    return list(_ends(data[start + 3 : start + 4] or b"|").finditer(data, start))


@lru_cache(maxsize=32)
def _ends(separator: bytes) -> re.Pattern[bytes]:
    """Each branch starts with a byte, not with an optional one: the search then skips from byte to byte."""
    name_follows = rb"(?=[A-Z][A-Z0-9]{2}" + re.escape(separator) + rb"|\Z)"
    return re.compile(rb"\r\n*|\n%b|\x1c\r\n*|\x1c\n%b" % (name_follows, name_follows))


def line_ends(data: bytes) -> int:
    """The number of line ends in ``data``; CR, LF and CR LF each end one."""
    return data.count(b"\r") + data.count(b"\n") - data.count(b"\r\n")


def fields(text: str, delimiters: Delimiters) -> list[str]:
    """The fields of a segment: its name first. Field n of most segments is item n, of MSH item n - 1."""
    return text.split(delimiters.field)


def tree(field: str, delimiters: Delimiters) -> list[list[list[str]]]:
    """A field as repetitions of components of subcomponents, escapes untouched."""
    return [
        [component.split(delimiters.subcomponent) for component in repetition.split(delimiters.component)]
        for repetition in field.split(delimiters.repetition)
    ]


def untree(repetitions: list[list[list[str]]], delimiters: Delimiters) -> str:
    """The field that ``tree`` came from."""
    return delimiters.repetition.join(
        delimiters.component.join(delimiters.subcomponent.join(parts) for parts in components)
        for components in repetitions
    )
