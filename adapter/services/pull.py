"""Feeds that are fetched: what a server gives is kept first, then the place is noted, then it is brought in.

The bytes of an answer are durable in the inbox before the checkpoint says that they were fetched. Cut short at any
moment, the next run finishes what is in the inbox and goes on where the checkpoint stands; what was fetched and not
noted is fetched again and is the same receipt.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from adapter.services.feed_contracts import FeedGate
    from adapter.services.ingest import Ingest
    from adapter.services.report import FeedReport
    from adapter.source import Checkpoint, Fetched, Puller
    from adapter.store.port import Inbox, Store
    from adapter.store.shapes import Receipt

    MakePuller = Callable[[], AbstractAsyncContextManager[Puller]]


class Pulls:
    """Runs the feeds that name a server. ``pullers`` makes the client of each feed, opened for one run."""

    def __init__(
        self,
        *,
        store: Store,
        inbox: Inbox,
        ingest: Ingest,
        gate: FeedGate,
        pullers: Mapping[str, MakePuller],
        clock: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._ingest = ingest
        self._gate = gate
        self._pullers = pullers
        self._clock = clock
        self._new_id = new_id

    @property
    def feeds(self) -> frozenset[str]:
        """The feeds that name a server."""
        return frozenset(self._pullers)

    async def run(self, feed: str, *, progress: Callable[[int, int], None] = lambda *_: None) -> list[FeedReport]:
        """Fetch what is new, keep it, bring it in: the report of every receipt.

        ``progress`` is told how many answers were kept and of how many. ``FeedClosed``, before anything is asked,
        while no contract that covers the feed is in force; ``SallyportError`` where the server cannot be read on: what
        was fetched until then is kept and brought in.
        """
        self._gate.admit(feed, self._clock())
        reports = [await self._ingest.process(receipt) for receipt in await self._ingest.pending(feed)]
        kept = 0
        async with self._pullers[feed]() as puller, aclosing(puller.fetch(await self.checkpoint(feed))) as answers:  # type: ignore[type-var]
            async for fetched in answers:
                receipt = await self._keep(feed, fetched)
                await self._note(feed, fetched.checkpoint)
                if receipt is not None:
                    kept += 1
                    progress(kept, max(kept, fetched.total))
                    reports.append(await self._ingest.process(receipt))
        return reports

    async def checkpoint(self, feed: str) -> Checkpoint:
        """How far the server of a feed was read."""
        known = await self._store.setting(f"pulled:{feed}")
        found: Checkpoint = {} if known is None else orjson.loads(known)
        return found

    async def _keep(self, feed: str, fetched: Fetched) -> Receipt | None:
        if fetched.chunks is None:
            return None
        arrival = self._inbox.arrive(receipt=self._new_id(), feed=feed, name=fetched.name, at=self._clock())
        try:
            async for chunk in fetched.chunks:
                arrival.add(chunk)
        except BaseException:
            arrival.abandon()
            raise
        return arrival.finish()

    async def _note(self, feed: str, checkpoint: Checkpoint) -> None:
        async with self._store.transaction() as change:
            await change.set_setting(f"pulled:{feed}", orjson.dumps(checkpoint))
