"""The answer sheet, checked by hand on people made up for the purpose, and by what may never happen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.fictional.instruments import AUDIT, BJMHS, CIWA_AR, DAST10, GAIN_SS, PHQ9
from adapter.fictional.partners import ASKERS, EHR, JAIL_HL7, JAIL_MEDICAL, MAIN, OTP, RECIPIENTS, ZONE
from adapter.fictional.permitted import deficient, permitted
from adapter.fictional.releases import (
    CONDITION_OF_RELEASE,
    PROCEEDINGS,
    Choice,
    Condition,
    PartTwo,
    Refusal,
    Release,
    Revocation,
)
from adapter.fictional.screenings import Screening

AS_OF = datetime(2026, 11, 22, 12, tzinfo=ZONE)
EVERYTHING = ("mental-health", "substance-use")


def screening(instrument, unit):
    feed = JAIL_HL7 if unit == JAIL_MEDICAL else EHR
    when = "2026-03-02T08:00:00-07:00"
    return Screening(feed=feed, unit=unit, instrument=instrument, effective=when, score=1, category=None)


# The places in this list are what the tests below expect.
SCREENINGS = [
    screening(BJMHS, JAIL_MEDICAL),  # 0: MH, jail
    screening(CIWA_AR, JAIL_MEDICAL),  # 1: SUD, jail
    screening(GAIN_SS, JAIL_MEDICAL),  # 2: MH and SUD, jail
    screening(PHQ9, MAIN),  # 3: MH, clinic
    screening(AUDIT, MAIN),  # 4: SUD, clinic
    screening(DAST10, OTP),  # 5: SUD, Part 2 program
    screening(PHQ9, OTP),  # 6: MH, Part 2 program
]

SECTION = PartTwo(
    signed=True,
    partners=("cottonwood",),
    discloser=OTP,
    amount="Results of screenings",
    purpose="Treatment",
    revocation_statement=True,
)


def form(*choices, **changes):
    signed = Release(
        submission="r1-1",
        version="2026-1",
        signed=datetime(2026, 3, 2, 10, tzinfo=ZONE),
        expires=date(2027, 3, 2),
        refused=False,
        choices=choices,
    )
    return replace(signed, **changes)


def chosen(partner="cottonwood", purposes=("TREAT",), classes=EVERYTHING):
    return Choice(partner=partner, purposes=purposes, classes=classes)


def may(recipient, purpose, *forms, as_of=AS_OF):
    found = {(who, why): places for who, why, places in permitted(SCREENINGS, forms, as_of)}
    return found[recipient, purpose]


def test_every_pair_of_the_table_is_listed_once():
    pairs = [(who, why) for who, why, _ in permitted(SCREENINGS, [], AS_OF)]
    assert pairs == [(who, why) for who, purposes in ASKERS for why in purposes]
    assert len(set(pairs)) == 12


def test_without_a_form_a_unit_sees_its_own_screenings_and_nobody_anything_else():
    for recipient, _, places in permitted(SCREENINGS, [], AS_OF):
        assert places == ([0, 1, 2] if recipient == JAIL_MEDICAL else [])


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (("mental-health",), [0, 3]),
        (("substance-use",), [1, 4]),
        (EVERYTHING, [0, 1, 2, 3, 4]),
    ],
)
def test_every_label_of_an_instrument_must_be_chosen(classes, expected):
    assert may("cottonwood", "TREAT", form(chosen(classes=classes))) == expected


def test_a_choice_is_for_its_partner_and_purpose_alone():
    signed = form(chosen(partner="defender", purposes=("diversion",)))
    assert may("defender", "diversion", signed) == [0, 1, 2, 3, 4]
    assert may("defender", "pretrial-release", signed) == []
    assert may("treatment-court", "diversion", signed) == []


def test_part_2_needs_its_own_section():
    assert may("cottonwood", "TREAT", form(chosen(), part2=SECTION)) == [0, 1, 2, 3, 4, 5, 6]
    for_others = replace(SECTION, partners=(JAIL_MEDICAL,))
    assert may("cottonwood", "TREAT", form(chosen(), part2=for_others)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "lacking",
    [
        {"discloser": ""},
        {"amount": ""},
        {"purpose": ""},
        {"revocation_statement": False},
        {"partners": ()},
    ],
)
def test_nothing_rests_on_a_form_whose_signed_part_2_section_is_deficient(lacking):
    assert may("cottonwood", "TREAT", form(chosen(), part2=replace(SECTION, **lacking))) == []


@pytest.mark.parametrize("section", [{"signed": False}, {"signed": False, "amount": ""}, {"discloser": MAIN}])
def test_a_part_2_section_unsigned_or_of_another_program_leaves_the_rest_alone(section):
    assert may("cottonwood", "TREAT", form(chosen(), part2=replace(SECTION, **section))) == [0, 1, 2, 3, 4]


def test_part_2_records_need_substance_use_chosen_too():
    signed = form(chosen(classes=("mental-health",)), part2=SECTION)
    assert may("cottonwood", "TREAT", signed) == [0, 3]
    signed = form(chosen(classes=("substance-use",)), part2=SECTION)
    assert may("cottonwood", "TREAT", signed) == [1, 4, 5]


def test_a_refusal_leaves_own_records():
    refused = form(refused=True)
    assert may(JAIL_MEDICAL, "TREAT", refused) == [0, 1, 2]
    assert may("cottonwood", "TREAT", refused) == []
    assert may("cottonwood", "TREAT", form(chosen(), refused=True)) == []


def test_a_form_holds_through_its_last_day_in_the_county():
    signed = form(chosen(), expires=date(2026, 11, 22))
    late = datetime(2026, 11, 22, 23, 59, 59, tzinfo=ZONE)
    assert may("cottonwood", "TREAT", signed, as_of=late) == [0, 1, 2, 3, 4]
    assert may("cottonwood", "TREAT", signed, as_of=late + timedelta(seconds=1)) == []
    elsewhere = datetime.fromisoformat("2026-11-23T06:59:59+00:00")
    assert may("cottonwood", "TREAT", signed, as_of=elsewhere) == [0, 1, 2, 3, 4]


def test_a_form_does_not_reach_back_before_its_signature():
    signed = form(chosen())
    assert may("cottonwood", "TREAT", signed, as_of=signed.signed) == [0, 1, 2, 3, 4]
    assert may("cottonwood", "TREAT", signed, as_of=signed.signed - timedelta(seconds=1)) == []


def test_revoking_for_one_partner_leaves_the_others():
    signed = form(
        chosen(),
        chosen(partner="pretrial", purposes=("pretrial-release",)),
        revocations=(Revocation(at=datetime(2026, 4, 1, tzinfo=ZONE), partners=("pretrial",)),),
    )
    assert may("pretrial", "pretrial-release", signed) == []
    assert may("cottonwood", "TREAT", signed) == [0, 1, 2, 3, 4]


def test_revoking_for_all_ends_everything_from_then_on():
    revoked = datetime(2026, 4, 1, tzinfo=ZONE)
    signed = form(chosen(), revocations=(Revocation(at=revoked, partners=None),))
    assert may("cottonwood", "TREAT", signed) == []
    assert may("cottonwood", "TREAT", signed, as_of=revoked) == []
    assert may("cottonwood", "TREAT", signed, as_of=revoked - timedelta(seconds=1)) == [0, 1, 2, 3, 4]


def test_the_later_form_counts():
    later = form(chosen(classes=("mental-health",)), signed=datetime(2026, 6, 1, 9, tzinfo=ZONE))
    earlier = form(chosen(), revocations=(Revocation(at=later.signed, partners=None),))
    assert may("cottonwood", "TREAT", earlier, later) == [0, 3]


def test_a_recipient_sees_its_own_and_what_was_released_to_it_in_order():
    signed = form(chosen(partner=JAIL_MEDICAL, classes=("mental-health",)))
    assert may(JAIL_MEDICAL, "TREAT", signed) == [0, 1, 2, 3]
    assert may(JAIL_MEDICAL, "discharge-planning", signed) == [0, 1, 2]


# Refusals of part, and what is signed beside the universal release


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (Refusal(classes=("substance-use",)), [0, 3]),
        (Refusal(partner="cottonwood", classes=("mental-health",)), [1, 4]),
        (Refusal(partner="pretrial", classes=("mental-health",)), [0, 1, 2, 3, 4]),
        (Refusal(partner="cottonwood", purposes=("TREAT",)), []),
        (Refusal(partner="cottonwood", classes=("mental-health",), purposes=("discharge-planning",)), [0, 1, 2, 3, 4]),
    ],
)
def test_a_refusal_of_part_takes_that_part(refusal, expected):
    assert may("cottonwood", "TREAT", form(chosen(), refusals=(refusal,))) == expected


def paper(kind, choice, **changes):
    section = replace(SECTION, partners=(choice.partner,), revocation_statement=kind != CONDITION_OF_RELEASE)
    return form(choice, form=kind, part2=section, case="2026CR1", **changes)


TO_COURT = chosen(partner="treatment-court", purposes=("supervision",))
FREE = Condition(partners=("treatment-court",), order="o", need="n", revocable_from=date(2026, 12, 1))


def test_a_criminal_justice_consent_is_about_the_records_of_the_program_alone():
    signed = paper(CONDITION_OF_RELEASE, TO_COURT, condition=FREE)
    assert may("treatment-court", "supervision", signed) == [5, 6]
    assert may("treatment-court", "diversion", signed) == []


def test_a_consent_for_a_proceeding_is_about_the_records_of_the_program_alone():
    signed = paper(PROCEEDINGS, chosen(partner="court", purposes=("HLEGAL",)))
    assert may("court", "HLEGAL", signed) == [5, 6]


def test_on_the_universal_release_records_of_the_program_stay_out_of_proceedings():
    signed = form(TO_COURT, part2=replace(SECTION, partners=("treatment-court",)))
    assert may("treatment-court", "supervision", signed) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("free", "expected"), [(date(2026, 12, 1), [5, 6]), (date(2026, 11, 22), [])])
def test_a_revocation_waits_for_the_day_from_which_it_has_effect(free, expected):
    revoked = (Revocation(at=datetime(2026, 6, 1, tzinfo=ZONE), partners=None),)
    condition = replace(FREE, revocable_from=free)
    signed = paper(CONDITION_OF_RELEASE, TO_COURT, condition=condition, revocations=revoked)
    assert may("treatment-court", "supervision", signed) == expected


def test_an_event_ends_a_form_when_it_comes():
    signed = form(chosen(), ends_with="release", ended=AS_OF)
    assert may("cottonwood", "TREAT", signed, as_of=AS_OF - timedelta(seconds=1)) == [0, 1, 2, 3, 4]
    assert may("cottonwood", "TREAT", signed) == []


def test_nothing_rests_on_what_a_minor_signed():
    assert may("cottonwood", "TREAT", form(chosen(), minor=True)) == []


def test_papers_stand_beside_each_other():
    release = form(chosen(classes=("mental-health",)))
    condition = paper(CONDITION_OF_RELEASE, TO_COURT, condition=FREE)
    assert may("cottonwood", "TREAT", release, condition) == [0, 3]
    assert may("treatment-court", "supervision", release, condition) == [5, 6]


PARTNERS = dict(RECIPIENTS)
CHOICES = st.sampled_from(sorted(PARTNERS)).flatmap(
    lambda partner: st.builds(
        Choice,
        partner=st.just(partner),
        purposes=st.lists(st.sampled_from(PARTNERS[partner]), min_size=1, unique=True).map(tuple),
        classes=st.lists(st.sampled_from(EVERYTHING), min_size=1, unique=True).map(tuple),
    )
)
SECTIONS = st.builds(
    PartTwo,
    signed=st.booleans(),
    partners=st.lists(st.sampled_from(sorted(PARTNERS)), unique=True).map(tuple),
    discloser=st.sampled_from(["", OTP, MAIN]),
    amount=st.sampled_from(["", "results"]),
    purpose=st.sampled_from(["", "treatment"]),
    revocation_statement=st.booleans(),
)
FORMS = st.builds(
    form,
    refused=st.booleans(),
    expires=st.dates(date(2026, 11, 20), date(2026, 11, 25)),
    part2=st.none() | SECTIONS,
    choices=st.lists(CHOICES, max_size=4).map(tuple),
)


def as_set(forms):
    return {(who, why, place) for who, why, places in permitted(SCREENINGS, forms, AS_OF) for place in places}


@given(FORMS)
@settings(max_examples=80, deadline=None)
def test_saying_no_never_gives_more(signed):
    before = as_set([signed])
    own = as_set([])
    assert own <= before
    if not deficient(signed):
        assert as_set([replace(signed, part2=None)]) <= before
    assert as_set([replace(signed, choices=signed.choices[1:])]) <= before
    for choice in signed.choices:
        revoked = Revocation(at=signed.signed, partners=(choice.partner,))
        after = as_set([replace(signed, revocations=(revoked,))])
        assert after == {each for each in before if each[0] != choice.partner or each in own}
    assert as_set([replace(signed, refused=True)]) == own
    assert as_set([replace(signed, revocations=(Revocation(at=signed.signed, partners=None),))]) == own


@given(FORMS)
@settings(max_examples=80, deadline=None)
def test_part_2_records_go_to_nobody_whom_the_section_does_not_name(signed):
    named = () if signed.part2 is None or not signed.part2.signed else signed.part2.partners
    assert all(place not in {5, 6} or who in named for who, _, place in as_set([signed]))
