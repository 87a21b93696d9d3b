"""Moves the write-ahead log of a file into it on a thread: inside a commit it would hold up whoever waits for answers.

Nothing waits for it and nothing depends on it. Where no loop runs, or the log grows faster than it is moved, it is done
inside the commit after all, so that the log stays bounded. https://sqlite.org/wal.html#ckpt
"""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

import apsw

from adapter.store.sqlite.connection import connect

if TYPE_CHECKING:
    from pathlib import Path

PAGES: Final = 1_000
"""Pages of the log from which on it is moved: what SQLite does by itself inside a commit."""
MOST: Final = 20_000
"""Pages of the log from which on a commit waits for it."""


class LogClearing:
    """Looks after the log of one file, told by every commit of its writer."""

    def __init__(self, writer: apsw.Connection, path: Path) -> None:
        self._path = path
        self._running: asyncio.Future[None] | None = None
        # This takes the place of SQLite's own, which hangs on the same hook.
        writer.set_wal_hook(self._grown)

    def _grown(self, writer: apsw.Connection, name: str, pages: int) -> int:
        if pages < PAGES:
            return apsw.SQLITE_OK
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if loop is None or pages >= MOST:
            with suppress(apsw.BusyError):
                writer.wal_checkpoint(name, apsw.SQLITE_CHECKPOINT_PASSIVE)
        elif self._running is None or self._running.done():
            self._running = loop.run_in_executor(None, self._move)
        return apsw.SQLITE_OK

    def _move(self) -> None:
        # What could not be moved now is moved after a later commit.
        with suppress(apsw.Error), closing(connect(self._path, cache_mb=1)) as connection:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    async def end(self) -> None:
        """Wait for what is under way; the file may be closed then."""
        if self._running is not None:
            await asyncio.wait([self._running])
