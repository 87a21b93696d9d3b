"""The shapes that go in and out of a store, in the words of the domain.

All instants are epoch microseconds in UTC and all periods are half open. Public names of resources are
``Type/id``; everything else in these shapes is internal and never leaves the adapter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from adapter.store.recorded import Awaited, LegalAct, LegalFact, Revoked
from adapter.store.users import NOTHING_SAID, LastWord, TokenRow, UserEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from adapter.fhir.search import IndexRow

__all__ = [
    "BEGINNING",
    "CLINICAL_DATE",
    "DENY",
    "END",
    "EXCEPTION",
    "LIVE",
    "NOTHING_SAID",
    "OF_PATIENT",
    "TYPES",
    "TYPE_NAMES",
    "UNDATED",
    "Awaited",
    "BoundRow",
    "ClinicalRow",
    "Found",
    "Gap",
    "Hit",
    "IdentityFacts",
    "LastWord",
    "LedgerEntry",
    "LedgerHead",
    "LegalAct",
    "LegalFact",
    "Numbered",
    "PolicySpan",
    "QuarantinedRecord",
    "Receipt",
    "ResourceWrite",
    "Revoked",
    "RuleRow",
    "ScreeningPlace",
    "StoredResource",
    "TokenRow",
    "Told",
    "UserEvent",
    "Waiting",
    "keys_named",
    "row_key",
]

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
    "Practitioner": 9,
    "PractitionerRole": 10,
    "Location": 11,
    "RelatedPerson": 12,
    "AllergyIntolerance": 13,
    "DocumentReference": 14,
    "Appointment": 15,
}
"""The stored resource types; the numbers are part of the database format."""
TYPE_NAMES = {number: name for name, number in TYPES.items()}

CLINICAL_DATE: Mapping[str, str] = {
    "Observation": "date",
    "Encounter": "date",
    "QuestionnaireResponse": "authored",
    "Consent": "date",
    "DocumentReference": "date",
    "Appointment": "date",
}
"""The date parameter of each type that is the clinical date of the wide index."""
UNDATED = (BEGINNING, BEGINNING)
"""The clinical date of a record that has none; one that is only open below has a later end."""
OF_PATIENT = frozenset({"patient", "subject"})
"""Reference parameters that name the patient a record is about."""

DENY, EXCEPTION = 0, 1
"""Effects in the rule table: every other one is a mask of the grounds that permit, without the bit of EXCEPTION."""
LIVE = 2**62 - 2
"""Every ground."""


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
    puts the resource only where none exists, ``existing`` only where one does.
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
    existing: bool = False
    screening: ScreeningPlace | None = None
    relations: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningPlace:
    """Where a summary stands among the screenings of one instrument and day."""

    instrument: str
    day: str
    instant: int | None
    risk: int


class PolicySpan(NamedTuple):
    """A policy in force for one patient during ``[start, stop)``.

    ``sources`` names, for each directive of the policy in its order, the Consents that say it. ``ends`` is when one of
    them first ends by its own period.
    """

    start: int
    stop: int
    policy: int
    sources: Sequence[Sequence[str]]
    ends: int = END


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


class Told(NamedTuple):
    """A resource as it is, and the events it tells of.

    ``at`` is the time of the latest event, `BEGINNING` for what did not come as one; ``times`` those of its parts where
    they differ, and of what was taken back. ``seeded``: it only stands in for what nobody told yet.
    """

    rid: int
    revision: int
    seeded: bool
    at: int
    times: Mapping[str, Mapping[str, int]]
    head: bytes
    tail: bytes


class StoredResource(NamedTuple):
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
    """A permitted resource: the version as stored, the policy that permitted it, when that ends, and its obligations.

    The fields are the columns of the statements that find it. ``number`` is its type as stored.

    ``repeats`` tells that another screening of the same instrument and day is held, whoever may see it. A tuple,
    because a page makes many.
    """

    number: int
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
    ends: int
    obligation: int

    @property
    def type(self) -> str:
        """The resource type."""
        return TYPE_NAMES[self.number]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A decision the tables do not hold yet: of a segment, of the resource ``rid``, or of an earlier version of it."""

    policy: int
    segment: int
    rid: int | None
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The answer of a permitted search. With ``gaps`` the answer is incomplete and must not be given.

    ``last`` is the place of the last hit in the order of the search, one value for each key of it and the internal key
    behind them; the next page starts there.
    """

    total: int
    hits: Sequence[Hit]
    more: bool
    gaps: Sequence[Gap]
    last: tuple[int | str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """One filled decision. ``rid`` is None for a rule and the resource's key for an exception.

    ``version`` names the earlier version that an exception is about; empty for the current one.
    """

    context: int
    policy: int
    segment: int
    rid: int | None
    effect: int
    obligation: int
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundRow:
    """A period in which agreements allow a segment to a context, on the grounds of the mask ``bases``."""

    context: int
    segment: int
    start: int
    stop: int
    bases: int
    agreement: str


class ClinicalRow(NamedTuple):
    """What the wide index knows of one record: whose it is, its clinical date as an interval, its key and segment."""

    patient: int
    low: int
    high: int
    rid: int
    segment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Raw bytes received for a feed, complete and durable. ``seq`` orders the receipts of an inbox."""

    id: str
    feed: str
    name: str
    size: int
    sha256: bytes
    received: int
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One pass of the gate. ``passed`` lists (Type/id, version, policy, segment) of what left.

    ``outcome`` is empty where the question was answered, however little with; else it is the HTTP status with which it
    was refused before anything was looked up, and a word for why.
    """

    at: int
    request_id: str
    client: str
    context: int
    purpose: str
    interaction: str
    target: str
    passed: Sequence[tuple[str, str, int, int]]
    outcome: str = ""


class Waiting(NamedTuple):
    """How much waits in the store: records in quarantine, messages in the outbox."""

    quarantined: int
    outbox: int


def keys_named(target: str, passed: Iterable[str]) -> set[int]:
    """The keys of everything that an entry names by an id of ours: in what was asked for, and in what left."""
    found = {row_key(*name.split("/", 1)) for name in passed}
    asked, _, query = target.partition("?")
    kind, slash, ident = asked.partition(" ")[0].partition("/")
    if slash:
        found.add(row_key(kind, ident))
    for item in query.split("&") if query else ():
        param, _, values = item.partition("=")
        for value in values.split(",") if values else ():
            name, slash, named = value.partition("/")
            if slash:
                found.add(row_key(name, named))
            elif param == "_id" or param in OF_PATIENT:
                found.add(row_key(kind if param == "_id" else "Patient", value))
    return found


class Numbered(NamedTuple):
    """An entry of the ledger with its place in it. The place is internal: it tells how much was asked before."""

    number: int
    entry: LedgerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerHead:
    """How many entries there are, and the digest of the last: whoever keeps it elsewhere sees whether they stay."""

    entries: int
    digest: bytes
