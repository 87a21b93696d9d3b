"""The ways in of a running site: what is configured is opened, what is wrong is told before, and messages arrive."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys

import asyncssh
import certificates
import pytest
import records
import worlds

from adapter.assets import copy_fictional_county
from adapter.errors import ConfigurationError
from adapter.inspection import check
from adapter.settings import load_site
from connectors.transport.mllp import framed

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"


@pytest.fixture
def anyio_backend():
    return "asyncio"


def with_feed(text, name="jail_medical_hl7"):
    def adjust(folder):
        path = folder / "feeds" / f"{name}.yaml"
        kept = [
            line for line in path.read_text().splitlines() if not line.startswith(("mllp:", "hl7:", "watch:", "sftp:"))
        ]
        path.write_text("\n".join([*kept, text]) + "\n")

    return adjust


def without_mllp(site):
    """The text of site.toml without its last section."""
    head, _, section = site.read_text().partition("[mllp]")
    assert "[" not in section
    return head


@contextlib.asynccontextmanager
async def opened(folder, text, adjust=lambda _: None):
    def both(site):
        with_feed(text)(site)
        adjust(site)

    world = await worlds.open_site(folder, adjust=both)
    await world.services.ways_in.open()
    try:
        yield world
    finally:
        await world.services.ways_in.close()
        await world.close()


async def connected(world, **more):
    return await asyncio.open_connection(*world.services.ways_in.listeners[FEED].address, **more)


async def answer(reader):
    async with asyncio.timeout(10):
        return (await reader.readuntil(b"\x1c\r"))[1:-2].split(b"\r")


async def test_a_message_over_mllp_reaches_the_store_and_its_sender_is_told(tmp_path):
    async with opened(tmp_path / "site", "mllp: {port: 0}") as world:
        reader, writer = await connected(world)
        writer.write(framed(records.hl7(records.phq9(4))))
        assert (await answer(reader))[1] == b"MSA|AA|R1"
        assert len(await world.services.inbox.receipts()) == 1
        await world.services.intake.drain()
        assert world.rows("SELECT count(*) FROM resource WHERE type = 1") == [(1,)]
        told = await world.services.intake.fate(FEED, "R1", "Organization/jail-medical")
        assert told["messages"][0]["state"] == "processed"
        writer.close()
        await writer.wait_closed()


async def test_the_application_acknowledgement_follows_on_the_same_connection(tmp_path):
    async with opened(tmp_path / "site", "mllp: {port: 0}") as world:
        reader, writer = await connected(world)
        writer.write(framed(records.hl7(records.phq9(4)).replace(b"|P|2.5.1", b"|P|2.5.1|||AL|AL")))
        assert (await answer(reader))[1] == b"MSA|CA|R1"
        await world.services.intake.drain()
        assert (await answer(reader))[1] == b"MSA|AA|R1"
        writer.close()
        await writer.wait_closed()


async def test_messages_of_one_sender_are_brought_in_as_they_were_sent(tmp_path):
    async with opened(tmp_path / "site", "mllp: {port: 0}") as world:
        pairs = [await connected(world) for _ in range(3)]
        for number in range(12):
            for place, (_, writer) in enumerate(pairs):
                writer.write(framed(records.hl7(records.phq9(4, control=f"{place}-{number}"))))
        for place, (reader, writer) in enumerate(pairs):
            for number in range(12):
                assert (await answer(reader))[1] == b"MSA|AA|%d-%d" % (place, number)
            writer.close()
            await writer.wait_closed()
        kept = []
        for receipt in await world.services.inbox.receipts(FEED):
            with world.services.inbox.open(receipt.id).stream as stream:
                kept.append(stream.read().split(b"|")[9].decode())
        for place in range(3):
            mine = [one for one in kept if one.startswith(f"{place}-")]
            assert mine == [f"{place}-{number}" for number in range(12)]


async def test_framing_errors_are_counted_on_the_feed(tmp_path):
    async with opened(tmp_path / "site", "mllp: {port: 0, megabytes: 1}") as world:
        reader, writer = await connected(world)
        writer.write(b"log: hello" + framed(records.hl7(records.phq9(4)) + b"NTE|" + b"x" * 1_000_000))
        told = await answer(reader)
        assert told[1].startswith(b"MSA|AR|R1|longer")
        writer.close()
        await writer.wait_closed()
        kinds = {each.kind: each.size for each in world.services.channels.events(FEED)}
        assert kinds == {"junk": 10, "too-long": 1_000_000, "refused-too-long": 16_384}
        assert await world.services.inbox.receipts() == []


async def test_over_tls_a_sender_speaks_only_for_itself(tmp_path):
    authority = certificates.Authority(tmp_path / "site" / "tls")
    server, key, _ = authority.issue("server")
    jail, jail_key, fingerprint = authority.issue("jail")

    def tls(folder):
        site = folder / "site.toml"
        files = {"certificate": server, "key": key, "client_ca": authority.path}
        lines = [f'{name} = "tls/{path.name}"' for name, path in files.items()]
        site.write_text("\n".join([without_mllp(site), "[mllp]", *lines]))

    copy_fictional_county(tmp_path / "site")
    senders = (
        f'mllp: {{port: 0, senders: [{{application: JAILEHR, facility: ALDERJAIL, certificate: "{fingerprint}"}}]}}'
    )
    tls(tmp_path / "site")
    with_feed(senders)(tmp_path / "site")
    world = await worlds.open_site(tmp_path / "site")
    await world.services.ways_in.open()
    context = ssl.create_default_context(cafile=authority.path)
    context.load_cert_chain(jail, jail_key)
    reader, writer = await connected(world, ssl=context)
    own = records.hl7(records.phq9(4))
    writer.write(framed(own) + framed(own.replace(b"JAILEHR", b"COURTEHR").replace(b"|R1|", b"|R2|")))
    assert (await answer(reader))[1] == b"MSA|AA|R1"
    assert (await answer(reader))[1].startswith(b"MSA|AR|R2|")
    assert len(await world.services.inbox.receipts()) == 1
    writer.close()
    with contextlib.suppress(ssl.SSLError, ConnectionError):
        await writer.wait_closed()
    await world.services.ways_in.close()
    await world.close()


def problems(tmp_path, text, site="", name="jail_medical_hl7"):
    copy_fictional_county(tmp_path)
    with_feed(text, name)(tmp_path)
    toml = tmp_path / "site.toml"
    toml.write_text(without_mllp(toml) + site)
    with pytest.raises(ConfigurationError) as caught:
        check(load_site(tmp_path))
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "site", "name", "said"),
    [
        ("mllp: {port: 2575}", '[mllp]\nhost = "10.0.0.1"\n', "jail_medical_hl7", "without TLS"),
        ("mllp: {port: 2575}", '[mllp]\ncertificate = "x.pem"\n', "jail_medical_hl7", "`mllp.key`"),
        (
            "mllp: {port: 2575}",
            '[mllp]\ncertificate = "x.pem"\nkey = "x.key"\nclient_ca = "ca.pem"\n',
            "jail_medical_hl7",
            "there is no such file",
        ),
        ("mllp: {port: 2575}", "", "jail_roster", "takes no messages"),
        ("mllp: {port: 99999}", "", "jail_medical_hl7", "mllp.port"),
        ("mllp: {port: 2575, senders: [{facility: X}]}", "", "jail_medical_hl7", "mllp.senders[0].application"),
        (
            "mllp: {port: 2575, senders: [{application: X, certificate: 'sha256:12'}]}",
            "",
            "jail_medical_hl7",
            "mllp.senders[0].certificate",
        ),
        ("hl7: {batch: never}", "", "jail_medical_hl7", "'message' or 'batch'"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_opened(tmp_path, text, site, name, said):
    assert any(said in problem for problem in problems(tmp_path, text, site, name))


def test_two_feeds_do_not_share_a_port(tmp_path):
    copy_fictional_county(tmp_path)
    with_feed("mllp: {port: 2575}")(tmp_path)
    text = (tmp_path / "feeds" / "jail_medical_hl7.yaml").read_text()
    (tmp_path / "feeds" / "second.yaml").write_text(text.replace("feed: jail-medical-hl7", "feed: second-hl7"))
    with pytest.raises(ConfigurationError, match="is that of feed `jail-medical-hl7`"):
        check(load_site(tmp_path))


async def test_what_cannot_be_opened_opens_nothing(tmp_path):
    async with opened(tmp_path / "one", "mllp: {port: 0}") as world:
        port = world.services.ways_in.listeners[FEED].address[1]
        second = await worlds.open_site(tmp_path / "two", adjust=with_feed(f"mllp: {{port: {port}}}"))
        with pytest.raises(ConfigurationError, match="cannot be listened on"):
            await second.services.ways_in.open()
        assert second.services.ways_in.listeners == {}
        await second.close()


async def until(condition):
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in the store
            await asyncio.sleep(0.05)


def watching(folder, text="watch: {folder: drop, every_seconds: 1, settle_seconds: 0}"):
    (folder / "drop").mkdir()
    with_feed(text)(folder)


async def test_a_watched_folder_is_looked_at_while_the_site_runs(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=watching)
    told = await world.services.ways_in.open()
    assert told == [f"watching {tmp_path / 'site' / 'drop'} for feed {FEED}"]
    (tmp_path / "site" / "drop" / "day.hl7").write_bytes(records.hl7(records.phq9(4)))

    async def arrived():
        return len(await world.services.inbox.receipts()) == 1

    await until(arrived)
    await world.services.ways_in.close()
    await world.close()


async def test_what_is_there_is_taken_in_at_once_when_asked(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=watching)
    (tmp_path / "site" / "drop" / "day.hl7").write_bytes(records.hl7(records.phq9(4)))
    assert await world.services.ways_in.look_once() == 1
    assert await world.services.ways_in.look_once() == 0
    await world.close()


async def test_a_partner_puts_a_file_by_sftp(tmp_path):
    host, partner = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))

    def adjust(folder):
        host.write_private_key(folder / "host_key")
        site = folder / "site.toml"
        site.write_text(site.read_text() + '\n[sftp]\nport = 0\nhost_key = "host_key"\n')
        key = partner.export_public_key().decode().strip()
        watching(folder, f"watch: {{folder: drop, every_seconds: 1, settle_seconds: 0, keys: ['{key}']}}")

    world = await worlds.open_site(tmp_path / "site", adjust=adjust)
    told = await world.services.ways_in.open()
    assert told[0] == f"SFTP on port {world.services.ways_in.sftp.port}"
    async with (
        asyncssh.connect(
            "127.0.0.1",
            world.services.ways_in.sftp.port,
            username=FEED,
            client_keys=[partner],
            known_hosts=([host.convert_to_public()], [], []),
            config=None,
        ) as connection,
        connection.start_sftp_client() as sftp,
        sftp.open("day.hl7", "wb") as file,
    ):
        await file.write(records.hl7(records.phq9(4)))

    async def arrived():
        return [one.name for one in await world.services.inbox.receipts()] == ["day.hl7"]

    await until(arrived)
    await world.services.ways_in.close()
    await world.close()


@pytest.mark.parametrize(
    ("text", "site", "said"),
    [
        ("watch: {folder: nowhere}", "", "there is no folder `nowhere`"),
        ("watch: {folder: ., keys: [x]}", "", "nobody listens"),
        ("watch: {folder: ., marker: done}", "", "watch.marker"),
        ("watch: {folder: .}", '[sftp]\nhost_key = "none"\n', "`none` cannot be read as a key"),
        (
            "sftp: {host: h, user: u, key: none, host_key: 'ssh-ed25519 AAAA', folder: /out}",
            "",
            "it is no public key",
        ),
        ("sftp: {host: h, user: u, key: k, host_key: any, folder: /out}", "", "sftp.host_key"),
    ],
)
def test_what_is_wrong_with_folders_is_told_before(tmp_path, text, site, said):
    assert any(said in problem for problem in problems(tmp_path, text, site))


def test_without_asyncssh_it_is_told_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "connectors.transport.sftp", None)
    text = "sftp: {host: h, user: u, key: k, host_key: 'ssh-ed25519 AAAA', folder: /out}"
    assert any("pip install sallyport[sftp]" in problem for problem in problems(tmp_path, text))
