"""Files fetched by SFTP from another host: its key is known beforehand, a transfer that broke off goes on where it was.

Needs asyncssh: `pip install sallyport[sftp]`.

SSH File Transfer Protocol: https://datatracker.ietf.org/doc/html/draft-ietf-secsh-filexfer-02
"""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO, Final, cast

import asyncssh

from adapter.errors import ConfigurationError, Problem
from adapter.source import ListedFile
from connectors.transport.folders import ChangedWhileReadError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from connectors.transport.finished import Finished

PIECE: Final = 1 << 20
"""Bytes asked of the other host at a time."""
PATIENCE: Final = 60
"""Seconds for a connection to come about, and between signs of life."""


class UnreachableError(OSError):
    """The other host cannot be used now: not there, not the key that is known, or it refuses what is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A folder of another host. ``host_key`` is the one public key it may have, ``key`` a file with our private one."""

    host: str
    port: int
    user: str
    key: Path
    host_key: str
    folder: str


def remote_problems(remote: Remote, where: str) -> list[Problem]:
    """What keeps a folder of another host from being read: keys that cannot be used. Nothing is connected."""
    problems = []
    try:
        asyncssh.import_public_key(remote.host_key)
    except asyncssh.KeyImportError:
        expected = "a public key as `ssh-keyscan` prints it after the host: `ssh-ed25519 AAAA…`"
        problems.append(Problem(where=where, path="sftp.host_key", message="it is no public key", expected=expected))
    try:
        asyncssh.read_private_key(remote.key)
    except (OSError, asyncssh.KeyImportError):
        expected = "the path of a private key without a passphrase, in OpenSSH or PEM form"
        message = f"`{remote.key.name}` cannot be read as a key"
        problems.append(Problem(where=where, path="sftp.key", message=message, expected=expected))
    return problems


@asynccontextmanager
async def connected(remote: Remote, address: str) -> AsyncIterator[asyncssh.SFTPClient]:
    """A connection to another host at an address of it; ``UnreachableError`` where there is none, or it breaks off."""
    # One key and no other: no file of known hosts, no agent, no password, no settings of whoever runs this.
    try:
        async with (
            asyncssh.connect(
                address,
                port=remote.port,
                username=remote.user,
                client_keys=[str(remote.key)],
                known_hosts=([asyncssh.import_public_key(remote.host_key)], [], []),
                agent_path=None,
                config=None,
                password_auth=False,
                kbdint_auth=False,
                connect_timeout=PATIENCE,
                login_timeout=PATIENCE,
                keepalive_interval=PATIENCE,
            ) as connection,
            connection.start_sftp_client() as client,
        ):
            yield client
    except (asyncssh.Error, TimeoutError) as error:
        raise UnreachableError(type(error).__name__) from error


class RemoteFolder:
    """A folder of another host as it is looked at again and again.

    What is fetched lies in ``spool`` until it is durable. Files are left where they are on the other host.
    """

    def __init__(self, remote: Remote, finished: Finished, *, spool: Path, clock: Callable[[], float]) -> None:
        problems = remote_problems(remote, "feed")
        if problems:
            raise ConfigurationError(problems)
        self._remote = remote
        self._finished = finished
        self._spool = spool
        self._clock = clock

    @property
    def name(self) -> str:
        """Where it is."""
        return f"sftp://{self._remote.host}:{self._remote.port}/{self._remote.folder}"

    async def finished(self) -> list[ListedFile]:
        """The files that are whole now."""
        async with connected(self._remote, self._remote.host) as client:
            listed = [
                ListedFile(name=str(entry.filename), size=entry.attrs.size or 0, modified=entry.attrs.mtime or 0)
                for entry in await client.readdir(self._remote.folder)
                if stat.S_ISREG(entry.attrs.permissions or 0)
            ]
        return self._finished.of(listed, self._clock())

    async def open(self, file: ListedFile) -> BinaryIO:
        """The bytes of a file, fetched whole; what an earlier try fetched of it is not fetched again."""
        path = self._spooled(file)
        self._spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        async with connected(self._remote, self._remote.host) as client:
            where = f"{self._remote.folder.rstrip('/')}/{file.name}"
            async with client.open(where, "rb") as source:
                with path.open("ab") as target:
                    # Each piece is on disk before the next is written, so only the last may be other than it was sent.
                    at = max(0, target.tell() - PIECE)
                    target.truncate(at)
                    while data := cast("bytes", await source.read(PIECE, at)):
                        target.write(data)
                        target.flush()
                        await asyncio.to_thread(os.fsync, target.fileno())
                        at += len(data)
            after = await client.stat(where)
        if (at, after.size, after.mtime) != (file.size, file.size, file.modified):
            path.unlink()
            raise ChangedWhileReadError("a file was changed while it was fetched; it is looked at again later")
        return path.open("rb")

    async def taken(self, file: ListedFile) -> None:
        """What was fetched is durable: the copy of it goes."""
        self._spooled(file).unlink(missing_ok=True)

    def _spooled(self, file: ListedFile) -> Path:
        # Named by what it is: another state of the file, or another file, is never continued.
        text = f"{self.name}/{file.name} {file.size} {file.modified}"
        return self._spool / f"{sha256(text.encode()).hexdigest()}.part"
