"""Looks at whom something changed of, and sends to whom something is due, until it is stopped.

Each subscriber has a task of its own while it is sent to, so that one that is slow keeps nobody else waiting. Several
processes may do this at once: whom one has claimed the others pass over until its lease ends.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapter.errors import SallyportError

if TYPE_CHECKING:
    from adapter.delivery.ways import Way
    from adapter.services.announcements import Announcements
    from adapter.services.notify import Notifications, Sending
    from adapter.services.subscribed import SubscriptionRow

_log = logging.getLogger(__name__)

EVERY: Final = 0.02
"""Seconds between two looks while somebody has subscribed to something."""
AT_ONCE: Final = 64
"""Subscribers that one process sends to at the same time."""
_AFTER_FAILURE: Final = 1.0


@dataclass(slots=True)
class Counts:
    """What this process has sent, for metrics."""

    accepted: int = 0
    refused: int = 0
    events: int = 0


class Outbox:
    """Everything between a change and the subscribers who are told of it."""

    def __init__(
        self, announcements: Announcements, notifications: Notifications, hook: Way, *, at_once: int = AT_ONCE
    ) -> None:
        self._announcements = announcements
        self._notifications = notifications
        self._hook = hook
        self._at_once = at_once
        self._sending: set[asyncio.Task[None]] = set()
        self.counts = Counts()

    @property
    def sending(self) -> int:
        """How many subscribers are being sent to."""
        return len(self._sending)

    async def run(self) -> None:
        """Work until cancelled. What is being sent then is sent again by whoever comes next."""
        try:
            while True:
                try:
                    busy = await self.step()
                except Exception as error:  # noqa: BLE001 - the store may be held by another process for a while
                    _log.error("subscriptions could not be looked through: %s; tried again", type(error).__qualname__)
                    await asyncio.sleep(_AFTER_FAILURE)
                else:
                    await asyncio.sleep(0 if busy else EVERY)
        finally:
            await self._stop()

    async def step(self) -> bool:
        """Look once and begin to send what is due; whether there was anything to do."""
        busy = await self._announcements.step()
        free = self._at_once - len(self._sending)
        if free <= 0:
            await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
            return True
        if not await self._announcements.anything_due():
            return busy
        claimed = await self._notifications.claim(free)
        for row in claimed:
            task = asyncio.create_task(self._deliver(row))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return busy or bool(claimed)

    async def settled(self) -> None:
        """Wait until everything that is being sent is taken or refused."""
        while self._sending:
            await asyncio.wait(self._sending)

    async def _deliver(self, row: SubscriptionRow) -> None:
        try:
            sending = await self._notifications.prepare(row)
            if sending is not None:
                await self._send(sending)
        except SallyportError as error:
            # Its lease ends and it is tried again; nothing of whom it is about is in the log.
            _log.error("subscription %s: %s; tried again", row.id, type(error).__qualname__)

    async def _send(self, sending: Sending) -> None:
        received = await self._hook.send(sending)
        if received.taken:
            self.counts.accepted += 1
            self.counts.events += len(sending.seqs)
            await self._notifications.accepted(sending)
        else:
            self.counts.refused += 1
            await self._notifications.refused(sending, received.why, after_seconds=received.wait, final=received.final)

    async def _stop(self) -> None:
        for task in list(self._sending):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
