"""The port to records that are set apart, sealed or destroyed: part of the change of what is in force."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


SEALED: Final = 0
DESTROYED: Final = 1
CAME_BACK: Final = 2
"""States of a record that is set apart; the last is of a Patient that was destroyed and has new records since."""


def address_of(*names: str) -> int:
    """The address in the keys of backups of what has no key in the store."""
    hashing = blake2b(ascii(names).encode(), digest_size=8, person=b"address")
    return int.from_bytes(hashing.digest(), "big") >> 1


def line_address(receipt: str, line: int) -> int:
    """The address of a raw line of which no record is known."""
    return address_of("line", receipt, str(line))


class SealingRow(NamedTuple):
    """Who sealed what, or asked that it be destroyed, why and when; and who ended the seal or destroyed it.

    ``what`` is the public name of one record, or of a Patient with everything a source holds of the person. ``kind`` is
    `seal` or `expunge`. Instants are epoch microseconds; ``ended`` is None while it is sealed.
    """

    id: str
    what: str
    kind: str
    authority: str
    words: str
    author: str
    at: int
    second: str = ""
    ended: int | None = None


class SealedRecord(NamedTuple):
    """One record under a sealing; ``screening`` is JSON of its place among screenings of its day."""

    rid: int
    type: str
    id: str
    patient: int
    segment: int
    screening: bytes | None
    state: int


class Tombstone(NamedTuple):
    """What is left of a destroyed record besides its key: its names, the sealing it was destroyed under, how often."""

    type: int
    id: str
    patient: int
    sealing: str
    times: int


class LostKeys(NamedTuple):
    """Keys that are to be destroyed: of records, of raw lines; and the sealings that tell why."""

    records: dict[int, Tombstone]
    lines: list[int]
    acts: list[SealingRow]


class KeyCopy(NamedTuple):
    """A copy of the keys of backups: where, of which generation, and when it was made (epoch microseconds)."""

    place: str
    generation: int
    at: int


class SealingRecords(Protocol):
    """The part of a transaction that is about records set apart."""

    @property
    def refused(self) -> set[int]:
        """The keys of writes of this change that were not taken because they were destroyed."""
        ...

    async def sealing(self, ident: str) -> SealingRow | None:
        """One sealing."""
        ...

    async def sealings(self) -> list[SealingRow]:
        """Every sealing, oldest first."""
        ...

    async def add_sealing(self, row: SealingRow) -> None:
        """Keep a new sealing."""
        ...

    async def end_sealing(self, ident: str, *, second: str, at: int) -> None:
        """Keep who opened it, or destroyed what was under it."""
        ...

    async def belonging(self, rid: int) -> set[int]:
        """The keys of a record and whatever was derived with it; of a Patient and all its records. None if not held."""
        ...

    async def set_apart(self, sealing: str, segments: dict[int, int]) -> int:
        """Take records out of every index, and into a segment each; those that are apart already stay. How many."""
        ...

    async def members(self, sealing: str) -> list[SealedRecord]:
        """The records under a sealing."""
        ...

    async def let_back(self, rid: int) -> None:
        """Forget that a record is sealed; it is in no index before it is put again."""
        ...

    async def destroy(self, rids: Collection[int]) -> set[int]:
        """Delete sealed records with every version, leaving their names; the Patients whose person changed by it.

        The lines they came from wait to be erased from the inbox.
        """
        ...

    async def came_of(self, rid: int, receipt: str, line: int) -> None:
        """Keep that a raw line tells of a resource although nothing of it is written: it is erased with it."""
        ...

    async def erasures(self) -> dict[str, set[int]]:
        """The lines that wait to be erased, by receipt."""
        ...

    async def erased(self, receipts: Iterable[str]) -> None:
        """The lines of these receipts are erased."""
        ...

    async def lost_keys(self) -> LostKeys:
        """The keys that wait to be destroyed."""
        ...

    async def keys_lost(self) -> None:
        """They are."""
        ...

    async def add_key_copy(self, place: str, generation: int, at: int) -> None:
        """Remember a copy of the keys of backups."""
        ...

    async def key_copies(self) -> list[KeyCopy]:
        """Every copy that is known of."""
        ...
