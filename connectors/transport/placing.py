"""Files put where another program takes them from, whole or not at all: a folder of this host.

A file is written under a name that such programs pass over, is on disk, and then gets its own name in one step.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

UNFINISHED: Final = ".part"
"""Ending of a file that is being written."""
MODE: Final = 0o640


class PlacedFolder:
    """A folder of this host."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, content: bytes) -> None:
        """Put a file there; one of that name is replaced. ``OSError`` if it cannot be."""
        await asyncio.to_thread(self._put, name, content)

    def _put(self, name: str, content: bytes) -> None:
        # What a process that was killed left of it goes; two processes never write the same one.
        for left in self._folder.glob(f"{name}.*{UNFINISHED}"):
            left.unlink(missing_ok=True)
        unfinished = self._folder / f"{name}.{os.getpid()}{UNFINISHED}"
        try:
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self._folder / name)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
