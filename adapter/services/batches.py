"""Batches of a feed, each written with everything that follows from it in one transaction.

What runs late, after a crash or from quarantine, never takes back what a later record of the feed has brought.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.services.superseded import follows

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from adapter.services.amend import Amended, Amender
    from adapter.services.assemble import Assembled
    from adapter.services.backlog import Backlog
    from adapter.services.feed_line import Batch, FeedLine
    from adapter.services.feed_work import FeedWork
    from adapter.services.people import Told
    from adapter.services.report import FeedReport
    from adapter.services.rosters import Endings
    from adapter.services.settling import Settling
    from adapter.services.superseded import Superseded
    from adapter.store.port import Store, Transaction
    from adapter.store.shapes import Receipt, ResourceWrite

_HOUR = 3_600_000_000
"""Microseconds."""


class Batches:
    """Writes what records became."""

    def __init__(
        self,
        store: Store,
        lines: Mapping[str, FeedLine],
        *,
        backlog: Backlog,
        settling: Settling,
        amender: Amender,
        superseded: Superseded,
        work: FeedWork,
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._lines = lines
        self._backlog = backlog
        self._settling = settling
        self._amender = amender
        self._superseded = superseded
        self._work = work
        self._clock = clock

    async def write(
        self,
        batch: Batch,
        report: FeedReport,
        receipt: Receipt,
        position: int | None,
        *,
        done: bool,
        endings: Endings | None = None,
    ) -> None:
        """Write a batch, the counts so far and how far the receipt has come, in one transaction."""
        while True:
            amended = await self._amender.amend(batch.assembled, self._lines[receipt.feed].feed.records)
            await self._superseded.ready()
            async with self._store.transaction() as change:
                # What the amendments were made of may have changed meanwhile, in another process.
                if await amended.holds(change):
                    await self._written(change, batch, amended, report, receipt, position, done=done, endings=endings)
                    return

    async def _written(
        self,
        change: Transaction,
        batch: Batch,
        amended: Amended,
        report: FeedReport,
        receipt: Receipt,
        position: int | None,
        *,
        done: bool,
        endings: Endings | None,
    ) -> None:
        at = self._clock()
        await change.expect(
            [write for _, assembled in amended.assembled for write in assembled.writes],
            {assembled.identity.patient for _, assembled in amended.assembled if assembled.identity is not None},
        )
        # Asked inside the transaction: what another process received and wrote meanwhile must not be taken back.
        # Only a first run of the newest receipt can bring nothing that is outdated.
        later = await self._backlog.later(change, receipt)
        written: list[ResourceWrite] = []
        identities: list[Told] = []
        brought: list[Assembled] = []
        for line, assembled in amended.assembled:
            origin = receipt.id, line
            left = assembled
            if position is None or later:
                left = await self._left(change, assembled, origin, later, report)
            written += await self._put(change, left, origin, report, at)
            brought.append(left)
            if left.identity is not None and left.identity.patient not in change.refused:
                identities.append(left.identity)
        if change.refused:
            # Its source still sends what was destroyed here: somebody should tell them.
            report.warnings["destroyed record"] += len(change.refused)
        lost = await self._superseded.follow(change, follows(brought), written, at=at)
        if lost:
            report.warnings["superseded summary"] += len(lost)
        feed = self._lines[receipt.feed].feed
        written += await self._work.rosters.follow(
            change, feed, receipt, batch.named, report=report, later=later, endings=endings, at=at
        )
        orders = {one.rid: one for _, assembled in amended.assembled for one in assembled.orders}
        new = [orders[one.rid] for one in written if one.rid in orders] if orders else []
        await self._work.keep(change, receipt, codes=batch.unlisted, orders=new, at=at)
        merging = {
            write.rid
            for _, assembled in amended.assembled
            for write in assembled.writes
            if write.type == "Patient" and write.relations and write.rid not in change.refused
        }
        report.links += await self._settling.settle(
            change, written, identities, merging=merging, source=feed.records, at=at
        )
        await change.tell(amended.told)
        await change.quarantine(batch.quarantine, at=at)
        await change.raise_alerts(batch.alerts, at=at)
        for ident in batch.released:
            await change.release_quarantined(ident)
        if position is not None:
            await change.set_progress(receipt.id, records=position, report=report.to_json(), done=done)
        # A file of which nothing could be read tells nothing about who is in custody.
        if done and tells(report):
            await self.freshen(change, receipt.feed, receipt.received, at=at)

    async def freshen(self, change: Transaction, feed: str, told: int, *, at: int) -> None:
        """Count with what a roster told at an instant of who is in custody, where the feed says for how long."""
        hours = self._lines[feed].feed.custody_hours
        if hours is not None:
            await change.freshen(feed, until=told + hours * _HOUR, at=at)

    @staticmethod
    async def _left(
        change: Transaction,
        assembled: Assembled,
        origin: tuple[str, int],
        later: Collection[str],
        report: FeedReport,
    ) -> Assembled:
        """What no later record has brought already. A revocation must not be undone by a mended release."""
        receipt, line = origin
        # What amends is put in order by the events it tells of.
        old = [
            write.rid not in assembled.amends
            and await change.outdated(write.rid, receipt=receipt, line=line, later=later)
            for write in assembled.writes
        ]
        for late, write in zip(old, assembled.writes, strict=True):
            if late and not write.seed:
                # Nothing of the line is written, and its bytes tell of the record all the same: both are destroyed.
                await change.came_of(write.rid, receipt, line)
        # The shares of a consent are as old as it is: one that was never given out before says nothing of its age.
        signed = any(late for late, write in zip(old, assembled.writes, strict=True) if write.type == "Consent")
        writes = [
            write
            for late, write in zip(old, assembled.writes, strict=True)
            if not late and not (signed and write.type == "Consent")
        ]
        # What follows from a record that is late is as late as it is, though nothing later may have told it.
        outdated = {write.rid for late, write in zip(old, assembled.writes, strict=True) if late}
        writes = [
            write
            for write in writes
            if not any(kind == "derived-from" and other in outdated for kind, other in write.relations)
        ]
        report.unchanged += len(assembled.writes) - len(writes)
        told = any(write.type == "Patient" for write in writes)
        return assembled._replace(writes=writes, identity=assembled.identity if told else None)

    @staticmethod
    async def _put(
        change: Transaction, assembled: Assembled, origin: tuple[str, int], report: FeedReport, at: int
    ) -> list[ResourceWrite]:
        """Put the resources of one record; those that made a new version."""
        changed = await change.put(assembled.writes, at=at, origin=origin)
        written = [write for write, new in zip(assembled.writes, changed, strict=True) if new]
        report.unchanged += len(changed) - len(written)
        for write in written:
            report.written[write.type] += 1
        return written


def tells(report: FeedReport) -> bool:
    """Whether a file tells who is in custody: something could be read, and nobody is missing who may still be there."""
    return report.records > report.quarantined.total() and not report.absent
