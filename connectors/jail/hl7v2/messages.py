"""Which HL7 v2 messages are read, by MSH-9, and which of those may reach production data.

HL7 v2.9 chapters 3 (ADT), 7 (ORU), 9 (MDM), 10 (SIU), 2.14.9 (MSH); tables 0003, 0076 and 0103:
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.jail.hl7v2.message import malformed

if TYPE_CHECKING:
    from adapter.source import Malformed
    from connectors.jail.hl7v2.message import Message

EVENTS: Final = {
    "ADT": frozenset(
        "A01 A02 A03 A04 A05 A06 A07 A08 A11 A12 A13 A17 A18 A28 A29 A31 A34 A40 A45 A47 A50".split()  # noqa: SIM905
    ),
    "ORU": frozenset({"R01"}),
    "MDM": frozenset({"T02"}),
    "SIU": frozenset({"S12", "S13", "S14", "S15"}),
}
"""The trigger events that are read, by message code."""
SEVERAL_PATIENTS: Final = frozenset({"A17", "A18", "A34", "A40", "A45", "A47", "A50"})
"""ADT events that may speak of two patients or more, each PID opening the group of one."""
_TYPE, _PROCESSING, _CODE, _EVENT = 9, 11, 1, 2


def event_of(message: Message) -> tuple[str, str]:
    """Message code and trigger event.

    Where MSH-9.2 is empty, EVN-1 says the event; an ORU has one event only. MSH-9.3 is never needed.
    """
    code, event = message.component(_TYPE, _CODE), message.component(_TYPE, _EVENT)
    if not event and code == "ORU":
        event = "R01"
    if not event:
        line = next((line for line in message.lines if line.name == "EVN"), None)
        event = line.field(1).strip() if line is not None else ""
    return code, event


def refused(message: Message) -> Malformed | None:
    """The fault of a message that is not read: of another kind, or not from production.

    A test or training message would put invented people among real ones, so it waits where nothing reads it.
    """
    code, event = event_of(message)
    line = message.lines[0].line
    if event not in EVENTS.get(code, ()):
        known = "; ".join(f"{code}^{', '.join(sorted(events))}" for code, events in EVENTS.items())
        return malformed(line, "MSH-9", "unsupported-message", f"one of {known}", message.raw)
    if message.component(_PROCESSING, 1) not in {"", "P"}:
        return malformed(line, "MSH-11", "not-production", "MSH-11 to be P (production)", message.raw)
    return None
