"""Sums, conditions and bands of the verified rules, at every edge the tables state."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.summary.scoring import band, item_key, outcome, total
from adapter.summary.vocabulary import CATEGORIES

SUMS = ["phq-9", "gad-7", "pcl-5", "tcu-ds5", "uncope", "ssi", "audit", "audit-c", "dast-10"]


def edge(registry, instrument, score, sex=None):
    found = band(registry.instruments[instrument].scales[0], Decimal(score), sex)
    return found.category if found else None


@pytest.mark.parametrize(
    ("instrument", "edges"),
    [
        ("phq-9", {0: "negative", 9: "negative", 10: "positive", 27: "positive"}),
        (
            "gad-7",
            {
                0: "none",
                4: "none",
                5: "mild",
                9: "mild",
                10: "moderate",
                14: "moderate",
                15: "severe",
                21: "severe",
            },
        ),
        ("pcl-5", {30: "negative", 31: "positive", 33: "positive"}),
        (
            "tcu-ds5",
            {1: "none", 2: "mild", 3: "mild", 4: "moderate", 5: "moderate", 6: "severe", 11: "severe"},
        ),
        ("uncope", {1: "negative", 2: "positive"}),
        ("ssi", {3: "no-refer", 4: "refer"}),
        ("audit", {7: "low", 8: "moderate", 15: "moderate", 16: "high", 19: "high", 20: "very-high"}),
        (
            "dast-10",
            {0: "none", 1: "low", 2: "low", 3: "moderate", 5: "moderate", 6: "substantial", 8: "substantial"},
        ),
        ("dast-10", {9: "severe", 10: "severe"}),
    ],
)
def test_edges_of_bands(registry, instrument, edges):
    assert {score: edge(registry, instrument, score) for score in edges} == edges


def test_audit_c_needs_sex(registry):
    assert edge(registry, "audit-c", 3, "male") == "negative"
    assert edge(registry, "audit-c", 4, "male") == "positive"
    assert edge(registry, "audit-c", 3, "female") == "positive"
    assert edge(registry, "audit-c", 2, "female") == "negative"


@pytest.mark.parametrize("sex", [None, "unknown", "other"])
def test_audit_c_uses_three_for_unknown_sex_and_says_so(registry, sex):
    found = band(registry.instruments["audit-c"].scales[0], Decimal(3), sex)
    assert (found.category, found.caveat) == ("positive", "cut-off 3 used because sex is not known")


def test_audit_c_with_sex_needs_no_remark(registry):
    assert band(registry.instruments["audit-c"].scales[0], Decimal(3), "female").caveat is None


@pytest.mark.parametrize(("score", "said"), [(30, False), (31, True), (32, True), (33, False)])
def test_pcl_5_says_where_the_published_cut_off_is_a_range(registry, score, said):
    found = band(registry.instruments["pcl-5"].scales[0], Decimal(score))
    assert (found.caveat is not None) == said


@pytest.mark.parametrize("instrument", ["k6", "ciwa-ar", "cows", "moca", "lsi-r", "pc-ptsd-5", "oras-cst"])
def test_what_was_not_checked_is_not_computed(registry, instrument):
    assert edge(registry, instrument, 20) is None


def test_a_score_below_the_first_band_has_none(registry):
    assert edge(registry, "gad-7", -1) is None


@pytest.mark.parametrize(
    ("instrument", "name", "key"),
    [
        ("phq-9", "/44250-9", "1"),
        ("phq-9", "44260-8", "9"),
        ("phq-9", "https://example.org/44255-8", "2"),
        ("phq-9", "phq9-3", "3"),
        ("tcu-ds5", "tcu-ds5-10a", "10a"),
        ("tcu-ds5", "Q10A", "10a"),
        ("tcu-ds5", "item_07", "7"),
        ("bjmhs", "bjmhs.officer", "officer"),
        ("bjmhs", "8.", "8"),
        ("bjmhs", "9", None),
        ("bjmhs", "1.1", None),
        ("k6", "1", None),
    ],
)
def test_item_keys(registry, instrument, name, key):
    assert item_key(registry.instruments[instrument], name) == key


def test_dast_item_three_is_reversed(registry):
    scoring = registry.instruments["dast-10"].scoring
    assert total(scoring, {str(number): 0 for number in range(1, 11)}) == 1
    assert total(scoring, {str(number): int(number != 3) for number in range(1, 11)}) == 10


def test_tcu_pairs_count_once(registry):
    scoring = registry.instruments["tcu-ds5"].scoring
    answers = dict.fromkeys(scoring.items, 1)
    assert total(scoring, answers) == 11
    answers["10a"] = answers["11b"] = 0
    assert total(scoring, answers) == 11
    del answers["10a"]
    assert total(scoring, answers) == 11
    answers["10b"] = 0
    assert total(scoring, answers) is None


def test_ssi_leaves_out_items_one_and_fifteen(registry):
    scoring = registry.instruments["ssi"].scoring
    answers = {str(number): int(number in {1, 15}) for number in range(1, 17)}
    assert total(scoring, answers) == 0


@pytest.mark.parametrize(
    ("yes", "category"),
    [
        ([], "no-refer"),
        (["1"], "no-refer"),
        (["1", "6"], "refer"),
        (["7"], "refer"),
        (["8"], "refer"),
        (["officer"], "refer"),
    ],
)
def test_bjmhs_rules(registry, yes, category):
    scoring = registry.instruments["bjmhs"].scoring
    answers = {str(number): 0 for number in range(1, 9)} | dict.fromkeys(yes, 1)
    assert outcome(scoring, answers) == category


def test_bjmhs_with_a_missing_answer_is_decided_only_when_it_cannot_matter(registry):
    scoring = registry.instruments["bjmhs"].scoring
    assert outcome(scoring, {"7": 1}) == "refer"
    assert outcome(scoring, {str(number): 0 for number in range(1, 8)}) is None


@given(st.sampled_from(SUMS), st.data())
@settings(max_examples=150, deadline=None)
def test_a_sum_is_monotone_and_in_range(registry, name, data):
    instrument = registry.instruments[name]
    scoring, scale = instrument.scoring, instrument.scales[0]
    answers = {item: data.draw(st.integers(scoring.low, scoring.high)) for item in scoring.items}
    item = data.draw(st.sampled_from([each for each in scoring.items if each not in scoring.reversed]))
    raised = {**answers, item: data.draw(st.integers(answers[item], scoring.high))}
    before, after = total(scoring, answers), total(scoring, raised)
    assert scale.low <= before <= after <= scale.high


@given(st.sampled_from(SUMS), st.data())
@settings(max_examples=100, deadline=None)
def test_a_missing_or_impossible_answer_gives_no_sum(registry, name, data):
    scoring = registry.instruments[name].scoring
    answers = dict.fromkeys(scoring.items, scoring.low)
    item = data.draw(st.sampled_from(scoring.items))
    assert total(scoring, {**answers, item: scoring.high + 1}) is None
    del answers[item]
    assert total(scoring, answers) is None


@given(st.sampled_from(SUMS), st.integers(0, 80), st.integers(0, 80), st.sampled_from(["male", "female", None]))
@settings(max_examples=200, deadline=None)
def test_a_higher_score_never_has_a_lower_band(registry, name, one, other, sex):
    scale = registry.instruments[name].scales[0]
    low, high = sorted((one, other))
    bands = [band(scale, Decimal(score), sex) for score in (low, high)]
    assert CATEGORIES[bands[0].category].risk <= CATEGORIES[bands[1].category].risk


@given(st.dictionaries(st.sampled_from([*"12345678", "officer"]), st.integers(0, 1)), st.data())
@settings(max_examples=150, deadline=None)
def test_another_yes_never_takes_a_referral_back(registry, answers, data):
    scoring = registry.instruments["bjmhs"].scoring
    item = data.draw(st.sampled_from(scoring.items))
    if outcome(scoring, answers) == "refer":
        assert outcome(scoring, {**answers, item: 1}) == "refer"
