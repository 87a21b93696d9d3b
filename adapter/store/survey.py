"""What explanations and rehearsals read of a store: undecided, of the site's own people only, never for an answer.

Instants are epoch microseconds in UTC; keys of resources and patients are internal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from adapter.store.sealing import SealingRow
    from adapter.store.shapes import Awaited, ClinicalRow, LegalFact, StoredResource


class PersonRecords(Protocol):
    """What is kept of a person and what is in force follows from; a transaction gives it too."""

    async def consents(self, patients: Iterable[int]) -> list[StoredResource]:
        """Every current Consent about these patients, whatever its status."""
        ...

    async def clinical(self, patients: Iterable[int], kind: str) -> list[ClinicalRow]:
        """What the wide index knows of these patients' records of one type, patient by patient in order of time."""
        ...

    async def elements(self, rids: Iterable[int], name: str) -> dict[int, Any]:
        """One top-level element of stored resources by their internal keys; None where a resource lacks it."""
        ...

    async def awaited(self, patients: Iterable[int]) -> list[Awaited]:
        """The awaited people who share a key with these records."""
        ...

    async def recorded(self, patients: Iterable[int]) -> list[LegalFact]:
        """What was recorded of these patients, ended or not."""
        ...

    async def leaning(self, patients: Iterable[int], *, at: int) -> dict[int, set[int]]:
        """For each of these patients the records that were linked to it by ``at`` and that nobody has confirmed."""
        ...

    async def merging(self, patients: Iterable[int], *, at: int) -> dict[int, set[int]]:
        """Those of ``leaning`` of which their source says that they are one person's."""
        ...

    async def persons(self, patients: Iterable[int]) -> list[frozenset[int]]:
        """The people these patients are: all Patients confirmed to be one, each person once."""
        ...


class Decided(NamedTuple):
    """How many records stand under one policy and segment: whatever decides them decides all of them."""

    policy: int
    segment: int
    records: int


class Placed(NamedTuple):
    """One record and what decides it: the policy in force for its patient, and its segment."""

    policy: int
    segment: int
    patient: int
    rid: int


class Join(NamedTuple):
    """Another Patient that was confirmed to be the same person during ``[since, until)``."""

    other: int
    since: int
    until: int


class Theirs(NamedTuple):
    """One record that is or was held of a patient, by key and public name, with the segment it stands or stood in."""

    rid: int
    name: str
    patient: int
    segment: int


class Survey(PersonRecords, Protocol):
    """One consistent view of the decision's inputs."""

    async def joins(self, patient: int) -> list[Join]:
        """Every link that a Patient has or had, oldest first."""
        ...

    async def theirs(self, patients: Iterable[int]) -> list[Theirs]:
        """Every record that is or was held of these patients, sealed and destroyed ones too, and the Patients."""
        ...

    async def rows(self, rids: Iterable[int]) -> list[StoredResource]:
        """Stored resources by their internal keys; what is not there is left out."""
        ...

    async def component(self, patient: int, *, at: int) -> frozenset[int]:
        """All Patients confirmed by ``at`` to be the same person, itself included."""
        ...

    async def consents_known(self, patients: Iterable[int], *, at: int) -> list[StoredResource]:
        """Every Consent about these patients in the version that was held at ``at``."""
        ...

    async def sealed(self, rid: int) -> SealingRow | None:
        """The sealing that a record is under, or was destroyed under."""
        ...

    async def owner(self, rid: int) -> int | None:
        """The Patient that a resource is or was about, sealed and destroyed ones too; None for what never was."""
        ...

    async def held(self, rids: Collection[int], *, at: int) -> set[int]:
        """Which of these resources were held at ``at``, in whatever version."""
        ...

    async def version(self, kind: str, ident: str, version: str) -> StoredResource | None:
        """One version of a resource, the current one or an earlier one."""
        ...

    async def records(self, patients: Iterable[int], kind: str | None = None) -> list[StoredResource]:
        """Every record about these patients, of one type or of all; the Patients themselves as well."""
        ...

    async def freshness(self) -> Mapping[int, tuple[str, int]]:
        """For the number of each custody feed its name and until when its data may be relied on."""
        ...

    async def live(self, *, at: int) -> int:
        """The grounds that count at an instant: all but custody as told by a feed whose data is too old."""
        ...

    async def decided(self, *, at: int, patients: Collection[int] | None = None) -> list[Decided]:
        """Every combination of policy and segment in force at an instant, of these patients or of everyone.

        Patients are counted under their own segments.
        """
        ...

    async def placed(
        self, policies: Collection[int], *, at: int, patients: Collection[int] | None = None
    ) -> list[Placed]:
        """Every record that stands under one of these policies at an instant, Patients left out."""
        ...

    async def people(
        self, policies: Collection[int], *, at: int, patients: Collection[int] | None = None
    ) -> list[Placed]:
        """The Patients that stand under one of these policies at an instant."""
        ...

    async def ruled(self, context: int) -> Mapping[tuple[int, int], int]:
        """The effects filled for a context, by policy and segment."""
        ...

    async def names(self, rids: Collection[int]) -> Mapping[int, str]:
        """The public names (``Type/id``) of resources."""
        ...
