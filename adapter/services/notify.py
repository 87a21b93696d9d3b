"""What is sent to subscribers: claimed, decided again at the moment of sending, numbered, ledgered, and settled.

An event gets its number when it is first sent, one behind the other; what is no longer permitted by then is gone
without a number, so that it leaves no gap. What has a number keeps it: sent again it is decided again, and if it is no
longer permitted its entry has no focus.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from adapter.services.announcing import NOTIFICATION
from adapter.store.shapes import END
from adapter.store.subscriptions import Known, Share
from adapter.subscription.channel import REST_HOOK
from adapter.subscription.notification import Event, Heading
from adapter.subscription.status import after

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from adapter.services.announcing import Announcing
    from adapter.services.disclose import Caller, Served
    from adapter.services.leases import Leases
    from adapter.services.outgoing import Message, Outgoing, Persons
    from adapter.services.sealed_headers import HeaderSeal
    from adapter.services.subscribed import CallersOf, Readiness, Subscribed
    from adapter.services.together import Together
    from adapter.store.port import Store, Transaction
    from adapter.store.subscriptions import EventRow, SubscriptionRow
    from adapter.subscription.channel import Content
    from adapter.subscription.notification import Kind
    from adapter.subscription.status import Happening

SECOND: Final = 1_000_000
EACH: Final = 32
"""Subscriptions of one client at one host that one process sends for at the same time."""
KEPT: Final = 30 * 24 * 3600 * SECOND
"""Microseconds for which events can be asked for again."""


_UNTOLD: Final = b""
"""The key of no state: whatever is met next differs from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long it is tried. ``first`` and ``longest`` are seconds between two attempts, ``age`` seconds in all.

    ``draw`` gives a number from 0 to 1 by which each wait is shortened by up to half.
    """

    draw: Callable[[], float]
    first: float = 1.0
    longest: float = 900.0
    age: float = 3 * 24 * 3600.0

    def wait(self, attempts: int) -> int:
        """Microseconds until the next attempt, after so many that failed."""
        whole = min(self.longest, self.first * 2.0 ** min(attempts - 1, 40))
        return int(whole * (1 - self.draw() / 2) * SECOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A notification that is ready to leave: it is in the ledger. ``seqs`` are the events it tells.

    ``name`` is that by which the receiver tells a repeat, ``beside`` what has to lie beside it, if a channel has them.
    """

    row: SubscriptionRow
    endpoint: str
    headers: tuple[tuple[str, str], ...]
    timeout: int
    kind: Kind
    body: bytes
    seqs: tuple[int, ...]
    more: bool = False
    channel: str = REST_HOOK
    name: str = ""
    beside: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """What is to be sent, one subscription at a time."""

    store: Store
    together: Together
    leases: Leases
    gate: Announcing
    readiness: Readiness
    callers: CallersOf
    seal: HeaderSeal
    patience: Patience
    outgoing: Outgoing
    clock: Callable[[], int]
    new_id: Callable[[], str]

    async def claim(self, most: int, sending: Collection[SubscriptionRow] = ()) -> list[SubscriptionRow]:
        """Claim subscriptions for which something may be due. ``sending`` are those that are being sent to.

        One receiver has its share, and so have all that refused their last notification, so that those that do not
        answer keep nobody else waiting.
        """
        at = self.clock()
        ailing = sum(row.attempts > 0 for row in sending)
        share = Share(tuple(row.id for row in sending), EACH, max(0, (most + len(sending)) // 2 - ailing))
        lease = self.leases.until(at)

        async def work(change: Transaction) -> list[SubscriptionRow]:
            return await change.claim_subscriptions(at=at, lease=lease, most=most, share=share)

        rows = await self.together(work)
        self.leases.took(rows)
        return rows

    async def prepare(self, claimed: SubscriptionRow) -> Sending | None:
        """What to send next to a subscriber that was claimed; None if nothing, and then it is let go."""
        at = self.clock()
        one = self.readiness.of(claimed)
        callers = await self.callers(claimed, self.new_id())
        if claimed.status == "off" or one is None or at >= claimed.until or callers is None:
            await self._close(claimed, _why(claimed, one, at))
            return None
        if not self.outgoing.is_open(one):
            await self._close(claimed, "its endpoint is not registered any more")
            return None
        if claimed.status == "requested":
            return await self._quiet(one, callers, "handshake", at)
        sending = await self._events(one, callers, at)
        if sending is not None:
            return sending
        if one.wish.heartbeat and at >= claimed.spoke + one.wish.heartbeat * SECOND:
            return await self._quiet(one, callers, "heartbeat", at)
        await self._let_go(claimed, self._next(one, at))
        return None

    async def _quiet(self, one: Subscribed, callers: Sequence[Caller], kind: Kind, at: int) -> Sending:
        """A notification that tells of nobody."""
        await self.gate.note(callers[0], f"{NOTIFICATION}-{kind}", f"Subscription/{one.row.id}")
        return self._sending(one, kind, self.outgoing.quiet(one, heading(one), kind, at), ())

    async def _events(self, one: Subscribed, callers: Sequence[Caller], at: int) -> Sending | None:
        most = one.wish.most
        while True:
            waiting = await self.store.waiting_events(one.row.id, most + 1)
            if not waiting:
                return None
            rows = waiting[:most]
            persons = await self.outgoing.persons(callers, one, rows)
            found = await self.decided(callers, rows, persons)
            fresh = [row for row in rows if row.number is None and row.notice == "event"]
            gone = [row for row in fresh if row.name not in found or self.outgoing.untold(one, row, found, persons)]
            kept = [row for row in rows if row not in gone]
            last = await self.together(partial(self._number, one, gone, kept))
            if last is None:
                return None
            if kept:
                break
        number = last - sum(row.number is None for row in kept)
        told = []
        for row in kept:
            if row.number is None:
                number += 1
            told.append(row if row.number is not None else row._replace(number=number))
        found = await self.entered(callers, one, told, NOTIFICATION, persons)
        events = [(row, event(row, found, one.wish.content)) for row in told]
        message = self.outgoing.events(one, heading(one, events=last), events, found, persons, at)
        if self.clock() >= self.leases.of(one.row):
            return None  # This process was held up, and somebody else may have sent it and more since.
        seqs = tuple(row.seq for row in told)
        return self._sending(one, "event-notification", message, seqs, more=len(waiting) > len(rows))

    async def _number(
        self, one: Subscribed, gone: Sequence[EventRow], kept: Sequence[EventRow], change: Transaction
    ) -> int | None:
        """Drop what may not be told and number the rest; the highest number, None if others send meanwhile."""
        if not await change.holds(one.row.id, revision=one.row.revision, lease=self.leases.of(one.row)):
            return None
        # It was not told, so that it is news when it is permitted again. What was told of it before is still known, so
        # that it can be taken back.
        await change.learn(one.row.id, [Known(*row[1:4], _UNTOLD, sent=False) for row in gone])
        await change.drop_events([row.seq for row in gone])
        return await change.number_events(one.row.id, [row.seq for row in kept if row.number is None])

    async def decided(
        self, callers: Sequence[Caller], rows: Sequence[EventRow], persons: Persons | None = None
    ) -> Mapping[str, Served]:
        """What may be told of events at this moment, to all of these, and of whom they are about."""
        names = [row.name for row in rows if row.notice == "event"]
        names += [name for named in (persons or {}).values() for name in named]
        first, *others = callers
        found = await self.gate.may(first, names)
        for other in others:
            theirs = await self.gate.may(other, list(found))
            found = {name: served for name, served in found.items() if name in theirs}
        return found

    async def entered(
        self,
        callers: Sequence[Caller],
        one: Subscribed,
        told: Sequence[EventRow],
        interaction: str,
        persons: Persons | None = None,
    ) -> Mapping[str, Served]:
        """What may be told of events at this moment; in the ledger for everyone who is told, before anything leaves."""
        numbers = [row.number for row in told if row.number is not None]
        target = f"Subscription/{one.row.id} {min(numbers)}-{max(numbers)}" if numbers else f"Subscription/{one.row.id}"
        names = [row.name for row in told if row.notice == "event" and one.wish.content != "empty"]
        first, *others = callers
        if others or persons:
            permitted = await self.decided(callers, told, persons)
            names = [name for name in names if name in permitted]
            # Of whom nothing leaves, nobody is named either.
            people = [(persons or {}).get(row.patient, ()) for row in told if row.name in names]
            names += [name for named in people for name in named if name in permitted]
        found = await self.gate.enter(first, names, target=target, interaction=interaction)
        for other in others:
            theirs = await self.gate.enter(other, list(found), target=target, interaction=interaction)
            found = {name: served for name, served in found.items() if name in theirs}
        return found

    def _sending(
        self, one: Subscribed, kind: Kind, message: Message, seqs: tuple[int, ...], *, more: bool = False
    ) -> Sending:
        return Sending(
            row=one.row,
            endpoint=one.wish.endpoint,
            headers=self.seal.open(one.row.id, one.row.secret),
            timeout=one.wish.timeout,
            kind=kind,
            body=message.body,
            seqs=seqs,
            more=more,
            channel=one.wish.channel,
            name=message.name,
            beside=message.beside,
        )

    def _next(self, one: Subscribed, at: int) -> int:
        """When there is something to do for a subscription again if no event comes."""
        beats = max(one.row.spoke, at - one.wish.heartbeat * SECOND) + one.wish.heartbeat * SECOND
        return min(one.row.until, beats if one.wish.heartbeat else END)

    async def _let_go(self, claimed: SubscriptionRow, due: int) -> None:
        await self.together(partial(self._release, claimed, due))

    async def _release(self, row: SubscriptionRow, due: int, change: Transaction, *, keep: bool = False) -> None:
        """Let go, or ``keep`` it, by the lease as it was renewed."""
        await change.release(row, due=due, lease=self.leases.of(row), keep=keep)

    async def accepted(self, sending: Sending, *, go_on: bool = False) -> SubscriptionRow | None:
        """The subscriber took it. To ``go_on`` if more waits, `prepare` what is returned; else it is let go."""
        at = self.clock()
        keep = go_on and sending.more
        one = self.readiness.of(sending.row)
        row = sending.row
        status = after(row.status, "accepted")  # type: ignore[arg-type]  # one of the four, by a check of the table
        row = replace(row, status=status, reason="", attempts=0, failing=None, spoke=at)
        due = at if sending.more or one is None else self._next(replace(one, row=row), at)

        async def work(change: Transaction) -> None:
            await change.accepted(row.id, sending.seqs, at=at)
            await self._release(row, due, change, keep=keep)

        await self.together(work)
        return row if keep else None

    async def refused(self, sending: Sending, reason: str, *, after_seconds: float = 0.0, final: bool = False) -> None:
        """The subscriber did not take it: it is tried again later, or not at all any more.

        ``final``: it never takes these events. They are given up and what is behind them is told.
        """
        at = self.clock()
        row = sending.row
        failing = row.failing if row.failing is not None else at
        attempts = row.attempts + 1
        tired = at - failing >= self.patience.age * SECOND
        happening: Happening = "given-up" if tired else "refused"
        status = after(row.status, happening)  # type: ignore[arg-type]
        wait = max(self.patience.wait(attempts), int(after_seconds * SECOND))
        row = replace(row, status=status, reason=reason, attempts=attempts, failing=failing)
        never = final and bool(sending.seqs) and not tired
        if not tired and not never:
            await self._let_go(row, at + wait)
            return
        row = replace(row, attempts=0, failing=None)
        due = at if never else min(row.until, END)

        async def work(change: Transaction) -> None:
            await change.give_up(row.id, sending.seqs if never else None, at=at)
            await self._release(row, due, change)

        await self.together(work)

    async def _close(self, claimed: SubscriptionRow, reason: str) -> None:
        await self._let_go(replace(claimed, status="off", reason=reason), END)

    async def replay(self, ident: str) -> int:
        """Send again what was given up, and what is waiting at once; how many events were given up."""
        at = self.clock()
        row = await self.store.subscription(ident)
        if row is None or row.status == "off":
            return 0
        async with self.store.transaction() as change:
            count = await change.revive(ident)
            await change.put_subscription(replace(row, due=at, lease=0, attempts=0, failing=None))
        return count

    async def tidy(self) -> None:
        """Forget events that were taken longer ago than they are kept."""
        async with self.store.transaction() as change:
            await change.forget_accepted(before=self.clock() - KEPT)


def _why(claimed: SubscriptionRow, one: Subscribed | None, at: int) -> str:
    """Why a subscription is closed."""
    if claimed.status == "off":
        return claimed.reason
    if one is None:
        return "its topic is not offered any more"
    if at >= claimed.until:
        return "it has reached its end"
    return "nobody may be told any more: registration, agreement or signature has ended"


def heading(one: Subscribed, *, events: int | None = None) -> Heading:
    """What a notification says of a subscription. With nothing told of events, the topic is not told either."""
    return Heading(
        subscription=one.row.id,
        topic=None if one.wish.content == "empty" else one.topic.url,
        status=one.row.status,
        events=one.row.events if events is None else events,
        errors=(one.row.reason,) if one.row.status == "error" and one.row.reason else (),
    )


def event(row: EventRow, found: Mapping[str, Served], content: Content) -> Event:
    """An event as it is told: without focus where the subscriber wants none, or it is no longer permitted."""
    named = content != "empty" and (row.notice != "event" or row.name in found)
    served = found.get(row.name)
    body = served.body if served is not None and content == "full-resource" else None
    return Event(
        number=row.number or 0,
        at=row.at,
        notice=row.notice,
        focus=row.name if named else None,
        body=body if row.notice == "event" else None,
    )
