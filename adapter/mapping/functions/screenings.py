"""Screening results of a table: a score, a result in words, and answers, each where summaries look for it.

One Observation tells all of a screening. Its code is that of the score where the instrument has one, else that of the
result; what else is stated stands in components.
https://hl7.org/fhir/us/core/StructureDefinition-us-core-observation-screening-assessment.html
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from adapter.mapping.registry import function

if TYPE_CHECKING:
    from adapter.mapping.scope import Remarks

Coding = dict[str, Any]

_SCORE = {"unit": "{score}", "system": "http://unitsofmeasure.org", "code": "{score}"}
_NUMBER = re.compile(r"\d{1,4}(?:\.\d{1,4})?", re.ASCII)
_ANSWER = re.compile(
    r"\s*(?:(?P<item>[A-Za-z0-9][A-Za-z0-9.\- ]{0,15}?)\s*[=:]\s*)?(?P<value>[A-Za-z0-9]{1,16})\s*", re.ASCII
)
_APART = re.compile(r"[;|]")
_YES_NO = {"Y": True, "YES": True, "TRUE": True, "N": False, "NO": False, "FALSE": False}


@function(gives="any", score_code="any", score="text")
def score_quantity(remarks: Remarks, score_code: Coding | None, score: str | None) -> dict[str, Any] | None:
    """A score as Quantity, digits as sent; nothing where the instrument has no score or this is no number."""
    if score is None or _NUMBER.fullmatch(score) is None:
        return None
    if score_code is None:
        # The sum of a screen that is no sum, such as the BJMHS, is not carried.
        remarks.lossy(1, "score-without-code")
        return None
    return {"value": Decimal(score), **_SCORE}


@function(score_code="any", score="text")
def score_text(score_code: Coding | None, score: str | None) -> str | None:
    """What stands in the place of a score and is no number: `refused`, or something to be looked at."""
    return score if score_code is not None and score is not None and _NUMBER.fullmatch(score) is None else None


@function(gives="any", score_code="any", result="text", score="text?")
def result_concept(score_code: Coding | None, result: str | None, score: str | None = None) -> dict[str, str] | None:
    """The result in the sender's words, where the Observation has its code; words in the place of a score too."""
    words = None if score is None or _NUMBER.fullmatch(score) else score
    found = result or words
    return {"text": found} if score_code is None and found is not None else None


@function(gives="any", score_code="any", result_code="any", result="text", answers="text?", items="literal?")
def screening_components(
    remarks: Remarks,
    score_code: Coding | None,
    result_code: Coding | None,
    result: str | None,
    answers: str | None = None,
    items: str = "",
) -> list[dict[str, Any]] | None:
    """The result beside a score, and answers (`1=2; 2=0`, or `2;0` in order) under the item system."""
    found: list[dict[str, Any]] = []
    if score_code is not None and result is not None:
        if result_code is None:
            remarks.lossy(2, "result-without-code")
        else:
            found.append({"code": {"coding": [result_code]}, "valueCodeableConcept": {"text": result}})
    parts = _APART.split(answers) if answers is not None else []
    for place, part in enumerate(parts, 1):
        match = _ANSWER.fullmatch(part)
        if match is not None:
            item = match["item"] or str(place)
            found.append({"code": {"coding": [{"system": items, "code": item}]}, **_value(match["value"])})
        elif part.strip():
            remarks.lossy(3, "bad-answer")
    return found or None


def _value(text: str) -> dict[str, Any]:
    boolean = _YES_NO.get(text.upper())
    if boolean is not None:
        return {"valueBoolean": boolean}
    return {"valueInteger": int(text)} if text.isdigit() else {"valueString": text}
