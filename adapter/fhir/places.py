"""Where something stands in a resource, written as FHIRPath only when somebody asks."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """The place above, the element and its number in a list."""

    above: Place | None
    name: str
    number: int | None = None

    def __str__(self) -> str:
        here = self.name if self.number is None else f"{self.name}[{self.number}]"
        return here if self.above is None else f"{self.above}.{here}"
