"""The ways in that a site opens for itself: MLLP ports, folders it looks through, folders that partners write to.

Part of the wiring: this package names the concrete transports. Adding one is a section in `transports.py`, a module in
`connectors/transport`, and a few lines here.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import ConfigurationError
from adapter.ways_in.files import drop_server, file_problems, watched
from adapter.ways_in.mllp import listeners, message_feeds, mllp_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from adapter.errors import Problem
    from adapter.services.channels import ChannelLog
    from adapter.services.reception import Reception
    from adapter.services.watching import Watching
    from adapter.settings import Site
    from connectors.transport.mllp_server import Listener

__all__ = ["WaysIn", "message_feeds", "ways_in_problems"]

FLUSH_SECONDS: Final = 5.0
"""Seconds after which what went wrong on channels is written and told."""


def ways_in_problems(site: Site) -> list[Problem]:
    """What keeps the ways in of a site from being opened. Nothing is opened, nothing written."""
    return [*mllp_problems(site), *file_problems(site)]


class WaysIn:
    """What a running site listens on and looks through, besides HTTP."""

    def __init__(
        self, site: Site, *, reception: Reception, channels: ChannelLog, watching: Watching, clock: Callable[[], float]
    ) -> None:
        self._site = site
        self._reception = reception
        self._channels = channels
        self._watching = watching
        self._clock = clock
        self._work: list[asyncio.Task[None]] = []
        self.listeners: dict[str, Listener] = {}
        self.sftp: Any = None

    async def open(self) -> list[str]:
        """Open everything, or nothing: ConfigurationError says what is in the way. Returns what is open, in words."""
        problems = ways_in_problems(self._site)
        if problems:
            raise ConfigurationError(problems)
        try:
            for feed, listener in listeners(self._site, self._reception, self._channels).items():
                await listener.start()
                self.listeners[feed] = listener
            self.sftp = drop_server(self._site)
            if self.sftp is not None:
                await self.sftp.start()
            return [*self._told(), *self.watch()]
        except BaseException:
            await self.close()
            raise

    def _told(self) -> list[str]:
        told = ["MLLP for feed {} on {}:{}".format(feed, *one.address) for feed, one in self.listeners.items()]
        return told if self.sftp is None else [*told, f"SFTP on port {self.sftp.port}"]

    def watch(self) -> list[str]:
        """Look at the folders only. Returns which, in words; ConfigurationError says what is in the way."""
        problems = file_problems(self._site)
        if problems:
            raise ConfigurationError(problems)
        places = watched(self._site, self._clock)
        for each in places:
            self._begin(self._watching.run(each))
        self._begin(self._flush())
        return [f"watching {each.place.name} for feed {each.feed}" for each in places]

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._work.append(asyncio.create_task(work))

    async def look_once(self) -> int:
        """Take in what is whole in every folder now; how many files. What has to settle first is waited for."""
        places = watched(self._site, self._clock)
        settling = [each.watch.settle_seconds for each in self._site.feeds.values() if each.watch is not None]
        settling += [each.sftp.settle_seconds for each in self._site.feeds.values() if each.sftp is not None]
        count = sum([await self._watching.look(each) for each in places])
        await asyncio.sleep(max(settling, default=0))
        return count + sum([await self._watching.look(each) for each in places])

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self._channels.flush()

    async def close(self) -> None:
        """Stop all of it, after what was taken is answered."""
        for listener in self.listeners.values():
            await listener.close()
        self.listeners.clear()
        if self.sftp is not None:
            await self.sftp.close()
            self.sftp = None
        for work in self._work:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
        self._work.clear()
        await self._reception.settled()
        self._channels.flush()
