"""Events and alerts of CorEMR: each event and row on its own, with its line and its bytes."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.jail.corerm_alerts import CoremrAlerts
from connectors.jail.corerm_events import CoremrEvents

EVENTS, ALERTS = CoremrEvents(), CoremrAlerts()
BOOKED = (
    b'; written by the jail\r\n[event]\r\nDataType="PatientDemographics"\r\nEventDate=2017-06-20 14:32:04\r\n'
    b'PatientID="J1"\r\nLastName = "O""NEIL = JR"\r\nDOB="07/22/1946"\r\nMiddleName=""\r\n\r\n'
)
MOVED = b'DataType="PatientLocation"\r\nPatientID="J1"\r\nHousing=POD A\r\n'


def test_an_event_has_its_names_its_line_and_its_bytes(read):
    first, second = read(EVENTS, BOOKED + MOVED).records
    assert (first.kind, second.kind) == ("demographics", "location")
    assert first.values == {
        "DataType": "PatientDemographics",
        "EventDate": "2017-06-20 14:32:04",
        "PatientID": "J1",
        "LastName": 'O"NEIL = JR',
        "DOB": "07/22/1946",
    }
    assert second.values["Housing"] == "POD A"
    assert (first.position.line, second.position.line) == (3, 10)
    assert first.raw + second.raw == (BOOKED + MOVED)[BOOKED.index(b"DataType") :]


@pytest.mark.parametrize(
    ("broken", "code", "line"),
    [
        (b'DataType="PatientLocation"\r\nno equals\r\n', "bad-line", 10),
        (b'DataType="PatientLocation"\r\nHousing="A\r\n', "bad-line", 10),
        (b'DataType="PatientLocation"\r\nBed=1\r\nBed=2\r\n', "repeated-name", 11),
        (b'DataType="PatientDiet"\r\nBed=1\r\n', "unknown-data-type", 9),
        (b'DataType="PatientLocation"\r\nBed=\xff\r\n', "undecodable", 10),
        (b'DataType="PatientLocation"\r\nJohn "Doe" = 1\r\n', "bad-line", 10),
    ],
)
def test_an_event_that_cannot_be_read_costs_itself_only(read, broken, code, line):
    reading = read(EVENTS, BOOKED[BOOKED.index(b"Data") :] + b"\r\n" + broken + MOVED)
    assert reading.faults == [(code, line)]
    assert [one.kind for one in reading.records] == ["demographics", "location"]
    assert reading.malformed[0].raw == broken
    assert "Doe" not in repr((reading.malformed[0].expected, reading.malformed[0].position))


def test_lines_before_the_first_event_are_told(read):
    reading = read(EVENTS, b"; a remark\r\nPatientID=J1\r\n" + MOVED)
    assert reading.faults == [("no-data-type", 1)]
    assert len(reading.records) == 1
    assert read(EVENTS, b"; a remark\n\n").items == ()


@pytest.mark.parametrize("codec", ["utf-16", "utf-8-sig"])
def test_a_byte_order_mark_says_what_it_is_written_in(read, codec):
    data = MOVED.decode().replace("POD A", "POD Ñ").encode(codec)
    (record,) = read(EVENTS, data, encoding="cp1252", step=3).records
    assert record.values["Housing"] == "POD Ñ"
    assert record.raw in data


def test_an_event_without_end_is_bounded(read, peak, repeated):
    reading = read(EVENTS, MOVED + (b"Note=" + b"x" * 500 + b"\r\n") * 4_000 + MOVED)
    assert reading.faults[0][0] == "too-long"
    assert {code for code, _ in reading.faults} == {"too-long", "no-data-type"}
    assert len(reading.records) == 1
    _, most = peak(EVENTS, repeated((b"Note=" + b"x" * 500 + b"\r\n") * 100, 12_000_000))
    assert most < 6_000_000


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200), st.integers(0, 120), st.integers(1, 90))
@example(b'DataType="', 10, 90)
@example(b"\r", 30, 90)
def test_no_bytes_make_it_fail_and_what_comes_after_is_read(read, in_order, data, at, step):
    broken = MOVED[:at] + data + MOVED[at:]
    in_order(read(EVENTS, broken, step=step).items, broken)
    whole = b"\r\n".join([MOVED, broken, MOVED])
    reading = read(EVENTS, whole, step=step)
    in_order(reading.items, whole)
    if not (b"\n" not in data and b"\r" in data) and b"\r" not in data:
        assert reading.records[0].values["Housing"] == "POD A"
        assert reading.records[-1].values["Housing"] == "POD A"


def test_alerts_have_seven_columns_with_or_without_their_names(read):
    row = b'"J1","B1","2026-03-01 08:10:00","","SUICIDE WATCH","R. Desk",""\r\n'
    head = b"Jacket#,Booking#,Added,Removed,Code,AddedBy,RemovedBy\r\n"
    for data in (row, head + row):
        (record,) = read(ALERTS, data).records
        assert record.values == {
            "Jacket#": "J1",
            "Booking#": "B1",
            "Added": "2026-03-01 08:10:00",
            "Code": "SUICIDE WATCH",
            "AddedBy": "R. Desk",
        }
    assert read(ALERTS, row + b"a,b\r\n" + row).faults == [("ragged-row", 2)]


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=150))
def test_no_bytes_make_alerts_fail(read, in_order, data):
    in_order(read(ALERTS, data).items, data)
