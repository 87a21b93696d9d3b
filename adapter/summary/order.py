"""Which of several screenings of one scale on one day is the current one.

Summaries tell the day only, so repeats on a day need an order from us. The functions see the group a caller
is permitted to see and nothing else: a withheld repeat leaves no gap in the sequence and no larger count.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapter.summary.vocabulary import SCREENING_ORDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """One permitted summary: resource id, when it was (microseconds UTC, ``None`` if unknown) and its risk.

    Retracted ones (``entered-in-error``, ``cancelled``) do not belong in a group.
    """

    rid: str
    instant: int | None
    risk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Place in the day: ``sequence`` from 1 (``None`` while not known), ``of`` how many, whether current."""

    sequence: int | None
    of: int
    current: bool


def order(group: Iterable[Screened]) -> Mapping[str, Place]:
    """The place of each member of ``group`` (one person, one series, one day, one caller's view).

    The latest is current. While several could be the latest (no time, or the same time), the one of higher
    risk is, so that a positive screen is not hidden by a negative one; equal risks are decided by id.
    """
    members = list(group)
    instants = [member.instant for member in members if member.instant is not None]
    latest = max(instants, default=None)
    current = max(
        (member for member in members if member.instant is None or member.instant == latest),
        key=lambda member: (member.risk, member.rid),
        default=None,
    )
    sequences = _sequences(instants) if len(instants) == len(members) else {}
    return {
        member.rid: Place(
            sequence=1 if len(members) == 1 else sequences.get(member.instant),
            of=len(members),
            current=member is current,
        )
        for member in members
    }


def _sequences(instants: list[int]) -> dict[int | None, int]:
    times = Counter(instants)
    return {instant: place for place, instant in enumerate(sorted(instants), 1) if times[instant] == 1}


def extensions(place: Place) -> tuple[dict[str, Any], ...]:
    """The `screening-order` extension for ``meta``, or none where the day holds a single screening."""
    if place.of == 1:
        return ()
    parts: list[dict[str, Any]] = []
    if place.sequence is not None:
        parts.append({"url": "sequence", "valuePositiveInt": place.sequence})
    parts.append({"url": "of", "valuePositiveInt": place.of})
    parts.append({"url": "current", "valueBoolean": place.current})
    return ({"url": SCREENING_ORDER, "extension": parts},)
