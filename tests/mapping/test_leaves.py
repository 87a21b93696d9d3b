"""Every non-empty leaf of every repetition is counted, once."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.mapping import LeafCounts
from adapter.mapping.registry import Coverage


@pytest.fixture
def leaves(compiled, row, record, environment):
    """Counts (mapped, lossy, ignored, unmapped) and the unmapped paths of a record, less its `Id`."""

    def count(columns, fields, values, **kind):
        mapping = compiled(row(columns, fields, **kind))
        mapped = mapping.map(record("row", {"Id": "1"} | values), environment)
        again = mapping.map(record("row", {"Id": "1"} | values), environment)
        assert again == mapped
        found = mapped.leaves
        return (found.mapped - 1, found.lossy, found.ignored, found.unmapped), mapped.unmapped

    return count


def test_a_flat_column_is_mapped_ignored_lossy_or_unmapped(leaves):
    columns = {"A": "string", "B": "string", "C": "date", "D": "date", "E": "date"}
    fields = {"name": [{"text": "A"}], "birthDate": "C", "photo": "D", "link": "E"}
    values = {
        "A": "x",
        "B": "x",
        "C": "9999-12-31",
        "D": "1980-01-01 (est)",
        "E": "soon",
        "F": "new",
        "G": "",
    }
    assert leaves(columns, fields, values, unused={"B": "why"}) == ((1, 1, 2, 2), ("F", "E"))
    assert leaves(columns, fields, {"A": " "}, unused={"B": "why"}) == ((0, 0, 1, 0), ())


def test_the_worst_state_of_a_column_stands(leaves):
    fields = {"birthDate": {"call": "birth_date", "args": ["A"]}, "name": [{"text": "A"}]}
    assert leaves({"A": "string"}, fields, {"A": "soon"})[0] == (0, 0, 0, 1)


def test_a_structure_in_a_text_column_is_unmapped_leaf_by_leaf(leaves):
    fields = {"name": [{"text": "A"}]}
    assert leaves({"A": "string"}, fields, {"A": {"b": ["x", {"c": 1}, None, ""]}}) == (
        (0, 0, 0, 2),
        ("A.b[0]", "A.b[1].c"),
    )
    found = leaves(
        {"A": "string", "B": "string"}, fields, {"B": {"b": "x", "c": "y"}, "N": {"z": 0}}, unused={"B": "w"}
    )
    assert found == ((0, 0, 2, 1), ("N.z",))
    assert leaves({"A": "string"}, fields, {"A": None, "N": 0}) == ((0, 0, 0, 1), ("N",))


def test_a_component_of_the_first_repetition_leaves_the_others_unmapped(leaves):
    field = [{"1": "a", "2": "b", "4.2": "c"}, {"1": "d", "2": "e"}]
    assert leaves({"P": "field"}, {"name": [{"text": "P.1"}]}, {"P": field}) == (
        (1, 0, 0, 4),
        ("P[0].2", "P[0].4.2", "P[1].1", "P[1].2"),
    )
    found = leaves({"P": "field"}, {"name": [{"text": "P.1"}]}, {"P": field}, unused={"P.2": "why", "P.4": "why"})
    assert found == ((1, 0, 3, 1), ("P[1].1",))


def test_a_function_says_which_leaves_it_reads(leaves):
    element = {"coding": [{"code": "a", "userSelected": False}, {"code": "b"}], "text": "t"}
    fields = {"maritalStatus": {"call": "keep", "args": ["M", {"literal": ["coding.code"]}]}}
    assert leaves({"M": "element"}, fields, {"M": element}) == (
        (2, 0, 0, 2),
        ("M.coding[0].userSelected", "M.text"),
    )


def test_a_deleted_or_null_leaf_is_ignored_by_rule(leaves):
    assert leaves({"P": "field"}, {"name": [{"text": "P.1"}]}, {"P": [{"1": '""'}]})[0] == (0, 0, 1, 0)


def test_what_is_no_field_is_reported(leaves):
    fields = {"name": {"call": "xpn_names", "args": ["P"]}}
    assert leaves({"P": "field"}, fields, {"P": "ASH"}) == ((0, 0, 0, 1), ("P",))
    assert leaves({"P": "field"}, fields, {"P": {"1": "ASH"}}) == ((0, 0, 0, 1), ("P.1",))
    assert leaves({"P": "field"}, fields, {"P": ["ASH"]}) == ((0, 0, 0, 1), ("P[0]",))


def test_columns_of_a_branch_not_taken_are_ignored_by_rule(leaves):
    fields = {
        "name": {
            "when": {"column": "A", "equals": "x"},
            "then": "B",
            "else": {"call": "xpn_names", "args": ["P"]},
        },
        "gender": "P.8",
    }
    columns = {"A": "string", "B": "string", "P": "field"}
    field = [{"1": "ASH", "8": "m"}]
    assert leaves(columns, fields, {"A": "x", "B": "b", "P": field})[0] == (3, 0, 1, 0)
    assert leaves(columns, fields, {"A": "y", "B": "b", "P": field})[0] == (3, 0, 1, 0)


def test_conditions_within_conditions(leaves):
    inner = {"when": {"column": "B", "present": True}, "then": "C"}
    fields = {"name": {"when": {"column": "A", "present": True}, "then": inner}}
    columns = {"A": "string", "B": "string", "C": "string"}
    assert leaves(columns, fields, {"A": "a", "B": "b", "C": "c"})[0] == (3, 0, 0, 0)
    assert leaves(columns, fields, {"B": "b", "C": "c"})[0] == (0, 0, 2, 0)
    assert leaves(columns, fields, {"A": "a", "C": "c"})[0] == (1, 0, 1, 0)


def test_coverage_by_paths_by_pattern_or_whole():
    assert Coverage().covers("a.b", repeat=True)
    assert Coverage(frozenset({"a"})).covers("a.b", repeat=False)
    assert not Coverage(frozenset({"a"})).covers("ab", repeat=False)
    assert not Coverage(first=True).covers("a", repeat=True)


def test_counts_are_added():
    total = LeafCounts(mapped=1, lossy=2) + LeafCounts(ignored=3, unmapped=4)
    assert (total, total.total) == (LeafCounts(mapped=1, lossy=2, ignored=3, unmapped=4), 10)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "x", "NULL"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "1"]), inner, max_size=3),
    max_leaves=8,
)
FIELD = st.lists(st.dictionaries(st.sampled_from(["1", "2", "4.2"]), st.sampled_from(["x", '""', ""])), max_size=3)
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "S": JSON,
        "T": st.sampled_from(["x", " ", "NULL", "9999-12-31", "soon"]),
        "E": JSON,
        "F": FIELD | JSON,
        "U": JSON,
        "N": JSON,
        "V": JSON,
    },
)


def count_leaves(value):
    if isinstance(value, dict):
        return sum(map(count_leaves, value.values()))
    if isinstance(value, list):
        return sum(map(count_leaves, value))
    return int(value is not None and value != "")


@pytest.fixture(scope="module")
def every_way(compiled, row):
    """One mapping for all examples, so that what it remembers of one record meets the next."""
    fields = {
        "name": [{"text": "S", "family": "F.1"}],
        "birthDate": "T",
        "maritalStatus": {"call": "keep", "args": ["E", {"literal": ["a.b", "1"]}]},
        "link": {"when": {"column": "S", "equals": "x"}, "then": "V"},
    }
    columns = {"S": "string", "T": "date", "E": "element", "F": "field", "U": "string", "V": "string"}
    return compiled(row(columns, fields, unused={"U": "why", "F.4": "why"}))


@given(RECORDS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_leaf_is_counted_once_and_every_unmapped_one_is_named(every_way, record, environment, values):
    mapped = every_way.map(record("row", {"Id": "1"} | values), environment)
    assert mapped.leaves.total == 1 + count_leaves(values)
    assert len(mapped.unmapped) == mapped.leaves.unmapped
    assert all(path[0] in "STEFNV" for path in mapped.unmapped)


def test_fields_with_the_same_components_and_other_contents_are_not_mixed_up(leaves):
    fields = {"maritalStatus": {"call": "keep", "args": ["E", {"literal": ["a"]}]}}
    values = {"E": [{"a": "x", "b": {"c": "y", "d": "z"}}]}
    assert leaves({"E": "element"}, fields, values)[0] == (1, 0, 0, 2)
    assert leaves({"E": "element"}, fields, {"E": [{"a": {"c": "y", "d": "z"}, "b": "x"}]})[0] == (2, 0, 0, 1)


def test_a_remark_moves_a_leaf_of_its_own_column_only(leaves):
    fields = {"identifier": {"call": "cx_identifiers", "args": ["P.Q-3", {"literal": {}}, {"literal": ["PCN"]}]}}
    assert leaves({"P.Q-3": "field"}, fields, {"P.Q-3": [{"2": "x"}]}) == ((0, 0, 0, 1), ("P.Q-3[0].2",))
    assert leaves({"P.Q-3": "field"}, fields, {"P.Q-3": [{"1": "x"}]}) == ((0, 0, 1, 0), ())
    branch = {"when": {"column": "A", "present": True}, "then": {"call": "date", "args": ["B"]}}
    columns = {"A": "string", "B": "string"}
    assert leaves(columns, {"birthDate": branch}, {"A": "x", "B": "soon"}) == ((1, 0, 0, 1), ("B",))
    twice = {"name": [{"call": "human_names", "args": ["E"]}, {"family": "E.family"}]}
    assert leaves({"E": "element"}, twice, {"E": {"family": "NULL"}})[0] == (0, 0, 1, 0)
    dates = [{"call": "date", "args": ["P.7"]}, {"call": "date", "args": ["P.8"]}]
    field = [{"7": "soon", "8": "1/1/80"}]
    assert leaves({"P": "field"}, {"name": dates}, {"P": field}) == ((0, 1, 0, 1), ("P.7",))
    leaf = {"birthDate": {"call": "date", "args": ["P.Q-3.7"]}}
    assert leaves({"P.Q-3": "field"}, leaf, {"P.Q-3": [{"7": "soon"}]}) == ((0, 0, 0, 1), ("P.Q-3.7",))


def test_what_is_remembered_of_records_is_bounded(leaves, monkeypatch):
    monkeypatch.setattr("adapter.mapping.leaves._REMEMBERED", 0)
    assert leaves({"A": "string"}, {"name": [{"text": "A"}]}, {"A": "x"})[0] == (1, 0, 0, 0)
    assert leaves({"P": "field"}, {"name": [{"text": "P.1"}]}, {"P": [{"1": "x", "2": "y"}]})[0] == (
        1,
        0,
        0,
        1,
    )


def test_a_remark_on_a_constant_belongs_to_no_leaf(leaves):
    fields = {"birthDate": {"call": "date", "args": [{"literal": "soon"}]}}
    assert leaves({}, fields, {}) == ((0, 0, 0, 0), ())
