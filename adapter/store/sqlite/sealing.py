"""Records set apart: sealed ones, which stay and are in no answer, and destroyed ones, of which their names stay."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

import apsw
import orjson

from adapter.store.queries import load
from adapter.store.sealing import (
    CAME_BACK,
    DESTROYED,
    SEALED,
    KeyCopy,
    LostKeys,
    SealedRecord,
    SealingRow,
    Tombstone,
    line_address,
)
from adapter.store.shapes import TYPE_NAMES
from adapter.store.sqlite.connection import row_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from adapter.store.shapes import ResourceWrite
    from adapter.store.sqlite.resources import ResourceWriter

SQL = load("sealing")
ERASED: Final[dict[str, tuple[str, ...]]] = {
    "resource": ("rid",),
    "resource_history": ("rid",),
    "exception": ("rid",),
    "version_exception": ("rid",),
    "screening": ("rid",),
    "relation": ("rid", "other"),
    "origin": ("rid",),
    "indexed": ("rid",),
    "told": ("rid",),
    "roster_booking": ("rid",),
    "held_release": ("rid",),
    "written": ("rid",),
    "written_history": ("rid",),
    "written_identifier": ("rid",),
    "written_reference": ("rid", "other"),
    "taken_back": ("rid",),
}
"""What is deleted of a destroyed record, by the columns that name it, after its index rows."""
ERASED_OF_PATIENT: Final[dict[str, tuple[str, ...]]] = {
    "patient_policy": ("patient",),
    "patient_policy_past": ("patient",),
    "patient_policy_source": ("patient",),
    "boundary": ("patient",),
    "identity": ("patient",),
    "identity_key": ("patient",),
    "identity_trait": ("patient",),
    "identity_block": ("patient",),
    "identity_pair": ("patient", "other"),
    "patient_link": ("patient", "other"),
    "panel_member": ("patient",),
}
"""What is deleted besides where a source's whole record of a person is destroyed."""
KEPT: Final = {
    "clinical": "index rows, which go with the version they belong to",
    "token": "index rows",
    "string": "index rows",
    "date": "index rows",
    "reference": "index rows",
    "quantity": "index rows",
    "legal_fact": "what people recorded is append only, and its law asks for six years: 45 CFR 164.530(j)",
    "identity_decision": "what people decided is append only; it names records by keys",
    "label_decision": "what people decided is append only; it names records by keys",
    "former_link": "keys and instants only, for accountings",
    "set_apart": "what is left of them",
    "stirred": "a key, gone once somebody looked what is to be taken back",
    "subscription_known": "names and keys of what a partner was told, so that it is taken back",
    "subscription_event": "keys and names only; gone 30 days after the partner took it",
}
"""Where a record or a person is named as well, and why nothing is deleted there."""


class ApartRows:
    """Which of the records that are about to be written are set apart. Looked up where there are any at all."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self._any: bool | None = None
        self.known: dict[int, int] = {}

    def expect(self, rids: Collection[int]) -> None:
        """Look up together what is about to be written."""
        if self._any is None:
            self._any = self._db.execute(SQL["any"]).fetchone() is not None
        if self._any and rids:
            self.known.update(self._db.execute(SQL["apart"], (apsw.carray(array("q", rids)),)))

    def sealed(self, rid: int) -> bool:
        """Whether a record is sealed, so that what comes of it joins it there."""
        return self.known.get(rid) == SEALED

    def changed(self, write: ResourceWrite) -> None:
        """Keep where the new version of a sealed record would stand."""
        place = write.screening
        told = None if place is None else orjson.dumps([place.instrument, place.day, place.instant, place.risk])
        self._db.execute(SQL["now_true"], (write.rid, write.segment, told))

    def refused(self, writes: Sequence[ResourceWrite], origin: tuple[str, int] | None) -> set[int]:
        """Which of the writes of one source record bring back what was destroyed.

        Its raw line is to be erased as well, unless it also brings a record that was never destroyed: then a Patient
        that was destroyed comes back with it, because somebody else's order was about what was there before.
        """
        gone = {write.rid for write in writes if self.known.get(write.rid) == DESTROYED}
        if not gone:
            return gone
        if any(write.rid not in gone and write.type not in _CARRIED and not write.seed for write in writes):
            back = {write.rid for write in writes if write.rid in gone and write.type == "Patient"}
            for rid in back:
                self._db.execute(SQL["set_state"], (rid, CAME_BACK))
                self.known[rid] = CAME_BACK
            return gone - back
        if origin is not None:
            self._db.execute(SQL["erase_line"], origin)
        return {write.rid for write in writes}


_CARRIED: Final = frozenset({"Patient", "Provenance"})
"""Types that tell of other records and are no new one by themselves."""


class SqliteSealing:
    """The part of a transaction that sets records apart; see `adapter.store.sealing`."""

    _db: apsw.Connection
    _resources: ResourceWriter
    refused: set[int]

    async def sealing(self, ident: str) -> SealingRow | None:
        row = self._db.execute(SQL["sealing"], (ident,)).fetchone()
        return None if row is None else SealingRow._make(row)

    async def sealings(self) -> list[SealingRow]:
        return [SealingRow._make(row) for row in self._db.execute(SQL["sealings"])]

    async def add_sealing(self, row: SealingRow) -> None:
        self._db.execute(SQL["put_sealing"], row[:7])

    async def end_sealing(self, ident: str, *, second: str, at: int) -> None:
        self._db.execute(SQL["end_sealing"], (second, at, ident))

    async def belonging(self, rid: int) -> set[int]:
        self._resources.flush()
        row = self._db.execute(SQL["kind_of"], (rid,)).fetchone()
        if row is None:
            return set()
        if TYPE_NAMES[row[0]] == "Patient":
            return {found for (found,) in self._db.execute(SQL["of_patient"], (rid,))}
        found, waiting = {rid}, [rid]
        while waiting:
            one = waiting.pop()
            kind = TYPE_NAMES[row_of(self._db.execute(SQL["kind_of"], (one,)))[0]]
            others = {other for (other,) in self._db.execute(SQL["related"], (one, kind))} - found
            waiting += others
            found |= others
        return found

    async def set_apart(self, sealing: str, segments: dict[int, int]) -> int:
        self._resources.flush()
        count = 0
        for rid, segment in sorted(segments.items()):
            if self._db.execute(SQL["put_apart"], (rid, sealing)).fetchone() is not None:
                count += 1
                self._resources.drop_index(rid)
                self._db.execute(SQL["move"], (rid, segment))
                self._db.execute(SQL["move_history"], (rid, segment))
        return count

    async def members(self, sealing: str) -> list[SealedRecord]:
        return [
            SealedRecord(rid, TYPE_NAMES[kind], ident, patient, segment, screening, state)
            for rid, kind, ident, patient, segment, screening, state in self._db.execute(SQL["members"], (sealing,))
        ]

    async def let_back(self, rid: int) -> None:
        # Earlier versions stay under the seal: what is known is the segment of the last, and theirs may have been
        # a stricter one.
        self._db.execute(SQL["drop_apart"], (rid,))
        self._db.execute(SQL["back_again"], (rid,))
        self._resources.forget(rid)

    async def destroy(self, rids: Collection[int]) -> set[int]:
        self._resources.flush()
        touched = {other for rid in rids for (other,) in self._db.execute(SQL["linked"], (rid,))} - set(rids)
        self._db.execute(SQL["to_erase"], (apsw.carray(array("q", sorted(rids))),))
        self._db.execute(SQL["drop_quarantined"])
        lose_lines(self._db)
        patients = {
            rid
            for rid in rids
            for kind, _, _ in self._db.execute(SQL["kind_of"], (rid,))
            if TYPE_NAMES[kind] == "Patient"
        }
        for rid in sorted(rids):
            self._resources.drop_index(rid)
            self._erase(ERASED, rid)
            self._db.execute(SQL["destroy"], (rid,))
            self._db.execute(SQL["put_key_erasure"], (rid,))
        for rid in sorted(patients):
            self._erase(ERASED_OF_PATIENT, rid)
        self._db.execute(SQL["drop_terms"])
        return touched

    def _erase(self, tables: dict[str, tuple[str, ...]], rid: int) -> None:
        for table, columns in tables.items():
            for column in columns:
                self._db.execute(f"DELETE FROM {table} WHERE {column} = ?", (rid,))

    async def erasures(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for receipt, line in self._db.execute(SQL["erasures"]):
            found.setdefault(receipt, set()).add(line)
        return found

    async def lost_keys(self) -> LostKeys:
        return lost_keys(self._db)

    async def keys_lost(self) -> None:
        self._db.execute(SQL["keys_erased"])

    async def add_key_copy(self, place: str, generation: int, at: int) -> None:
        self._db.execute(SQL["put_copy"], (place, generation, at))

    async def key_copies(self) -> list[KeyCopy]:
        return [KeyCopy._make(row) for row in self._db.execute(SQL["copies"])]

    async def erased(self, receipts: Iterable[str]) -> None:
        lose_lines(self._db)
        self._db.executemany(SQL["erased"], [(receipt,) for receipt in receipts])


def lose_lines(connection: apsw.Connection) -> None:
    """Let the keys of lines that are to be erased wait to be destroyed, where backups may hold them under their own."""
    rows = list(connection.execute(SQL["was_unowned"]))
    connection.executemany(SQL["put_key_erasure"], [(line_address(receipt, line),) for receipt, line in rows])


def lost_keys(connection: apsw.Connection) -> LostKeys:
    """The keys that wait to be destroyed: those of records that are set apart, all others are of lines."""
    waiting = [address for (address,) in connection.execute(SQL["key_erasures"])]
    records = {rid: Tombstone(*names) for rid, *names in connection.execute(SQL["key_erasures_of_records"])}
    acts = [SealingRow._make(row) for row in connection.execute(SQL["acts_of_key_erasures"])]
    return LostKeys(records, [one for one in waiting if one not in records], acts)
