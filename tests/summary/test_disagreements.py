"""What a sender states stands; that it contradicts the rest of what it states is said, never mended in silence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.summary.screening import screenings
from adapter.summary.vocabulary import LOINC, RESULT_CATEGORY, RESULT_CODE


def banded(registry, observed, instrument, score, category, **elements):
    """A total with the sender's own band beside it."""
    row = registry.instruments[instrument]
    component = {
        "code": {"coding": [{"system": RESULT_CODE, "code": row.scales[0].level.local}]},
        "valueCodeableConcept": {"coding": [{"system": RESULT_CATEGORY, "code": category}]},
    }
    detail = observed(row.scales[0].score.local, RESULT_CODE, valueInteger=score, component=[component], **elements)
    (found,) = screenings(detail, registry)
    return found


@pytest.mark.parametrize(
    ("instrument", "score", "stated", "differs"),
    [
        ("gad-7", 16, "moderate", True),
        ("gad-7", 16, "severe", False),
        ("gad-7", 0, "severe", True),
        # A word that the rule does not use says nothing against it.
        ("phq-9", 16, "severe", False),
        ("phq-9", 16, "negative", True),
        # Agencies cut at 31, 32 or 33.
        ("pcl-5", 31, "negative", False),
        ("pcl-5", 32, "negative", False),
        ("pcl-5", 33, "negative", True),
        # Three is negative for a man, and sex is not known.
        ("audit-c", 3, "negative", False),
        ("audit-c", 4, "negative", True),
        # A rule that was not checked contradicts nobody.
        ("cows", 40, "mild", False),
        ("ciwa-ar", 40, "mild", False),
    ],
)
def test_a_band_that_is_not_that_of_the_score_is_kept_and_said(registry, observed, instrument, score, stated, differs):
    found = banded(registry, observed, instrument, score, stated)
    assert (found.category, found.source_band, int(found.score)) == (stated, stated, score)
    assert found.disagreements == (("band-differs",) if differs else ())


def test_the_computed_band_is_kept_apart(registry, observed):
    found = banded(registry, observed, "gad-7", 16, "moderate")
    assert (found.category, found.computed, found.caveat) == ("moderate", "severe", None)


def test_a_total_that_is_not_the_sum_of_its_answers_stands_and_is_said(registry, observed):
    items = registry.instruments["phq-9"].scoring.loinc
    component = [{"code": {"coding": [{"system": LOINC, "code": code}]}, "valueInteger": 1} for code in items]
    (found,) = screenings(observed("44261-6", valueInteger=12, component=component), registry)
    assert (int(found.score), found.category, found.disagreements) == (12, "positive", ("score-differs",))
    (found,) = screenings(observed("44261-6", valueInteger=9, component=component), registry)
    assert found.disagreements == ()


def test_a_missing_answer_is_no_contradiction(registry, observed):
    code = next(iter(registry.instruments["phq-9"].scoring.loinc))
    component = [{"code": {"coding": [{"system": LOINC, "code": code}]}, "valueInteger": 3}]
    (found,) = screenings(observed("44261-6", valueInteger=12, component=component), registry)
    assert found.disagreements == ()


def test_conditions_contradict_too(registry, responded):
    answers = {str(number): {"valueBoolean": False} for number in range(1, 9)}
    answers["bjmhs-result"] = {"valueString": "refer"}
    (found,) = screenings(responded(answers, questionnaire="urn:x/bjmhs"), registry)
    assert (found.category, found.computed, found.disagreements) == ("refer", "no-refer", ("band-differs",))


def test_a_retracted_result_contradicts_nothing(registry, observed):
    assert banded(registry, observed, "gad-7", 16, "none", status="entered-in-error").disagreements == ()


@given(st.sampled_from(["gad-7", "audit", "dast-10", "tcu-ds5"]), st.integers(0, 10), st.data())
@settings(max_examples=100, deadline=None)
def test_what_is_stated_always_stands(registry, observed, instrument, score, data):
    bands = [category for _, category in registry.instruments[instrument].bands]
    stated = data.draw(st.sampled_from(bands))
    found = banded(registry, observed, instrument, score, stated)
    assert found.category == stated
    assert bool(found.disagreements) == (found.computed != stated)
