"""What the mapping tests share: facts of a few R4 types, the repository's mappings, small records."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from fhir.resources.R4B.condition import Condition
from fhir.resources.R4B.encounter import Encounter
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.patient import Patient
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse

from adapter.assets import r4_facts
from adapter.fhir.facts import Facts
from adapter.mapping import Environment, compile_mapping, read_table
from adapter.mapping import functions as _registers  # noqa: F401 - importing registers the functions
from adapter.mapping.registry import FUNCTIONS
from adapter.mapping.scope import Remarks, Scope
from adapter.source import Position, SourceRecord

ROOT = Path(__file__).resolve().parents[2]
COUNTY = ROOT / "mappings" / "fictional_county" / "mappings"
TABLES = ROOT / "mappings" / "tables"
BASES = ROOT / "mappings" / "base"


MODELS = {
    "Patient": Patient,
    "Encounter": Encounter,
    "Observation": Observation,
    "Condition": Condition,
    "QuestionnaireResponse": QuestionnaireResponse,
}


class R4Elements:
    """The facts of R4 in r4_elements.json; of types that are not there, those that ship."""

    def __init__(self):
        self._types = json.loads(Path(__file__).with_name("r4_elements.json").read_text())
        self._shipped = Facts(r4_facts())

    def elements(self, name, /):
        if name not in self._types:
            return self._shipped.elements(name)
        return frozenset(self._types[name].get("elements", ()))

    def required(self, name, /):
        if name not in self._types:
            return self._shipped.required(name)
        return frozenset(self._types[name].get("required", ()))


@dataclass
class Outcome:
    """What a function gave, the states it noted by column (`a0`, `a1` ...) and the codes it warned with."""

    value: Any
    states: dict[str, int]
    warned: list[str]


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def elements():
    return R4Elements()


@pytest.fixture(scope="session")
def tables():
    return {
        path.stem: read_table(yaml.safe_load(path.read_text()), name=path.stem, file=path.name)
        for path in TABLES.glob("*.yaml")
    }


@pytest.fixture(scope="session")
def environment():
    return Environment(zone="America/Denver")


@pytest.fixture(scope="session")
def bases():
    return {path.stem: yaml.safe_load(path.read_text()) for path in BASES.glob("*.yaml")}


@pytest.fixture(scope="session")
def compiled(elements, tables, bases):
    """Compiles a mapping document."""

    def compile_document(document):
        return compile_mapping(document, file="test.yaml", tables=tables, elements=elements, bases=bases)

    return compile_document


@pytest.fixture(scope="session")
def county(compiled):
    """The compiled mappings of the fictional county by file name."""
    return {path.stem: compiled(yaml.safe_load(path.read_text())) for path in COUNTY.glob("*.yaml")}


@pytest.fixture(scope="session")
def record():
    """Makes a record of a kind from its values."""

    def make(kind, values):
        return SourceRecord(kind=kind, position=Position(line=1), values=values, raw=b"")

    return make


@pytest.fixture(scope="session")
def run(environment):
    """Calls a function of the language by name."""

    def call(name, *arguments, environment=environment):
        columns = tuple(f"a{place}" for place in range(len(arguments)))
        scope = Scope({}, environment)
        function = FUNCTIONS[name]
        remarks = [Remarks(scope, columns)] if function.remarks else []
        value = function.body(*remarks, *arguments)
        return Outcome(value, scope.remarks, [warning.code for warning in scope.warnings or ()])

    return call


@pytest.fixture(scope="session")
def row():
    """A mapping document with one kind `row`, one Patient keyed by `Id`, and what is given besides."""

    def document(columns, fields, **kind):
        patient = {"name": "patient", "type": "Patient", "key": ["Id"], "fields": fields}
        section = {"columns": {"Id": "string", **columns}, "person": ["Id"], "resources": [patient], **kind}
        return {"mapping": 1, "source": "jail.test", "kinds": {"row": section}}

    return document


@pytest.fixture
def map_record(county, record, environment):
    """Maps a record with a mapping of the county, and checks what it made with an independent model of R4."""

    def run(name, kind, values):
        mapped = county[name].map(record(kind, values), environment)
        for draft in mapped.drafts:
            subject = {} if draft.type == "Patient" else {"subject": {"reference": "Patient/x"}}
            MODELS[draft.type].model_validate(draft.body | subject)
            assert json.dumps(draft.body, default=str)
        return mapped

    return run
