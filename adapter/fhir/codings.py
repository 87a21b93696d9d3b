"""Every coding of a resource, wherever it stands: what labels are found by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def codings_of(resource: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The (system, code) pairs of a resource outside its ``meta``, each once."""
    return list(dict.fromkeys(pair for key, value in resource.items() if key != "meta" for pair in _within(value)))


def _within(value: Any) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("code"), str) and isinstance(value.get("system"), str):
                found.append((value["system"], value["code"]))
            waiting += [inner for inner in value.values() if isinstance(inner, dict | list)]
        elif isinstance(value, list):
            waiting += value
    return found
