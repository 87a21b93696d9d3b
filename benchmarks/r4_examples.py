"""Runs the official R4 examples through codec, validator, index, store form and XML, and prints what came of it.

    python benchmarks/r4_examples.py FOLDER [--xsd fhir-single.xsd]

``FOLDER`` is the unpacked npm package ``hl7.fhir.r4.examples@4.0.1`` (CC0-1.0). For every example of a
type that is read here:

* it survives parsing and writing unchanged, number for number, to the last digit of a decimal;
* of the types that are stored, what is served of the stored parts is the same resource;
* written as XML and read again it is the same resource, narratives as XHTML; with ``--xsd``, the XML is
  valid by the schema of R4 (Maven ``ca.uhn.hapi.fhir:hapi-fhir-validation-resources-r4``, there in
  `org/hl7/fhir/r4/model/schema`);
* the validator accepts it, and ``valid`` and ``issues`` agree;
* the same example without a required element, with an element R4 does not know, or with a code that is in
  no value set is refused;
* it can be indexed.

A few published examples are broken themselves; they are listed with their defect and must stay refused. The
exit code is 1 if anything else fails, so that a rule that goes too far or not far enough is seen.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parents[1]))

from lxml import etree

from adapter.errors import InvalidResource
from adapter.fhir.codec import dump, parse
from adapter.fhir.search import PARAMETERS, index_rows
from adapter.fhir.served import join, split
from adapter.fhir.validate import Validator
from adapter.fhir.xhtml import narrative
from adapter.fhir.xml_dump import XmlWriter
from adapter.fhir.xml_parse import XmlReader

if TYPE_CHECKING:
    from collections.abc import Iterator

FACTS = Path(__file__).parents[1] / "profiles" / "r4" / "facts.json"
ZONE = ZoneInfo("America/Denver")
LABEL = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}
PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
NO_BASE = "SearchParameter.base: required element `base` is missing"
BROKEN = {
    "ImplementationGuide-fhir.json": "ImplementationGuide.name: required element `name` is missing",
    **{
        f"StructureDefinition-{name}.json": (
            "StructureDefinition: sdf-4: expected abstract = true or baseDefinition.exists()"
        )
        for name in ("Definition", "Event", "FiveWs", "Request")
    },
    "Bundle-dataelements.json": "Bundle.entry: bdl-7: expected each `fullUrl` once, or other versions",
    "Questionnaire-qs1.json": "Questionnaire.item[0].item[0].linkId: required element `linkId` is missing",
    "SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject.json": (
        "SearchParameter.id: not a valid id; expected 1 to 64 letters, digits, dots and hyphens"
    ),
    **{
        f"SearchParameter-{kind}-extensions-{name}-{element}.json": NO_BASE
        for kind, name in (("codesystem", "CodeSystem"), ("valueset", "ValueSet"))
        for element in ("author", "effective", "end", "keyword", "workflow")
    },
}
"""Published examples that break R4, with the first defect the validator names."""


class Run:
    """The tally of one run: examples, defects refused and seconds per type, and every failure."""

    def __init__(self, validator: Validator, xsd: etree.XMLSchema | None) -> None:
        self.validator = validator
        self.xsd = xsd
        self.writer, self.reader = XmlWriter(validator.facts), XmlReader(validator.facts)
        self.stored: Counter[str] = Counter()
        self.xml: Counter[str] = Counter()
        self.examples: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self.seconds: dict[str, float] = {}
        self.failures: list[str] = []

    def example(self, name: str, data: bytes) -> None:
        """Check one file."""
        resource = parse(data)
        kind = resource["resourceType"]
        self.examples[kind] += 1
        self.bytes[kind] += len(data)
        if not _same(parse(dump(resource)), resource):
            self.failures.append(f"{name}: changed by writing")
        self.validator.valid({"resourceType": kind})  # compiles the type outside the measured time
        start = perf_counter()
        valid = self.validator.valid(resource)
        self.seconds[kind] = self.seconds.get(kind, 0.0) + perf_counter() - start
        issues = [f"{issue.path}: {issue.message}" for issue in self.validator.issues(resource)]
        if valid == bool(issues):
            self.failures.append(f"{name}: valid and issues disagree")
        if name in BROKEN:
            self.broken[kind] += 1
            if issues[:1] != [BROKEN[name]]:
                self.failures.append(f"{name}: expected to be refused for {BROKEN[name]}, found {issues[:1]}")
        elif issues:
            self.failures.append(f"{name}: {issues[0]}")
        else:
            index_rows(resource, ZONE)
            self.store(name, resource)
            self.as_xml(name, resource)
            self.spoil(name, resource)

    def store(self, name: str, resource: dict[str, Any]) -> None:
        """Check that what is served of the stored parts of a resource is that resource."""
        if resource["resourceType"] not in PARAMETERS:
            return
        # Nothing is stored without a label; what a disclosure writes is taken off before.
        meta = {key: value for key, value in resource.get("meta", {}).items() if key not in {"tag", "extension"}}
        labelled = {**resource, "meta": {**meta, "security": meta.get("security", [LABEL])}}
        served = join(split(labelled))
        if not _same(parse(served), labelled):
            self.failures.append(f"{name}: served otherwise than it was stored")
        self.stored[resource["resourceType"]] += 1

    def as_xml(self, name: str, resource: dict[str, Any]) -> None:
        """Check that a resource is the same after a way through XML, and that the XML is valid."""
        try:
            written = self.writer.dump(resource)
        except InvalidResource as error:
            if "of a type that is not written" not in str(error):
                self.failures.append(f"{name}: {error}")
            return  # it holds a resource of a type that is none of ours
        if not _same(self.reader.parse(written), _narrated(resource)):
            self.failures.append(f"{name}: changed by XML")
        if self.xsd is not None and not self.xsd.validate(etree.fromstring(written, PARSER)):
            self.failures.append(f"{name}: XML is not valid: {self.xsd.error_log[0].message}")
        self.xml[resource["resourceType"]] += 1

    def spoil(self, name: str, resource: dict[str, Any]) -> None:
        """Check that the example is refused once something is wrong with it."""
        for defect, spoilt in _spoilt(self.validator, resource):
            if self.validator.valid(spoilt):
                self.failures.append(f"{name}: accepted {defect}")
            self.refused[resource["resourceType"]] += 1


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal, decimals digit for digit."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(*pair) for pair in zip(one, other, strict=True))
    return type(one) is type(other) and (str(one) == str(other) if isinstance(one, Decimal) else one == other)


def _narrated(value: Any) -> Any:
    """A value with its narratives written one way: XML has several ways to write one character, or nothing."""
    if isinstance(value, dict):
        return {
            key: narrative(inner) if key == "div" and isinstance(inner, str) else _narrated(inner)
            for key, inner in value.items()
        }
    return [_narrated(item) for item in value] if isinstance(value, list) else value


def _spoilt(validator: Validator, resource: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    kind = resource["resourceType"]
    yield "with an unknown element", {**resource, "unknownElement": True}
    yield "with an id that is none", {**resource, "id": "not_an_id"}
    yield "with an empty extension", {**resource, "extension": [{}]}
    for element in validator.facts.types[kind].elements:
        names = element.names()
        if element.required:
            yield (
                f"without {element.name}",
                {name: value for name, value in resource.items() if name not in names},
            )
        if element.codes and element.forms == {element.name: "code"} and not element.repeats:
            yield f"with a false {element.name}", {**resource, element.name: "no-such-code"}
        if len(element.forms) > 1:
            both = dict.fromkeys(list(element.forms)[:2], "2026")
            yield f"with two of {element.name}", {**resource, **both}


def _table(run: Run) -> None:
    print(
        f"{'type':<22}{'examples':>9}{'broken':>8}{'stored':>8}{'by XML':>8}"
        f"{'defects refused':>17}{'µs each':>9}{'bytes each':>12}"
    )
    for kind in sorted(run.examples):
        count = run.examples[kind]
        mean, size = run.seconds[kind] / count * 1e6, run.bytes[kind] // count
        print(
            f"{kind:<22}{count:>9}{run.broken[kind]:>8}{run.stored[kind]:>8}{run.xml[kind]:>8}{run.refused[kind]:>17}{mean:>9.1f}{size:>12}"
        )
    total = sum(run.examples.values())
    print(f"{sum(run.stored.values())} stored and served, {sum(run.xml.values())} through XML")
    print(f"{total} examples, {sum(run.refused.values())} spoilt copies, {len(run.failures)} failures")


def main() -> int:
    """Check every example in the folder; 0 if all went as expected."""
    parser = argparse.ArgumentParser(
        description="Check the official R4 examples.",
        epilog="example: python benchmarks/r4_examples.py node_modules/hl7.fhir.r4.examples",
    )
    parser.add_argument("folder", type=Path, help="the unpacked package hl7.fhir.r4.examples")
    parser.add_argument("--xsd", type=Path, help="fhir-single.xsd, with the schemas it includes beside it")
    asked = parser.parse_args()
    folder: Path = asked.folder
    xsd = etree.XMLSchema(etree.parse(asked.xsd)) if asked.xsd is not None else None
    run = Run(Validator(json.loads(FACTS.read_bytes())), xsd)
    for path in sorted(folder.glob("*.json")):
        if path.name.partition("-")[0] in run.validator.facts.resources:
            run.example(path.name, path.read_bytes())
    if not run.examples:
        parser.error(f"{folder}: no examples; name the unpacked package folder")
    missing = sorted(set(BROKEN) - {path.name for path in folder.glob("*.json")})
    run.failures.extend(f"{name}: listed as broken, but not in the folder" for name in missing)
    _table(run)
    print("\npublished examples that break R4:")
    for name, defect in sorted(BROKEN.items()):
        print(f"  {name}\n    {defect}")
    for failure in run.failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
