"""What others may be given of a resource that a client wrote: the elements the county agreed on, and no more.

Whoever wrote it is served it as it was written. For everyone else a narrative repeats what no one decided on, a note
names people, and a reference tells that there is something at its other end: so only what is listed here goes on, with
references to the person and to the public directory alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.identity.traits import MATCH_ONLY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RETAINED: Final = "retained"
"""Tier of what is kept for its writer alone: no class of data of any agreement holds it."""
AGREED: Final[Mapping[str, frozenset[str]]] = {
    kind: frozenset(names.split())
    for kind, names in {
        "Patient": "identifier active name gender birthDate deceasedBoolean deceasedDateTime",
        "Encounter": "identifier status class type period",
        "Observation": "status category code effectiveDateTime effectivePeriod effectiveInstant issued performer "
        "valueQuantity valueCodeableConcept valueString valueBoolean valueInteger valueRange valueDateTime valuePeriod "
        "valueTime dataAbsentReason interpretation component",
        "QuestionnaireResponse": "questionnaire status authored item",
        "Condition": "clinicalStatus verificationStatus category code onsetDateTime onsetPeriod abatementDateTime "
        "abatementPeriod recordedDate",
        "AllergyIntolerance": "clinicalStatus verificationStatus type category criticality code onsetDateTime "
        "recordedDate reaction",
    }.items()
}
"""The elements of each type that go on; of other types nothing does."""
_HELD_BACK: Final = frozenset({"extension", "id", "note", "assigner"})
"""Elements inside of others that stay: extensions nobody agreed on, remarks, who gave a number."""


def agreed(resource: Mapping[str, Any], public: Callable[[str], bool]) -> dict[str, Any] | None:
    """What goes on of a resource; None of a type of which nothing does.

    ``public`` tells whether a literal reference names an entry of the directory.
    """
    kept = AGREED.get(resource["resourceType"])
    if kept is None:
        return None
    found: dict[str, Any] = {"resourceType": resource["resourceType"]}
    meta = resource.get("meta") or {}
    if "profile" in meta:
        found["meta"] = {"profile": meta["profile"]}
    for name, value in resource.items():
        if name in kept:
            pruned = value if type(value) is str else _pruned(value, public)
            if pruned is not None:
                found[name] = pruned
    if found["resourceType"] == "Patient" and "identifier" in found:
        numbers = [one for one in found.pop("identifier") if "system" in one and "value" in one]
        if numbers := [one for one in numbers if one["system"] not in MATCH_ONLY]:
            found["identifier"] = numbers
    return found


def _pruned(value: Any, public: Callable[[str], bool]) -> Any:
    """A value without what stays; None where nothing is left of it."""
    if isinstance(value, dict):
        if type(value.get("reference")) is str:
            return {"reference": value["reference"]} if public(value["reference"]) else None
        kept = {}
        for name, inner in value.items():
            if name in _HELD_BACK or name[0] == "_":
                continue
            left = inner if type(inner) is str else _pruned(inner, public)
            if left is not None:
                kept[name] = left
        return kept or None
    if isinstance(value, list):
        return [left for inner in value if (left := _pruned(inner, public)) is not None] or None
    return value
