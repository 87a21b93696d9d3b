"""Jurisdiction overlays: each parameter, who signs for a minor, and that merging only ever narrows."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from law_builders import (
    DETAIL,
    LAW,
    LEGAL,
    NOTES,
    PROGRAM,
    SUMMARY,
    TREAT,
    VICTIM,
    asked_by,
    asserted,
    county_of,
    custody_of,
    labels,
    law_of,
    org,
    paper,
    permitted,
    shipped,
    treats,
    why,
)

from adapter.consent.law.overlay import Jurisdiction, Overlay, jurisdiction_of, merged
from adapter.consent.law.signers import UNKNOWN_AGE, age_of
from adapter.consent.standing import Fact

SENSITIVITIES = st.lists(st.sampled_from(["MH", "SUD", "PSY"]), max_size=2)
ELDERS = st.lists(st.sampled_from(["parent", "guardian"]), max_size=2)
CLASSES = st.fixed_dictionaries(
    {
        "labels": st.lists(st.sampled_from(["MH", "SUD", "PSY"]), min_size=1, max_size=2),
        "age": st.integers(10, 18),
        "below": ELDERS,
    },
)
PARAMETERS = {
    "extra_statements": st.lists(st.sampled_from(["One.", "Two."]), max_size=2),
    "tpo_narrowing": SENSITIVITIES,
    "fact_of_treatment_protected": st.booleans(),
    "extra_emergency_fields": st.sampled_from(
        [[], [{"name": "reasons", "type": "text", "meaning": "why", "citation": "here"}]]
    ),
    "proceeding_bar": SENSITIVITIES,
    "no_onward_disclosure": SENSITIVITIES,
    "max_days": st.none() | st.integers(1, 400),
    "copy_required": st.booleans(),
    "separate_form_class": st.lists(st.just("human-trafficking"), max_size=1),
}
SIGNERS = {
    "minor_consent": st.none() | st.fixed_dictionaries({"classes": st.lists(CLASSES, max_size=2), "others": ELDERS})
}
NARROWING = st.fixed_dictionaries({}, optional=PARAMETERS)
OVERLAYS = st.fixed_dictionaries({}, optional=PARAMETERS | SIGNERS)


def one(document):
    return jurisdiction_of(Overlay.model_validate({"overlay": "x", "title": "x", "sources": ["x"]} | document))


def age(value):
    return Fact(kind="age", value=str(value))


# -- merging ---------------------------------------------------------------------------------------


@given(OVERLAYS, OVERLAYS, OVERLAYS)
def test_merging_is_commutative_associative_and_idempotent(a, b, c):
    a, b, c = one(a), one(b), one(c)
    assert a | b == b | a
    assert (a | b) | c == a | (b | c)
    assert a | a == a
    assert a | Jurisdiction() == a
    assert (a | b).canonical() == (b | a).canonical()


def test_overlays_merge_in_any_order():
    every = [Overlay.model_validate(document) for document in shipped().values()]
    assert {merged(order) for order in permutations(every)} == {merged(every)}
    assert merged([]) == Jurisdiction()


QUESTIONS = [
    (asked_by(name, purpose), segment)
    for name, purpose in [("clinic", TREAT), ("jail-clinic", TREAT), ("jail-clinic", LEGAL), ("court", LEGAL)]
    for segment in [
        SUMMARY,
        DETAIL,
        PROGRAM,
        NOTES,
        replace(SUMMARY, tier="identity", type="Patient", labels=()),
        replace(SUMMARY, domain="sud", labels=labels("SUD")),
        replace(SUMMARY, unit=org("hotline")),
    ]
]
FACTS = [treats("clinic"), treats("jail-clinic"), custody_of("custody")]
FACTS += [
    asserted(basis, name, purpose[1], "2.64 hipaa notes", ["screening-summary", "screening-detail", "identity"])
    for basis in "KJEOX"
    for name, purpose in [("clinic", TREAT), ("jail-clinic", TREAT), ("jail-clinic", LEGAL), ("court", LEGAL)]
]
PAPERS = [paper(instrument) for instrument in ("release", "proceedings", "domestic-violence", "psychotherapy-notes")]


def allowed(law, extra=(), bodies=PAPERS):
    """Everything that law lets pass among the questions: bases and papers."""
    facts = [*FACTS, *extra]
    found = set()
    for number, (recipient, segment) in enumerate(QUESTIONS):
        found |= {(number, name) for name in permitted(law, facts, recipient, segment)}
        silent = [law.silences(body, facts, recipient, segment) for body in bodies]
        found |= {(number, index) for index, because in enumerate(silent) if because is None}
    return found


@settings(max_examples=40, deadline=None)
@given(NARROWING, NARROWING)
def test_a_merger_permits_no_more_than_any_part_and_no_part_more_than_federal_law(a, b):
    both, first, second = (law_of(county_of(overlays)) for overlays in ([a, b], [a], [b]))
    assert allowed(both) <= allowed(first) & allowed(second)
    assert allowed(first) <= allowed(LAW)
    assert allowed(both, [age(15)]) <= allowed(LAW, [age(15)])
    for recipient, segment in QUESTIONS:
        together = set(both.with_consent(recipient, segment))
        assert together >= set(first.with_consent(recipient, segment)) | set(second.with_consent(recipient, segment))
    limits = [one.jurisdiction.max_days for one in (first, second) if one.jurisdiction.max_days is not None]
    assert both.jurisdiction.max_days == min(limits, default=None)


@settings(max_examples=40, deadline=None)
@given(OVERLAYS, OVERLAYS, st.integers(8, 17))
def test_who_signs_for_a_minor_is_never_wider_than_the_most_protective_overlay_that_names_someone(a, b, years):
    bodies = [paper("release", signer) for signer in ("patient", "minor", "parent", "guardian", "representative")]
    both, first, second = (
        allowed(law_of(county_of(overlays)), [age(years)], bodies) for overlays in ([a, b], [a], [b])
    )
    for number in range(len(QUESTIONS)):
        merged_signers, signers_a, signers_b = (
            {index for question, index in found if question == number and isinstance(index, int)}
            for found in (both, first, second)
        )
        named = [signers for signers in (signers_a, signers_b) if signers]
        assert merged_signers <= set.intersection(*named) if named else not merged_signers
        assert 0 not in merged_signers


# -- single parameters -----------------------------------------------------------------------------


def test_new_mexico_takes_treatment_away_for_mental_health():
    law = law_of(county_of([shipped()["nm"]]))
    facts = [treats("clinic")]
    substance = replace(SUMMARY, domain="sud", labels=labels("SUD"))
    assert permitted(LAW, facts, asked_by("clinic", TREAT), SUMMARY) == {"treatment"}
    assert "consent before treatment" in why(law, "treatment", facts, asked_by("clinic", TREAT), SUMMARY)
    assert permitted(law, facts, asked_by("clinic", TREAT), substance) == {"treatment"}
    assert law.jurisdiction.extra_statements


def test_california_keeps_mental_health_out_of_proceedings():
    law = law_of(county_of([shipped()["ca"]]))
    pretrial = asked_by("pretrial", (LEGAL[0], "HLEGAL"))
    assert LAW.silences(paper(), [], pretrial, SUMMARY) is None
    assert "bars" in law.silences(paper(), [], pretrial, SUMMARY)
    assert law.silences(paper("proceedings"), [], pretrial, SUMMARY) is None
    assert law.silences(paper(), [], asked_by("pretrial"), SUMMARY) is None
    held = [asserted("K", "jail-clinic", "HLEGAL"), custody_of("custody")]
    assert permitted(LAW, held, asked_by("jail-clinic", LEGAL), SUMMARY) == {"custody"}
    assert "bars" in why(law, "custody", held, asked_by("jail-clinic", LEGAL), SUMMARY)
    order = [asserted("O", "court", "HLEGAL", "hipaa")]
    assert permitted(law, order, asked_by("court", LEGAL), SUMMARY) == {"order"}


def test_kansas_protects_who_is_a_patient():
    known = replace(SUMMARY, tier="identity", type="Patient", labels=labels("R"))
    law = law_of(county_of([shipped()["ks"]]))
    assert LAW.silences(paper(), [], asked_by("prosecution"), known) is None
    assert "mh-summary" in law.silences(paper(), [], asked_by("prosecution"), known)
    assert law.silences(paper(), [], asked_by("prosecution"), replace(known, regime="justice")) is None
    assert [fact.name for fact in law.jurisdiction.emergency_facts] == ["head_of_facility", "written_reasons"]


def test_a_programme_can_be_treated_like_those_for_victims_of_violence():
    law = law_of(county_of([{"separate_form_class": ["human-trafficking"]}]))
    hotline = replace(SUMMARY, unit=org("hotline"))
    assert LAW.silences(paper(), [], asked_by("clinic", TREAT), hotline) is None
    assert "12291" in law.silences(paper(), [], asked_by("clinic", TREAT), hotline)
    assert LAW.silences(paper("domestic-violence"), [], asked_by("clinic", TREAT), hotline) is None
    assert law.silences(paper("domestic-violence"), [], asked_by("clinic", TREAT), hotline) is None
    assert law.silences(paper("domestic-violence"), [], asked_by("clinic", TREAT), VICTIM) is None


def test_the_shorter_period_and_the_copy_of_the_east_coast():
    law = law_of(county_of([shipped()["dc"], shipped()["md"], {"max_days": 180}]))
    assert law.jurisdiction.max_days == 180
    assert law.jurisdiction.copy_required


# -- minors ----------------------------------------------------------------------------------------

CLINIC = asked_by("clinic", TREAT)
SUBSTANCE = replace(SUMMARY, domain="sud", labels=labels("SUD"))
CARE = {"minor_consent": {"classes": [{"labels": ["MH"], "age": 14, "below": ["parent"]}], "others": ["guardian"]}}


def signs(law, signer, facts, segment):
    return law.silences(paper(signer=signer), facts, CLINIC, segment) is None


def test_nobody_signs_for_a_minor_until_an_overlay_says_who():
    for signer in ("patient", "minor", "parent", "guardian", "representative"):
        assert not signs(LAW, signer, [age(17)], SUMMARY)
    assert "no overlay names" in LAW.silences(paper(signer="parent"), [age(17)], CLINIC, SUMMARY)


@pytest.mark.parametrize("years", [0, 13, 14, 17])
def test_a_parent_never_releases_care_that_the_minor_consented_to(years):
    law = law_of(county_of([CARE]))
    assert signs(law, "minor", [age(years)], SUMMARY) is (years >= 14)
    assert signs(law, "parent", [age(years)], SUMMARY) is (years < 14)
    assert signs(law, "guardian", [age(years)], SUBSTANCE)
    assert not signs(law, "guardian", [age(years)], replace(SUBSTANCE, labels=labels("SUD", "MH")))
    assert not signs(law, "patient", [age(years)], SUMMARY)


def test_a_label_nobody_understands_may_be_care_that_the_minor_consented_to():
    law = law_of(county_of([CARE]))
    strange = replace(SUBSTANCE, labels=(*labels("SUD"), ("urn:x", "secret")))
    assert signs(law, "guardian", [age(15)], SUBSTANCE)
    assert not signs(law, "guardian", [age(15)], strange)
    assert signs(law, "minor", [age(15)], strange)


def test_an_overlay_without_a_word_about_a_record_names_nobody_for_it():
    law = law_of(county_of([shipped()["nm"]]))
    assert signs(law, "minor", [age(14)], SUMMARY)
    assert not signs(law, "parent", [age(14)], SUBSTANCE)


def test_two_overlays_have_to_agree():
    law = law_of(county_of([CARE, {"minor_consent": {"others": ["parent"]}}]))
    assert not signs(law, "minor", [age(15)], SUMMARY)
    assert signs(law, "parent", [age(13)], SUMMARY)
    assert not signs(law, "guardian", [age(13)], SUBSTANCE)


def test_an_unknown_age_is_that_of_a_minor_for_whom_nobody_signs():
    law = law_of(county_of([CARE]))
    for signer in ("patient", "minor", "parent", "guardian"):
        assert "whether the person is a minor" in law.silences(paper(signer=signer), [age("unknown")], CLINIC, SUMMARY)


def test_an_adult_signs_or_someone_with_authority_and_nothing_signed_as_a_minor_counts():
    for signer, counts in {
        "patient": 1,
        "guardian": 1,
        "representative": 1,
        "parent": 0,
        "minor": 0,
        "aunt": 0,
    }.items():
        assert signs(LAW, signer, [], SUMMARY) is bool(counts)


def test_what_stands_without_a_consent_stands_for_a_minor():
    facts = [treats("clinic"), asserted("E", "clinic", "TREAT"), age(9)]
    assert permitted(LAW, facts, CLINIC, SUMMARY) == {"treatment", "emergency"}
    assert permitted(LAW, facts, CLINIC, PROGRAM) == {"emergency"}


def test_of_several_ages_the_lowest_counts():
    assert age_of([]) is None
    assert age_of(["16", "12"]) == 12
    assert age_of(["16", "unknown"]) == UNKNOWN_AGE
