"""From a signed form to a Consent, and what that Consent then lets happen."""

from dataclasses import replace

import pytest
from consent_builders import ACT, concept
from signed_forms import (
    CASE,
    CONDITION,
    DENVER,
    ELECTRONIC,
    FOR_COURT,
    NOTES,
    NOW,
    ORGANISATIONS,
    PART2,
    PROCEEDINGS,
    RELEASE,
    SHELTER,
    SIGNATURE,
    SIGNED,
    authored,
    instant,
    permits,
    recipient_of,
    record_of,
    refused,
)

from adapter.consent.directive import read
from adapter.consent.evaluate import Effect
from adapter.consent.policy import timeline
from adapter.consent.release import on_hold
from adapter.consent.rules import rule
from adapter.errors import RecordError

PRETRIAL = ("pretrial", "pretrial-release")
CLINIC = ("cottonwood", "TREAT")


def shown(partner, purpose, *labels, regime="justice", at=NOW, **elements):
    """Whether a partner may see a summary with these labels under the form as handed in."""
    return permits([authored(**elements)], partner, purpose, *labels, regime=regime, at=at)


def test_what_was_ticked_is_released_and_nothing_else():
    assert shown(*PRETRIAL, "MH")
    assert not shown(*PRETRIAL, "SUD")
    assert not shown(*PRETRIAL, "MH", "SUD")
    assert not shown("pretrial", "supervision", "MH")
    assert not shown("probation", "supervision", "MH")
    assert shown(*CLINIC, "MH", "SUD")
    assert not shown("cottonwood", "discharge-planning", "MH")
    assert not shown(*PRETRIAL, "MH", "V")


def test_the_release_ends_after_its_last_day():
    assert shown(*PRETRIAL, "MH", at=instant("2027-03-03") - 1)
    assert not shown(*PRETRIAL, "MH", at=instant("2027-03-03"))
    assert not shown(*PRETRIAL, "MH", at=instant("2026-03-02T16:59:59Z"))


def test_part2_records_need_the_part2_section():
    assert not shown(*CLINIC, "SUD", regime="part2")
    assert shown(*CLINIC, "SUD", regime="part2", part2=PART2)
    assert not shown(*PRETRIAL, "MH", regime="part2", part2=PART2)
    assert shown(*PRETRIAL, "MH", part2=PART2)
    assert not shown(*CLINIC, "SUD", regime="part2", part2={**PART2, "signed": False})


def test_the_part2_section_needs_its_class_ticked():
    only_mh = [{"partner": "cottonwood", "purposes": ["TREAT"], "classes": ["mental-health"]}]
    assert not shown(*CLINIC, "MH", regime="part2", part2=PART2, choices=only_mh)


def test_the_part2_section_reaches_the_program_it_names_alone():
    """42 CFR 2.31(a)(2)."""
    assert not shown(*CLINIC, "SUD", regime="part2", part2=PART2 | {"discloser": "clinic"})
    made = authored(part2=PART2)
    made["extension"][1]["extension"][0] = {"url": "discloser", "valueReference": {"display": "the program"}}
    assert not permits([made], *CLINIC, "SUD", regime="part2")
    made["extension"][1] = {"url": made["extension"][1]["url"], "extension": [{"url": "discloser"}]}
    assert not permits([made], *CLINIC, "SUD", regime="part2")


def test_a_refusal_denies_and_is_kept():
    refusal = {"refused": True, "choices": [], "signature": {}, "expires": None, "copy_given": False}
    made = authored(**refusal)
    assert (made["status"], made["provision"]) == (
        "active",
        {"type": "deny", "period": {"start": "2026-03-02T10:00:00-07:00"}},
    )
    assert not shown(*PRETRIAL, "MH", **refusal)


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
    assert shown(*PRETRIAL, "MH", revocations=revocations) is pretrial
    assert shown(*CLINIC, "MH", revocations=revocations) is cottonwood


def test_the_consent_says_what_was_signed():
    made = authored(part2=PART2, signature=ELECTRONIC, witness={"name": "Kim Vo"}, taken_by="Bo Lund")
    assert [one["coding"][0]["code"] for one in made["category"]] == ["59284-0", "release", "42CFRPart2CD"]
    assert made["patient"] == {"reference": "Patient/a"}
    assert made["organization"] == [{"reference": "Organization/registry"}]
    assert made["identifier"] == [
        {"system": "https://sallyport.example/fhir/identifier/release-submission", "value": "r0001"}
    ]
    disclosers, program, signing = made["extension"]
    assert disclosers["valueString"] == RELEASE["disclosers"]
    parts = {one["url"]: one for one in program["extension"]}
    assert parts["amount"]["valueString"] == "screening results"
    assert parts["discloser"]["valueReference"] == {"reference": "Organization/riverside-otp"}
    said = {one["url"]: one for one in signing["extension"]}
    assert said["witness"]["valueString"] == "Kim Vo"
    assert said["textHash"]["valueString"] == ELECTRONIC["hash"]
    assert said["copyGiven"]["valueBoolean"] is True
    assert said["at"]["valueDateTime"] == ELECTRONIC["at"]


def test_who_interpreted_and_who_signed_for_somebody_is_kept():
    read_out = {"name": "Eva Ruiz", "language": "es", "certified": True, "text": "es"}
    guardian = {"capacity": "guardian", "name": "Bo Lund", "authority": "letters 26-1"}
    made = authored(interpreter=read_out, signer=guardian, signature=SIGNATURE)
    _, signer, signing = made["extension"]
    assert signer == {
        "url": "https://sallyport.example/fhir/StructureDefinition/consent-signer",
        "valueCode": "guardian",
    }
    said = {one["url"]: one for one in signing["extension"]}
    assert said["interpreter"]["valueString"] == "Eva Ruiz"
    assert said["interpreterCertified"]["valueBoolean"] is True
    assert said["authority"]["valueString"] == "letters 26-1"
    assert read(made | {"id": "c"}).body.signer == "guardian"


def test_choices_in_another_order_are_the_same_rules():
    other = authored(choices=SIGNED["choices"][::-1])
    assert other["provision"] == authored()["provision"]


def test_a_form_may_replace_what_was_signed_on_it_before():
    made = authored(changed_form={"replaces_earlier": True})
    assert made["identifier"][1]["value"] == "universal-release/p0001-reg"


# Refusal of part


@pytest.mark.parametrize(
    ("refusal", "mental", "substance", "elsewhere"),
    [
        ({"classes": ["substance-use"]}, True, False, True),
        ({"partner": "cottonwood", "classes": ["substance-use"]}, True, False, True),
        ({"partner": "pretrial", "classes": ["mental-health"]}, True, True, False),
        ({"partner": "cottonwood", "purposes": ["TREAT"]}, False, False, True),
        ({"partner": "cottonwood", "classes": ["mental-health"], "purposes": ["HPAYMT"]}, True, True, True),
        ({"partner": "probation"}, True, True, True),
    ],
)
def test_a_refusal_of_part_closes_what_it_names(refusal, mental, substance, elsewhere):
    refusals = [refusal]
    assert shown(*CLINIC, "MH", refusals=refusals) is mental
    assert shown(*CLINIC, "SUD", refusals=refusals) is substance
    assert shown(*PRETRIAL, "MH", refusals=refusals) is elsewhere


# The other instruments


def test_a_criminal_justice_consent_is_about_a_programs_records_alone():
    made = authored(CONDITION)
    assert [one["coding"][0]["code"] for one in made["category"]] == ["59284-0", "criminal-justice", "42CFRPart2CD"]
    assert permits([made], "treatment-court", "diversion", "SUD", regime="part2")
    assert not permits([made], "treatment-court", "diversion", "SUD", regime="hipaa")
    assert not permits([made], "treatment-court", "supervision", "SUD", regime="part2")
    condition = made["extension"][-2]
    assert {part["url"] for part in condition["extension"]} == {"case", "order", "need", "imposedBy", "revocableFrom"}


def test_a_consent_for_proceedings_is_about_a_programs_records_alone():
    made = authored(PROCEEDINGS)
    assert permits([made], "court", "HLEGAL", "SUD", regime="part2")
    assert not permits([made], "court", "HLEGAL", "SUD", regime="hipaa")


def test_papers_signed_apart_stand_beside_each_other():
    release, condition, court = authored(), authored(CONDITION), authored(PROCEEDINGS)
    everything = [release, condition, court]
    assert permits(everything, *CLINIC, "MH")
    assert permits(everything, "treatment-court", "diversion", "SUD", regime="part2")
    assert permits(everything, "court", "HLEGAL", "SUD", regime="part2")
    assert not permits(everything, *CLINIC, "SUD", regime="part2")
    assert not permits(everything, "probation", "supervision", "SUD", regime="part2")


def test_what_states_no_kind_is_weighed_against_every_paper():
    silent = authored()
    silent["category"] = silent["category"][:1]
    assert permits([silent], *CLINIC, "SUD")
    assert not permits([silent, authored(CONDITION)], "treatment-court", "diversion", "SUD", regime="part2")
    narrow = authored(choices=SIGNED["choices"][:1], submission="r2")
    assert not permits([silent, narrow], *CLINIC, "SUD")
    # One more paper that says nothing of it opens nothing.
    assert not permits([silent, narrow, authored(CONDITION)], *CLINIC, "SUD")


def test_what_cannot_be_understood_or_says_nothing_of_its_kind_closes_every_paper():
    held = on_hold("Patient/a")
    odd = authored() | {"status": "active", "modifierExtension": [{"url": "https://x.example", "valueBoolean": True}]}
    for blocking in (held, odd):
        assert not permits([authored(CONDITION), blocking], "treatment-court", "diversion", "SUD", regime="part2")


def test_notes_are_never_summaries_and_summaries_never_notes():
    choices = [{"partner": "cottonwood", "purposes": ["TREAT"], "classes": ["counseling-notes"]}]
    made = authored(NOTES, choices=choices, part2=PART2)
    assert not permits([made], *CLINIC, "SUD", regime="part2")
    notes = "https://sallyport.example/fhir/StructureDefinition/counseling-notes"
    assert permits([made], *CLINIC, "SUD", regime="part2", profile=notes)
    assert not permits([authored(part2=PART2)], *CLINIC, "SUD", regime="part2", profile=notes)


def test_a_consent_of_a_domestic_violence_program_says_what_it_is():
    assert read(authored(SHELTER) | {"id": "c"}).body.instrument == "domestic-violence"


def test_a_case_without_a_condition_is_that_of_the_proceeding():
    made = authored(PROCEEDINGS)
    (case,) = made["extension"][-1]["extension"]
    assert case == {"url": "case", "valueIdentifier": FOR_COURT["case"]}


def test_an_intermediary_names_whom_it_passes_records_to():
    """42 CFR 2.31(a)(4)(ii): a general designation releases nothing here."""
    through = {
        "intermediaries": {"cottonwood": {"participants": ["probation", "court"]}},
    }
    named = [SIGNED["choices"][1] | {"participants": ["court"]}]
    made = authored(changed_form=through, choices=named)
    assert permits([made], "court", "TREAT", "MH")
    assert not permits([made], "probation", "TREAT", "MH")
    general = [SIGNED["choices"][1] | {"participants": "treating"}]
    made = authored(changed_form=through, choices=general, part2=PART2)
    assert permits([made], "cottonwood", "TREAT", "MH")
    assert not permits([made], "court", "TREAT", "MH")
    with pytest.raises(RecordError, match="participants"):
        authored(changed_form=through, part2=PART2)


# What cannot be used


@pytest.mark.parametrize(
    ("code", "element", "elements"),
    [
        ("wrong-form", "form", {"version": "2025-1"}),
        ("contradiction", "refused", {"refused": True}),
        ("contradiction", "refused", {"refused": True, "choices": [], "refusals": [{"partner": "pretrial"}]}),
        ("contradiction", "refusals[0].partner", {"refusals": [{"partner": "pretrial"}]}),
        ("bad-submission", "refusals.0", {"refusals": [{}]}),
        ("unknown-partner", "refusals[0].partner", {"refusals": [{"partner": "zoo"}]}),
        ("unknown-class", "refusals[0].classes", {"refusals": [{"classes": ["notes"]}]}),
        ("unknown-purpose", "refusals[0].purposes", {"refusals": [{"purposes": ["COC"]}]}),
        ("unknown-partner", "choices[0].partner", {"choices": [{**SIGNED["choices"][0], "partner": "zoo"}]}),
        ("unknown-purpose", "choices[0].purposes", {"choices": [{**SIGNED["choices"][0], "purposes": ["TREAT"]}]}),
        ("unknown-class", "choices[0].classes", {"choices": [{**SIGNED["choices"][0], "classes": ["notes"]}]}),
        (
            "unknown-partner",
            "choices[0].participants",
            {"choices": [{**SIGNED["choices"][0], "participants": "treating"}]},
        ),
        ("unknown-partner", "partners", {"part2": {**PART2, "partners": ["zoo"]}}),
        ("unknown-partner", "partners", {"revocations": [{"at": "2026-05-01", "partners": ["zoo"]}]}),
        ("bad-date", "revocations[0].at", {"revocations": [{"at": "May", "partners": "all"}]}),
        ("bad-date", "expires", {"expires": "soon"}),
        ("bad-date", "expires", {"expires": "2026-03-01"}),
        ("bad-submission", "novel", {"novel": 1}),
        ("bad-submission", "choices.0.partner", {"choices": [{"purposes": ["x"], "classes": ["y"]}]}),
        ("unknown-organisation", "part2.discloser", {"part2": {**PART2, "discloser": "zoo"}}),
    ],
)
def test_a_deficient_form_is_refused(code, element, elements):
    refused(code, element, **elements)


def test_a_participant_has_to_be_offered():
    through = {"intermediaries": {"cottonwood": {"participants": ["court"]}}}
    stranger = [SIGNED["choices"][1] | {"participants": ["probation"]}]
    with pytest.raises(RecordError, match="participants"):
        authored(changed_form=through, choices=stranger)


def test_a_partner_the_site_does_not_know_is_refused():
    refused("unknown-organisation", "choices.partner", organisations={"registry": "Organization/registry"})


def test_what_r4_does_not_allow_is_refused():
    where = "provision.provision.1.actor.0.reference.reference"
    refused("bad-submission", where, organisations={**ORGANISATIONS, "pretrial": ""})


def test_a_form_on_hold_denies_everything_until_it_is_mended():
    held = read(on_hold("Patient/a") | {"id": "h"})
    (span,) = timeline([held], DENVER)
    verdict = rule(span.policy, recipient_of("cottonwood", "discharge-planning"), record_of("MH"))
    assert verdict.effect is Effect.DENY
    assert any(outcome == "deny" for _, _, _, outcome, _ in verdict.trace)


def test_a_form_offered_to_somebody_who_cannot_sign_now_is_proposed_and_changes_nothing():
    offered = authored(flags=["incapacity"], signature={}, signed=None, expires=None)
    assert (offered["status"], "dateTime" in offered) == ("proposed", False)
    assert not permits([offered], *CLINIC, "MH")
    assert permits([authored(), offered], *CLINIC, "MH")
    assert offered["category"][1] == concept("https://sallyport.example/fhir/CodeSystem/consent-instrument", "release")
    assert concept(ACT, "42CFRPart2CD") not in offered["category"]
    assert CASE["value"] not in str(offered)


def test_a_form_that_looks_back_covers_what_was_made_until_the_day_it_was_signed():
    consent = authored(changed_form={"future": False})
    permits_of_choices = [one for one in consent["provision"]["provision"] if one["type"] == "permit"]
    assert all(one["dataPeriod"] == {"end": consent["dateTime"][:10]} for one in permits_of_choices)
    assert permits_of_choices
    assert "dataPeriod" not in str(authored(changed_form={"future": True}))


def test_a_day_begins_where_the_custodian_is():
    """20:00 of the day before in Denver is the day of signature in Greenwich."""
    refused("bad-date", "expires", expires="2026-03-02T03:00:00Z")


def test_a_program_is_named_to_the_reader_of_a_trace_that_was_not_the_one_to_disclose():
    spans = timeline([read(authored(part2=PART2) | {"id": "c"})], DENVER)
    policy = next(span.policy for span in spans if span.start <= NOW < span.stop)
    elsewhere = replace(record_of("MH", "SUD", regime="part2"), unit="Organization/elsewhere")
    said = rule(policy, recipient_of(*CLINIC), elsewhere)
    assert said.effect is Effect.DENY
    assert "it names another program as the one that may disclose" in {one.because for one in said.reasons}
