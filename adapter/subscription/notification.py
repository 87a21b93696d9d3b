"""Notifications: bundles of type `history` whose first entry is the status of the subscription, as R4 Parameters.

Resources go in as the bytes that left the gate. An entry of an event that is not permitted any more has its number and
no focus.

https://hl7.org/fhir/uv/subscriptions-backport/notifications.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson

from adapter.fhir.instants import instant_text
from adapter.subscription.wish import GUIDE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Kind = Literal["handshake", "heartbeat", "event-notification", "query-status", "query-event"]
Notice = Literal["event", "recall", "stop"]

STATUS_PROFILE: Final = f"{GUIDE}/backport-subscription-status-r4"
NOTICE: Final = "https://sallyport.example/fhir/StructureDefinition/event-notice"
"""On an event: `entered-in-error` takes back an id that the subscriber holds, `no-longer-permitted` says to stop."""
CODES: Final[dict[Notice, str]] = {"recall": "entered-in-error", "stop": "no-longer-permitted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event as told: its number, instant and, where it may be named, its focus (``Type/id``).

    ``body`` is the focus as it left the gate, for whoever is sent whole resources.
    """

    number: int
    at: int
    notice: Notice = "event"
    focus: str | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What every notification says of its subscription. ``topic`` is left out where nothing is to be said of it."""

    subscription: str
    topic: str | None
    status: str
    events: int
    errors: tuple[str, ...] = ()


def status_of(heading: Heading, kind: Kind, events: Sequence[Event] = (), *, base_url: str) -> dict[str, Any]:
    """The status of a subscription as Parameters."""
    parameters: list[dict[str, Any]] = [
        {"name": "subscription", "valueReference": {"reference": f"{base_url}/Subscription/{heading.subscription}"}}
    ]
    if heading.topic is not None:
        parameters.append({"name": "topic", "valueCanonical": heading.topic})
    parameters += [
        {"name": "status", "valueCode": heading.status},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(heading.events)},
    ]
    parameters += [_event(event, base_url) for event in events]
    parameters += [{"name": "error", "valueCodeableConcept": {"text": text}} for text in heading.errors]
    return {"resourceType": "Parameters", "meta": {"profile": [STATUS_PROFILE]}, "parameter": parameters}


def _event(event: Event, base_url: str) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"name": "event-number", "valueString": str(event.number)},
        {"name": "timestamp", "valueInstant": instant_text(event.at)},
    ]
    if event.focus is not None:
        parts.append({"name": "focus", "valueReference": {"reference": f"{base_url}/{event.focus}"}})
    told: dict[str, Any] = {"name": "notification-event"}
    if event.notice != "event":
        told["extension"] = [{"url": NOTICE, "valueCode": CODES[event.notice]}]
    return told | {"part": parts}


def notification(heading: Heading, kind: Kind, events: Sequence[Event] = (), *, at: int, base_url: str) -> bytes:
    """The bytes of a notification."""
    status = status_of(heading, kind, events, base_url=base_url)
    first = {
        "resource": status,
        "request": {"method": "GET", "url": f"{base_url}/Subscription/{heading.subscription}/$status"},
        "response": {"status": "200"},
    }
    entries = [orjson.dumps(first), *_entries(events, base_url)]
    opening = {"resourceType": "Bundle", "type": "history", "timestamp": instant_text(at)}
    return orjson.dumps(opening)[:-1] + b',"entry":[' + b",".join(entries) + b"]}"


def _entries(events: Sequence[Event], base_url: str) -> Iterator[bytes]:
    """One entry for each focus; of a resource that several events are about, one."""
    listed: dict[str, Event] = {event.focus: event for event in events if event.focus is not None}
    for focus, event in listed.items():
        address = f"{base_url}/{focus}"
        gone = event.notice != "event"
        done = {
            "request": {"method": "DELETE" if gone else "PUT", "url": focus},
            "response": {"status": "410" if gone else "200"},
        }
        head = b'{"fullUrl":' + orjson.dumps(address)
        resource = b',"resource":' + event.body if event.body is not None and not gone else b""
        yield head + resource + b"," + orjson.dumps(done)[1:]
