"""Any table with names in its first row."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.table_csv import TableCsv

TABLE = TableCsv()


def test_the_first_row_names_the_columns(read):
    data = b'\r\nInmate, FullName ,Born\r\n10442,"ASH, BO Q",06/05/62\r\n10443,,\r\na,b\r\n10444,"ELM\r\nAL",\r\n'
    reading = read(TABLE, data)
    assert [one.values for one in reading.records] == [
        {"Inmate": "10442", "FullName": "ASH, BO Q", "Born": "06/05/62"},
        {"Inmate": "10443"},
        {"Inmate": "10444", "FullName": "ELM\r\nAL"},
    ]
    assert [one.position.line for one in reading.records] == [3, 4, 6]
    assert reading.faults == [("ragged-row", 5)]


@pytest.mark.parametrize("head", [b"A,,C\n", b"A,B,A\n", b"", b'"A,B\n', b"A\xff,B\n"])
def test_a_first_row_that_does_not_name_every_column_once_stops_the_file(read, head):
    reading = read(TABLE, head + b"1,2,3\n")
    assert reading.records == [] or head == b""
    assert reading.faults[:1] == [("wrong-header", 1)] or head == b""


def test_names_may_stand_in_the_feed(read):
    rows = b"1,2\n3,4\n"
    found = [one.values for one in read(TABLE, rows, columns="A | B").records]
    assert found == [{"A": "1", "B": "2"}, {"A": "3", "B": "4"}]
    assert [one.values for one in read(TABLE, b"A,B\n" + rows, columns="A|B").records] == found


def test_it_reads_utf_16(read):
    data = "Inmate,Name\n1,PEÑA\n".encode("utf-16")
    (record,) = read(TABLE, data, step=3).records
    assert record.values == {"Inmate": "1", "Name": "PEÑA"}
    assert record.raw == "1,PEÑA\n".encode("utf-16-le")


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=150), st.integers(1, 50))
def test_no_bytes_make_it_fail(read, in_order, data, step):
    in_order(read(TABLE, data, step=step).items, data)
    in_order(read(TABLE, b"A,B\n" + data, step=step).items, b"A,B\n" + data)
