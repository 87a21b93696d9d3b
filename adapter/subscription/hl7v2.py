"""Notifications as HL7 v2 messages, one for each event: ADT for custody, ORU^R01 for results and everything else.

What is not told in full (other contents, recalls, handshakes, an event that is no longer permitted) has one shape: an
ORU^R01 without PID whose OBR-4 says what it is and whose OBR-3 has the id, if one may be named. What goes with a
resource goes with its message: confidentiality in MSH-8, every label in an ARV, every notice in NTE or, in ADT, OBX.

HL7 v2.5.1 chapters 3 and 7: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=144
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from adapter.fhir.codec import parse
from adapter.subscription.hl7v2_content import LOCAL, level, restrictions, told_of
from adapter.subscription.hl7v2_text import code, escaped, instant, joined, name, numbers, segment, time
from adapter.subscription.notification import CODES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from adapter.listening import Hl7Endpoint
    from adapter.subscription.notification import Event, Kind

_SEXES: Final = {"male": "M", "female": "F", "other": "O", "unknown": "U"}
_STRUCTURES: Final = {
    "ORU^R01": "ORU_R01",
    "ADT^A01": "ADT_A01",
    "ADT^A02": "ADT_A02",
    "ADT^A03": "ADT_A03",
    "ADT^A08": "ADT_A01",
}
"""HL7 table 0354."""
_CODECS: Final = {"ASCII": "ascii", "8859/1": "iso8859-1", "8859/15": "iso8859-15", "UNICODE UTF-8": "utf-8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """To whom a message goes, of which subscription and topic, and the zone that its times are in."""

    to: Hl7Endpoint
    subscription: str
    topic: str
    zone: tzinfo


def control_id(subscription: str, told: str) -> str:
    """MSH-10: the same for every repeat, at most 20 characters; an event's number is what follows the hyphen."""
    return f"{blake2b(subscription.encode(), digest_size=4).hexdigest().upper()}-{told}"


def quiet_message(kind: Kind, at: int, address: Address) -> tuple[bytes, str]:
    """A handshake or heartbeat: a message that tells of nobody. Its bytes and its control id."""
    control = control_id(address.subscription, f"{kind[0].upper()}{at // 1_000_000}")
    text = "Subscription handshake" if kind == "handshake" else "Subscription heartbeat"
    return _notice(control, at, kind, text, address), control


def event_message(event: Event, patients: Sequence[bytes], address: Address) -> tuple[bytes, str]:
    """The message of an event and its control id. ``patients`` are whom it is about, as they left the gate."""
    control = control_id(address.subscription, str(event.number))
    if event.notice != "event":
        text = "Entered in error" if event.notice == "recall" else "No longer permitted"
        return _notice(control, event.at, CODES[event.notice], text, address, event), control
    if event.body is None or not patients:
        return _notice(control, event.at, "event", "Event", address, event), control
    resource = parse(event.body)
    people = [parse(one) for one in patients]
    about = [resource, *people]
    told = told_of(resource, at=event.at, topic=address.topic, authorities=address.to.authorities, zone=address.zone)
    lines = [*told.before, _person(people, address), *restrictions(about), *told.rest]
    return _encoded(control, event.at, f"{told.kind}^{_STRUCTURES[told.kind]}", level(about), lines, address), control


def _notice(control: str, at: int, what: str, text: str, address: Address, event: Event | None = None) -> bytes:
    """The message that tells no content."""
    focus = event.focus if event is not None else None
    kind, _, ident = (focus or "").partition("/")
    gone = event is not None and event.notice != "event"
    status = "D" if gone else "F"
    told = {"subscription": ("ST", address.subscription)}
    if focus is not None:
        told |= {"topic": ("ST", address.topic), "resource-type": ("ST", kind)}
    if event is not None:
        told["event-number"] = ("NM", str(event.number))
    own = segment(
        "OBR",
        {
            1: "1",
            3: joined(escaped(ident), "SALLYPORT") if ident else "",
            4: code(what, text, LOCAL),
            7: instant(at, address.zone),
            25: "X" if gone else "F",
        },
    )
    lines = [
        segment("OBX", {1: str(place), 2: kind_of, 3: code(what_of, "", LOCAL), 5: escaped(said), 11: status})
        for place, (what_of, (kind_of, said)) in enumerate(told.items(), 1)
    ]
    return _encoded(control, at, f"ORU^R01^{_STRUCTURES['ORU^R01']}", "", [own, *lines], address)


def _encoded(control: str, at: int, kind: str, level: str, lines: Sequence[str], address: Address) -> bytes:
    """The bytes: in the receiver's character set, or where that cannot say it in UTF-8; MSH-18 tells which."""
    to = address.to
    accept, application = ("AL", "NE") if to.acknowledge == "enhanced" else ("", "")
    fields = [to.sender_application, to.sender_facility, to.application, to.facility, instant(at, address.zone), level]
    fields += [kind, control, to.processing, to.version, "", "", accept, application, ""]
    for charset in (to.charset, "UNICODE UTF-8"):
        head = "MSH|^~\\&|" + "|".join([*fields, charset])
        try:
            return ("\r".join([head, *lines]) + "\r").encode(_CODECS[charset])
        except UnicodeEncodeError:
            continue
    raise AssertionError("UTF-8 says every text that JSON can hold")


def _person(people: Sequence[Mapping[str, Any]], address: Address) -> str:
    """PID: numbers of every record that the subscriber sees to be this person's, names, birth, sex."""
    first, to = people[0], address.to
    return segment(
        "PID",
        {
            1: "1",
            3: numbers(people, to.identifiers, to.authorities),
            5: "~".join(name(one) for one in first.get("name", [])),
            7: time(first.get("birthDate")),
            8: _SEXES.get(first.get("gender", ""), ""),
        },
    )
