"""Extracts in: received bytes are kept first, then read, mapped, assembled and written in batches.

A batch, the counts so far and how far the receipt has come are one transaction: after a crash the rest is read
again from the inbox and nothing is lost or doubled. What cannot be used waits in quarantine with its reason. Whatever
runs late, after a crash or from quarantine, never takes back what a later record of the feed has brought.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from adapter.errors import InvalidResource, RecordError
from adapter.services.backlog import Backlog
from adapter.services.feed_line import Batch, FeedLine, seldom_collected
from adapter.services.gone import DELETED, Gone
from adapter.services.report import FeedReport
from adapter.services.revocations import with_revocations
from adapter.services.rosters import named
from adapter.source import Malformed
from adapter.store.shapes import QuarantinedRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from adapter.services.amend import Amended, Amender
    from adapter.services.assemble import Assembled
    from adapter.services.feed_work import FeedWork
    from adapter.services.in_force import InForce
    from adapter.services.people import People, Told
    from adapter.services.rosters import Endings
    from adapter.settings import Feed
    from adapter.source import SourceRecord
    from adapter.store.port import Inbox, Store, Transaction
    from adapter.store.shapes import Receipt, ResourceWrite

LEAVES = ("mapped", "lossy", "ignored", "unmapped")
BATCH = 2_000
"""Records per transaction. Ids are hashes, so a batch touches pages all over the store: a larger one fewer a record."""
_HOUR = 3_600_000_000
"""Microseconds."""


class Ingest:
    """Runs feeds. Give it a receipt and it brings the store to where the receipt says it is."""

    def __init__(  # noqa: PLR0913 - everything that follows from an extract, wired once
        self,
        store: Store,
        inbox: Inbox,
        lines: Mapping[str, FeedLine],
        *,
        people: People,
        amender: Amender,
        in_force: InForce,
        work: FeedWork,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        admit: Callable[[str, int], None],
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._backlog = Backlog(store, inbox)
        self._lines = lines
        self._people = people
        self._amender = amender
        self._in_force = in_force
        self._work = work
        self._clock = clock
        self._new_id = new_id
        self._admit = admit
        self._gone = Gone(store, inbox)

    @property
    def lines(self) -> Mapping[str, FeedLine]:
        """The feeds that are ready to run, by name."""
        return self._lines

    async def receive(self, feed: str, name: str, stream: BinaryIO) -> Receipt:
        """Keep raw bytes durably; the last file of this name sent again gives its receipt.

        Raises ``FeedClosed``, before a byte is taken, while no contract that covers the feed is in force. A roster in
        which nothing changed says that everyone in it is still in custody.
        """
        at = self._clock()
        self._admit(feed, at)
        receipt = await self._inbox.keep(receipt=self._new_id(), feed=feed, name=name, stream=stream, at=at)
        if receipt.received < at and self._lines[feed].feed.custody_hours is not None:
            state = await self._store.progress(receipt.id)
            if state is not None and state[2] and _told(FeedReport.from_json(state[1])):
                async with self._store.transaction() as change:
                    await self._freshen(change, feed, at)
        return receipt

    async def process(
        self,
        receipt: Receipt,
        *,
        progress: Callable[[int, int], None] | None = None,
        batch_size: int | None = None,
        pause: Callable[[], Awaitable[None]] | None = None,
    ) -> FeedReport:
        """Bring a receipt into the store, from where it stands. Returns the report over all of it.

        ``progress`` is told how many records are in the store and how many bytes were read for them. ``batch_size`` are
        the records of one transaction; ``pause`` is awaited after each record, outside of transactions.
        """
        most = batch_size or BATCH
        line = self._lines[receipt.feed]
        done, report, finished = await self._begun(receipt)
        if finished:
            return report
        revoked = await self._revocations(line.feed)
        batch, position = Batch(), done
        again = await self._inbox.repeated(receipt.id)
        received = self._inbox.open(receipt.id)
        with received.stream as stream, seldom_collected():
            for ordinal, item in enumerate(line.connector.records(stream, line.options)):
                if ordinal < done:
                    continue
                position = ordinal + 1
                if item.position.line in again:
                    # A message of this batch that came before; since then a later one may have changed what it says.
                    report.warnings["repeated-message"] += 1
                    continue
                await self._take(line, with_revocations(item, revoked), ordinal, receipt, report, batch)
                if pause is not None:
                    await pause()
                if len(batch) >= most:
                    await self._write(batch, report, receipt, position, done=False)
                    batch = Batch()
                    if progress is not None:
                        progress(position, received.consumed)
            await self._write(batch, report, receipt, position, done=not line.feed.absence_releases)
            if line.feed.absence_releases:
                endings = await self._work.rosters.absent(line.feed, receipt, at=self._clock())
                await self._write(Batch(), report, receipt, position, done=True, endings=endings)
        if progress is not None:
            progress(position, receipt.size)
        return report

    async def _begun(self, receipt: Receipt) -> tuple[int, FeedReport, bool]:
        """How many records of a receipt are in the store, the report over them, and whether that is all."""
        earlier = await self._store.progress(receipt.id)
        if earlier is None:
            return 0, FeedReport(feed=receipt.feed, receipt=receipt.id), False
        return earlier[0], FeedReport.from_json(earlier[1]), earlier[2]

    async def pending(self, feed: str | None = None) -> list[Receipt]:
        """Receipts that are kept but not wholly in the store, oldest first: what a crash left to do.

        Those of a feed that the site no longer has wait until it has it again.
        """
        found: list[Receipt] = []
        for name in self._lines if feed is None else {feed} & self._lines.keys():
            found += await self._backlog.unfinished(name)
        return sorted(found, key=lambda receipt: receipt.seq)

    async def replay(self, feed: str | None = None) -> dict[str, FeedReport]:
        """Run every quarantined record again, with the mapping as it is now."""
        waiting: dict[str, dict[int, int]] = {}
        for record in await self._store.quarantined(feed):
            waiting.setdefault(record.receipt, {})[record.ordinal] = record.id
        reports: dict[str, FeedReport] = {}
        for receipt in await self._inbox.receipts(feed):
            if receipt.id in waiting and receipt.feed in self._lines:
                report = reports.setdefault(receipt.feed, FeedReport(feed=receipt.feed))
                await self._replay_receipt(receipt, waiting[receipt.id], report)
        return reports

    async def _replay_receipt(self, receipt: Receipt, waiting: Mapping[int, int], report: FeedReport) -> None:
        line, batch = self._lines[receipt.feed], Batch()
        self._gone.forget()
        revoked = await self._revocations(line.feed)
        received = self._inbox.open(receipt.id)
        with received.stream as stream:
            for ordinal, item in enumerate(line.connector.records(stream, line.options)):
                if ordinal not in waiting:
                    continue
                before = len(batch.quarantine)
                await self._take(line, with_revocations(item, revoked), ordinal, receipt, report, batch)
                if len(batch.quarantine) == before:
                    batch.released.append(waiting[ordinal])
                if len(batch) >= BATCH:
                    await self._write(batch, report, receipt, None, done=False)
                    batch = Batch()
        await self._write(batch, report, receipt, None, done=False)

    async def _take(
        self,
        line: FeedLine,
        item: SourceRecord | Malformed,
        ordinal: int,
        receipt: Receipt,
        report: FeedReport,
        batch: Batch,
    ) -> None:
        report.records += 1
        reason: tuple[str, str, str] | None = None
        if isinstance(item, Malformed):
            reason = (item.code, "", item.expected)
        else:
            try:
                told = item if item.kind != DELETED else await self._gone.retraction(line, item, receipt)
                if told is None:
                    report.unchanged += 1
                    return
                reason = await self._assemble(line, told, receipt, report, batch)
            except RecordError as error:
                reason = _reason(error)
                batch.unlisted.update(error.unlisted)
            except InvalidResource as error:
                first = error.issues[0]
                reason = ("invalid-resource", first.path, first.message)
        if reason is None:
            return
        code, element, expected = reason
        report.quarantined[code] += 1
        batch.hold(
            QuarantinedRecord(
                feed=receipt.feed,
                receipt=receipt.id,
                ordinal=ordinal,
                line=item.position.line,
                part=item.position.part,
                code=code,
                element=element,
                expected=expected,
                raw=item.raw,
            ),
            urgent=line.urgent(item, code),
        )

    async def _assemble(
        self, line: FeedLine, item: SourceRecord, receipt: Receipt, report: FeedReport, batch: Batch
    ) -> tuple[str, str, str] | None:
        mapped = line.mapping.map(item, line.environment)
        if item.consent:
            mapped = await self._work.consented(line.feed, mapped)
        assembled = await line.assembly.assemble(item, mapped, received=receipt.received)
        for name in LEAVES:
            report.leaves[name] += getattr(mapped.leaves, name)
        for path in mapped.unmapped:
            report.unmapped[path] += 1
        for warning in mapped.warnings:
            report.warnings[f"{warning.code} {warning.column}"] += 1
        report.warnings.update(assembled.remarks)
        for code, part in item.warnings:
            report.warnings[f"{code} {part}"] += 1
        report.held += assembled.held
        if mapped.unlisted:
            batch.unlisted.update(mapped.unlisted)
        if line.feed.absence_releases:
            batch.named += named(mapped, assembled.writes)
        batch.assembled.append((item.position.line, assembled))
        return None if assembled.problem is None else _reason(assembled.problem)

    async def _write(
        self,
        batch: Batch,
        report: FeedReport,
        receipt: Receipt,
        position: int | None,
        *,
        done: bool,
        endings: Endings | None = None,
    ) -> None:
        while True:
            amended = await self._amender.amend(batch.assembled, self._lines[receipt.feed].feed.records)
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
            [assembled.identity.facts for _, assembled in amended.assembled if assembled.identity is not None],
        )
        # Asked inside the transaction: what another process received and wrote meanwhile must not be taken back.
        # Only a first run of the newest receipt can bring nothing that is outdated.
        later = await self._backlog.later(change, receipt)
        written: list[ResourceWrite] = []
        identities: list[Told] = []
        for line, assembled in amended.assembled:
            origin = receipt.id, line
            left = assembled
            if position is None or later:
                left = await self._left(change, assembled, origin, later, report)
            written += await self._put(change, left, origin, report, at)
            if left.identity is not None and left.identity.facts.patient not in change.refused:
                identities.append(left.identity)
        if change.refused:
            # Its source still sends what was destroyed here: somebody should tell them.
            report.warnings["destroyed record"] += len(change.refused)
        feed = self._lines[receipt.feed].feed
        written += await self._work.rosters.follow(
            change, feed, receipt, batch.named, report=report, later=later, endings=endings, at=at
        )
        orders = {one.rid: one for _, assembled in amended.assembled for one in assembled.orders}
        new = [orders[one.rid] for one in written if one.rid in orders] if orders else []
        await self._work.keep(change, receipt, codes=batch.unlisted, orders=new, at=at)
        await self._settle(change, written, identities, report, at)
        await change.tell(amended.told)
        await change.quarantine(batch.quarantine, at=at)
        await change.raise_alerts(batch.alerts, at=at)
        for ident in batch.released:
            await change.release_quarantined(ident)
        if position is not None:
            await change.set_progress(receipt.id, records=position, report=report.to_json(), done=done)
        # A file of which nothing could be read tells nothing about who is in custody.
        if done and _told(report):
            await self._freshen(change, receipt.feed, receipt.received)

    async def _freshen(self, change: Transaction, feed: str, told: int) -> None:
        hours = self._lines[feed].feed.custody_hours
        if hours is not None:
            await change.freshen(feed, until=told + hours * _HOUR)

    async def _revocations(self, feed: Feed) -> Mapping[tuple[str, str], list[bytes]]:
        if not feed.forms:
            return {}
        async with self._store.transaction() as change:
            return await change.revocations(feed.feed)

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
        # The shares of a consent are as old as it is: one that was never given out before says nothing of its age.
        signed = any(late for late, write in zip(old, assembled.writes, strict=True) if write.type == "Consent")
        writes = [
            write
            for late, write in zip(old, assembled.writes, strict=True)
            if not late and not (signed and write.type == "Consent")
        ]
        report.unchanged += len(assembled.writes) - len(writes)
        told = any(write.type == "Patient" for write in writes)
        return replace(assembled, writes=writes, identity=assembled.identity if told else None)

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

    async def _settle(
        self,
        change: Transaction,
        written: Sequence[ResourceWrite],
        identities: Sequence[Told],
        report: FeedReport,
        at: int,
    ) -> None:
        """Bring in line with a batch what follows from it: who is one person, what is in force, what is told on."""
        touched = await self._in_force.touched(change, written, at=at)
        regrouped = await self._people.link(change, identities, at=at)
        report.links += regrouped.links
        touched |= regrouped.patients
        if touched:
            await self._in_force.refresh(change, touched, at=at)


def _told(report: FeedReport) -> bool:
    """Whether a file tells who is in custody: something could be read, and nobody is missing who may still be there."""
    return report.records > report.quarantined.total() and not report.absent


def _reason(error: RecordError) -> tuple[str, str, str]:
    return error.code, error.element, error.expected
