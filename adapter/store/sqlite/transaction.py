"""One atomic change: resources with their history and index rows, policies, links, quarantine, outbox."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import orjson

from adapter.errors import SallyportError
from adapter.store.queries import load
from adapter.store.shapes import (
    BEGINNING,
    END,
    TYPES,
    IdentityFacts,
    PolicySpan,
)
from adapter.store.sqlite.connection import row_of
from adapter.store.sqlite.index import IndexWriter
from adapter.store.sqlite.interning import bodies
from adapter.store.sqlite.legal import SqliteLegalRecords
from adapter.store.sqlite.person import SqlitePeople

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    import apsw

    from adapter.store.shapes import BoundRow, QuarantinedRecord, ResourceWrite, TokenRow, UserEvent
    from adapter.store.sqlite.interning import InternTable

SQL, ACCESS = load("write"), load("access")
_INCOMPLETE = "the policies of a patient must cover all time without gap or overlap"


class _Current(NamedTuple):
    """The version in place, before a write."""

    id: str
    type: int
    revision: int
    version: str
    segment: int
    updated: int
    digest: bytes
    head: bytes
    tail: bytes
    seeded: int

    def holds(self, write: ResourceWrite) -> bool:
        """Whether the write brings nothing new."""
        return self.digest == write.digest and self.segment == write.segment and not self.seeded

    def version_row(self) -> tuple[int, str, int, int, bytes, bytes]:
        """The columns of a history row after the key."""
        return self.revision, self.version, self.segment, self.updated, self.head, self.tail


class SqliteTransaction(SqlitePeople, SqliteLegalRecords):
    """The writer's side of the store, inside BEGIN IMMEDIATE … COMMIT."""

    def __init__(
        self,
        connection: apsw.Connection,
        interning: InternTable,
        stamp: Callable[[ResourceWrite, int, int], tuple[str, bytes]],
    ) -> None:
        self._db = connection
        self._interning = interning
        self._stamp = stamp
        self._index = IndexWriter(connection)

    async def intern(self, table: str, body: bytes) -> int:
        return self._interning.number(self._db, table, body)

    async def interned(self, table: str) -> Mapping[int, bytes]:
        return bodies(self._db, table)

    async def put(self, writes: Sequence[ResourceWrite], *, at: int, origin: tuple[str, int] | None) -> list[bool]:
        return [self._put_one(write, at, origin) for write in writes]

    def _put_one(self, write: ResourceWrite, at: int, origin: tuple[str, int] | None) -> bool:
        rid = write.rid
        row = self._db.execute(SQL["current"], (rid,)).fetchone()
        current = None if row is None else _Current(*row)
        if current is not None and (current.id, current.type) != (write.id, TYPES[write.type]):
            raise SallyportError(f"two resources share the internal key {rid}; the later one was not stored")
        if current is None and write.existing:
            return False
        changed = current is None or not (write.seed or current.holds(write))
        if changed:
            self._replace(rid, current, write, at)
        if origin is not None and not write.seed:
            self._db.execute(SQL["put_origin"], (rid, *origin))
        return changed

    def _replace(self, rid: int, current: _Current | None, write: ResourceWrite, at: int) -> None:
        revision = 1
        if current is not None:
            if not current.seeded:
                revision = current.revision + 1
                self._db.execute(SQL["keep_history"], (rid, *current.version_row()))
            self._index.drop(rid)
            self._db.execute(SQL["drop_exceptions"], (rid,))
        version, head = self._stamp(write, revision, at)
        facets = (rid, TYPES[write.type], write.id, write.patient, write.segment)
        content = (revision, version, at, write.digest, head, write.tail, int(write.seed))
        self._db.execute(SQL["put_resource"], facets + content)
        self._index.put(rid, write)
        if write.type == "Observation":
            self._put_screening(rid, write)
        for kind, other in write.relations:
            self._db.execute(SQL["put_relation"], (rid, kind, other))

    def _put_screening(self, rid: int, write: ResourceWrite) -> None:
        place = write.screening
        self._db.execute(SQL["drop_screening"], (rid,))
        if place is None:
            return
        self._db.execute(
            SQL["put_screening"], (write.patient, place.instrument, place.day, rid, place.instant, place.risk)
        )
        group = {"patient": write.patient, "instrument": place.instrument, "day": place.day}
        self._db.execute(SQL["mark_repeats"], group)

    async def outdated(self, rid: int, *, receipt: str, line: int, later: Collection[str]) -> bool:
        bindings = (rid, receipt, line, orjson.dumps(sorted(later)).decode())
        return self._db.execute(SQL["outdated"], bindings).fetchone() is not None

    async def admit(self, patient: int, policy: int) -> bool:
        self._db.execute(SQL["admit"], {"patient": patient, "policy": policy})
        return bool(self._db.changes())

    def finish(self) -> None:
        """Write what waits, before the transaction commits."""
        self._index.flush()

    def _ready(self) -> None:
        self._index.flush()

    async def set_policies(self, settled: Sequence[tuple[int, Sequence[PolicySpan]]]) -> None:
        rows, told = [], []
        for patient, spans in settled:
            instant = BEGINNING
            for span in spans:
                if span.start != instant:
                    raise SallyportError(_INCOMPLETE)
                instant = span.stop
                rows.append((patient, span.start, span.stop, span.policy, span.ends))
                if span.sources:
                    told.append((patient, span.start, orjson.dumps(span.sources)))
            if instant != END:
                raise SallyportError(_INCOMPLETE)
        patients = [(patient,) for patient, _ in settled]
        self._db.executemany(SQL["drop_policy"], patients)
        self._db.executemany(SQL["drop_policy_sources"], patients)
        self._db.executemany(SQL["put_policy"], rows)
        self._db.executemany(SQL["put_policy_sources"], told)

    async def add_bounds(self, rows: Sequence[BoundRow]) -> None:
        self._db.executemany(SQL["drop_bounds"], {(row.context, row.segment) for row in rows})
        self._db.executemany(
            SQL["put_bound"],
            [(row.context, row.segment, row.start, row.stop, row.bases, row.agreement) for row in rows],
        )

    async def former_segment(self, rid: int) -> int | None:
        row = self._db.execute(SQL["former_segment"], (rid,)).fetchone()
        return None if row is None else int(row[0])

    async def freshen(self, feed: str, *, until: int) -> int:
        return int(row_of(self._db.execute(SQL["put_freshness"], (feed, until)))[0])

    async def clear_decisions(self) -> None:
        for table in ("rule", "exception", "bound"):
            self._db.execute(f"DELETE FROM {table}")

    async def identify(self, facts: IdentityFacts) -> list[IdentityFacts] | None:
        known = orjson.dumps(dict(facts.facts), option=orjson.OPT_SORT_KEYS)
        digest = blake2b(known + b"".join(sorted(facts.keys)), digest_size=16).digest()
        row = self._db.execute(SQL["identity_digest"], (facts.patient,)).fetchone()
        if row is not None:
            if row[0] == digest:
                return None
            self._db.execute(SQL["drop_identity_keys"], (facts.patient,))
        self._db.executemany(SQL["put_identity_key"], [(key, facts.patient) for key in facts.keys])
        self._db.execute(SQL["put_identity"], (facts.patient, facts.source, known, digest))
        sharing = SQL["candidates"].format(keys=",".join("?" * len(facts.keys)))
        others = {row[0] for row in self._db.execute(sharing, (*facts.keys, facts.patient))}
        return [self._identity(other) for other in sorted(others)]

    def _identity(self, patient: int) -> IdentityFacts:
        _, source, facts = row_of(self._db.execute(SQL["identity"], (patient,)))
        keys = [bytes(row[0]) for row in self._db.execute(SQL["identity_keys_of"], (patient,))]
        return IdentityFacts(patient=patient, source=source, keys=keys, facts=orjson.loads(facts))

    async def link(self, patient: int, other: int, *, rule: str, at: int) -> None:
        self._db.execute(SQL["put_link"], (patient, other, rule, at))
        self._db.execute(SQL["put_link"], (other, patient, rule, at))

    async def linked(self, patient: int) -> list[IdentityFacts]:
        return [self._identity(row[0]) for row in self._db.execute(SQL["linked"], (patient,))]

    async def unlink(self, patient: int, other: int) -> None:
        self._db.execute(SQL["drop_link"], (patient, other))
        self._db.execute(SQL["drop_link"], (other, patient))

    async def components(self, patients: Iterable[int]) -> list[frozenset[int]]:
        alone = dict.fromkeys(patients)
        found: dict[frozenset[int], None] = {}
        for (patient,) in self._of("having_links", alone):
            if patient in alone:
                component = self._component(patient)
                found[component] = None
                for member in component:
                    alone.pop(member, None)
        return [*found, *(frozenset((patient,)) for patient in alone)]

    def _component(self, patient: int) -> frozenset[int]:
        found, frontier = {patient}, [patient]
        while frontier:
            for (other,) in self._db.execute(SQL["linked"], (frontier.pop(),)):
                if other not in found:
                    found.add(other)
                    frontier.append(other)
        return frozenset(found)

    async def quarantine(self, records: Sequence[QuarantinedRecord], *, at: int) -> None:
        self._db.executemany(
            SQL["put_quarantine"],
            [(r.feed, r.receipt, r.ordinal, r.line, r.part, r.code, r.element, r.expected, r.raw, at) for r in records],
        )

    async def release_quarantined(self, ident: int) -> None:
        self._db.execute(SQL["drop_quarantine"], (ident,))

    async def set_progress(self, receipt: str, *, records: int, report: bytes, done: bool) -> None:
        self._db.execute(SQL["put_progress"], (receipt, records, report, int(done)))

    async def mark_boundaries(self, boundaries: Sequence[tuple[int, int]]) -> None:
        self._db.executemany(SQL["put_boundary"], boundaries)

    async def enqueue(self, channel: str, bodies: Sequence[tuple[int, bytes]]) -> None:
        self._db.executemany(SQL["enqueue"], [(channel, due, body) for due, body in bodies])

    async def add_token(self, row: TokenRow) -> None:
        self._db.execute(
            ACCESS["put_token"],
            (
                row.digest,
                row.client,
                row.organisation,
                " ".join(row.purposes),
                " ".join(row.rights),
                row.expires,
                int(row.revoked),
                row.user,
                row.issued,
            ),
        )

    async def revoke_token(self, digest: bytes) -> bool:
        self._db.execute(ACCESS["revoke_token"], (digest,))
        return bool(self._db.changes())

    async def add_user_event(self, event: UserEvent) -> None:
        self._db.execute(
            ACCESS["put_user_event"],
            (
                event.kind,
                event.user,
                event.organisation,
                event.name,
                event.role,
                event.client,
                event.agreement,
                event.version,
                event.text_hash,
                " ".join(event.certified),
                event.at,
            ),
        )

    async def setting(self, name: str) -> bytes | None:
        row = self._db.execute(SQL["setting"], (name,)).fetchone()
        return None if row is None else bytes(row[0])

    async def set_setting(self, name: str, value: bytes) -> None:
        self._db.execute(SQL["put_setting"], (name, value))
