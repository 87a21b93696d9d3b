"""SFTP on loopback: the key of the other host is known beforehand, transfers go on where they broke off."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace

import asyncssh
import pytest

from adapter.errors import ConfigurationError
from connectors.transport import sftp
from connectors.transport.finished import Finished
from connectors.transport.folders import ChangedWhileReadError
from connectors.transport.sftp import Remote, RemoteFolder, UnreachableError, remote_problems

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Host(asyncssh.SSHServer):
    """Lets in who has the one key."""

    def __init__(self, allowed):
        self._allowed = allowed

    def begin_auth(self, username):
        return True

    def public_key_auth_supported(self):
        return True

    def validate_public_key(self, username, key):
        return username == "county" and key == self._allowed


class Counting(asyncssh.SFTPServer):
    """Counts the bytes it gives, and breaks off once when told to."""

    given = 0
    break_after = None

    def read(self, file_obj, offset, size):
        if Counting.break_after is not None and offset >= Counting.break_after:
            Counting.break_after = None
            self.channel.get_connection().abort()
            raise asyncssh.SFTPConnectionLost("gone")
        data = super().read(file_obj, offset, size)
        Counting.given += len(data)
        return data


def key_file(path):
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(path)
    return key


@pytest.fixture
async def host(tmp_path):
    """A folder of another host, the way to it, and where what is fetched lies."""
    Counting.given, Counting.break_after = 0, None
    folder = tmp_path / "there"
    (folder / "out").mkdir(parents=True)
    ours, theirs = key_file(tmp_path / "ours"), asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: Host(ours.convert_to_public()),
        server_host_keys=[theirs],
        sftp_factory=lambda channel: Counting(channel, chroot=str(folder).encode()),
    )
    remote = Remote(
        host="127.0.0.1",
        port=server.get_port(),
        user="county",
        key=tmp_path / "ours",
        host_key=theirs.export_public_key().decode(),
        folder="/out",
    )
    yield folder / "out", remote, tmp_path / "spool"
    server.close()
    await server.wait_closed()


def place(remote, spool, **how):
    return RemoteFolder(remote, Finished(**how), spool=spool, clock=lambda: 0.0)


async def test_a_file_is_fetched_whole_and_left_there(host):
    folder, remote, spool = host
    (folder / "roster.csv").write_bytes(b"abc" * 1000)
    (folder / "roster.csv.part").write_bytes(b"x")
    (folder / "sub").mkdir()
    there = place(remote, spool)
    (found,) = await there.finished()
    with await there.open(found) as stream:
        assert stream.read() == b"abc" * 1000
    assert len(list(spool.iterdir())) == 1
    await there.taken(found)
    assert list(spool.iterdir()) == []
    assert (folder / "roster.csv").exists()


async def test_a_transfer_that_broke_off_goes_on_where_it_was(host, monkeypatch):
    folder, remote, spool = host
    monkeypatch.setattr(sftp, "PIECE", 100_000)
    content = os.urandom(1_000_000)
    (folder / "roster.csv").write_bytes(content)
    there = place(remote, spool)
    (found,) = await there.finished()
    Counting.break_after = 600_000
    with pytest.raises(OSError):  # noqa: PT011 - whatever the break looks like here
        await there.open(found)
    (partial,) = spool.iterdir()
    assert 0 < partial.stat().st_size < len(content)
    before = Counting.given
    with await there.open(found) as stream:
        assert stream.read() == content
    assert Counting.given - before < len(content)


async def test_a_file_that_changed_is_not_continued(host):
    folder, remote, spool = host
    path = folder / "roster.csv"
    path.write_bytes(b"abc")
    there = place(remote, spool)
    (found,) = await there.finished()
    path.write_bytes(b"abcdef")
    with pytest.raises(ChangedWhileReadError):
        await there.open(found)
    assert list(spool.iterdir()) == []


async def test_another_host_key_is_refused_and_nothing_is_asked(host, tmp_path):
    folder, remote, spool = host
    (folder / "roster.csv").write_bytes(b"abc")
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(UnreachableError, match="HostKeyNotVerifiable"):
        await place(replace(remote, host_key=other), spool).finished()


async def test_another_key_of_ours_and_another_folder_are_refused(host, tmp_path):
    _, remote, spool = host
    key_file(tmp_path / "wrong")
    for wrong in (replace(remote, key=tmp_path / "wrong"), replace(remote, folder="/elsewhere")):
        with pytest.raises(UnreachableError):
            await place(wrong, spool).finished()
    with pytest.raises(OSError):  # noqa: PT011 - refused, in the words of the system
        await place(replace(remote, port=1), spool).finished()


async def test_keys_that_cannot_be_used_are_told_before(tmp_path):
    bad = Remote(host="h", port=22, user="u", key=tmp_path / "none", host_key="ssh-ed25519 AAAA", folder="/")
    assert [problem.path for problem in remote_problems(bad, "feed f")] == ["sftp.host_key", "sftp.key"]
    with pytest.raises(ConfigurationError):
        place(bad, tmp_path)


async def test_a_marker_of_the_other_host_counts(host):
    folder, remote, spool = host
    (folder / "roster.csv").write_bytes(b"abc")
    there = place(remote, spool, marker=".done")
    assert await there.finished() == []
    (folder / "roster.csv.done").touch()
    assert [each.name for each in await there.finished()] == ["roster.csv"]
    with contextlib.suppress(FileNotFoundError):
        await there.taken((await there.finished())[0])
