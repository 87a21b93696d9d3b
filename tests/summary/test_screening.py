"""Screenings are found in results, panels and forms; the sender's band stands; retractions carry no value."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import RecordError
from adapter.summary.registry import Registry
from adapter.summary.screening import screenings
from adapter.summary.vocabulary import LOINC, RESULT_CATEGORY, RESULT_CODE

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
FREQUENCY = ["LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9"]


def coded(code, system=LOINC):
    return {"coding": [{"system": system, "code": code}]}


def component(code, system=LOINC, **value):
    return {"code": coded(code, system), **value}


def category(code):
    return {"valueCodeableConcept": coded(code, RESULT_CATEGORY)}


def one(detail, registry, **options):
    (screening,) = screenings(detail, registry, **options)
    return screening


def test_a_total(registry, observed):
    found = one(observed("44261-6", valueInteger=14), registry)
    assert (found.instrument.id, found.series) == ("phq-9", "phq-9")
    assert (found.score, found.category, found.computed, found.source_band) == (
        14,
        "positive",
        "positive",
        None,
    )
    assert (found.result.local, found.result.kind) == ("phq-9-level", "level")
    assert (found.day, found.effective) == ("2026-03-02", "2026-03-02T08:15:30-07:00")
    assert found.instant == 1_772_464_530_000_000
    assert (found.risk, found.status, found.absent) == (7, "final", None)


def test_a_category_of_a_local_instrument(registry, observed):
    found = one(observed("bjmhs-result", RESULT_CODE, **category("refer")), registry)
    assert (found.category, found.source_band, found.computed) == ("refer", "refer", None)
    assert found.score is None


def test_the_senders_band_stands_and_ours_is_kept_beside_it(registry, observed):
    detail = observed(
        "69737-5",
        component=[
            component("70274-6", valueInteger=16),
            component("gad-7-level", RESULT_CODE, **category("moderate")),
        ],
    )
    found = one(detail, registry)
    assert (found.score, found.category, found.source_band, found.computed) == (
        16,
        "moderate",
        "moderate",
        "severe",
    )


def test_an_override_counts_before_the_band_and_all_are_kept(registry, observed):
    detail = observed(
        "lsi-r-score",
        RESULT_CODE,
        valueInteger=12,
        component=[
            component("lsi-r-level", RESULT_CODE, **category("low")),
            component("lsi-r-override", RESULT_CODE, **category("moderate")),
        ],
    )
    found = one(detail, registry)
    assert (found.score, found.source_band, found.override, found.category) == (
        12,
        "low",
        "moderate",
        "moderate",
    )


def test_the_word_administrative_is_an_override(registry, observed):
    found = one(observed("lsi-r-level", RESULT_CODE, valueString="Administrative"), registry)
    assert found.category == "override"


def test_sex_decides_audit_c(registry, observed):
    detail = observed("75626-2", valueInteger=3)
    assert one(detail, registry, sex="male").category == "negative"
    assert one(detail, registry, sex="female").category == "positive"
    unknown = one(detail, registry)
    assert (unknown.category, unknown.caveat) == ("positive", "cut-off 3 used because sex is not known")


def test_a_stated_band_needs_no_remark(registry, observed):
    detail = observed("75626-2", valueCodeableConcept={"coding": [{"code": "negative"}, {"code": "3"}]})
    found = one(detail, registry)
    assert (found.category, found.computed, found.caveat) == ("negative", "positive", None)


def test_a_panel_with_item_components_is_summed(registry, observed):
    parts = [component(code, valueCodeableConcept=coded(FREQUENCY[place % 4])) for place, code in enumerate(PHQ_ITEMS)]
    found = one(observed("44249-1", component=parts), registry)
    assert (found.score, found.category) == (12, "positive")


def test_a_stated_total_is_not_summed_again(registry, observed):
    parts = [component(code, valueInteger=3) for code in PHQ_ITEMS]
    found = one(observed("44249-1", component=[*parts, component("44261-6", valueInteger=9)]), registry)
    assert (found.score, found.category) == (9, "negative")


def test_a_panel_with_a_missing_item_has_no_screening(registry, observed):
    parts = [component(code, valueInteger=3) for code in PHQ_ITEMS[:8]]
    assert screenings(observed("44249-1", component=parts), registry) == []


def test_a_panel_of_members_has_no_result_of_its_own(registry, observed):
    detail = observed("44249-1", valueInteger=12, hasMember=[{"reference": "Observation/total"}])
    assert screenings(detail, registry) == []
    assert screenings({**detail, "effectiveDateTime": None}, registry) == []


def test_a_result_of_another_instrument_in_a_panel_is_found_too(registry, observed):
    parts = [component("44261-6", valueInteger=9), component("70274-6", valueInteger=9)]
    found = screenings(observed("44249-1", component=parts), registry)
    assert [(each.series, each.category) for each in found] == [("phq-9", "negative"), ("gad-7", "mild")]


def test_components_that_are_no_items_are_left_alone(registry, observed):
    parts = [component("8867-4", valueInteger=2), {"code": {"text": "other"}, "valueInteger": 3}]
    assert screenings(observed("44249-1", component=parts), registry) == []


def test_local_item_components_of_bjmhs(registry, observed):
    parts = [component(f"bjmhs-{number}", RESULT_CODE, valueBoolean=number == 8) for number in range(1, 9)]
    found = one(observed("bjmhs-result", RESULT_CODE, component=parts), registry)
    assert (found.category, found.computed, found.score) == ("refer", "refer", None)


def test_three_results_of_one_instrument(registry, observed):
    detail = observed(
        "psa-fta-score",
        RESULT_CODE,
        valueInteger=3,
        component=[
            component("psa-nca-score", RESULT_CODE, valueInteger=5),
            component("psa-nvca-result", RESULT_CODE, valueBoolean=True),
        ],
    )
    found = screenings(detail, registry)
    assert [(each.series, each.result.local) for each in found] == [
        ("psa-fta", "psa-fta-score"),
        ("psa-nca", "psa-nca-score"),
        ("psa-nvca", "psa-nvca-result"),
    ]
    assert found[2].category == "positive"


@pytest.mark.parametrize(
    ("code", "elements", "result", "absent"),
    [
        ("k6-score", {"valueInteger": 14}, "k6-score", None),
        ("k6-score", {"valueString": "moderate"}, "k6-level", None),
        ("lsi-r-score", {"valueInteger": 30}, "lsi-r-level", "masked"),
        ("moca-score", {"valueInteger": 22}, "moca-score", None),
        ("tcu-cts-score", {"valueInteger": 22}, "tcu-cts-score", None),
        ("tcu-ds5-score", {"valueInteger": 5}, "tcu-ds5-level", None),
    ],
)
def test_what_a_summary_of_it_will_state(registry, observed, code, elements, result, absent):
    found = one(observed(code, RESULT_CODE, **elements), registry)
    assert (found.result.local, found.absent) == (result, absent)


def test_a_county_that_wants_scores_gets_scores(rows, pinned, observed):
    registry = Registry.load(rows, pinned, local=[("c", {"adjust": {"phq-9": {"carries": "score"}}})])
    assert one(observed("44261-6", valueInteger=14), registry).result.code == "44261-6"
    assert one(observed("phq-9-level", RESULT_CODE, valueString="high"), registry).result.local == "phq-9-level"


def test_what_stays_in_the_facility_makes_no_screening(registry, observed):
    detail = observed("prea-result", RESULT_CODE, valueString="Potential victim")
    assert screenings(detail, registry) == []


@pytest.mark.parametrize("status", ["preliminary", "final", "amended", "corrected", "unknown"])
def test_status_is_carried(registry, observed, status):
    assert one(observed("44261-6", valueInteger=14, status=status), registry).status == status


def test_a_registered_result_is_none_yet(registry, observed):
    assert screenings(observed("44261-6", valueInteger=14, status="registered"), registry) == []


@pytest.mark.parametrize(("status", "absent"), [("entered-in-error", "error"), ("cancelled", "not-performed")])
@pytest.mark.parametrize("value", [{"valueInteger": 14}, {"valueInteger": 99}, {"valueString": "??"}, {}])
def test_a_retracted_result_is_not_repeated(registry, observed, status, absent, value):
    found = one(observed("44261-6", status=status, **value), registry)
    assert (found.status, found.absent) == (status, absent)
    assert (found.score, found.category, found.risk) == (None, None, 0)
    assert found.occasion == one(observed("44261-6", valueInteger=14), registry).occasion


def test_a_retracted_panel_retracts_what_it_held(registry, observed):
    detail = observed("44249-1", status="entered-in-error", component=[component("44250-9", valueInteger=1)])
    assert one(detail, registry).absent == "error"
    unread = observed("44249-1", status="entered-in-error", component=[component("44250-9", valueString="?")])
    assert one(unread, registry).absent == "error"
    total = observed("44249-1", status="entered-in-error", component=[component("44261-6", valueInteger=99)])
    assert one(total, registry).absent == "error"
    assert screenings(observed("44249-1", status="entered-in-error"), registry) == []


def test_a_reason_for_no_result_is_carried(registry, observed):
    reason = coded("not-performed", "http://terminology.hl7.org/CodeSystem/data-absent-reason")
    found = one(observed("44261-6", dataAbsentReason=reason), registry)
    assert (found.absent, found.score, found.category) == ("not-performed", None, None)


def test_a_result_code_without_any_value_is_no_screening(registry, observed):
    assert screenings(observed("44261-6"), registry) == []


@pytest.mark.parametrize(
    "detail",
    [
        {"resourceType": "Condition", "code": coded("44261-6")},
        {"resourceType": "Observation", "status": "final"},
        {"resourceType": "Observation", "status": "final", "code": {"text": "PHQ-9"}},
        {"resourceType": "Observation", "status": "final", "code": coded("44250-9"), "valueInteger": 2},
        {"resourceType": "Observation", "status": "final", "code": coded("8867-4"), "valueInteger": 70},
        {"resourceType": "QuestionnaireResponse", "status": "in-progress"},
        {"resourceType": "QuestionnaireResponse", "status": "completed"},
    ],
)
def test_other_resources_hold_no_screening(registry, detail):
    assert screenings(detail, registry) == []


def test_codes_of_two_instruments_are_refused(registry, observed):
    detail = observed("75624-7", valueInteger=9)
    detail["code"]["coding"].append({"system": RESULT_CODE, "code": "audit-c-score"})
    with pytest.raises(RecordError) as raised:
        screenings(detail, registry)
    assert raised.value.code == "ambiguous-instrument"


def test_a_loinc_and_a_local_code_of_one_result_are_one(registry, observed):
    detail = observed("44261-6", valueInteger=9)
    detail["code"]["coding"].append({"system": RESULT_CODE, "code": "phq-9-score"})
    assert one(detail, registry).score == 9


def test_a_retracted_result_retracts_nothing_beside_it(registry, observed):
    stray = [component("8867-4", valueInteger=70)]
    detail = observed("psa-nca-score", RESULT_CODE, status="entered-in-error", component=stray)
    assert one(detail, registry).series == "psa-nca"


def test_a_panel_code_beside_a_total_code_is_the_total(registry, observed):
    detail = observed("44249-1", valueInteger=9)
    detail["code"]["coding"].append({"system": LOINC, "code": "44261-6"})
    assert one(detail, registry).score == 9


def test_a_result_without_a_day_is_refused(registry, observed):
    with pytest.raises(RecordError, match="bad-date"):
        screenings(observed("44261-6", valueInteger=9, effectiveDateTime="2026-03"), registry)


def test_a_day_is_an_occasion_too(registry, observed):
    found = one(observed("44261-6", valueInteger=4, effectiveDateTime="2026-03-02"), registry)
    assert found.occasion == "phq-9|2026-03-02"


def test_risk_follows_the_category_and_else_the_score(registry, observed):
    def risk(code, value):
        return one(observed(code, RESULT_CODE, **value), registry).risk

    assert risk("bjmhs-result", {"valueString": "refer"}) > risk("bjmhs-result", {"valueString": "refused"})
    assert risk("bjmhs-result", {"valueString": "refused"}) > risk("bjmhs-result", {"valueString": "no-refer"})
    assert (risk("k6-score", {"valueInteger": 24}), risk("k6-score", {"valueInteger": 0})) == (9, 0)
    assert risk("moca-score", {"valueInteger": 5}) > risk("moca-score", {"valueInteger": 29})
    assert risk("asam-level", {"valueString": "4"}) == 9
    assert risk("prapare-score", {"valueInteger": 40}) == 9


@given(st.sampled_from(["phq-9", "gad-7", "audit", "dast-10", "pcl-5", "tcu-ds5", "k6", "lsi-r"]), st.data())
@settings(max_examples=150, deadline=None)
def test_a_higher_score_never_has_a_lower_risk(registry, observed, name, data):
    (scale,) = registry.instruments[name].scales
    low, high = sorted(data.draw(st.integers(scale.low, scale.high)) for _ in range(2))
    risks = [one(observed(f"{name}-score", RESULT_CODE, valueInteger=score), registry).risk for score in (low, high)]
    assert 0 <= risks[0] <= risks[1] <= 9
