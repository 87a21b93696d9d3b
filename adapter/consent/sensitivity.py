"""What the security labels of one resource mean to a label criterion.

Levels: several count as the highest; with any sensitivity label at least R; without any label N. A label of
an unknown system or code may be a sensitivity, one without a system may be anything, Part 2 included.

Labels: https://hl7.org/fhir/R4/security-labels.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from adapter.consent.names import items, listed
from adapter.consent.outcome import FALSE, TRUE, UNKNOWN
from adapter.consent.vocabulary import (
    ACT_CODE,
    ACT_REASON,
    CONFIDENTIALITY,
    LEVELS,
    MARKS,
    OBSERVATION_VALUE,
    PART2,
    SENSITIVE,
    WIDE,
    WIDE_ABOVE,
)

Label = tuple[str, str]

UNREADABLE: Final[Label] = ("", "")
"""Stands for a label nobody can read."""

NO_LEVEL: Final = -1
BEYOND_ALL_LEVELS: Final = len(LEVELS)

_HANDLING: Final = frozenset({ACT_REASON, OBSERVATION_VALUE})
_OLD_NAMES: Final[Mapping[Label, Label]] = {
    ("2.16.840.1.113883.5.1063", "NORDSLCD"): (ACT_CODE, "NORDSCLCD"),
    ("urn:oid:2.16.840.1.113883.5.1063", "NORDSLCD"): (ACT_CODE, "NORDSCLCD"),
    (ACT_CODE, "NORDSLCD"): (ACT_CODE, "NORDSCLCD"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """The labels of a resource, ready to be matched.

    ``low`` and ``high`` bound its level of confidentiality. ``codes`` are its sensitivities; ``within`` the
    codes a deny may name to reach them, ``around`` the narrower ones they may stand for. ``marks`` are all
    other labels of known systems. ``unclear``: some label is not understood. ``part2``: truth of "a Part 2
    record".
    """

    low: int
    high: int
    codes: frozenset[str]
    within: frozenset[str]
    around: frozenset[str]
    marks: frozenset[Label]
    unclear: bool
    part2: int


def known_as(label: Label) -> Label:
    """The current name of a label: old CDA samples say `NORDSLCD` where R4 says `NORDSCLCD`."""
    return _OLD_NAMES.get(label, label)


def _level(levels: list[int | None], *, sensitive: bool, unclear: bool) -> tuple[int, int]:
    known = [level for level in levels if level is not None]
    low = max(known, default=LEVELS["N"] if len(known) == len(levels) else LEVELS["U"])
    restricted = LEVELS["R"]
    if sensitive:
        low = max(low, restricted)
    if len(known) < len(levels):
        return low, LEVELS["V"]
    return low, max(low, restricted) if unclear else low


@lru_cache(maxsize=4096)
def sensitivity(labels: tuple[Label, ...]) -> Sensitivity:
    """Read the labels of one resource."""
    levels: list[int | None] = []
    codes: set[str] = set()
    marks: set[Label] = set()
    unclear = False
    for label in map(known_as, labels):
        system, code = label
        if system == CONFIDENTIALITY:
            levels.append(LEVELS.get(code))
        elif system == ACT_CODE and code in SENSITIVE:
            codes.add(code)
        elif system in _HANDLING or (system == ACT_CODE and code in MARKS):
            marks.add(label)
        else:
            unclear = True
    low, high = _level(levels, sensitive=bool(codes), unclear=unclear)
    anything = any(not system for system, _ in labels)
    return Sensitivity(
        low=low,
        high=LEVELS["V"] if anything else high,
        codes=frozenset(codes),
        within=frozenset().union(*(WIDE_ABOVE[code] for code in codes)),
        around=frozenset().union(*(WIDE[code] for code in codes)),
        marks=frozenset(marks),
        unclear=unclear,
        part2=TRUE if (ACT_CODE, PART2) in marks else UNKNOWN if anything else FALSE,
    )


UNLABELLED: Final = Sensitivity(
    low=NO_LEVEL,
    high=BEYOND_ALL_LEVELS,
    codes=frozenset(),
    within=frozenset(),
    around=frozenset(),
    marks=frozenset(),
    unclear=True,
    part2=UNKNOWN,
)
"""A resource that no labeller has seen: everything about it is unknown."""


def _label(coding: object) -> Label:
    if not isinstance(coding, dict):
        return UNREADABLE
    system, code = coding.get("system", ""), coding.get("code")
    if not isinstance(system, str) or not isinstance(code, str) or not code:
        return UNREADABLE
    return system, code


def _own_labels(resource: Mapping[str, Any]) -> set[Label]:
    if "meta" not in resource:
        return set()
    meta = resource["meta"]
    if not isinstance(meta, dict):
        return {UNREADABLE}
    if "security" not in meta:
        return set()
    security = meta["security"]
    if not isinstance(security, Sequence) or isinstance(security, str) or not security:
        return {UNREADABLE}
    return {_label(coding) for coding in security}


def stated_labels(resource: Mapping[str, Any]) -> tuple[Label, ...]:
    """Every label a resource states for itself or for what it contains, sorted; unreadable ones as such."""
    labels = _own_labels(resource)
    for contained in listed(resource.get("contained")):
        labels |= _own_labels(contained) if isinstance(contained, dict) else {UNREADABLE}
    return tuple(sorted(labels))


def codings(concept: object) -> list[Label]:
    """The (system, code) pairs of a CodeableConcept or an array of them that have both."""
    pairs = []
    for one in items(concept):
        for coding in listed(one.get("coding")) if isinstance(one, dict) else ():
            label = _label(coding)
            if label[0]:
                pairs.append(label)
    return pairs
