"""Feeds that are pushed: bytes in, durable before anyone is told so, and into the store afterwards.

What arrived is a receipt; the work on it is done one receipt after the other, in small batches that let answers pass,
and taken up again at the next start if it was cut short.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from adapter.services.report import FeedReport

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from adapter.services.feed_contracts import FeedGate
    from adapter.services.ingest import Ingest
    from adapter.settings import Feed
    from adapter.store.port import Arrival, Inbox, Store
    from adapter.store.shapes import Receipt

_log = logging.getLogger(__name__)

BACKGROUND_BATCH: Final = 25
"""Records per transaction while answers are given too: each write holds them up for some milliseconds."""
RETRY_AFTER: Final = 30.0
"""Seconds before a receipt whose processing failed is tried again."""
STATES: Final = ("accepted", "processed", "failed")
"""What happens to a receipt: queued, wholly in the store, or failed and tried again later."""
CONTROL_ID: Final = 20
"""Characters of a control id that every version of HL7 v2 takes."""


class Acknowledge(Protocol):
    """Builds the answer to a message in the language of its sender. ``ValueError`` where its header cannot be read."""

    def __call__(self, message: bytes, code: str, text: str = "", *, at: str = "", control: str = "") -> bytes:
        """The acknowledgement of a message with a code and words."""
        ...


class Intake:
    """Takes what senders push, and brings it into the store in the background.

    ``acknowledge`` holds, by connector, how a message of that kind is answered; other kinds are answered with the
    receipt. ``counted`` tells how often each of `STATES` came about since the start.
    """

    def __init__(
        self,
        *,
        store: Store,
        inbox: Inbox,
        ingest: Ingest,
        gate: FeedGate,
        feeds: Mapping[str, Feed],
        acknowledge: Mapping[str, Acknowledge],
        clock: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._ingest = ingest
        self._gate = gate
        self._feeds = feeds
        self._acknowledge = acknowledge
        self._clock = clock
        self._new_id = new_id
        self.counted: dict[str, int] = dict.fromkeys(STATES, 0)
        self._waiting: asyncio.Queue[Receipt] = asyncio.Queue()

    def may_push(self, organisation: str, rights: Collection[str], feed: str) -> bool:
        """Whether an organisation (reference) sends this feed itself or holds the right to push it."""
        known = self._feeds.get(feed)
        return known is not None and (organisation == f"Organization/{known.organization}" or f"feed:{feed}" in rights)

    def limit(self, feed: str) -> int:
        """Bytes of the largest body of a feed."""
        return self._feeds[feed].post_megabytes * 1_000_000

    def admit(self, feed: str) -> None:
        """Raise ``FeedClosed`` while no contract that covers the feed is in force."""
        self._gate.admit(feed, self._clock())

    def acknowledges(self, feed: str) -> bool:
        """Whether messages of this feed are answered in their own language."""
        return self._feeds[feed].connector in self._acknowledge

    def acknowledgement(
        self, feed: str, message: bytes, code: str, text: str = "", *, receipt: Receipt | None = None
    ) -> bytes:
        """The answer to a message. For a receipt it is the same bytes however often the message is sent."""
        at = self._clock() if receipt is None else receipt.received
        written = datetime.fromtimestamp(at // 1_000_000, tz=UTC).strftime("%Y%m%d%H%M%S+0000")
        control = self._new_id() if receipt is None else receipt.id
        make = self._acknowledge[self._feeds[feed].connector]
        return make(message, code, text, at=written, control=control[:CONTROL_ID])

    def arrive(self, feed: str, name: str | None) -> Arrival:
        """Begin a receipt. Without a name the same bytes are the same receipt, whatever came between."""
        return self._inbox.arrive(receipt=self._new_id(), feed=feed, name=name, at=self._clock())

    def accept(self, receipt: Receipt) -> None:
        """Have a durable receipt brought into the store."""
        self.counted["accepted"] += 1
        self._waiting.put_nowait(receipt)

    @property
    def waiting(self) -> int:
        """How many receipts wait to be brought into the store."""
        return self._waiting.qsize()

    async def report(self, feed: str, receipt: str) -> dict[str, Any] | None:
        """What became of a receipt of a feed, for its sender: counts, and where what waits stands in it."""
        found = await self._inbox.receipt(receipt)
        if found is None or found.feed != feed:
            return None
        progress = await self._store.progress(receipt)
        told = FeedReport(feed=feed, receipt=receipt) if progress is None else FeedReport.from_json(progress[1])
        here = [record for record in await self._store.quarantined(feed) if record.receipt == receipt]
        names = ("line", "part", "code", "element", "expected")
        return {
            **told.as_dict(),
            "state": "processed" if progress is not None and progress[2] else "waiting",
            "bytes": found.size,
            "sha256": found.sha256.hex(),
            "waiting": [{name: getattr(record, name) for name in names} for record in here],
        }

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
            receipt = await self._waiting.get()
            if not await self._processed(receipt):
                asyncio.get_running_loop().call_later(RETRY_AFTER, self._waiting.put_nowait, receipt)

    async def _taken_up(self) -> bool:
        try:
            await self.take_up()
        except Exception as error:  # noqa: BLE001 - the store may be held by another process for a while
            _log.error("what was received could not be looked through: %s; tried again later", type(error).__qualname__)
            return False
        return True

    async def drain(self) -> None:
        """Bring what is queued now into the store."""
        while not self._waiting.empty():
            await self._processed(self._waiting.get_nowait())

    async def _processed(self, receipt: Receipt) -> bool:
        try:
            await self._ingest.process(receipt, batch_size=BACKGROUND_BATCH, pause=_pause)
        except Exception as error:  # noqa: BLE001 - one receipt must not stop the others; it is tried again
            # The class alone: a message could quote what it stumbled over.
            _log.error("feed %s receipt %s: %s; tried again later", receipt.feed, receipt.id, type(error).__qualname__)
            self.counted["failed"] += 1
            return False
        self.counted["processed"] += 1
        return True


async def _pause() -> None:
    """Let answers pass."""
    await asyncio.sleep(0)
