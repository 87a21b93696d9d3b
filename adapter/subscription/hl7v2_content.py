"""Resources as the segments of an HL7 v2 message: results, custody, consents; and what has to be said with them.

HL7 v2.5.1 chapters 3 and 7: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=144
ARV: HL7 v2.8.2 chapter 3, https://www.hl7.org/implement/standards/product_brief.cfm?product_id=403
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adapter.subscription.channel import CUSTODY
from adapter.subscription.hl7v2_text import code, coded, escaped, instant, joined, number, segment, time, value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

LOCAL: Final = "99SALLYPORT"
"""Table 0396 name of the codes of ours that say what a message or a line of it is."""
NOTICE: Final = "https://sallyport.example/fhir/StructureDefinition/disclosure-notice"
_CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_LEVELS: Final = ("U", "L", "M", "N", "R", "V")
_STATUS: Final = {
    "final": "F",
    "preliminary": "P",
    "registered": "I",
    "amended": "C",
    "corrected": "C",
    "cancelled": "X",
}
"""Observation.status by HL7 tables 0085 and 0123."""
_CLASSES: Final = {"IMP": "I", "ACUTE": "I", "NONAC": "I", "AMB": "O", "EMER": "E", "PRENC": "P"}
"""Encounter.class by HL7 table 0004; every other is N, not applicable."""
_ALWAYS: Final = frozenset({"resourceType", "id", "meta", "subject", "status", "text"})
_VALUES: Final = ("CodeableConcept", "Quantity", "Integer", "String", "Boolean", "DateTime", "Time", "Period", "Range")
_TOLD: Final[Mapping[str, frozenset[str]]] = {
    "Observation": _ALWAYS
    | {"code", "effectiveDateTime", "effectivePeriod", "issued", "component", "note", "identifier", "category"}
    | {"dataAbsentReason", "interpretation", "performer", "valueRatio"}
    | {f"value{kind}" for kind in _VALUES},
    "Encounter": _ALWAYS | {"class", "type", "period", "identifier", "location", "hospitalization", "serviceProvider"},
}
"""Elements that a message has a place for; whatever else there is is named in it."""
_PROVISIONS: Final = "what this consent permits is not told here; it is read over FHIR by its id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A resource as it is told: the kind of message, and its segments before and after PID."""

    kind: str
    rest: list[str]
    before: tuple[str, ...] = ()


def told_of(resource: Mapping[str, Any], *, at: int, topic: str, authorities: Mapping[str, str], zone: tzinfo) -> Told:
    """A resource of a topic as an event of the instant ``at``; ``authorities`` are the receiver's names of systems."""
    kind = resource["resourceType"]
    if kind == "Encounter":
        return _custody(resource, instant(at, zone), CUSTODY.get(topic.rpartition("/")[2], "A08"), authorities)
    return _result(resource, authorities) if kind == "Observation" else _consent(resource)


def _labels(resources: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for one in resources:
        for label in one.get("meta", {}).get("security", []):
            found.setdefault((label.get("system", ""), label.get("code", "")), label)
    return list(found.values())


def level(resources: Sequence[Mapping[str, Any]]) -> str:
    """MSH-8: the highest confidentiality of what is told."""
    found = [one.get("code") for one in _labels(resources) if one.get("system") == _CONFIDENTIALITY]
    known = [one for one in found if one in _LEVELS]
    return max(known, key=_LEVELS.index) if known else ""


def restrictions(resources: Sequence[Mapping[str, Any]]) -> list[str]:
    """ARV: every security label of what is told, but that it is of normal confidentiality."""
    labels = [one for one in _labels(resources) if (one.get("system"), one.get("code")) != (_CONFIDENTIALITY, "N")]
    return [
        segment("ARV", {1: str(place), 2: "A", 3: coded({"coding": [label]})}) for place, label in enumerate(labels, 1)
    ]


def notices(resource: Mapping[str, Any]) -> list[str]:
    """What has to be said with a resource, such as 42 CFR 2.32: its statements, each with scope and authority."""
    told = []
    for one in resource.get("meta", {}).get("extension", []):
        if one.get("url") == NOTICE:
            parts = [str(part.get("valueString", part.get("valueUri", ""))) for part in one.get("extension", [])]
            told.append("\n".join(parts))
    return told


def _unsaid(resource: Mapping[str, Any]) -> list[str]:
    more = sorted(set(resource) - _TOLD[resource["resourceType"]])
    return [f"not carried by this message: {', '.join(more)}"] if more else []


def _remarks(texts: Sequence[str]) -> list[str]:
    return [segment("NTE", {1: str(place), 2: "L", 3: escaped(text)}) for place, text in enumerate(texts, 1)]


def _numbered(observed: Sequence[dict[int, str]]) -> list[str]:
    return [segment("OBX", {1: str(place)} | one) for place, one in enumerate(observed, 1)]


def beside(kind: str, what: str, said: str) -> dict[int, str]:
    """An OBX of ours: its type, what it says by a code of ours, and the value, escaped."""
    return {2: kind, 3: code(what, "", LOCAL), 5: said, 11: "F"}


def _result(resource: Mapping[str, Any], authorities: Mapping[str, str]) -> Told:
    """An Observation as a report of one result."""
    period = resource.get("effectivePeriod", {})
    when = time(resource.get("effectiveDateTime", period.get("start")))
    status = _STATUS.get(resource.get("status", ""), "")
    own = {
        1: "1",
        3: joined(escaped(resource["id"]), "SALLYPORT"),
        4: coded(resource.get("code")),
        7: when,
        8: time(period.get("end")),
        22: time(resource.get("issued", resource.get("meta", {}).get("lastUpdated"))),
        25: status,
    }
    said = [*notices(resource), *(one.get("text", "") for one in resource.get("note", [])), *_unsaid(resource)]
    observed = [*_observed(resource, status or "F", when)]
    observed += [beside("CX", "identifier", number(one, authorities)) for one in resource.get("identifier", [])]
    observed += [beside("CWE", "category", coded(one)) for one in resource.get("category", [])]
    named = [one.get("display", one.get("reference", "")) for one in resource.get("performer", [])]
    observed += [beside("ST", "performer", escaped(one)) for one in named]
    return Told(kind="ORU^R01", rest=[segment("OBR", own), *_remarks(said), *_numbered(observed)])


def _observed(resource: Mapping[str, Any], status: str, when: str) -> Iterator[dict[int, str]]:
    """OBX for the value and for each component; one without a value for a result that has neither."""
    parts = [one for one in (resource, *resource.get("component", [])) if value(one) or "dataAbsentReason" in one]
    for place, one in enumerate(parts or [resource]):
        kind, text, unit = value(one) or ("CWE", "", "")
        part = {} if one is resource else {4: str(place)}
        flags = "~".join(coded(item).partition("^")[0] for item in one.get("interpretation", []))
        yield part | {2: kind, 3: coded(one.get("code")), 5: text, 6: unit, 8: flags, 11: status, 14: when}
        if "dataAbsentReason" in one:
            yield part | beside("CWE", "data-absent-reason", coded(one["dataAbsentReason"]))


def _custody(resource: Mapping[str, Any], at: str, trigger: str, authorities: Mapping[str, str]) -> Told:
    """An Encounter as an event of ADT."""
    period, held = resource.get("period", {}), resource.get("hospitalization", {})
    left = coded(held.get("dischargeDisposition"))
    own = {
        1: "1",
        2: _CLASSES.get(resource.get("class", {}).get("code", ""), "N"),
        3: _place(resource),
        19: _visit(resource, authorities),
        36: left.partition("^")[0],
        44: time(period.get("start")),
        45: time(period.get("end")),
    }
    observed = [beside("ST", "encounter", escaped(resource["id"]))]
    observed.append(beside("ST", "status", escaped(resource.get("status", ""))))
    observed += [beside("CWE", "type", coded(one)) for one in resource.get("type", [])]
    observed += [beside("CWE", "discharge-disposition", left)] if left else []
    observed += [beside("FT", "disclosure-notice", escaped(text)) for text in notices(resource)]
    observed += [beside("FT", "remark", escaped(text)) for text in _unsaid(resource)]
    happened = time(period.get({"A01": "start", "A03": "end"}.get(trigger, "")))
    return Told(
        kind=f"ADT^{trigger}",
        before=(segment("EVN", {1: trigger, 2: at, 6: happened}),),
        rest=[segment("PV1", own), *_numbered(observed)],
    )


def _visit(resource: Mapping[str, Any], authorities: Mapping[str, str]) -> str:
    """PV1-19: the booking number, or our id of the booking where it has none."""
    listed = resource.get("identifier", [])
    typed = [one for one in listed if any(part.get("code") == "VN" for part in one.get("type", {}).get("coding", []))]
    for one in (*typed, *listed):
        return number(one, authorities)
    return joined(escaped(resource["id"]), "", "", "SALLYPORT", "VN")


def _place(resource: Mapping[str, Any]) -> str:
    """PV1-3: where somebody is now."""
    listed = resource.get("location", [])
    now = [one for one in listed if one.get("status", "active") == "active" and "end" not in one.get("period", {})]
    place = (now or listed[-1:] or [{}])[-1].get("location", {})
    ident, display = place.get("reference", "").rpartition("/")[2], place.get("display", "")
    house = resource.get("serviceProvider", {})
    facility = house.get("display", house.get("reference", "").rpartition("/")[2])
    first = escaped(ident or display)
    return joined(first, "", "", escaped(facility), "", "", "", "", escaped(display) if ident else "")


def _consent(resource: Mapping[str, Any]) -> Told:
    """A share of a consent: that there is one, how it stands and for how long. What it permits is not cut into fields.

    Provisions hold exceptions to exceptions; a flat list of them would read as wider than what was signed.
    """
    period = resource.get("provision", {}).get("period", {})
    own = {
        1: "1",
        3: joined(escaped(resource["id"]), "SALLYPORT"),
        4: code("59284-0", "Patient Consent", "LN"),
        7: time(resource.get("dateTime")),
        25: "F",
    }
    observed = [beside("CWE", "consent-status", code(resource.get("status", ""), "", "99FHIRCONSENTSTATE"))]
    if period:
        observed.append(beside("DR", "consent-period", joined(time(period.get("start")), time(period.get("end")))))
    observed += [beside("CWE", "consent-category", coded(one)) for one in resource.get("category", [])]
    holders = [one.get("reference", "") for one in resource.get("organization", [])]
    observed += [beside("ST", "consent-custodian", escaped(one)) for one in holders]
    said = [*notices(resource), _PROVISIONS]
    return Told(kind="ORU^R01", rest=[segment("OBR", own), *_remarks(said), *_numbered(observed)])
