"""The day is told, the instant only orders, and a date that is not one is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import RecordError
from adapter.summary.occasion import occasion_of


def at(text):
    return occasion_of({"resourceType": "Observation", "effectiveDateTime": text})


def test_a_time_with_its_offset_gives_day_and_instant():
    when = at("2026-03-02T23:30:00-07:00")
    assert when.effective == "2026-03-02T23:30:00-07:00"
    assert when.day == "2026-03-02"
    assert when.instant == int(datetime(2026, 3, 3, 6, 30, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize("text", ["2026-03-02", "2026-03-02T08:00:00"])
def test_a_day_or_a_time_without_offset_is_no_instant(text):
    assert (at(text).day, at(text).instant) == ("2026-03-02", None)


@pytest.mark.parametrize(
    ("detail", "day"),
    [
        ({"resourceType": "Observation", "effectiveInstant": "2026-03-02T08:00:00Z"}, "2026-03-02"),
        ({"resourceType": "Observation", "effectivePeriod": {"start": "2026-03-02"}}, "2026-03-02"),
        ({"resourceType": "QuestionnaireResponse", "authored": "2026-03-02T08:00:00Z"}, "2026-03-02"),
    ],
)
def test_the_date_is_found_where_it_is(detail, day):
    assert occasion_of(detail).day == day


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-03", "2026-02-30", "2026-W10-1", "20260302", "soon", "2026-03-02T25:00:00Z"]
)
def test_a_date_not_known_to_the_day_is_refused(text):
    with pytest.raises(RecordError) as raised:
        at(text)
    assert (raised.value.code, raised.value.element) == ("bad-date", "Observation.effective[x]")


def test_the_element_of_a_form_is_named():
    with pytest.raises(RecordError, match=r"QuestionnaireResponse\.authored"):
        occasion_of({"resourceType": "QuestionnaireResponse"})


@given(
    st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1)),  # noqa: DTZ001
    st.integers(-12, 14),
)
@settings(max_examples=200, deadline=None)
def test_the_instant_does_not_depend_on_the_offset(moment, hours):
    zoned = moment.replace(tzinfo=UTC)
    moved = zoned.astimezone(timezone(timedelta(hours=hours)))
    assert at(moved.isoformat()).instant == at(zoned.isoformat()).instant
    assert at(moved.isoformat()).day == moved.date().isoformat()
