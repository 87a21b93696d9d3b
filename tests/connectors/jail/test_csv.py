"""Both CSV layouts of jails: faults cost their own row only, and every row keeps its bytes and its line."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import ConfigurationError
from adapter.source import ExtractOptions, Malformed
from connectors.delimited import Layout, rows
from connectors.jail import charge_csv, corerm_roster
from connectors.jail.charge_csv import ChargeCsv
from connectors.jail.corerm_roster import CoremrRoster

ROSTER = CoremrRoster()
CHARGES = ChargeCsv()
NAMES = corerm_roster.LAYOUT.columns
WIDTH = len(NAMES)
HEADER = (",".join(NAMES) + "\r\n").encode()


def row(last="DOE", first="JANE", ident="P1", photo=""):
    return f'"{last}","{first}","","{ident}"{",1" * 12},"{photo}"\r\n'.encode()


def test_a_row_has_its_non_empty_columns_its_line_and_its_bytes(read):
    data = row() + row(last="ROE", ident="P2")
    first, second = read(ROSTER, data).records
    assert first.kind == "row"
    assert first.values["Last"] == "DOE"
    assert first.values["PatientID"] == "P1"
    assert "Middle" not in first.values
    assert "Photo" not in first.values
    assert (first.position.line, second.position.line) == (1, 2)
    assert first.raw + second.raw == data


def test_white_space_counts_as_empty_but_is_kept_around_text(read):
    data = row(last="M ", first="   ")
    values = read(ROSTER, data).records[0].values
    assert values["Last"] == "M "
    assert "First" not in values


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_roster_header_may_be_there_or_not(read, mark):
    with_header, without = read(ROSTER, mark + HEADER + row()), read(ROSTER, mark + row())
    assert [item.values for item in with_header.items] == [item.values for item in without.items]
    assert with_header.records[0].position.line == 2


def test_a_roster_header_in_another_order_stops_the_file(read):
    header = (",".join(reversed(NAMES)) + "\r\n").encode()
    reading = read(ROSTER, header + row())
    assert reading.faults == [("wrong-header", 1)]
    assert reading.malformed[0].raw == header


def test_charges_need_their_header_and_name_it(read):
    columns = charge_csv.LAYOUT.columns
    good = (",".join(f'"{name}"' for name in columns) + "\n").encode()
    line = ("7," + ",".join("x" for _ in columns[1:]) + "\n").encode()
    assert read(CHARGES, good + line + line).faults == []
    assert [item.values["Individual ID"] for item in read(CHARGES, good + line + line).records] == ["7", "7"]
    reading = read(CHARGES, line + line)
    assert reading.faults == [("wrong-header", 1)]
    assert "Charge Statute" in reading.malformed[0].expected
    assert reading.malformed[0].raw == line
    assert read(CHARGES, b"").faults == [("wrong-header", 1)]
    assert read(CHARGES, b"\n\n" + line).faults == [("wrong-header", 3)]


def test_a_single_row_can_be_read_again_without_its_header(read):
    line = (",".join("x" for _ in charge_csv.LAYOUT.columns) + "\n").encode()
    assert len(read(CHARGES, line, header="absent").records) == 1


def test_a_header_setting_that_is_not_known_names_the_known_ones(read):
    with pytest.raises(ConfigurationError, match=r"settings.header.*required, optional, absent"):
        read(ROSTER, b"", header="maybe")


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("marked", [True, False])
def test_utf_16_is_read_and_every_row_keeps_its_bytes(read, codec, marked):
    text = (HEADER + row() + row(last="PEÑA 🦉", ident="P2") + b"a,b\r\n" + row(ident="P3")[:-2]).decode()
    data = text.encode(codec)
    mark = "\ufeff".encode(codec) if marked else b""
    reading = read(ROSTER, mark + data, encoding="cp1252" if marked else codec, step=5)
    assert [item.values["Last"] for item in reading.records] == ["DOE", "PEÑA 🦉", "DOE"]
    assert reading.faults == [("ragged-row", 4)]
    assert b"".join(item.raw for item in reading.items) == data[len(HEADER) * 2 :]


@pytest.mark.parametrize("tail", ["\ud83d".encode("utf-16-le", "surrogatepass"), b"\x0a", b"x\x00\xff"])
def test_half_a_character_of_utf_16_costs_its_row_only(read, tail):
    first, broken = row().decode().encode("utf-16-le"), '"A'.encode("utf-16-le") + tail
    reading = read(ROSTER, first + broken, encoding="utf-16-le")
    assert len(reading.records) == 1
    assert b"".join(item.raw for item in reading.items) == first + broken


def test_utf_16_without_a_mark_tells_its_order_by_its_zeros(read):
    for codec in ("utf-16-le", "utf-16-be"):
        assert len(read(ROSTER, row().decode().encode(codec), encoding="utf-16").records) == 1


def test_an_encoding_that_is_not_known_is_refused(read):
    with pytest.raises(ConfigurationError, match="utf-7"):
        read(ROSTER, b"", encoding="utf-7")
    with pytest.raises(ConfigurationError, match="klingon"):
        read(ROSTER, b"", encoding="klingon")


def test_bytes_outside_the_encoding_cost_their_row_only(read):
    data = row() + row(last="B").replace(b"JANE", b"JAN\xff") + row(ident="P3")
    reading = read(ROSTER, data)
    assert reading.faults == [("undecodable", 2)]
    assert reading.malformed[0].raw == data.splitlines(keepends=True)[1]
    assert [item.position.line for item in reading.records] == [1, 3]
    assert read(ROSTER, data, encoding="latin-1").records[1].values["First"] == "JANÿ"
    undefined = row().replace(b"JANE", b"\x9d")
    assert read(ROSTER, undefined, encoding="cp1252").faults == [("undecodable", 1)]


def test_ragged_rows_cost_themselves_only(read):
    data = row() + b"a,b,c\r\n" + row(ident="P2") + b"a" * 20 + b",1" * WIDTH + b"\r\n" + row(ident="P3")
    reading = read(ROSTER, data)
    assert reading.faults == [("ragged-row", 2), ("ragged-row", 4)]
    assert "17 columns" in reading.malformed[0].expected
    assert [item.values["PatientID"] for item in reading.records] == ["P1", "P2", "P3"]


def test_a_nul_byte_costs_its_row_only(read):
    reading = read(ROSTER, row() + row(last="A\0B") + row(ident="P3"))
    assert reading.faults == [("nul-byte", 2)]
    assert len(reading.records) == 2


def test_line_breaks_inside_quotes_belong_to_the_cell(read):
    data = row() + row(photo="one\r\ntwo\r\n\r\nthree") + row(ident="P3")
    reading = read(ROSTER, data)
    assert reading.faults == []
    assert reading.records[1].values["Photo"] == "one\r\ntwo\r\n\r\nthree"
    assert [item.position.line for item in reading.records] == [1, 2, 6]
    assert b"".join(item.raw for item in reading.records) == data


@pytest.mark.parametrize(
    "broken",
    [
        b'"DOE",JANE,"never closed,1,1\r\n',
        b'"DOE' + b",1" * 16 + b"\r\n",
        b"a" + b",1" * 15 + b',"\r\n',
    ],
)
@pytest.mark.parametrize("quoted", [True, False])
def test_an_open_quote_does_not_swallow_its_neighbours(read, broken, quoted):
    lines = [row(ident=f"P{number}") for number in range(1, 3000)]
    if not quoted:
        lines = [line.replace(b'"', b"") for line in lines]
    lines[1500] = broken
    reading = read(ROSTER, b"".join(lines))
    assert reading.faults == [("unterminated-quote", 1501)]
    assert reading.malformed[0].raw == broken
    assert len(reading.records) == 2998
    assert reading.records[-1].position.line == 2999


def test_two_open_quotes_that_close_each_other_are_seen_by_the_rows_between(read):
    opening, closing = b"DOE" + b",1" * 15 + b',"\r\n', b'x,"' + b",1" * 16 + b"\r\n"
    plain = row().replace(b'"', b"")
    reading = read(ROSTER, plain + opening + plain + plain + closing + plain)
    assert reading.faults[0][0] == "unterminated-quote"
    assert [item.position.line for item in reading.records] == [1, 3, 4, 6]


def test_text_after_a_closing_quote_is_a_fault_of_that_row(read):
    reading = read(ROSTER, row() + row().replace(b'"JANE"', b'"JA"NE') + row())
    assert reading.faults == [("bad-quoting", 2)]


def test_lines_may_end_in_carriage_returns_alone(read):
    data = (row() + row(ident="P2")).replace(b"\r\n", b"\r")
    reading = read(ROSTER, data)
    assert [item.values["PatientID"] for item in reading.records] == ["P1", "P2"]
    assert [item.position.line for item in reading.records] == [1, 2]


def test_blank_lines_and_rows_of_commas_have_nothing_to_say(read):
    assert read(ROSTER, b"\r\n" + row() + b"  \r\n" + b"," * 16 + b"\r\n\n").faults == []
    assert len(read(ROSTER, b"\r\n" + row() + b"," * 16 + b"\r\n").records) == 1


def test_a_photo_longer_than_the_limit_of_the_standard_library_is_read(read):
    assert len(read(ROSTER, row(photo="A" * 300_000)).records[0].values["Photo"]) == 300_000


def test_a_line_without_end_comes_back_in_bounded_pieces(repeated):
    stream = repeated(b"x" * 2**20, 40 * 2**20, head=row(), tail=b"\r\n" + row())
    items = list(ROSTER.records(stream, ExtractOptions()))
    faults = [item for item in items if isinstance(item, Malformed)]
    assert [item.code for item in faults] == ["too-long"] * 3
    assert sum(len(item.raw) for item in faults) == 40 * 2**20 + 2
    assert [item.position.line for item in items if not isinstance(item, Malformed)] == [1, 3]


def test_a_first_line_without_end_is_no_header(read):
    endless = b"x" * (17 * 2**20)
    assert read(CHARGES, endless).faults == [("wrong-header", 1)]
    assert [code for code, _ in read(ROSTER, endless).faults] == ["too-long", "too-long"]


def test_memory_stays_flat_over_a_hundred_megabytes(peak, repeated):
    line = row(photo="A" * 4000)
    count, most = peak(ROSTER, repeated(line * 100, 100_000_000))
    assert count > 24_000
    assert most < 8_000_000


cells = st.text(st.sampled_from('ab ,"\n\r\0é') | st.characters(codec="utf-8"), max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(cells, min_size=WIDTH, max_size=WIDTH), max_size=6))
def test_what_a_csv_writer_writes_is_read_as_it_was(read, in_order, table):
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(table)
    data = text.getvalue().encode()
    reading = read(ROSTER, data, header="absent")
    read_rows = [[item.values.get(name, "") for name in NAMES] for item in reading.records]
    expected = [
        ["" if not cell or cell.isspace() else cell for cell in cells]
        for cells in table
        if not any("\0" in cell for cell in cells) and any(cell and not cell.isspace() for cell in cells)
    ]
    assert read_rows == expected
    assert {code for code, _ in reading.faults} <= {"nul-byte"}
    in_order(reading.items, data)


dirt = st.sampled_from(
    [b'"', b",", b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xc3\xa9", b"x", b'","', b'""', row(), HEADER]
)


@settings(max_examples=250, deadline=None)
@given(st.lists(dirt | st.binary(max_size=4), max_size=30).map(b"".join), st.integers(1, 9))
def test_any_bytes_are_read_the_same_however_they_arrive(read, in_order, data, step):
    reading = read(ROSTER, data)
    in_order(reading.items, data)
    assert read(ROSTER, data, step=step) == reading
    assert all(item.position.line <= data.count(b"\n") + data.count(b"\r") + 1 for item in reading.items)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([b'"a",b', b"a,b", b'"a","b"', b"", b"a,", b'"",""', b"a b,c"]), max_size=12))
def test_the_fast_ways_give_what_the_reader_of_the_standard_library_gives(lines):
    layout = Layout(kind="row", columns=("one", "two"), header="absent")
    data = b"\r\n".join(lines)
    read_rows = [tuple(item.values.items()) for item in rows(io.BytesIO(data), ExtractOptions(), layout)]
    expected = [
        tuple((name, cell) for name, cell in zip(layout.columns, cells, strict=True) if cell)
        for cells in csv.reader(io.StringIO(data.decode(), newline=""))
        if any(cells)
    ]
    assert read_rows == expected
