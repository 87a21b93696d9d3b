"""Dates as source systems write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.mapping.mapped import IGNORED, LOSSY, MAPPED, UNMAPPED
from adapter.mapping.moments import as_date, as_datetime, clock_time, dtm, moment, read_date, read_datetime

DENVER = ZoneInfo("America/Denver")
DAYS = st.dates(min_value=date(1901, 1, 1), max_value=date(2998, 12, 31))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2018-09-19", "2018-09-19"),
        ("9/15/2014", "2014-09-15"),
        ("9/5/2014 12:00:00 AM", "2014-09-05"),
        ("8/10/1987  12:00:00 AM", "1987-08-10"),
        ("Feb  4 2017", "2017-02-04"),
        ("February 4, 2017", "2017-02-04"),
        ("19870810", "1987-08-10"),
        ("1982-02-XX", "1982-02"),
        ("1982-XX-XX", "1982"),
        ("1982-02", "1982-02"),
        ("1982", "1982"),
        ("1987-08-10 00:00:00", "1987-08-10"),
    ],
)
def test_every_format_of_a_date_is_read(text, expected):
    found = read_date(text, 2026)
    assert (expected, MAPPED, ()) == found


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-31",
        "2999-12-31",
        "2999-01-01",
        "1900-01-01",
        "1/1/1900 12:00:00 AM",
        "1900-01-01 00:00:00",
        "0",
        "19000000",
        "20000000",
        "66666666",
        "77777777",
        "88888888",
        "99999999",
        "0000-00-00",
        "99",
    ],
)
def test_sentinels_mean_nothing_and_are_ignored_by_rule(text):
    assert read_date(text, 2026) == (None, IGNORED, ())
    assert read_datetime(text, 2049, DENVER) == (None, IGNORED, ())


@pytest.mark.parametrize(
    "text",
    [
        "19991",
        "0000",
        "2018-13-01",
        "2018-02-30",
        "2/30/2018",
        "13/1/2018",
        "1999-00-10",
        "1999-10-00",
        "soon",
        "1062 Main St",
        "Foo 4 2017",
        "9/15/201",
        "2018-09-19-1",
        "1650-01-01",
        "1/1/1650",
        "2018-09-19 25:00:00",
        "2018-09-19 13:00:00 PM",
        "2018-09-19 10:61:00",
        "2018-09-19T10:00:00+15:00",
    ],
)
def test_what_is_no_date_is_unmapped_with_a_warning(text):
    assert read_date(text, 2026) == (None, UNMAPPED, ("bad-date",))
    assert read_datetime(text, 2026, DENVER) == (None, UNMAPPED, ("bad-date",))


@pytest.mark.parametrize(
    ("text", "newest", "expected"),
    [
        ("01/01/05", 2026, "2005-01-01"),
        ("3/5/62", 2026, "1962-03-05"),
        ("3/5/26", 2026, "2026-03-05"),
        ("3/5/27", 2026, "1927-03-05"),
        ("3/5/27", 2049, "2027-03-05"),
    ],
)
def test_a_year_of_two_digits_is_the_latest_not_after_the_newest(text, newest, expected):
    assert (expected, LOSSY, ("two-digit-year",)) == read_date(text, newest)


@given(DAYS, st.integers(min_value=1950, max_value=2090))
@settings(max_examples=200, deadline=None)
def test_two_digits_never_mean_a_year_after_the_newest_or_a_century_before(day, newest):
    found = read_date(f"{day.month}/{day.day}/{day.year % 100:02d}", newest)
    if found.value is not None and found.state == LOSSY:
        assert newest - 100 < int(found.value[:4]) <= newest


def test_a_remark_after_a_date_is_cut_off_and_said():
    assert read_date("1987-08-10 (est)", 2026) == ("1987-08-10", LOSSY, ("trailing-text",))
    assert read_date("8/10/1987?", 2026) == ("1987-08-10", LOSSY, ("trailing-text",))


def test_a_time_is_cut_off_a_date_and_a_time_without_its_day_is_dropped():
    assert read_date("1987-08-10 14:00:00", 2026) == ("1987-08-10", LOSSY, ())
    assert read_datetime("1987-08-XX 00:00:00", 2049, DENVER) == ("1987-08", MAPPED, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02 08:10:00", "2026-03-02T08:10:00-07:00"),
        ("2026-07-02 08:10", "2026-07-02T08:10:00-06:00"),
        ("9/15/2014 2:53:00 PM", "2014-09-15T14:53:00-06:00"),
        ("9/15/2014 12:53:00 AM", "2014-09-15T00:53:00-06:00"),
        ("Feb  4 2017  2:04PM", "2017-02-04T14:04:00-07:00"),
        ("20260302081000", "2026-03-02T08:10:00-07:00"),
        ("2026-03-02T08:10:00Z", "2026-03-02T08:10:00Z"),
        ("2026-03-02T08:10:00.1230-0500", "2026-03-02T08:10:00.1230-05:00"),
        ("2026-03-02T08:10:00+00", "2026-03-02T08:10:00+00:00"),
        ("2026-03-02", "2026-03-02"),
        ("2026-03", "2026-03"),
    ],
)
def test_a_time_keeps_its_offset_or_takes_the_zone_of_the_feed(text, expected):
    assert (expected, MAPPED, ()) == read_datetime(text, 2049, DENVER)


def test_a_local_time_that_is_skipped_or_occurs_twice_is_read_with_a_warning():
    gap = read_datetime("2026-03-08 02:30:00", 2049, DENVER)
    overlap = read_datetime("11/1/2026 1:30:00 AM", 2049, DENVER)
    assert gap == ("2026-03-08T02:30:00-07:00", LOSSY, ("dst-gap",))
    assert overlap == ("2026-11-01T01:30:00-06:00", LOSSY, ("dst-overlap",))
    plain = read_datetime("2026-11-01 09:30:00", 2049, DENVER)
    assert plain == ("2026-11-01T09:30:00-07:00", MAPPED, ())


@given(
    st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(2900, 1, 1)),  # noqa: DTZ001 - local times
    st.sampled_from(["America/Denver", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
    st.sampled_from(["%Y-%m-%d %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%b %d %Y %I:%M:%S%p", "%Y%m%d%H%M%S"]),
)
@settings(max_examples=300, deadline=None)
def test_every_local_time_names_the_instant_the_zone_says(local, name, form):
    zone = ZoneInfo(name)
    local = local.replace(microsecond=0)
    found = read_datetime(local.strftime(form), 2049, zone)
    assert found.value is not None
    offset = local.replace(tzinfo=zone).utcoffset() or timedelta()
    read = datetime.fromisoformat(found.value)
    assert abs(read.astimezone(UTC) - local.replace(tzinfo=UTC) + offset) < timedelta(minutes=1)
    changes = offset != local.replace(tzinfo=zone, fold=1).utcoffset()
    assert changes == any(code.startswith("dst-") for code in found.codes)


@given(st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_the_reading_or_passes_as_something_else_than_a_date(text):
    for found in (read_date(text, 2026), read_datetime(text, 2049, DENVER)):
        assert (found.value is None) == (found.state in {IGNORED, UNMAPPED})
    for read in (moment(text, 2026), dtm(text)):
        assert read is None or 1800 <= read.year <= 9999


@pytest.mark.parametrize(
    ("text", "expected", "state"),
    [
        ("199911", "1999-11", MAPPED),
        ("20260302", "2026-03-02", MAPPED),
        ("2026030208", "2026-03-02T08:00:00-07:00", LOSSY),
        ("202603020810", "2026-03-02T08:10:00-07:00", MAPPED),
        ("20260302081000.1234-0500", "2026-03-02T08:10:00.1234-05:00", MAPPED),
        ("19691231000000+0800", "1969-12-31T00:00:00+08:00", MAPPED),
        ("20260302081000+00", "2026-03-02T08:10:00+00:00", MAPPED),
        ("19000101", None, IGNORED),
        ("20261301", None, UNMAPPED),
        ("2026-03-02", None, UNMAPPED),
    ],
)
def test_a_dtm_is_read_at_the_precision_sent(text, expected, state):
    found = as_datetime(text, dtm(text), DENVER)
    assert (expected, state) == (found.value, found.state)


def test_a_dtm_as_date_loses_its_time():
    assert as_date("198002030410", dtm("198002030410")) == ("1980-02-03", LOSSY, ())


@pytest.mark.parametrize(
    ("text", "expected", "state"),
    [
        ("0810", "08:10:00", MAPPED),
        ("081005", "08:10:05", MAPPED),
        ("810", "08:10:00", MAPPED),
        ("8:10 PM", "20:10:00", MAPPED),
        ("333333", None, IGNORED),
        ("9999", None, IGNORED),
        ("2560", None, UNMAPPED),
        ("noon", None, UNMAPPED),
    ],
)
def test_a_time_alone(text, expected, state):
    found = clock_time(text)
    assert (expected, state) == (found.value, found.state)
