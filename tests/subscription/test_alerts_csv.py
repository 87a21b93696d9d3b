"""CorEMR alerts of events: rows that our own reader reads, no formula, no row without the receiver's own number."""

from __future__ import annotations

import csv
import io
from zoneinfo import ZoneInfo

import orjson
import pytest
from event_resources import AT, CONSENT, ENCOUNTER, OBSERVATION, PATIENT, event
from hypothesis import given
from hypothesis import strategies as st

from adapter.listening import ALERTS, AlertsEndpoint
from adapter.source import ExtractOptions
from adapter.subscription.alerts_csv import COLUMNS, alerts_file, cell, jacket
from connectors.jail.corerm_alerts import CoremrAlerts

ZONE = ZoneInfo("America/Denver")
NUMBERS = "https://jail.example/n"


def endpoint(**more):
    return AlertsEndpoint.model_validate({"channel": ALERTS, "folder": "alerts", "jackets": NUMBERS} | more)


def rows(*events, to=None, topic="screening-summary"):
    """The rows of a file, by our own reader."""
    to = to or endpoint()
    content, beside = alerts_file(list(events), to, topic=topic, zone=ZONE)
    options = ExtractOptions(encoding=to.encoding, settings={"header": "required"})
    return [one.values for one in CoremrAlerts().records(io.BytesIO(content), options)], beside.decode()


def about(resource, *patients, **more):
    return event(resource, **more), [orjson.dumps(one) for one in patients or (PATIENT,)]


def test_a_summary_is_a_row_and_what_has_to_be_said_lies_beside_it():
    ((row,), beside) = rows(about(OBSERVATION))
    expected = {"Jacket#": "J1", "Added": "2026-03-02", "Code": "phq-9-level:severe", "AddedBy": "SALLYPORT o1"}
    assert row == expected
    assert beside.startswith("Event 7, SALLYPORT o1: 42CFRPart2, R")
    assert "42 CFR part 2 prohibits" in beside
    assert "until 2026-12-31" in beside


def test_the_receivers_own_code_stands_for_ours():
    ((row,), _) = rows(about(OBSERVATION), to=endpoint(codes={"phq-9-level:severe": "MHHIGH"}))
    assert row["Code"] == "MHHIGH"
    score = {key: told for key, told in OBSERVATION.items() if key != "valueCodeableConcept"} | {"valueInteger": 20}
    ((row,), _) = rows(about(score))
    assert row["Code"] == "phq-9-level:20"


@pytest.mark.parametrize(
    ("topic", "added", "removed"),
    [("booked", "2026-03-01 08:10:00", ""), ("released", "2026-03-20 09:00:00", "")],
)
def test_custody_has_the_booking_number_and_times_of_the_county(topic, added, removed):
    ((row,), _) = rows(about(ENCOUNTER), to=endpoint(bookings="https://jail.example/b"), topic=topic)
    found = [row.get(name) or "" for name in ("Booking#", "Added", "Removed", "Code")]
    assert found == ["B1", added, removed, topic]


def test_a_withdrawn_consent_removes_its_alert_and_what_lies_ahead_removes_nothing():
    ((row,), _) = rows(about(CONSENT), topic="consent")
    assert (row["Added"], row["Removed"], row["RemovedBy"]) == ("2026-02-05", "2026-03-02 07:00:00", "SALLYPORT c1")
    ((row,), _) = rows(about(CONSENT | {"status": "active"}), topic="consent")
    assert not row.get("Removed")
    over = OBSERVATION | {"effectivePeriod": {"start": "2026-01-01", "end": "2026-02-01T10:00:00-07:00"}}
    del over["effectiveDateTime"]
    ((row,), _) = rows(about(over))
    assert (row["Added"], row["Removed"]) == ("2026-01-01", "2026-02-01 10:00:00")


def test_a_recall_and_a_stop_name_the_alert_that_counts_no_more_and_nobody():
    found, beside = rows(about(OBSERVATION, notice="recall", body=None), about(OBSERVATION, notice="stop", body=None))
    assert [row["Code"] for row in found] == ["entered-in-error", "no-longer-permitted"]
    for row in found:
        assert (row["AddedBy"], row["RemovedBy"], row["Removed"]) == (
            "SALLYPORT o1",
            "SALLYPORT",
            "2026-03-02 07:00:00",
        )
        assert not any(row.get(name) for name in ("Jacket#", "Booking#", "Added"))
    assert beside == ""


def test_without_a_number_of_the_receivers_or_without_leave_there_is_no_row():
    stranger = PATIENT | {"identifier": [{"system": "https://a.example/x", "value": "A1"}]}
    assert rows(about(OBSERVATION, stranger), (event(OBSERVATION, body=None, focus=None), [])) == ([], "")
    assert rows() == ([], "")
    unsayable = PATIENT | {"identifier": [{"system": NUMBERS, "value": "J\u0141"}, {"system": NUMBERS, "value": "J\n"}]}
    assert jacket([unsayable], endpoint(encoding="windows-1252")) == ""
    assert jacket([unsayable], endpoint()) == "J\u0141"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20))
def test_no_cell_is_a_formula_and_every_cell_comes_back(text):
    patient = PATIENT | {"identifier": [{"system": NUMBERS, "value": f"J{text}"}]}
    content, _ = alerts_file([about(OBSERVATION, patient)], endpoint(), topic="t", zone=ZONE)
    head, *found = list(csv.reader(io.StringIO(content.decode()), strict=True))
    assert tuple(head) == COLUMNS
    if f"J{text}".isprintable():
        assert found[0][0] == f"J{text}"
    told = cell(text)
    assert not told.startswith(("=", "+", "-", "@", "\t"))
    assert told in {text, f"'{text}"}


def test_an_event_of_no_instant_of_its_own_has_that_of_the_event():
    bare = {key: told for key, told in OBSERVATION.items() if key != "effectiveDateTime"}
    ((row,), _) = rows(about(bare))
    assert row["Added"] == "2026-03-02 07:00:00"
    assert AT == 1_772_460_000_000_000
