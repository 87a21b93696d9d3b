"""What a record is to the law: its columns of the decision matrix, whether Part 2 covers it, whether it is notes.

A record that may be two things is both: a basis has to hold in every column. A label that nobody understands may stand
for any sensitivity.

42 CFR 2.11, 2.12(e); 45 CFR 164.501.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, get_args

from adapter.consent.outcome import FALSE, TRUE
from adapter.consent.sensitivity import sensitivity
from adapter.consent.vocabulary import ACT_CODE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapter.consent.segment import Segment

Column = Literal[
    "identity",
    "mh-summary",
    "mh-detail",
    "sud",
    "part2",
    "notes",
    "clinical",
    "risk",
    "criminal-history",
]
COLUMNS: Final[tuple[Column, ...]] = get_args(Column)

DETAILS: Final[frozenset[Column]] = frozenset({"mh-detail", "clinical"})
"""Columns of what is more than a result."""

_CLINICAL: Final = frozenset(
    {
        "Condition",
        "MedicationRequest",
        "MedicationStatement",
        "MedicationAdministration",
        "MedicationDispense",
        "AllergyIntolerance",
        "Procedure",
        "Immunization",
        "Encounter",
    }
)
_NOTES_MARK: Final = (ACT_CODE, "HIPAAPsyNotes")
_NOTES: Final = "PSYTHPN"


def part2(segment: Segment) -> int:
    """Truth of "a record of a Part 2 program": by its unit or its label; a label without a system leaves it open."""
    return TRUE if segment.regime == "part2" else sensitivity(segment.labels).part2


def is_note(segment: Segment) -> bool:
    """Whether it is SUD counseling notes or psychotherapy notes, by its label."""
    known = sensitivity(segment.labels)
    return _NOTES in known.codes or _NOTES_MARK in known.marks


def may_be(segment: Segment, sensitivities: Iterable[str]) -> bool:
    """Whether a label of the record may mean one of these sensitivities: the same, a wider or a narrower one."""
    known = sensitivity(segment.labels)
    return any(known.unclear or code in known.within or code in known.around for code in sensitivities)


@lru_cache(maxsize=8192)
def content(segment: Segment, *, treatment_hidden: bool) -> frozenset[Column]:
    """The columns of what a record is about, whatever law it stands under.

    ``treatment_hidden``: the mere fact of treatment is protected, so who is known to a health source is as sensitive
    as a result from it.
    """
    if segment.tier == "identity":
        return frozenset(
            {"identity", "mh-summary"} if treatment_hidden and segment.regime != "justice" else {"identity"}
        )
    # How to reach a person is told as a result is: what a source knows of that tells that the person is known to it.
    found: set[Column] = _of_summary(segment) if segment.tier in {"summary", "contact"} else {_of_detail(segment)}
    if segment.domain == "risk":
        found.add("risk")
    if segment.domain in {"sud", "mh+sud"} or may_be(segment, ("SUD",)):
        found.add("sud")
    return frozenset(found)


def _of_summary(segment: Segment) -> set[Column]:
    if segment.domain == "court":
        found: set[Column] = {"criminal-history"}
    else:
        found = set() if segment.domain in {"sud", "risk"} else {"mh-summary"}
    return found | {"mh-summary"} if may_be(segment, ("MH",)) else found


def _of_detail(segment: Segment) -> Column:
    if segment.domain == "court":
        return "criminal-history"
    if segment.domain == "booking" or (segment.type == "Encounter" and segment.regime == "justice"):
        return "identity"
    return "clinical" if segment.type in _CLINICAL else "mh-detail"


@lru_cache(maxsize=8192)
def columns(segment: Segment, *, treatment_hidden: bool) -> frozenset[Column]:
    """The columns of a record: notes and Part 2 records have one of their own, a possible Part 2 record has both."""
    if is_note(segment):
        return frozenset({"notes"})
    program = part2(segment)
    if program == TRUE:
        return frozenset({"part2"})
    found = content(segment, treatment_hidden=treatment_hidden)
    return found if program == FALSE else found | {"part2"}


def regimes(segment: Segment) -> frozenset[str]:
    """The laws a record stands under, or may stand under."""
    program = part2(segment)
    if program == TRUE:
        return frozenset({"part2"})
    return frozenset({segment.regime}) if program == FALSE else frozenset({segment.regime, "part2"})
