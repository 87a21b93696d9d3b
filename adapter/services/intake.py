"""Feeds that are pushed: bytes in, durable before anyone is told so, and into the store afterwards.

What arrived is a receipt; the work on it is done one receipt after the other, in small batches that let answers pass,
and taken up again at the next start if it was cut short.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from adapter.services.alerts import of_receipt
from adapter.services.fates import told_of
from adapter.services.pace import GivingWay
from adapter.services.report import FeedReport

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from adapter.services.fates import Fates
    from adapter.services.feed_contracts import FeedGate
    from adapter.services.ingest import Ingest
    from adapter.settings import Feed
    from adapter.store.port import Arrival, Inbox, Store
    from adapter.store.shapes import Receipt

_log = logging.getLogger(__name__)

RETRY_AFTER: Final = 30.0
"""Seconds before a receipt whose processing failed is tried again."""
TRIES: Final = 3
"""How often a receipt is tried before those behind it go first. Until then its feed waits, so that order is kept."""
STATES: Final = ("accepted", "processed", "failed")
"""What happens to a receipt: queued, wholly in the store, or failed and tried again later."""


class Intake:
    """Takes what senders push, and brings it into the store in the background, feed by feed in the order it came.

    ``counted`` tells how often each of `STATES` came about since the start.
    """

    def __init__(  # noqa: PLR0913 - the parts of one service, and where its time and ids come from
        self,
        *,
        store: Store,
        inbox: Inbox,
        ingest: Ingest,
        gate: FeedGate,
        feeds: Mapping[str, Feed],
        fates: Fates,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        tick: Callable[[], float],
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._ingest = ingest
        self._gate = gate
        self._feeds = feeds
        self._fates = fates
        self._clock = clock
        self._new_id = new_id
        self._pace = GivingWay(tick)
        self._waiting: dict[str, deque[Receipt]] = {}
        self._turns: asyncio.Queue[str] = asyncio.Queue()
        self._resting: set[str] = set()
        self._tries: dict[str, int] = {}
        self.counted: dict[str, int] = dict.fromkeys(STATES, 0)

    def may_push(self, organisation: str, rights: Collection[str], feed: str) -> bool:
        """Whether an organisation (reference) sends this feed itself or holds the right to push it."""
        known = self._feeds.get(feed)
        return (
            known is not None
            and not known.is_written
            and (organisation == f"Organization/{known.organization}" or f"feed:{feed}" in rights)
        )

    def limit(self, feed: str) -> int:
        """Bytes of the largest body of a feed."""
        return self._feeds[feed].post_megabytes * 1_000_000

    def admit(self, feed: str) -> None:
        """Raise ``FeedClosed`` while no contract that covers the feed is in force."""
        self._gate.admit(feed, self._clock())

    def arrive(self, feed: str, name: str | None) -> Arrival:
        """Begin a receipt. Without a name the same bytes are the same receipt, whatever came between."""
        return self._inbox.arrive(receipt=self._new_id(), feed=feed, name=name, at=self._clock())

    def accept(self, receipt: Receipt) -> None:
        """Have a durable receipt brought into the store, after those of its feed that came before."""
        self.counted["accepted"] += 1
        self._queue(receipt)

    def _queue(self, receipt: Receipt) -> None:
        self._waiting.setdefault(receipt.feed, deque()).append(receipt)
        self._turns.put_nowait(receipt.feed)

    @property
    def waiting(self) -> int:
        """How many receipts wait to be brought into the store."""
        return sum(map(len, self._waiting.values()))

    async def report(self, feed: str, receipt: str) -> dict[str, Any] | None:
        """What became of a receipt of a feed, for its sender: counts, and where what waits stands in it."""
        found = await self._inbox.receipt(receipt)
        if found is None or found.feed != feed:
            return None
        progress = await self._store.progress(receipt)
        told = FeedReport(feed=feed, receipt=receipt) if progress is None else FeedReport.from_json(progress[1])
        here = await self._store.quarantined_of(receipt)
        return {
            **told.as_dict(),
            "state": "processed" if progress is not None and progress[2] else "waiting",
            "bytes": found.size,
            "sha256": found.sha256.hex(),
            "waiting": [told_of(record) for record in here],
            "alerts": await of_receipt(self._store, receipt),
        }

    async def fate(self, feed: str, control: str, organisation: str) -> dict[str, Any]:
        """What became of the messages that a sender calls by this control id."""
        return await self._fates.told(feed, control, organisation)

    async def prepare(self, receipt: Receipt) -> None:
        """Know the messages of a receipt that came as a file: those that came before are not brought in again."""
        await self._fates.prepare(receipt)

    async def take_up(self) -> int:
        """Queue what was received and is not in the store yet; how many receipts that is.

        Those of a feed that is closed now wait until it is open again.
        """
        found = [one for one in await self._ingest.pending() if not self._gate.why_closed(one.feed, self._clock())]
        for receipt in found:
            self.accept(receipt)
        return len(found)

    async def run(self) -> None:
        """Bring receipts into the store until cancelled, first what an earlier run left."""
        while not await self._taken_up():  # noqa: ASYNC110 - nothing tells when the store is free again
            await asyncio.sleep(RETRY_AFTER)
        while True:
            await self._turn(await self._turns.get())

    async def _turn(self, feed: str) -> None:
        """Bring in the oldest receipt of a feed, unless the feed waits for one that failed."""
        queue = self._waiting[feed]
        if feed in self._resting or not queue:
            return
        receipt = queue[0]
        if await self._processed(receipt):
            self._tries.pop(receipt.id, None)
            queue.popleft()
            return
        later = asyncio.get_running_loop().call_later
        tries = self._tries[receipt.id] = self._tries.get(receipt.id, 0) + 1
        if tries >= TRIES:
            # What is brought in late takes nothing back that a later one of its feed has brought.
            queue.popleft()
            later(RETRY_AFTER, self._queue, receipt)
            return
        self._resting.add(feed)
        later(RETRY_AFTER, self._resume, feed)

    def _resume(self, feed: str) -> None:
        self._resting.discard(feed)
        for _ in self._waiting[feed]:
            self._turns.put_nowait(feed)

    async def _taken_up(self) -> bool:
        try:
            await self.take_up()
        except Exception as error:  # noqa: BLE001 - the store may be held by another process for a while
            _log.error("what was received could not be looked through: %s; tried again later", type(error).__qualname__)
            return False
        return True

    async def drain(self) -> None:
        """Bring what is queued now into the store."""
        while not self._turns.empty():
            await self._turn(self._turns.get_nowait())

    async def _processed(self, receipt: Receipt) -> bool:
        try:
            await self.prepare(receipt)
            await self._ingest.process(receipt, pace=self._pace)
            await self._fates.settle(receipt)
        except Exception as error:  # noqa: BLE001 - one receipt must not stop the others; it is tried again
            # The class alone: a message could quote what it stumbled over.
            _log.error("feed %s receipt %s: %s; tried again later", receipt.feed, receipt.id, type(error).__qualname__)
            self.counted["failed"] += 1
            return False
        self.counted["processed"] += 1
        return True
