"""Dates as intervals: they tile time in every zone, and prefixes mean what the specification says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.fhir.dates import MAX, MIN, PREFIXES, interval, matches, search_interval, surely_after

ZONES = [ZoneInfo(name) for name in ("America/Denver", "America/Sao_Paulo", "Pacific/Apia", "Asia/Beirut", "UTC")]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 30))
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.sampled_from(ZONES))  # noqa: DTZ001


def micros(moment):
    return (moment - EPOCH) // timedelta(microseconds=1)


@settings(max_examples=200, deadline=None)
@given(day=DAYS, zone=st.sampled_from(ZONES))
def test_days_follow_each_other_without_gap_or_overlap(day, zone):
    low, high = interval(day.isoformat(), zone)
    assert low <= high
    assert high == interval((day + timedelta(days=1)).isoformat(), zone)[0]


@settings(max_examples=100, deadline=None)
@given(year=st.integers(1, 9998), zone=st.sampled_from(ZONES))
def test_years_and_months_are_made_of_their_days(year, zone):
    months = [interval(f"{year:04d}-{month:02d}", zone) for month in range(1, 13)]
    assert interval(f"{year:04d}", zone) == (months[0][0], months[-1][1])
    assert all(before[1] == after[0] for before, after in pairwise(months))
    assert months[1][1] == interval(f"{year:04d}-03-01", zone)[0]
    assert months[-1][1] == interval(f"{year + 1:04d}", zone)[0]


@settings(max_examples=200, deadline=None)
@given(moment=MOMENTS, offset=st.integers(-14 * 60, 14 * 60), digits=st.integers(0, 6))
def test_a_time_with_an_offset_is_that_instant(moment, offset, digits):
    unit = 10 ** (6 - digits)
    exact = moment.replace(microsecond=moment.microsecond // unit * unit).astimezone(UTC)
    local = exact.replace(tzinfo=None) + timedelta(minutes=offset)
    sign = "-" if offset < 0 else "+"
    shown = "Z" if offset == 0 else f"{sign}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"
    fraction = f".{local.microsecond:06d}"[: digits + 1] if digits else ""
    text = f"{local:%Y}".rjust(4, "0") + f"{local:-%m-%dT%H:%M:%S}{fraction}{shown}"
    for zone in ZONES:
        assert interval(text, zone) == (micros(exact), micros(exact) + unit)


@settings(max_examples=200, deadline=None)
@given(moment=MOMENTS.filter(lambda moment: moment.astimezone(UTC).astimezone(moment.tzinfo) == moment))
def test_an_instant_lies_in_its_local_day(moment):
    day = interval(f"{moment.year:04d}-{moment:%m-%d}", moment.tzinfo)
    assert day[0] <= micros(moment.astimezone(UTC)) < day[1]


def test_known_values():
    denver = ZONES[0]
    assert interval("1970-01-01", ZoneInfo("UTC")) == (0, 86_400_000_000)
    hours = (interval("2026-03-08", denver)[1] - interval("2026-03-08", denver)[0]) / 3_600_000_000
    assert hours == 23
    assert interval("9999-12-31", denver)[1] == interval("9999", denver)[1] < MAX
    assert interval("0001-01-01T00:00:00+14:00", denver)[0] > MIN
    assert interval("2016-12-31T23:59:60Z", denver)[0] == interval("2017-01-01T00:00:00Z", denver)[0]
    assert interval("2026-01-01T00:00:00.1234567Z", denver)[1] - interval("2026-01-01T00:00:00Z", denver)[0] == 123_457


NO_DATES = [
    *("", "2026-13", "2026-02-30", "2023-02-29", "2026-3-2", "2026-03-02 ", "0000", "20260302"),
    *("2026-03-02T08:00", "2026-03-02T08:00:00", "2026-03-02T24:00:00Z", "2026-03-02T08:00:00+15:00", "٢٠٢٦"),
]


@pytest.mark.parametrize("text", NO_DATES)
def test_other_text_is_no_date(text):
    with pytest.raises(ValueError, match="expected"):
        interval(text, UTC)


def test_a_search_may_leave_out_seconds_and_offset():
    denver = ZONES[0]
    low, high = search_interval("2026-03-02T08:00", denver)
    assert (low, high - low) == (interval("2026-03-02T08:00:00-07:00", denver)[0], 60_000_000)
    assert search_interval("2026-03-02T08:00:00", denver) == interval("2026-03-02T08:00:00-07:00", denver)
    assert search_interval("2026-03-02T15:00Z", denver)[0] == low
    assert search_interval("2026-03", denver) == interval("2026-03", denver)
    for text in ("2026-02-30T08:00", "2026-03-02T08", "2026-03-02T08:00:00 07:00", "notadate"):
        with pytest.raises(ValueError, match="expected"):
            search_interval(text, denver)


SMALL = st.tuples(st.integers(0, 12), st.integers(1, 6)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@settings(max_examples=300, deadline=None)
@given(stored=SMALL, asked=SMALL)
def test_prefixes_by_their_definition_on_points(stored, asked):
    """The definitions of the specification, spelt out over the single points of small intervals."""
    points, query = set(range(*stored)), set(range(*asked))
    above, below = set(range(max(query) + 1, 40)), set(range(-20, min(query)))
    expected = {
        "eq": points <= query,
        "ne": not points <= query,
        "gt": bool(points & above),
        "lt": bool(points & below),
        "ge": bool(points & above) or points <= query,
        "le": bool(points & below) or points <= query,
        "sa": points <= above,
        "eb": points <= below,
        "ap": bool(points & query),
    }
    assert set(expected) == set(PREFIXES)
    for prefix, answer in expected.items():
        assert matches(prefix, *stored, *asked) == answer, prefix


def test_approximately_reaches_a_tenth_beyond():
    assert matches("ap", 105, 106, 0, 100)
    assert matches("ap", -6, -5, 0, 100)
    assert not matches("ap", 110, 111, 0, 100)


def test_a_stored_instant_equals_its_day_and_not_the_next():
    denver = ZONES[0]
    late = interval("2026-03-02T23:59:59-07:00", denver)
    assert matches("eq", *late, *search_interval("2026-03-02", denver))
    assert not matches("eq", *late, *search_interval("2026-03-03", denver))
    assert matches("eq", *late, *search_interval("2026-03-03", ZoneInfo("UTC")))


def test_later_under_every_reading():
    assert surely_after("2026-03-02", "2026-03-01")
    assert not surely_after("2026-03-02", "2026-03")
    assert surely_after("2026-03-02T08:00:01Z", "2026-03-02T01:00:00-07:00")
    assert not surely_after("2026-03-03T02:00:00+00:00", "2026-03-02")
    assert surely_after("2026-03-05T00:00:00Z", "2026-03-02")
