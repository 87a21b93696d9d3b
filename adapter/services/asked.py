"""One change that a client asks for, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapter.services.write import Facets
    from adapter.store.written import Written

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One interaction: ``create``, ``update``, ``patch`` or ``delete``.

    ``body`` is the parsed resource, which may be changed; ``patch`` a parsed JSON Patch. ``if_match`` is the version
    that is to be in place, ``criteria`` those of a conditional create or update. ``place`` is the FHIRPath of the
    resource in what was sent, ``full_url`` what other entries of a transaction call it.
    """

    interaction: str
    kind: str
    id: str = ""
    body: dict[str, Any] | None = None
    patch: Any = None
    if_match: str | None = None
    criteria: tuple[Pair, ...] | None = None
    place: str = ""
    full_url: str = ""


@dataclass(slots=True, kw_only=True)
class Target:
    """What a change is about, as far as it is understood.

    ``before`` is the version in place, ``existing`` tells that a conditional create found it: nothing is written then.
    ``patient`` is the id of the Patient, ``refers`` the keys of all that the resource names, ``unit`` what the client
    calls its unit, ``facets`` what decides who may see it.
    """

    asked: Asked
    id: str
    rid: int
    before: Written | None = None
    existing: bool = False
    body: dict[str, Any] | None = None
    patient: str = ""
    unit: str = ""
    refers: frozenset[int] = frozenset()
    facets: Facets | None = None

    @property
    def kind(self) -> str:
        """Its type."""
        return self.asked.kind

    @property
    def place(self) -> str:
        """Its FHIRPath in what was sent."""
        return self.asked.place or self.asked.kind

    @property
    def is_deleted(self) -> bool:
        """Whether it is to be gone."""
        return self.asked.interaction == "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of a change: ``created``, ``updated``, ``unchanged``, ``existing`` or ``deleted``.

    ``body`` are the bytes that the writer is served from now on; none of what is deleted.
    """

    what: str
    kind: str
    id: str
    version: str = ""
    updated: str = ""
    body: bytes = b""


def only(done: Sequence[Done]) -> Done:
    """What came of a single change."""
    (one,) = done
    return one
