"""Where a path of element names leads in a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def values(content: Any, below: Iterable[str]) -> list[Any]:
    """What an element holds, or what stands at the names below it; arrays are entered, nulls passed over."""
    found = content if type(content) is list else [content]
    for name in below:
        inner: list[Any] = []
        for value in found:
            part = value.get(name) if isinstance(value, dict) else None
            if type(part) is list:
                inner += part
            elif part is not None:
                inner.append(part)
        found = inner
    return found if None not in found else [value for value in found if value is not None]
