"""Functions on PID, PD1 and MRG: which number names a person, all of their numbers, what else says who they are.

HL7 v2-to-FHIR PID[Patient]: https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-pid-to-patient.html; identity
reliability (PID-31, PID-32; table 0445) has no target there, and jails cannot do without it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from adapter.mapping import moments
from adapter.mapping.functions.hl7 import Field, component, first_text
from adapter.mapping.functions.identity import ssn
from adapter.mapping.mapped import UNMAPPED
from adapter.mapping.registry import Coverage, function

if TYPE_CHECKING:
    from adapter.mapping.scope import Remarks

ORIGINAL: Final = "https://sallyport.example/fhir/StructureDefinition/original-text"
"""Extension: what the sender wrote, where the element cannot say it."""
RELIABILITY: Final = "https://sallyport.example/fhir/StructureDefinition/identity-reliability"
UNKNOWN_IDENTITY: Final = "https://sallyport.example/fhir/StructureDefinition/identity-unknown"
_BIRTH_TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
_MAIDEN_NAME = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName"
_TYPE_SYSTEM = "http://terminology.hl7.org/CodeSystem/v2-0203"
_RELIABILITY_CODES = "http://terminology.hl7.org/CodeSystem/v2-0445"
_SSN_TYPES = frozenset({"SS", "SB"})
_PREFERRED = ("PCN", "PI", "MR", "PT", "PRN", "")
"""Types of table 0203 that name a person within a sender, the permanent number of a jail first."""
_OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_CX = Coverage(frozenset({"1", "4", "5", "7", "8"}))
_FLAGS = {"Y": True, "N": False}


def _rank(repetition: dict[str, str]) -> tuple[int, str, str]:
    kind = component(repetition, "5") or ""
    place = _PREFERRED.index(kind) if kind in _PREFERRED else len(_PREFERRED)
    return place, component(repetition, "4") or "", component(repetition, "1") or ""


def _fitting(field: Field, person: dict[str, str]) -> list[dict[str, str]]:
    """The repetitions that may name the person; those of the exact type before those without any."""
    found = [one for one in field if component(one, "1") and component(one, "5") not in _SSN_TYPES]
    if not person:
        return sorted(found, key=_rank)
    authority, kind = person.get("authority", ""), person.get("type", "")
    found = [one for one in found if not authority or component(one, "4") == authority]
    exact = [one for one in found if not kind or component(one, "5") == kind]
    return sorted(exact or [one for one in found if component(one, "5") is None], key=_rank)


@function(field="field", former="field?", person="literal?", reads={"field": _CX, "former": _CX})
def person_number(
    remarks: Remarks, field: Field | None, former: Field | None = None, person: dict[str, str] | None = None
) -> str | None:
    """The number that stays with the person, whatever the order of repetitions; for keys. Never an SSN.

    ``person`` names its authority and type; without them the number goes with its authority, so that equal numbers
    of two authorities stay two persons. ``former`` (PID-2) counts where PID-3 is empty.
    """
    person = person or {}
    found = _fitting(field or [], person)
    if not found and not field and former:
        remarks.warn(1, "superseded-field")
        bare = [{key: text for key, text in one.items() if key in {"1", "4", "4.1", "5", "5.1"}} for one in former]
        authority = person.get("authority", "")
        found = _fitting(
            [one if component(one, "4") else one | {"4": authority} for one in bare], {**person, "type": ""}
        )
    if not found:
        return None
    number, its_authority = component(found[0], "1"), component(found[0], "4")
    return number if person or not its_authority else f"{number}^{its_authority}"


def _system(repetition: dict[str, str], systems: dict[str, str]) -> str | None:
    """The system of an authority: the one the mapping names, else its own universal id. None is invented."""
    known = systems.get(component(repetition, "4") or "")
    if known is not None:
        return known
    universal, kind = component(repetition, "4.2") or "", component(repetition, "4.3")
    if kind == "ISO" and _OID.fullmatch(universal):
        return f"urn:oid:{universal}"
    if kind in {"UUID", "GUID"} and _UUID.fullmatch(universal):
        return f"urn:uuid:{universal.lower()}"
    return universal if kind == "URI" and ":" in universal else None


@function(gives="any", field="field", systems="literal", reads={"field": _CX})
def cx_all(remarks: Remarks, field: Field | None, systems: dict[str, str]) -> list[dict[str, Any]] | None:
    """Identifiers from every repetition; an authority without a system stands as assigner, none is invented."""
    found: list[dict[str, Any]] = []
    for repetition in field or ():
        value, kind = component(repetition, "1"), component(repetition, "5")
        if value is None:
            continue
        if kind in _SSN_TYPES:
            number = ssn(remarks, value)
            found += [number] if number else []
            continue
        entry: dict[str, Any] = {"type": {"coding": [{"system": _TYPE_SYSTEM, "code": kind}]}} if kind else {}
        system, authority = _system(repetition, systems), component(repetition, "4")
        if system is not None:
            entry["system"] = system
        entry["value"] = value
        period = _dates(remarks, repetition)
        if period:
            entry["period"] = period
        if system is None and authority:
            entry["assigner"] = {"display": authority}
        found.append(entry)
    return found or None


def _dates(remarks: Remarks, repetition: dict[str, str]) -> dict[str, str]:
    found = {}
    for name, number in (("start", "7"), ("end", "8")):
        text = component(repetition, number)
        read = moments.read_dtm(text, remarks.environment.clock) if text else None
        if read is not None and read.value is not None:
            found[name] = read.value
        elif read is not None and read.state == UNMAPPED:
            remarks.unmapped(0, "bad-date")
    return found


def original(text: str) -> dict[str, str]:
    """The extension that keeps what the sender wrote."""
    return {"url": ORIGINAL, "valueString": text}


@function(gives="any", field="field", reads={"field": Coverage(frozenset({"1"}), first=True)})
def birth_details(remarks: Remarks, field: Field | None) -> dict[str, Any] | None:
    """Extensions of birthDate: the time of birth, or the sender's own text where it is no date."""
    text = first_text(field)
    if text is None:
        return None
    read = moments.read_dtm_day(text)
    if read.value is None:
        if read.state == UNMAPPED:
            remarks.lossy(0, "original-kept")
            return {"extension": [original(text)]}
        return None
    whole = moments.read_dtm(text, remarks.environment.clock)
    if whole.value is None or "T" not in whole.value or whole.value[11:19] == "00:00:00":
        return None
    return {"extension": [{"url": _BIRTH_TIME, "valueDateTime": whole.value}]}


@function(gives="any", field="field", reads={"field": Coverage(frozenset({"1"}), first=True)})
def hl7_flag(remarks: Remarks, field: Field | None) -> bool | None:
    """`Y` or `N` as boolean."""
    text = first_text(field)
    found = _FLAGS.get((text or "").upper())
    if text is not None and found is None:
        remarks.unmapped(0, "bad-boolean")
    return found


@function(gives="any", about=UNKNOWN_IDENTITY, field="field", reads={"field": Coverage(frozenset({"1"}), first=True)})
def identity_unknown(remarks: Remarks, field: Field | None) -> dict[str, Any] | None:
    """Extension: whether the sender says that it does not know who the person is (PID-31)."""
    found = hl7_flag(remarks, field)
    return None if found is None else {"url": UNKNOWN_IDENTITY, "valueBoolean": found}


@function(gives="any", about=RELIABILITY, field="field", reads={"field": Coverage(frozenset({"1"}))})
def identity_reliability(field: Field | None) -> list[dict[str, Any]] | None:
    """Extensions: how far the sender trusts what it knows of the person (PID-32, every repetition)."""
    codes = [code for repetition in field or () if (code := component(repetition, "1"))]
    return [{"url": RELIABILITY, "valueCoding": {"system": _RELIABILITY_CODES, "code": code}} for code in codes] or None


@function(gives="any", about=_MAIDEN_NAME, field="field", reads={"field": Coverage(frozenset({"1", "2"}))})
def mothers_maiden_name(field: Field | None) -> list[dict[str, Any]] | None:
    """Extensions: the maiden name of the mother, every repetition."""
    found = []
    for repetition in field or ():
        words = " ".join(word for number in ("2", "1") if (word := component(repetition, number)))
        if words:
            found.append({"url": _MAIDEN_NAME, "valueString": words})
    return found or None


@function(gives="any", flag="field", at="field", reads={"flag": Coverage(frozenset({"1"}), first=True)})
def deceased_flag(remarks: Remarks, flag: Field | None, at: Field | None) -> bool | None:
    """Whether the person died, where no time of death (PID-29) says more."""
    return None if first_text(at) is not None else hl7_flag(remarks, flag)
