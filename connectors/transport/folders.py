"""A folder of this host that a partner writes files to: what is in it, read without surprises, set aside afterwards.

Whoever can write to the folder must not be able to name files elsewhere, nor change a file while it is read.
"""

from __future__ import annotations

import asyncio
import io
import os
import stat
from typing import TYPE_CHECKING, BinaryIO, Final

from adapter.source import ListedFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from connectors.transport.finished import Finished

DONE: Final = "done"
"""The folder, inside the watched one, that files are moved to."""


class ChangedWhileReadError(OSError):
    """A file is not any more what it was when it was found whole."""


class DropFolder:
    """One folder. Every call may raise OSError; a file that cannot be read now is looked at again later."""

    def __init__(self, path: Path, *, marker: str = "") -> None:
        self.path = path
        self._marker = marker

    def listed(self) -> list[ListedFile]:
        """The regular files in it: no folders, links or devices."""
        found = []
        with os.scandir(self.path) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    found.append(ListedFile(name=entry.name, size=status.st_size, modified=status.st_mtime_ns))
        return found

    def open(self, file: ListedFile) -> BinaryIO:
        """The bytes of a file. Reading past its last byte raises ChangedWhileReadError if it was changed meanwhile."""
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(self.path / file.name, flags)
        return io.BufferedReader(_Unchanged(descriptor, file), buffer_size=1 << 20)

    def set_aside(self, file: ListedFile) -> None:
        """Move a file, and its marker, into ``done``. One of that name that is there stays: the newer gets a number."""
        marker = self.path / (file.name + self._marker)
        if self._marker and marker.exists():
            self._move(marker.name)
        self._move(file.name)

    def _move(self, own: str) -> None:
        done = self.path / DONE
        done.mkdir(exist_ok=True)
        name, number = own, 1
        while (done / name).exists():
            number += 1
            name = f"{own}.{number}"
        (self.path / own).replace(done / name)


class WatchedFolder:
    """A drop folder as it is looked at again and again. ``clock`` is in seconds and only rises."""

    def __init__(
        self, folder: DropFolder, finished: Finished, *, clock: Callable[[], float], set_aside: bool = True
    ) -> None:
        self._folder = folder
        self._finished = finished
        self._clock = clock
        self._set_aside = set_aside

    @property
    def name(self) -> str:
        """The path."""
        return str(self._folder.path)

    async def finished(self) -> list[ListedFile]:
        """The files that are whole now."""
        return self._finished.of(await asyncio.to_thread(self._folder.listed), self._clock())

    async def open(self, file: ListedFile) -> BinaryIO:
        """The bytes of a file."""
        return self._folder.open(file)

    async def taken(self, file: ListedFile) -> None:
        """Set a file aside, or leave it where it is."""
        if self._set_aside:
            self._folder.set_aside(file)


class _Unchanged(io.RawIOBase):
    """A file that tells at its end whether it stayed what it was."""

    def __init__(self, descriptor: int, file: ListedFile) -> None:
        super().__init__()
        self._descriptor, self._file = descriptor, file
        try:
            self._check()
        except OSError:
            self.close()
            raise

    def _check(self) -> None:
        status = os.fstat(self._descriptor)
        is_same = (status.st_size, status.st_mtime_ns) == (self._file.size, self._file.modified)
        if not stat.S_ISREG(status.st_mode) or not is_same:
            raise ChangedWhileReadError("a file was changed while it was read; it is looked at again later")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = os.read(self._descriptor, len(target))
        if not data:
            self._check()
        target[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()
