"""How patients may be recognised: their match keys and facts, written many rows at a time."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw
import orjson

from adapter.store.queries import load
from adapter.store.shapes import IdentityFacts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

SQL = load("write")


class _Recorded(NamedTuple):
    """A row of `identity` after its key: the keys and facts as stored."""

    source: str
    keys: bytes
    facts: bytes


class IdentityWriter:
    """Records of one transaction by which people are recognised.

    What is recorded already is looked up for many patients and keys at once; what is new waits as its rows do, and is
    seen by whoever asks here.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self._recorded: dict[int, _Recorded | None] = {}
        self._sharing: dict[bytes, set[int]] = {}
        self._unlinked: set[int] = set()
        self._waiting: dict[int, tuple[int, str, bytes, bytes]] = {}
        self._waiting_keys: dict[int, list[bytes]] = {}

    def expect(self, identities: Collection[IdentityFacts]) -> None:
        """Look up in a few statements what is recorded where something is about to be recorded."""
        self._look_up({identity.patient for identity in identities})
        new = [identity for identity in identities if self._recorded[identity.patient] is None]
        self._look_for({key for identity in new for key in identity.keys})

    def _look_up(self, patients: Iterable[int]) -> None:
        unknown = array("q", [patient for patient in patients if patient not in self._recorded])
        self._recorded.update(dict.fromkeys(unknown))
        for patient, *row in self._db.execute(SQL["identities"], (apsw.carray(unknown),)) if unknown else ():
            self._recorded[patient] = _Recorded._make(row)

    def _look_for(self, keys: Iterable[bytes]) -> None:
        unknown = [(key,) for key in keys if key not in self._sharing]
        self._sharing.update((key, set()) for (key,) in unknown)
        for key, patient in self._db.executemany(SQL["sharing"], unknown):
            self._sharing[key].add(patient)

    def identify(self, identity: IdentityFacts) -> list[IdentityFacts] | None:
        """Record one identity; who shares a key with it, or None if nothing changed."""
        patient, keys = identity.patient, sorted(set(identity.keys))
        known = orjson.dumps(dict(identity.facts), option=orjson.OPT_SORT_KEYS)
        new = _Recorded(identity.source, orjson.dumps([key.hex() for key in keys]), known)
        self._look_up((patient,))
        current = self._recorded[patient]
        if current is None:
            self._unlinked.add(patient)
        elif (current.keys, current.facts) == (new.keys, new.facts):
            return None
        else:
            self._forget(patient, current)
        self._look_for(keys)
        others = set().union(*(self._sharing[key] for key in keys)) - {patient}
        self._recorded[patient] = new
        self._waiting[patient] = (patient, *new)
        self._waiting_keys[patient] = keys
        for key in keys:
            self._sharing[key].add(patient)
        return [self.of(other) for other in sorted(others)]

    def _forget(self, patient: int, current: _Recorded) -> None:
        """Take back the keys of a patient."""
        keys = _keys(current)
        if patient not in self._waiting:
            self._db.executemany(SQL["drop_identity_key"], [(key, patient) for key in keys])
        for key in self._sharing.keys() & keys:
            self._sharing[key].discard(patient)

    def of(self, patient: int) -> IdentityFacts:
        """What is recorded of a patient."""
        self._look_up((patient,))
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
