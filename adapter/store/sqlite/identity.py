"""How patients may be recognised: their match keys and facts, written many rows at a time."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw
import orjson

from adapter.store.queries import load
from adapter.store.shapes import IdentityFacts

if TYPE_CHECKING:
    from collections.abc import Iterable

SQL = load("write")


class _Recorded(NamedTuple):
    """A row of `identity` after its key: the keys and facts as stored."""

    source: str
    keys: bytes
    facts: bytes


class IdentityWriter:
    """Records of one transaction by which people are recognised.

    What is recorded already is looked up for many patients at once; what is new waits as its rows do, and is seen by
    whoever asks here.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self._recorded: dict[int, _Recorded | None] = {}
        self._unlinked: set[int] = set()
        self._waiting: dict[int, tuple[int, str, bytes, bytes]] = {}
        self._waiting_keys: dict[int, list[bytes]] = {}

    def expect(self, patients: Iterable[int]) -> None:
        """Look up in one statement what is recorded where something is about to be recorded."""
        unknown = array("q", [patient for patient in patients if patient not in self._recorded])
        if not unknown:
            return
        self._recorded.update(dict.fromkeys(unknown))
        for patient, *row in self._db.execute(SQL["identities"], (apsw.carray(unknown),)):
            self._recorded[patient] = _Recorded._make(row)

    def identify(self, identity: IdentityFacts) -> bool:
        """Record one identity; whether that is anything new."""
        patient, keys = identity.patient, sorted(set(identity.keys))
        known = orjson.dumps(dict(identity.facts), option=orjson.OPT_SORT_KEYS)
        new = _Recorded(identity.source, orjson.dumps([key.hex() for key in keys]), known)
        self.expect((patient,))
        current = self._recorded[patient]
        if current is None:
            self._unlinked.add(patient)
        elif (current.keys, current.facts) == (new.keys, new.facts):
            return False
        elif patient not in self._waiting:
            self._db.executemany(SQL["drop_identity_key"], [(key, patient) for key in _keys(current)])
        self._recorded[patient] = new
        self._waiting[patient] = (patient, *new)
        self._waiting_keys[patient] = keys
        return True

    def of(self, patient: int) -> IdentityFacts:
        """What is recorded of a patient."""
        self.expect((patient,))
        recorded = self._recorded[patient]
        if recorded is None:
            raise KeyError(patient)
        return IdentityFacts(
            patient=patient, source=recorded.source, keys=_keys(recorded), facts=orjson.loads(recorded.facts)
        )

    def linked(self, patient: int) -> list[IdentityFacts]:
        """The records linked to a patient; somebody new has none."""
        if patient in self._unlinked:
            return []
        others: list[tuple[Any, ...]] = self._db.execute(SQL["linked"], (patient,)).fetchall()
        return [self.of(row[0]) for row in others]

    def link(self, patient: int, other: int, *, rule: str, at: int) -> None:
        """Confirm that two patients are one person."""
        self._unlinked -= {patient, other}
        self._db.executemany(SQL["put_link"], [(patient, other, rule, at), (other, patient, rule, at)])

    def unlink(self, patient: int, other: int, *, at: int) -> None:
        """Take back that two patients are one person; that they were counted as one until now is kept."""
        self._db.executemany(SQL["keep_link"], [(patient, other, at), (other, patient, at)])
        self._db.executemany(SQL["drop_link"], [(patient, other), (other, patient)])

    def flush(self) -> None:
        """Write what waits."""
        self._db.executemany(SQL["put_identity"], self._waiting.values())
        keys = [(key, patient) for patient, own in self._waiting_keys.items() for key in own]
        self._db.executemany(SQL["put_identity_key"], keys)
        self._waiting.clear()
        self._waiting_keys.clear()


def _keys(recorded: _Recorded) -> list[bytes]:
    return [bytes.fromhex(key) for key in orjson.loads(recorded.keys)]
