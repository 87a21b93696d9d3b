"""FHIR dates as intervals of time, and what the search prefixes mean between two intervals.

A partial date is the whole stretch it names: ``2026-03`` is all of March where the county is. Intervals
are half open, in microseconds since 1970-01-01T00:00:00Z. A day runs from local midnight to the next
local midnight, whatever its length, so that days neither overlap nor leave a gap where clocks change.

Types: https://hl7.org/fhir/R4/datatypes.html#dateTime; prefixes: https://hl7.org/fhir/R4/search.html#prefix
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Final

from adapter.fhir.primitives import PATTERNS

Interval = tuple[int, int]

MIN: Final = -(2**62)
MAX: Final = 2**62
"""Bounds of an interval that is open below or above."""

SECOND: Final = 1_000_000
_MINUTE: Final = 60 * SECOND
_DAY: Final = 86_400 * SECOND
_EPOCH: Final = date(1970, 1, 1).toordinal()
_LAST: Final = date.max.toordinal()

_DATE_TIME: Final = re.compile(PATTERNS["dateTime"])
_DATE: Final = re.compile(PATTERNS["date"])
_LOOSE_TIME: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?P<minute>(?:[01][0-9]|2[0-3]):[0-5][0-9])"
    r"(?P<second>:(?:[0-5][0-9]|60)(?:\.[0-9]+)?)?(?P<offset>Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"
)

PREFIXES: Final = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


@lru_cache(maxsize=16_384)
def interval(text: str, zone: tzinfo) -> Interval:
    """The interval a FHIR ``date``, ``dateTime`` or ``instant`` names.

    ``zone`` places dates without a time. Raises ValueError for any other text and for days that do not exist.
    """
    if _DATE_TIME.fullmatch(text) is None:
        raise ValueError("expected YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with an offset")
    if len(text) <= len("YYYY-MM-DD"):
        return _days(text, zone)
    return _instant(text[:10], text[11:16], *_clock(text[16:]), zone)


def search_interval(text: str, zone: tzinfo) -> Interval:
    """The interval a date in a search names: as ``interval``, but seconds and the offset may be left out.

    Without an offset the time is local to ``zone``. Raises ValueError for any other text.
    https://hl7.org/fhir/R4/search.html#date
    """
    if _DATE.fullmatch(text) is not None:
        return _days(text, zone)
    match = _LOOSE_TIME.fullmatch(text)
    if match is None or _DATE.fullmatch(match["date"]) is None:
        raise ValueError("expected a date or time like 2026, 2026-03, 2026-03-02 or 2026-03-02T08:30:00-07:00")
    return _instant(match["date"], match["minute"], match["second"] or "", match["offset"] or "", zone)


def matches(prefix: str, stored_lo: int, stored_hi: int, q_lo: int, q_hi: int) -> bool:
    """Whether a stored interval satisfies ``prefix`` against the interval of the query.

    ``ap`` widens the query by a tenth of its own length on both sides: an answer must not depend on the
    clock.
    """
    within = q_lo <= stored_lo and stored_hi <= q_hi
    if prefix in {"eq", "ne"}:
        return within == (prefix == "eq")
    if prefix == "ap":
        slack = (q_hi - q_lo) // 10
        return stored_lo < q_hi + slack and q_lo - slack < stored_hi
    compared = {
        "gt": stored_hi > q_hi,
        "ge": stored_hi > q_hi or within,
        "lt": stored_lo < q_lo,
        "le": stored_lo < q_lo or within,
        "sa": stored_lo >= q_hi,
        "eb": stored_hi <= q_lo,
    }
    return compared[prefix]


def surely_after(start: str, end: str) -> bool:
    """Whether ``start`` is later than ``end`` under every reading of both (invariant per-1)."""
    low, high = interval(start, UTC)[0], interval(end, UTC)[1]
    mixed = ("T" in start) != ("T" in end)
    return low - (14 * 60 * _MINUTE if mixed else 0) >= high


@lru_cache(maxsize=8192)
def _days(text: str, zone: tzinfo) -> Interval:
    """Year, month or day: from its first local midnight to the midnight after it."""
    year, month = int(text[:4]), int(text[5:7] or 1)
    first = date(year, month, int(text[8:10] or 1)).toordinal()
    if len(text) == len("YYYY-MM-DD"):
        after = first + 1
    elif len(text) == len("YYYY-MM"):
        after = first + _length(year, month)
    else:
        after = first + (366 if _length(year, 2) == 29 else 365)  # noqa: PLR2004 - days of a leap February
    return _midnight(first, zone), _midnight(after, zone)


def _length(year: int, month: int) -> int:
    """Days of a month."""
    if month == 12:  # noqa: PLR2004 - December, whose successor may lie beyond the calendar
        return 31
    return date(year, month + 1, 1).toordinal() - date(year, month, 1).toordinal()


def _midnight(ordinal: int, zone: tzinfo) -> int:
    """Local midnight at the start of a day; the day after 9999-12-31 included."""
    day = datetime.fromordinal(min(ordinal, _LAST)).replace(tzinfo=zone)
    return (ordinal - _EPOCH) * _DAY - _offset(day)


def _offset(moment: datetime) -> int:
    offset = moment.utcoffset()
    return 0 if offset is None else (offset.days * 86_400 + offset.seconds) * SECOND


def _clock(text: str) -> tuple[str, str]:
    """Split ``:ss.fff-07:00`` into seconds and offset."""
    cut = len(text) - (1 if text.endswith("Z") else len("-07:00"))
    return text[:cut], text[cut:]


def _instant(day: str, minute: str, second: str, offset: str, zone: tzinfo) -> Interval:
    """A point of time with the width its precision leaves: a minute, a second or a fraction of one."""
    year, month, dom = int(day[:4]), int(day[5:7]), int(day[8:])
    hour, minutes = int(minute[:2]), int(minute[3:])
    low = (date(year, month, dom).toordinal() - _EPOCH) * _DAY + (hour * 60 + minutes) * _MINUTE
    width = _MINUTE
    if second:
        digits = second[4:10]
        low += int(second[1:3]) * SECOND + (int(digits.ljust(6, "0")) if digits else 0)
        width = 10 ** (6 - len(digits))
    if offset == "":
        low -= _offset(datetime(year, month, dom, hour, minutes, tzinfo=zone))
    elif offset != "Z":
        low -= int(offset[0] + "1") * (int(offset[1:3]) * 60 + int(offset[4:6])) * _MINUTE
    return low, low + width
