"""The JSON Schema of instruments files is that of the code, and the shipped files are what it describes."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from adapter.summary.spec import instruments_schema

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "profiles" / "instruments.yaml", *(ROOT / "mappings").glob("fictional_county/instruments/*.yaml")]


def plain(value):
    """As JSON has it: keys of objects are text."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list) else value


def test_the_file_is_what_the_code_says():
    path = ROOT / "profiles" / "instruments.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == instruments_schema()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_shipped_files_are_valid(path):
    validator = jsonschema_rs.validator_for(instruments_schema())
    document = plain(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(document)] == []
    document["instruments"][0]["colour"] = "red"
    assert not validator.is_valid(document)
