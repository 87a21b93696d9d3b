"""From a screening to the summary Observation that may leave the house.

The body is built from the screening alone, so nothing of the detail but the result code, the category or
score, the day and the status can pass: no items, narrative, note, time of day, references or source
identifiers.
https://hl7.org/fhir/us/core/StructureDefinition-us-core-observation-screening-assessment.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapter.summary.vocabulary import (
    ABSENT_REASON,
    CATEGORIES,
    OBSERVATION_CATEGORY,
    OBSERVATION_VALUE,
    RESULT_CATEGORY,
    SUMMARY_PROFILE,
    UCUM,
    US_CORE_CATEGORY,
    US_CORE_SCREENING,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapter.summary.screening import Screening

_ABSTRACTED = (OBSERVATION_VALUE, "ABSTRED")
_REDACTED = (OBSERVATION_VALUE, "REDACTED")
_SURVEY = (OBSERVATION_CATEGORY, "survey")
# US Core's second category; mental health has none of its own.
_DOMAIN_CATEGORY = {
    "sud": (OBSERVATION_CATEGORY, "social-history"),
    "cognitive": (US_CORE_CATEGORY, "cognitive-status"),
    "social": (US_CORE_CATEGORY, "sdoh"),
}


def summary(
    screening: Screening, *, labels: Iterable[tuple[str, str]], performer_text: str | None = None
) -> dict[str, Any]:
    """The Observation body of the summary, without ``id`` and ``subject``, which ingest adds.

    ``labels`` are the (system, code) security labels of the content and its source; ``ABSTRED`` is added, and
    ``REDACTED`` when a result is masked. ``performer_text`` is a consented organisation name or a facility
    class, never a reference; without it there is no performer. A negative result is built as a positive one
    is.
    """
    security = dict.fromkeys(labels)
    security[_ABSTRACTED] = None
    if screening.absent == "masked":
        security[_REDACTED] = None
    body: dict[str, Any] = {
        "resourceType": "Observation",
        "meta": {
            "profile": [SUMMARY_PROFILE, US_CORE_SCREENING],
            "security": [{"system": system, "code": code} for system, code in security],
        },
        "status": screening.status,
        "category": _categories(screening.instrument.domain),
        "code": {
            "coding": [{"system": system, "code": code} for system, code in screening.result.codings],
            "text": screening.result.text,
        },
        "effectiveDateTime": screening.day,
    }
    if performer_text:
        body["performer"] = [{"display": performer_text}]
    _put_value(body, screening)
    return body


def _categories(domain: str) -> list[dict[str, Any]]:
    second = _DOMAIN_CATEGORY.get(domain)
    systems = (_SURVEY,) if second is None else (_SURVEY, second)
    return [{"coding": [{"system": system, "code": code}]} for system, code in systems]


def _put_value(body: dict[str, Any], screening: Screening) -> None:
    if screening.absent is not None:
        body["dataAbsentReason"] = {"coding": [{"system": ABSENT_REASON, "code": screening.absent}]}
    elif screening.result.kind == "score":
        body["valueQuantity"] = {
            "value": screening.score,
            "unit": "score",
            "system": UCUM,
            "code": screening.result.unit,
        }
    else:
        body["valueCodeableConcept"] = {
            "coding": [{"system": RESULT_CATEGORY, "code": screening.category}],
            "text": _text(screening),
        }


def _text(screening: Screening) -> str:
    code = screening.category or ""
    own = {category.code: category for category in screening.instrument.own_categories}
    display = (own.get(code) or CATEGORIES[code]).display
    remark = "set by override" if screening.override is not None else screening.caveat
    return f"{display} ({remark})" if remark else display
