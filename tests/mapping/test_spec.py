"""The shape of mapping files, and the schema editors use."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest
import yaml

from adapter.errors import ConfigurationError
from adapter.mapping.extend import mapping_schema
from adapter.mapping.spec import key_path, read_mapping
from adapter.mapping.tables import table_schema


def problems(document):
    with pytest.raises(ConfigurationError) as caught:
        read_mapping(document, file="roster.yaml")
    return {problem.path: problem for problem in caught.value.problems}


def file(**resource):
    patient = {"name": "patient", "type": "Patient", "key": ["Id"], "fields": {}} | resource
    kind = {"columns": {"Id": "string"}, "person": ["Id"], "resources": [patient]}
    return {"mapping": 1, "source": "jail.test", "kinds": {"row": kind}}


def test_a_file_of_the_right_shape_is_read():
    spec = read_mapping(file(), file="roster.yaml")
    assert spec.kinds["row"].resources[0].name == "patient"


def test_every_problem_is_reported_with_its_key_path_and_what_is_valid():
    document = file(
        fields={
            "active": True,
            "gender": {"map": "sex", "off": "Sex"},
            "name": [{"family": {"call": "names", "args": ["Id", 3], "as": "x"}}],
            "birthDate": {"when": {"column": "Id", "equal": "x", "equals": "x"}, "then": "Id", "els": "Id"},
            "photo": {"literal": None},
        },
        fieldz={},
    ) | {"mapping": 2, "kind": {}}
    document["kinds"]["row"]["columns"]["Id"] = "text"
    document["kinds"]["row"]["color"] = "x"
    found = problems(document)
    at = "kinds.row.resources[0]"
    assert set(found) == {
        "mapping",
        "kind",
        "kinds.row.columns.Id",
        "kinds.row.color",
        f"{at}.fieldz",
        f"{at}.fields.active",
        f"{at}.fields.gender.of",
        f"{at}.fields.gender.off",
        f"{at}.fields.name[0].family.args[1]",
        f"{at}.fields.name[0].family.as",
        f"{at}.fields.birthDate.when.equal",
        f"{at}.fields.birthDate.els",
        f"{at}.fields.photo",
    }
    assert found["kind"].expected == "one of `mapping`, `source`, `sender`, `constants`, `kinds`"
    assert found[f"{at}.fieldz"].expected == (
        "one of `name`, `type`, `key`, `when`, `profile`, `same_as`, `fields`, `person`, `labels`, `replaces`, `clears`"
    )
    assert found[f"{at}.fields.birthDate.when.equal"].expected == "one of `column`, `equals`, `in`, `present`"
    assert found[f"{at}.fields.birthDate.els"].expected == "one of `when`, `then`, `else`"
    assert "`datetime`" in found["kinds.row.columns.Id"].expected.replace("'", "`")
    assert "{literal: ...}" in found[f"{at}.fields.active"].expected
    assert found["kinds.row.color"].expected.startswith("one of `columns`, `unused`")
    assert str(found["kind"]).startswith("roster.yaml at `kind`: unknown key `kind`; expected one of")


@pytest.mark.parametrize("condition", [{"column": "Id"}, {"column": "Id", "equals": "a", "present": True}])
def test_a_condition_tests_one_thing(condition):
    found = problems(file(when=condition))
    assert "exactly one of" in found["kinds.row.resources[0].when"].expected


def test_a_document_that_is_no_mapping_at_all_is_a_problem_of_the_file():
    assert list(problems(["x"])) == [""]
    assert problems(file(name="Not A Name"))["kinds.row.resources[0].name"].message


def test_a_key_path_leaves_out_the_kinds_of_node():
    assert key_path(("kinds", "row", "resources", 0, "node:object", "name")) == "kinds.row.resources[0].name"


def test_the_schemas_for_editors_are_not_stale(root):
    how = "write it again: json.dumps({}_schema(), indent=2) and a line end"
    for name, schema in (
        ("mappings/schema.json", mapping_schema()),
        ("mappings/tables/schema.json", table_schema()),
    ):
        kept = (root / name).read_text()
        assert kept == json.dumps(schema, indent=2) + "\n", how.format("mapping" if "tables" not in name else "table")


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("mappings/schema.json", "fictional_county/mappings/*.yaml"),
        ("mappings/schema.json", "base/*.yaml"),
        ("mappings/tables/schema.json", "tables/*.yaml"),
    ],
)
def test_every_file_is_valid_for_its_schema_and_names_it(root, schema, pattern):
    validator = jsonschema_rs.validator_for(json.loads((root / schema).read_text()))
    paths = list((root / "mappings").glob(pattern))
    assert paths
    for path in paths:
        text = path.read_text()
        named = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
        assert (path.parent / named).resolve() == root / schema
        document = json.loads(json.dumps(yaml.safe_load(text)))
        assert [error.message for error in validator.iter_errors(document)] == []


def test_the_schema_refuses_what_the_reader_refuses(root):
    validator = jsonschema_rs.validator_for(json.loads((root / "mappings/schema.json").read_text()))
    assert validator.is_valid(file(fields={"name": [{"family": "Id"}]}))
    assert not validator.is_valid(file(fields={"gender": {"map": "sex", "off": "Id"}}))
    assert not validator.is_valid(file(fields={"active": True}))
