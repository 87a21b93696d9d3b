"""Identifiers, race and ethnicity.

us-ssn: http://hl7.org/fhir/sid/us-ssn; invalid numbers: https://www.ssa.gov/employer/randomizationfaqs.html.
US Core race and ethnicity: http://hl7.org/fhir/us/core/StructureDefinition/us-core-race.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from adapter.mapping.registry import function

if TYPE_CHECKING:
    from adapter.mapping.scope import Remarks

SSN_SYSTEM: Final = "http://hl7.org/fhir/sid/us-ssn"
SSN_LAST4_SYSTEM: Final = "https://sallyport.example/fhir/sid/us-ssn-last4"
"""System of the last four digits where the sender masks the rest; never mixed with whole numbers."""

_SSN_TYPE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "SS"}]}
_MASKED = re.compile(r"[Xx*#•]{3}-?[Xx*#•]{2}-?(\d{4})|(\d{4})", re.ASCII)
_WHOLE = re.compile(r"(\d{3})[- ]?(\d{2})[- ]?(\d{4})", re.ASCII)
_ADVERTISED = frozenset({"123456789", "078051120", "219099999"})
_RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
_ETHNICITY = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity"
_OMB = "urn:oid:2.16.840.1.113883.6.238"
_HISPANIC = {"system": _OMB, "code": "2135-2", "display": "Hispanic or Latino"}
_HISPANIC_RACES = frozenset({"H", "HIS", "HISPANIC", "MEXICAN", "L", "LATINO"})


@lru_cache(maxsize=4096)
def ssn_parts(text: str) -> tuple[str, str]:
    """The system and digits of an SSN as typed; where the system is empty, the second word says why."""
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        masked = _MASKED.fullmatch(text)
        return (SSN_LAST4_SYSTEM, masked[1] or masked[2]) if masked else ("", "bad-ssn")
    area, group, serial = whole.groups()
    digits = area + group + serial
    issued = area not in {"000", "666"} and area[0] != "9" and group != "00" and serial != "0000"
    if not issued or len(set(digits)) == 1 or digits in _ADVERTISED:
        return "", "invalid-ssn"
    return SSN_SYSTEM, digits


@function(gives="any", about=SSN_SYSTEM, text="text")
def ssn(remarks: Remarks, text: str | None) -> dict[str, Any] | None:
    """An SSN as Identifier; a number never issued is dropped, a masked one keeps its last four digits."""
    if text is None:
        return None
    system, digits = ssn_parts(text)
    if system:
        return {"type": _SSN_TYPE, "system": system, "value": digits}
    if digits == "invalid-ssn":
        remarks.ignored(0)
        remarks.warn(0, digits)
    else:
        remarks.unmapped(0, digits)
    return None


def _omb_extension(url: str, coding: dict[str, str] | None, text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    parts: list[dict[str, Any]] = [] if coding is None else [{"url": "ombCategory", "valueCoding": coding}]
    return {"url": url, "extension": [*parts, {"url": "text", "valueString": text}]}


@function(gives="any", about=_RACE, coding="any", text="text")
def us_core_race(coding: dict[str, str] | None, text: str | None) -> dict[str, Any] | None:
    """The US Core race extension: the OMB category of a code table, and always the sender's own word."""
    return _omb_extension(_RACE, coding, text)


@function(gives="any", about=_ETHNICITY, coding="any", text="text")
def us_core_ethnicity(coding: dict[str, str] | None, text: str | None) -> dict[str, Any] | None:
    """The US Core ethnicity extension: the OMB category of a code table, and always the sender's own word."""
    return _omb_extension(_ETHNICITY, coding, text)


@function(gives="any", race="text")
def ethnicity_in_race(race: str | None) -> dict[str, Any] | None:
    """The ethnicity extension where a sender writes Hispanic in its race column; never from a name."""
    if race is None or race.upper() not in _HISPANIC_RACES:
        return None
    return _omb_extension(_ETHNICITY, _HISPANIC, race)
