"""Functions on EVN, PV1, PV2 and SCH: what an event says of a visit, where the person is, when it happened.

HL7 v2-to-FHIR PV1[Encounter]: https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-pv1-to-encounter.html;
events: HL7 v2.9 chapter 3, section 3.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.mapping import moments
from adapter.mapping.functions.hl7 import Field, component, first_text
from adapter.mapping.functions.text import remarked
from adapter.mapping.registry import Coverage, function

if TYPE_CHECKING:
    from adapter.mapping.scope import Remarks

_FIRST = Coverage(frozenset({"1"}), first=True)
_STATUS: Final = {
    "A01": "in-progress",
    "A02": "in-progress",
    "A03": "finished",
    "A04": "planned",
    "A05": "planned",
    "A06": "in-progress",
    "A07": "in-progress",
    "A11": "cancelled",
    "A12": "in-progress",
    "A13": "in-progress",
}
"""What an event says by itself. Every other one says nothing about where a visit stands."""
_REOPENING = frozenset({"A11", "A13"})
"""Events that say that an end, if one is given, is no longer one."""
_PARTS = ("7", "8", "6", "4", "1", "2", "3")
"""Components of a location (PL) from the widest to the narrowest."""
_CODED = Coverage(frozenset({"1", "2", "3", "9"}), first=True)
_PLACE = frozenset("123456789")
_NO_MOVE = frozenset({"A03", "A11", "A13"})
"""Events that do not begin a stay anywhere: where the person is, they are since before."""
_SECONDS = len("2026-03-02T08:10:00")


@function(gives="text", event="text", end="field", reads={"end": _FIRST})
def visit_status(event: str | None, end: Field | None) -> str:
    """Status of the visit by event; finished where it has an end; `unknown` says nothing where a status is known."""
    if first_text(end) is not None and event not in _REOPENING:
        return "finished"
    return _STATUS.get(event or "", "unknown")


@function(gives="any", place="field", since="text", event="text", reads={"place": Coverage(_PLACE, first=True)})
def visit_location(place: Field | None, since: str | None, event: str | None) -> list[dict[str, Any]] | None:
    """Where the person is (PL), from when on; what was there before is closed when the visit is amended."""
    if event in _NO_MOVE:
        since = None
    if not place:
        return None
    parts = [text for number in _PARTS if (text := component(place[0], number))]
    words = " ".join(dict.fromkeys(parts)) or component(place[0], "9")
    if not words:
        return None
    number = "^".join(component(place[0], number) or "" for number in ("1", "2", "3", "4")).strip("^")
    where: dict[str, Any] = {"display": words}
    if number:
        where = {"identifier": {"value": number}, "display": words}
    entry: dict[str, Any] = {"location": where, "status": "active"}
    if since is not None:
        entry["period"] = {"start": since}
    return [entry]


@function(variadic=True, field="field", reads={"field": _FIRST})
def hl7_event_time(remarks: Remarks, *fields: Field | None) -> str | None:
    """When an event happened: the first of the fields that is a date and time."""
    for field in fields:
        text = first_text(field)
        read = moments.read_dtm(text, remarks.environment.clock) if text else None
        if read is not None and read.value is not None:
            return read.value
    return None


@function(field="field", component="literal", reads={"field": Coverage()})
def hl7_instant(remarks: Remarks, field: Field | None, component: str) -> str | None:
    """A component that is a DTM as instant; one without a time of day is not read, with a warning."""
    text = field[0].get(component, "").strip() if field else ""
    if not text:
        return None
    value = remarked(remarks, 0, moments.read_dtm(text, remarks.environment.clock))
    if value is not None and len(value) <= _SECONDS:
        remarks.unmapped(0, "time-expected")
        return None
    return value


@function(gives="any", field="field", system="literal", reads={"field": _CODED})
def hl7_coded(field: Field | None, system: str) -> dict[str, Any] | None:
    """A code of a table of HL7 as CodeableConcept, with the sender's words; `system` is that of the table."""
    if not field:
        return None
    code, words = component(field[0], "1"), component(field[0], "9") or component(field[0], "2")
    found: dict[str, Any] = {}
    if code:
        coding = {"system": system, "code": " ".join(code.split())} | ({"display": words} if words else {})
        found["coding"] = [coding]
    if words or code:
        found["text"] = words or code
    return found or None
