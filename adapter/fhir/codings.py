"""Every coding of a resource, wherever it stands: what labels are found by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def codings_of(resource: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The (system, code) pairs of a resource outside its ``meta``, each once."""
    found: dict[tuple[str, str], None] = {}
    for key, content in resource.items():
        if key == "meta" or type(content) is str:
            continue
        waiting = [content]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                code = value.get("code")
                if isinstance(code, str) and isinstance(system := value.get("system"), str):
                    found[system, code] = None
                # What is neither an object nor an array falls through below: cheaper than to ask of each.
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value
    return list(found)
