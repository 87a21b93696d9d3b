"""Writes ``facts.json``: the structure of the R4 types Sallyport reads and writes, as compact tables.

    python profiles/r4/generate.py FOLDER

``FOLDER`` holds the R4 definitions as single JSON files (npm ``hl7.fhir.r4.examples@4.0.1``, CC0-1.0).
Only facts are taken: element names, cardinalities, types, the codes of required bindings, and invariants: those that
merely relate the presence of sibling elements as such, the others as FHIRPath. No prose is copied. The output depends
on the definitions alone, so that running the tool twice changes nothing.

Layout of ``facts.json``::

    {"fhir": "4.0.1",
     "types": {"Observation": {"kind": "resource",
                               "elements": {"status": [1, 1, "code", "observation-status"],
                                            "value[x]": [0, 1, "Quantity CodeableConcept ..."],
                                            "component": [0, null, "Observation.component"]},
                               "invariants": [["obs-6", "excludes", "dataAbsentReason", "value"]]},
               "Observation.component": {"kind": "backbone", ...}},
     "codes": {"observation-status": {"http://hl7.org/fhir/observation-status": ["registered", ...]}},
     "search": {"Patient": {"birthdate": "http://hl7.org/fhir/SearchParameter/individual-birthdate", ...}}}

An element row is minimum, maximum (null: no limit), types, name of its required value set if that can be
listed. ``summary`` and ``modifiers`` of resources and backbones name the elements that are marked so.
``expressions`` are pairs of a key and its FHIRPath.
Invariants: ``any`` one of the names must be present; ``one`` exactly one; ``needs`` the first requires the
second; ``excludes`` the two never stand together.

Definitions: https://hl7.org/fhir/R4/structuredefinition.html
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

RESOURCES = (
    "AllergyIntolerance",
    "Appointment",
    "AuditEvent",
    "Bundle",
    "CapabilityStatement",
    "CareTeam",
    "CodeSystem",
    "ConceptMap",
    "Condition",
    "Consent",
    "DocumentReference",
    "Encounter",
    "Group",
    "ImplementationGuide",
    "Location",
    "Observation",
    "OperationDefinition",
    "OperationOutcome",
    "Organization",
    "Parameters",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Provenance",
    "Questionnaire",
    "QuestionnaireResponse",
    "RelatedPerson",
    "SearchParameter",
    "StructureDefinition",
    "Subscription",
    "ValueSet",
)
VERSION = "4.0.1"
ABSTRACT = {"Element", "BackboneElement"}
SYSTEM_TYPE = "http://hl7.org/fhirpath/System."
FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
NAME = r"[a-z][A-Za-z]*"
FORMS = (
    ("needs", re.compile(rf"({NAME})\.empty\(\) or ({NAME})\.exists\(\)")),
    ("needs", re.compile(rf"({NAME})\.exists\(\) implies ({NAME})\.exists\(\)")),
    ("excludes", re.compile(rf"({NAME})\.empty\(\) or ({NAME})\.empty\(\)")),
    ("excludes", re.compile(rf"\(({NAME})\.exists\(\) and ({NAME})\.exists\(\)\)\.not\(\)")),
    ("one", re.compile(rf"({NAME})\.exists\(\) != ({NAME})\.exists\(\)")),
    ("one", re.compile(rf"({NAME})\.exists\(\) xor ({NAME})\.exists\(\)")),
)
ANY = re.compile(rf"{NAME}\.exists\(\)(?: or {NAME}\.exists\(\))+")
LARGE = re.compile(r"urn:(ietf|iso):")
"""Code systems defined by other registries: media types, currencies. Their codes are not listed."""


ELSEWHERE = frozenset(
    {
        # Asked of every element or resource, or of what FHIRPath cannot see; `adapter/fhir` has rules for them.
        *("ele-1", "dom-2", "dom-3", "dom-4", "dom-5", "per-1", "ref-1", "txt-1", "txt-2"),
        # Written by hand because they are asked of every row that is stored.
        *("con-4", "con-5", "grp-1", "inv-1", "obs-7", "org-1", "org-2", "org-3", "ppc-2", "ppc-3", "ppc-4", "ppc-5"),
        *("bdl-1", "bdl-2", "bdl-3", "bdl-4", "bdl-7", "bdl-8"),
        # Cannot be asked: of another resource, of a status that R4 spells otherwise, of quantities of unlike units.
        *("ctm-1", "app-4", "rng-2"),
    }
)
"""Invariants that the tables leave out."""


class Definitions:
    """The definitions of one folder, by canonical address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code_systems = self._by_url("CodeSystem")
        self.value_sets = self._by_url("ValueSet")
        self.search_parameters = self._by_url("SearchParameter")

    def structure(self, name: str) -> dict[str, Any]:
        """The StructureDefinition of one type."""
        return _read(self.folder / f"StructureDefinition-{name}.json")

    def _by_url(self, kind: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for path in sorted(self.folder.glob(f"{kind}-*.json")):
            document = _read(path)
            if "url" in document:
                found.setdefault(document["url"], document)
        return found

    def codes(self, url: str) -> dict[str, list[str]] | None:
        """The codes of a value set by code system, or None if another registry owns them."""
        included: dict[str, list[str]] = {}
        compose = self.value_sets[url]["compose"]
        if compose.get("exclude"):
            raise SystemExit(f"{url}: exclusions in a required value set are not covered; extend `codes`")
        for include in compose["include"]:
            system = include["system"]
            if "filter" in include or "valueSet" in include:
                raise SystemExit(f"{url}: filters in a required value set are not covered; extend `codes`")
            listed = include.get("concept")
            if listed is None and LARGE.match(system):
                return None
            concepts = listed if listed is not None else self.code_systems[system]["concept"]
            included.setdefault(system, []).extend(_codes(concepts))
        return {system: sorted(set(codes)) for system, codes in sorted(included.items())}


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def _codes(concepts: list[dict[str, Any]]) -> list[str]:
    """Codes of a hierarchy, parents and children alike."""
    found = []
    for concept in concepts:
        found.append(concept["code"])
        found.extend(_codes(concept.get("concept", [])))
    return found


def _types(element: dict[str, Any], nested: set[str]) -> list[str]:
    """Type names of an element; nested structures are named by their path."""
    path = element["path"]
    if "contentReference" in element:
        return [element["contentReference"].removeprefix("#")]
    if path in nested:
        return [path]
    return [_type(path, entry) for entry in element["type"]]


def _type(path: str, entry: dict[str, Any]) -> str:
    code: str = entry["code"]
    if not code.startswith(SYSTEM_TYPE):
        return code
    if path.partition(".")[0] in RESOURCES and path.endswith(".id") and path.count(".") == 1:
        return "id"  # the snapshots say string here; the type of Resource.id is id
    named = [extension["valueUrl"] for extension in entry.get("extension", []) if extension["url"] == FHIR_TYPE]
    return str(named[0]) if named else "string"


def _invariants(element: dict[str, Any]) -> list[list[str]]:
    """Invariants of severity error that relate the presence of sibling elements."""
    found = []
    for constraint in element.get("constraint", []):
        if constraint["severity"] == "error":
            row = _presence(constraint["expression"])
            if row is not None:
                found.append([constraint["key"], *row])
    return sorted(found)


def _expressions(element: dict[str, Any]) -> list[list[str]]:
    """The other invariants of severity error, as FHIRPath."""
    return sorted(
        [constraint["key"], constraint["expression"]]
        for constraint in element.get("constraint", [])
        if constraint["severity"] == "error"
        and constraint["key"] not in ELSEWHERE
        and _presence(constraint["expression"]) is None
    )


def _presence(expression: str) -> list[str] | None:
    if ANY.fullmatch(expression):
        return ["any", *re.findall(rf"({NAME})\.exists", expression)]
    for form, pattern in FORMS:
        match = pattern.fullmatch(expression)
        if match is not None:
            return [form, *match.groups()]
    return None


class Tables:
    """The tables under construction: types still to be read are followed until none is left."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.types: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, dict[str, list[str]]] = {}

    def add(self, name: str) -> None:
        """Read the definition of ``name`` and of every type it mentions."""
        if name in self.types or name == "Resource":
            return
        definition = self.definitions.structure(name)
        if definition["kind"] == "primitive-type":
            return
        elements = definition["snapshot"]["element"]
        nested = {e["path"] for e in elements if {t["code"] for t in e.get("type", [])} & ABSTRACT}
        kind = "resource" if definition["kind"] == "resource" else "datatype"
        for element in elements:
            path = element["path"]
            if path == name or path in nested:
                self.types[path] = {"kind": kind if path == name else "backbone", "elements": {}}
                if invariants := _invariants(element):
                    self.types[path]["invariants"] = invariants
                if expressions := _expressions(element):
                    self.types[path]["expressions"] = expressions
            if path != name:
                self._row(element, nested)
        for mentioned in sorted({t["code"] for e in elements for t in e.get("type", [])} - ABSTRACT):
            if not mentioned.startswith(SYSTEM_TYPE):
                self.add(mentioned)

    def _row(self, element: dict[str, Any], nested: set[str]) -> None:
        parent, _, name = element["path"].rpartition(".")
        if self.types[parent]["kind"] != "datatype":
            for mark, flag in (("summary", "isSummary"), ("modifiers", "isModifier")):
                if element.get(flag):
                    self.types[parent].setdefault(mark, []).append(name)
        maximum = None if element["max"] == "*" else int(element["max"])
        row: list[Any] = [element["min"], maximum, " ".join(_types(element, nested))]
        binding = element.get("binding", {})
        if binding.get("strength") == "required":
            url = binding["valueSet"].partition("|")[0]
            codes = self.definitions.codes(url)
            if codes is not None:
                value_set = url.rpartition("/")[2]
                self.codes[value_set] = codes
                row.append(value_set)
        self.types[parent]["elements"][name] = row


def _search(definitions: Definitions) -> dict[str, dict[str, str]]:
    """The addresses of the search parameters that R4 itself defines for the types, by type and code."""
    found: dict[str, dict[str, str]] = {kind: {} for kind in RESOURCES}
    for url, parameter in sorted(definitions.search_parameters.items()):
        own = parameter.get("version") == VERSION and "-extensions-" not in url
        for kind in parameter.get("base", ()) if own else ():
            if kind in found:
                found[kind].setdefault(parameter["code"], url)
    return {kind: dict(sorted(codes.items())) for kind, codes in sorted(found.items()) if codes}


def tables(folder: Path) -> dict[str, Any]:
    """All facts from the definitions in ``folder``."""
    definitions = Definitions(folder)
    built = Tables(definitions)
    for name in [*RESOURCES, "Element"]:
        built.add(name)
    built.codes["resource-types"] = definitions.codes("http://hl7.org/fhir/ValueSet/resource-types") or {}
    version = definitions.structure("Patient")["fhirVersion"]
    return {"fhir": version, "types": built.types, "codes": built.codes, "search": _search(definitions)}


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _written_type(name: str, table: dict[str, Any]) -> str:
    rows = ",\n".join(f"  {_compact(element)}:{_compact(row)}" for element, row in table["elements"].items())
    more = "".join(
        f',\n "{key}":{_compact(table[key])}'
        for key in ("invariants", "expressions", "summary", "modifiers")
        if key in table
    )
    return f'{_compact(name)}:{{"kind":"{table["kind"]}","elements":{{\n{rows}}}{more}}}'


def written(facts: dict[str, Any]) -> str:
    """The text of ``facts.json``: sorted, one element or value set a line."""
    types = ",\n".join(_written_type(name, facts["types"][name]) for name in sorted(facts["types"]))
    codes = ",\n".join(f"{_compact(name)}:{_compact(facts['codes'][name])}" for name in sorted(facts["codes"]))
    search = ",\n".join(f"{_compact(kind)}:{_compact(urls)}" for kind, urls in facts["search"].items())
    parts = f'"types":{{\n{types}}},\n"codes":{{\n{codes}}},\n"search":{{\n{search}}}'
    return f'{{"fhir":"{facts["fhir"]}",\n{parts}}}\n'


def main() -> None:
    """Read the definitions named on the command line and write ``facts.json`` beside this file."""
    parser = argparse.ArgumentParser(
        description="Write profiles/r4/facts.json from the R4 definitions.",
        epilog="example: python profiles/r4/generate.py node_modules/hl7.fhir.r4.examples",
    )
    parser.add_argument(
        "folder", type=Path, help="folder of StructureDefinition-*.json, ValueSet-*.json, CodeSystem-*.json"
    )
    folder = parser.parse_args().folder
    if not (folder / "StructureDefinition-Patient.json").is_file():
        parser.error(f"{folder}: no StructureDefinition-Patient.json; name the unpacked package folder")
    text = written(tables(folder))
    target = Path(__file__).with_name("facts.json")
    target.write_text(text, encoding="utf-8")
    facts = json.loads(text)
    elements = sum(len(table["elements"]) for table in facts["types"].values())
    counts = f"{len(facts['types'])} types, {elements} elements, {len(facts['codes'])} value sets"
    print(f"{target.name}: {counts}, {len(text)} characters")


if __name__ == "__main__":
    main()
