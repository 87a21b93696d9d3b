"""Compiles the facts of a resource type into a JSON Schema.

Two schemas are made of each type. The *plain* one knows no primitive extensions (``_birthDate``) and so
can demand a required element by its name; nearly every resource fits it, and it is the fast one. The
*extended* one accepts ``_name`` wherever FHIR does and lets it stand for a missing value. A resource is
well formed if either accepts it.

What a schema cannot say is left to ``rules``: resources inside resources are checked one by one by
``validate``.

JSON form of resources: https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.fhir.primitives import PRIMITIVES, json_schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapter.fhir.facts import Element, Facts, Invariant, Structure

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PRIMITIVE_EXTENSION: Final = {"$ref": "#/$defs/Element"}
_FEW: Final = 4
"""Up to so many names a rule on presence lists them; an extension has fifty forms of its value."""
_NOT_ONLY_AN_ID: Final[Schema] = {"minProperties": 2}
"""Beside an id: ele-1 asks for a value or children, and an id is neither."""


def compile_schema(facts: Facts, name: str, *, extended: bool) -> Schema:
    """The JSON Schema of resource type ``name``.

    The schema is closed: elements that R4 does not define are refused. The keyword ``wholeNumber`` of
    ``primitives`` must be registered with the validator.
    """
    definitions: Schema = {kind: json_schema(kind) for kind in sorted(PRIMITIVES)}
    for kind in sorted(_reachable(facts, name, extended=extended)):
        definitions[kind] = _object(facts, facts.types[kind], extended=extended)
    definitions["Resource"] = {
        "type": "object",
        "properties": {"resourceType": {"enum": sorted(facts.all_resources)}},
        "required": ["resourceType"],
    }
    for value_set in sorted(facts.codes):
        definitions[_code_set(value_set)] = {"enum": list(facts.listed(value_set))}
    return {"$schema": DIALECT, "$ref": f"#/$defs/{name}", "$defs": definitions}


def _reachable(facts: Facts, name: str, *, extended: bool) -> set[str]:
    """Structured types that ``name`` mentions, itself included."""
    found = {name, "Element"} if extended else {name}
    waiting = list(found)
    while waiting:
        for element in facts.types[waiting.pop()].elements:
            for kind in element.forms.values():
                if kind in facts.types and kind not in found:
                    found.add(kind)
                    waiting.append(kind)
    return found


def _code_set(value_set: str) -> str:
    return f"codes:{value_set}"


class _Names:
    """Rules on which of the properties of a closed schema are present."""

    def __init__(self, properties: Iterable[str]) -> None:
        self._all = frozenset(properties)

    def any(self, names: Iterable[str]) -> Schema:
        """At least one of ``names``."""
        few = list(names)
        return {"not": self._only_others(few)} if len(few) > _FEW else {"anyOf": [{"required": [name]} for name in few]}

    def none(self, names: Iterable[str]) -> Schema:
        """None of ``names``."""
        few = list(names)
        return self._only_others(few) if len(few) > _FEW else {"properties": dict.fromkeys(few, False)}

    def _only_others(self, names: Iterable[str]) -> Schema:
        """Says the same of many names by looking at what is there, not for each of what must not be."""
        others = sorted(self._all.difference(names))
        return {"properties": dict.fromkeys(others, True), "additionalProperties": False}


def _object(facts: Facts, structure: Structure, *, extended: bool) -> Schema:
    properties: Schema = {}
    required: list[str] = []
    dependent: Schema = {}
    conditions: list[Schema] = []
    if structure.kind == "resource":
        properties["resourceType"] = {"const": structure.name}
        required.append("resourceType")
    for element in structure.elements:
        properties.update(_properties(facts, element, extended=extended))
    present = _Names(properties)
    for element in structure.elements:
        dependent.update(_exclusive(element, present, extended=extended))
        if element.required:
            names = element.names(extended=extended)
            if len(names) == 1:
                required.extend(names)
            else:
                conditions.append(present.any(names))
    conditions += [_invariant(structure, invariant, present, extended=extended) for invariant in structure.invariants]
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    if structure.kind != "resource":
        schema["minProperties"] = 1
        dependent["id"] = _NOT_ONLY_AN_ID
    if required:
        schema["required"] = required
    if dependent:
        schema["dependentSchemas"] = dependent
    if conditions:
        schema["allOf"] = conditions
    return schema


def _properties(facts: Facts, element: Element, *, extended: bool) -> Schema:
    """The JSON properties of one element, primitive extensions included if ``extended``."""
    found: Schema = {}
    for form, kind in element.forms.items():
        value = _coded(facts, element.codes, kind) if element.codes else {"$ref": f"#/$defs/{kind}"}
        gaps = extended and form in element.extensible
        found[form] = _repeated(element, value, gaps=gaps)
        if gaps:
            found[f"_{form}"] = _repeated(element, _PRIMITIVE_EXTENSION, gaps=True)
    return found


def _repeated(element: Element, value: Schema, *, gaps: bool) -> Schema:
    """An array if the element repeats; ``gaps`` allows null where only the other array says something."""
    if not element.repeats:
        return value
    items = {"anyOf": [value, {"type": "null"}]} if gaps else value
    return {"type": "array", "minItems": 1, "items": items}


def _coded(facts: Facts, value_set: str, kind: str) -> Schema:
    """A code of a required value set; of a concept, at least one coding must come from it."""
    if kind == "code":
        return {"$ref": f"#/$defs/{_code_set(value_set)}"}
    fitting = [
        {
            "properties": {"system": {"const": system}, "code": {"enum": list(codes)}},
            "required": ["system", "code"],
        }
        for system, codes in facts.codes[value_set].items()
    ]
    return {
        "$ref": f"#/$defs/{kind}",
        "properties": {"coding": {"contains": {"anyOf": fitting}}},
        "required": ["coding"],
    }


def _exclusive(element: Element, present: _Names, *, extended: bool) -> Schema:
    """For each form of a choice: if it is present, no other form is."""
    if len(element.forms) == 1:
        return {}
    names = element.names(extended=extended)
    return {name: present.none(other for other in names if other.lstrip("_") != name.lstrip("_")) for name in names}


def _invariant(structure: Structure, invariant: Invariant, present: _Names, *, extended: bool) -> Schema:
    """A rule on the presence of siblings, over all their JSON names."""
    groups = [structure.element(base).names(extended=extended) for base in invariant.names]
    if invariant.form == "any":
        return present.any(name for group in groups for name in group)
    first, second = groups
    if invariant.form == "needs":
        return {"dependentSchemas": {name: present.any(second) for name in first}}
    if invariant.form == "excludes":
        return {"dependentSchemas": {name: present.none(second) for name in first}}
    return {"if": present.any(first), "then": present.none(second), "else": present.any(second)}
