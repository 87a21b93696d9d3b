"""One atomic change: resources with their history and index rows, policies, links, quarantine, outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from adapter.errors import SallyportError
from adapter.store.queries import load
from adapter.store.shapes import (
    BEGINNING,
    END,
    PolicySpan,
    Told,
)
from adapter.store.sqlite.alerts import SqliteAlertRecords
from adapter.store.sqlite.connection import row_of
from adapter.store.sqlite.exports import SqliteExportRecords
from adapter.store.sqlite.identity import IdentityWriter
from adapter.store.sqlite.interning import bodies
from adapter.store.sqlite.labels import SqliteLabels
from adapter.store.sqlite.legal import SqliteLegalRecords
from adapter.store.sqlite.matching import MatchWriter, SqliteMatchRecords
from adapter.store.sqlite.person import SqlitePeople, stored
from adapter.store.sqlite.resources import ResourceWriter
from adapter.store.sqlite.sealing import SqliteSealing
from adapter.store.sqlite.subscriptions import SqliteSubscriptionRecords
from adapter.store.sqlite.work import SqliteFeedWork
from adapter.store.sqlite.written import SqliteWritten

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    import apsw

    from adapter.fhir.search import IndexRow
    from adapter.store.clients import ClientEvent
    from adapter.store.shapes import (
        BoundRow,
        IdentityFacts,
        QuarantinedRecord,
        ResourceWrite,
        StoredResource,
        TokenRow,
        UserEvent,
    )
    from adapter.store.sqlite.interning import InternTable

SQL, ACCESS, EXPORTS = load("write"), load("access"), load("exports")
DIRECTORY = 0
"""The patient key of what is about no one."""
_INCOMPLETE = "the policies of a patient must cover all time without gap or overlap"


class SqliteTransaction(
    SqliteSubscriptionRecords,
    SqlitePeople,
    SqliteLegalRecords,
    SqliteMatchRecords,
    SqliteFeedWork,
    SqliteAlertRecords,
    SqliteLabels,
    SqliteSealing,
    SqliteExportRecords,
    SqliteWritten,
):
    """The writer's side of the store, inside BEGIN IMMEDIATE … COMMIT."""

    def __init__(
        self,
        connection: apsw.Connection,
        interning: InternTable,
        stamp: Callable[[ResourceWrite, int, int], tuple[str, bytes]],
    ) -> None:
        self._db = connection
        self._interning = interning
        self._resources = ResourceWriter(connection, stamp)
        self._identities = IdentityWriter(connection)
        self._matches = MatchWriter(connection)
        self.refused: set[int] = set()
        self._stirred: set[int] = set()

    async def intern(self, table: str, body: bytes) -> int:
        return self._interning.number(self._db, table, body)

    async def interned(self, table: str) -> Mapping[int, bytes]:
        return bodies(self._db, table)

    async def expect(self, writes: Iterable[ResourceWrite], identities: Collection[IdentityFacts]) -> None:
        self._resources.expect(write.rid for write in writes)
        self._identities.expect(identities)
        self._matches.expect(identities)

    async def put(self, writes: Sequence[ResourceWrite], *, at: int, origin: tuple[str, int] | None) -> list[bool]:
        refused = self._resources.refused(writes, origin)
        self.refused |= refused
        new = [write.rid not in refused and self._resources.put(write, at=at, origin=origin) for write in writes]
        self._stirred.update(write.patient for write, made in zip(writes, new, strict=True) if made)
        return new

    async def outdated(self, rid: int, *, receipt: str, line: int, later: Collection[str]) -> bool:
        self._resources.flush()
        bindings = (rid, receipt, line, orjson.dumps(sorted(later)).decode())
        return self._db.execute(SQL["outdated"], bindings).fetchone() is not None

    async def came_of(self, rid: int, receipt: str, line: int) -> None:
        self._resources.came_of(rid, receipt, line)

    async def told(self, rids: Iterable[int]) -> dict[int, Told]:
        self._resources.flush()
        rows = self._db.execute(SQL["told"], (orjson.dumps(list(rids)).decode(),))
        return {
            rid: Told(rid, revision, bool(seeded), at, orjson.loads(times), head, tail)
            for rid, revision, seeded, at, times, head, tail in rows
        }

    async def tell(self, rows: Sequence[tuple[int, int, Mapping[str, Mapping[str, int]]]]) -> None:
        self._db.executemany(SQL["put_told"], [(rid, at, orjson.dumps(times).decode()) for rid, at, times in rows])

    async def index_anew(
        self, rows: Callable[[StoredResource], Sequence[IndexRow]], *, after: int, limit: int
    ) -> list[int]:
        found = [stored(row) for row in self._db.execute(SQL["resources_behind"], (after, limit))]
        self._resources.index_anew(found, rows)
        return [resource.rid for resource in found]

    async def admit(self, patients: Iterable[int], policy: int) -> set[int]:
        everyone = sorted(patients)
        known = {row[0] for row in self._of("having_policy", everyone)}
        new = [patient for patient in everyone if patient not in known]
        self._db.executemany(SQL["admit"], [(patient, policy) for patient in new])
        return set(new)

    def finish(self) -> None:
        """Write what waits, before the transaction commits."""
        self._resources.flush()
        self._identities.flush()
        self._matches.flush()
        self._stirred.discard(DIRECTORY)
        self.stir_now(self._stirred)

    def _ready(self) -> None:
        self._resources.flush()
        self._identities.flush()

    async def set_policies(self, settled: Sequence[tuple[int, Sequence[PolicySpan]]], *, at: int) -> None:
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
        spans_of = {patient: [(span.start, span.stop, span.policy) for span in spans] for patient, spans in settled}
        self._keep_policies(spans_of, at)
        patients = [(patient,) for patient, _ in settled]
        self._stirred.update(patient for patient, _ in settled)
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

    async def former_segments(self, rids: Collection[int]) -> dict[int, set[int]]:
        self._resources.flush()
        found: dict[int, set[int]] = {}
        for rid, segment in self._of("former_segments", rids):
            found.setdefault(rid, set()).add(segment)
        return found

    async def freshen(self, feed: str, *, until: int, at: int) -> int:
        self._db.execute(EXPORTS["keep_gap"], (feed, at))
        return int(row_of(self._db.execute(SQL["put_freshness"], (feed, until)))[0])

    async def clear_decisions(self) -> None:
        for table in ("rule", "exception", "version_exception", "bound"):
            self._db.execute(f"DELETE FROM {table}")

    async def identify(self, facts: IdentityFacts) -> list[IdentityFacts] | None:
        return self._identities.identify(facts)

    async def link(self, patient: int, other: int, *, rule: str, at: int) -> None:
        self._identities.link(patient, other, rule=rule, at=at)
        self._stirred.update((patient, other))

    async def linked(self, patient: int) -> list[IdentityFacts]:
        return self._identities.linked(patient)

    async def unlink(self, patient: int, other: int, *, at: int) -> None:
        self._identities.unlink(patient, other, at=at)
        self._stirred.update((patient, other))

    async def set_apart(self, sealing: str, segments: dict[int, int]) -> int:
        self._resources.flush()
        self._stirred |= self.patients_of(segments)
        return await super().set_apart(sealing, segments)

    async def let_back(self, rid: int) -> None:
        self._stirred |= self.patients_of([rid])
        await super().let_back(rid)

    async def destroy(self, rids: Collection[int]) -> set[int]:
        self._stirred |= self.patients_of(rids)
        return await super().destroy(rids)

    async def take_back(self, segments: Mapping[int, int], *, at: int) -> set[int]:
        self._stirred |= self.patients_of(segments)
        return await super().take_back(segments, at=at)

    async def components(self, patients: Iterable[int]) -> list[frozenset[int]]:
        return await self.persons(patients)

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
                row.scopes,
            ),
        )

    async def revoke_token(self, digest: bytes) -> bool:
        self._db.execute(ACCESS["revoke_token"], (digest,))
        return bool(self._db.changes())

    async def client_stopped(self, client: str) -> bool:
        row = self._db.execute(ACCESS["client_stopped"], (client,)).fetchone()
        return row is not None and bool(row[0])

    async def add_client_event(self, event: ClientEvent) -> None:
        self._db.execute(ACCESS["put_client_event"], (event.client, event.kind, event.author, event.words, event.at))

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
