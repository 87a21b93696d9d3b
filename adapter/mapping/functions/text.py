"""Functions on single texts: dates with their dirt, choosing, joining."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapter.errors import RecordError
from adapter.mapping import moments
from adapter.mapping.mapped import IGNORED, LOSSY, MAPPED
from adapter.mapping.registry import function

if TYPE_CHECKING:
    from adapter.mapping.scope import Remarks


def remarked(remarks: Remarks, argument: int, read: moments.Read) -> str | None:
    """The value of ``read``, with its state and warnings noted for ``argument``."""
    if read.state == MAPPED:
        return read.value
    if read.state == IGNORED:
        remarks.ignored(argument)
        return None
    note = remarks.lossy if read.state == LOSSY else remarks.unmapped
    for code in read.codes or ("",):
        note(argument, code)
    return read.value


@function(text="text")
def date(remarks: Remarks, text: str | None) -> str | None:
    """A date in any of the formats of the date type; for a leaf of a structured column, which has no type."""
    return None if text is None else remarked(remarks, 0, moments.read_date(text, remarks.environment.newest_year))


@function(text="text")
def datetime(remarks: Remarks, text: str | None) -> str | None:
    """A date and time in any of the formats of the datetime type; for a leaf of a structured column."""
    if text is None:
        return None
    environment = remarks.environment
    return remarked(remarks, 0, moments.read_datetime(text, environment.newest_year, environment.clock))


@function(text="text")
def birth_date(remarks: Remarks, text: str | None) -> str | None:
    """A date of birth: as date, but nobody is born after the feed's newest birth year."""
    if text is None:
        return None
    newest = remarks.environment.newest_birth_year
    read = moments.read_date(text, newest)
    if read.value is not None and int(read.value[:4]) > newest:
        remarks.unmapped(0, "birth-after-newest-year")
        return None
    return remarked(remarks, 0, read)


@function(text="text")
def local_datetime(remarks: Remarks, text: str | None) -> str | None:
    """A date and time of a sender that writes `Z` and means its own clock: the `Z` is not believed."""
    if text is None:
        return None
    environment = remarks.environment
    plain = text.removesuffix("Z")
    if plain is not text:
        remarks.lossy(0, "z-not-believed")
    return remarked(remarks, 0, moments.read_datetime(plain, environment.newest_year, environment.clock))


@function(date="text", time="text?")
def date_and_time(remarks: Remarks, date: str | None, time: str | None = None) -> str | None:
    """A date and a time from two columns, joined; without a usable time, the date alone."""
    if date is None:
        return None
    day = moments.read_date(date, remarks.environment.newest_year)
    clock = moments.clock_time(time) if time is not None else moments.Read(None)
    if time is not None:
        remarked(remarks, 1, clock)
    if clock.value is None or day.value is None:
        return remarked(remarks, 0, day)
    zone = remarks.environment.clock
    joined = moments.read_datetime(f"{day.value}T{clock.value}", remarks.environment.newest_year, zone)
    for code in day.codes:
        remarks.lossy(0, code)
    return remarked(remarks, 0, joined)


@function(gives="any", variadic=True, value="any")
def first_of(*values: Any) -> Any:
    """The first of its arguments that has a value."""
    return next((value for value in values if value is not None), None)


@function(variadic=True, separator="literal", text="text")
def join(separator: str, *texts: str | None) -> str | None:
    """The texts that are there, with the separator between them."""
    return separator.join(text for text in texts if text) or None


@function(text="text", prefix="literal")
def without_prefix(text: str | None, prefix: str) -> str | None:
    """The text without the prefix; nothing where it does not begin with it."""
    return text.removeprefix(prefix) or None if text is not None and text.startswith(prefix) else None


_DAY, _SECOND = 10, 19


def _before(moment: str, other: str) -> bool:
    """Whether one dateTime is surely before another: by days, or by clocks at the same offset."""
    length = _SECOND if moment[_SECOND:] == other[_SECOND:] else _DAY
    length = min(length, len(moment), len(other))
    return moment[:length] < other[:length]


@function(gives="any", start="text", end="text?")
def period(remarks: Remarks, start: str | None, end: str | None = None) -> dict[str, str] | None:
    """A Period; an end before its start is left out with a warning (FHIR per-1)."""
    if start is not None and end is not None and _before(end, start):
        remarks.unmapped(1, "end-before-start")
        end = None
    found = {key: value for key, value in (("start", start), ("end", end)) if value is not None}
    return found or None


@function(text="text")
def required(remarks: Remarks, text: str | None) -> str:
    """The text itself; a record without it goes to quarantine."""
    if text is None:
        raise RecordError("missing-value", remarks.column(0), "a value in this column")
    return text
