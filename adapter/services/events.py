"""Events that end a consent, found in the records of the person: releases, discharges, final dispositions.

A booking with an end tells of a release from custody, any other stay with a bed of a discharge, a court event of a
disposition. They are looked for only where a consent ends with one, among the records confirmed to be the person's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.consent.expiry import DISCHARGE, DISPOSITION, RELEASED, Known
from adapter.fhir.codec import parse
from adapter.fhir.codings import codings_of
from adapter.fhir.dates import interval
from adapter.fhir.served import Parts, join

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.services.decisions import Decisions
    from adapter.store.port import Transaction
    from adapter.store.shapes import ResourceWrite, StoredResource

BOOKING: Final = "https://sallyport.example/fhir/StructureDefinition/booking-encounter"
COURT_EVENT: Final = "https://sallyport.example/fhir/CodeSystem/court-event"
STAYS: Final = frozenset({"IMP", "ACUTE", "NONAC"})
"""Classes of an encounter with a bed, v3-ActCode."""
_COURT: Final = "court"
_VOID: Final = frozenset({"entered-in-error", "cancelled"})


class KnownEvents:
    """Finds the events of a person inside the transaction that writes what is in force. ``zone`` reads bare dates."""

    def __init__(self, decisions: Decisions, zone: ZoneInfo) -> None:
        self._decisions = decisions
        self._zone = zone

    async def tells(self, write: ResourceWrite) -> bool:
        """Whether a resource may tell of an event."""
        if write.type == "Observation":
            return (await self._decisions.segment(write.segment)).domain == _COURT
        return write.type == "Encounter"

    async def of(
        self, change: Transaction, components: Sequence[frozenset[int]]
    ) -> Mapping[frozenset[int], Sequence[Known]]:
        """The events of each of these people, who are the records in a component."""
        return {component: await self._person(change, component) for component in components}

    async def _person(self, change: Transaction, component: frozenset[int]) -> list[Known]:
        rids = [row.rid for row in await change.clinical(component, "Encounter")]
        rids += [
            row.rid
            for row in await change.clinical(component, "Observation")
            if (await self._decisions.segment(row.segment)).domain == _COURT
        ]
        found = (self._event(row) for row in await change.rows(rids))
        return [one for one in found if one is not None]

    def _event(self, row: StoredResource) -> Known | None:
        resource = parse(join(Parts(head=row.head, tail=row.tail)))
        return self._stay(resource) if row.type == "Encounter" else self._decided(resource)

    def _stay(self, encounter: Mapping[str, Any]) -> Known | None:
        left = encounter.get("period", {}).get("end")
        if left is None or encounter["status"] != "finished":
            return None
        if BOOKING in encounter["meta"].get("profile", ()):
            return self._known(RELEASED, encounter, left)
        return self._known(DISCHARGE, encounter, left) if encounter["class"].get("code") in STAYS else None

    def _decided(self, event: Mapping[str, Any]) -> Known | None:
        day = event.get("effectiveDateTime") or event.get("effectivePeriod", {}).get("start")
        if day is None or event["status"] in _VOID or (COURT_EVENT, DISPOSITION) not in codings_of(event["code"]):
            return None
        return self._known(DISPOSITION, event, day)

    def _known(self, event: str, resource: Mapping[str, Any], when: str) -> Known:
        start, stop = interval(when, self._zone)
        numbers = {(one.get("system", ""), one.get("value", "")) for one in resource.get("identifier", ())}
        return Known(event=event, start=start, stop=stop, identifiers=frozenset(numbers))
