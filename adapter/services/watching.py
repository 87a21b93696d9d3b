"""Folders that are looked through: a finished file is kept durably first, then remembered, then set aside.

A file that is left where it is, is remembered by name, size and time, and taken again only when it was written anew.
Whatever step a stop falls between, the file is taken once: the same bytes under the same name are the same receipt, and
a file is set aside only when it is durable.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from adapter.errors import FeedClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapter.services.channels import ChannelLog
    from adapter.services.ingest import Ingest
    from adapter.source import ListedFile
    from adapter.store.messages import Messages
    from adapter.store.shapes import Receipt

_log = logging.getLogger(__name__)


class Place(Protocol):
    """Where files of a feed appear. Every call may raise OSError, and is tried again later."""

    @property
    def name(self) -> str:
        """What it is called in what is remembered."""
        ...

    async def finished(self) -> Sequence[ListedFile]:
        """The files that are whole now, oldest first."""
        ...

    async def open(self, file: ListedFile) -> BinaryIO:
        """The bytes of a file."""
        ...

    async def taken(self, file: ListedFile) -> None:
        """A file is durable and remembered: it may be set aside."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A place of a feed and how often it is looked at, in seconds."""

    feed: str
    place: Place
    every: float


class Watching:
    """Takes in what appears in watched places."""

    def __init__(
        self, *, ingest: Ingest, messages: Messages, channels: ChannelLog, accept: Callable[[Receipt], None]
    ) -> None:
        self._ingest = ingest
        self._messages = messages
        self._channels = channels
        self._accept = accept

    async def run(self, watched: Watched) -> None:
        """Look at a place again and again until cancelled."""
        while True:
            await self.look(watched)
            await asyncio.sleep(watched.every)

    async def look(self, watched: Watched) -> int:
        """Take in what is whole now; how many files that was. What fails is told and tried at the next look."""
        count = 0
        try:
            for file in await watched.place.finished():
                count += await self._take(watched, file)
        except FeedClosed:
            # Nobody may take it in now: it stays where it is until the contract is renewed.
            self._channels.note(watched.feed, "watch-closed")
        except OSError as error:
            self._failed(watched, error)
        return count

    async def _take(self, watched: Watched, file: ListedFile) -> bool:
        place, feed = watched.place, watched.feed
        key = (feed, place.name, file.name, file.size, file.modified)
        if self._messages.is_watched(*key):
            await place.taken(file)
            return False
        try:
            with await place.open(file) as stream:
                receipt = await self._ingest.receive(feed, file.name, stream)
        except OSError as error:
            # One file that cannot be read holds up none of the others.
            self._failed(watched, error)
            return False
        self._messages.watched(*key, receipt=receipt.id)
        self._accept(receipt)
        await place.taken(file)
        return True

    def _failed(self, watched: Watched, error: OSError) -> None:
        # Names of files may be names of people: neither they nor what the system says of them is told.
        self._channels.note(watched.feed, f"watch-{type(error).__name__}")
        _log.warning("feed %s: a file cannot be taken now: %s", watched.feed, type(error).__name__)
