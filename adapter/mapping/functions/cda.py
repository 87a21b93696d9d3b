"""Data types of CDA R2 as FHIR elements: names, identifiers, codes, times and values of clinical documents.

Elements come as objects: attributes as `@name`, text as `#text`, what repeats as a list. C-CDA on FHIR:
http://hl7.org/fhir/us/ccda. A `nullFlavor` says that nothing is known; narrative and `originalText` never pass.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from adapter.mapping import moments
from adapter.mapping.functions.identity import ssn
from adapter.mapping.functions.names import human_names
from adapter.mapping.functions.text import remarked
from adapter.mapping.registry import Coverage, function

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.mapping.scope import Remarks

Json = Any

SSN_ROOT: Final = "2.16.840.1.113883.4.1"
SYSTEMS: Final[Mapping[str, str]] = {
    "2.16.840.1.113883.6.1": "http://loinc.org",
    "2.16.840.1.113883.6.96": "http://snomed.info/sct",
    "2.16.840.1.113883.6.90": "http://hl7.org/fhir/sid/icd-10-cm",
    "2.16.840.1.113883.6.103": "http://hl7.org/fhir/sid/icd-9-cm",
    "2.16.840.1.113883.6.88": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "2.16.840.1.113883.5.4": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
    "2.16.840.1.113883.5.25": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
    "2.16.840.1.113883.5.83": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
}
"""https://terminology.hl7.org (OIDs of code systems)."""
_ACT_CODE = "2.16.840.1.113883.5.4"
_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_REASONS = {
    "UNK": "unknown",
    "ASKU": "asked-unknown",
    "NASK": "not-asked",
    "NAV": "temp-unknown",
    "NA": "not-applicable",
}
_REASONS |= {"MSK": "masked", "NI": "unknown", "NAVU": "unknown", "OTH": "unsupported"}
_USES = {"L": "official", "C": "official", "P": "nickname", "A": "nickname", "ASGN": "usual"}
_NUMBER = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,30})?", re.ASCII)
_SCORE = {"unit": "{score}", "system": "http://unitsofmeasure.org", "code": "{score}"}
_COUNTED, _CODED = frozenset({"INT", "REAL", "PQ", "MO"}), frozenset({"CD", "CE", "CV", "CO", "CS"})


def _all(value: Json) -> list[dict[str, Any]]:
    """The entries of an element that repeats or does not."""
    entries = value if isinstance(value, list) else [value]
    # An attribute is a text; nothing else of that name comes from a document.
    return [
        {name: part for name, part in entry.items() if not name.startswith("@") or isinstance(part, str)}
        for entry in entries
        if isinstance(entry, dict)
    ]


def _texts(value: Json) -> list[str]:
    """The texts of an element that repeats or does not, with attributes or without."""
    found = (
        one.get("#text") if isinstance(one, dict) else one for one in (value if isinstance(value, list) else [value])
    )
    return [text.strip() for text in found if isinstance(text, str) and text.strip()]


_II = Coverage(frozenset({"@root", "@extension", "@nullFlavor", "@assigningAuthorityName"}))


@function(id="element", root="literal", reads={"id": _II})
def cda_number(id: Json, root: str) -> str | None:  # noqa: A002 - the word of CDA
    """The extension of the identifier with this root; for keys."""
    return next((one["@extension"] for one in _all(id) if one.get("@root") == root and one.get("@extension")), None)


@function(id="element", reads={"id": _II})
def cda_unique(id: Json) -> str | None:  # noqa: A002 - as above
    """The first identifier as a whole, root and extension; nothing where it is null."""
    for one in _all(id):
        if one.get("@root") and not one.get("@nullFlavor"):
            return "|".join(part for part in (one["@root"], one.get("@extension")) if part)
    return None


@function(gives="any", id="element", systems="literal", reads={"id": _II})
def cda_identifiers(remarks: Remarks, id: Json, systems: dict[str, str]) -> list[dict[str, Any]] | None:  # noqa: A002
    """Identifiers whose root has a system; a social security number that was never issued is dropped."""
    found = []
    for one in _all(id):
        root, number = one.get("@root", ""), one.get("@extension")
        if not number:
            continue
        if root == SSN_ROOT:
            found.append(ssn(remarks, number))
        elif root in systems:
            found.append({"system": systems[root], "value": number})
        else:
            remarks.unmapped(0, "unknown-authority")
    return [one for one in found if one] or None


_PN = Coverage(pattern=re.compile(r"@use|@nullFlavor|(family|given|prefix|suffix)(\.#text|\.@qualifier)?"))


@function(gives="any", name="element", reads={"name": _PN})
def cda_names(remarks: Remarks, name: Json) -> list[dict[str, Any]] | None:
    """Names with family, given names, prefix and suffix; refuses test patients."""
    found: list[dict[str, Any]] = []
    for one in _all(name):
        family, given = " ".join(_texts(one.get("family"))), _texts(one.get("given"))
        use = _USES.get(str(one.get("@use", "")).split(" ")[0], "official" if not found else "usual")
        made = {
            "family": family,
            "given": given,
            "prefix": _texts(one.get("prefix")),
            "suffix": _texts(one.get("suffix")),
        }
        if family or given:
            found.append({"use": use, **{key: value for key, value in made.items() if value}})
    return human_names(remarks, found) if found else None


_TIME = Coverage(frozenset({"@value", "@nullFlavor", "low.@value", "low.@nullFlavor"}))


@function(time="element", reads={"time": _TIME})
def cda_datetime(remarks: Remarks, time: Json) -> str | None:
    """A time, or the start of an interval, at the precision sent; without an offset it is in the feed's zone."""
    for one in _all(time):
        low = next(iter(_all(one.get("low"))), {})
        text = one.get("@value") or low.get("@value")
        if text:
            return remarked(remarks, 0, moments.read_dtm(str(text), remarks.environment.clock))
    return None


@function(time="element", reads={"time": _TIME})
def cda_birth_date(remarks: Remarks, time: Json) -> str | None:
    """A time of birth as date; a time of day is cut off."""
    text = next((one["@value"] for one in _all(time) if one.get("@value")), None)
    if text is None:
        return None
    read = moments.read_dtm_day(str(text))
    if read.value is not None and int(read.value[:4]) > remarks.environment.newest_birth_year:
        remarks.unmapped(0, "birth-after-newest-year")
        return None
    return remarked(remarks, 0, read)


_CD = re.compile(
    r"(translation\.)?@(code|codeSystem|displayName|codeSystemName|nullFlavor|type)|(translation\.)?@codeSystemVersion"
)
_CODE = Coverage(pattern=_CD)


def _concept(
    remarks: Remarks, argument: int, element: dict[str, Any], systems: Mapping[str, str]
) -> dict[str, Any] | None:
    codings, words = [], ""
    for one in (element, *_all(element.get("translation"))):
        code, shown = one.get("@code"), one.get("@displayName", "")
        words = words or shown
        system = systems.get(one.get("@codeSystem", "")) or SYSTEMS.get(one.get("@codeSystem", ""))
        if code and system:
            codings.append({"system": system, "code": code, **({"display": shown} if shown else {})})
        elif code:
            remarks.lossy(argument, "unknown-code-system")
            words = words or code
    found: dict[str, Any] = {"coding": codings} if codings else {}
    if words:
        found["text"] = words
    return found or None


@function(gives="any", code="element", total="any", systems="literal?", reads={"code": _CODE})
def cda_scale(
    remarks: Remarks, code: Json, total: dict[str, Any] | None, systems: dict[str, str] | None = None
) -> dict[str, Any] | None:
    """The code of an assessment scale, with the code of its total, which its value is, before it."""
    found = cda_concept(remarks, code, systems) or {}
    codings = found.get("coding", [])
    if total is not None and all(one["code"] != total["code"] for one in codings):
        codings = [total, *codings]
    return found | ({"coding": codings} if codings else {}) or None


@function(gives="any", code="element", systems="literal?", reads={"code": _CODE})
def cda_concept(remarks: Remarks, code: Json, systems: dict[str, str] | None = None) -> dict[str, Any] | None:
    """A code with its translations as CodeableConcept; local code systems as the mapping names them by OID."""
    first = next(iter(_all(code)), None)
    return None if first is None else _concept(remarks, 0, first, systems or {})


_VALUE = Coverage(
    pattern=re.compile(
        r"(translation\.)?@(code|codeSystem|codeSystemName|codeSystemVersion|displayName)|@(type|value|unit|nullFlavor)|#text"
    )
)


def _typed(value: Json, kinds: frozenset[str]) -> dict[str, Any] | None:
    """The first value of one of these types that is not null, unless one of another kind comes before it."""
    values = [one for one in _all(value) if not one.get("@nullFlavor")]
    numbers = [one for one in values if one.get("@type") in _COUNTED]
    chosen = (numbers or values)[:1]
    return next((one for one in chosen if one.get("@type") in kinds), None)


@function(gives="any", value="element", reads={"value": _VALUE})
def cda_quantity(remarks: Remarks, value: Json) -> dict[str, Any] | None:
    """A number (INT, REAL, PQ) as Quantity, digits as sent; the unit is {score} where none is given."""
    one = _typed(value, _COUNTED)
    text = "" if one is None else str(one.get("@value", ""))
    if one is None or not text:
        return None
    if _NUMBER.fullmatch(text) is None:
        remarks.unmapped(0, "bad-decimal")
        return None
    unit = one.get("@unit")
    return {"value": Decimal(text), **({"unit": unit} if unit and unit != "1" else _SCORE)}


@function(gives="any", value="element", systems="literal?", reads={"value": _VALUE})
def cda_value_concept(remarks: Remarks, value: Json, systems: dict[str, str] | None = None) -> dict[str, Any] | None:
    """A coded value as CodeableConcept. Of several values a number comes first."""
    one = _typed(value, _CODED)
    return None if one is None else _concept(remarks, 0, one, systems or {})


@function(value="element", reads={"value": _VALUE})
def cda_text(remarks: Remarks, value: Json) -> str | None:
    """A value that is a short text (ST); any other type that is not read is named in a warning."""
    one = _typed(value, frozenset({"ST"}))
    if one is not None:
        return one.get("#text")
    left = [each.get("@type", "") for each in _all(value) if not each.get("@nullFlavor")]
    if left and not any(kind in _COUNTED | _CODED | {"ST", "BL"} for kind in left):
        remarks.unmapped(0, "value-type-unknown")
    return None


@function(gives="any", value="element", reads={"value": _VALUE})
def cda_boolean(value: Json) -> bool | None:
    """A value that is true or false (BL)."""
    one = _typed(value, frozenset({"BL"}))
    return None if one is None else {"true": True, "false": False}.get(str(one.get("@value")))


@function(gives="any", value="element", reads={"value": _VALUE})
def cda_absent(value: Json) -> dict[str, Any] | None:
    """Why there is no value, where every one is null or there is none."""
    entries = _all(value)
    if any(not one.get("@nullFlavor") for one in entries):
        return None
    flavor = next((str(one["@nullFlavor"]) for one in entries), "UNK")
    return {"coding": [{"system": _ABSENT, "code": _REASONS.get(flavor, "unknown")}]}


@function(
    gives="any",
    confidentiality="element",
    privacy="element",
    always="literal?",
    reads={"confidentiality": _CODE, "privacy": _VALUE},
)
def cda_labels(confidentiality: Json, privacy: Json, always: list[str] | None = None) -> list[dict[str, str]] | None:
    """Confidentiality and privacy markings as Codings, for `labels`, and codes of v3-ActCode that always hold."""
    # A system that has no address of its own keeps its OID: a label is never dropped for that.
    found = [
        {"system": SYSTEMS.get(one.get("@codeSystem", ""), str(one.get("@codeSystem", ""))), "code": str(one["@code"])}
        for one in (*_all(confidentiality), *_all(privacy))
        if one.get("@code")
    ]
    return found + [{"system": SYSTEMS[_ACT_CODE], "code": code} for code in always or ()] or None
