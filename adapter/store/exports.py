"""Exports and groups: what the store keeps of them, and how it finds what leaves.

Instants are epoch microseconds in UTC; keys of patients are internal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from adapter.store.shapes import Found, Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """An export as asked for. ``asked`` and ``files`` are JSON; ``files`` is None until it is planned."""

    id: str
    client: str
    context: int
    request: str
    asked: bytes
    at: int
    expires: int
    files: bytes | None = None


class Span(NamedTuple):
    """Patients by their keys, in ``[low, high)``; ``since`` asks for what changed or became permitted from then on."""

    low: int
    high: int
    since: int | None = None


class Destroyed(NamedTuple):
    """A record that was destroyed or taken back, by its keyed names."""

    type: str
    id: str
    rid: int
    patient: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRow:
    """A group of people as its organisation keeps it. ``members`` are ids of Patients with when each came in.

    ``people`` are those whom it names by what it knows of them, sealed, with when each came in.
    """

    id: str
    organisation: str
    name: str
    version: str
    updated: int
    members: Sequence[tuple[str, int]]
    people: Sequence[tuple[bytes, int]] = ()


class ExportRecords(Protocol):
    """The part of a transaction that writes exports and groups."""

    async def add_export(self, row: ExportRow) -> None:
        """Keep an export that was asked for, and forget those that expired by its instant."""
        ...

    async def plan_export(self, ident: str, files: bytes) -> None:
        """Keep which files an export has."""
        ...

    async def drop_export(self, ident: str) -> None:
        """Forget an export."""
        ...

    async def open_exports(self, client: str, *, at: int) -> int:
        """How many exports of a client have not expired."""
        ...

    async def put_panel(self, row: PanelRow) -> None:
        """Keep a group in place of the one of its id, if there is one; who stays in it keeps when it came in."""
        ...

    async def drop_panel(self, ident: str) -> None:
        """Forget a group."""
        ...

    async def spread_panel(self, ident: str, version: str) -> None:
        """Those who came into a group up to this version were marked; nothing if it has changed since."""
        ...


class ExportReads(Protocol):
    """The part of a snapshot that finds what an export holds."""

    async def export(self, ident: str) -> ExportRow | None:
        """An export, expired or not."""
        ...

    async def panel(self, ident: str) -> PanelRow | None:
        """A group, whoever asks."""
        ...

    async def panels(self) -> list[str]:
        """The ids of all groups."""
        ...

    async def panel_version(self, ident: str) -> tuple[str, str] | None:
        """Whose a group is, and its version."""
        ...

    async def changed_panels(self) -> list[tuple[str, int]]:
        """Groups that changed and whose newcomers are to be marked, with the instant up to which they were."""
        ...

    async def sharing(self, blocks: Collection[int]) -> list[int]:
        """The patients of whom a record shares one of these blocks. Internal: nobody is told."""
        ...

    async def exported(
        self, context: int, kind: str, spans: Sequence[Span], after: tuple[int, int, int] | None, *, at: int, limit: int
    ) -> Found:
        """Up to ``limit`` permitted resources of a type, patient by patient, behind the place ``after``.

        ``last`` is the place of the last one; ``total`` is not counted. Spans are in order and do not overlap.
        """
        ...

    async def destroyed(self, context: int, *, since: int, at: int) -> tuple[list[Destroyed], list[Gap]]:
        """What was destroyed or taken back at ``since`` or later and would be permitted now; and missing decisions."""
        ...

    async def weighed(
        self, context: int, kind: str, spans: Sequence[Span], *, at: int
    ) -> tuple[list[tuple[int, int]], list[Gap]]:
        """The patients of permitted resources in order, each with how many there are; and missing decisions."""
        ...
