"""A form file is one instrument, says what its kind has to say, and is refused where two kinds are merged."""

import pytest
from pydantic import ValidationError
from signed_forms import CONDITION, INSTRUMENTS, NOTES, PROCEEDINGS, PSYCHOTHERAPY, RELEASE, SHELTER, STATEMENTS, form

from adapter.consent.release_form import TREATMENT_PAYMENT_OPERATIONS, Form


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_each_instrument_has_a_form(instrument):
    assert form(INSTRUMENTS[instrument]).instrument == instrument


def test_a_form_is_exactly_one_instrument():
    with pytest.raises(ValidationError, match="instrument"):
        form(instrument=["release", "proceedings"])


NOTES_CLASS = {"mental-health": ["MH"], "counseling-notes": ["SUD"]}
MERGED = {
    "proceedings on a release": (RELEASE, {"partners": {"court": ["HLEGAL"]}}, "form of their own"),
    "another purpose on a form for proceedings": (PROCEEDINGS, {"partners": {"court": ["HLEGAL", "TREAT"]}}, "alone"),
    "counseling notes on a release": (RELEASE, {"classes": NOTES_CLASS}, "notes need a form of their own"),
    "psychotherapy notes on a release": (
        RELEASE,
        {"classes": {"substance-use": ["SUD"], "psychotherapy-notes": ["PSYTHPN"]}},
        "notes need a form of their own",
    ),
    "notes on a criminal-justice form": (CONDITION, {"classes": {**CONDITION["classes"], **NOTES_CLASS}}, "notes"),
    "something else on a form for counseling notes": (NOTES, {"classes": NOTES_CLASS}, "and no other"),
    "something else on a form for psychotherapy notes": (PSYCHOTHERAPY, {"classes": {"x": ["MH"]}}, "and no other"),
    "proceedings on a form for notes": (NOTES, {"partners": {"court": ["HLEGAL"]}}, "form of their own"),
    "a Part 2 section on a form for psychotherapy notes": (PSYCHOTHERAPY, {"part2": RELEASE["part2"]}, "no `part2`"),
    "a Part 2 section on a form of a domestic-violence program": (SHELTER, {"part2": RELEASE["part2"]}, "no `part2`"),
    "a criminal-justice form without its Part 2 section": (CONDITION, {"part2": None}, "expected `part2`"),
    "a form for counseling notes without its Part 2 section": (NOTES, {"part2": None}, "expected `part2`"),
    "a form for proceedings without its Part 2 section": (PROCEEDINGS, {"part2": None}, "expected `part2`"),
}


@pytest.mark.parametrize("merged", MERGED)
def test_instruments_are_never_merged(merged):
    document, changed, said = MERGED[merged]
    with pytest.raises(ValidationError, match=said):
        form(document, **changed)


SAYS = {
    "release": ["conditioning", "redisclosure", "revocation", "treatment_redisclosure", "treatment_refusal"],
    "criminal-justice": ["redisclosure", "revocability"],
    "proceedings": ["conditioning", "redisclosure", "revocation"],
    "counseling-notes": ["conditioning", "redisclosure", "revocation", "treatment_redisclosure", "treatment_refusal"],
    "psychotherapy-notes": ["conditioning", "redisclosure", "revocation"],
    "domestic-violence": ["conditioning", "redisclosure", "revocation"],
}


@pytest.mark.parametrize(("instrument", "name"), [(kind, name) for kind, names in SAYS.items() for name in names])
def test_a_form_that_leaves_out_a_statement_is_refused_by_its_name(instrument, name):
    document = INSTRUMENTS[instrument]
    left = {key: text for key, text in document["statements"].items() if key != name}
    with pytest.raises(ValidationError, match=f"`statements.{name}`, 4"):
        form(document, statements=left)


def test_statements_about_treatment_are_needed_only_where_the_part_2_section_is_for_treatment():
    for_help = {"partners": {"probation": ["diversion"]}, "statements": STATEMENTS}
    assert not form(**for_help).offers_treatment()
    assert form(statements=STATEMENTS, part2=None).part2 is None


def test_a_criminal_justice_form_makes_no_promise_of_revocation():
    with pytest.raises(ValidationError, match=r"no `statements.revocation`"):
        form(CONDITION, statements={**CONDITION["statements"], "revocation": "You may take this back at any time."})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"classes": {"mental-health": ["MENTAL"], "substance-use": ["SUD"]}}, "v3-ActCode"),
        ({"part2": {"statement": "x", "needs": "mental"}}, "part2.needs"),
        ({"intermediaries": {"exchange": {"participants": ["cottonwood"]}}}, "among `partners`"),
        ({"intermediaries": {"cottonwood": {"participants": []}}}, "at least 1"),
        ({"texts": {"en": "short"}}, "texts"),
        ({"texts": {"English": "a" * 64}}, "texts"),
        ({"longest_days": 0}, "longest_days"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_wrong_form_is_refused(changed, said):
    with pytest.raises(ValidationError, match=said):
        Form.model_validate(RELEASE | changed)


def test_operations_do_not_bring_proceedings_with_them():
    assert {"TREAT", "ETREAT", "HPAYMT", "HOPERAT"} <= TREATMENT_PAYMENT_OPERATIONS
    assert not {"HLEGAL", "BTG", "supervision"} & TREATMENT_PAYMENT_OPERATIONS
