"""The gate: the only code that hands a resource to anyone.

Every way out asks here, as a ``Caller`` whose context was settled by its token, and gets only what consent, law and
agreement permit. The ledger entry of a pass is committed before the bytes are returned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from adapter.fhir.search import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, for what purpose.

    ``context`` is the interned recipient context of the organisation and the purpose; ``rights`` are the further
    rights of its agreement (``population-search``); ``request_id`` is what the partner quotes on the phone.
    """

    client: str
    organisation: str
    context: int
    purpose: str
    rights: frozenset[str]
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One disclosed resource: the bytes as they leave, its version id and instant of last change."""

    type: str
    id: str
    version: str
    last_updated: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a search: the exact total over what is permitted, and where the next page starts."""

    total: int
    served: tuple[Served, ...]
    next: bytes | None = None
    notice: bytes | None = None


class Disclosure(Protocol):
    """What the ways out may ask of the gate."""

    async def read(self, caller: Caller, kind: str, ident: str) -> Served:
        """The current version of one resource; ``NotFound`` when absent, deleted or withheld alike."""
        ...

    async def search(self, caller: Caller, query: Query, after: bytes | None = None) -> Page:
        """One page of what ``query`` finds among the permitted; ``NotAllowed`` without the right to ask."""
        ...
