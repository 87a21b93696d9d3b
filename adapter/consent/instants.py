"""Periods in the custodian's time zone, as half-open intervals of epoch microseconds.

A partial date is the whole stretch it names and the end of a period is included, so a consent that ends on a
day holds until local midnight after it. https://hl7.org/fhir/R4/datatypes.html#Period
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from adapter.fhir.dates import MAX, MIN, interval

if TYPE_CHECKING:
    from datetime import tzinfo


@lru_cache(maxsize=16384)
def bounds(start: str | None, end: str | None, zone: tzinfo) -> tuple[int, int] | None:
    """A Period as a half-open interval; None where it is no period or ends before it starts."""
    try:
        low = MIN if start is None else interval(start, zone)[0]
        high = MAX if end is None else interval(end, zone)[1]
    except ValueError:
        return None
    return (low, high) if low < high else None
