"""Search parameters lead to elements that exist, and strings compare without case and marks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.fhir.parameters import PARAMETERS, normalised

KINDS = {
    "token": {"CodeableConcept", "Coding", "Identifier", "code"},
    "string": {"string"},
    "date": {"date", "dateTime", "Period", "instant", "Timing"},
    "quantity": {"Quantity", "Duration"},
    "reference": {"Reference", "canonical"},
}
OFFERED = {
    "Patient": "identifier name family given birthdate death-date gender",
    "Observation": "patient subject category code date status value-quantity performer",
    "Encounter": "patient subject date status class type identifier location discharge-disposition service-provider "
    "length",
    "Consent": "patient status date category scope",
    "Condition": "patient subject code category clinical-status verification-status encounter onset-date "
    "abatement-date recorded-date",
    "QuestionnaireResponse": "patient subject status authored questionnaire",
    "Organization": "name identifier address address-city address-state address-postalcode type partof",
    "Practitioner": "name family given identifier",
    "PractitionerRole": "practitioner organization location endpoint specialty role identifier",
    "Location": "name identifier address address-city address-state address-postalcode type status organization partof",
    "Provenance": "target",
    "RelatedPerson": "patient",
    "AllergyIntolerance": "patient code",
    "DocumentReference": "patient type date",
    "Appointment": "patient status date",
}
US_CORE = {
    "Patient": "_id identifier name birthdate gender family death-date",
    "Observation": "patient category code date status _lastUpdated",
    "Encounter": "_id patient date identifier class type status location discharge-disposition _lastUpdated",
    "Condition": "patient category clinical-status code onset-date abatement-date recorded-date encounter _lastUpdated",
    "QuestionnaireResponse": "_id patient authored status questionnaire",
    "Organization": "name address",
    "Practitioner": "_id name identifier",
    "PractitionerRole": "practitioner specialty",
    "Location": "name address address-city address-state address-postalcode",
}
"""What the CapabilityStatement of US Core 7 to 9 has servers support of these types, SHALL and SHOULD."""


def test_what_is_offered():
    assert {kind: set(table) for kind, table in PARAMETERS.items()} == {
        kind: {"_id", "_lastUpdated", *names.split(" ")} for kind, names in OFFERED.items()
    }


def test_us_core_is_covered():
    for kind, names in US_CORE.items():
        assert set(names.split(" ")) <= PARAMETERS[kind].keys()


def test_every_path_leads_to_an_element_of_a_fitting_type(facts):
    for kind, table in PARAMETERS.items():
        for parameter in table.values():
            for path in parameter.paths:
                structure = facts.types[kind]
                *parents, last = path.split(".")
                for name in parents:
                    structure = facts.types[structure.element(name).forms[name]]
                forms = {form: kind for element in structure.elements for form, kind in element.forms.items()}
                assert forms[last] in KINDS[parameter.kind], f"{kind}.{path}"
                assert (forms[last] == "code") == bool(parameter.system)
                assert (forms[last] == "canonical") == parameter.canonical


def test_systems_of_plain_codes_are_those_of_their_value_sets(facts):
    for kind, table in PARAMETERS.items():
        for parameter in table.values():
            if parameter.system:
                element = facts.types[kind].element(parameter.paths[0])
                assert list(facts.codes[element.codes]) == [parameter.system]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Nuñez", "nunez"),
        ("  Van   DYKE ", "van dyke"),
        ("\uff21\uff24\uff21", "ada"),
        ("Straße", "strasse"),
        ("İpek", "ipek"),
        ("\u0301", ""),
    ],
)
def test_normalised_forms(text, form):
    assert normalised(text) == form


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=12))
def test_normalising_twice_changes_nothing(text):
    assert normalised(normalised(text)) == normalised(text)
    assert normalised(text.upper()) == normalised(text.upper().lower())
