"""The value of an OBX segment, by the type it declares in OBX-2.

HL7 v2-to-FHIR OBX[Observation]:
https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-obx-to-observation.html. One repetition becomes
the value, several become components: all are kept.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from adapter.mapping import moments
from adapter.mapping.functions.hl7 import CWE_PATHS, Field, component, concept, first_text
from adapter.mapping.functions.text import remarked
from adapter.mapping.registry import Coverage, function

if TYPE_CHECKING:
    from adapter.mapping.scope import Remarks

_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{1,30})?|\.\d{1,30})", re.ASCII)
_UCUM = "http://unitsofmeasure.org"
_SCORE = {"unit": "{score}", "system": _UCUM, "code": "{score}"}
_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_CODED = frozenset({"CE", "CWE", "CNE", "CF", "IS", "ID"})
_DATES = frozenset({"DT", "DTM", "TS"})
_TEXTS = frozenset({"ST", "TX", "FT"})
_DOCUMENTS = frozenset({"ED", "RP"})
_KNOWN = (
    _CODED | _DATES | _TEXTS | _DOCUMENTS | {"NM", "SN", "TM", "DR", "NR", "NA", "TN", "XTN", "EI", "CX", "XPN", "XAD"}
)
"""Types of table 0125 that are read; those without an element of their own are kept as the sender's text."""
_COMPARATORS = frozenset({"<", "<=", ">=", ">"})
_VALUE, _TYPE = 1, 0


def _quantity(text: str, unit: Field | None) -> dict[str, Any]:
    quantity: dict[str, Any] = {"value": Decimal(text)}
    code = component(unit[0], "1") if unit else None
    if code is None:
        return quantity | _SCORE
    quantity["unit"] = (unit and component(unit[0], "2")) or code
    if unit and component(unit[0], "3") == "UCUM":
        quantity |= {"system": _UCUM, "code": code}
    return quantity


def _structured(repetition: dict[str, str]) -> bool:
    """Whether an SN is a comparator and a number; ranges and ratios are not, and keep their text."""
    number = component(repetition, "2") or ""
    comparator = component(repetition, "1") or "="
    return (
        component(repetition, "3") is None
        and _NUMBER.fullmatch(number) is not None
        and (comparator == "=" or comparator in _COMPARATORS)
    )


def _element(kind: str, repetition: dict[str, str]) -> str | None:
    """Which `value[x]` one repetition of OBX-5 becomes; None where it holds nothing."""
    if kind == "SN":
        whole = any(component(repetition, number) for number in ("1", "2", "3", "4"))
        return "valueQuantity" if _structured(repetition) else "valueString" if whole else None
    if kind in _CODED:
        worded = any(component(repetition, number) for number in ("1", "2", "9"))
        return "valueCodeableConcept" if worded else None
    text = whole_text(repetition)
    if text is None or kind in _DOCUMENTS:
        return None
    if kind == "NM":
        return "valueQuantity" if _NUMBER.fullmatch(text) else "valueString"
    if kind == "TM" and moments.clock_time(text).value is not None:
        return "valueTime"
    return "valueDateTime" if kind in _DATES and moments.dtm(text) is not None else "valueString"


def _kind(remarks: Remarks, kind: Field | None) -> str:
    """OBX-2; text where it is missing or not among the types read, with a warning."""
    name = (first_text(kind) or "").upper()
    if name in _KNOWN:
        return name
    remarks.warn(_TYPE, "value-type-unknown" if name else "value-type-missing")
    return "ST"


def _filled(kind: str, value: Field | None) -> Field:
    return [repetition for repetition in value or () if _element(kind, repetition) is not None]


def _only(kind: str, value: Field | None, element: str) -> dict[str, str] | None:
    """The single repetition, where it becomes ``element``."""
    filled = _filled(kind, value)
    return filled[0] if len(filled) == 1 and _element(kind, filled[0]) == element else None


def _as_quantity(kind: str, repetition: dict[str, str], unit: Field | None) -> dict[str, Any]:
    number = component(repetition, "2" if kind == "SN" else "1") or ""
    comparator = component(repetition, "1") if kind == "SN" else None
    prefix = {"comparator": comparator} if comparator in _COMPARATORS else {}
    return prefix | _quantity(number, unit)


def _as_text(remarks: Remarks, kind: str, repetition: dict[str, str]) -> str:
    if kind == "SN":
        return "".join(component(repetition, number) or "" for number in ("1", "2", "3", "4"))
    if kind == "NM":
        remarks.warn(_VALUE, "number-expected")
    if kind in _DATES:
        remarks.warn(_VALUE, "bad-date")
    return whole_text(repetition) or ""


def whole_text(repetition: dict[str, str]) -> str | None:
    """All of a repetition as the sender wrote it: a text with a `^` nobody escaped, a telephone number, a range."""
    if repetition.keys() <= {"1"}:
        return component(repetition, "1")
    parts: dict[int, dict[int, str]] = {}
    for path, text in repetition.items():
        number, _, place = path.partition(".")
        parts.setdefault(int(number), {})[int(place or 1)] = text
    written = ("&".join(one.get(place, "") for place in range(1, max(one) + 1)) for one in _upto(parts))
    return "^".join(written).strip() or None


def _upto(parts: dict[int, dict[int, str]]) -> list[dict[int, str]]:
    return [parts.get(number, {1: ""}) for number in range(1, max(parts, default=0) + 1)]


def _as_datetime(remarks: Remarks, repetition: dict[str, str]) -> str | None:
    text = component(repetition, "1") or ""
    return remarked(remarks, _VALUE, moments.read_dtm(text, remarks.environment.clock))


def _as_concept(
    remarks: Remarks, kind: str, repetition: dict[str, str], systems: dict[str, str]
) -> dict[str, Any] | None:
    """IS and ID are bare codes of the sender's own tables."""
    local = {"3": "L"} if kind in {"IS", "ID"} else {}
    return concept(remarks, _VALUE, local | repetition, systems)


_READS = {
    "kind": Coverage(frozenset({"1"}), first=True),
    "value": Coverage(),
    "unit": Coverage(frozenset({"1", "2", "3"}), first=True),
    "status": Coverage(frozenset({"1"}), first=True),
    "code": Coverage(CWE_PATHS, first=True),
}


@function(gives="any", kind="field", value="field", unit="field", reads=_READS)
def obx_quantity(
    remarks: Remarks, kind: Field | None, value: Field | None, unit: Field | None
) -> dict[str, Any] | None:
    """A single NM or SN value as Quantity, digits as sent; the unit is {score} where none is given."""
    name = _kind(remarks, kind)
    only = _only(name, value, "valueQuantity")
    return None if only is None else _as_quantity(name, only, unit)


@function(gives="any", kind="field", value="field", systems="literal", reads=_READS)
def obx_concept(
    remarks: Remarks, kind: Field | None, value: Field | None, systems: dict[str, str]
) -> dict[str, Any] | None:
    """A single coded value as CodeableConcept; local system names (`L`) as the mapping names them."""
    name = _kind(remarks, kind)
    only = _only(name, value, "valueCodeableConcept")
    return None if only is None else _as_concept(remarks, name, only, systems)


@function(kind="field", value="field", reads=_READS)
def obx_text(remarks: Remarks, kind: Field | None, value: Field | None) -> str | None:
    """A single text value, or the text of a value that is not what its type says, with a warning."""
    name = _kind(remarks, kind)
    only = _only(name, value, "valueString")
    return None if only is None else _as_text(remarks, name, only)


@function(kind="field", value="field", reads=_READS)
def obx_datetime(remarks: Remarks, kind: Field | None, value: Field | None) -> str | None:
    """A single date or time value as dateTime."""
    only = _only(_kind(remarks, kind), value, "valueDateTime")
    return None if only is None else _as_datetime(remarks, only)


@function(kind="field", value="field", reads=_READS)
def obx_time(remarks: Remarks, kind: Field | None, value: Field | None) -> str | None:
    """A single time of day."""
    only = _only(_kind(remarks, kind), value, "valueTime")
    return None if only is None else moments.clock_time(whole_text(only) or "").value


@function(
    gives="any",
    kind="field",
    value="field",
    unit="field",
    systems="literal",
    code="field",
    code_systems="literal",
    reads=_READS,
)
def obx_components(
    remarks: Remarks,
    kind: Field | None,
    value: Field | None,
    unit: Field | None,
    systems: dict[str, str],
    code: Field | None,
    code_systems: dict[str, str],
) -> list[dict[str, Any]] | None:
    """Several values of one OBX as components of the same code; none is dropped."""
    name = _kind(remarks, kind)
    filled = _filled(name, value)
    if len(filled) < 2 or not code:  # noqa: PLR2004 - one value is the Observation's own
        return None
    shared = concept(remarks, 4, code[0], code_systems)
    found = []
    for repetition in filled:
        element = _element(name, repetition)
        entry: dict[str, Any] = {"code": shared}
        if element == "valueQuantity":
            entry[element] = _as_quantity(name, repetition, unit)
        elif element == "valueCodeableConcept":
            entry[element] = _as_concept(remarks, name, repetition, systems)
        elif element == "valueDateTime":
            entry[element] = _as_datetime(remarks, repetition)
        elif element == "valueTime":
            entry[element] = moments.clock_time(whole_text(repetition) or "").value
        else:
            entry["valueString"] = _as_text(remarks, name, repetition)
        found.append({key: content for key, content in entry.items() if content is not None})
    return found


@function(gives="any", kind="field", value="field", status="field", reads=_READS)
def obx_absent(
    remarks: Remarks, kind: Field | None, value: Field | None, status: Field | None
) -> dict[str, Any] | None:
    """Why there is no value, where OBX-5 holds none: not asked (OBX-11 N), else unknown."""
    name = _kind(remarks, kind)
    if _filled(name, value):
        return None
    code = "not-asked" if first_text(status) == "N" else "unknown"
    if name in _DOCUMENTS and value:
        code = "unsupported"
    return {"coding": [{"system": _ABSENT, "code": code}]}


@function(text="text")
def or_unknown(remarks: Remarks, text: str | None) -> str:
    """The code, or `unknown` with a warning where the sender left it out."""
    if text is None:
        remarks.warn(0, "missing-code")
        return "unknown"
    return text
