"""Functions on HL7 v2 fields: identifiers, names, dates and coded elements of every repetition.

HL7 v2-to-FHIR: https://build.fhir.org/ig/HL7/v2-to-fhir/ (CX[Identifier], XPN[HumanName],
CWE[CodeableConcept]). A field is a list of repetitions; a repetition is an object from component (`1`,
`4.2`) to text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.mapping import moments
from adapter.mapping.functions.identity import ssn
from adapter.mapping.functions.names import names
from adapter.mapping.functions.text import remarked
from adapter.mapping.registry import Coverage, function
from adapter.mapping.scope import NULLS

if TYPE_CHECKING:
    from adapter.mapping.scope import Remarks

Field = list[dict[str, str]]

_TYPE_SYSTEM = "http://terminology.hl7.org/CodeSystem/v2-0203"
_SSN_TYPES = frozenset({"SS", "SB"})
_NAME_USES = {
    "L": "official",
    "D": "usual",
    "M": "maiden",
    "N": "nickname",
    "A": "nickname",
    "S": "anonymous",
}
CODE_SYSTEMS: Final = {
    "LN": "http://loinc.org",
    "SCT": "http://snomed.info/sct",
    "I10": "http://hl7.org/fhir/sid/icd-10-cm",
    "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
    "UCUM": "http://unitsofmeasure.org",
}
"""Code systems by their HL7 table 0396 name; a local system (`L`) is named by the mapping."""
_DELETED = '""'


def component(repetition: dict[str, str], number: str) -> str | None:
    """A component, or its first subcomponent, without the ways to write "nothing"."""
    text = repetition.get(number)
    if text is None:
        text = repetition.get(f"{number}.1")
    if not isinstance(text, str):
        return None
    text = text.strip()
    return None if text in NULLS or text == _DELETED else text


def first_text(field: Field | None) -> str | None:
    """Component 1 of the first repetition."""
    return component(field[0], "1") if field else None


_FIRST = Coverage(frozenset({"1"}), first=True)


@function(field="field", reads={"field": _FIRST})
def hl7_datetime(remarks: Remarks, field: Field | None) -> str | None:
    """A DTM as dateTime at the precision sent; without an offset it is in the feed's zone."""
    text = first_text(field)
    if text is None:
        return None
    return remarked(remarks, 0, moments.read_dtm(text, remarks.environment.clock))


@function(field="field", reads={"field": _FIRST})
def hl7_birth_date(remarks: Remarks, field: Field | None) -> str | None:
    """A DTM as date of birth; a time of day is cut off."""
    text = first_text(field)
    if text is None:
        return None
    read = moments.read_dtm_day(text)
    if read.value is not None and int(read.value[:4]) > remarks.environment.newest_birth_year:
        remarks.unmapped(0, "birth-after-newest-year")
        return None
    return remarked(remarks, 0, read)


def _identifier(remarks: Remarks, repetition: dict[str, str], systems: dict[str, str]) -> dict[str, Any] | None:
    value, kind = component(repetition, "1"), component(repetition, "5")
    if value is None:
        return None
    if kind in _SSN_TYPES:
        return ssn(remarks, value)  # type: ignore[no-any-return]
    system = systems.get(component(repetition, "4") or "")
    if system is None:
        remarks.unmapped(0, "unknown-authority")
        return None
    found: dict[str, Any] = {"system": system, "value": value}
    if kind:
        found["type"] = {"coding": [{"system": _TYPE_SYSTEM, "code": kind}]}
    return found


@function(
    gives="any",
    field="field",
    systems="literal",
    types="literal?",
    reads={"field": Coverage(frozenset({"1", "4", "5"}))},
)
def cx_identifiers(
    remarks: Remarks, field: Field | None, systems: dict[str, str], types: list[str] | None = None
) -> list[dict[str, Any]] | None:
    """Identifiers of the listed types from every repetition whose authority has a system."""
    found = []
    for repetition in field or ():
        if types is not None and component(repetition, "5") not in types:
            remarks.ignored(0)
            continue
        if identifier := _identifier(remarks, repetition, systems):
            found.append(identifier)
    return found or None


@function(
    field="field",
    authority="literal",
    type="literal",
    reads={"field": Coverage(frozenset({"1", "4", "5"}))},
)
def cx_value(field: Field | None, authority: str, type: str) -> str | None:  # noqa: A002 - the word of CX.5
    """The number of one authority and type, in whichever repetition; for keys."""
    for repetition in field or ():
        if component(repetition, "4") == authority and component(repetition, "5") == type:
            return component(repetition, "1")
    return None


def _used(name: dict[str, Any], use: str | None, prefix: str | None, after: list[str]) -> dict[str, Any]:
    """The name with the use its type gives it, and with degrees and professional suffixes after its own suffix."""
    rest = {key: value for key, value in name.items() if key != "use"}
    if after:
        rest["suffix"] = [*rest.get("suffix", ()), *after]
    return ({"use": use} if use else {}) | rest | ({"prefix": [prefix]} if prefix else {})


@function(gives="any", field="field", reads={"field": Coverage(frozenset({"1", "2", "3", "4", "5", "6", "7", "14"}))})
def xpn_names(remarks: Remarks, field: Field | None) -> list[dict[str, Any]] | None:
    """Names from every repetition: the first is official unless typed otherwise; an alias is a nickname."""
    found: list[dict[str, Any]] = []
    for place, repetition in enumerate(field or ()):
        family, given, middle, suffix, prefix, kind = (component(repetition, n) for n in ("1", "2", "3", "4", "5", "7"))
        use = _NAME_USES.get(kind or ("L" if place == 0 else ""))
        written = names(remarks.on_first(), family, given, middle, suffix) or ()
        after = [word for number in ("6", "14") if (word := component(repetition, number))]
        found += [_used(name, use, prefix, after) if name["use"] == "official" else name for name in written]
    return found or None


def concept(
    remarks: Remarks, argument: int, repetition: dict[str, str], systems: dict[str, str]
) -> dict[str, Any] | None:
    """A coded element as CodeableConcept; a code of a system nobody named is kept as text, with a warning."""
    codings, words = [], component(repetition, "9")
    for code, display, system in (("1", "2", "3"), ("4", "5", "6")):
        value, shown = component(repetition, code), component(repetition, display)
        words = words or shown
        name = component(repetition, system) or ""
        known = systems.get(name) or CODE_SYSTEMS.get(name)
        if value and known:
            codings.append({"system": known, "code": value} | ({"display": shown} if shown else {}))
        elif value:
            remarks.lossy(argument, "unknown-code-system")
            words = words or value
    found: dict[str, Any] = {"coding": codings} if codings else {}
    if words:
        found["text"] = words
    return found or None


CWE_PATHS = frozenset({"1", "2", "3", "4", "5", "6", "9"})


@function(gives="any", field="field", systems="literal", reads={"field": Coverage(CWE_PATHS, first=True)})
def cwe_concept(remarks: Remarks, field: Field | None, systems: dict[str, str]) -> dict[str, Any] | None:
    """A coded element with both its codings; local system names (`L`) as the mapping names them."""
    return concept(remarks, 0, field[0], systems) if field else None
