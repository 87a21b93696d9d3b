"""The references in a resource, wherever they stand, and where each of them is.

https://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Json = Any


def holders(resource: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Every Reference with a literal reference in a resource, contained resources included; they may be changed."""
    found: list[dict[str, Json]] = []
    waiting: list[Json] = [resource]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if type(value.get("reference")) is str:
                found.append(value)
            waiting += [inner for inner in value.values() if isinstance(inner, dict | list)]
        else:
            waiting += [inner for inner in value if isinstance(inner, dict | list)]
    found.reverse()
    return found


def place_of(resource: Mapping[str, Json], part: object, start: str) -> str:
    """The FHIRPath of a part of a resource, found by identity; ``start`` where it is none of it."""
    return next((path for path, value in _walk(resource, start) if value is part), start)


def _walk(value: Json, path: str) -> Iterator[tuple[str, Json]]:
    yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, dict | list):
                yield from _walk(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, f"{path}[{index}]")
