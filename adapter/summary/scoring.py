"""Scores from item answers, and bands from scores: only by rules that were checked against their source.

A missing answer gives no result unless it could not change it. A sum never falls when an answer rises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.summary.instrument import Bands, Instrument, Scale, Scoring

_KEY = re.compile(r"(?:item|question|q)?[-_. ]?0*([0-9]{1,2}[a-z]?)\.?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A computed category, and the words that must go with it when the rule needed an assumption."""

    category: str
    caveat: str | None = None


def item_key(instrument: Instrument, name: str) -> str | None:
    """The item key a link id or code stands for (``/44250-9``, ``Q3``, ``tcu-ds5-10a``), or ``None``."""
    scoring = instrument.scoring
    if scoring is None:
        return None
    last = name.rpartition("/")[2]
    if last in scoring.loinc:
        return scoring.loinc[last]
    key = last.casefold().removeprefix(instrument.id).removeprefix(instrument.id.replace("-", ""))
    key = key.lstrip("-_. ")
    match = _KEY.fullmatch(key)
    key = match.group(1) if match else key
    return key if key in scoring.items else None


def total(scoring: Scoring, answers: Mapping[str, int]) -> Decimal | None:
    """The sum of the item answers, or ``None`` when an answer that counts is missing or impossible."""
    grouped = frozenset().union(*scoring.together)
    values = [_value(scoring, answers, item) for item in scoring.items if item not in grouped]
    values += [_once(scoring, answers, group) for group in scoring.together]
    known = [value for value in values if value is not None]
    return Decimal(sum(known)) if len(known) == len(values) else None


def outcome(scoring: Scoring, answers: Mapping[str, int]) -> str | None:
    """The category of a rule with conditions, or ``None`` while a missing answer could decide it."""
    yes = {item for item, value in answers.items() if value > 0}
    if any(len(of & yes) >= least for of, least in scoring.conditions):
        return scoring.met
    needed = set(scoring.items) - scoring.optional
    return scoring.unmet if needed <= set(answers) else None


def band(scale: Scale, score: Decimal, sex: str | None = None) -> Band | None:
    """The category of ``score``, or ``None`` when no checked rule gives one.

    ``sex`` is the administrative gender code; anything but ``male`` and ``female`` counts as not known.
    """
    if not scale.compute:
        return None
    by_sex = scale.bands_by_sex.get(sex or "")
    bands = scale.bands if by_sex is None else by_sex
    category = _category(bands, score)
    if category is None:
        return None
    caveat = scale.sex_unknown if scale.bands_by_sex and by_sex is None else None
    if scale.caveat is not None and scale.caveat.low <= score <= scale.caveat.high:
        caveat = scale.caveat.says
    return Band(category=category, caveat=caveat)


def possible_bands(scale: Scale, score: Decimal) -> set[str]:
    """The categories of ``score`` that the checked rule may give: by either sex, and by each published cut-off."""
    found = {_category(bands, score) for bands in (scale.bands, *scale.bands_by_sex.values())}
    if scale.caveat is not None and scale.caveat.low <= score <= scale.caveat.high:
        found.add(_category(scale.bands, Decimal(scale.caveat.low - 1)))
    return {category for category in found if category is not None}


def _category(bands: Bands, score: Decimal) -> str | None:
    found = None
    for first, category in bands:
        if score < first:
            break
        found = category
    return found


def _value(scoring: Scoring, answers: Mapping[str, int], item: str) -> int | None:
    value = answers.get(item)
    if value is None or not scoring.low <= value <= scoring.high:
        return None
    return scoring.low + scoring.high - value if item in scoring.reversed else value


def _once(scoring: Scoring, answers: Mapping[str, int], group: frozenset[str]) -> int | None:
    values = [_value(scoring, answers, item) for item in group]
    known = [value for value in values if value is not None]
    if scoring.high in known:
        return scoring.high
    return max(known) if len(known) == len(values) else None
