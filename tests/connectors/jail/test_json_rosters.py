"""Rosters in JSON: each booking on its own, and a list that is not whole is told as such."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.jail.jailtracker_json import JailtrackerJson
from connectors.jail.zuercher_json import ZuercherJson

JAILTRACKER, ZUERCHER = JailtrackerJson(), ZuercherJson()


def booking(ident="A1", **more):
    pairs = [{"Field": "Alias:", "Value": "ELM, BO"}, {"Field": "DOB:", "Value": "6/5/1962"}]
    return {"ArrestNo": ident, "Jacket": "J1", "LastName": "ASH", "Suffix": "", "Details": pairs} | more


def dumps(value):
    return json.dumps(value, indent=1).encode()


def portal(*records, count=None):
    return dumps({"total_record_count": len(records) if count is None else count, "records": records})


def test_details_are_columns_by_their_label(read):
    data = dumps([booking(), booking("A2", Details=None)])
    first, second = read(JAILTRACKER, data).records
    assert first.values == {
        "ArrestNo": "A1",
        "Jacket": "J1",
        "LastName": "ASH",
        "Details.Alias": "ELM, BO",
        "Details.DOB": "6/5/1962",
    }
    assert "Details.Alias" not in second.values
    assert json.loads(first.raw)["ArrestNo"] == "A1"
    assert data[: data.index(first.raw)].count(b"\n") + 1 == first.position.line


def test_a_detail_that_comes_again_is_not_lost(read):
    pairs = [{"Field": "Alias:", "Value": value} for value in ("ELM, BO", "", "OAK, BO", None)]
    assert read(JAILTRACKER, dumps([booking(Details=pairs)])).records[0].values["Details.Alias"] == "ELM, BO; OAK, BO"


@pytest.mark.parametrize("pairs", ["text", [1], [{"Field": "", "Value": 1}], [{"Field": "A", "Value": 1, "Note": 2}]])
def test_details_that_are_no_pairs_cost_their_booking_only(read, pairs):
    reading = read(JAILTRACKER, dumps([booking(), booking("A2", Details=pairs), booking("A3")]))
    assert [code for code, _ in reading.faults] == ["bad-details"]
    assert [one.values["ArrestNo"] for one in reading.records] == ["A1", "A3"]


@pytest.mark.parametrize(
    ("count", "codes"),
    [(2, []), (3, ["short-count"]), (1, ["short-count"]), ("2", ["short-count"]), (True, ["short-count"])],
)
def test_a_list_with_fewer_entries_than_it_says_is_not_the_whole_list(read, count, codes):
    reading = read(ZUERCHER, portal({"name": "ASH, BO"}, {"name": "ELM, AL"}, count=count))
    assert len(reading.records) == 2
    assert [code for code, _ in reading.faults] == codes


@pytest.mark.parametrize("end", range(5, 130, 9))
def test_a_list_that_was_cut_short_is_told_wherever_it_was_cut(read, end):
    data = portal({"name": "ASH, BO"}, {"name": "ELM, AL"}, {"name": "OAK, CY"})
    assert len(data) > end
    reading = read(ZUERCHER, data[:end])
    assert reading.faults
    assert all("ASH" not in one.expected for one in reading.malformed)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_what_it_is_written_in(read, codec):
    data = json.dumps([booking(LastName="PEÑA")], ensure_ascii=False).encode(codec)
    (record,) = read(JAILTRACKER, data, step=3).records
    assert record.values["LastName"] == "PEÑA"
    assert record.raw in data


def test_a_sender_that_writes_another_encoding_is_read_in_it(read):
    data = json.dumps([booking(LastName="PEÑA"), booking("A2")], ensure_ascii=False).encode("cp1252")
    assert [code for code, _ in read(JAILTRACKER, data).faults] == ["undecodable"]
    assert read(JAILTRACKER, data, encoding="cp1252").records[0].values["LastName"] == "PEÑA"


@pytest.mark.parametrize("data", [b"", b"{}", b"<html>", b'"a"', b"[[1]]x", b"null"])
def test_what_is_no_array_of_objects_is_told(read, data):
    codes = [code for code, _ in read(ZUERCHER, data).faults]
    assert codes in (["unexpected-content"], ["short-count"], ["truncated"])


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200), st.integers(0, 400), st.integers(1, 200), st.sampled_from([JAILTRACKER, ZUERCHER]))
def test_no_bytes_make_it_fail_and_what_is_read_keeps_its_bytes(read, in_order, data, at, step, connector):
    good = dumps([booking(), booking("A2")])
    broken = good[:at] + data + good[at:]
    reading = read(connector, broken, step=step)
    in_order([item for item in reading.items if item.raw and item.position.part != "end of the document"], broken)
    read(connector, data)


def test_memory_does_not_grow_with_the_file(peak, repeated):
    block = dumps([booking()])[1:-1] + b","
    count, most = peak(JAILTRACKER, repeated(block, 3_000_000, head=b"[", tail=dumps(booking()) + b"]"))
    assert count > 10_000
    assert most < 2_000_000
