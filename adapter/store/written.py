"""The port to what clients wrote over FHIR REST: each resource as its writer sees it, and what it is found by.

Others are given what stands among all resources. Both have versions of their own, so that what only the writer sees
changes nothing for anyone else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


class Written(NamedTuple):
    """One resource as it was written, current version. ``body`` is the whole of it, as its writer is served.

    ``source`` is the source system whose client wrote it, ``unit`` what the client calls the unit that made it;
    ``patient`` is the internal key of the Patient it is about.
    """

    rid: int
    type: str
    id: str
    source: str
    patient: int
    unit: str
    revision: int
    version: str
    updated: int
    body: bytes


class WrittenBefore(NamedTuple):
    """A version that another has taken the place of."""

    version: str
    updated: int
    body: bytes


class WrittenVersion(NamedTuple):
    """A version to put: the resource with what finds it again, for its writer alone.

    ``identifiers`` are business identifiers as (system, value), ``refers`` the keys of everything it names.
    """

    written: Written
    identifiers: Sequence[tuple[str, str]]
    refers: Collection[int]


class WrittenReads(Protocol):
    """What a view and a change tell of what was written. What is sealed is as if it were not there."""

    async def written(self, rids: Iterable[int]) -> dict[int, Written]:
        """Those of these resources that a client wrote, by internal key."""
        ...

    async def written_before(self, rid: int) -> list[WrittenBefore]:
        """The earlier versions of what was written, newest first."""
        ...

    async def written_of(self, source: str, patient: int) -> list[int]:
        """Everything a source wrote about a patient, the Patient included."""
        ...

    async def written_as(self, source: str, kind: str, system: str | None, value: str) -> list[int]:
        """What a source wrote under a business identifier; without ``system`` whatever the system is."""
        ...

    async def referring(self, rids: Iterable[int]) -> Mapping[int, Mapping[int, str]]:
        """By resource: what that was written refers to it, each with its type."""
        ...

    async def derived(self, rids: Iterable[int]) -> Mapping[int, frozenset[int]]:
        """What was derived from these resources, each with everything it was derived from."""
        ...

    async def written_mark(self, source: str) -> int:
        """A number that every change of what a source wrote raises."""
        ...


class WrittenRecords(WrittenReads, Protocol):
    """The part of a transaction that keeps what was written."""

    async def put_written(self, source: str, versions: Sequence[WrittenVersion]) -> None:
        """Keep versions as their writer sees them, in place of those before, and raise the mark of the source."""
        ...

    async def rederive(self, gone: Iterable[tuple[int, int]], new: Iterable[tuple[int, int]]) -> None:
        """Forget, and remember, that a resource was derived from another: (derived, other)."""
        ...

    async def take_back(self, segments: Mapping[int, int], *, at: int) -> set[int]:
        """Take resources out of every answer, each under a segment that nobody is allowed; their versions stay.

        What traces them goes with them; of a Patient also all by which it is recognised. Gives the Patients that were
        linked to those taken back.
        """
        ...
