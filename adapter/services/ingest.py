"""Extracts in: received bytes are kept first, then read, mapped, assembled and written in batches.

A batch, the counts so far and how far the receipt has come are one transaction: after a crash the rest is read
again from the inbox and nothing is lost or doubled. What cannot be used waits in quarantine with its reason. Whatever
runs late, after a crash or from quarantine, never takes back what a later record of the feed has brought.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from adapter.errors import InvalidResource, RecordError
from adapter.services.backlog import Backlog
from adapter.services.batches import Batches, tells
from adapter.services.feed_line import Batch, FeedLine, seldom_collected
from adapter.services.gone import DELETED, Gone
from adapter.services.pace import Steady
from adapter.services.report import FeedReport
from adapter.services.revocations import with_revocations
from adapter.services.rosters import named
from adapter.source import Malformed
from adapter.store.shapes import QuarantinedRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapter.services.amend import Amender
    from adapter.services.feed_work import FeedWork
    from adapter.services.pace import Pace
    from adapter.services.settling import Settling
    from adapter.services.superseded import Superseded
    from adapter.settings import Feed
    from adapter.source import SourceRecord
    from adapter.store.port import Inbox, Store
    from adapter.store.shapes import Receipt

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
        settling: Settling,
        amender: Amender,
        superseded: Superseded,
        work: FeedWork,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        admit: Callable[[str, int], None],
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._backlog = Backlog(store, inbox)
        self._lines = lines
        self._batches = Batches(
            store,
            lines,
            backlog=self._backlog,
            settling=settling,
            amender=amender,
            superseded=superseded,
            work=work,
            clock=clock,
        )
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
            if state is not None and state[2] and tells(FeedReport.from_json(state[1])):
                async with self._store.transaction() as change:
                    await self._batches.freshen(change, feed, at, at=at)
        return receipt

    async def process(
        self,
        receipt: Receipt,
        *,
        progress: Callable[[int, int], None] | None = None,
        pace: Pace | None = None,
    ) -> FeedReport:
        """Bring a receipt into the store, from where it stands. Returns the report over all of it.

        ``progress`` is told how many records are in the store and how many bytes were read for them. ``pace`` says how
        many records a transaction takes.
        """
        pace = pace or Steady(BATCH)
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
                await pace.between()
                if len(batch) >= pace.records:
                    with pace.writing(len(batch)):
                        await self._batches.write(batch, report, receipt, position, done=False)
                    batch = Batch()
                    if progress is not None:
                        progress(position, received.consumed)
            await self._batches.write(batch, report, receipt, position, done=not line.feed.absence_releases)
            if line.feed.absence_releases:
                endings = await self._work.rosters.absent(line.feed, receipt, at=self._clock())
                await self._batches.write(Batch(), report, receipt, position, done=True, endings=endings)
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
                    await self._batches.write(batch, report, receipt, None, done=False)
                    batch = Batch()
        await self._batches.write(batch, report, receipt, None, done=False)

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

    async def _revocations(self, feed: Feed) -> Mapping[tuple[str, str], list[bytes]]:
        if not feed.forms:
            return {}
        async with self._store.transaction() as change:
            return await change.revocations(feed.feed)


def _reason(error: RecordError) -> tuple[str, str, str]:
    return error.code, error.element, error.expected
