"""The pages about the mapping language say what the code does."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
import yaml

from adapter.errors import ConfigurationError
from adapter.mapping.reference import function_table, with_functions
from adapter.mapping.registry import FUNCTIONS
from adapter.mapping.spec import NODE_WORDS, KindSpec, MappingFile


@pytest.fixture
def howto(root):
    page = (root / "docs/howto/write-a-mapping.md").read_text()
    return dict(re.findall(r"```(\w+)\n(.*?)```", page, flags=re.DOTALL))


@pytest.fixture
def reference(root):
    return (root / "docs/reference/mapping-language.md").read_text()


def test_the_example_of_the_how_to_makes_what_it_shows(howto, compiled, record, environment):
    mapping = compiled(yaml.safe_load(howto["yaml"]))
    (values,) = csv.DictReader(io.StringIO(howto["csv"]))
    mapped = mapping.map(record("row", values), environment)
    assert [draft.body for draft in mapped.drafts] == json.loads(howto["json"])
    assert [warning.code for warning in mapped.warnings] == ["two-digit-year"]
    assert (mapped.leaves.total, mapped.leaves.ignored) == (7, 1)


def test_the_problems_of_the_how_to_are_shown_as_they_are_reported(howto, elements, tables):
    from adapter.mapping import compile_mapping  # noqa: PLC0415 - the file name is the point here

    document = yaml.safe_load(howto["yaml"])
    kind = document["kinds"]["row"]
    kind["unused"] = {}
    fields = kind["resources"][0]["fields"]
    fields["gendre"] = fields.pop("gender")
    with pytest.raises(ConfigurationError) as caught:
        compile_mapping(document, file="work_release.yaml", tables=tables, elements=elements)
    assert str(caught.value) == howto["text"].strip()


def test_the_list_of_functions_is_not_stale(reference):
    how = "write it again: adapter.mapping.reference.with_functions gives the page as it should be"
    assert reference == with_functions(reference), how
    assert all(f"| `{name}` |" in function_table() for name in FUNCTIONS)


def test_a_page_without_its_marks_is_not_written():
    with pytest.raises(ValueError, match="the page lacks"):
        with_functions("no marks")


def test_every_function_is_described():
    assert [name for name, function in FUNCTIONS.items() if not function.summary.endswith(".")] == []


def test_every_key_and_node_is_described(reference):
    keys = [*MappingFile.model_fields, *KindSpec.model_fields, *NODE_WORDS]
    assert [key for key in keys if f"`{key}" not in reference and f"{{{key}:" not in reference] == []


def test_every_warning_and_refusal_is_listed(root, reference):
    package = root / "adapter" / "mapping"
    source = "\n".join(path.read_text() for path in package.rglob("*.py"))
    calls = r'(?:lossy|unmapped|warn)\(\s*\w+,\s*"([a-z-]+)"|remark\([^)]*"([a-z-]+)"\)|RecordError\("([a-z-]+)"'
    codes = {code for found in re.findall(calls, source) for code in found if code}
    codes |= set(re.findall(r'"((?:bad|two|trailing|hour|dst)-[a-z-]+)"', source))
    assert len(codes) > 25
    assert [code for code in sorted(codes) if f"`{code}`" not in reference] == []
