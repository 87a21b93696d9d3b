"""At most one form of a person is in force, and every turn a form can take occurs."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from adapter.fictional.draws import stream
from adapter.fictional.partners import PART2_RECIPIENTS, RECIPIENTS, ZONE
from adapter.fictional.permitted import complete
from adapter.fictional.releases import releases

TODAY = date(2026, 11, 22)
AS_OF = datetime(2026, 11, 22, 12, tzinfo=ZONE)


@pytest.fixture(scope="module")
def drawn():
    return [releases(stream(3, n), n, TODAY, offer_part2=n % 2 == 0) for n in range(1, 3_001)]


def in_force(form):
    revoked = any(each.partners is None for each in form.revocations)
    return form.signed <= AS_OF and form.expires >= TODAY and not revoked


def test_at_most_one_form_of_a_person_is_in_force(drawn):
    assert max(sum(in_force(form) for form in forms) for forms in drawn) == 1
    for forms in drawn:
        for earlier, later in pairwise(forms):
            assert earlier.signed < later.signed
            assert [(each.at, each.partners) for each in earlier.revocations] == [(later.signed, None)]


def test_submissions_of_one_person_are_one_family(drawn):
    for number, forms in enumerate(drawn, start=1):
        assert [form.submission for form in forms] == [f"r{number:07d}-{k + 1}" for k in range(len(forms))]


def test_every_turn_occurs(drawn):
    forms = [form for each in drawn for form in each]
    assert any(form.refused for form in forms)
    assert any(len(each) > 1 for each in drawn)
    assert {form.version for form in forms} == {"2025-1", "2026-1"}
    assert any(form.expires == TODAY for form in forms)
    assert any(form.expires == TODAY - timedelta(days=1) for form in forms)
    last = [each[-1] for each in drawn]
    assert any(each.partners is None for form in last for each in form.revocations)
    assert any(each.partners for form in last for each in form.revocations)
    assert any(0 < len(form.choices) < len(RECIPIENTS) for form in forms)
    assert {choice.classes for form in forms for choice in form.choices} == {
        ("mental-health",),
        ("substance-use",),
        ("mental-health", "substance-use"),
    }


def test_part_2_sections_are_there_complete_and_deficient(drawn):
    sections = [form.part2 for each in drawn for form in each if form.part2 is not None]
    forms = [form for each in drawn for form in each if form.part2 is not None]
    assert {complete(form, form.part2) for form in forms} == {True, False}
    assert all(set(section.partners) <= set(PART2_RECIPIENTS) for section in sections)
    lacking = [form.part2 for form in forms if not complete(form, form.part2)]
    assert {section.signed for section in lacking} == {True, False}
    assert {section.revocation_statement for section in lacking} == {True, False}
    assert any("" in {section.discloser, section.amount, section.purpose} for section in lacking)


def test_a_refusal_chooses_nothing(drawn):
    for form in (form for each in drawn for form in each):
        assert not (form.refused and (form.choices or form.part2 or form.revocations[1:]))


def test_purposes_are_those_the_partner_may_name(drawn):
    allowed = dict(RECIPIENTS)
    for choice in (choice for each in drawn for form in each for choice in form.choices):
        assert choice.purposes
        assert set(choice.purposes) <= set(allowed[choice.partner])
