"""Reading a result or an answer from whatever element a sender put it in.

Totals come as Quantity, integer, decimal, string or CodeableConcept (US Core's own PHQ-9 example is a
string), bands as codes or words. What cannot be read is refused with its place, never guessed.
https://hl7.org/fhir/R4/observation-definitions.html#Observation.value_x_
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from adapter.errors import RecordError
from adapter.summary.vocabulary import (
    ABSENT_REASON,
    ABSENT_REASONS,
    INTERPRETATION,
    LOINC,
    ORDINAL_VALUE,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.summary.instrument import Instrument, Scale
    from adapter.summary.registry import Target

_NUMBER = re.compile(r"\s*(-?[0-9]{1,4}(?:\.[0-9]{1,4})?)\s*", re.ASCII)
_YES_NO = {
    (LOINC, "LA33-6"): True,
    (LOINC, "LA32-8"): False,
    ("http://snomed.info/sct", "373066001"): True,
    ("http://snomed.info/sct", "373067005"): False,
}
_YES_NO_WORDS = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}
_FREQUENCY = {"LA6568-5": 0, "LA6569-3": 1, "LA6570-1": 2, "LA6571-9": 3}
_YES_NO_SYSTEMS = frozenset({"", "http://terminology.hl7.org/CodeSystem/v2-0136"})
_INTERPRETED = {"POS": "positive", "NEG": "negative"}
_EXPECTED = {
    "score": "a number or a registered result category",
    "level": "a registered result category",
    "override": "a registered result category",
}
_PLAIN = ("valueInteger", "valueDecimal", "valueString", "valueBoolean")
_Value = tuple["Decimal | None", "bool | None", str, str]
"""One way of reading a value: as a number, as yes or no, as the code of a system or a bare word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one element says: a score, a category, or why there is neither (a data-absent-reason code)."""

    score: Decimal | None = None
    category: str | None = None
    absent: str | None = None


def reading(element: Mapping[str, Any], *, target: Target, path: str) -> Reading | None:
    """The result in an Observation, component or answer; ``None`` when it holds no value and no reason.

    ``target`` is what the element's code stands for, with a scale. Raises ``RecordError`` with code
    ``unreadable-result`` or ``out-of-range``.
    """
    score, category, found = None, None, False
    for number, boolean, system, code in _values(element):
        found = True
        if score is None and target.kind == "score":
            score = number
        if category is None:
            category = _category(system, code, boolean, target)
        if category is not None and (score is not None or target.kind != "score"):
            break
    if score is None and category is None:
        if found:
            raise RecordError("unreadable-result", path, _EXPECTED[target.kind])
        return _without_value(element, target.instrument)
    if score is not None and not _possible(score, target.scale):
        raise RecordError("out-of-range", path, "a score the instrument can give")
    if category is None:
        category = _interpreted(element, target.instrument)
    return Reading(score=score, category=category)


def answer_score(element: Mapping[str, Any]) -> int | None:
    """The whole number an item's answer stands for; yes is 1 and no is 0. ``None`` when it cannot be read."""
    for number, boolean, system, code in _values(element):
        if number is not None:
            return int(number) if number == int(number) else None
        if boolean is not None:
            return int(boolean)
        if system == LOINC and code in _FREQUENCY:
            return _FREQUENCY[code]
    return None


def _values(element: Mapping[str, Any]) -> list[_Value]:
    """Each way of reading the value, the most exact first."""
    quantity = element.get("valueQuantity")
    if quantity is not None:
        return [(_number(None if "comparator" in quantity else quantity.get("value")), None, "", "")]
    concept = element.get("valueCodeableConcept")
    if concept is not None:
        found = [way for coding in concept.get("coding", ()) for way in _coding(coding)]
        if "text" in concept:
            found.append(_plain(concept["text"]))
        return found
    if "valueCoding" in element:
        return _coding(element["valueCoding"])
    return [_plain(element[key]) for key in _PLAIN if key in element]


def _plain(value: object) -> _Value:
    if isinstance(value, bool):
        return None, value, "", ""
    if isinstance(value, str):
        text = word(value)
        return _number(value), _YES_NO_WORDS.get(text), "", text
    return _number(value), None, "", ""


def _coding(coding: Mapping[str, Any]) -> list[_Value]:
    system, code = coding.get("system", ""), coding.get("code", "")
    found: list[_Value] = [
        (_number(extension.get("valueDecimal")), None, "", "")
        for extension in coding.get("extension", ())
        if extension.get("url") == ORDINAL_VALUE
    ]
    boolean = _YES_NO.get((system, code))
    if boolean is None and system in _YES_NO_SYSTEMS:
        boolean = _YES_NO_WORDS.get(code.casefold())
    found.append((_number(code), boolean, system, code))
    if "display" in coding:
        found.append(_plain(coding["display"]))
    return found


def _number(value: object) -> Decimal | None:
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, float):
        value = repr(value)
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value)
        return Decimal(match.group(1)) if match else None
    return None


def _possible(score: Decimal, scale: Scale | None) -> bool:
    # A score outside of the range is a sentinel such as 99, or belongs to another instrument.
    if scale is None or scale.low is None or scale.high is None:
        return score >= 0
    return scale.low <= score <= scale.high


def _category(system: str, code: str, boolean: bool | None, target: Target) -> str | None:  # noqa: FBT001
    if boolean is not None and target.kind == "level" and target.scale is not None:
        return target.scale.yes if boolean else target.scale.no
    if system == LOINC:
        return target.instrument.answers.get(code)
    if not code:
        return None
    words = target.instrument.words
    return words.get(code) or words.get(word(code))


def _interpreted(element: Mapping[str, Any], instrument: Instrument) -> str | None:
    # Only POS and NEG: H, L, A and N are read as laboratory flags.
    for concept in element.get("interpretation", ()):
        for coding in concept.get("coding", ()):
            if coding.get("system") == INTERPRETATION and coding.get("code") in _INTERPRETED:
                return instrument.words[_INTERPRETED[coding["code"]]]
    return None


def _without_value(element: Mapping[str, Any], instrument: Instrument) -> Reading | None:
    category = _interpreted(element, instrument)
    if category is not None:
        return Reading(category=category)
    reason = element.get("dataAbsentReason")
    if reason is None:
        return None
    for coding in reason.get("coding", ()):
        code = coding.get("code")
        if coding.get("system") == ABSENT_REASON and code in ABSENT_REASONS:
            return Reading(category="refused") if code == "asked-declined" else Reading(absent=code)
    return Reading(absent="unknown")
