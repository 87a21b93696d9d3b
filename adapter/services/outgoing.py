"""What leaves to a subscriber, as its channel has it: a bundle over a rest-hook, an HL7 v2 message, a file of alerts.

Channels that know nobody by our ids tell whom an event is about. Those Patients pass the gate and stand in the ledger
like the resource itself, and they are those that the subscriber sees to be one person, no others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapter.fhir.codec import parse
from adapter.listening import AlertsEndpoint, Hl7Endpoint
from adapter.subscription.alerts_csv import alerts_file, jacket
from adapter.subscription.channel import REST_HOOK
from adapter.subscription.hl7v2 import Address, event_message, quiet_message
from adapter.subscription.notification import notification

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.services.announcing import Announcing
    from adapter.services.disclose import Caller, Served
    from adapter.services.subscribed import Subscribed
    from adapter.store.subscriptions import EventRow
    from adapter.subscription.notification import Event, Heading, Kind

Persons = dict[int, tuple[str, ...]]
"""The Patients (``Patient/id``) that a subscriber sees to be one person, the record's own first, by patient key."""
_SECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What leaves: bytes, the name by which the receiver tells a repeat, and what has to lie beside it."""

    body: bytes
    name: str = ""
    beside: bytes = b""


class Outgoing:
    """Writes what leaves. ``registered`` finds what a client (and organisation) registered under an address."""

    def __init__(
        self,
        gate: Announcing,
        registered: Callable[[str, str, str], Hl7Endpoint | AlertsEndpoint | None],
        *,
        base_url: str,
        zone: ZoneInfo,
    ) -> None:
        self._gate = gate
        self._registered = registered
        self._base_url = base_url
        self._zone = zone

    def place(self, one: Subscribed) -> Hl7Endpoint | AlertsEndpoint | None:
        """Where a subscription is told, as it is registered now; None for a rest-hook."""
        if one.wish.channel == REST_HOOK:
            return None
        partner = one.row.organisation.removeprefix("Organization/")
        return self._registered(one.row.client, partner, one.wish.endpoint)

    def is_open(self, one: Subscribed) -> bool:
        """Whether a subscription may be told where it asked to be."""
        place = self.place(one)
        return one.wish.channel == REST_HOOK or (place is not None and place.channel == one.wish.channel)

    async def persons(self, callers: Sequence[Caller], one: Subscribed, rows: Sequence[EventRow]) -> Persons:
        """Whom events are about; nobody for channels and contents that name no one."""
        if one.wish.channel == REST_HOOK or one.wish.content != "full-resource":
            return {}
        keys = dict.fromkeys(row.patient for row in rows if row.notice == "event")
        return {key: await self._gate.persons(callers[0], key) for key in keys}

    def untold(self, one: Subscribed, row: EventRow, found: Mapping[str, Served], persons: Persons) -> bool:
        """Whether this channel cannot tell a permitted event: nobody there is known by a number of the receiver's."""
        place = self.place(one)
        if not isinstance(place, AlertsEndpoint):
            return False
        return not jacket([parse(one) for one in _people(persons.get(row.patient, ()), found)], place)

    def quiet(self, one: Subscribed, heading: Heading, kind: Kind, at: int) -> Message:
        """A notification that tells of nobody."""
        place = self.place(one)
        if isinstance(place, Hl7Endpoint):
            body, name = quiet_message(kind, at, self._address(one, place))
            return Message(body=body, name=name)
        if isinstance(place, AlertsEndpoint):
            body, _ = alerts_file([], place, topic=one.topic.spec.topic, zone=self._zone)
            return Message(body=body, name=f"sallyport-{one.row.id}-{kind}-{at // _SECOND}.csv")
        return Message(body=notification(heading, kind, at=at, base_url=self._base_url))

    def events(
        self,
        one: Subscribed,
        heading: Heading,
        told: Sequence[tuple[EventRow, Event]],
        found: Mapping[str, Served],
        persons: Persons,
        at: int,
    ) -> Message:
        """A notification of events."""
        place = self.place(one)
        events = [event for _, event in told]
        if place is None:
            body = notification(heading, "event-notification", events, at=at, base_url=self._base_url)
            return Message(body=body)
        pairs = [(event, _people(persons.get(row.patient, ()), found)) for row, event in told]
        if isinstance(place, Hl7Endpoint):
            ((event, people),) = pairs
            body, name = event_message(event, people, self._address(one, place))
            return Message(body=body, name=name)
        body, beside = alerts_file(pairs, place, topic=one.topic.spec.topic, zone=self._zone)
        numbers = f"{events[0].number:09d}" + (f"-{events[-1].number:09d}" if len(events) > 1 else "")
        return Message(body=body, name=f"sallyport-{one.row.id}-{numbers}.csv", beside=beside)

    def _address(self, one: Subscribed, place: Hl7Endpoint) -> Address:
        return Address(to=place, subscription=one.row.id, topic=one.topic.url, zone=self._zone)


def _people(names: Sequence[str], found: Mapping[str, Served]) -> list[bytes]:
    """The Patients of a person as they left the gate; nobody where the record's own did not."""
    if not names or names[0] not in found:
        return []
    return [found[name].body for name in names if name in found]
