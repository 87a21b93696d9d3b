"""The registry against the facts about 48 instruments, written down here a second time and by hand.

``SEEN`` are the bands that were found in a named source; nothing else may ever be computed. Codes are those of LOINC
for panel and total, labels follow from the content, ``limit`` from licence and content.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.summary.loinc import valid
from adapter.summary.scoring import band
from adapter.summary.vocabulary import LOINC

# id: (labels, panels, total or level code, lowest and highest score)
FACTS = {
    # booking, mental health and suicide
    "bjmhs": ("MH", "", "", None),
    "cmhs-m": ("MH", "", "", (0, 12)),
    "cmhs-w": ("MH", "", "", (0, 8)),
    "mhsf-iii": ("MH", "", "", (0, 18)),
    "jsat": ("MH", "", "", None),
    "c-ssrs": ("MH", "93373-9 93245-9", "93374-7", None),
    "k6": ("MH", "", "", (0, 24)),
    "phq-2": ("MH", "55757-9", "55758-7", (0, 6)),
    "phq-9": ("MH", "44249-1", "44261-6", (0, 27)),
    "gad-2": ("MH", "", "", (0, 6)),
    "gad-7": ("MH", "69737-5", "70274-6", (0, 21)),
    "mdq": ("MH", "85102-2", "", None),
    "pc-ptsd-5": ("MH", "102010-6", "102017-1", (0, 5)),
    "pcl-5": ("MH", "101697-1", "101698-9", (0, 80)),
    "ace": ("MH SDV", "82813-7", "", (0, 10)),
    # substance use and withdrawal
    "tcu-ds5": ("SUD", "", "", (0, 11)),
    "uncope": ("SUD", "", "", (0, 6)),
    "ssi": ("SUD", "", "", (0, 14)),
    "rods": ("SUD", "", "", (0, 8)),
    "audit": ("SUD", "72110-0", "75624-7", (0, 40)),
    "audit-c": ("SUD", "72109-2", "75626-2", (0, 12)),
    "dast-10": ("SUD", "82666-9", "82667-7", (0, 10)),
    "nida-qs": ("SUD", "", "", None),
    "nm-assist": ("SUD", "", "", None),
    "taps": ("SUD", "96841-2", "", None),
    "cage-aid": ("SUD", "", "", (0, 4)),
    "ciwa-ar": ("SUD", "", "", (0, 67)),
    "cows": ("SUD", "", "", (0, 48)),
    "asam": ("SUD", "", "", None),
    # co-occurring, risk, cognition, social
    "gain-ss": ("MH SUD", "", "", (0, 23)),
    "ac-ok": ("MH SUD", "", "", (0, 15)),
    "cubs": ("MH SUD", "89556-5", "", None),
    "lsi-r": ("MH SUD", "", "", (0, 54)),
    "ls-cmi": ("SUD", "", "", (0, 43)),
    "oras-pat": ("SUD", "", "", (0, 9)),
    "oras-cst": ("SUD", "", "", (0, 49)),
    "psa": ("", "", "", (1, 6)),
    "vprai": ("SUD", "", "", (0, 9)),
    "vprai-r": ("SUD", "", "", (0, 14)),
    "compas": ("SUD", "", "", (1, 10)),
    "tcu-cts": ("", "", "", (10, 50)),
    "prea": ("SDV", "", "", None),
    "moca": ("", "72133-2", "72172-0", (0, 30)),
    "helps": ("", "", "", None),
    "osu-tbi-id": ("", "", "", None),
    "ahc-hrsn": ("SDV", "96777-8 97023-6", "", None),
    "prapare": ("SDV", "93025-5", "", None),
    "hark": ("SDV", "76499-3", "76504-0", (0, 4)),
}
ITEMS_ONLY = {"nida-qs"}
"""Its only LOINC code is that of a question."""

SEEN = {
    "phq-9": {9: "negative", 10: "positive"},
    "gad-7": {0: "none", 4: "none", 5: "mild", 9: "mild", 10: "moderate", 14: "moderate", 15: "severe", 21: "severe"},
    "pcl-5": {30: "negative", 31: "positive", 33: "positive"},
    "audit": {0: "low", 7: "low", 8: "moderate", 15: "moderate", 16: "high", 19: "high", 20: "very-high"},
    "dast-10": {
        0: "none",
        1: "low",
        2: "low",
        3: "moderate",
        5: "moderate",
        6: "substantial",
        8: "substantial",
        9: "severe",
    },
    "tcu-ds5": {1: "none", 2: "mild", 3: "mild", 4: "moderate", 5: "moderate", 6: "severe", 11: "severe"},
    "uncope": {1: "negative", 2: "positive", 3: "positive"},
    "ssi": {3: "no-refer", 4: "refer"},
}
"""Scores around every cut-off that was seen, and their categories."""
BY_SEX = {("male", 3): "negative", ("male", 4): "positive", ("female", 2): "negative", ("female", 3): "positive"}
CONDITIONS = {"bjmhs"}
"""Scored by conditions and not by a sum."""
LIMITED = {
    # Copies are sold or the manual is: no item of theirs is kept, and of some only the decision.
    "jsat": "level-only", "asam": "level-only", "lsi-r": "level-only", "ls-cmi": "level-only",
    "gain-ss": "score-only", "compas": "score-only", "moca": "score-only",
}  # fmt: skip
URGENT = {"c-ssrs", "ciwa-ar", "cows"}


def test_the_registry_has_these_48_and_no_other(registry):
    assert len(FACTS) == 48
    assert list(registry.instruments) == list(FACTS)


@pytest.mark.parametrize("name", FACTS)
def test_labels_codes_and_range_are_the_facts(registry, name):
    labels, panels, result, spread = FACTS[name]
    row = registry.instruments[name]
    assert row.labels == tuple(labels.split())
    assert row.panels == tuple(panels.split())
    scale = row.scales[0]
    codes = {code for each in row.result_codes for system, code in each.codings if system == LOINC}
    assert codes == ({result} if result else set())
    if spread is not None:
        assert (scale.low, scale.high) == spread
    else:
        assert scale.score is None or name in {"nm-assist", "prapare"}


def test_thirty_have_no_code_at_all(registry):
    without = [name for name, (_, panels, result, _) in FACTS.items() if not panels and not result]
    assert len(without) == 30 + len(ITEMS_ONLY)
    assert {name for name in without if registry.instruments[name].items} == ITEMS_ONLY


def test_every_code_has_its_check_digit():
    codes = [code for _, panels, result, _ in FACTS.values() for code in (*panels.split(), result) if code]
    assert all(valid(code) for code in codes)
    assert not valid("72109-3")


@pytest.mark.parametrize("name", FACTS)
def test_only_what_was_seen_is_computed(registry, name):
    computed = {*SEEN, "audit-c", *CONDITIONS}
    scales = registry.instruments[name].scales
    assert any(scale.compute for scale in scales) == (name in computed)
    if name not in computed:
        for scale in scales:
            assert all(band(scale, Decimal(score)) is None for score in range(-1, 90))


@pytest.mark.parametrize(("name", "score"), [(name, score) for name, bands in SEEN.items() for score in bands])
def test_bands_are_those_of_the_sources(registry, name, score):
    assert band(registry.instruments[name].scales[0], Decimal(score)).category == SEEN[name][score]


@pytest.mark.parametrize(("sex", "score"), BY_SEX)
def test_audit_c_is_cut_by_sex_and_says_when_sex_is_not_known(registry, sex, score):
    (scale,) = registry.instruments["audit-c"].scales
    assert band(scale, Decimal(score), sex).category == BY_SEX[sex, score]
    assert band(scale, Decimal(score), sex).caveat is None
    assert "sex is not known" in band(scale, Decimal(score)).caveat
    assert band(scale, Decimal(3), "other").category == "positive"


def test_licences_are_kept(registry):
    assert {name: row.limit for name, row in registry.instruments.items() if row.limit != "none"} == LIMITED
    assert all(not registry.instruments[name].items and not registry.instruments[name].scoring for name in LIMITED)


def test_no_wording_of_any_item_is_in_the_registry(rows):
    """Items are codes or short keys; a sentence would be somebody's wording."""
    for row in rows["instruments"]:
        scoring = row.get("scoring") or {}
        keys = [*row.get("items", ()), *scoring.get("items", ()), *scoring.get("loinc", {}).values()]
        assert all(len(str(key)) <= 8 and " " not in str(key) for key in keys)


def test_screens_of_suicide_and_withdrawal_are_urgent(registry):
    assert {name for name, row in registry.instruments.items() if row.urgent} == URGENT
    assert registry.instruments["phq-9"].urgent_items == {"44260-8"}


@given(st.sampled_from(sorted(SEEN)), st.integers(0, 90), st.integers(0, 90))
@settings(max_examples=100, deadline=None)
def test_a_higher_score_is_never_in_a_lower_band(registry, name, one, other):
    (scale,) = registry.instruments[name].scales
    order = [category for _, category in scale.bands]
    low, high = (order.index(band(scale, Decimal(score)).category) for score in sorted((one, other)))
    assert low <= high
