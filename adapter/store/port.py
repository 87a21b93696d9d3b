"""The port to the database: what every store must do, in the words of the domain.

All instants are epoch microseconds in UTC and all periods are half open. Public names of resources are
``Type/id``; everything else in these shapes is internal and never leaves the adapter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from adapter.fhir.search import IndexRow, Query

BEGINNING = -(2**62)
"""Before every instant."""
END = 2**62
"""After every instant."""

TYPES: Mapping[str, int] = {
    "Patient": 1,
    "Encounter": 2,
    "Observation": 3,
    "Condition": 4,
    "QuestionnaireResponse": 5,
    "Consent": 6,
    "Provenance": 7,
    "Organization": 8,
}
"""The stored resource types; the numbers are part of the database format."""
TYPE_NAMES = {number: name for name, number in TYPES.items()}

CLINICAL_DATE: Mapping[str, str] = {
    "Observation": "date",
    "Encounter": "date",
    "QuestionnaireResponse": "authored",
    "Consent": "date",
}
"""The date parameter of each type that is the clinical date of the wide index."""
OF_PATIENT = frozenset({"patient", "subject"})
"""Reference parameters that name the patient a record is about."""

DENY, PERMIT, EXCEPTION = 0, 1, 2
"""Effects in the rule table."""


@lru_cache(maxsize=65_536)
def row_key(kind: str, ident: str) -> int:
    """The internal key of a resource: 63 bits of the hash of its public name, the same in every store."""
    return int.from_bytes(blake2b(f"{kind}/{ident}".encode(), digest_size=8).digest(), "big") >> 1


@dataclass(slots=True, kw_only=True)
class ResourceWrite:
    """One resource to put: its bytes around the disclosure fragment, its facets and its index rows.

    ``opening`` is the start up to and with the `{` of `meta`, ``head`` what follows it up to the last security
    label; the store writes version id and lastUpdated between them. ``digest`` covers the content without these two;
    equal digests are no new version. ``index`` gives the index rows and is asked only if there is one. ``seed``
    puts the resource only where none exists.
    """

    type: str
    id: str
    rid: int
    patient: int
    segment: int
    digest: bytes
    opening: bytes
    head: bytes
    tail: bytes
    index: Callable[[], Sequence[IndexRow]]
    seed: bool = False
    screening: ScreeningPlace | None = None
    relations: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningPlace:
    """Where a summary stands among the screenings of one instrument and day."""

    instrument: str
    day: str
    instant: int | None
    risk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySpan:
    """A policy in force for one patient during ``[start, stop)``.

    ``sources`` names, for each directive of the policy in its order, the Consents that say it.
    """

    start: int
    stop: int
    policy: int
    sources: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityFacts:
    """Keyed hashes by which two records are recognised as one person, and by which they contradict."""

    patient: int
    source: str
    keys: Sequence[bytes]
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRecord:
    """A record that waits to be mended. ``ordinal`` is its place in its receipt."""

    feed: str
    receipt: str
    ordinal: int
    line: int
    part: str
    code: str
    element: str
    expected: str
    raw: bytes
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResource:
    """One version as stored, with the facets that a decision reads."""

    type: str
    id: str
    rid: int
    patient: int
    segment: int
    version: str
    updated: int
    head: bytes
    tail: bytes


class Hit(NamedTuple):
    """A permitted resource: the version as stored, the policy that permitted it and its obligations.

    ``repeats`` tells that another screening of the same instrument and day is held, whoever may see it. A tuple,
    because a page makes many.
    """

    type: str
    id: str
    rid: int
    patient: int
    segment: int
    version: str
    updated: int
    head: bytes
    tail: bytes
    repeats: int
    policy: int
    obligation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A decision the tables do not hold yet: of a segment, or of the single resource ``rid``."""

    policy: int
    segment: int
    rid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The answer of a permitted search. With ``gaps`` the answer is incomplete and must not be given.

    ``last`` is the place of the last hit in the order of the search, where the next page starts.
    """

    total: int
    hits: Sequence[Hit]
    more: bool
    gaps: Sequence[Gap]
    last: tuple[int | str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """One filled decision. ``rid`` is None for a rule and the resource's key for an exception."""

    context: int
    policy: int
    segment: int
    rid: int | None
    effect: int
    obligation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundRow:
    """A period in which an agreement allows a segment to a context."""

    context: int
    segment: int
    start: int
    stop: int
    agreement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """An access token as stored: its SHA-256 digest and what it grants."""

    digest: bytes
    client: str
    organisation: str
    purposes: tuple[str, ...]
    rights: tuple[str, ...]
    expires: int
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Raw bytes received for a feed, complete and durable."""

    id: str
    feed: str
    name: str
    size: int
    sha256: bytes
    received: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One pass of the gate. ``passed`` lists (Type/id, version, policy, segment) of what left."""

    at: int
    request_id: str
    client: str
    context: int
    purpose: str
    interaction: str
    target: str
    passed: Sequence[tuple[str, str, int, int]]


class Interned(Protocol):
    """Tables of interned bodies: equal bytes have one small number."""

    async def intern(self, table: str, body: bytes) -> int:
        """The number of ``body`` in ``segment``, ``policy``, ``context`` or ``obligation``; new ones are added."""
        ...

    async def interned(self, table: str) -> Mapping[int, bytes]:
        """Every body of one table."""
        ...


class Transaction(Interned, Protocol):
    """One atomic change of the store. Nothing of it is visible, and nothing durable, before it ends."""

    async def put(self, writes: Sequence[ResourceWrite], *, at: int, origin: tuple[str, int] | None) -> list[bool]:
        """Write resources; tells for each whether it made a new version."""
        ...

    async def outdated(self, rid: int, *, receipt: str, line: int, later: Collection[str]) -> bool:
        """Whether a resource came from one of the ``later`` receipts, or from below ``line`` of this one."""
        ...

    async def admit(self, patient: int, policy: int) -> None:
        """Put ``policy`` in force for all time if nothing is recorded for this patient yet."""
        ...

    async def consents(self, patients: Iterable[int]) -> list[StoredResource]:
        """Every current Consent about these patients, whatever its status."""
        ...

    async def set_policy(self, patient: int, spans: Sequence[PolicySpan]) -> None:
        """Replace what is in force for one patient; the spans cover all time."""
        ...

    async def add_bounds(self, rows: Sequence[BoundRow]) -> None:
        """Add periods in which agreements allow a segment to a context."""
        ...

    async def clear_decisions(self) -> None:
        """Forget every filled rule, exception and bound; they are filled anew from what is in force."""
        ...

    async def identify(self, facts: IdentityFacts) -> list[IdentityFacts] | None:
        """Record how a patient may be recognised; returns who shares a key, or None if nothing changed."""
        ...

    async def linked(self, patient: int) -> list[IdentityFacts]:
        """The records confirmed to be the same person, pair by pair."""
        ...

    async def unlink(self, patient: int, other: int) -> None:
        """Take back that two Patients are one person."""
        ...

    async def link(self, patient: int, other: int, *, rule: str, at: int) -> None:
        """Confirm that two Patients are one person."""
        ...

    async def component(self, patient: int) -> set[int]:
        """All Patients confirmed to be the same person, itself included. Internal: never what a caller sees."""
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

    async def enqueue(self, channel: str, bodies: Sequence[tuple[int, bytes]]) -> None:
        """Add (due, body) entries to the outbox, in order."""
        ...

    async def add_token(self, row: TokenRow) -> None:
        """Store the digest of an issued token."""
        ...

    async def set_setting(self, name: str, value: bytes) -> None:
        """Remember a value of the store itself (hash of the agreements in force, engine version)."""
        ...


class Snapshot(Protocol):
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
        after: tuple[int | str, int] | None,
        *,
        at: int,
    ) -> Found:
        """Permitted resources that match; of these patients, or of everyone."""
        ...

    async def linked(self, patient: int) -> list[int]:
        """Patients directly linked to this one. Internal."""
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


class Store(Interned, Protocol):
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

    async def token(self, digest: bytes) -> TokenRow | None:
        """A stored token by the digest of its text."""
        ...

    async def add_token(self, row: TokenRow) -> None:
        """Store an issued token."""
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

    async def counts(self) -> Mapping[str, int]:
        """Rows of every table, for people and benchmarks."""
        ...

    async def close(self) -> None:
        """Release the files or connections."""
        ...


class ReceiptStream(Protocol):
    """The bytes of a receipt, to be read once from the start."""

    @property
    def consumed(self) -> int:
        """How many bytes were taken from the inbox so far."""
        ...

    @property
    def stream(self) -> BinaryIO:
        """The bytes."""
        ...


class Inbox(Protocol):
    """The raw inbox: bytes as received, kept before anything is acknowledged."""

    async def keep(self, *, receipt: str, feed: str, name: str, stream: BinaryIO, at: int) -> Receipt:
        """Store a stream durably.

        The bytes of the last file of this name again give its receipt; an older state that comes back is news.
        """
        ...

    def open(self, receipt: str) -> ReceiptStream:
        """The bytes of a receipt as a readable binary stream."""
        ...

    async def receipts(self, feed: str | None = None) -> list[Receipt]:
        """What was received, oldest first."""
        ...


class Ledger(Protocol):
    """The append-only record of every pass of the gate."""

    async def append(self, entry: LedgerEntry) -> None:
        """Returns when the entry is durable; entries of one moment share a commit."""
        ...

    async def of_request(self, request_id: str) -> list[LedgerEntry]:
        """What was passed under a request id."""
        ...

    def entries(self) -> AsyncIterator[tuple[LedgerEntry, bytes, bytes, bytes]]:
        """Every entry with its chain, previous digest and digest, in order."""
        ...

    async def verify(self) -> int:
        """Recompute the chain; returns the number of entries, raises ``SallyportError`` where it breaks."""
        ...
