"""A drop folder that partners reach by SFTP: each puts files into its own, and can do nothing else.

A partner is known by its public key alone. It sees and reads no file, not even its own: it may write a new one, and
give one it has just written its last name. Needs asyncssh: `pip install sallyport[sftp]`.
"""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from stat import S_IFDIR, S_IFREG
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import asyncssh

from adapter.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

HIDDEN: Final = ".upload"
"""Ending of files that are still being written; their names begin with a dot, so that nobody takes them for whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Where a partner writes, the public keys it may come with, and the bytes of the longest file it may write."""

    folder: Path
    keys: Sequence[str]
    longest: int


def drop_problems(drops: Mapping[str, Drop], host_key: Path) -> list[Problem]:
    """What keeps the server from being opened. ``drops`` are by user: the name of the feed."""
    problems = []
    try:
        asyncssh.read_private_key(host_key)
    except (OSError, asyncssh.KeyImportError):
        message = f"`{host_key.name}` cannot be read as a key"
        expected = "a private key of this host, made with `ssh-keygen -t ed25519`"
        problems.append(Problem(where="site.toml", path="sftp.host_key", message=message, expected=expected))
    for user, drop in drops.items():
        for number, key in enumerate(drop.keys):
            try:
                asyncssh.import_public_key(key)
            except asyncssh.KeyImportError:
                where, path = f"feed {user}", f"watch.keys[{number}]"
                expected = "a public key as in `id_ed25519.pub`"
                problems.append(Problem(where=where, path=path, message="it is no public key", expected=expected))
    return problems


class _Door(asyncssh.SSHServer):
    """Lets a partner in by one of its own keys."""

    def __init__(self, drops: Mapping[str, Drop]) -> None:
        self._drops = drops

    def begin_auth(self, _username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        drop = self._drops.get(username)
        return drop is not None and any(key == asyncssh.import_public_key(each) for each in drop.keys)


def _refused(*_: object) -> Any:
    raise asyncssh.SFTPPermissionDenied("files are put here, and nothing else is done here")


_REFUSED: Any = _refused
"""Stands for every method of the protocol that is not offered, whatever it takes."""


class _Upload:
    """A file on its way in: under a hidden name until its sender has closed it."""

    def __init__(self, path: Path) -> None:
        self.last = path
        self.hidden = path.with_name(f".{path.name}{HIDDEN}")
        self.file: BinaryIO = self.hidden.open("wb")
        self.written = 0
        self.is_spoiled = False

    def end(self) -> bool:
        """Put what came on disk; whether it is all there: nothing refused, and no hole in it."""
        self.file.flush()
        os.fsync(self.file.fileno())
        size = os.fstat(self.file.fileno()).st_size
        self.file.close()
        return not self.is_spoiled and self.written >= size


class _WriteOnly(asyncssh.SFTPServer):
    """One partner's folder, into which files go and from which nothing comes."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], drops: Mapping[str, Drop]) -> None:
        super().__init__(channel)
        self._channel = channel
        self._drop = drops[channel.get_extra_info("username")]

    def _inside(self, path: bytes) -> Path:
        """A file in the folder itself: no subfolder, nothing hidden."""
        name = path.removeprefix(b"/").removeprefix(b"./").decode("utf-8", "replace")
        if not name or "/" in name or "\\" in name or name.startswith(".") or not name.isprintable():
            raise asyncssh.SFTPPermissionDenied("only files in the folder itself are taken")
        return self._drop.folder / name

    def open(self, path: bytes, pflags: int, _attrs: asyncssh.SFTPAttrs) -> object:
        """Write a new file. One that exists is neither read nor written over."""
        where = self._inside(path)
        if pflags & (asyncssh.FXF_READ | asyncssh.FXF_APPEND) or not pflags & asyncssh.FXF_WRITE:
            _refused()
        if where.exists():
            raise asyncssh.SFTPFailure("there is a file of that name")
        return _Upload(where)

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Take bytes of a file, up to as many as the feed takes."""
        upload = cast("_Upload", file_obj)
        if offset + len(data) > self._drop.longest:
            upload.is_spoiled = True
            raise asyncssh.SFTPFailure("the file is larger than this feed takes")
        upload.file.seek(offset)
        upload.written += len(data)
        return upload.file.write(data)

    def close(self, file_obj: object) -> None:
        """Give the file its name, if its sender closed it: one that broke off is no file."""
        upload = cast("_Upload", file_obj)
        if upload.end() and not self._channel.is_closing() and not upload.last.exists():
            upload.hidden.rename(upload.last)
            return
        upload.hidden.unlink()
        raise asyncssh.SFTPFailure("the file did not come whole; nothing of it was kept")

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Give a file its last name, if there is none of it."""
        old, new = self._inside(oldpath), self._inside(newpath)
        if new.exists() or not old.exists():
            raise asyncssh.SFTPFailure("there is a file of the new name, or none of the old")
        old.rename(new)

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """The folder is a folder; a file that was put there has its size."""
        if path.strip(b"/.") == b"":
            return asyncssh.SFTPAttrs(permissions=S_IFDIR | 0o300)
        where = self._inside(path)
        if not where.is_file():
            raise asyncssh.SFTPNoSuchFile("there is no such file")
        return asyncssh.SFTPAttrs(size=where.stat().st_size, permissions=S_IFREG | 0o200)

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        """The size of a file on its way."""
        upload = cast("_Upload", file_obj)
        upload.file.flush()
        return asyncssh.SFTPAttrs(size=upload.hidden.stat().st_size, permissions=S_IFREG | 0o200)

    def realpath(self, path: bytes) -> bytes:
        """Names are names: nothing of this host is told."""
        return posixpath.normpath(posixpath.join(b"/", path))

    async def scandir(self, _path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """Nothing is listed."""
        for nothing in cast("tuple[asyncssh.SFTPName, ...]", ()):
            yield nothing

    def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:
        """Times and permissions are those of this host, whatever a sender would like them to be."""

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """As ``fsetstat``."""

    lstat = stat
    posix_rename = rename
    open56 = read = remove = mkdir = rmdir = readlink = symlink = link = _REFUSED
    lsetstat = statvfs = fstatvfs = lock = unlock = _REFUSED


class DropServer:
    """The SFTP server of a site."""

    def __init__(self, drops: Mapping[str, Drop], *, host: str, port: int, host_key: Path) -> None:
        problems = drop_problems(drops, host_key)
        if problems:
            raise ConfigurationError(problems)
        self._drops = drops
        self._host, self._port, self._key = host, port, host_key
        self._acceptor: asyncssh.SSHAcceptor | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port if self._acceptor is None else self._acceptor.get_port()

    async def start(self) -> None:
        """Open the port. Raises ConfigurationError where it cannot be."""
        try:
            self._acceptor = await asyncssh.listen(
                self._host,
                self._port,
                server_factory=lambda: _Door(self._drops),
                server_host_keys=[str(self._key)],
                sftp_factory=lambda channel: _WriteOnly(channel, self._drops),
                config=None,
                password_auth=False,
                kbdint_auth=False,
                allow_scp=False,
                agent_forwarding=False,
                login_timeout=30,
                keepalive_interval=60,
            )
        except OSError as error:
            message = f"port {self._port} of `{self._host}` cannot be listened on ({error.strerror})"
            expected = "a free port and an address of this host"
            problem = Problem(where="site.toml", path="sftp.port", message=message, expected=expected)
            raise ConfigurationError([problem]) from error

    async def close(self) -> None:
        """Stop listening and end what is open."""
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()
            self._acceptor = None
