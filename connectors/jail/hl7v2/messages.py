"""What an HL7 v2 message is, by MSH-9; which are read is said by their header (`header.SUPPORTED`).

HL7 v2.9 chapters 3 (ADT) and 2.14.9 (MSH); table 0003:
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.jail.hl7v2.header import SUPPORTED

if TYPE_CHECKING:
    from connectors.jail.hl7v2.message import Message

SEVERAL_PATIENTS: Final = frozenset({"A17", "A18", "A34", "A40", "A45", "A47", "A50"})
"""ADT events that may speak of two patients or more, each PID opening the group of one."""


def event_of(message: Message) -> tuple[str, str]:
    """Message code and trigger event; a code of which one event is read needs none. MSH-9.3 and MSH-12 say no more."""
    code, event = message.component(9, 1), message.component(9, 2)
    known = SUPPORTED.get(code, frozenset())
    return code, event or (next(iter(known)) if len(known) == 1 else "")
