"""Mappings that extend one that ships: a sender's own file says only what is different about it.

A base mapping is a whole mapping file with `constants` that stand where they are named (`{constant: NAME}`). A file
that `extends` it is laid over it: keys merge, `null` removes, anything else takes the place of what was there;
`resources` are told apart by their names. What comes out is an ordinary mapping file and is checked as one; a problem
is reported in the file that brought it. Merging follows JSON Merge Patch, https://www.rfc-editor.org/rfc/rfc7386
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field

from adapter.errors import ConfigurationError, Problem
from adapter.mapping.spec import (
    Clearing,
    ColumnType,
    Condition,
    MappingFile,
    Node,
    Tracing,
    _Strict,
    read_as,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER: Final = "mappings/base"
"""Where base mappings ship, for messages."""
_STEP = re.compile(r"\[(\d+)\]|([^.\[]+)")


class ResourceChange(_Strict):
    """A resource of the base that is changed, or one more."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$", description="Name of the draft within the kind.")
    drop: Literal[True] | None = Field(default=None, description="The base's resource of this name is not made.")
    type: str | None = None
    key: list[Node] | None = None
    when: Condition | None = None
    profile: str | None = None
    same_as: str | None = None
    fields: dict[str, Node | None] | None = Field(default=None, description="Elements; null removes the base's.")
    person: list[Node] | None = None
    labels: Node | None = None
    replaces: str | None = None
    clears: list[Clearing] | None = None


class KindChange(_Strict):
    """A section of the base that is changed, or one more."""

    columns: dict[str, ColumnType | None] | None = None
    unused: dict[str, str | None] | None = None
    unit: Node | None = None
    labels: Node | None = None
    test: Condition | None = None
    person: list[Node] | None = None
    event: Node | None = None
    provenance: Tracing | None = None
    resources: list[ResourceChange] | None = None


class ExtendingFile(_Strict):
    """A mapping file that extends a base mapping."""

    mapping: Literal[1] = Field(description="Version of the mapping language.")
    source: str = Field(description="Name of the connector whose records are mapped.")
    extends: str = Field(description="Name of the base mapping in mappings/base/.")
    sender: dict[str, str] | None = None
    constants: dict[str, Any] = Field(default={}, description="Constants of the base, with this sender's values.")
    kinds: dict[str, KindChange | None] = Field(default={})


def mapping_schema() -> dict[str, Any]:
    """The JSON Schema of a mapping file, for editors; kept in mappings/schema.json."""
    whole, extending = (
        model.model_json_schema(ref_template="#/$defs/{model}") for model in (MappingFile, ExtendingFile)
    )
    shared = {**extending.pop("$defs"), **whole.pop("$defs")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sallyport mapping file",
        "if": {"required": ["extends"]},
        "then": {"$ref": "#/$defs/ExtendingFile"},
        "else": {"$ref": "#/$defs/MappingFile"},
        "$defs": {**shared, "ExtendingFile": extending, "MappingFile": whole},
    }


def whole(document: object, *, file: str, bases: Mapping[str, Any]) -> tuple[object, _Sources]:
    """``document`` as a whole mapping file, with constants in place, and which file each part of it comes from.

    ``bases`` are the documents of base mappings by name. Raises ConfigurationError where the document extends what is
    not there, or is not of the shape of a file that extends.
    """
    if not isinstance(document, dict):
        return document, _Sources([(file, document)])
    levels = list(_levels(document, file, bases))
    merged: Any = {}
    for _, own in reversed(levels):
        merged = _laid_over(merged, {key: value for key, value in own.items() if key != "extends"})
    constants = merged.pop("constants", {})
    problems: list[Problem] = []
    filled = _filled(merged, constants, "", problems)
    sources = _Sources(levels, filled)
    if problems:
        raise sources.told(ConfigurationError(problems))
    return filled, sources


def _levels(document: dict[str, Any], file: str, bases: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The document and what it extends, from the sender's own file down, each with its file."""
    seen: set[str] = set()
    while True:
        yield file, document
        name = document.get("extends")
        if name is None:
            return
        read_as(ExtendingFile, document, file=file)
        if name in seen or name not in bases:
            message = f"there is no base mapping `{name}`" if name not in bases else f"`{name}` extends itself"
            known = ", ".join(f"`{one}`" for one in sorted(bases.keys() - seen))
            raise ConfigurationError([Problem(where=file, path="extends", message=message, expected=f"one of {known}")])
        seen.add(name)
        _check_constants(document, name, file, bases)
        document, file = bases[name], f"{FOLDER}/{name}.yaml"


def _check_constants(document: dict[str, Any], base: str, file: str, bases: Mapping[str, Any]) -> None:
    """A constant that no base has is a slip: nothing would ever read it."""
    known: set[str] = set()
    below, passed = base, set[str]()
    while below in bases and below not in passed:
        passed.add(below)
        known |= bases[below].get("constants", {}).keys()
        below = bases[below].get("extends", "")
    expected = "one of " + ", ".join(f"`{name}`" for name in sorted(known))
    wrong = [name for name in document.get("constants", {}) if name not in known]
    if wrong:
        raise ConfigurationError(
            [
                Problem(where=file, path=f"constants.{name}", message=f"no constant `{name}`", expected=expected)
                for name in wrong
            ]
        )


def _laid_over(base: Any, own: Any, key: str = "") -> Any:
    if key == "resources" and isinstance(base, list) and isinstance(own, list):
        return _resources(base, own)
    if key == "constants" and isinstance(base, dict) and isinstance(own, dict):
        return base | own
    if not isinstance(base, dict) or not isinstance(own, dict) or _is_node(base) or _is_node(own):
        return own
    merged = dict(base)
    for name, value in own.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _laid_over(merged[name], value, name) if name in merged else _bare(value)
    return merged


def _bare(value: Any) -> Any:
    """``value`` without the keys that would remove something: there is nothing to remove."""
    if isinstance(value, dict) and not _is_node(value):
        return {name: _bare(one) for name, one in value.items() if one is not None}
    return value


def _is_node(value: dict[str, Any]) -> bool:
    """Whether an object is a node or a test: it stands or falls as a whole."""
    words = ("literal", "call", "map", "constant", "column")
    return any(word in value for word in words) or {"when", "then"} <= value.keys()


def _resources(base: list[Any], own: list[Any]) -> list[Any]:
    changes = {change["name"]: change for change in own}
    merged = []
    for resource in base:
        change = changes.pop(resource["name"], None)
        if change is None:
            merged.append(resource)
        elif not change.get("drop"):
            merged.append(_laid_over(resource, change))
    return [*merged, *(_bare(change) for change in changes.values() if not change.get("drop"))]


def _filled(value: Any, constants: Mapping[str, Any], path: str, problems: list[Problem]) -> Any:
    """``value`` with the constants it names as literals."""
    if isinstance(value, list):
        return [_filled(one, constants, f"{path}[{place}]", problems) for place, one in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"constant"}:
        name = value["constant"]
        if name not in constants:
            expected = "one of " + ", ".join(f"`{each}`" for each in sorted(constants))
            problems.append(Problem(where="", path=path, message=f"no constant `{name}`", expected=expected))
            return {"literal": ""}
        return {"literal": constants[name]}
    return {
        name: one if name == "literal" else _filled(one, constants, f"{path}.{name}" if path else str(name), problems)
        for name, one in value.items()
    }


class _Sources:
    """Which of several files laid over each other brought a part of the merged mapping."""

    def __init__(self, levels: list[tuple[str, Any]], merged: Any = None) -> None:
        self._levels = levels
        self._merged = merged

    def told(self, error: ConfigurationError) -> ConfigurationError:
        """The error with each problem in the file that brought it, under the key path it has there."""
        return ConfigurationError([self._told(problem) for problem in error.problems])

    def _told(self, problem: Problem) -> Problem:
        if len(self._levels) == 1:
            return replace(problem, where=self._levels[0][0])
        found = [(*self._followed(own, problem.path), file) for file, own in self._levels]
        # The file that has most of the path; of several, the one that is laid over the others.
        _, path, file = max(found, key=lambda one: one[0])
        return replace(problem, where=file, path=path)

    def _followed(self, own: Any, wanted: str) -> tuple[int, str]:
        """How many steps of a path a document has, and the path as it is in this document."""
        merged, path, depth = self._merged, "", 0
        lost = False
        for place, name in _STEP.findall(wanted):
            key: Any = name or int(place)
            merged = _at(merged, key)
            if not lost:
                here = key if name else _place_of(own, key, merged)
                below = _at(own, here)
                lost = below is None
                depth += not lost
                own = below
                key = key if lost else here
            path += f"[{key}]" if isinstance(key, int) else f".{key}" if path else str(key)
        return depth, path


def _at(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        return value.get(key)
    return value[key] if isinstance(value, list) and isinstance(key, int) and key < len(value) else None


def _place_of(own: Any, place: int, merged: Any) -> int | None:
    """Where the entry of a merged list stands in the sender's own file."""
    if not isinstance(own, list):
        return None
    if isinstance(merged, dict) and "name" in merged and "type" in merged:
        return next((at for at, one in enumerate(own) if one.get("name") == merged["name"]), None)
    return place if place < len(own) else None
