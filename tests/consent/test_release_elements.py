"""What a signed form must have: every element is named when it is missing, and a signature has to count."""

import pytest
from signed_forms import (
    CASE,
    CONDITION,
    CONDITIONED,
    DENVER,
    ELECTRONIC,
    NOTES,
    PART2,
    PROCEEDINGS,
    PSYCHOTHERAPY,
    SIGNATURE,
    SIGNED,
    TEXT,
    TEXTO,
    authored,
    refused,
)

from adapter.consent.release_elements import comes_of_age
from adapter.consent.release_submission import Submission
from adapter.fhir.dates import interval

ELEMENTS_OF_2_31 = {
    "person.last": {"person": {"id": "p", "first": "Ada"}},
    "person.first": {"person": {"id": "p", "last": "Marsh"}},
    "part2.discloser": {"part2": {**PART2, "discloser": ""}},
    "part2.amount": {"part2": {**PART2, "amount": ""}},
    "part2.partners": {"part2": {**PART2, "partners": []}},
    "part2.purpose": {"part2": {**PART2, "purpose": ""}},
    "part2.revocation_statement": {"part2": {**PART2, "revocation_statement": False}},
    "part2.redisclosure_statement": {"part2": {**PART2, "redisclosure_statement": False}},
    "part2.refusal_statement": {"part2": {**PART2, "refusal_statement": False}},
    "expires": {"expires": None},
    "signature.name": {"signature": {}},
    "signed": {"signed": None},
    "part2.amount, part2.purpose": {"part2": {**PART2, "amount": "", "purpose": ""}},
}


@pytest.mark.parametrize("element", ELEMENTS_OF_2_31)
def test_a_part_2_section_without_an_element_of_2_31_names_it(element):
    refused("missing-part2-element", element, **{"part2": PART2, **ELEMENTS_OF_2_31[element]})


def test_the_statements_about_treatment_are_elements_where_it_is_for_treatment():
    for_help = [{"partner": "cottonwood", "purposes": ["discharge-planning"], "classes": ["substance-use"]}]
    without = {**PART2, "redisclosure_statement": False, "refusal_statement": False}
    assert authored(part2=without, choices=for_help)["status"] == "active"


@pytest.mark.parametrize(
    ("element", "elements"),
    [
        ("signature.name", {"signature": {}}),
        ("expires", {"expires": None}),
        ("copy_given", {"copy_given": False}),
        ("signature.name, expires, copy_given", {"signature": {}, "expires": None, "copy_given": False}),
    ],
)
def test_an_authorization_without_a_core_element_names_it(element, elements):
    refused("deficient", element, **elements)


CONDITION_ELEMENTS = {
    "case": {"case": None},
    "condition.order": {"condition": CONDITIONED["condition"] | {"order": ""}},
    "condition.need": {"condition": CONDITIONED["condition"] | {"need": ""}},
    "condition.partners": {"condition": CONDITIONED["condition"] | {"partners": []}},
    "condition.revocable_from": {"condition": CONDITIONED["condition"] | {"revocable_from": None}},
    "condition.order, condition.need, condition.partners, condition.revocable_from": {"condition": None},
}


@pytest.mark.parametrize("element", CONDITION_ELEMENTS)
def test_a_criminal_justice_consent_names_case_condition_need_and_when_it_may_be_revoked(element):
    refused("deficient", element, CONDITION, **CONDITION_ELEMENTS[element])


def test_a_criminal_justice_consent_has_no_right_to_revoke_among_its_elements():
    assert authored(CONDITION)["status"] == "active"
    assert not CONDITIONED["part2"]["revocation_statement"]


def test_a_consent_for_proceedings_names_the_proceeding():
    refused("deficient", "case", PROCEEDINGS, case=None)


@pytest.mark.parametrize("document", [CONDITION, PROCEEDINGS, NOTES])
def test_what_is_about_a_program_needs_the_signed_section_that_names_it(document):
    refused("missing-part2-element", "part2.signed", document, part2=None, choices=[])


def test_a_criminal_justice_consent_reaches_only_who_imposed_the_condition():
    imposed = CONDITIONED["condition"] | {"partners": ["treatment-court"]}
    refused("stranger", "choices[1].partner", CONDITION, condition=imposed)


def test_what_is_about_a_program_reaches_only_whom_its_section_names():
    named = CONDITIONED["part2"] | {"partners": ["treatment-court"]}
    refused("stranger", "choices[1].partner", CONDITION, part2=named)


def test_a_form_without_a_part2_section_takes_none():
    refused("unknown-section", "part2", changed_form={"part2": None}, part2=PART2)


# Signature


@pytest.mark.parametrize(
    ("code", "element", "elements"),
    [
        ("missing-date", "signed", {"signed": None}),
        ("bad-date", "signed", {"signed": "yesterday"}),
        ("bad-date", "signed", {"signed": "2026-03"}),
        ("future-dated", "signed", {"signed": "2026-08-08"}),
        ("unknown-text", "signature.language", {"signature": SIGNATURE | {"language": "fr"}}),
        ("tampered", "signature.hash", {"signature": ELECTRONIC | {"hash": TEXTO}}),
        ("tampered", "signature.hash", {"signature": SIGNATURE | {"hash": "0" * 64}}),
        ("deficient", "signature.hash", {"signature": ELECTRONIC | {"hash": None}}),
        ("deficient", "signature.intent", {"signature": ELECTRONIC | {"intent": False}}),
        ("deficient", "signature.identity", {"signature": ELECTRONIC | {"identity": ""}}),
        ("deficient", "signature.at", {"signature": ELECTRONIC | {"at": None}}),
        ("deficient", "witness.name", {"signature": SIGNATURE | {"method": "mark"}}),
        ("deficient", "witness.name", {"witness": {"name": ""}}),
        ("same-witness", "witness.name", {"witness": {"name": "Bo Lund"}, "taken_by": "Bo Lund"}),
        ("same-witness", "witness.name", {"witness": {"name": "Ada Marsh"}}),
        ("deficient", "interpreter.name", {"interpreter": {"language": "es", "text": "es"}}),
        ("deficient", "interpreter.language, interpreter.text", {"interpreter": {"name": "Eva Ruiz"}}),
        ("deficient", "signer.name, signer.authority", {"signer": {"capacity": "guardian"}}),
        ("deficient", "signer.authority", {"signer": {"capacity": "representative", "name": "Bo Lund"}}),
        ("signer", "signer.authority_until", {"signer": {"authority_until": "2026-03-01"}}),
        ("bad-date", "signer.authority_until", {"signer": {"authority_until": "spring"}}),
        ("signer", "signer.capacity", {"signer": {"capacity": "parent"}}),
        ("signer", "signer.capacity", {"person": SIGNED["person"] | {"dob": "2009-01-01"}}),
        ("held", "flags", {"flags": ["coercion"]}),
        ("held", "flags", {"flags": ["forgery"]}),
        ("held", "flags", {"flags": ["signer-declined"], "refused": True, "choices": []}),
    ],
)
def test_a_signature_that_does_not_count_is_refused(code, element, elements):
    refused(code, element, **elements)


def test_a_signature_counts():
    assert authored(signature=ELECTRONIC)["status"] == "active"
    assert authored(signature=SIGNATURE | {"language": "es", "hash": TEXTO})["status"] == "active"
    marked = authored(signature=SIGNATURE | {"method": "mark"}, witness={"name": "Kim Vo"}, taken_by="Bo Lund")
    assert marked["status"] == "active"
    read_out = {"name": "Eva Ruiz", "language": "es", "certified": True, "text": "es"}
    assert authored(interpreter=read_out)["status"] == "active"
    kept = {"capacity": "guardian", "name": "Bo Lund", "authority": "letters 26-1", "authority_until": "2026-12-31"}
    assert authored(signer=kept)["status"] == "active"


def test_what_is_signed_at_this_moment_is_not_signed_in_the_future():
    at = "2026-05-30T00:00:00Z"
    assert authored(signed=at, now=interval(at, DENVER)[0])["status"] == "active"


def test_whoever_comes_of_age_on_the_day_of_the_signature_signs_for_themselves():
    born = SIGNED["signed"][:10].replace("2026", "2008")
    assert authored(person=SIGNED["person"] | {"dob": born})["status"] == "active"


def test_where_the_law_forbids_it_an_electronic_signature_is_none():
    refused("wet-signature", "signature.method", changed_form={"electronic": False}, signature=ELECTRONIC)
    assert authored(changed_form={"electronic": False})["status"] == "active"


def test_a_retired_version_is_refused_for_what_is_signed_after_its_last_day():
    assert authored(changed_form={"retired": "2026-03-02"})["status"] == "active"
    refused("retired-form", "version", changed_form={"retired": "2026-03-01"})


CHILD = {"person": SIGNED["person"] | {"dob": "2009-01-01"}}


def test_a_child_signs_by_whom_the_law_of_the_place_names():
    allowed = {"minors": ["parent", "minor"]}
    for capacity in ("parent", "minor"):
        assert authored(changed_form=allowed, signer={"capacity": capacity}, **CHILD)["status"] == "active"
    refused("signer", "signer.capacity", changed_form=allowed, **CHILD)


def test_parent_and_child_sign_the_part_2_section_together():
    allowed = {"minors": ["parent"]}
    refused(
        "missing-part2-element",
        "signer.minor_signed",
        changed_form=allowed,
        signer={"capacity": "parent"},
        part2=PART2,
        **CHILD,
    )
    both = {"capacity": "parent", "minor_signed": True}
    assert authored(changed_form=allowed, signer=both, part2=PART2, **CHILD)["status"] == "active"


@pytest.mark.parametrize(
    ("born", "day"),
    [
        ("2008-06-01", "2026-06-01"),
        ("2008-02-29", "2026-03-01"),
        ("2004-02-29", "2022-03-01"),
        ("2008", "2026-12-31"),
        ("9999-12-31", "9999-12-31"),
        ("not known", None),
        (None, None),
    ],
)
def test_coming_of_age(born, day):
    submission = Submission.model_validate({**SIGNED, "person": {"id": "p", "dob": born}})
    assert comes_of_age(submission, DENVER) == day


# Expiry


@pytest.mark.parametrize("event", ["none", "end-of-treatment"])
def test_only_treatment_payment_and_operations_may_go_without_an_end(event):
    for_care = [{"partner": "cottonwood", "purposes": ["TREAT", "HPAYMT"], "classes": ["mental-health"]}]
    assert "end" not in authored(expires=None, expires_on={"event": event}, choices=for_care)["provision"]["period"]
    refused("bad-expiry", "expires_on.event", expires_on={"event": event})
    refused("bad-expiry", "expires_on.event", CONDITION, expires_on={"event": event}, choices=[])


def test_an_event_needs_a_last_day_beside_it():
    refused("bad-expiry", "expires", expires=None, expires_on={"event": "release"})
    assert authored(expires_on={"event": "release"})["provision"]["period"]["end"] == "2027-03-02"


def test_the_case_of_the_form_is_that_of_its_disposition():
    made = authored(expires_on={"event": "disposition"}, case=CASE)
    (event,) = [one for one in made["extension"] if one["url"].endswith("expiry-event")]
    assert event["extension"][1]["valueIdentifier"] == CASE


def test_psychotherapy_notes_need_no_part_2_section():
    choices = [{"partner": "cottonwood", "purposes": ["TREAT"], "classes": ["psychotherapy-notes"]}]
    assert authored(PSYCHOTHERAPY, choices=choices)["status"] == "active"
    assert TEXT in PSYCHOTHERAPY["texts"].values()
