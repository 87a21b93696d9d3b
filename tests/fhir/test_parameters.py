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
    "reference": {"Reference", "canonical"},
}
OFFERED = {
    "Patient": "_id identifier name family given birthdate gender",
    "Observation": "_id patient subject category code date status",
    "Encounter": "_id patient date status class",
    "Consent": "_id patient status date",
    "Condition": "_id patient code category clinical-status",
    "QuestionnaireResponse": "_id patient status authored questionnaire",
    "Organization": "_id name identifier",
    "Provenance": "_id target",
    "RelatedPerson": "_id patient",
    "AllergyIntolerance": "_id patient code",
    "DocumentReference": "_id patient type date",
    "Appointment": "_id patient status date",
}


def test_what_is_offered():
    assert {kind: set(table) for kind, table in PARAMETERS.items()} == {
        kind: set(names.split(" ")) for kind, names in OFFERED.items()
    }


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
