"""Every coding of a resource, wherever it stands: what labels are found by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def codings_of(resource: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The (system, code) pairs of a resource outside its ``meta``, each once, in order of appearance."""
    return list(dict.fromkeys(pair for key, value in resource.items() if key != "meta" for pair in _within(value)))


def _within(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("code"), str) and isinstance(value.get("system"), str):
            yield value["system"], value["code"]
        for inner in value.values():
            yield from _within(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _within(inner)
