"""Court exports in the shape of Odyssey: rows and objects, each on its own."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.court.odyssey_csv import LAYOUT, OdysseyCsv
from connectors.court.odyssey_json import OdysseyJson

TABLE, CASES = OdysseyCsv(), OdysseyJson()


def case(number="C1", **more):
    who = {"party_id": "D1", "name": "MARSH, ADA", "weight": "", "height": None}
    return {"case_number": number, "case_status": "Open", "defendant": who} | more


def dumps(*cases):
    return json.dumps(list(cases), indent=1).encode()


def test_a_row_is_a_charge_and_the_names_of_columns_are_due(read):
    head = (",".join(LAYOUT.columns) + "\n").encode()
    row = (",".join(["C1", *[""] * (len(LAYOUT.columns) - 1)]) + "\n").encode()
    (record,) = read(TABLE, head + row).records
    assert (record.kind, record.values) == ("charge", {"case_number": "C1"})
    assert read(TABLE, row).faults == [("wrong-header", 1)]
    assert read(TABLE, head + row + b"a,b\n" + row).faults == [("ragged-row", 3)]


def test_a_case_gives_a_record_for_itself_and_one_for_each_thing_that_happened(read):
    data = dumps(
        case(orders=[{"id": "O1", "type": "COMPETENCY", "text": ""}], schedule=[{"id": "H1"}, {}], charges=[{"n": 1}]),
        case("C2", conditions=None),
    )
    reading = read(CASES, data)
    assert reading.faults == []
    assert [one.kind for one in reading.records] == ["case", "hearing", "order", "case"]
    first, hearing, order, _ = reading.records
    assert first.values == {
        "case_number": "C1",
        "case_status": "Open",
        "charges": [{"n": 1}],
        "defendant.party_id": "D1",
        "defendant.name": "MARSH, ADA",
    }
    keys = {"case_number": "C1", "case_status": "Open", "defendant.party_id": "D1"}
    assert hearing.values == keys | {"id": "H1"}
    assert order.values == keys | {"id": "O1", "type": "COMPETENCY"}
    assert order.position.part == "object[1]/orders[1]"
    assert order.raw == first.raw


@pytest.mark.parametrize(
    ("broken", "codes"),
    [
        (case("C9", defendant="Ada"), ["bad-defendant"]),
        (case("C9", orders="none"), ["bad-list"]),
        (case("C9", orders=[1], schedule={"a": 1}), ["bad-list", "bad-list"]),
    ],
)
def test_what_has_another_shape_costs_itself_only(read, broken, codes):
    reading = read(CASES, dumps(case(), broken, case("C2")))
    assert [code for code, _ in reading.faults] == codes
    assert {"C1", "C2"} <= {one.values["case_number"] for one in reading.records}
    assert "Ada" not in repr([(one.expected, one.position) for one in reading.malformed])


JSON = st.recursive(st.none() | st.text(max_size=3) | st.integers(), lambda x: st.lists(x, max_size=2), max_leaves=4)


@settings(deadline=None, max_examples=80)
@given(
    st.dictionaries(st.sampled_from(["defendant", "orders", "schedule", "conditions", "x"]), JSON, max_size=5),
    st.binary(max_size=60),
    st.integers(0, 200),
)
def test_nothing_makes_it_fail_and_the_neighbours_go_through(read, odd, data, at):
    good = dumps(case())[1:-1]
    reading = read(CASES, b"[" + good + b"," + json.dumps(odd).encode() + b"," + good + b"]")
    assert [one.values["case_number"] for one in reading.records if one.values.get("case_number")] == ["C1", "C1"]
    broken = good[:at] + data + good[at:]
    read(CASES, b"[" + broken + b"]")
    read(TABLE, data)
