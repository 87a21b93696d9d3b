"""From a signed form to a Consent, and what that Consent then lets happen."""

import pytest
from consent_builders import ACT, DENVER, LOCAL, concept
from pydantic import ValidationError

from adapter.consent.directive import read
from adapter.consent.evaluate import Effect
from adapter.consent.labels import labels_for
from adapter.consent.names import AtHand
from adapter.consent.policy import timeline
from adapter.consent.recipient import close
from adapter.consent.release import SUMMARY_PROFILE, author, on_hold
from adapter.consent.release_form import Form
from adapter.consent.rules import rule
from adapter.consent.segment import Segment
from adapter.errors import RecordError
from adapter.fhir.dates import interval

FORM = Form.model_validate(
    {
        "form": "universal-release",
        "version": "2026-1",
        "title": "Release of information",
        "custodian": "registry",
        "policies": ["https://county.example/policies/release"],
        "classes": {"mental-health": ["MH"], "substance-use": ["SUD"]},
        "partners": {
            "pretrial": ["pretrial-release"],
            "cottonwood": ["discharge-planning", "TREAT"],
            "probation": ["supervision"],
        },
        "part2": {"statement": "You may take this back in writing.", "needs": "substance-use"},
    }
)
ORGANISATIONS = {
    key: f"Organization/{key}" for key in ("registry", "pretrial", "cottonwood", "probation", "riverside-otp")
}
PART2 = {
    "signed": True,
    "partners": ["cottonwood"],
    "discloser": "riverside-otp",
    "amount": "screening results",
    "revocation_statement": True,
    "purpose": "planning discharge",
}
SIGNED = {
    "submission": "r0001",
    "form": "universal-release",
    "version": "2026-1",
    "person": {"id": "p0001-reg", "last": "Marsh", "first": "Ada", "middle": None, "dob": "1990-02-03"},
    "signed": "2026-03-02T10:00:00-07:00",
    "expires": "2027-03-02",
    "refused": False,
    "choices": [
        {"partner": "pretrial", "purposes": ["pretrial-release"], "classes": ["mental-health"]},
        {"partner": "cottonwood", "purposes": ["TREAT"], "classes": ["mental-health", "substance-use"]},
    ],
    "signature": {"name": True, "hash": "0f"},
}
NOW = interval("2026-06-01T00:00:00Z", DENVER)[0]
RESOURCES = AtHand([{"resourceType": "Organization", "id": key} for key in ORGANISATIONS])


def authored(form=FORM, now=NOW, organisations=ORGANISATIONS, **elements):
    return author(
        form,
        {**SIGNED, **elements},
        patient_ref="Patient/a",
        organisations=organisations,
        zone=DENVER,
        now=now,
    )


def permits(partner, purpose, *labels, regime="justice", at=NOW, **elements):
    """Whether a partner may see a screening summary with these labels under the form as handed in."""
    system = "http://terminology.hl7.org/CodeSystem/v3-ActReason" if purpose.isupper() else LOCAL
    recipient = close([f"Organization/{partner}"], RESOURCES, purposes=[(system, purpose)])
    segment = Segment(
        type="Observation",
        profiles=(SUMMARY_PROFILE,),
        tier="summary",
        labels=labels_for(instrument_labels=labels, regime=regime),
        regime=regime,
    )
    rows = timeline([read(authored(**elements))], DENVER)
    policy = next(row[2] for row in rows if row[0] <= at < row[1])
    verdict = rule(policy, recipient, segment)
    assert verdict.effect is not Effect.EXCEPTION
    return verdict.effect is Effect.PERMIT


def test_what_was_ticked_is_released_and_nothing_else():
    assert permits("pretrial", "pretrial-release", "MH")
    assert not permits("pretrial", "pretrial-release", "SUD")
    assert not permits("pretrial", "pretrial-release", "MH", "SUD")
    assert not permits("pretrial", "supervision", "MH")
    assert not permits("probation", "supervision", "MH")
    assert permits("cottonwood", "TREAT", "MH", "SUD")
    assert not permits("cottonwood", "discharge-planning", "MH")
    assert not permits("pretrial", "pretrial-release", "MH", "V")


def test_the_release_ends_after_its_last_day():
    assert permits("pretrial", "pretrial-release", "MH", at=interval("2027-03-03", DENVER)[0] - 1)
    assert not permits("pretrial", "pretrial-release", "MH", at=interval("2027-03-03", DENVER)[0])
    assert not permits("pretrial", "pretrial-release", "MH", at=interval("2026-03-02T16:59:59Z", DENVER)[0])


def test_part2_records_need_the_part2_section():
    assert not permits("cottonwood", "TREAT", "SUD", regime="part2")
    assert permits("cottonwood", "TREAT", "SUD", regime="part2", part2=PART2)
    assert not permits("pretrial", "pretrial-release", "MH", regime="part2", part2=PART2)
    assert permits("pretrial", "pretrial-release", "MH", part2=PART2)
    assert not permits("cottonwood", "TREAT", "SUD", regime="part2", part2={**PART2, "signed": False})


def test_the_part2_section_needs_its_class_ticked():
    only_mh = [{"partner": "cottonwood", "purposes": ["TREAT"], "classes": ["mental-health"]}]
    assert not permits("cottonwood", "TREAT", "MH", regime="part2", part2=PART2, choices=only_mh)


def test_a_refusal_denies_and_is_kept():
    refusal = {"refused": True, "choices": [], "signature": {}, "expires": None}
    made = authored(**refusal)
    assert (made["status"], made["provision"]) == (
        "active",
        {"type": "deny", "period": {"start": "2026-03-02T10:00:00-07:00"}},
    )
    assert not permits("pretrial", "pretrial-release", "MH", **refusal)


@pytest.mark.parametrize(
    ("revocations", "status", "pretrial", "cottonwood"),
    [
        ([], "active", True, True),
        ([{"at": "2026-05-01T09:00:00-06:00", "partners": "all"}], "inactive", False, False),
        ([{"at": "2026-05-01T09:00:00-06:00", "partners": ["pretrial"]}], "active", False, True),
        # A date to come is a clock that is wrong.
        ([{"at": "2026-07-01T09:00:00-06:00", "partners": "all"}], "inactive", False, False),
    ],
)
def test_a_revocation_holds_once_it_is_received(revocations, status, pretrial, cottonwood):
    assert authored(revocations=revocations)["status"] == status
    assert permits("pretrial", "pretrial-release", "MH", revocations=revocations) is pretrial
    assert permits("cottonwood", "TREAT", "MH", revocations=revocations) is cottonwood


def test_the_consent_says_what_was_signed():
    made = authored(part2=PART2)
    assert made["category"][1] == concept(ACT, "42CFRPart2CD")
    assert made["patient"] == {"reference": "Patient/a"}
    assert made["organization"] == [{"reference": "Organization/registry"}]
    assert made["identifier"] == [
        {"system": "https://sallyport.example/fhir/identifier/release-submission", "value": "r0001"}
    ]
    parts = {one["url"]: one for one in made["extension"][0]["extension"]}
    assert parts["amount"]["valueString"] == "screening results"
    assert parts["discloser"]["valueReference"] == {"reference": "Organization/riverside-otp"}


def test_choices_in_another_order_are_the_same_rules():
    other = authored(choices=SIGNED["choices"][::-1])
    assert other["provision"] == authored()["provision"]


def test_a_form_may_replace_what_was_signed_on_it_before():
    made = authored(form=FORM.model_copy(update={"replaces_earlier": True}))
    assert made["identifier"][1]["value"] == "universal-release/p0001-reg"


@pytest.mark.parametrize(
    ("missing", "elements"),
    [
        ("person.last", {"person": {"id": "p", "first": "Ada"}}),
        ("person.first", {"person": {"id": "p", "last": "Marsh"}}),
        ("part2.discloser", {"part2": {**PART2, "discloser": ""}}),
        ("part2.amount", {"part2": {**PART2, "amount": ""}}),
        ("part2.partners", {"part2": {**PART2, "partners": []}}),
        ("part2.purpose", {"part2": {**PART2, "purpose": ""}}),
        ("part2.revocation_statement", {"part2": {**PART2, "revocation_statement": False}}),
        ("expires", {"expires": None}),
        ("signature.name", {"signature": {}}),
        ("signed", {"signed": None}),
        ("part2.amount, part2.purpose", {"part2": {**PART2, "amount": "", "purpose": ""}}),
    ],
)
def test_a_part2_section_without_a_required_element_names_it(missing, elements):
    with pytest.raises(RecordError) as raised:
        authored(**{"part2": PART2, **elements})
    assert (raised.value.code, raised.value.element) == ("missing-part2-element", missing)


@pytest.mark.parametrize(
    ("code", "element", "elements"),
    [
        ("wrong-form", "form", {"version": "2025-1"}),
        ("contradiction", "refused", {"refused": True}),
        ("unknown-partner", "choices[0].partner", {"choices": [{**SIGNED["choices"][0], "partner": "zoo"}]}),
        (
            "unknown-purpose",
            "choices[0].purposes",
            {"choices": [{**SIGNED["choices"][0], "purposes": ["TREAT"]}]},
        ),
        (
            "unknown-class",
            "choices[0].classes",
            {"choices": [{**SIGNED["choices"][0], "classes": ["notes"]}]},
        ),
        ("unknown-partner", "partners", {"part2": {**PART2, "partners": ["zoo"]}}),
        ("unknown-partner", "partners", {"revocations": [{"at": "2026-05-01", "partners": ["zoo"]}]}),
        ("bad-date", "revocations[0].at", {"revocations": [{"at": "May", "partners": "all"}]}),
        ("missing-date", "signed", {"signed": None}),
        ("deficient", "signature.name, expires", {"signature": {}}),
        ("deficient", "signature.name, expires", {"expires": None}),
        ("bad-date", "signed", {"signed": "yesterday"}),
        ("bad-date", "expires", {"expires": "soon"}),
        ("bad-date", "expires", {"expires": "2026-03-01"}),
        ("future-dated", "signed", {"signed": "2026-08-08"}),
        ("bad-submission", "novel", {"novel": 1}),
        ("bad-submission", "choices.0.partner", {"choices": [{"purposes": ["x"], "classes": ["y"]}]}),
        ("unknown-organisation", "part2.discloser", {"part2": {**PART2, "discloser": "zoo"}}),
    ],
)
def test_a_deficient_form_is_refused(code, element, elements):
    with pytest.raises(RecordError) as raised:
        authored(**elements)
    assert (raised.value.code, raised.value.element) == (code, element)


def test_a_form_without_a_part2_section_takes_none():
    with pytest.raises(RecordError, match="unknown-section"):
        authored(form=FORM.model_copy(update={"part2": None}), part2=PART2)


def test_a_partner_the_site_does_not_know_is_refused():
    with pytest.raises(RecordError, match="unknown-organisation"):
        authored(organisations={"registry": "Organization/registry"})


def test_what_r4_does_not_allow_is_refused():
    with pytest.raises(RecordError) as raised:
        authored(organisations={**ORGANISATIONS, "pretrial": ""})
    assert raised.value.code == "bad-submission"


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"classes": {"mental-health": ["MENTAL"]}}, "v3-ActCode"),
        ({"part2": {"statement": "x", "needs": "notes"}}, "part2.needs"),
        ({"partners": {"court": ["HLEGAL"]}}, "HLEGAL"),
    ],
)
def test_a_wrong_form_is_refused(elements, expected):
    with pytest.raises(ValidationError, match=expected):
        Form.model_validate({**FORM.model_dump(), **elements})


def test_a_form_without_part2_may_serve_proceedings():
    court = {**FORM.model_dump(), "part2": None, "partners": {"court": ["HLEGAL"]}}
    assert Form.model_validate(court).part2 is None


def test_a_form_on_hold_denies_everything_until_it_is_mended():
    held = read(on_hold("Patient/a") | {"id": "h"})
    ((_, _, policy, *_),) = timeline([held], DENVER)
    recipient = close(["Organization/cottonwood"], AtHand([]), purposes=((LOCAL, "discharge-planning"),))
    segment = Segment(type="Observation", tier="summary", labels=labels_for(instrument_labels=["MH"]), regime="hipaa")
    assert rule(policy, recipient, segment).effect is Effect.DENY
    assert any(outcome == "deny" for _, _, _, outcome, _ in rule(policy, recipient, segment).trace)
