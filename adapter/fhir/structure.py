"""Walks a resource along the facts and names every departure from the structure of R4.

``schema`` answers the same question by yes or no, quickly; this walk explains, and is only taken when the
answer was no or when primitive extensions must be lined up with their values. Both are built from the
same facts, and tests hold them against each other. Messages name elements, never their content.

JSON form of resources, including primitive extensions and null: https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import Issue
from adapter.fhir.primitives import CHECKS, EXPECTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapter.fhir.facts import Element, Facts, Invariant, Structure

_ELEMENT_NAME: Final = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}")
_LISTED_CODES: Final = 12
"""Value sets up to this size are listed in the message; of larger ones only the name."""


def structure_issues(facts: Facts, resource: Mapping[str, Any]) -> list[Issue]:
    """Every departure of ``resource`` from the structure of its type; empty if there is none.

    Resources inside it (``contained``, Bundle entries) are only asked for a resource type.
    """
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or kind not in facts.resources:
        return [_type_issue(facts, kind, "resourceType")]
    body = {name: value for name, value in resource.items() if name != "resourceType"}
    try:
        return list(_object(facts, facts.types[kind], body, kind))
    except RecursionError:
        return [_issue(kind, "too-long", "nested too deeply to be read; expected at most 100 levels")]


def aligned(value: object) -> bool:
    """Whether arrays of primitives and of their extensions stand item beside item.

    Both are equally long, and null in one only stands where the other has something. This is what a
    schema cannot say about them; the structure is taken to be sound otherwise.
    """
    if isinstance(value, list):
        return all(aligned(item) for item in value)
    if not isinstance(value, dict):
        return True
    for name, items in value.items():
        if isinstance(items, list):
            beside = value.get(name[1:] if name.startswith("_") else f"_{name}")
            if None in items and beside is None:
                return False
            if beside is not None and not _beside(items, beside):
                return False
        if not aligned(items):
            return False
    return True


def _beside(items: list[Any], beside: list[Any]) -> bool:
    return len(items) == len(beside) and all(
        item is not None or other is not None for item, other in zip(items, beside, strict=True)
    )


def _issue(path: str, code: str, message: str) -> Issue:
    return Issue(path=path, code=code, message=message)


def _type_issue(facts: Facts, kind: object, path: str) -> Issue:
    """What to say of a resource type that is missing, misspelt or not read here."""
    if kind is None:
        return _issue(path, "required", "missing `resourceType`; expected the name of a resource type")
    if isinstance(kind, str) and kind in facts.all_resources:
        known = ", ".join(sorted(facts.resources))
        return _issue(path, "not-supported", f"this resource type is not read here; expected one of {known}")
    return _issue(path, "structure", "`resourceType` is not a resource type of R4")


def _object(facts: Facts, structure: Structure, value: object, path: str) -> Iterator[Issue]:
    if not isinstance(value, dict):
        yield _issue(path, "structure", f"expected a JSON object ({structure.name})")
        return
    if structure.kind != "resource" and not value.keys() - {"id"}:
        yield _issue(path, "invariant", "ele-1: an element has a value or children; expected it filled or left out")
    yield from _unknown(facts, structure, value, path)
    for element in structure.elements:
        yield from _element(facts, element, value, path)
    for invariant in structure.invariants:
        if not _holds(structure, invariant, value):
            yield _issue(path, "invariant", f"{invariant.key}: {_rule(invariant)}")


def _unknown(facts: Facts, structure: Structure, value: Mapping[str, Any], path: str) -> Iterator[Issue]:
    known = facts.json_names(structure.name)
    for name in value:
        if name not in known:
            shown = f"`{name}`" if isinstance(name, str) and _ELEMENT_NAME.fullmatch(name) else "with a malformed name"
            yield _issue(
                path,
                "structure",
                f"element {shown} is not defined for {structure.name}; expected R4 elements only",
            )


def _element(facts: Facts, element: Element, parent: Mapping[str, Any], path: str) -> Iterator[Issue]:
    where = f"{path}.{element.base}"
    present = [
        form for form in element.forms if form in parent or (form in element.extensible and f"_{form}" in parent)
    ]
    if element.required and not present:
        yield _issue(where, "required", f"required element `{element.name}` is missing")
    if len(present) > 1:
        yield _issue(where, "structure", f"expected one of {', '.join(present)}, not several")
    for form in present:
        if element.repeats:
            yield from _array(facts, element, form, parent, where)
        else:
            if form in parent:
                yield from _value(facts, element, element.forms[form], parent[form], where)
            if f"_{form}" in parent:
                yield from _object(facts, facts.types["Element"], parent[f"_{form}"], where)


def _array(facts: Facts, element: Element, form: str, parent: Mapping[str, Any], path: str) -> Iterator[Issue]:
    values, beside = parent.get(form), parent.get(f"_{form}") if form in element.extensible else None
    for given in (values, beside):
        if given is not None and (not isinstance(given, list) or not given):
            yield _issue(path, "structure", "expected a JSON array with at least one item")
            return
    if form in parent and values is None:
        yield _issue(path, "structure", "null stands for nothing here; expected an array, or no element")
    if values and beside and len(values) != len(beside):
        yield _issue(path, "structure", f"`{form}` and `_{form}` differ in length; expected null where one has nothing")
    for index in range(max(len(values or ()), len(beside or ()))):
        value, extension = _at(values, index), _at(beside, index)
        where = f"{path}[{index}]"
        if value is not None or extension is None:
            yield from _value(facts, element, element.forms[form], value, where)
        if extension is not None:
            yield from _object(facts, facts.types["Element"], extension, where)


def _at(values: list[Any] | None, index: int) -> Any:
    return values[index] if values is not None and index < len(values) else None


def _value(facts: Facts, element: Element, kind: str, value: object, path: str) -> Iterator[Issue]:
    if kind in CHECKS:
        if not CHECKS[kind](value):
            yield _issue(path, "value", f"not a valid {kind}; expected {EXPECTED[kind]}")
        elif element.codes and value not in facts.listed(element.codes):
            yield _issue(path, "code-invalid", _codes_expected(facts, element.codes))
    elif kind == "Resource":
        if not isinstance(value, dict) or value.get("resourceType") not in facts.listed("resource-types"):
            yield _issue(path, "structure", "expected a resource with its `resourceType`")
    else:
        yield from _object(facts, facts.types[kind], value, path)
        if element.codes and not _coded(facts, element.codes, value):
            yield _issue(path, "code-invalid", _codes_expected(facts, element.codes))


def _coded(facts: Facts, value_set: str, concept: object) -> bool:
    """Whether a CodeableConcept holds a coding of the value set."""
    codings = concept.get("coding") if isinstance(concept, dict) else None
    if not isinstance(codings, list):
        return False
    allowed = {(system, code) for system, codes in facts.codes[value_set].items() for code in codes}
    given = [(coding.get("system"), coding.get("code")) for coding in codings if isinstance(coding, dict)]
    return any(isinstance(s, str) and isinstance(c, str) and (s, c) in allowed for s, c in given)


def _codes_expected(facts: Facts, value_set: str) -> str:
    codes = facts.listed(value_set)
    listed = f"one of {', '.join(codes)}" if len(codes) <= _LISTED_CODES else f"a code of value set {value_set}"
    return f"not a code of the required value set; expected {listed}"


def _holds(structure: Structure, invariant: Invariant, value: Mapping[str, Any]) -> bool:
    present = [any(name in value for name in structure.element(base).names()) for base in invariant.names]
    if invariant.form == "any":
        return any(present)
    if invariant.form == "one":
        return present[0] != present[1]
    if invariant.form == "needs":
        return present[1] or not present[0]
    return not (present[0] and present[1])


def _rule(invariant: Invariant) -> str:
    """The invariant in words."""
    names = [f"`{name}`" for name in invariant.names]
    if invariant.form == "any":
        return f"expected at least one of {', '.join(names)}"
    if invariant.form == "one":
        return f"expected either {names[0]} or {names[1]}"
    if invariant.form == "needs":
        return f"{names[0]} is only understood with {names[1]}; expected both or neither"
    return f"{names[0]} and {names[1]} exclude each other; expected one of them"
