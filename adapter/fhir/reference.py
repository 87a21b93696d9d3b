"""Literal references: which resource they name.

https://hl7.org/fhir/R4/references.html#literal
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from adapter.fhir.primitives import PATTERNS

_LITERAL: Final = re.compile(
    rf"(?P<base>https?://[^\s?#]+/)?(?P<type>[A-Z][A-Za-z]{{1,63}})/(?P<id>{PATTERNS['id']})"
    rf"(?:/_history/{PATTERNS['id']})?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
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
    return Reference(base=match["base"] or "", type=match["type"], id=match["id"])
