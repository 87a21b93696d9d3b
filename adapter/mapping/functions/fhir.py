"""Functions on JSON subtrees of FHIR sources: an allow-list is kept, everything else stays behind.

https://hl7.org/fhir/R4/json.html. Narrative, notes, contained resources and references never pass: a
reference tells that something exists, and a narrative repeats every answer.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from adapter.errors import RecordError
from adapter.mapping.functions.identity import SSN_SYSTEM, ssn
from adapter.mapping.registry import Coverage, function

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapter.mapping.scope import Remarks

Json = Any


@lru_cache(maxsize=512)
def _allowed(paths: tuple[str, ...]) -> dict[str, Any]:
    """The paths as a tree; an empty branch keeps everything below it."""
    tree: dict[str, Any] = {}
    for path in paths:
        branch = tree
        for part in path.split("."):
            branch = branch.setdefault(part, {})
    return tree


def _kept(value: Json, tree: dict[str, Any]) -> Json:
    if not tree:
        return value
    if isinstance(value, list):
        return [kept for kept in (_kept(entry, tree) for entry in value) if kept is not None] or None
    if not isinstance(value, dict):
        return None
    found = {}
    for name, branch in tree.items():
        if value.get(name) is not None and (kept := _kept(value[name], branch)) is not None:
            found[name] = kept
    return found or None


def _kept_paths(constants: Sequence[Any]) -> Coverage:
    paths = constants[0] if constants and isinstance(constants[0], list) else ()
    return Coverage(frozenset(str(path) for path in paths))


@function(gives="any", element="element", paths="literal", reads={"element": _kept_paths})
def keep(element: Json, paths: list[str]) -> Json:
    """The element with the listed paths and what is below them; everything else stays behind."""
    return None if element is None else _kept(element, _allowed(tuple(paths)))


@function(element="element", type="literal", reads={"element": Coverage(frozenset({"reference"}))})
def reference_id(element: Json, type: str) -> str | None:  # noqa: A002 - FHIR's word
    """The id in a literal reference to the type (`Patient/p1`, or with a base URL); nothing for any other."""
    reference = element.get("reference") if isinstance(element, dict) else None
    if not isinstance(reference, str):
        return None
    found = re.fullmatch(rf"(?:.*/)?{re.escape(type)}/([A-Za-z0-9\-.]{{1,64}})(?:/_history/.*)?", reference)
    return found[1] if found else None


@function(gives="any", link="element", reads={"link": Coverage(frozenset({"other.reference", "type"}))})
def linked_patients(link: Json) -> list[str] | None:
    """The ids in Patient.link: each type of it says that both are one person's, `replaced-by` as much as `seealso`."""
    entries = [entry for entry in link if isinstance(entry, dict)] if isinstance(link, list) else []
    found = [reference_id(entry.get("other"), "Patient") for entry in entries]
    return [ident for ident in found if ident is not None] or None


_LABEL_PATHS = Coverage(frozenset({"security.system", "security.code"}))


@function(gives="any", meta="element", reads={"meta": _LABEL_PATHS})
def security_labels(meta: Json) -> list[dict[str, str]] | None:
    """The security labels a FHIR resource came with, as Codings."""
    labels = meta.get("security") if isinstance(meta, dict) else None
    if not isinstance(labels, list):
        return None
    return [
        {"system": str(label.get("system", "")), "code": str(label["code"])}
        for label in labels
        if isinstance(label, dict) and label.get("code")
    ] or None


@function(meta="element", prefix="literal", reads={"meta": Coverage(frozenset({"source"}))})
def unit_of_source(meta: Json, prefix: str) -> str:
    """The programme named in `meta.source` after the prefix; a record that names none goes to quarantine."""
    source = meta.get("source") if isinstance(meta, dict) else None
    if not isinstance(source, str) or not source.startswith(prefix) or source == prefix:
        expected = f"`meta.source` to begin with `{prefix}` and name the programme that wrote the record"
        raise RecordError("missing-unit", "meta.source", expected)
    return source.removeprefix(prefix)


_IDENTIFIER_PATHS = (
    "use",
    "type.coding.system",
    "type.coding.code",
    "type.text",
    "system",
    "value",
    "period",
)


@function(gives="any", identifier="element", reads={"identifier": Coverage(frozenset(_IDENTIFIER_PATHS))})
def identifiers(remarks: Remarks, identifier: Json) -> list[dict[str, Any]] | None:
    """FHIR identifiers that name their system; a social security number that was never issued is dropped."""
    found = []
    for entry in identifier if isinstance(identifier, list) else []:
        kept = _kept(entry, _allowed(_IDENTIFIER_PATHS))
        if not kept or not kept.get("system") or not kept.get("value"):
            remarks.unmapped(0, "identifier-without-system")
        elif kept["system"] != SSN_SYSTEM:
            found.append(kept)
        elif number := ssn(remarks, str(kept["value"])):
            found.append(kept | {"system": number["system"], "value": number["value"]})
    return found or None


_DEMOGRAPHIC = frozenset(
    f"http://hl7.org/fhir/us/core/StructureDefinition/us-core-{name}" for name in ("race", "ethnicity")
)
_EXTENSION_TREE = _allowed(
    (
        "url",
        "extension.url",
        "extension.valueString",
        *(f"extension.valueCoding.{part}" for part in ("system", "code", "display")),
    )
)


@function(
    gives="any",
    extension="element",
    reads={"extension": Coverage(pattern=re.compile(r"url|extension\.(url|valueString|valueCoding\.\w+)"))},
)
def us_core_demographics(remarks: Remarks, extension: Json) -> list[dict[str, Any]] | None:
    """The US Core race and ethnicity extensions of a patient; every other extension stays behind."""
    entries = extension if isinstance(extension, list) else []
    found = [e for e in entries if isinstance(e, dict) and e.get("url") in _DEMOGRAPHIC]
    if len(found) < len(entries):
        remarks.unmapped(0, "unknown-extension")
    return [_kept(entry, _EXTENSION_TREE) for entry in found] or None


_CODING = r"valueCoding\.(system|code|display)"
_PRIMITIVE = r"value(Boolean|Decimal|Integer|Date|DateTime|Time|String)"
_QUANTITY = r"valueQuantity\.(value|comparator|unit|system|code)"
_ITEM_PATHS = re.compile(rf"(?:(?:answer\.)?item\.)*(?:linkId|text|answer\.(?:{_CODING}|{_PRIMITIVE}|{_QUANTITY}))")
_CODING_TREE = _allowed(("system", "code", "display"))
_QUANTITY_TREE = _allowed(("value", "comparator", "unit", "system", "code"))
_VALUE_TREE: dict[str, Any] = {
    "valueCoding": _CODING_TREE,
    "valueQuantity": _QUANTITY_TREE,
    **{f"value{kind}": {} for kind in ("Boolean", "Decimal", "Integer", "Date", "DateTime", "Time", "String")},
}
_DEEPEST = 12


def _answer(answer: Json, depth: int) -> Json:
    found = _kept(answer, _VALUE_TREE) or {}
    if isinstance(answer, dict) and (items := _items(answer.get("item"), depth + 1)):
        found["item"] = items
    return found or None


def _items(items: Json, depth: int) -> list[dict[str, Any]]:
    if not isinstance(items, list) or depth > _DEEPEST:
        return []
    found = []
    for item in items:
        if not isinstance(item, dict) or not item.get("linkId"):
            continue
        kept = {name: item[name] for name in ("linkId", "text") if item.get(name)}
        answers = item.get("answer")
        answers = [a for a in (_answer(answer, depth) for answer in answers) if a] if isinstance(answers, list) else []
        if answers:
            kept["answer"] = answers
        if below := _items(item.get("item"), depth + 1):
            kept["item"] = below
        found.append(kept)
    return found


@function(gives="any", item="element", reads={"item": Coverage(pattern=_ITEM_PATHS)})
def questionnaire_items(item: Json) -> list[dict[str, Any]] | None:
    """The items of a QuestionnaireResponse: link ids, texts and answers at every depth, and nothing else."""
    return _items(item, 0) or None
