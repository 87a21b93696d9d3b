"""Rules of the profiles a resource claims in ``meta.profile``.

Two profiles matter to what Sallyport shares. The US Core screening profile says what a reader may count
on. The screening summary is our own: it must hold nothing from which items, narrative, the visit or the
program behind it could be learned, because it is what leaves the county.

US Core: https://hl7.org/fhir/us/core/StructureDefinition-us-core-observation-screening-assessment.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import Issue
from adapter.fhir.rules import OBSERVATION_VALUES, has_coding, invariant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Resource = Mapping[str, Any]
    Rule = Callable[[Resource], list[Issue]]

CANONICAL: Final = "https://sallyport.example/fhir"
SCREENING_SUMMARY: Final = f"{CANONICAL}/StructureDefinition/screening-summary"
US_CORE_SCREENING: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-screening-assessment"
OBSERVATION_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
UCUM: Final = "http://unitsofmeasure.org"

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LEFT_OUT: Final = (
    "component",
    "hasMember",
    "derivedFrom",
    "note",
    "text",
    "contained",
    "identifier",
    "encounter",
    "basedOn",
    "partOf",
    "focus",
    "specimen",
    "device",
    "issued",
)
"""Elements a summary never holds: content, or references and times that identify the visit or its source."""


def _us_core_screening(resource: Resource) -> list[Issue]:
    """us-core-1 to us-core-3, the required category and the required subject."""
    found = []
    effective = resource.get("effectiveDateTime", "")
    if effective and len(effective) < len("YYYY-MM-DD"):
        found.append(invariant("Observation.effective", "us-core-1", "expected a date to the day at least"))
    if "component" not in resource and "hasMember" not in resource and not _valued(resource):
        message = "expected `value[x]` or `dataAbsentReason` where there is no component and no member"
        found.append(invariant("Observation", "us-core-2", message))
    for part in (resource, *resource.get("component", ())):
        quantity = part.get("valueQuantity")
        if quantity and "code" in quantity and quantity.get("system") != UCUM:
            found.append(invariant("Observation.value", "us-core-3", "expected a UCUM unit"))
    if not any(has_coding(concept, OBSERVATION_CATEGORY, "survey") for concept in resource.get("category", ())):
        message = "expected a category survey of observation-category"
        found.append(Issue(path="Observation.category", code="required", message=message))
    if "subject" not in resource:
        found.append(Issue(path="Observation.subject", code="required", message="expected a subject"))
    return found


def _valued(resource: Resource) -> bool:
    return "dataAbsentReason" in resource or not OBSERVATION_VALUES.isdisjoint(resource)


def _screening_summary(resource: Resource) -> list[Issue]:
    """What a screening summary may not hold, and what it must."""
    found = [
        invariant(f"Observation.{name}", "summary-1", "a screening summary leaves this out")
        for name in _LEFT_OUT
        if name in resource
    ]
    for index, performer in enumerate(resource.get("performer", ())):
        if performer.keys() - {"display"}:
            path = f"Observation.performer[{index}]"
            found.append(invariant(path, "summary-2", "expected a display only, no reference or identifier"))
    effective = resource.get("effectiveDateTime")
    if not isinstance(effective, str) or _DAY.fullmatch(effective) is None:
        found.append(invariant("Observation.effective", "summary-3", "expected `effectiveDateTime` as YYYY-MM-DD"))
    if not _valued(resource):
        found.append(invariant("Observation", "summary-4", "expected `value[x]` or `dataAbsentReason`"))
    if not resource["meta"].get("security"):
        found.append(invariant("Observation.meta.security", "summary-5", "expected at least one label"))
    return found


CLAIMS: Final[Mapping[str, tuple[str, Rule]]] = {
    SCREENING_SUMMARY: ("Observation", _screening_summary),
    US_CORE_SCREENING: ("Observation", _us_core_screening),
}
"""For each profile: the type it constrains and its rule."""


def claimed(resource: Resource) -> list[Issue]:
    """What the resource breaks of the profiles it claims. Profiles that are not known claim nothing here."""
    found: list[Issue] = []
    for profile in resource.get("meta", {}).get("profile", ()):
        if profile in CLAIMS:
            kind, rule = CLAIMS[profile]
            if resource["resourceType"] != kind:
                message = f"expected a resource of type {kind} to claim this profile"
                found.append(Issue(path=f"{resource['resourceType']}.meta.profile", code="structure", message=message))
            else:
                found.extend(rule(resource))
    return found
