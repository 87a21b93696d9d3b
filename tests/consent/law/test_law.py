"""Facts of a person, refusals and restrictions, what goes along, and what makes two laws the same."""

from dataclasses import replace

import pytest
from law_builders import (
    CONTRACTS,
    DETAIL,
    HELP,
    LAW,
    LEGAL,
    PARTNERS,
    PROGRAM,
    SUMMARY,
    TREAT,
    asked_by,
    asserted,
    checked,
    county_of,
    custody_of,
    law_of,
    org,
    paper,
    permitted,
    plain,
    shipped,
    treats,
    why,
)

from adapter.consent import bases
from adapter.consent.evaluate import Effect
from adapter.consent.law.law import COPY, NO_ONWARD
from adapter.consent.law.matrix_spec import Row
from adapter.consent.obligations import PART2_OBLIGATIONS, SCOPE_CODE
from adapter.consent.outcome import DEFERRED, FALSE, TRUE
from adapter.consent.policy import Policy
from adapter.consent.rules import rule
from adapter.consent.standing import Fact
from adapter.errors import ConfigurationError

CLINIC, JAIL, COURT = asked_by("clinic", TREAT), asked_by("jail-clinic"), asked_by("court", LEGAL)


def hold(name="", value=""):
    return Fact(kind="hold", recipient=org(name) if name else "", value=value)


def restriction(name="", *classes):
    return Fact(kind="restriction", recipient=org(name) if name else "", classes=classes)


# -- holds -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fact", "stopped"),
    [
        (hold(), True),
        (hold("otp"), True),
        (hold("clinic"), True),
        (hold("court"), False),
        (hold(value="oral"), False),
        (Fact(kind="rumour"), True),
    ],
)
def test_a_hold_stops_everything_for_whom_it_is_about_and_its_units(fact, stopped):
    assert (LAW.stops([fact], asked_by("otp"), SUMMARY) is not None) is stopped


def test_a_hold_on_a_unit_does_not_stop_the_whole():
    assert LAW.stops([hold("otp")], asked_by("clinic"), SUMMARY) is None
    assert LAW.stops([], asked_by("clinic"), SUMMARY) is None


def test_an_oral_revocation_silences_consents_and_counts_as_a_refusal():
    facts = [hold("clinic", "oral"), treats("clinic"), asserted("E", "clinic", "TREAT")]
    assert "word of mouth" in LAW.silences(paper(), facts, CLINIC, SUMMARY)
    assert permitted(LAW, facts, CLINIC, SUMMARY) == {"emergency"}
    assert permitted(LAW, [hold("court", "oral"), *facts[1:]], CLINIC, SUMMARY) == {"emergency", "treatment"}


# -- refusals and restrictions ---------------------------------------------------------------------

SURVIVORS = {
    "treatment": (False, False),
    "custody": (True, False),
    "threat": (True, True),
    "emergency": (True, True),
    "order": (True, True),
    "contract": (True, False),
    "proceeding": (False, False),
}
"""What holds over a refusal, and over a restriction."""
SCENES = {
    "treatment": ([treats("clinic")], CLINIC, SUMMARY),
    "custody": ([asserted("K", "jail-clinic"), custody_of("custody")], JAIL, SUMMARY),
    "threat": ([asserted("J", "social-services")], asked_by("social-services"), SUMMARY),
    "emergency": ([asserted("E", "jail-clinic")], JAIL, PROGRAM),
    "order": ([asserted("O", "court", "HLEGAL", "2.65")], COURT, PROGRAM),
    "contract": ([], asked_by("vendor"), PROGRAM),
    "proceeding": ([asserted("X", "court", "HLEGAL")], COURT, PROGRAM),
}


@pytest.mark.parametrize("name", SCENES)
def test_what_holds_over_a_refusal_and_over_a_restriction(name):
    facts, recipient, segment = SCENES[name]
    refusal, limited = SURVIVORS[name]
    assert permitted(LAW, facts, recipient, segment) == {name}
    assert permitted(LAW, facts, recipient, segment, TRUE) == ({name} if refusal else set())
    assert permitted(LAW, [*facts, restriction()], recipient, segment) == ({name} if limited else set())
    (ground,) = (one for one in LAW.standing(facts, recipient, segment, refused=DEFERRED) if one.rule == name)
    assert (ground.permits, ground.deferred) == (refusal, not refusal)
    assert ground.obligations == next(
        one.obligations for one in LAW.standing(facts, recipient, segment, refused=FALSE) if one.rule == name
    )


@pytest.mark.parametrize(
    ("fact", "restricted"),
    [
        (restriction(), True),
        (restriction("clinic"), True),
        (restriction("clinic", "screening-summary", "court"), True),
        (restriction("", "screening-detail"), False),
        (restriction("court"), False),
    ],
)
def test_a_restriction_silences_consents_for_its_recipient_and_classes(fact, restricted):
    assert (LAW.silences(paper(), [fact], CLINIC, SUMMARY) is not None) is restricted
    assert (permitted(LAW, [fact, treats("clinic")], CLINIC, SUMMARY) == set()) is restricted


# -- single bases ----------------------------------------------------------------------------------


def test_treatment_is_a_fact_about_this_very_recipient_and_never_a_purpose_alone():
    assert "relationship" in why(LAW, "treatment", [], CLINIC, SUMMARY)
    assert "relationship" in why(LAW, "treatment", [treats("court"), treats("otp")], CLINIC, SUMMARY)
    assert "relationship" in why(LAW, "treatment", [treats("clinic")], asked_by("otp", TREAT), SUMMARY)
    for purposes in ([HELP], [TREAT, HELP], [(TREAT[0], "BTG")], [("urn:x", "TREAT")]):
        assert "not treatment" in why(LAW, "treatment", [treats("clinic")], asked_by("clinic", *purposes), SUMMARY)
    justice = replace(SUMMARY, regime="justice")
    assert "under this law" in why(LAW, "treatment", [treats("clinic")], CLINIC, justice)


def test_custody_needs_a_representation_and_a_feed_that_tells_it_now():
    represented, held = asserted("K", "jail-clinic"), custody_of("custody", 7)
    assert "no representation" in why(LAW, "custody", [held], JAIL, SUMMARY)
    assert "no feed" in why(LAW, "custody", [represented], JAIL, SUMMARY)
    for other in (
        custody_of("court"),
        custody_of("custody", 31),
        custody_of("custody", "x"),
        custody_of("custody", ""),
    ):
        assert "no feed" in why(LAW, "custody", [represented, other], JAIL, SUMMARY)
    (ground,) = (
        one
        for one in LAW.standing([represented, held, custody_of("jail-clinic")], JAIL, SUMMARY, refused=FALSE)
        if one.rule == "custody"
    )
    assert ground.basis == bases.custody(7) | bases.custody(0)
    assert permitted(LAW, [asserted("K", "custody"), custody_of("custody")], asked_by("custody"), DETAIL) == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"basis": "J"},
        {"recipient": org("clinic")},
        {"recipient": ""},
        {"purpose": "TREAT"},
        {"purpose": ""},
        {"classes": ()},
        {"classes": ("court", "screening-detail")},
        {"units": (org("otp"),)},
        {"kind": "treatment"},
    ],
)
def test_an_assertion_has_to_match_exactly(changes):
    exact = asserted("E", "jail-clinic", units=["clinic", "court"])
    assert permitted(LAW, [exact], JAIL, SUMMARY) == {"emergency"}
    assert permitted(LAW, [replace(exact, **changes)], JAIL, SUMMARY) == set()


def test_an_assertion_for_one_of_several_purposes_matches_no_request_for_all():
    assert permitted(LAW, [asserted("E", "clinic", "TREAT")], asked_by("clinic", TREAT, HELP), SUMMARY) == set()


def test_a_contract_serves_the_very_source_that_made_it():
    assert permitted(LAW, [], asked_by("exchange"), PROGRAM) == {"contract"}
    assert "no contract" in why(LAW, "contract", [], asked_by("vendor"), SUMMARY)
    assert "no contract" in why(LAW, "contract", [], asked_by("exchange"), replace(PROGRAM, unit=org("refuge")[:-1]))
    assert "does not offer" in why(LAW, "contract", [], asked_by("member"), PROGRAM)


def test_a_stranger_receives_nothing():
    stranger = asked_by("stranger", TREAT)
    facts = [treats("stranger"), asserted("E", "stranger", "TREAT")]
    assert "nobody declared" in LAW.silences(paper(), facts, stranger, SUMMARY)
    assert permitted(LAW, facts, stranger, SUMMARY) == set()
    assert "nobody declared" in why(LAW, "treatment", facts, stranger, SUMMARY)
    assert LAW.stops(facts, stranger, SUMMARY) is None
    assert LAW.stops([Fact(kind="hold", recipient=org("stranger"))], stranger, SUMMARY) is not None


def test_every_basis_is_looked_at_and_says_why():
    found = LAW.standing([], CLINIC, SUMMARY, refused=FALSE)
    assert {one.rule for one in found} == SCENES.keys()
    assert all(one.because and not one.permits and not one.obligations for one in found)
    assert {one.rule for one in LAW.standing([], asked_by("not-covered"), SUMMARY, refused=FALSE)} == SCENES.keys()


def test_an_unknown_kind_of_paper_opens_nothing():
    assert "nobody knows" in LAW.silences(paper("napkin"), [], CLINIC, SUMMARY)
    assert LAW.silences(paper("release"), [], CLINIC, SUMMARY) is None


# -- what goes along -------------------------------------------------------------------------------


def due(facts, recipient, segment, law=LAW):
    (ground,) = (one for one in law.standing(facts, recipient, segment, refused=FALSE) if one.permits)
    return ground.obligations


def codes(facts, recipient, segment, law=LAW):
    return {one.code for one in due(facts, recipient, segment, law)}


def test_every_part_2_record_keeps_its_labels_and_notice_on_every_basis():
    for name in ("emergency", "order", "contract", "proceeding"):
        facts, recipient, segment = SCENES[name]
        assert set(PART2_OBLIGATIONS) <= set(due(facts, recipient, segment))
    assert set(PART2_OBLIGATIONS).isdisjoint(due(*SCENES["treatment"]))


def test_what_each_basis_attaches():
    assert "custody-only" in codes(*SCENES["custody"])
    assert "threat-only" in codes(*SCENES["threat"])
    assert "order-scope" in codes(*SCENES["order"])
    assert "contract-only" in codes(*SCENES["contract"])
    facts, recipient, segment = SCENES["emergency"]
    assert "no-further-use" not in codes(facts, recipient, segment)
    assert "no-further-use" in codes([*facts, restriction()], recipient, segment)


def test_a_recorded_consent_for_a_proceeding_explains_its_scope_and_names_nobody():
    (scope,) = (one for one in due(*SCENES["proceeding"]) if one.code == SCOPE_CODE)
    assert scope.text == "disclosure to this recipient only; purposes: HLEGAL; information: screening-summary"


def test_what_overlays_attach():
    law = law_of(county_of([shipped()["ca"], shipped()["dc"]]))
    assert NO_ONWARD in due(*SCENES["threat"], law)
    assert law.with_consent(CLINIC, SUMMARY) == (NO_ONWARD, COPY)
    assert law.with_consent(CLINIC, replace(SUMMARY, labels=())) == (COPY,)
    assert LAW.with_consent(CLINIC, SUMMARY) == ()


# -- in the engine ---------------------------------------------------------------------------------


def test_the_engine_takes_its_answers_from_the_law():
    member = asked_by("member", TREAT)
    policy = Policy(facts=(treats("member"),))
    verdict = rule(policy, member, SUMMARY, LAW)
    assert (verdict.effect, verdict.bases) == (Effect.PERMIT, bases.TREATMENT)
    refused = replace(policy, directives=(paper(kind=4),))
    assert rule(refused, member, SUMMARY, LAW).effect is Effect.DENY
    assert rule(replace(policy, facts=(hold(), treats("member"))), member, SUMMARY, LAW).effect is Effect.DENY
    consented = Policy(directives=(paper(names=[org("court")]),))
    assert rule(consented, asked_by("court"), SUMMARY, LAW).bases == bases.CONSENT
    assert rule(consented, asked_by("court"), DETAIL, LAW).effect is Effect.DENY


# -- when two laws are the same --------------------------------------------------------------------


def test_a_fingerprint_is_equal_where_the_data_is():
    assert LAW.fingerprint == law_of(county_of(contracts=reversed(CONTRACTS))).fingerprint
    both = [shipped()["nm"], shipped()["ks"]]
    assert law_of(county_of(both)).fingerprint == law_of(county_of([*reversed(both), both[0]])).fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"overlays": [{"max_days": 9}]},
        {"enabled": [org("pretrial")]},
        {"contracts": CONTRACTS[1:]},
        {"partners": PARTNERS | {org("ring"): plain("defense")}},
        *({"overlays": [overlay]} for overlay in shipped().values()),
    ],
)
def test_a_fingerprint_changes_with_everything_that_decides(change):
    assert law_of(county_of(**change)).fingerprint != LAW.fingerprint


def test_a_fingerprint_changes_with_the_matrix():
    matrix = checked().matrix.enabling(["pretrial/mh-detail/U"], where="site.toml")
    assert law_of(county_of(), matrix=matrix).fingerprint != LAW.fingerprint


def test_a_matrix_that_contradicts_its_bases_makes_no_law():
    matrix = checked().matrix
    row = Row.model_validate(matrix.recipients["court"].model_dump(by_alias=True) | {"part2": {"bases": ["T"]}})
    with pytest.raises(ConfigurationError, match=r"recipients\.court\.part2"):
        law_of(county_of(), matrix=matrix.model_copy(update={"recipients": matrix.recipients | {"court": row}}))
