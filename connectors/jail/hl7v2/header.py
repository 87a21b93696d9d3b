"""The header of an HL7 v2 message, read without the rest of it, and what in it keeps a message from being used.

HL7 v2.9 chapter 2, sections 2.9.2 and 2.9.3 (acknowledgement modes), 2.14.9 (MSH); tables 0076, 0103, 0104, 0155, 0357:
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from connectors.jail.hl7v2.tokenizer import Delimiters

TABLE_0357: Final = {
    "101": "Required field missing",
    "103": "Table value not found",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "207": "Application internal error",
}
SUPPORTED: Final[dict[str, frozenset[str]]] = {
    "ADT": frozenset(
        "A01 A02 A03 A04 A05 A06 A07 A08 A11 A12 A13 A17 A18 A28 A29 A31 A34 A40 A45 A47 A50".split()  # noqa: SIM905
    ),
    "ORU": frozenset({"R01"}),
    "MDM": frozenset({"T02"}),
    "SIU": frozenset({"S12", "S13", "S14", "S15"}),
}
"""Message types and events that are taken; everything else is kept, and answered as not supported."""

_LEAD = re.compile(rb"[\x00\x0b\x1c \t\r\n]*(?:\xef\xbb\xbf)?(?=MSH)")
_SEGMENT_END = re.compile(rb"[\r\n\x1c]")
_VERSION = re.compile(r"2(\.\d){0,2}\Z")
_APPLICATION, _FACILITY, _TYPE, _CONTROL, _PROCESSING, _VERSION_FIELD = 3, 4, 9, 10, 11, 12
_ACCEPT, _APPLY = 15, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a message is not taken as it is.

    ``code`` is of table 0357, ``field`` the field of ``segment`` it concerns (0: none), ``sequence`` which segment of
    that name, ``advice`` plain words for whoever runs the sender.
    """

    code: str
    field: int = 0
    advice: str = ""
    segment: str = "MSH"
    sequence: int = 1


class Header(NamedTuple):
    """The fields of an MSH (or BHS, FHS) as Latin-1 text, so that every byte comes back as it came."""

    parts: tuple[str, ...]
    delimiters: Delimiters

    def field(self, number: int) -> str:
        """Field ``number`` as the standard counts it, or nothing."""
        return self.parts[number - 1] if 1 < number <= len(self.parts) else ""

    def component(self, number: int, component: int) -> str:
        """A component of the first repetition of a field, without blanks around it."""
        whole = self.field(number)
        if whole.isalnum() or not whole:
            return whole if component == 1 else ""
        parts = whole.split(self.delimiters.repetition, 1)[0].split(self.delimiters.component)
        part = parts[component - 1] if component <= len(parts) else ""
        return part.split(self.delimiters.subcomponent, 1)[0].strip()

    @property
    def sender(self) -> tuple[str, str]:
        """Application and facility that sent it: MSH-3.1, MSH-4.1."""
        return self.component(_APPLICATION, 1), self.component(_FACILITY, 1)

    @property
    def control(self) -> str:
        """MSH-10, byte for byte."""
        return self.field(_CONTROL)

    @property
    def is_enhanced(self) -> bool:
        """Whether MSH-15 or MSH-16 asks for the enhanced acknowledgement mode."""
        return bool(self.component(_ACCEPT, 1) or self.component(_APPLY, 1))

    @property
    def accept(self) -> str:
        """When an accept acknowledgement is wanted (AL, NE, ER, SU). Without a word beside MSH-16, never."""
        return self.component(_ACCEPT, 1) or "NE"

    @property
    def apply(self) -> str:
        """When an application acknowledgement is wanted later; without a word, never."""
        return self.component(_APPLY, 1) or "NE"


USUAL: Final = Header(parts=("MSH", "^~\\&"), delimiters=Delimiters())
"""What a message is answered by whose own header cannot be read."""


def read_header(message: bytes) -> Header | None:
    """The header of a message that starts with MSH, framing and blanks aside; None where it cannot be read."""
    lead = _LEAD.match(message)
    if lead is None:
        return None
    at = lead.end()
    end = _SEGMENT_END.search(message, at)
    return header_line(message[at : end.start() if end else len(message)])


def header_line(line: bytes) -> Header | None:
    """An MSH, BHS or FHS segment; None where it does not say how it is delimited."""
    plain = line.decode("latin-1")
    parts = tuple(plain.split(plain[3:4])) if plain[3:4] else ()
    try:
        delimiters = _delimiters(plain[3:4], parts[1]) if len(parts) > 1 else None
    except ValueError:
        return None
    return None if delimiters is None else Header(parts=parts, delimiters=delimiters)


@lru_cache(maxsize=64)
def _delimiters(field: str, encoding: str) -> Delimiters:
    return Delimiters.read(f"MSH{field}{encoding}{field}")


def fault_of(header: Header) -> Fault | None:
    """Why a message with this header is not used: a field that is missing, or a kind that is not supported.

    An empty version or processing id is read as a supported one: many senders leave them out, and nothing is marked
    as a test by it.
    """
    for number in (_TYPE, _CONTROL):
        if not header.component(number, 1) and not header.field(number).strip():
            return Fault(code="101", field=number, advice=f"MSH-{number} is needed")
    kind, event = header.component(_TYPE, 1), header.component(_TYPE, 2)
    if kind not in SUPPORTED:
        return Fault(code="200", field=_TYPE, advice=f"taken are {', '.join(SUPPORTED)}; it is kept and waits")
    if event not in SUPPORTED[kind] and (event or len(SUPPORTED[kind]) > 1):
        return Fault(code="201", field=_TYPE, advice="this event is not taken; it is kept and waits")
    if header.component(_PROCESSING, 1) not in {"", "P"}:
        return Fault(code="202", field=_PROCESSING, advice="only P (production) is brought in; it is kept and waits")
    version = header.component(_VERSION_FIELD, 1)
    if version and not _VERSION.match(version):
        return Fault(code="203", field=_VERSION_FIELD, advice="taken are versions 2.x; it is kept and waits")
    return None
