"""Events that end a consent, found in the records of the person: releases, discharges, final dispositions.

A booking with an end tells of a release from custody, any other stay with a bed of a discharge, a court event of a
disposition. They are looked for only where a consent ends with one, among the records confirmed to be the person's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from adapter.consent.expiry import DISCHARGE, DISPOSITION, RELEASED, Known
from adapter.fhir.codings import codings_of
from adapter.fhir.dates import interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.consent.segment import Segment
    from adapter.services.decisions import Decisions
    from adapter.store.shapes import ClinicalRow, ResourceWrite
    from adapter.store.survey import PersonRecords

BOOKING: Final = "https://sallyport.example/fhir/StructureDefinition/booking-encounter"
COURT_EVENT: Final = "https://sallyport.example/fhir/CodeSystem/court-event"
STAYS: Final = frozenset({"IMP", "ACUTE", "NONAC"})
"""Classes of an encounter with a bed, v3-ActCode."""
_COURT: Final = "court"
_OF_STAY: Final = ("status", "period", "class", "identifier")
_OF_COURT: Final = ("status", "effectiveDateTime", "effectivePeriod", "code", "identifier")
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
        self, change: PersonRecords, components: Sequence[frozenset[int]]
    ) -> Mapping[frozenset[int], Sequence[Known]]:
        """The events of each of these people, who are the records in a component."""
        return {component: await self._person(change, component) for component in components}

    async def _person(self, change: PersonRecords, component: frozenset[int]) -> list[Known]:
        stays = await self._segments(await change.clinical(component, "Encounter"))
        told = await _elements(change, stays, _OF_STAY)
        found = [self._stay(BOOKING in segment.profiles, told[rid]) for rid, segment in stays.items()]
        seen = await self._segments(await change.clinical(component, "Observation"))
        decided = {rid: segment for rid, segment in seen.items() if segment.domain == _COURT}
        told = await _elements(change, decided, _OF_COURT)
        found += [self._disposition(told[rid]) for rid in decided]
        return [one for one in found if one is not None]

    async def _segments(self, rows: Iterable[ClinicalRow]) -> dict[int, Segment]:
        return {row.rid: await self._decisions.segment(row.segment) for row in rows}

    def _stay(self, booking: bool, encounter: Mapping[str, Any]) -> Known | None:  # noqa: FBT001 - which of two kinds
        left = (encounter["period"] or {}).get("end")
        if left is None or encounter["status"] != "finished":
            return None
        if booking:
            return self._known(RELEASED, encounter, left)
        return self._known(DISCHARGE, encounter, left) if encounter["class"].get("code") in STAYS else None

    def _disposition(self, event: Mapping[str, Any]) -> Known | None:
        day = event["effectiveDateTime"] or (event["effectivePeriod"] or {}).get("start")
        if day is None or event["status"] in _VOID or (COURT_EVENT, DISPOSITION) not in codings_of(event["code"]):
            return None
        return self._known(DISPOSITION, event, day)

    def _known(self, event: str, resource: Mapping[str, Any], when: str) -> Known:
        start, stop = interval(when, self._zone)
        numbers = {(one.get("system", ""), one.get("value", "")) for one in resource["identifier"] or ()}
        return Known(event=event, start=start, stop=stop, identifiers=frozenset(numbers))


async def _elements(change: PersonRecords, rids: Iterable[int], names: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Some elements of stored resources; those that are no plain values come as JSON."""
    found: dict[int, dict[str, Any]] = {rid: {} for rid in rids}
    for name in names:
        for rid, value in (await change.elements(found, name)).items():
            found[rid][name] = orjson.loads(value) if isinstance(value, str) and value[0] in "{[" else value
    return found
