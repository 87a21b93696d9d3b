"""A summary holds the result, the day and the labels, and nothing else of the detail."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from fhir.resources.R4B.observation import Observation
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import RecordError
from adapter.summary.build import summary
from adapter.summary.screening import screenings
from adapter.summary.vocabulary import (
    LOINC,
    OBSERVATION_VALUE,
    RESULT_CATEGORY,
    RESULT_CODE,
    SUMMARY_PROFILE,
    UCUM,
    US_CORE_SCREENING,
)

LABELS = (
    ("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "R"),
    ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "MH"),
)
KEYS = {
    "resourceType", "meta", "status", "category", "code", "effectiveDateTime", "performer", "valueQuantity",
    "valueCodeableConcept", "dataAbsentReason",
}  # fmt: skip


def built(detail, registry, labels=LABELS, **options):
    (screening,) = screenings(detail, registry)
    return summary(screening, labels=labels, **options)


def test_the_whole_summary_of_a_jail_screen(registry, observed):
    detail = observed("bjmhs-result", RESULT_CODE, valueString="Refer")
    assert built(detail, registry, performer_text="County jail intake") == {
        "resourceType": "Observation",
        "meta": {
            "profile": [SUMMARY_PROFILE, US_CORE_SCREENING],
            "security": [
                {"system": LABELS[0][0], "code": "R"},
                {"system": LABELS[1][0], "code": "MH"},
                {"system": OBSERVATION_VALUE, "code": "ABSTRED"},
            ],
        },
        "status": "final",
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}
        ],
        "code": {"coding": [{"system": RESULT_CODE, "code": "bjmhs-result"}], "text": "BJMHS result"},
        "effectiveDateTime": "2026-03-02",
        "performer": [{"display": "County jail intake"}],
        "valueCodeableConcept": {
            "coding": [{"system": RESULT_CATEGORY, "code": "refer"}],
            "text": "Refer for evaluation",
        },
    }


def test_labels_stand_last_in_meta_and_are_not_repeated(registry, observed):
    body = built(observed("44261-6", valueInteger=3), registry, labels=[*LABELS, *LABELS])
    assert list(body["meta"])[-1] == "security"
    assert [label["code"] for label in body["meta"]["security"]] == ["R", "MH", "ABSTRED"]


def test_a_score_is_a_ucum_quantity_under_both_codes(registry, observed):
    body = built(observed("moca-score", RESULT_CODE, valueDecimal=Decimal("22.0")), registry)
    assert body["code"]["coding"] == [
        {"system": LOINC, "code": "72172-0"},
        {"system": RESULT_CODE, "code": "moca-score"},
    ]
    quantity = body["valueQuantity"]
    assert (quantity["system"], quantity["code"], str(quantity["value"])) == (UCUM, "{score}", "22.0")


def test_a_masked_number_is_said_to_be_redacted(registry, observed):
    body = built(observed("lsi-r-score", RESULT_CODE, valueInteger=30), registry)
    assert body["dataAbsentReason"]["coding"][0]["code"] == "masked"
    assert [label["code"] for label in body["meta"]["security"]][-2:] == ["ABSTRED", "REDACTED"]
    assert "30" not in json.dumps(body)


def test_a_retracted_summary_has_no_value(registry, observed):
    body = built(observed("44261-6", valueInteger=14, status="entered-in-error"), registry)
    assert (body["status"], body["dataAbsentReason"]["coding"][0]["code"]) == ("entered-in-error", "error")
    assert not {"valueQuantity", "valueCodeableConcept"} & set(body)


@pytest.mark.parametrize(
    ("code", "value", "text"),
    [
        ("audit-c-score", {"valueInteger": 3}, "Positive (cut-off 3 used because sex is not known)"),
        ("pcl-5-score", {"valueInteger": 31}, "Positive (cut-off 31, the lowest of the published 31 to 33)"),
        ("pcl-5-score", {"valueInteger": 40}, "Positive"),
        ("asam-level", {"valueString": "3.1"}, "ASAM level 3.1"),
        ("lsi-r-override", {"valueString": "medium"}, "Moderate (set by override)"),
    ],
)
def test_the_words_beside_the_category(registry, observed, code, value, text):
    body = built(observed(code, RESULT_CODE, **value), registry)
    assert body["valueCodeableConcept"]["text"] == text


@pytest.mark.parametrize(
    ("code", "second"),
    [("dast-10-score", "social-history"), ("moca-score", "cognitive-status"), ("hark-score", "sdoh")],
)
def test_the_second_category_follows_the_domain(registry, observed, code, second):
    body = built(observed(code, RESULT_CODE, valueInteger=3), registry)
    assert [each["coding"][0]["code"] for each in body["category"]] == ["survey", second]


def test_a_negative_result_has_the_same_shape_as_a_positive_one(registry, observed):
    def shape(node):
        if isinstance(node, dict):
            return {key: shape(value) for key, value in node.items()}
        return [shape(each) for each in node] if isinstance(node, list) else type(node)

    negative, positive = (built(observed("44261-6", valueInteger=score), registry) for score in (2, 20))
    assert shape(negative) == shape(positive)
    assert negative["meta"] == positive["meta"]


def test_two_summaries_share_no_part(registry, observed):
    (screening,) = screenings(observed("44261-6", valueInteger=3), registry)
    one, other = (summary(screening, labels=LABELS) for _ in range(2))
    one["meta"]["security"].clear()
    one["code"]["coding"].clear()
    one["category"].clear()
    assert other == summary(screening, labels=LABELS)


def test_summaries_are_valid_r4(registry, observed):
    for row in registry.instruments.values():
        for code in row.result_codes:
            value = {"valueInteger": 3} if code.kind == "score" else {"valueString": "refused"}
            if row.id == "tcu-cts":
                value = {"valueInteger": 30}
            detail = observed(code.local, RESULT_CODE, **value)
            for screening in screenings(detail, registry):
                body = {**summary(screening, labels=LABELS), "subject": {"reference": "Patient/p1"}}
                assert Observation.model_validate(body).status == "final"


SECRET = st.text("QXZJKVWqxzjkvw", min_size=6, max_size=20).map(lambda text: f"secret{text}secret")


@st.composite
def details(draw):
    """Detail that carries a secret wherever a sender could put one, around a readable result."""
    secret = draw(SECRET)
    concept = {"coding": [{"system": secret, "code": secret, "display": secret}], "text": secret}
    score = draw(st.integers(0, 27))
    detail = {
        "resourceType": "Observation",
        "id": secret,
        "meta": {"source": secret, "tag": [{"code": secret}], "profile": [secret]},
        "text": {"status": "generated", "div": secret},
        "identifier": [{"value": secret}],
        "extension": [{"url": secret, "valueString": secret}],
        "status": draw(st.sampled_from(["final", "amended", "preliminary", "entered-in-error"])),
        "category": [concept],
        "code": {
            "coding": [{"system": LOINC, "code": "44261-6", "display": secret, "version": secret}],
            "text": secret,
        },
        "subject": {"reference": secret, "display": secret},
        "encounter": {"reference": secret},
        "effectiveDateTime": f"2026-03-02T{draw(st.integers(10, 23))}:41:59.123456-07:00",
        "issued": secret,
        "performer": [{"reference": secret, "display": secret}],
        "note": [{"text": secret}],
        "hasMember": [{"reference": secret}],
        "derivedFrom": [{"reference": secret}],
        "method": concept,
        "device": {"display": secret},
        "component": [
            {
                "code": {"coding": [{"system": LOINC, "code": "44260-8"}], "text": secret},
                "valueString": secret,
            },
            {"code": {"coding": [{"system": secret, "code": secret}]}, "valueInteger": 3},
        ],
    }
    detail |= draw(
        st.sampled_from(
            [
                {"valueQuantity": {"value": score, "unit": secret, "code": secret}},
                {"valueInteger": score},
                {"valueString": str(score)},
                {
                    "valueCodeableConcept": {
                        "coding": [{"code": str(score), "display": secret}],
                        "text": secret,
                    }
                },
                {"dataAbsentReason": concept},
                {"valueString": secret},
            ]
        )
    )
    return secret, detail


def attempted(detail, registry):
    """What is found, or the words of the refusal."""
    try:
        return screenings(detail, registry), ""
    except RecordError as error:
        return [], str(error)


@given(details())
@settings(max_examples=200, deadline=None)
def test_no_word_and_no_time_of_the_detail_survives(registry, pair):
    secret, detail = pair
    found, refusal = attempted(detail, registry)
    assert secret not in refusal
    for screening in found:
        text = json.dumps(summary(screening, labels=LABELS), default=str)
        assert secret not in text
        assert ":41" not in text
        assert "123456" not in text


@given(details())
@settings(max_examples=100, deadline=None)
def test_every_string_of_a_summary_is_one_of_ours_or_the_day(registry, pair):
    _, detail = pair
    ours = {text for code in registry.instruments["phq-9"].result_codes for text in (code.text, code.local)}
    ours |= {category.display for category in registry.categories.values()} | set(registry.categories)
    ours |= {part for label in LABELS for part in label} | {"2026-03-02", "Observation", "score", "{score}"}
    ours |= {"final", "amended", "preliminary", "entered-in-error", "unknown", "error", "survey", "ABSTRED"}

    def strings(node):
        if isinstance(node, str):
            yield node
        for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from strings(each)

    for screening in attempted(detail, registry)[0]:
        body = summary(screening, labels=LABELS)
        assert set(body) <= KEYS
        assert {text for text in strings(body) if not text.startswith(("http://", "https://"))} <= ours


@given(st.lists(st.sampled_from(["LA6568-5", "LA6571-9"]), min_size=9, max_size=9))
@settings(max_examples=100, deadline=None)
def test_two_forms_with_the_same_band_make_the_same_summary(registry, responded, answers):
    items = registry.instruments["phq-9"].scoring.loinc
    given_ = {
        f"/{code}": {"valueCoding": {"system": LOINC, "code": answer}}
        for code, answer in zip(items, answers, strict=True)
    }
    (screening,) = screenings(responded(given_), registry)
    band = "positive" if screening.score >= 10 else "negative"
    assert summary(screening, labels=LABELS) == built(
        responded({"/44261-6": {"valueInteger": 10 if band == "positive" else 0}}), registry
    )
