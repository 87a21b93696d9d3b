"""Which elements of a jail's booking message speak of health: known by their names, whatever the vendor calls them.

A booking message of the NIEM kind may carry flags of mental illness and substance use, diagnoses, medication and who
treats the person, in the midst of who was booked and when. What is named like that never goes the way of the rest; in
doubt it is taken for health.
"""

from __future__ import annotations

import re
from functools import lru_cache

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_STEMS = (
    "behavior",
    "behaviour",
    "mental",
    "psych",
    "suicid",
    "substance",
    "alcohol",
    "drug",
    "addict",
    "narcotic",
    "opioid",
    "intoxic",
    "overdose",
    "detox",
    "withdraw",
    "diagnos",
    "medic",
    "prescri",
    "pharma",
    "treatment",
    "therap",
    "counseling",
    "counselor",
    "health",
    "clinic",
    "hospital",
    "patient",
    "symptom",
    "illness",
    "disease",
    "disorder",
    "disab",
    "impair",
    "pregnan",
    "allerg",
    "asam",
)
_WHOLE = frozenset({"care", "hiv", "aids", "mat", "otp", "smi", "sud", "bh", "mh"})
_SPEAKS_OF_SOMETHING_ELSE = re.compile(r"[a-z]+mental")


@lru_cache(maxsize=4096)
def names_health(name: str) -> bool:
    """Whether an element of this local name may speak of somebody's health or treatment."""
    return any(_health(word.lower()) for word in _WORDS.findall(name))


def _health(word: str) -> bool:
    if word in _WHOLE:
        return True
    if _SPEAKS_OF_SOMETHING_ELSE.fullmatch(word):  # governmental, supplemental
        word = word.removesuffix("mental")
    return any(stem in word for stem in _STEMS)
