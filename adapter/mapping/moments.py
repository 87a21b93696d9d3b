"""Dates and times as source systems write them, read into FHIR date and dateTime.

Three formats in one feed are the rule in jail extracts (`2018-09-19`, `9/15/2014 2:53:00 PM`,
`Feb  4 2017  2:04PM`), with two-digit years, unknown days (`1982-02-XX`), sentinels and trailing remarks.
FHIR: https://hl7.org/fhir/R4/datatypes.html#dateTime. HL7 v2 DTM: v2.5.1 chapter 2A.21.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from adapter.mapping.mapped import IGNORED, LOSSY, MAPPED, UNMAPPED

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_TIME = (
    r"(?:[T\s]+(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<fraction>\.\d+)?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<offset>Z|[+-]\d\d(?::?\d\d)?)?)?"
)
_COMPACT_TIME = r"(?:(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?P<fraction>\.\d+)?(?P<offset>[+-]\d{4})?)?"
_FORMATS = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"(?P<year>\d{4})(?:-(?P<month>\d\d|XX|xx)(?:-(?P<day>\d\d|XX|xx)" + _TIME + r")?)?",
        r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}|\d\d)" + _TIME,
        r"(?P<name>[A-Za-z]{3})[a-z]*\.?\s+(?P<day>\d{1,2}),?\s+(?P<year>\d{4})" + _TIME,
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)" + _COMPACT_TIME,
    )
)
_DTM = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)"
    r"(?:(?P<second>\d\d)(?P<fraction>\.\d{1,4})?)?)?)?)?)?(?P<offset>[+-]\d\d(?:\d\d)?)?",
    re.ASCII,
)
_ISO_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T]00:00:00)?", re.ASCII)
_US_DAY = re.compile(r"(\d\d?)/(\d\d?)/(\d{4})(?: +12:00:00 ?[Aa][Mm])?", re.ASCII)
_ISO_LOCAL = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ T]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)", re.ASCII)
_US_LOCAL = re.compile(r"(\d\d?)/(\d\d?)/(\d{4}) +(1[0-2]|0?[1-9])(:[0-5]\d:[0-5]\d) ?([AaPp])[Mm]", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_UNKNOWN_DATES = frozenset({(9999, 12, 31), (2999, 12, 31), (2999, 1, 1), (1900, 1, 1)})
_UNKNOWN_TEXTS = frozenset(
    {"0", "99", "00000000", "19000000", "20000000", "66666666", "77777777", "88888888", "99999999"}
    | {"0000-00-00", "00/00/0000", "0000-00-00 00:00:00", "0001-01-01", "01/01/0001"}
)
"""Dates that mean "unknown" or "none" (reference: dirt seen in county and state extracts)."""
_UNKNOWN_TIMES = frozenset({"333333", "3333", "9999", "999999"})
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2}):?(?P<minute>\d\d)(?::?(?P<second>\d\d))?\s*(?P<half>[AaPp]\.?[Mm]\.?)?",
    re.ASCII,
)
_TWO_DIGITS = 100
_OLDEST = 1800
_NOON = 12
_LAST_HOUR = 23
_LAST_MINUTE = 59


class Moment(NamedTuple):
    """A date or date and time as read. ``clock`` is `hh:mm:ss` with its fraction, or "" for a date."""

    year: int
    month: int
    day: int
    clock: str
    offset: str
    short_year: bool
    hour_only: bool
    rest: bool

    @property
    def text(self) -> str:
        """The date at the precision it was written with."""
        if not self.month:
            return f"{self.year:04d}"
        return f"{self.year:04d}-{self.month:02d}" + (f"-{self.day:02d}" if self.day else "")


class Read(NamedTuple):
    """The FHIR text of a date or dateTime (None: not usable), the state of its leaf, what to warn of."""

    value: str | None
    state: int = MAPPED
    codes: tuple[str, ...] = ()


_NOTHING = Read(None, IGNORED)
_BAD = Read(None, UNMAPPED, ("bad-date",))


def _clock(parts: dict[str, str | None]) -> str | None:
    """`hh:mm:ss` and its fraction; "" without a time; None for a time no clock shows."""
    if parts.get("hour") is None:
        return ""
    hour, minute, second = (
        int(parts["hour"] or 0),
        int(parts.get("minute") or 0),
        int(parts.get("second") or 0),
    )
    half = (parts.get("half") or "")[:1].lower()
    if half:
        if not 1 <= hour <= _NOON:
            return None
        hour = hour % _NOON + (_NOON if half == "p" else 0)
    if hour > _LAST_HOUR or minute > _LAST_MINUTE or second > _LAST_MINUTE:
        return None
    return f"{hour:02d}:{minute:02d}:{second:02d}{parts.get('fraction') or ''}"


def _offset(text: str | None) -> str | None:
    """An offset as FHIR writes it (`+00`, `-0700` become `+00:00`, `-07:00`); None where no place has it."""
    if not text or text == "Z":
        return text or ""
    hours, minutes = text[1:3], text[3:].lstrip(":") or "00"
    if int(hours) > 14 or int(minutes) > _LAST_MINUTE or (hours == "14" and minutes != "00"):  # noqa: PLR2004
        return None
    return f"{text[0]}{hours}:{minutes}"


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _moment(match: re.Match[str], newest: int) -> Moment | None:
    """What a match says, or None for a date the calendar does not have."""
    parts: dict[str, str | None] = match.groupdict()
    year, short = int(parts["year"] or 0), len(parts["year"] or "") == 2  # noqa: PLR2004 - two digits
    if short:
        year += newest - newest % _TWO_DIGITS
        year -= _TWO_DIGITS if year > newest else 0
    name = parts.get("name")
    if name is not None and name.lower() not in _MONTHS:
        return None
    month = _MONTHS.index(name.lower()) + 1 if name else _number(parts["month"])
    day = _number(parts["day"]) if month else 0
    if (not month and (parts["month"] or "").isdigit()) or (not day and (parts["day"] or "").isdigit()):
        return None
    clock, offset = _clock(parts), _offset(parts.get("offset"))
    if clock is None or offset is None or year < _OLDEST:
        return None
    try:
        date(year, month or 1, day or 1)
    except ValueError:
        return None
    clock = clock if day else ""
    hour_only = parts.get("hour") is not None and parts.get("minute") is None
    rest = bool(match.string[match.end() :].strip())
    return Moment(year, month, day, clock, offset, short, hour_only, rest)


def _ends_here(match: re.Match[str]) -> bool:
    """Whether what follows a match is a remark, and not more of the date or of another number."""
    rest = match.string[match.end() :]
    if not rest:
        return True
    return match["day"] is not None and (rest[0].isspace() or rest[0].isalpha() or rest[0] in "(,;*?[")


def moment(text: str, newest: int) -> Moment | None:
    """Read ``text`` in any of the formats; a remark after the date is allowed and noted as ``rest``.

    ``newest`` is the latest year a year of two digits can mean. None: it is no date.
    """
    for pattern in _FORMATS:
        match = pattern.match(text)
        if match is not None and _ends_here(match):
            return _moment(match, newest)
    return None


def dtm(text: str) -> Moment | None:
    """Read an HL7 v2 DTM, at the precision it was written with."""
    match = _DTM.fullmatch(text)
    return _moment(match, 0) if match else None


def clock_time(text: str) -> Read:
    """A time alone (`0810`, `08:10:00`, `8:10 PM`) as `hh:mm:ss`; `333333` and its like mean unknown."""
    if text in _UNKNOWN_TIMES:
        return _NOTHING
    match = _CLOCK.fullmatch(text.zfill(4) if text.isdigit() else text)
    clock = _clock(dict(match.groupdict())) if match else None
    return Read(clock) if clock else Read(None, UNMAPPED, ("bad-time",))


def _unknown(text: str, found: Moment | None) -> bool:
    return text in _UNKNOWN_TEXTS or (found is not None and found[:3] in _UNKNOWN_DATES)


def _notes(found: Moment) -> list[str]:
    codes = ["two-digit-year"] if found.short_year else []
    if found.hour_only:
        codes.append("hour-only")
    return [*codes, "trailing-text"] if found.rest else codes


def as_date(text: str, found: Moment | None) -> Read:
    """``found`` as a FHIR date; a time of day is cut off."""
    if _unknown(text, found):
        return _NOTHING
    if found is None:
        return _BAD
    codes = tuple(_notes(found))
    cut = bool(found.clock) and not found.clock.startswith("00:00:00")
    return Read(found.text, LOSSY if codes or cut else MAPPED, codes)


def as_datetime(text: str, found: Moment | None, zone: ZoneInfo) -> Read:
    """``found`` as a FHIR dateTime, with the offset it was sent with or the one ``zone`` had then.

    A local time that occurs twice is taken as the first; one that is skipped is taken as if the clocks had
    not yet changed. Both are warned of (`dst-overlap`, `dst-gap`).
    """
    if _unknown(text, found):
        return _NOTHING
    if found is None:
        return _BAD
    codes = _notes(found)
    if not found.clock:
        return Read(found.text, LOSSY if codes else MAPPED, tuple(codes))
    offset = found.offset
    if not offset:
        offset, change = local_offset(found, zone)
        codes += [change] if change else []
    return Read(f"{found.text}T{found.clock}{offset}", LOSSY if codes else MAPPED, tuple(codes))


def local_offset(found: Moment, zone: ZoneInfo) -> tuple[str, str]:
    """The offset of ``zone`` at a local time, and `dst-gap` or `dst-overlap` where that is not plain."""
    hour, minute, second = (int(part) for part in found.clock[:8].split(":"))
    local = datetime(found.year, found.month, found.day, hour, minute, second, tzinfo=zone)
    first, second_time = local.utcoffset() or timedelta(), local.replace(fold=1).utcoffset() or timedelta()
    minutes = round(first.total_seconds() / 60)
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    if first == second_time:
        return offset, ""
    return offset, "dst-overlap" if first > second_time else "dst-gap"


def _common_date(text: str) -> Read | None:
    """The commonest ways to write a day, read without ado; None: read ``text`` with all care."""
    if match := _ISO_DAY.fullmatch(text):
        year, month, day = match.groups()
    elif match := _US_DAY.fullmatch(text):
        month, day, year = match.groups()
    else:
        return None
    numbers = int(year), int(month), int(day)
    if numbers in _UNKNOWN_DATES or numbers[0] < _OLDEST:
        return None
    try:
        date(*numbers)
    except ValueError:
        return None
    return Read(f"{year}-{month:0>2}-{day:0>2}")


@lru_cache(maxsize=8192)
def read_date(text: str, newest: int) -> Read:
    """``text`` as a FHIR date."""
    return _common_date(text) or as_date(text, moment(text, newest))


@lru_cache(maxsize=8192)
def read_dtm(text: str, zone: ZoneInfo) -> Read:
    """An HL7 v2 DTM as FHIR dateTime in ``zone`` where it names no offset."""
    return as_datetime(text, dtm(text), zone)


@lru_cache(maxsize=8192)
def read_dtm_day(text: str) -> Read:
    """An HL7 v2 DTM as FHIR date."""
    return as_date(text, dtm(text))


@lru_cache(maxsize=1024)
def _whole_day_offset(year: int, month: int, day: int, zone: ZoneInfo) -> str:
    """The offset of ``zone`` on a day whose clocks do not change; "" for any other, and for no day."""
    try:
        start = datetime(year, month, day, tzinfo=zone)
        ends = (start, start + timedelta(days=1))
        offsets = {end.replace(fold=fold).utcoffset() for end in ends for fold in (0, 1)}
    except (ValueError, OverflowError):
        return ""
    if len(offsets) > 1 or (year, month, day) in _UNKNOWN_DATES or year < _OLDEST:
        return ""
    return local_offset(Moment(year, month, day, "00:00:00", "", False, False, False), zone)[0]  # noqa: FBT003


def _common_datetime(text: str, zone: ZoneInfo) -> Read | None:
    """The two commonest ways to write a local time, read without ado; None: read ``text`` with all care."""
    if match := _ISO_LOCAL.fullmatch(text):
        year, month, day, clock = match.groups()
    elif match := _US_LOCAL.fullmatch(text):
        month, day, year, hour, rest, half = match.groups()
        number = int(hour) % _NOON + (_NOON if half in "Pp" else 0)
        clock = f"{number:02d}{rest}"
    else:
        return None
    offset = _whole_day_offset(int(year), int(month), int(day), zone)
    if not offset:
        return None
    return Read(f"{year}-{month:0>2}-{day:0>2}T{clock}{offset}")


@lru_cache(maxsize=8192)
def read_datetime(text: str, newest: int, zone: ZoneInfo) -> Read:
    """``text`` as a FHIR dateTime in ``zone`` where it names no offset."""
    return _common_datetime(text, zone) or as_datetime(text, moment(text, newest), zone)
