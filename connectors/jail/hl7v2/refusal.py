"""A message that is answered as of no use is of no use however it came: what is answered AR is never brought in.

HL7 v2.9 chapter 2, section 2.9.2.1, table 0357:
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.jail.hl7v2.header import fault_of, read_header
from connectors.jail.hl7v2.message import malformed

if TYPE_CHECKING:
    from adapter.source import Malformed
    from connectors.jail.hl7v2.message import Message

_TYPE = 9
_CODES: Final = {
    "101": ("missing-field", "a value"),
    "200": ("unsupported-message", "a message type that is taken"),
    "201": ("unsupported-message", "an event that is taken"),
    "202": ("not-production", "MSH-11 to be P (production)"),
    "203": ("unsupported-version", "version 2.x"),
}


def refused(message: Message, line: int) -> Malformed | None:
    """The fault of a message, at its line, whose header says that it is not to be used."""
    header = read_header(message.raw)
    fault = None if header is None else fault_of(header)
    if fault is None:
        return None
    # A message that does not say what it is is one of no kind that is read.
    code, expected = _CODES["200" if fault.field == _TYPE else fault.code]
    return malformed(line, f"MSH-{fault.field}", code, expected, message.raw)
