"""Extracts that arrive as files: a path or a drop folder, read in chunks.

A drop folder is written to by a partner (SFTP, network share). Files that are still being written, by the
usual conventions of such transfers, are left alone until they carry their final name.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, BinaryIO

from adapter.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNK = 256 * 1024
"""Bytes asked of a stream at a time."""

UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".crdownload")
"""Endings that transfer programs give to a file they have not finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """One file of a feed. ``name`` is unique within its folder; ``size`` is in bytes."""

    path: Path
    name: str
    size: int

    def open(self) -> BinaryIO:
        """Open the file for reading; the caller closes it."""
        return self.path.open("rb")


def extracts(path: Path, pattern: str = "*") -> Iterator[Extract]:
    """The files at ``path``: itself, or those of a folder that match ``pattern``, in the order of names.

    In a folder, hidden files, unfinished transfers, subfolders and symbolic links are passed over: who can
    write to a drop folder must not be able to name files elsewhere. Raises ConfigurationError when there is
    nothing at ``path``, or neither a file nor a folder.
    """
    if path.is_dir():
        for each in sorted(path.iterdir()):
            if _finished(each.name) and fnmatchcase(each.name, pattern):
                status = each.lstat()
                if stat.S_ISREG(status.st_mode):
                    yield Extract(path=each, name=each.name, size=status.st_size)
    elif path.is_file():
        yield Extract(path=path, name=path.name, size=path.stat().st_size)
    else:
        problem = Problem(
            where=str(path),
            path="",
            message="there is no file or folder to read",
            expected="the path of an extract or of a drop folder",
        )
        raise ConfigurationError([problem])


def chunks(stream: BinaryIO, size: int = CHUNK) -> Iterator[bytes]:
    """Read ``stream`` to its end in pieces of at most ``size`` bytes."""
    while chunk := stream.read(size):
        yield chunk


def _finished(name: str) -> bool:
    return not name.startswith(".") and not name.lower().endswith(UNFINISHED)
