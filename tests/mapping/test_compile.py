"""What the compiler refuses, each with its place and the valid values."""

from __future__ import annotations

import pytest

from adapter.errors import ConfigurationError, RecordError
from adapter.mapping import Environment, compile_mapping
from adapter.mapping.elements import missing, names_element


@pytest.fixture
def problems(compiled):
    def find(document):
        with pytest.raises(ConfigurationError) as caught:
            compiled(document)
        return {problem.path: problem for problem in caught.value.problems}

    return find


AT = "kinds.row.resources[0]"


def test_an_unknown_column_names_those_like_it(problems, row):
    found = problems(row({"LastName": "string"}, {"name": [{"family": "LastNam"}], "birthDate": "LastName"}))
    assert found[f"{AT}.fields.name[0].family"].message == "unknown column `LastNam`"
    assert "`LastName`" in found[f"{AT}.fields.name[0].family"].expected


def test_a_column_is_used_or_unused_and_not_both(problems, row):
    document = row(
        {"Race": "code", "PID-3": "field", "Sex": "code"},
        {"gender": {"map": "sex", "of": "Sex"}},
        unused={"Sex": "why", "Rase": "why", "PID-3.9": "why"},
    )
    found = problems(document)
    assert "neither used nor unused" in found["kinds.row.columns.Race"].message
    assert "a function that reads it" in found["kinds.row.columns.PID-3"].expected
    assert "used by a rule" in found["kinds.row.unused.Sex"].message
    assert "`Race`" in found["kinds.row.unused.Rase"].expected
    assert "kinds.row.unused.PID-3.9" not in found


def test_elements_are_those_of_the_type(problems, row):
    found = problems(
        row(
            {},
            {
                "gendre": "Id",
                "text": {"literal": "x"},
                "subject": "Id",
                "name": [{"familly": "Id", "given": ["Id"]}],
                "deceasedBoolean": {"literal": True},
            },
        )
    )
    assert "`gender`" in found[f"{AT}.fields.gendre"].expected
    assert "never mapped" in found[f"{AT}.fields.text"].message
    assert "added at ingest" in found[f"{AT}.fields.subject"].message
    assert "`family`" in found[f"{AT}.fields.name[0].familly"].expected
    assert f"{AT}.fields.deceasedBoolean" not in found


def test_an_unknown_type_and_a_required_element_left_out(problems, row):
    document = row({}, {})
    document["kinds"]["row"]["resources"] += [
        {"name": "a", "type": "Pattient", "key": ["Id"], "fields": {}},
        {"name": "b", "type": "Observation", "key": ["Id"], "fields": {"status": {"literal": "final"}}},
        {
            "name": "c",
            "type": "MedicationStatement",
            "key": ["Id"],
            "fields": {"status": {"literal": "active"}},
        },
        {"name": "c", "type": "Encounter", "key": ["Id"], "fields": {"status": "Id", "class": "Id"}},
    ]
    found = problems(document)
    assert "unknown resource type" in found["kinds.row.resources[1].type"].message
    assert "`Observation.code` is required" in found["kinds.row.resources[2].fields"].message
    assert "typed form of `medication[x]`" in found["kinds.row.resources[3].fields"].expected
    assert "used twice" in found["kinds.row.resources[4].name"].message
    assert len(found) == 4


def test_functions_and_their_arguments(problems, row):
    document = row(
        {"PID-3": "field", "meta": "element"},
        {
            "birthDate": {"call": "birthdate", "args": ["Id"]},
            "name": {"call": "names", "args": ["Id"]},
            "identifier": {"call": "cx_identifiers", "args": ["Id", "Id"]},
            "active": {"call": "date", "args": ["PID-3"]},
            "photo": {"call": "keep", "args": ["PID-3", {"literal": ["x"]}]},
            "gender": {"call": "unit_of_source", "args": ["meta", {"call": "nope", "args": []}]},
            "link": {"call": "first_of", "args": ["meta"]},
            "contact": {"call": "join", "args": [{"literal": " "}, {"literal": 3}]},
        },
    )
    found = problems(document)
    fields = f"{AT}.fields"
    assert "`birth_date`" in found[f"{fields}.birthDate.call"].expected
    assert "last: text, first: text, middle: text?, suffix: text?" in found[f"{fields}.name.args"].expected
    assert "a column of type field" in found[f"{fields}.identifier.args[0]"].expected
    assert "a constant" in found[f"{fields}.identifier.args[1]"].expected
    assert "a node that gives text" in found[f"{fields}.active.args[0]"].expected
    assert "a column of type element" in found[f"{fields}.photo.args[0]"].expected
    assert "unknown function `nope`" in found[f"{fields}.gender.args[1].call"].message
    assert "a node that gives a value" in found[f"{fields}.link.args[0]"].expected
    assert f"{fields}.contact.args[1]" not in found


def test_tables_and_whole_structures(problems, row):
    document = row(
        {"PID-3": "field"},
        {"gender": {"map": "sexx", "of": "Id"}, "name": [{"family": "PID-3"}]},
        test={"column": "PID-3", "equals": "x"},
    )
    found = problems(document)
    assert "`sex`" in found[f"{AT}.fields.gender.map"].expected
    assert "one leaf of it" in found[f"{AT}.fields.name[0].family"].expected
    assert "`PID-3.1`" in found["kinds.row.test.column"].expected


def test_two_identifiers_of_one_system_cannot_be_told_apart(problems, row):
    entry = {"system": {"literal": "https://x.example"}, "value": "Id"}
    found = problems(row({}, {"identifier": [entry, {"value": "Id"}, entry]}))
    assert "used twice" in found[f"{AT}.fields.identifier[2].system"].message


def test_problems_of_all_kinds_of_record_come_together(compiled, row):
    document = row({}, {"gendre": "Id"})
    document["kinds"]["other"] = row({}, {"gendar": "Id"})["kinds"]["row"]
    with pytest.raises(ConfigurationError) as caught:
        compiled(document)
    assert [problem.where for problem in caught.value.problems] == ["test.yaml", "test.yaml"]


def test_paths_of_elements_may_be_unknown_to_the_facts(row, tables):
    class TypesOnly:
        def elements(self, name, /):
            return frozenset({"name[x]"} if name == "Patient" else ())

        def required(self, _name, /):
            return frozenset()

    document = row({}, {"nameHuman": [{"anything": "Id"}]})
    mapping = compile_mapping(document, file="f", tables=tables, elements=TypesOnly())
    assert mapping.source == "jail.test"


def test_choices_are_satisfied_by_their_typed_forms():
    assert names_element("valueString", {"value[x]"})
    assert not names_element("value", {"value[x]"})
    assert not names_element("valueless", {"value[x]"})
    assert missing({"value[x]", "code"}, ["valueString"]) == ["code"]


def test_a_zone_that_does_not_exist_is_a_problem_of_the_feed():
    with pytest.raises(ConfigurationError, match="no time zone `Mars/Olympus`"):
        Environment(zone="Mars/Olympus")


def test_records_that_cannot_be_used_are_refused_without_their_content(compiled, row, record, environment):
    document = row(
        {"Mode": "code", "Sex": "code"},
        {"gender": {"map": "sex", "of": "Sex"}},
        test={"column": "Mode", "in": ["T"]},
    )
    document["kinds"]["row"]["resources"].append(
        {
            "name": "stay",
            "type": "Encounter",
            "key": ["Id"],
            "fields": {"status": "Sex", "class": {"literal": {"code": "IMP"}}},
        }
    )
    mapping = compiled(document)
    for kind, values, code, element in [
        ("other", {"Id": "1"}, "unmapped-kind", "other"),
        ("row", {"Id": "1", "Mode": "T"}, "test-record", "Mode"),
        ("row", {"Sex": "M"}, "missing-key", "Id"),
        ("row", {"Id": "1"}, "missing-element", "Encounter.status"),
    ]:
        with pytest.raises(RecordError) as caught:
            mapping.map(record(kind, values), environment)
        assert (caught.value.code, caught.value.element) == (code, element)
