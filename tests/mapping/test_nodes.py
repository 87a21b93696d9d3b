"""What the nodes of a mapping give for a record."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapter.mapping import Warning  # noqa: A004 - the word of the field


@pytest.fixture
def body(compiled, row, record, environment):
    """The body a Patient gets from a record."""

    def make(columns, fields, values, **kind):
        mapped = compiled(row(columns, fields, **kind)).map(record("row", {"Id": "1"} | values), environment)
        return {key: value for key, value in mapped.drafts[0].body.items() if key != "resourceType"}

    return make


TEXT = {"A": "string", "B": "string"}


def test_an_object_without_any_value_read_is_nothing_whatever_its_constants(body):
    fields = {"identifier": [{"system": {"literal": "s"}, "value": "A"}], "name": [{"family": "B"}]}
    assert body(TEXT, fields, {}) == {}
    assert body(TEXT, fields, {"A": "1"}) == {"identifier": [{"system": "s", "value": "1"}]}


def test_an_object_of_constants_is_a_constant(body):
    fields = {
        "maritalStatus": {"coding": [{"code": {"literal": "M"}}]},
        "name": [{"family": "A"}],
        "active": "B",
    }
    assert body(TEXT, fields, {"B": "x"}) == {"maritalStatus": {"coding": [{"code": "M"}]}, "active": "x"}


def test_an_array_joins_lists_and_leaves_out_what_is_not_there(body):
    fields = {"name": [{"call": "names", "args": ["A", "B"]}, {"call": "aliases", "args": ["B"]}, {"family": "A"}]}
    assert body(TEXT, fields, {"A": "ASH"})["name"] == [
        {"use": "official", "family": "ASH"},
        {"family": "ASH"},
    ]
    assert body(TEXT, fields, {}) == {}
    constants = {"name": [{"literal": "x"}, "A"], "photo": ["B"]}
    assert body(TEXT, constants, {"A": "y"}) == {"name": ["x", "y"]}
    assert body(TEXT, constants, {"B": "y"}) == {"photo": ["y"]}


def test_elements_stand_in_the_order_of_the_mapping(body):
    fields = {"gender": {"literal": "male"}, "birthDate": "A", "active": {"literal": True}}
    assert list(body({"A": "string"}, fields, {"A": "1980"})) == ["gender", "birthDate", "active"]


def test_when_chooses_by_a_column(body):
    choose = {"when": {"column": "A", "equals": "x"}, "then": "B", "else": {"literal": "no"}}
    among = {"when": {"column": "A", "in": ["x", "y"]}, "then": {"literal": "yes"}}
    there = {"when": {"column": "A", "present": True}, "then": {"literal": "there"}}
    absent = {"when": {"column": "A", "present": False}, "then": {"literal": "absent"}}
    fields = {"name": choose, "gender": among, "photo": there, "link": absent}
    assert body(TEXT, fields, {"A": "x", "B": "b"}) == {"name": "b", "gender": "yes", "photo": "there"}
    assert body(TEXT, fields, {"A": "z"}) == {"name": "no", "photo": "there"}
    assert body(TEXT, fields, {"A": "NULL"}) == {"name": "no", "link": "absent"}


def test_a_resource_made_under_a_condition(compiled, row, record, environment):
    document = row({"A": "string"}, {})
    stay = {
        "status": {"literal": "finished"},
        "class": {"literal": {"code": "IMP"}},
        "identifier": [{"value": "A"}],
    }
    document["kinds"]["row"]["resources"].append(
        {
            "name": "stay",
            "type": "Encounter",
            "key": ["Id"],
            "when": {"column": "A", "present": True},
            "fields": stay,
        }
    )
    mapping = compiled(document)
    assert len(mapping.map(record("row", {"Id": "1"}), environment).drafts) == 1
    made = mapping.map(record("row", {"Id": "1", "A": "b"}), environment).drafts[1]
    assert (made.name, made.type, made.key, made.profile) == ("stay", "Encounter", ("1",), "")
    assert made.body["resourceType"] == "Encounter"


def test_the_top_of_a_body_of_constants_is_not_shared(compiled, row, record, environment):
    mapping = compiled(row({}, {"active": {"literal": True}}))
    first, second = (mapping.map(record("row", {"Id": "1"}), environment).drafts[0].body for _ in range(2))
    first["id"] = "x"
    assert second == {"resourceType": "Patient", "active": True}
    reading = compiled(row({"A": "string"}, {"active": {"literal": True}, "name": "A"}))
    first, second = (reading.map(record("row", {"Id": "1"}), environment).drafts[0].body for _ in range(2))
    first["id"] = "x"
    assert second == {"resourceType": "Patient", "active": True}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", "  x ", "x"),
        ("string", 7, "7"),
        ("string", Decimal("1.50"), "1.50"),
        ("string", True, "true"),
        ("string", False, "false"),
        ("string", "null", None),
        ("string", {"a": 1}, None),
        ("code", "M ", "M"),
        ("date", "9/15/2014", "2014-09-15"),
        ("date", "soon", None),
        ("date", "9999-12-31", None),
        ("datetime", "2026-03-02 08:10:00", "2026-03-02T08:10:00-07:00"),
        ("time", "0810", "08:10:00"),
        ("integer", "12", 12),
        ("integer", 12, 12),
        ("integer", "1.5", None),
        ("integer", "٣", None),
        ("decimal", "1.50", Decimal("1.50")),
        ("decimal", "1e3", None),
        ("boolean", "Y", True),
        ("boolean", False, False),
        ("boolean", "maybe", None),
    ],
)
def test_a_column_is_read_with_its_type(body, kind, value, expected):
    assert body({"A": kind}, {"birthDate": "A"}, {"A": value}).get("birthDate") == expected


@pytest.mark.parametrize(
    ("kind", "leaf", "value", "expected"),
    [
        ("field", "A.1", [{"1": " x "}, {"1": "y"}], "x"),
        ("field", "A.1", [{"1.1": "x"}], "x"),
        ("field", "A.4.2", [{"4.2": "x"}], "x"),
        ("field", "A.1", [{"1": '""'}], None),
        ("field", "A.1", [{"2": "x"}], None),
        ("field", "A.1", [], None),
        ("field", "A.1", "x", None),
        ("element", "A.b.c", {"b": {"c": "x"}}, "x"),
        ("element", "A.b.c", {"b": [{"c": "x"}, {"c": "y"}]}, "x"),
        ("element", "A.b", {"b": 3}, "3"),
        ("element", "A.b", {"b": []}, None),
        ("element", "A.b", {"b": {"c": "x"}}, None),
        ("element", "A.b", "x", None),
        ("element", "A.b", {"b": "NULL"}, None),
    ],
)
def test_a_leaf_of_a_structured_column(body, kind, leaf, value, expected):
    assert body({"A": kind}, {"birthDate": leaf}, {"A": value}).get("birthDate") == expected


def test_a_column_with_dots_in_its_name_is_itself(body):
    columns = {"Party.Name.Sur": "string", "Party": "element"}
    fields = {"name": [{"family": "Party.Name.Sur", "text": "Party.Name"}]}
    assert body(columns, fields, {"Party.Name.Sur": "ASH"})["name"] == [{"family": "ASH"}]


def test_codes_are_converted_and_an_unlisted_one_warns_without_content(compiled, row, record, environment):
    columns = {"Sex": "code", "Race": "code", "Marital": "code"}
    fields = {
        "gender": {"map": "sex", "of": "Sex"},
        "extension": [{"call": "us_core_race", "args": [{"map": "race", "of": "Race"}, "Race"]}],
        "maritalStatus": {"map": "marital-status", "of": "Marital"},
    }
    mapping = compiled(row(columns, fields))
    known = mapping.map(record("row", {"Id": "1", "Sex": " m ", "Race": "WHTE", "Marital": "A"}), environment)
    assert known.drafts[0].body["gender"] == "male"
    marital = known.drafts[0].body["maritalStatus"]
    assert (marital["coding"][0]["code"], marital["text"]) == ("L", "A")
    assert known.warnings == ()
    odd = mapping.map(record("row", {"Id": "1", "Sex": "BB", "Race": "XYZ", "Marital": "Q9"}), environment)
    assert odd.drafts[0].body["gender"] == "unknown"
    assert odd.drafts[0].body["maritalStatus"] == {"text": "Q9"}
    assert odd.drafts[0].body["extension"][0]["extension"] == [{"url": "text", "valueString": "XYZ"}]
    assert odd.warnings == tuple(Warning(code="unmapped-code", column=name) for name in ("Sex", "Race", "Marital"))
    assert odd.leaves.lossy == 3


def test_unit_and_labels(compiled, row, record, environment):
    label = {"when": {"column": "A", "equals": "Y"}, "then": {"literal": {"system": "s", "code": "R"}}}
    mapping = compiled(row({"A": "string", "B": "string"}, {}, unit="B", labels=label))
    marked = mapping.map(record("row", {"Id": "1", "A": "Y", "B": "otp"}), environment)
    assert (marked.unit, marked.labels, marked.person) == ("otp", (("s", "R"),), ("1",))
    plain = mapping.map(record("row", {"Id": "1"}), environment)
    assert (plain.unit, plain.labels) == (None, ())


def test_a_key_may_be_a_number(compiled, row, record, environment):
    mapping = compiled(row({"N": "integer"}, {}, person=["N", {"literal": "x"}]))
    assert mapping.map(record("row", {"Id": "1", "N": "007"}), environment).person == ("7", "x")
