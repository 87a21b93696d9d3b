"""Encounters that took place, and the stays in custody that bookings amount to.

Custody is lawful only while it lasts: of an end that is known by day or minute only, custody is sure until it begins.

45 CFR 164.512(k)(5); https://hl7.org/fhir/R4/valueset-encounter-status.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from adapter.store.shapes import END

if TYPE_CHECKING:
    from collections.abc import Iterable

TOOK_PLACE = frozenset({"arrived", "triaged", "in-progress", "onleave", "finished"})
"""Statuses of an encounter that takes place or did; one that is planned, cancelled or an error is none."""


class Visit(NamedTuple):
    """An encounter that took place, in epoch microseconds: its unit, its start and where its end begins, if known.

    ``closed`` tells that it is over, even if nobody wrote when; ``told`` is when its present state came in.
    """

    unit: str
    start: int
    end: int | None
    closed: bool
    told: int


class Stay(NamedTuple):
    """Unbroken custody at one unit during ``[start, stop)``."""

    unit: str
    start: int
    stop: int


def stays(visits: Iterable[Visit]) -> list[Stay]:
    """The stays of a person, by unit and in order.

    Bookings that overlap are one stay; a release at the very instant of a new booking is a release. A booking that is
    closed without an end was over when that came in.
    """
    found: list[Stay] = []
    for visit in sorted(visits, key=lambda one: (one.unit, one.start)):
        stop = _over(visit)
        if stop <= visit.start:
            continue
        last = found[-1] if found else None
        if last is not None and last.unit == visit.unit and visit.start < last.stop:
            found[-1] = last._replace(stop=max(last.stop, stop))
        else:
            found.append(Stay(visit.unit, visit.start, stop))
    return found


def _over(visit: Visit) -> int:
    if visit.end is not None:
        return visit.end
    return visit.told if visit.closed else END
