"""The port of subscriptions: part of what every store must do.

What waits to be told is not a queue of changes. The patients of whom something changed are marked in the transaction of
the change; whoever looks at them compares what a subscriber may see now with what it was told last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

Notice = Literal["event", "recall", "stop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRow:
    """A subscription as stored. ``wish`` is JSON, ``secret`` its sealed headers; see the columns of the table."""

    id: str
    client: str
    user: str
    organisation: str
    purpose: str
    rights: tuple[str, ...]
    scopes: str
    topic: str
    wish: bytes
    secret: bytes
    status: str
    reason: str
    revision: int
    created: int
    updated: int
    until: int
    events: int = 0
    sweep: int | None = None
    looks: int = 0
    due: int = 0
    lease: int = 0
    attempts: int = 0
    failing: int | None = None
    spoke: int = 0


class Stirred(NamedTuple):
    """A patient of whom something changed; ``marks`` tells whether more did since."""

    patient: int
    marks: int


class Known(NamedTuple):
    """What a subscription was told of a resource; ``sent`` tells whether that left.

    ``via`` is the record by which the person was on the group that the subscription follows; None: it follows none.
    """

    rid: int
    patient: int
    name: str
    key: bytes
    sent: bool
    via: int | None = None


class EventRow(NamedTuple):
    """An event. ``number`` is None before it is first sent, ``accepted`` before the subscriber took it."""

    seq: int
    rid: int
    patient: int
    name: str
    notice: Notice
    at: int
    number: int | None
    accepted: int | None
    dead: int | None


class NewEvent(NamedTuple):
    """An event to be told."""

    rid: int
    patient: int
    name: str
    notice: Notice
    at: int


class Backlog(NamedTuple):
    """What waits of a subscription: events, since when the oldest does, and how many were given up."""

    waiting: int
    since: int | None
    dead: int


class Share(NamedTuple):
    """How much one receiver may take of those who send.

    ``sending`` are the subscriptions that are being sent to, of which, with those that are claimed, no more than
    ``each`` are those of one client at one host; ``ailing`` are how many more may be claimed whose last notification
    was refused.
    """

    sending: tuple[str, ...]
    each: int
    ailing: int


ALL: Final = Share((), 1 << 30, 1 << 30)
"""Whatever there is."""


class SubscriptionRecords(Protocol):
    """What a change of the store does about subscriptions."""

    async def stir(self, patients: Iterable[int]) -> None:
        """Mark patients to be looked at. What a change writes about somebody marks them by itself."""
        ...

    async def claim_stirred(self, *, at: int, lease: int, most: int) -> list[Stirred]:
        """Patients to look at, for nobody else until ``lease``; those that are due by time among them."""
        ...

    async def renew_stirred(self, lease: int, until: int) -> None:
        """What was claimed until ``lease`` is claimed until another instant."""
        ...

    async def settle_stirred(self, looked: Sequence[Stirred], *, lease: int) -> set[int]:
        """Take off what was claimed until ``lease``; which of them it still was. What changed meanwhile stays."""
        ...

    async def put_subscription(self, row: SubscriptionRow) -> None:
        """Store a subscription, new or changed; what is known to it and its events stay."""
        ...

    async def drop_subscription(self, ident: str) -> None:
        """Remove a subscription with everything that was kept for it."""
        ...

    async def sweep_step(self, row: SubscriptionRow, *, until: int | None, at: int) -> bool:
        """Note how far learning is, if it still stands where ``row`` says; None: it is done, and may be told."""
        ...

    async def sweeping(self, subscriptions: Collection[str]) -> dict[str, int]:
        """Those of these subscriptions that still learn what is true, and behind which patient."""
        ...

    async def passed_over(self, subscriptions: Collection[str]) -> None:
        """Somebody was looked at whom these subscriptions are still to learn of."""
        ...

    async def known(self, patients: Iterable[int]) -> list[tuple[str, Known]]:
        """What subscriptions were told of the records of patients, by their ids."""
        ...

    async def learn(self, subscription: str, rows: Iterable[Known]) -> None:
        """Keep what a subscription was told."""
        ...

    async def forget(self, subscription: str, rids: Collection[int]) -> None:
        """What a subscription was told of resources counts no more; events of them that have no number are gone."""
        ...

    async def add_events(self, subscription: str, events: Sequence[NewEvent]) -> None:
        """Put events behind those that wait; of a resource that waits without a number already, none."""
        ...

    async def claim_subscriptions(self, *, at: int, lease: int, most: int, share: Share = ALL) -> list[SubscriptionRow]:
        """Subscriptions for which something is to be sent, for nobody else until ``lease``; the well ones first."""
        ...

    async def renew(self, held: Sequence[tuple[str, int]], *, until: int) -> set[str]:
        """Prolong leases, given by subscription and the instant they end; those that were still held."""
        ...

    async def holds(self, ident: str, *, revision: int, lease: int) -> bool:
        """Whether a claimed subscription is still at this revision, and claimed until this instant."""
        ...

    async def release(self, row: SubscriptionRow, *, due: int, lease: int | None = None, keep: bool = False) -> None:
        """Let a claimed subscription go, with what became of it, unless it was changed or claimed by others meanwhile.

        It is looked at again when ``due``, at once if events wait and nothing failed. ``lease`` is its lease where that
        is not the one of ``row`` any more. With ``keep`` what became of it is noted and it stays claimed.
        """
        ...

    async def number_events(self, subscription: str, seqs: Sequence[int]) -> int:
        """Give events the next numbers, in this order; what they tell counts as sent. The highest number then."""
        ...

    async def drop_unnumbered(self, subscription: str) -> None:
        """Remove the events of a subscription that never left."""
        ...

    async def drop_events(self, seqs: Collection[int]) -> None:
        """Remove events that never left."""
        ...

    async def accepted(self, subscription: str, seqs: Collection[int], *, at: int) -> None:
        """The subscriber took these events."""
        ...

    async def give_up(self, subscription: str, seqs: Collection[int] | None = None, *, at: int) -> int:
        """Every event that waits with a number is dead, or of those only these; how many."""
        ...

    async def revive(self, subscription: str) -> int:
        """Dead events wait again; how many."""
        ...

    async def forget_accepted(self, *, before: int) -> None:
        """Remove events that were taken before an instant."""
        ...


class SubscriptionReads(Protocol):
    """What a store tells of subscriptions outside of changes."""

    def on_commit(self, call: Callable[[], None]) -> None:
        """Have this called after each change that this process commits."""
        ...

    def version(self) -> int:
        """A number that is another one after somebody, in this process or another, has committed a change."""
        ...

    async def subscriptions(self) -> list[SubscriptionRow]:
        """Every subscription, by id."""
        ...

    async def live_subscriptions(self) -> list[tuple[str, int, bool]]:
        """Those that are not off: id, revision, and whether they still learn what is true."""
        ...

    async def subscription(self, ident: str) -> SubscriptionRow | None:
        """One subscription."""
        ...

    async def stirring(self, *, at: int) -> bool:
        """Whether there may be somebody to look at, or something to learn."""
        ...

    async def anything_due(self, *, at: int) -> bool:
        """Whether something may be due to be sent."""
        ...

    async def waiting_events(self, subscription: str, most: int) -> list[EventRow]:
        """The next events to send, in order."""
        ...

    async def told_events(self, subscription: str, low: int, high: int) -> list[EventRow]:
        """Events by number, both ends included."""
        ...

    async def backlogs(self) -> Mapping[str, Backlog]:
        """What waits, by subscription; those of which nothing does are left out."""
        ...

    async def bounds_between(self, after: int, until: int) -> bool:
        """Whether an agreement begins or ends in ``(after, until]``."""
        ...

    async def stale(self, at: int) -> list[int]:
        """The custody feeds whose data is too old at an instant."""
        ...

    async def patients_after(self, after: int, most: int) -> list[int]:
        """The next patients, by key."""
        ...

    async def not_there(self, rids: Collection[int]) -> set[int]:
        """Which of these records are sealed, destroyed or gone."""
        ...
