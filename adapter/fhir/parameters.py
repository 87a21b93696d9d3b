"""The search parameters on offer, as tables of element paths.

Names and meanings are those of R4 and US Core; nothing outside these tables can be searched for. No type on offer
has a parameter of the kind number in R4; a quantity takes a bare number.

R4: https://hl7.org/fhir/R4/searchparameter-registry.html
US Core: https://hl7.org/fhir/us/core/CapabilityStatement-us-core-server.html
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

    ``kind`` is token, string, date, quantity, reference, or id and instant for what every resource has.
    ``paths`` are dotted element names; arrays are entered. ``system`` is the code system behind a plain code
    (``Patient.gender``), which has no place of its own in the resource. ``targets`` are the types a reference may
    name; empty means any. ``canonical`` references are addresses of definitions, not of resources here.
    ``typed`` tokens are Identifiers, which may also be found by type.
    """

    name: str
    kind: str
    paths: tuple[str, ...] = ()
    system: str = ""
    targets: tuple[str, ...] = ()
    canonical: bool = False
    typed: bool = False


def _table(*parameters: SearchParameter) -> Mapping[str, SearchParameter]:
    return {parameter.name: parameter for parameter in (_ID, _LAST_UPDATED, *parameters)}


def _token(name: str, path: str, system: str = "") -> SearchParameter:
    return SearchParameter(name=name, kind="token", paths=(path,), system=system)


def _string(name: str, *paths: str) -> SearchParameter:
    return SearchParameter(name=name, kind="string", paths=paths)


def _date(name: str, *paths: str) -> SearchParameter:
    return SearchParameter(name=name, kind="date", paths=paths)


def _quantity(name: str, *paths: str) -> SearchParameter:
    return SearchParameter(name=name, kind="quantity", paths=paths)


def _reference(name: str, path: str, *targets: str) -> SearchParameter:
    return SearchParameter(name=name, kind="reference", paths=(path,), targets=targets)


def _address(*parts: str) -> tuple[SearchParameter, ...]:
    """The parameters of an address: any of its parts, then those in ``parts`` by themselves."""
    one = (_string(f"address-{part.lower()}", f"address.{part}") for part in parts)
    return (_string("address", *(f"address.{part}" for part in _ADDRESS)), *one)


_ID: Final = SearchParameter(name="_id", kind="id")
_LAST_UPDATED: Final = SearchParameter(name="_lastUpdated", kind="instant")
_IDENTIFIER: Final = SearchParameter(name="identifier", kind="token", paths=("identifier",), typed=True)
_NAME: Final = ("name.text", "name.family", "name.given", "name.prefix", "name.suffix")
_ADDRESS: Final = ("text", "line", "city", "district", "state", "postalCode", "country")
_OF_PERSON: Final = (_reference("patient", "subject", "Patient"), _reference("subject", "subject", "Patient"))

PARAMETERS: Final[Mapping[str, Mapping[str, SearchParameter]]] = {
    "Patient": _table(
        _IDENTIFIER,
        _string("name", *_NAME),
        _string("family", "name.family"),
        _string("given", "name.given"),
        _date("birthdate", "birthDate"),
        _date("death-date", "deceasedDateTime"),
        _token("gender", "gender", "http://hl7.org/fhir/administrative-gender"),
    ),
    "Observation": _table(
        *_OF_PERSON,
        _token("category", "category"),
        _token("code", "code"),
        _date("date", "effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming"),
        _token("status", "status", "http://hl7.org/fhir/observation-status"),
        _quantity("value-quantity", "valueQuantity"),
        _reference("performer", "performer", "Organization", "Practitioner", "PractitionerRole"),
    ),
    "Encounter": _table(
        *_OF_PERSON,
        _date("date", "period"),
        _token("status", "status", "http://hl7.org/fhir/encounter-status"),
        _token("class", "class"),
        _token("type", "type"),
        _IDENTIFIER,
        _reference("location", "location.location", "Location"),
        _token("discharge-disposition", "hospitalization.dischargeDisposition"),
        _reference("service-provider", "serviceProvider", "Organization"),
        _quantity("length", "length"),
    ),
    "Consent": _table(
        _reference("patient", "patient", "Patient"),
        _token("status", "status", "http://hl7.org/fhir/consent-state-codes"),
        _date("date", "dateTime"),
        _token("category", "category"),
        _token("scope", "scope"),
    ),
    "Condition": _table(
        *_OF_PERSON,
        _token("code", "code"),
        _token("category", "category"),
        _token("clinical-status", "clinicalStatus"),
        _token("verification-status", "verificationStatus"),
        _reference("encounter", "encounter", "Encounter"),
        _date("onset-date", "onsetDateTime", "onsetPeriod"),
        _date("abatement-date", "abatementDateTime", "abatementPeriod"),
        _date("recorded-date", "recordedDate"),
    ),
    "QuestionnaireResponse": _table(
        *_OF_PERSON,
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
    "Organization": _table(
        _string("name", "name", "alias"),
        _IDENTIFIER,
        *_address("city", "state", "postalCode"),
        _token("type", "type"),
        _reference("partof", "partOf", "Organization"),
    ),
    "Practitioner": _table(
        _string("name", *_NAME),
        _string("family", "name.family"),
        _string("given", "name.given"),
        _IDENTIFIER,
    ),
    "PractitionerRole": _table(
        _reference("practitioner", "practitioner", "Practitioner"),
        _reference("organization", "organization", "Organization"),
        _reference("location", "location", "Location"),
        _reference("endpoint", "endpoint", "Endpoint"),
        _token("specialty", "specialty"),
        _token("role", "code"),
        _IDENTIFIER,
    ),
    "Location": _table(
        _string("name", "name", "alias"),
        _IDENTIFIER,
        *_address("city", "state", "postalCode"),
        _token("type", "type"),
        _token("status", "status", "http://hl7.org/fhir/location-status"),
        _reference("organization", "managingOrganization", "Organization"),
        _reference("partof", "partOf", "Location"),
    ),
    "Provenance": _table(_reference("target", "target")),
}
"""For each searchable type its parameters by name."""

ALWAYS: Final = frozenset({"id", "instant"})
"""Kinds of what every resource has, whatever it holds: no index row tells them."""
OF_TYPE: Final = "of-type"
IDENTIFIER: Final = "identifier"
"""Modifiers whose values are indexed apart, under ``name:modifier``."""


def normalised(text: str) -> str:
    """A string as it is compared: without case, marks and runs of white space."""
    if text.isascii():
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(mark for mark in folded if not unicodedata.combining(mark))
    return " ".join(bare.split())
