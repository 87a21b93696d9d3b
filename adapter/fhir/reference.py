"""Literal references: which resource they name.

https://hl7.org/fhir/R4/references.html#literal
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from adapter.fhir.primitives import PATTERNS

_LITERAL: Final = re.compile(
    rf"(?P<base>https?://[^\s?#]+/)?(?P<type>[A-Z][A-Za-z]{{1,63}})/(?P<id>{PATTERNS['id']})"
    rf"(?:/_history/{PATTERNS['id']})?"
)


class Reference(NamedTuple):
    """A literal reference. ``base`` is the address of its server with a final slash, or empty for our own."""

    base: str
    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.base}{self.type}/{self.id}"


def parse_reference(text: str) -> Reference | None:
    """The resource a literal reference names, whatever its version; None for fragments, URNs and the like."""
    match = _LITERAL.fullmatch(text)
    if match is None:
        return None
    return Reference(match["base"] or "", match["type"], match["id"])
