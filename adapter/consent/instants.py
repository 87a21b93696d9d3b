"""FHIR dates as half-open intervals of epoch microseconds, and periods in the custodian's time zone.

A partial date is the whole interval it names, at local midnight of the custodian; the end of a period is
inclusive. https://hl7.org/fhir/R4/datatypes.html#Period
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import tzinfo

MIN: Final = -(2**62)
MAX: Final = 2**62

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DATE: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))",
    re.ASCII,
)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _day_interval(year: str, month: str | None, day: str | None, zone: tzinfo) -> tuple[int, int]:
    start = datetime(int(year), int(month or 1), int(day or 1), tzinfo=zone)
    if day:
        stop = start + timedelta(days=1)
    elif month:
        stop = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    else:
        stop = start.replace(year=start.year + 1)
    return _micros(start), _micros(stop)


@lru_cache(maxsize=4096)
def interval(text: str, zone: tzinfo) -> tuple[int, int]:
    """The half-open interval a FHIR date, dateTime or instant names, in epoch microseconds.

    A time needs its offset, as R4 requires. Raises ValueError for anything that is no such date.
    """
    partial = _DATE.fullmatch(text)
    if partial:
        try:
            return _day_interval(partial[1], partial[2], partial[3], zone)
        except OverflowError as error:
            raise ValueError("expected a date in the years 1 to 9998") from error
    full = _TIME.fullmatch(text)
    if not full:
        raise ValueError("expected YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with an offset")
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = full.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    place = timezone(-offset if sign == "-" else offset)
    whole = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=place)
    digits = (fraction or "")[:6]
    start = _micros(whole) + int(digits.ljust(6, "0"))
    return start, start + 10 ** (6 - len(digits))


def bounds(start: str | None, end: str | None, zone: tzinfo) -> tuple[int, int] | None:
    """A Period as a half-open interval, its end included; None where it is no period or ends before it starts."""
    try:
        low = MIN if start is None else interval(start, zone)[0]
        high = MAX if end is None else interval(end, zone)[1]
    except ValueError:
        return None
    return (low, high) if low < high else None
