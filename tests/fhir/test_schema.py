"""The compiled schemas: closed, valid JSON Schema, plain inside extended."""

from __future__ import annotations

import pytest
from jsonschema_rs import Draft202012Validator, meta

from adapter.fhir.primitives import WholeNumber
from adapter.fhir.schema import compile_schema


@pytest.mark.parametrize("extended", [False, True])
def test_every_type_compiles_to_a_closed_schema(facts, extended):
    for kind in facts.resources:
        schema = compile_schema(facts, kind, extended=extended)
        assert meta.is_valid(schema)
        objects = [d for name, d in schema["$defs"].items() if name in facts.types]
        assert objects
        assert all(d["additionalProperties"] is False for d in objects)


def test_only_the_extended_schema_knows_primitive_extensions(facts):
    plain, extended = (
        Draft202012Validator(compile_schema(facts, "Patient", extended=extended), keywords={"wholeNumber": WholeNumber})
        for extended in (False, True)
    )
    with_extension = {
        "resourceType": "Patient",
        "_birthDate": {"extension": [{"url": "u", "valueCode": "x"}]},
    }
    assert not plain.is_valid(with_extension)
    assert extended.is_valid(with_extension)
    for resource in ({"resourceType": "Patient"}, {"resourceType": "Patient", "active": True}):
        assert plain.is_valid(resource)
        assert extended.is_valid(resource)
    assert not plain.is_valid({"resourceType": "Observation"})
