"""What a profile says of a single value: fixed and pattern values, required codes, the targets of references.

https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.fixed_x_ and
https://hl7.org/fhir/R4/terminologies.html#required
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from adapter.fhir.fhirpath_functions import same

if TYPE_CHECKING:
    from collections.abc import Mapping

    Codes = Mapping[str, frozenset[str] | None]

_REFERENCE: Final = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}(?:/_history/[A-Za-z0-9.-]{1,64})?\Z")
ANY: Final = "Resource"


def fits(pattern: object, value: object) -> bool:
    """Whether a value holds everything a pattern says, and maybe more."""
    if type(pattern) is str:
        return pattern == value
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(fits(part, value.get(name)) for name, part in pattern.items())
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(fits(part, item) for item in value) for part in pattern)
    return same(pattern, value)


def equals(fixed: object, value: object) -> bool:
    """Whether a value is exactly what is fixed."""
    if isinstance(fixed, dict):
        return (
            isinstance(value, dict)
            and fixed.keys() == value.keys()
            and all(equals(part, value[name]) for name, part in fixed.items())
        )
    if isinstance(fixed, list):
        return (
            isinstance(value, list)
            and len(fixed) == len(value)
            and all(equals(one, other) for one, other in zip(fixed, value, strict=True))
        )
    return same(fixed, value)


def coded(codes: Codes, value: object) -> bool:
    """Whether a code, Coding, Quantity or CodeableConcept is one of ``codes``; None stands for any of a system."""
    if isinstance(value, str):
        return any(known is None or value in known for known in codes.values())
    if not isinstance(value, dict):
        return False
    if "coding" in value or "code" not in value:
        return any(coded(codes, coding) for coding in value.get("coding", ()))
    known = codes.get(value.get("system", ""), frozenset())
    return known is None or value["code"] in known


def target_type(reference: Mapping[str, Any]) -> str | None:
    """The type a Reference names, by its address or its ``type``; None where neither tells."""
    address = reference.get("reference")
    if isinstance(address, str):
        found = _REFERENCE.search(address)
        if found is not None:
            return found.group(1)
    kind = reference.get("type")
    return kind if isinstance(kind, str) else None
