"""The port to the database: what every store must do. Its shapes are in `shapes.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from adapter.store.access import AccessRecords
from adapter.store.alerts import AlertRecords
from adapter.store.exports import ExportReads, ExportRecords
from adapter.store.labels import LabelRecords
from adapter.store.legal import LegalRecords
from adapter.store.matching import MatchRecords
from adapter.store.passes import Ledger
from adapter.store.receiving import Arrival, Inbox, ReceiptStream
from adapter.store.sealing import SealingRecords
from adapter.store.subscriptions import SubscriptionReads, SubscriptionRecords
from adapter.store.survey import Survey
from adapter.store.versions import VersionReads
from adapter.store.work import FeedWork
from adapter.store.written import WrittenReads, WrittenRecords

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from adapter.fhir.search import Filter, IndexRow, Query
    from adapter.store.alerts import Alert
    from adapter.store.clients import ClientEvent
    from adapter.store.shapes import (
        BoundRow,
        ClinicalRow,
        Found,
        Gap,
        IdentityFacts,
        PolicySpan,
        QuarantinedRecord,
        ResourceWrite,
        RuleRow,
        StoredResource,
        TokenRow,
        Told,
        UserEvent,
        Waiting,
    )

__all__ = [
    "Arrival",
    "Inbox",
    "Interned",
    "Ledger",
    "ReceiptStream",
    "Snapshot",
    "Store",
    "Transaction",
]


class Interned(Protocol):
    """Tables of interned bodies: equal bytes have one small number."""

    async def intern(self, table: str, body: bytes) -> int:
        """The number of ``body`` in ``segment``, ``policy``, ``context`` or ``obligation``; new ones are added."""
        ...

    async def interned(self, table: str) -> Mapping[int, bytes]:
        """Every body of one table."""
        ...


class Transaction(
    Interned,
    LegalRecords,
    MatchRecords,
    FeedWork,
    AlertRecords,
    LabelRecords,
    SealingRecords,
    ExportRecords,
    WrittenRecords,
    SubscriptionRecords,
    Protocol,
):
    """One atomic change of the store. Nothing of it is visible, and nothing durable, before it ends."""

    async def expect(self, writes: Iterable[ResourceWrite], patients: Collection[int]) -> None:
        """Look up together what is in place for writes, and known of patients, about to come. Never needed, faster."""
        ...

    async def put(self, writes: Sequence[ResourceWrite], *, at: int, origin: tuple[str, int] | None) -> list[bool]:
        """Write resources; tells for each whether it made a new version."""
        ...

    async def told(self, rids: Iterable[int]) -> dict[int, Told]:
        """Those of these resources that are there, with the events they tell of."""
        ...

    async def tell(self, rows: Sequence[tuple[int, int, Mapping[str, Mapping[str, int]]]]) -> None:
        """Remember of resources the time of the latest event they tell of, and those of parts: (rid, at, times)."""
        ...

    async def outdated(self, rid: int, *, receipt: str, line: int, later: Collection[str]) -> bool:
        """Whether a resource came from one of the ``later`` receipts, or from below ``line`` of this one."""
        ...

    async def admit(self, patients: Iterable[int], policy: int) -> set[int]:
        """Put ``policy`` in force for all time for those of whom nothing is in force yet; tells who they were."""
        ...

    async def consents(self, patients: Iterable[int]) -> list[StoredResource]:
        """Every current Consent about these patients, whatever its status."""
        ...

    async def index_anew(
        self, rows: Callable[[StoredResource], Sequence[IndexRow]], *, after: int, limit: int
    ) -> list[int]:
        """Replace the index rows of up to ``limit`` resources by ``rows`` of them; the internal keys of these.

        They are taken in the order of their keys, those behind ``after``; what waits to be written is not among them.
        """
        ...

    async def set_policies(self, settled: Sequence[tuple[int, Sequence[PolicySpan]]], *, at: int) -> None:
        """Replace what is in force for patients; the spans of each cover all time. What it was until then is kept."""
        ...

    async def clinical(self, patients: Iterable[int], kind: str) -> list[ClinicalRow]:
        """What the wide index knows of these patients' records of one type, patient by patient in order of time."""
        ...

    async def elements(self, rids: Iterable[int], name: str) -> dict[int, Any]:
        """One top-level element of stored resources by their internal keys; None where a resource lacks it."""
        ...

    async def former_segments(self, rids: Collection[int]) -> dict[int, set[int]]:
        """The segments that the earlier versions of these resources had, by resource."""
        ...

    async def freshen(self, feed: str, *, until: int, at: int) -> int:
        """The custody data of a feed may be relied on until an instant, never an earlier one; gives its number.

        If it was too old at ``at``, that it was is kept.
        """
        ...

    async def add_bounds(self, rows: Sequence[BoundRow]) -> None:
        """Put all periods in which agreements allow a segment to a context, in place of those that were there."""
        ...

    async def clear_decisions(self) -> None:
        """Forget every filled rule, exception and bound; they are filled anew from what is in force."""
        ...

    async def identify(self, facts: IdentityFacts) -> bool:
        """Record how a patient may be recognised; whether that is anything new."""
        ...

    async def leaning(self, patients: Iterable[int], *, at: int) -> dict[int, set[int]]:
        """For each of these patients the records that were linked to it by ``at`` and that nobody has confirmed."""
        ...

    async def merging(self, patients: Iterable[int], *, at: int) -> dict[int, set[int]]:
        """Those of ``leaning`` of which their source says that they are one person's."""
        ...

    async def persons(self, patients: Iterable[int]) -> list[frozenset[int]]:
        """As ``components``."""
        ...

    async def linked(self, patient: int) -> list[IdentityFacts]:
        """The records confirmed to be the same person, pair by pair."""
        ...

    async def unlink(self, patient: int, other: int, *, at: int) -> None:
        """Take back that two Patients are one person; that they were until now stays known."""
        ...

    async def link(self, patient: int, other: int, *, rule: str, at: int) -> None:
        """Confirm that two Patients are one person."""
        ...

    async def components(self, patients: Iterable[int]) -> list[frozenset[int]]:
        """The people these patients are: all Patients confirmed to be one, each person once. Internal: never told."""
        ...

    async def quarantine(self, records: Sequence[QuarantinedRecord], *, at: int) -> None:
        """Keep records that cannot be processed."""
        ...

    async def release_quarantined(self, ident: int) -> None:
        """Remove a record from quarantine after it went through."""
        ...

    async def set_progress(self, receipt: str, *, records: int, report: bytes, done: bool) -> None:
        """How far a receipt is in the store."""
        ...

    async def mark_boundaries(self, boundaries: Sequence[tuple[int, int]]) -> None:
        """Remember (due, patient): what is in force for the patient changes at that instant by time alone."""
        ...

    async def enqueue(self, channel: str, bodies: Sequence[tuple[int, bytes]]) -> None:
        """Add (due, body) entries to the outbox, in order."""
        ...

    async def add_token(self, row: TokenRow) -> None:
        """Store the digest of an issued token."""
        ...

    async def setting(self, name: str) -> bytes | None:
        """A remembered value, as this change sees it."""
        ...

    async def revoke_token(self, digest: bytes) -> bool:
        """Revoke a token; tells whether it was not revoked before."""
        ...

    async def client_stopped(self, client: str) -> bool:
        """Whether the last word about a client is that it is shut out, as this change sees it."""
        ...

    async def add_client_event(self, event: ClientEvent) -> None:
        """Keep that a client was shut out or let in again, after everything kept before."""
        ...

    async def add_user_event(self, event: UserEvent) -> None:
        """Keep that a user signed or left, after everything kept before."""
        ...

    async def set_setting(self, name: str, value: bytes) -> None:
        """Remember a value of the store itself (hash of the agreements in force, engine version)."""
        ...


class Snapshot(Survey, VersionReads, ExportReads, WrittenReads, Protocol):
    """One consistent view for one answer."""

    async def read(self, context: int, rid: int, *, at: int) -> Found:
        """The resource ``rid`` if this context may see it: zero or one hit."""
        ...

    async def read_patient(self, context: int, rid: int, *, at: int) -> Found:
        """A Patient: permitted itself, or seen because one of its records is permitted."""
        ...

    async def search(
        self,
        context: int,
        query: Query,
        patients: Sequence[int] | None,
        after: Sequence[int | str] | None,
        *,
        at: int,
        within: Sequence[Sequence[Filter]] | None = None,
    ) -> Found:
        """Permitted resources that match; of these patients, or of everyone.

        ``within`` narrows it to what satisfies all filters of one of the groups.
        """
        ...

    async def seen(self, context: int, patients: Sequence[int], *, at: int) -> tuple[list[int], list[Gap]]:
        """Which of these Patients this context sees, and the decisions that are missing to tell."""
        ...

    async def linked(self, patient: int) -> list[int]:
        """Patients directly linked to this one. Internal."""
        ...

    async def merged(self, patient: int) -> Mapping[int, str]:
        """The Patients that their source merged with this one: which it `replaces`, which it is `replaced-by`."""
        ...

    async def siblings(self, rid: int) -> list[tuple[int, int | None, int]]:
        """The screenings of the same instrument, person and day, itself included: (rid, instant, risk). Undecided."""
        ...

    async def row(self, rid: int) -> StoredResource | None:
        """A stored resource by its internal key, undecided."""
        ...

    async def owners(self, query: Query) -> list[int] | None:
        """The patients whose records `_id` or a reference parameter of ``query`` names; None if it has neither."""
        ...

    async def resource(self, kind: str, ident: str) -> StoredResource | None:
        """A stored resource, undecided: for explain and for writing, never for an answer."""
        ...

    async def policy_of(self, patient: int, *, at: int) -> PolicySpan | None:
        """What is in force for a patient at an instant."""
        ...

    async def bounds(self, context: int, segment: int) -> list[BoundRow]:
        """The agreement periods of a context and a segment."""
        ...


class Store(Interned, AccessRecords, SubscriptionReads, Protocol):
    """A database that holds the whole of a site."""

    async def migrate(self) -> list[str]:
        """Bring the schema up to date; returns the names of the migrations applied."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a change; it commits when the block ends and leaves no trace if the block raises."""
        ...

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """One consistent view."""
        ...

    async def add_rules(self, rows: Sequence[RuleRow]) -> None:
        """Fill decisions."""
        ...

    async def setting(self, name: str) -> bytes | None:
        """A remembered value of the store itself."""
        ...

    async def progress(self, receipt: str) -> tuple[int, bytes, bool] | None:
        """Records in the store, report so far and whether the receipt is done."""
        ...

    async def quarantined(self, feed: str | None) -> list[QuarantinedRecord]:
        """Records waiting, oldest first."""
        ...

    async def came_from(self, receipt: str, rids: Iterable[int]) -> int | None:
        """The last line of a receipt that one of these resources came from."""
        ...

    async def waits(self, feed: str) -> bool:
        """Whether any record of a feed waits in quarantine."""
        ...

    async def alerts(self, receipt: str | None = None) -> list[Alert]:
        """The alerts of a receipt, or all, oldest first."""
        ...

    async def scrub(self) -> None:
        """Leave nothing of what was deleted or erased in the files of store and inbox; takes as long as copying one."""
        ...

    async def quarantined_of(self, receipt: str) -> list[QuarantinedRecord]:
        """Records of a receipt that wait, in its order."""
        ...

    async def waiting(self) -> Waiting:
        """How much waits for people and for delivery."""
        ...

    async def patients(self) -> list[int]:
        """The keys of all Patients, and of the directory's nobody, in order."""
        ...

    async def counts(self) -> Mapping[str, int]:
        """Rows of every table, for people and benchmarks."""
        ...

    async def close(self) -> None:
        """Release the files or connections."""
        ...
