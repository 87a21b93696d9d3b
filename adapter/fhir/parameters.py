"""The search parameters on offer, as tables of element paths.

Names and meanings are those of R4 and US Core; nothing outside these tables can be searched for.
R4: https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchParameter:
    """One search parameter of one type.

    ``kind`` is token, string, date, reference or id. ``paths`` are dotted element names; arrays are entered.
    ``system`` is the code system behind a plain code (``Patient.gender``), which has no place of its own
    in the resource. ``targets`` are the types a reference may name; empty means any. ``canonical``
    references are addresses of definitions, not of resources here.
    """

    name: str
    kind: str
    paths: tuple[str, ...] = ()
    system: str = ""
    targets: tuple[str, ...] = ()
    canonical: bool = False


def _table(*parameters: SearchParameter) -> Mapping[str, SearchParameter]:
    return {parameter.name: parameter for parameter in (_ID, *parameters)}


def _token(name: str, path: str, system: str = "") -> SearchParameter:
    return SearchParameter(name=name, kind="token", paths=(path,), system=system)


def _string(name: str, *paths: str) -> SearchParameter:
    return SearchParameter(name=name, kind="string", paths=paths)


def _date(name: str, *paths: str) -> SearchParameter:
    return SearchParameter(name=name, kind="date", paths=paths)


def _reference(name: str, path: str, *targets: str) -> SearchParameter:
    return SearchParameter(name=name, kind="reference", paths=(path,), targets=targets)


_ID: Final = SearchParameter(name="_id", kind="id")
_IDENTIFIER: Final = _token("identifier", "identifier")
_NAME: Final = ("name.text", "name.family", "name.given", "name.prefix", "name.suffix")

PARAMETERS: Final[Mapping[str, Mapping[str, SearchParameter]]] = {
    "Patient": _table(
        _IDENTIFIER,
        _string("name", *_NAME),
        _string("family", "name.family"),
        _string("given", "name.given"),
        _date("birthdate", "birthDate"),
        _token("gender", "gender", "http://hl7.org/fhir/administrative-gender"),
    ),
    "Observation": _table(
        _reference("patient", "subject", "Patient"),
        _reference("subject", "subject", "Patient"),
        _token("category", "category"),
        _token("code", "code"),
        _date("date", "effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming"),
        _token("status", "status", "http://hl7.org/fhir/observation-status"),
    ),
    "Encounter": _table(
        _reference("patient", "subject", "Patient"),
        _date("date", "period"),
        _token("status", "status", "http://hl7.org/fhir/encounter-status"),
        _token("class", "class"),
    ),
    "Consent": _table(
        _reference("patient", "patient", "Patient"),
        _token("status", "status", "http://hl7.org/fhir/consent-state-codes"),
        _date("date", "dateTime"),
    ),
    "Condition": _table(
        _reference("patient", "subject", "Patient"),
        _token("code", "code"),
        _token("category", "category"),
        _token("clinical-status", "clinicalStatus"),
    ),
    "QuestionnaireResponse": _table(
        _reference("patient", "subject", "Patient"),
        _token("status", "status", "http://hl7.org/fhir/questionnaire-answers-status"),
        _date("authored", "authored"),
        SearchParameter(name="questionnaire", kind="reference", paths=("questionnaire",), canonical=True),
    ),
    "RelatedPerson": _table(_reference("patient", "patient", "Patient")),
    "AllergyIntolerance": _table(
        _reference("patient", "patient", "Patient"),
        _token("code", "code"),
    ),
    "DocumentReference": _table(
        _reference("patient", "subject", "Patient"),
        _token("type", "type"),
        _date("date", "date"),
    ),
    "Appointment": _table(
        _reference("patient", "participant.actor", "Patient"),
        _token("status", "status", "http://hl7.org/fhir/appointmentstatus"),
        _date("date", "start"),
    ),
    "Organization": _table(_string("name", "name", "alias"), _IDENTIFIER),
    "Provenance": _table(_reference("target", "target")),
}
"""For each searchable type its parameters by name."""


def normalised(text: str) -> str:
    """A string as it is compared: without case, marks and runs of white space."""
    if text.isascii():
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(mark for mark in folded if not unicodedata.combining(mark))
    return " ".join(bare.split())
