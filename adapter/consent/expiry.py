"""Events that end a consent: release from custody, discharge, final disposition, the end of treatment.

A consent that ends with an event carries it in an extension; once the event is known the consent has ended, at the
instant of the event, whatever its last day. An event that is not known ends nothing: then the last day does.

42 CFR 2.31(a)(7), 2.35(b); 45 CFR 164.508(b)(2)(i).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from adapter.consent.criteria import ActorCriterion
from adapter.consent.names import listed, literal_key
from adapter.consent.outcome import DENY
from adapter.consent.provision import Provision
from adapter.consent.vocabulary import CANONICAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EXPIRY_EVENT: Final = f"{CANONICAL}/StructureDefinition/expiry-event"
EVENT_SYSTEM: Final = f"{CANONICAL}/CodeSystem/expiry-event"

RELEASED: Final = "release"
DISCHARGE: Final = "discharge"
DISPOSITION: Final = "disposition"
END_OF_TREATMENT: Final = "end-of-treatment"
NO_END: Final = "none"

EVENTS: Final[Mapping[str, str]] = {
    RELEASED: "release from custody",
    DISCHARGE: "discharge from inpatient care",
    DISPOSITION: "final disposition of the case",
    END_OF_TREATMENT: "the end of treatment",
    NO_END: "no end",
}
"""Every event that can end a consent, in words. Nothing that is received tells of the last two."""

OPEN_ENDED: Final = frozenset({END_OF_TREATMENT, NO_END})
"""Allowed for treatment, payment and operations alone, 42 CFR 2.31(a)(7)."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Expiry:
    """An event that ends a consent; of the case or booking (``system``, ``value``) where one is named.

    With ``recipients``, Organization references, it ends the consent for these alone.
    """

    event: str
    system: str = ""
    value: str = ""
    recipients: tuple[str, ...] = ()

    def extension(self) -> dict[str, Any]:
        """The extension that says it."""
        parts: list[dict[str, Any]] = [{"url": "event", "valueCode": self.event}]
        if self.value:
            parts.append({"url": "identifier", "valueIdentifier": {"system": self.system, "value": self.value}})
        parts += [{"url": "recipient", "valueReference": {"reference": one}} for one in self.recipients]
        return {"url": EXPIRY_EVENT, "extension": parts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An event that is known of a person: ``[start, stop)`` is when it was, as exactly as anybody said.

    ``identifiers`` are the numbers of the case or booking, (system, value) each. Instants are epoch microseconds.
    """

    event: str
    start: int
    stop: int
    identifiers: frozenset[tuple[str, str]] = field(default_factory=frozenset)


def expiries(consent: Mapping[str, Any]) -> tuple[tuple[Expiry, ...], bool]:
    """The events that end a Consent, and whether one of them cannot be read. Never raises."""
    found: set[Expiry] = set()
    unread = False
    for one in listed(consent.get("extension")):
        if isinstance(one, dict) and one.get("url") == EXPIRY_EVENT:
            expiry = _read(one.get("extension"))
            if expiry is None:
                unread = True
            else:
                found.add(expiry)
    return tuple(sorted(found)), unread


def _read(parts: object) -> Expiry | None:
    """One extension; None where a part is missing, unknown or of the wrong shape."""
    event, number, recipients = "", ("", ""), []
    for part in listed(parts):
        match part:
            case {"url": "event", "valueCode": str(code)} if code in EVENTS:
                event = code
            case {"url": "identifier", "valueIdentifier": {"system": str(system), "value": str(value)}}:
                number = (system, value)
            case {"url": "recipient", "valueReference": {"reference": str(reference)}} if literal_key(reference):
                recipients.append(reference)
            case _:
                return None
    if not event:
        return None
    return Expiry(event=event, system=number[0], value=number[1], recipients=tuple(sorted(recipients)))


def end(expiry: Expiry, since: int, known: Iterable[Known]) -> int | None:
    """The instant at which ``expiry`` ends a consent signed at ``since``, or None while nothing is known.

    Where no case or booking is named, only what came after the signature counts. A day that nobody knows the hour of
    counts from its start.
    """
    ends = [
        max(one.start, since) if not expiry.value else one.start
        for one in known
        if one.event == expiry.event
        and ((expiry.system, expiry.value) in one.identifiers if expiry.value else one.stop > since)
    ]
    return min(ends, default=None)


def ended(found: Sequence[Expiry], since: int, known: Sequence[Known], instant: int) -> tuple[Provision, ...] | None:
    """What events have made of a consent by ``instant``: None if it has ended, else the denials they add.

    A consent that has ended for some recipients goes on for the others; the denials name the former.
    """
    denials = []
    for index, expiry in enumerate(found):
        at = end(expiry, since, known)
        if at is None or instant < at:
            continue
        if not expiry.recipients:
            return None
        names = frozenset(filter(None, map(literal_key, expiry.recipients)))
        denials.append(Provision(DENY, f"extension[{index}]", (ActorCriterion(names),)))
    return tuple(denials)
