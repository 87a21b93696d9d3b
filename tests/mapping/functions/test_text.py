"""Functions on single texts."""

from __future__ import annotations

import pytest

from adapter.errors import RecordError
from adapter.mapping import Environment
from adapter.mapping.mapped import IGNORED, LOSSY, UNMAPPED


def test_date_and_datetime_read_the_leaf_of_a_structure_as_the_column_types_do(run):
    assert run("date", "9/15/2014").value == "2014-09-15"
    assert run("datetime", "2026-03-02 08:10:00").value == "2026-03-02T08:10:00-07:00"
    assert run("datetime", None).value is None
    assert run("date", None).value is None
    assert run("date", "soon").states == {"a0": UNMAPPED}


def test_nobody_is_born_after_the_newest_year(run):
    early = Environment(zone="America/Denver", newest_birth_year=2010)
    assert run("birth_date", "3/5/09", environment=early).value == "2009-03-05"
    assert run("birth_date", "3/5/11", environment=early).value == "1911-03-05"
    late = run("birth_date", "2011-03-05", environment=early)
    assert (late.value, late.states, late.warned) == (None, {"a0": UNMAPPED}, ["birth-after-newest-year"])
    assert run("birth_date", None).value is None
    assert run("birth_date", "9999-12-31").states == {"a0": IGNORED}


def test_a_z_that_means_the_senders_clock_is_not_believed_when_the_mapping_says_so(run):
    found = run("local_datetime", "2026-03-02T08:10:00Z")
    assert (found.value, found.states) == ("2026-03-02T08:10:00-07:00", {"a0": LOSSY})
    assert run("local_datetime", "2026-03-02 08:10:00").states == {}
    assert run("local_datetime", None).value is None


def test_date_and_time_of_two_columns_are_joined(run):
    assert run("date_and_time", "3/2/2026", "0810").value == "2026-03-02T08:10:00-07:00"
    assert run("date_and_time", "3/2/2026").value == "2026-03-02"
    assert run("date_and_time", None, "0810").value is None
    unknown = run("date_and_time", "2026-03-02", "333333")
    assert (unknown.value, unknown.states) == ("2026-03-02", {"a1": IGNORED})
    short = run("date_and_time", "3/2/26", "0810")
    assert (short.value, short.states, short.warned) == (
        "2026-03-02T08:10:00-07:00",
        {"a0": LOSSY},
        ["two-digit-year"],
    )
    assert run("date_and_time", "soon", "0810").states == {"a0": UNMAPPED}


def test_choosing_and_joining(run):
    assert run("first_of", None, "b", "c").value == "b"
    assert run("first_of", None, None).value is None
    assert run("join", " ", "a", None, "b").value == "a b"
    assert run("join", " ", None).value is None
    assert run("without_prefix", "urn:unit:x", "urn:unit:").value == "x"
    assert run("without_prefix", "x", "urn:unit:").value is None
    assert run("without_prefix", "urn:unit:", "urn:unit:").value is None
    assert run("without_prefix", None, "urn:unit:").value is None


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-03-02", "2026-03-03", {"start": "2026-03-02", "end": "2026-03-03"}),
        (
            "2026-03-02T10:00:00-07:00",
            "2026-03-02",
            {"start": "2026-03-02T10:00:00-07:00", "end": "2026-03-02"},
        ),
        ("2026-03-02", None, {"start": "2026-03-02"}),
        (None, "2026-03-02", {"end": "2026-03-02"}),
        (None, None, None),
    ],
)
def test_a_period(run, start, end, expected):
    assert run("period", start, end).value == expected


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-03-03", "2026-03-02"), ("2026-03-02T10:00:00-07:00", "2026-03-02T09:00:00-07:00")],
)
def test_an_end_before_its_start_is_left_out(run, start, end):
    found = run("period", start, end)
    assert (found.value, found.states) == ({"start": start}, {"a1": UNMAPPED})
    assert found.warned == ["end-before-start"]


def test_clocks_at_different_offsets_are_not_compared_by_their_text(run):
    found = run("period", "2026-11-01T01:30:00-06:00", "2026-11-01T01:10:00-07:00")
    assert found.value == {"start": "2026-11-01T01:30:00-06:00", "end": "2026-11-01T01:10:00-07:00"}


def test_a_required_text_stops_the_record_and_its_message_has_no_content(run):
    assert run("required", "x").value == "x"
    with pytest.raises(RecordError) as caught:
        run("required", None)
    assert (caught.value.code, caught.value.element) == ("missing-value", "a0")
