"""The way in for software that writes over FHIR REST: what it asks for is carried out whole, or not at all.

A change becomes durable in one transaction of the store, with everything that follows from it, before anyone is told:
who is one person, what is in force, the summaries that others may be given. Whoever planned it sees whether another
change of the same source came between, and plans it again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from adapter.errors import InvalidResource, Rejected, Unavailable
from adapter.fhir.codec import parse
from adapter.fhir.instants import instant_text
from adapter.services.asked import Done
from adapter.services.writing_plan import kept
from adapter.store.shapes import LedgerEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from adapter.services.asked import Asked, Target
    from adapter.services.disclose import Caller
    from adapter.services.people import Told
    from adapter.services.settling import Settling
    from adapter.services.writing_plan import Plan, Planner
    from adapter.services.writing_rules import Writers
    from adapter.store.port import Ledger, Store, Transaction
    from adapter.store.shapes import ResourceWrite
    from adapter.store.written import Written

_ROUNDS: Final = 8
"""How often a change is planned again because another process changed the same source meanwhile."""
_PAUSE: Final = 32
"""Resources after which other answers may pass; a transaction of the store does not keep readers waiting."""


class Writing:
    """Carries out what clients write. ``clock`` gives epoch microseconds."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        *,
        writers: Writers,
        planner: Planner,
        settling: Settling,
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._writers = writers
        self._planner = planner
        self._settling = settling
        self._clock = clock
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def base_url(self) -> str:
        """The public FHIR base."""
        return self._planner.base_url

    def allow(self, caller: Caller, kinds: Iterable[tuple[str, str]]) -> None:
        """Refuse, before anything is read or looked up, interactions (interaction, type) that are not the caller's.

        ``NotAllowed`` without a feed or an agreement, ``OutOfScope`` without a scope, ``FeedClosed`` without contract.
        """
        at = self._clock()
        self._writers.allow(caller, self._writers.feed_of(caller, at), kinds, at)

    async def write(self, caller: Caller, asked: Sequence[Asked]) -> list[Done]:
        """Carry out changes together; what came of each, in their order. They are durable when this returns.

        ``RequestError`` of its kinds tells why nothing was changed.
        """
        self.allow(caller, [(name, one.kind) for one in asked for name in _interactions(one)])
        feed = self._writers.feed_of(caller, self._clock())
        async with self._turns[feed.records]:
            for _ in range(_ROUNDS):
                async with self._store.snapshot() as view:
                    try:
                        plan = await self._planner.plan(view, caller, feed, asked, self._clock())
                    except InvalidResource as error:
                        raise Rejected(error.issues) from None
                done = await self._carried_out(caller, plan)
                if done is not None:
                    await self._entered(caller, asked, done)
                    return [_readable(caller, one) for one in done]
        raise Unavailable("other processes change the records of this source all the time; send it again")

    async def _carried_out(self, caller: Caller, plan: Plan) -> list[Done] | None:
        """What came of a plan; None where it is outdated, and nothing was done."""
        if not plan.versions and not plan.gone:
            return [_done(one, {}) for one in plan.targets]
        async with self._store.transaction() as change:
            if await change.written_mark(plan.source) != plan.mark:
                return None
            at = self._clock()
            linked = await change.take_back(plan.gone, at=at)
            identities: list[Told] = [one.identity for one in plan.versions if one.identity is not None]
            batches = [*(one.writes for one in plan.versions), *plan.again]
            await change.expect([write for writes in batches for write in writes], {one.patient for one in identities})
            written = await self._put(change, batches, (caller.request_id, at))
            versions = kept(plan, self._planner, at)
            await change.put_written(plan.source, versions)
            await change.rederive(plan.underived, plan.derived)
            besides = (linked | plan.besides) - plan.gone.keys()
            await self._settling.settle(change, written, identities, source=plan.source, at=at, besides=besides)
        known = {one.written.rid: one.written for one in versions}
        return [_done(one, known) for one in plan.targets]

    @staticmethod
    async def _put(
        change: Transaction, batches: Sequence[Sequence[ResourceWrite]], origin: tuple[str, int]
    ) -> list[ResourceWrite]:
        request, at = origin
        written: list[ResourceWrite] = []
        for number, writes in enumerate(batches, 1):
            changed = await change.put(writes, at=at, origin=(request, number))
            written += [write for write, new in zip(writes, changed, strict=True) if new]
            if number % _PAUSE == 0:
                await asyncio.sleep(0)
        return written

    async def _entered(self, caller: Caller, asked: Sequence[Asked], done: Sequence[Done]) -> None:
        """One row of the ledger for each change, before its writer is told."""
        at = self._clock()
        await asyncio.gather(
            *(
                self._ledger.append(
                    LedgerEntry(
                        at=at,
                        request_id=caller.request_id,
                        client=caller.client,
                        context=caller.context,
                        purpose=caller.purpose,
                        interaction=one.interaction,
                        target=f"{what.kind}/{what.id} {what.what}",
                        passed=(),
                    )
                )
                for one, what in zip(asked, done, strict=True)
            )
        )


def _interactions(asked: Asked) -> tuple[str, ...]:
    """What a change may turn out to be: a conditional update creates where nothing fits its criteria."""
    creates = asked.interaction == "update" and asked.criteria is not None
    return (asked.interaction, "create") if creates else (asked.interaction,)


def _readable(caller: Caller, done: Done) -> Done:
    """What was there before is handed out to those alone who may read it; what was sent just now is known."""
    if done.what != "existing" or caller.scopes is None or caller.scopes.covers(parse(done.body), "r"):
        return done
    return replace(done, body=b"")


def _done(target: Target, versions: dict[int, Written]) -> Done:
    """What came of a change, as its writer is told."""
    now = versions.get(target.rid, target.before)
    if target.is_deleted:
        return Done(what="deleted", kind=target.kind, id=target.id)
    what = "existing" if target.existing else "unchanged" if target.rid not in versions else "updated"
    if target.before is None and not target.existing:
        what = "created"
    if now is None:
        return Done(what=what, kind=target.kind, id=target.id)
    return Done(
        what=what,
        kind=target.kind,
        id=target.id,
        version=now.version,
        updated=instant_text(now.updated),
        body=now.body,
    )
