"""Forms: results by code wherever they stand, answers by LOINC item, bare numbers only in a known form."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapter.summary.screening import screenings
from adapter.summary.vocabulary import LOINC

PHQ_ITEMS = [
    "44250-9",
    "44255-8",
    "44259-0",
    "44254-1",
    "44251-7",
    "44258-2",
    "44252-5",
    "44253-3",
    "44260-8",
]


def one(detail, registry, **options):
    (screening,) = screenings(detail, registry, **options)
    return screening


def test_a_form_with_its_total(registry, responded):
    answers = {f"/{code}": {"valueCoding": {"system": LOINC, "code": "LA6571-9"}} for code in PHQ_ITEMS}
    detail = responded(answers | {"/44261-6": {"valueDecimal": Decimal(12)}})
    assert (one(detail, registry).score, one(detail, registry).category) == (12, "positive")


def test_a_form_is_known_by_its_loinc_items(registry, responded):
    answers = {f"/{code}": {"valueCoding": {"system": LOINC, "code": "LA6569-3"}} for code in PHQ_ITEMS}
    assert one(responded(answers), registry).score == 9


@pytest.mark.parametrize("questionnaire", ["https://example.org/Questionnaire/tcu-ds5|5", None])
def test_bare_item_numbers_count_only_in_a_known_form(registry, responded, questionnaire):
    items = registry.instruments["tcu-ds5"].scoring.items
    answers = {f"q{item}": {"valueBoolean": item in {"1", "2", "3"}} for item in items}
    found = screenings(responded(answers, questionnaire=questionnaire), registry)
    assert [each.category for each in found] == (["mild"] if questionnaire else [])


def test_a_panel_as_link_id_names_the_form(registry, responded):
    detail = responded({})
    detail["item"] = [
        {
            "linkId": "/69737-5",
            "item": [{"linkId": f"{number}", "answer": [{"valueInteger": 2}]} for number in range(1, 8)],
        }
    ]
    assert (one(detail, registry).score, one(detail, registry).category) == (14, "moderate")


def test_a_risk_level_in_a_form_known_by_nothing_else(registry, responded):
    answer = {"valueCoding": {"system": LOINC, "code": "LA9194-7"}}
    found = one(responded({"/93374-7": answer}, questionnaire="https://example.org/form.pdf"), registry)
    assert (found.instrument.id, found.category, found.result.code) == ("c-ssrs", "low", "93374-7")


def test_items_nested_under_answers_and_repeated_answers_count(registry, responded):
    detail = responded({}, questionnaire="Questionnaire/uncope")
    detail["item"] = [
        {
            "linkId": "1",
            "answer": [
                {
                    "valueBoolean": True,
                    "item": [
                        {"linkId": str(n), "answer": [{"valueBoolean": False}, {"valueBoolean": n == 2}]}
                        for n in range(2, 7)
                    ],
                }
            ],
        }
    ]
    assert one(detail, registry).score == 2


def test_two_screens_in_one_form(registry, responded):
    detail = responded({"44261-6": {"valueInteger": 4}, "dast-10-score": {"valueInteger": 7}})
    assert [(each.series, each.category) for each in screenings(detail, registry)] == [
        ("phq-9", "negative"),
        ("dast-10", "substantial"),
    ]


def test_a_retracted_form_is_not_repeated(registry, responded):
    detail = responded(
        {"/44261-6": {"valueInteger": 99}},
        status="entered-in-error",
        questionnaire="http://loinc.org/q/44249-1",
    )
    found = one(detail, registry)
    assert (found.status, found.absent, found.score) == ("entered-in-error", "error", None)
    assert one({**detail, "item": []}, registry).series == "phq-9"


def test_amended_forms_are_amended_screenings(registry, responded):
    assert one(responded({"44261-6": {"valueInteger": 4}}, status="amended"), registry).status == "amended"


def test_a_form_and_the_observation_drawn_from_it_are_one_occasion(registry, observed, responded):
    total = observed("44261-6", valueInteger=4, effectiveDateTime="2026-03-02T15:15:30.000Z")
    assert one(total, registry).occasion == one(responded({"/44261-6": {"valueInteger": 4}}), registry).occasion
