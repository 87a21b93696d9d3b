"""Finds what is to be told: compares what each subscriber may see now with what it was told last.

Not the change is looked at but the state, so it makes no difference why something may be told: because it is new, was
amended, a consent was signed or a link confirmed for it, or time has come. What is permitted, asked for and was not
told becomes an event. What was told and is permitted no more is taken back or stopped. A stop at any moment loses
nothing: whoever was claimed and not settled is looked at again.

Everybody of whom something changed until a look is told of together, in the order of what a subscriber may know, so
that those among them whom it may not see shift nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from adapter.errors import Unavailable
from adapter.services.announcing import Looked
from adapter.services.panels import Following
from adapter.store.subscriptions import Known, NewEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.services.announcing import Announcing, Current
    from adapter.services.decisions import Decisions
    from adapter.services.disclose import Caller
    from adapter.services.panels import Panels
    from adapter.services.subscribed import CallersOf, Readiness, Subscribed
    from adapter.store.port import Store, Transaction
    from adapter.store.subscriptions import Notice, Stirred
    from adapter.subscription.topic import State

LEASE: Final = 60_000_000
"""Microseconds for which nobody else looks at whom somebody looks at."""
MOST: Final = 5_000
"""Patients that are told of together at most. Beyond it who comes first is by their keys, which tell nothing."""
PIECE: Final = 200
"""Patients that are looked at in one go."""
HELD: Final = 300_000
"""What is held of patients and subscriptions at a time, counted as pairs of the two."""
LEARNED: Final = 50_000
"""What is learned together at most, counted as pairs of patient and subscription."""
_OPEN: Final = "justice"
"""The regime of records of which everybody who may see them may know where they are from."""


class Seen(NamedTuple):
    """What a subscription is to be told of one patient, as of one look; ``via``: see `Known`."""

    states: Mapping[int, tuple[Current, State]]
    person: bool
    permitted: frozenset[int]
    via: int | None = None


@dataclass(slots=True)
class Outcome:
    """What follows for one subscription."""

    learn: list[Known] = field(default_factory=list)
    forget: set[int] = field(default_factory=set)
    events: list[tuple[int, NewEvent]] = field(default_factory=list)
    due: set[tuple[int, int]] = field(default_factory=set)


class Reconciler:
    """Looks at whom something changed of. ``salt`` tells the leases of this process from those of others."""

    def __init__(  # noqa: PLR0913 - each is another part that it joins
        self,
        store: Store,
        gate: Announcing,
        readiness: Readiness,
        callers: CallersOf,
        decisions: Decisions,
        panels: Panels,
        *,
        zone: ZoneInfo,
        clock: Callable[[], int],
        salt: int,
    ) -> None:
        self._store = store
        self._gate = gate
        self._readiness = readiness
        self._callers = callers
        self._decisions = decisions
        self._panels = panels
        self._zone = zone
        self._clock = clock
        self._salt = salt
        self._chunk = PIECE
        self._most = 0

    async def look(self) -> int:
        """Look at whom something changed of since the last look; how many they were."""
        at = self._clock()
        lease = at + LEASE + self._salt
        self._most = self._most or _together(len(await self._store.live_subscriptions()))
        async with self._store.transaction() as change:
            stirred = await change.claim_stirred(at=at, lease=lease, most=self._most)
        if not stirred:
            return 0
        subscribed = await self._live()
        self._most = _together(len(subscribed))
        seen: dict[tuple[str, int], Seen] = {}
        able: list[Stirred] = []
        for first in range(0, len(stirred), PIECE):
            piece = stirred[first : first + PIECE]
            try:
                seen |= await self._seen(subscribed, [one.patient for one in piece], at)
                able += piece
            except Unavailable:
                found, some = await self._one_by_one(subscribed, piece, at)
                seen |= found
                able += some
            lease = await self._renewed(lease)
        async with self._store.transaction() as change:
            await self._tell(change, subscribed, able, seen, at=at, lease=lease)
        return len(able)

    async def _renewed(self, lease: int) -> int:
        """A lease that lasts until the next piece is done."""
        until = self._clock() + LEASE + self._salt
        if until - lease < LEASE // 3:
            return lease
        async with self._store.transaction() as change:
            await change.renew_stirred(lease, until)
        return until

    async def _one_by_one(
        self, subscribed: Sequence[Subscribed], stirred: Sequence[Stirred], at: int
    ) -> tuple[dict[tuple[str, int], Seen], list[Stirred]]:
        """The same for each by itself: who cannot be decided now waits for the end of the lease, and keeps nobody."""
        seen: dict[tuple[str, int], Seen] = {}
        settled = []
        for one in stirred:
            with suppress(Unavailable):
                seen |= await self._seen(subscribed, [one.patient], at)
                settled.append(one)
        return seen, settled

    async def spread(self) -> None:
        """Mark whoever came into a group that somebody follows."""
        if changed := await self._panels.changed():
            followed = {ident for one in await self._live() for ident in one.filters.panels}
            await self._panels.spread(changed, followed)

    async def _live(self) -> list[Subscribed]:
        live = await self._store.live_subscriptions()
        self._readiness.forget({ident for ident, _, _ in live})
        ready = [await self._ready(ident, revision) for ident, revision, _ in live]
        return [one for one in ready if one is not None]

    async def _ready(self, ident: str, revision: int) -> Subscribed | None:
        known = self._readiness.known(ident, revision)
        if known is not None:
            return known
        row = await self._store.subscription(ident)
        return None if row is None else self._readiness.of(row)

    async def _tell(
        self,
        change: Transaction,
        subscribed: Sequence[Subscribed],
        stirred: Sequence[Stirred],
        seen: Mapping[tuple[str, int], Seen],
        *,
        at: int,
        lease: int,
    ) -> None:
        held = sorted(await change.settle_stirred(stirred, lease=lease))
        # What a subscription is still to learn of, and whether it still is, is known inside the transaction.
        sweeping = await change.sweeping([one.row.id for one in subscribed])
        known: dict[str, dict[int, dict[int, Known]]] = {}
        for ident, row in await change.known(held):
            known.setdefault(ident, {}).setdefault(row.patient, {})[row.rid] = row
        passed: set[str] = set()
        concerned = {ident for (ident, _), one in seen.items() if one.states} | known.keys() | sweeping.keys()
        for one in subscribed:
            ident = one.row.id
            if ident not in concerned:
                continue
            mine = [patient for patient in held if (ident, patient) in seen]
            behind = [patient for patient in mine if ident in sweeping and patient > sweeping[ident]]
            if behind:
                passed.add(ident)
            mine = [patient for patient in mine if patient not in behind]
            told = known.get(ident, {})
            if not told and not any(seen[ident, patient].states for patient in mine):
                continue
            outcome = Outcome()
            for patient in mine:
                await self._compare(one, patient, seen[ident, patient], told.get(patient, {}), outcome, at)
            await _keep(change, ident, outcome)
        await change.passed_over(passed)

    async def _compare(
        self, one: Subscribed, patient: int, seen: Seen, known: Mapping[int, Known], outcome: Outcome, at: int
    ) -> None:
        """What is new, and what is not there any more."""
        for rid, (current, state) in seen.states.items():
            _weigh(outcome, current, state, known.get(rid), at, via=seen.via)
        gone = [row for rid, row in known.items() if rid not in seen.states]
        if not gone:
            return
        # What is still permitted and only fits the filters no more needs no word; another person's record does.
        absent = await self._store.not_there([row.rid for row in gone])
        parted = not seen.person and await self._parted(one, patient)
        left = {row.via for row in gone if row.via is not None}
        left -= await self._gate.joined(patient) if left else set()
        for row in gone:
            if row.rid in absent or parted or row.via in left:
                _end(outcome, row, "recall", at)
            elif row.rid not in seen.permitted:
                _end(outcome, row, "stop", at)

    async def _parted(self, one: Subscribed, patient: int) -> bool:
        """Whether a record is no longer that of anybody whom a subscription names, whoever sees it."""
        if not one.filters.patients:
            return False
        names = set()
        async with self._store.snapshot() as view:
            for rid in await self._gate.joined(patient):
                row = await view.row(rid)
                if row is not None:
                    names.add(f"Patient/{row.id}")
        return any(group.isdisjoint(names) for group in one.filters.patients)

    async def learn(self) -> bool:
        """Let new subscriptions learn what is true before they are told anything; whether there is more to learn.

        Those that have come equally far learn together.
        """
        at, more = self._clock(), False
        groups: dict[int, list[Subscribed]] = {}
        for ident, _, learns in await self._store.live_subscriptions():
            row = await self._store.subscription(ident) if learns else None
            one = None if row is None else self._readiness.of(row)
            if one is not None and one.row.sweep is not None:
                groups.setdefault(one.row.sweep, []).append(one)
        for sweep, group in sorted(groups.items()):
            more |= await self._learn(group, sweep, at)
        return more

    async def _learn(self, group: Sequence[Subscribed], sweep: int, at: int) -> bool:
        """The next patients for subscriptions that stand behind the same one; whether there is more for them."""
        chunk = max(1, min(self._chunk, LEARNED // len(group)))
        patients = await self._store.patients_after(sweep, chunk)
        seen = await self._seen(group, patients, at)
        until = patients[-1] if len(patients) == chunk else None
        more = crossed = False
        async with self._store.transaction() as change:
            for one in group:
                if patients and (one.row.id, patients[0]) not in seen:
                    continue  # Nobody may be told any more; whoever sends closes it.
                if not await change.sweep_step(one.row, until=until, at=at):
                    crossed = True
                    continue
                more |= until is not None
                outcome = Outcome()
                for patient in patients:
                    _learned(outcome, patient, seen[one.row.id, patient])
                await _keep(change, one.row.id, outcome)
        # Somebody in this chunk was looked at meanwhile: a smaller one takes less time.
        self._chunk = max(1, self._chunk // 2) if crossed else PIECE
        return more or crossed

    async def _seen(
        self, subscribed: Sequence[Subscribed], patients: Sequence[int], at: int
    ) -> dict[tuple[str, int], Seen]:
        """What each subscription is to be told of each patient. Those of one caller look once."""
        found: dict[tuple[str, int], Seen] = {}
        groups: dict[tuple[object, ...], list[Subscribed]] = {}
        rolls = await self._panels.rolls({ident for one in subscribed for ident in one.filters.panels})
        for one in subscribed:
            row = one.row
            key = (row.topic, row.client, row.user, row.organisation, row.purpose, row.scopes, *one.wish.recipients)
            groups.setdefault(key, []).append(one)
        for group in groups.values():
            topic, asking = group[0].topic, await self._callers(group[0].row, "")
            if asking is None:
                continue
            for patient in patients:
                # Requests are answered and notifications leave meanwhile.
                await asyncio.sleep(0)
                looked = await self._all_see(asking, topic.kinds, patient, at)
                states = {
                    one.rid: (one, state)
                    for one in looked.resources
                    if (state := topic.state(one.resource, at=at, zone=self._zone)) is not None
                }
                permitted = frozenset(one.rid for one in looked.resources)
                names = {name for _, name in looked.persons}
                following = Following(self._gate, asking[0], rolls, looked.persons)
                for one in group:
                    person, via = one.filters.person(names), None
                    if person and states and one.filters.panels:
                        via = await following.via(one.filters.panels)
                        person = via is not None
                    asked = await self._asked(one, states) if person else {}
                    # What it says was compared and is not needed any more.
                    kept = {rid: (current._replace(resource={}), state) for rid, (current, state) in asked.items()}
                    found[one.row.id, patient] = Seen(kept, person, permitted, via)
        return found

    async def _all_see(self, callers: Sequence[Caller], kinds: Sequence[str], patient: int, at: int) -> Looked:
        """What all of these callers see, as the first of them does."""
        first, *others = callers
        looked = await self._gate.look(first, kinds, patient, at=at)
        for other in others:
            theirs = await self._gate.look(other, kinds, patient, at=at)
            rids, names = {one.rid for one in theirs.resources}, {rid for rid, _ in theirs.persons}
            looked = Looked(
                [one for one in looked.resources if one.rid in rids],
                [one for one in looked.persons if one[0] in names],
            )
        return looked

    async def _asked(
        self, one: Subscribed, states: Mapping[int, tuple[Current, State]]
    ) -> Mapping[int, tuple[Current, State]]:
        filters = one.filters
        if not (filters.agencies or filters.facilities or filters.results or filters.search):
            return states
        found = {}
        for rid, (current, state) in states.items():
            agency = await self._agency(current.segment) if filters.agencies or filters.facilities else ""
            if state.error or filters.resource(current.resource, agency, self._zone):
                found[rid] = current, state
        return found

    async def _agency(self, number: int) -> str:
        segment = await self._decisions.segment(number)
        return segment.unit if segment.regime == _OPEN else ""


def _together(subscriptions: int) -> int:
    """How many patients are told of together."""
    return max(PIECE, min(MOST, HELD // max(1, subscriptions)))


def _learned(outcome: Outcome, patient: int, seen: Seen) -> None:
    """What is true already of a patient, and is not told."""
    for rid, (current, state) in seen.states.items():
        if state.key is not None:
            outcome.learn.append(Known(rid, patient, current.name, state.key, sent=False, via=seen.via))
        if state.due is not None:
            outcome.due.add((state.due, patient))


def _weigh(
    outcome: Outcome, current: Current, state: State, before: Known | None, at: int, *, via: int | None = None
) -> None:
    """What follows from a resource that a subscriber may see, by what it was told of it before."""
    if state.due is not None:
        outcome.due.add((state.due, current.patient))
    if state.error and before is not None:
        _end(outcome, before, "recall", at)
    elif state.key is not None and (before is None or before.key != state.key):
        outcome.learn.append(Known(current.rid, current.patient, current.name, state.key, sent=False, via=via))
        if before is not None or state.first:
            event = NewEvent(current.rid, current.patient, current.name, "event", at)
            outcome.events.append((current.updated, event))


def _end(outcome: Outcome, row: Known, notice: Notice, at: int) -> None:
    """What was told of a resource counts no more; if it left, that is said."""
    outcome.forget.add(row.rid)
    if row.sent:
        outcome.events.append((at, NewEvent(row.rid, row.patient, row.name, notice, at)))


async def _keep(change: Transaction, ident: str, outcome: Outcome) -> None:
    await change.forget(ident, outcome.forget)
    await change.learn(ident, outcome.learn)
    # By what the subscriber may know, so that nothing withheld shows in the order.
    told: Iterable[NewEvent] = (
        event for _, event in sorted(outcome.events, key=lambda one: (one[0], one[1].name, one[1].notice))
    )
    await change.add_events(ident, list(told))
    await change.mark_boundaries(sorted(outcome.due))
