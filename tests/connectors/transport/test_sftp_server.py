"""A folder that partners write to by SFTP: a file appears when it is whole; nothing is read, listed or undone."""

from __future__ import annotations

import asyncio
import contextlib

import asyncssh
import pytest

from adapter.errors import ConfigurationError
from connectors.transport.sftp_server import Drop, DropServer, drop_problems

pytestmark = pytest.mark.anyio
LONGEST = 100_000


@pytest.fixture
def anyio_backend():
    return "asyncio"


def public(key):
    return key.export_public_key().decode()


@pytest.fixture
async def server(tmp_path):
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    host_key.write_private_key(tmp_path / "host")
    keys = {name: asyncssh.generate_private_key("ssh-ed25519") for name in ("jail", "court")}
    drops = {}
    for name, key in keys.items():
        (tmp_path / name).mkdir()
        drops[name] = Drop(folder=tmp_path / name, keys=(public(key),), longest=LONGEST)
    made = DropServer(drops, host="127.0.0.1", port=0, host_key=tmp_path / "host")
    await made.start()
    made.keys, made.host_key, made.root = keys, host_key, tmp_path
    yield made
    await made.close()


def connected(server, user="jail", key=None):
    return asyncssh.connect(
        "127.0.0.1",
        server.port,
        username=user,
        client_keys=[key or server.keys["jail"]],
        known_hosts=([server.host_key.convert_to_public()], [], []),
        agent_path=None,
        config=None,
    )


@contextlib.asynccontextmanager
async def client(server):
    async with connected(server) as connection, connection.start_sftp_client() as sftp:
        yield sftp


def names(folder):
    return sorted(path.name for path in folder.iterdir())


async def test_a_file_appears_under_its_name_when_its_sender_has_closed_it(server):
    folder = server.root / "jail"
    async with client(server) as sftp:
        async with sftp.open("roster.csv", "wb") as file:
            await file.write(b"abc" * 10_000)
            assert names(folder) == [".roster.csv.upload"]
        assert (folder / "roster.csv").read_bytes() == b"abc" * 10_000
        assert names(folder) == ["roster.csv"]


async def test_what_an_ordinary_client_does_works(server, tmp_path):
    source = tmp_path / "source.csv"
    source.write_bytes(b"x" * 70_000)
    async with client(server) as sftp:
        await sftp.put(str(source), "roster.csv", preserve=True)
        await sftp.put(str(source), "next.csv.part")
        await sftp.rename("next.csv.part", "next.csv")
        assert (await sftp.stat("roster.csv")).size == 70_000
        assert await sftp.listdir(".") == []
    assert {path.name: path.stat().st_size for path in (server.root / "jail").iterdir()} == {
        "roster.csv": 70_000,
        "next.csv": 70_000,
    }


async def test_a_transfer_that_breaks_off_leaves_no_file(server):
    folder = server.root / "jail"
    with contextlib.suppress(OSError, asyncssh.Error):
        async with connected(server) as connection:
            sftp = await connection.start_sftp_client()
            file = await sftp.open("roster.csv", "wb")
            await file.write(b"abc")
            assert names(folder) == [".roster.csv.upload"]
            connection.abort()
    async with asyncio.timeout(10):
        while names(folder):  # noqa: ASYNC110 - the other side tells nothing
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "does",
    [
        lambda sftp: sftp.open("there.csv", "rb"),
        lambda sftp: sftp.open("there.csv", "ab"),
        lambda sftp: sftp.open("there.csv", "wb"),
        lambda sftp: sftp.open("there.csv", "r+b"),
        lambda sftp: sftp.open("../court/new.csv", "wb"),
        lambda sftp: sftp.open("/etc/passwd", "wb"),
        lambda sftp: sftp.open(".hidden", "wb"),
        lambda sftp: sftp.open("sub/new.csv", "wb"),
        lambda sftp: sftp.remove("there.csv"),
        lambda sftp: sftp.rename("there.csv", "../court/there.csv"),
        lambda sftp: sftp.rename("other.csv", "there.csv"),
        lambda sftp: sftp.posix_rename("other.csv", "there.csv"),
        lambda sftp: sftp.mkdir("sub"),
        lambda sftp: sftp.symlink("/etc/passwd", "new.csv"),
        lambda sftp: sftp.link("there.csv", "new.csv"),
        lambda sftp: sftp.readlink("there.csv"),
        lambda sftp: sftp.stat("../court/secret.csv"),
        lambda sftp: sftp.statvfs("."),
        lambda sftp: sftp.rmdir("."),
    ],
)
async def test_nothing_else_can_be_done(server, does):
    for folder, name in (("jail", "there.csv"), ("jail", "other.csv"), ("court", "secret.csv")):
        (server.root / folder / name).write_bytes(b"kept")
    async with client(server) as sftp:
        with pytest.raises(asyncssh.SFTPError):
            await does(sftp)
    assert names(server.root / "jail") == ["other.csv", "there.csv"]
    assert names(server.root / "court") == ["secret.csv"]
    assert {path.read_bytes() for folder in ("jail", "court") for path in (server.root / folder).iterdir()} == {b"kept"}


async def test_a_file_that_is_too_large_is_refused_and_none(server):
    async with client(server) as sftp:
        with pytest.raises(asyncssh.SFTPError):
            async with sftp.open("big.csv", "wb") as file:
                await file.write(b"x" * (LONGEST + 1))
    assert names(server.root / "jail") == []


async def test_a_file_with_a_hole_is_none(server):
    async with client(server) as sftp:
        with pytest.raises(asyncssh.SFTPError):
            async with sftp.open("holed.csv", "wb") as file:
                await file.write(b"end", 1000)
    assert names(server.root / "jail") == []


@pytest.mark.parametrize("user", ["jail", "court", "nobody", "root"])
async def test_only_the_key_of_a_feed_opens_its_folder(server, user):
    wrong = server.keys["court" if user == "jail" else "jail"]
    with pytest.raises(asyncssh.PermissionDenied):
        async with connected(server, user, wrong):
            pass


async def test_no_shell_no_command_and_no_forwarding(server):
    async with connected(server) as connection:
        with pytest.raises((asyncssh.ChannelOpenError, asyncssh.ProcessError)):
            await connection.run("id", check=True)
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", 22)


async def test_keys_that_cannot_be_used_and_a_port_that_is_taken_are_told(server, tmp_path):
    drops = {"jail": Drop(folder=tmp_path, keys=("ssh-ed25519 nonsense",), longest=1)}
    assert [problem.path for problem in drop_problems(drops, tmp_path / "none")] == ["sftp.host_key", "watch.keys[0]"]
    with pytest.raises(ConfigurationError):
        DropServer(drops, host="127.0.0.1", port=0, host_key=tmp_path / "none")
    second = DropServer({}, host="127.0.0.1", port=server.port, host_key=server.root / "host")
    with pytest.raises(ConfigurationError, match="cannot be listened on"):
        await second.start()
