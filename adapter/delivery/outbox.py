"""Looks at whom something changed of, and sends to whom something is due, until it is stopped.

Each subscriber has a task of its own while it is sent to, and one receiver has a share of them that it cannot exceed,
so that one that is slow or dead keeps nobody else waiting. Several processes may do this at once: whom one has claimed
the others pass over until its lease ends, and a lease ends soon after the process that held it.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.delivery.ways import Way
    from adapter.services.announcements import Announcements
    from adapter.services.notify import Notifications, Sending
    from adapter.services.subscribed import SubscriptionRow

_log = logging.getLogger(__name__)

EVERY: Final = 0.01
"""Seconds between two looks at whether another process has changed something; what this one changes wakes it."""
BY_TIME: Final = 5
"""Every so many of those looks it is also asked what is due by time alone."""
AT_ONCE: Final = 256
"""Subscriptions that one process sends for at the same time."""
TURNS: Final = 16
"""Notifications to one subscription before another has its turn."""
_AFTER_FAILURE: Final = 1.0


@dataclass(slots=True)
class Counts:
    """What this process has sent, for metrics."""

    accepted: int = 0
    refused: int = 0
    events: int = 0


class Outbox:
    """Everything between a change and the subscribers who are told of it.

    ``version`` tells by another number that another process has changed something, ``hang_up`` closes the connections
    that are kept.
    """

    def __init__(
        self,
        announcements: Announcements,
        notifications: Notifications,
        hook: Way,
        *,
        version: Callable[[], int],
        hang_up: Callable[[], None] = lambda: None,
        at_once: int = AT_ONCE,
    ) -> None:
        self._announcements = announcements
        self._notifications = notifications
        self._hook = hook
        self._version = version
        self._hang_up = hang_up
        self._at_once = at_once
        self._sending: dict[asyncio.Task[None], SubscriptionRow] = {}
        self._awake = asyncio.Event()
        self._seen = -1
        self.counts = Counts()

    @property
    def sending(self) -> int:
        """How many subscribers are being sent to."""
        return len(self._sending)

    def wake(self) -> None:
        """Something was changed: look at once."""
        self._awake.set()

    async def run(self) -> None:
        """Work until cancelled. What is being sent then is sent again by whoever comes next."""
        try:
            while True:
                self._awake.clear()
                try:
                    await self._notifications.leases.renew()
                    busy = await self.step()
                except Exception as error:  # noqa: BLE001 - the store may be held by another process for a while
                    _log.error("subscriptions could not be looked through: %s; tried again", type(error).__qualname__)
                    await asyncio.sleep(_AFTER_FAILURE)
                else:
                    await (asyncio.sleep(0) if busy else self._waited())
        finally:
            await self.stop()

    async def _waited(self) -> None:
        """Wait until something was changed here or elsewhere, or time may have made something due."""
        for _ in range(BY_TIME):
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._awake.wait()
                    return
            seen = self._version()
            if seen != self._seen:
                self._seen = seen
                return

    async def step(self) -> bool:
        """Look once and begin to send what is due; whether there was anything to do."""
        busy = await self._announcements.step()
        free = self._at_once - len(self._sending)
        if free <= 0 or not await self._announcements.anything_due():
            return busy
        claimed = await self._notifications.claim(free, self._sending.values())
        for row in claimed:
            task = asyncio.create_task(self._deliver(row))
            self._sending[task] = row
            task.add_done_callback(self._sent)
        return busy or bool(claimed)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._notifications.leases.ended(self._sending.pop(task))
        self.wake()

    async def settled(self) -> None:
        """Wait until everything that is being sent is taken or refused."""
        while self._sending:
            await asyncio.wait(self._sending)

    async def _deliver(self, row: SubscriptionRow) -> None:
        try:
            following: SubscriptionRow | None = row
            for turn in range(TURNS, 0, -1):
                sending = None if following is None else await self._notifications.prepare(following)
                if sending is None:
                    return
                following = await self._send(sending, go_on=turn > 1)
        except Exception as error:  # noqa: BLE001 - whatever it was, it stops nobody else's
            # Its lease ends and it is tried again; nothing of whom it is about is in the log.
            _log.error("subscription %s: %s; tried again", row.id, type(error).__qualname__)

    async def _send(self, sending: Sending, *, go_on: bool = False) -> SubscriptionRow | None:
        """Send once; the subscription, if there is more for it and it is to ``go_on``."""
        received = await self._hook.send(sending)
        if received.taken:
            self.counts.accepted += 1
            self.counts.events += len(sending.seqs)
            return await self._notifications.accepted(sending, go_on=go_on)
        self.counts.refused += 1
        await self._notifications.refused(sending, received.why, after_seconds=received.wait, final=received.final)
        return None

    async def stop(self) -> None:
        """Leave what is being sent to whoever comes next."""
        for task in list(self._sending):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._notifications.together.settled()
        self._hang_up()
