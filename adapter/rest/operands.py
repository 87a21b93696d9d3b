"""Parameters that several operations share: `_since` and `_type`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adapter.errors import NotSupported, RequestError
from adapter.fhir.dates import interval

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import tzinfo

_INSTANT: Final = re.compile(r".*T.*(Z|[+-][0-9]{2}:[0-9]{2})")


def since(value: str, zone: tzinfo) -> int:
    """An instant as epoch microseconds; ``RequestError`` naming `_since` for anything else."""
    # An unescaped plus sign in a URL reads as a space.
    text = value.replace(" ", "+")
    try:
        low, _ = interval(text if _INSTANT.fullmatch(text) else "", zone)
    except ValueError:
        raise RequestError(
            "`_since`: expected an instant like 2026-03-02T08:30:00-07:00", expression="_since"
        ) from None
    return low


def types(value: str, offered: Collection[str]) -> tuple[str, ...]:
    """The resource types of a list, each once; ``NotSupported`` naming `_type` for one that is not offered."""
    found = tuple(dict.fromkeys(value.split(",")))
    if not set(found) <= set(offered):
        raise NotSupported(f"`_type`: expected some of {', '.join(offered)}", expression="_type")
    return found
