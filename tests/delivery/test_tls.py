"""Notifications over TLS to a receiver on this host: whose certificate counts, and what this server proves itself with.

Everything is issued while the test runs, by an authority of its own that the site trusts (`[outbound] ca_file`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

import certificates
import orjson
import pytest
import records
import subscribers
import worlds
from subscribers import COTTONWOOD, send, settle, subscribe, subscription

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Receiver:
    """A receiver over TLS. ``peers`` are the names that clients proved, "" for one that proved none."""

    def __init__(self):
        self.bodies, self.peers = [], []
        self._server = None
        self._open = set()

    async def listen(self, port, certificate, key, *, asks=None, host="127.0.0.1"):
        """Listen with a certificate; with ``asks`` only to clients whom that authority knows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if asks is not None:
            context.load_verify_locations(asks)
            context.verify_mode = ssl.CERT_REQUIRED
        self._server = await asyncio.start_server(self._take, host, port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _take(self, reader, writer):
        self._open.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(size)
            subject = (writer.get_extra_info("peercert") or {}).get("subject", ())
            self.peers.append(next((value for ((name, value),) in subject if name == "commonName"), ""))
            self.bodies.append(body)
            writer.write(OK)
            await writer.drain()
        writer.transport.abort()
        self._open.discard(writer)

    async def close(self):
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await self._server.wait_closed()
        self._server = None
        await asyncio.sleep(0)


@pytest.fixture
def authority(tmp_path):
    return certificates.Authority(tmp_path / "ca")


@pytest.fixture
async def receivers():
    """Makes receivers, and closes them."""
    made = []

    def make():
        made.append(Receiver())
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture
async def receiver(authority, receivers):
    certificate, key, _ = authority.issue("receiver")
    return await receivers().listen(0, certificate, key)


async def county(folder, authority, port, *, proves=None):
    """A county that trusts an authority of its own for what it tells on this host."""

    def adjust(site):
        subscribers.register(site, hosts=(f"localhost:{port}",))
        (site / "ca.pem").write_bytes(authority.path.read_bytes())
        mine = ""
        if proves is not None:
            certificate, key, _ = proves.issue("sallyport")
            (site / "client.pem").write_bytes(certificate.read_bytes() + key.read_bytes())
            mine = 'client_file = "client.pem"\n'
        text = (site / "site.toml").read_text()
        section = f'ca_file = "ca.pem"\nprivate_networks = ["127.0.0.0/8", "::1/128"]\n{mine}'
        assert "private_networks = []\n" in text
        (site / "site.toml").write_text(text.replace("private_networks = []\n", section))

    world = await worlds.open_site(folder, adjust=adjust)
    release = records.release(records.choice("cottonwood", purposes=("TREAT",)))
    await world.deliver("releases", records.ndjson(release), "release")
    return world


def asked(port):
    return subscription(endpoint=f"https://localhost:{port}/hook", timeout=5)


async def screen(world, day):
    message = records.phq9(4, control=f"R{day}", at=f"202603{day:02d}080000-0700")
    await world.deliver(FEED, records.hl7(message), f"day {day}")
    await settle(world)


async def standing(world, ident):
    told = (await send(world, COTTONWOOD, "GET", f"/fhir/Subscription/{ident}")).json()
    return told["status"], told.get("error")


def numbers(receiver):
    return [number for body in receiver.bodies for number, _, _ in subscribers.events(orjson.loads(body))]


async def test_a_certificate_that_is_trusted_is_told_and_one_that_replaces_it_untrusted_is_not(
    tmp_path, authority, receiver, receivers
):
    """Between two notifications the receiver shows another certificate: nothing is told to it, and nothing is lost."""
    world = await county(tmp_path / "site", authority, receiver.port)
    ident = await subscribe(world, asked(receiver.port))
    await settle(world)
    await screen(world, 1)
    assert numbers(receiver) == [1]
    await receiver.close()
    stranger = receivers()
    certificate, key, _ = certificates.Authority(tmp_path / "other", "Other CA").issue("receiver")
    await stranger.listen(receiver.port, certificate, key)
    await screen(world, 2)
    assert stranger.bodies == []
    assert await standing(world, ident) == ("error", "no answer: ConnectError")
    await stranger.close()
    # Renewed by the authority that is trusted: the same event, under the number it had.
    certificate, key, _ = authority.issue("renewed")
    await receiver.listen(receiver.port, certificate, key)
    world.clock.forward(seconds=5)
    await settle(world)
    assert numbers(receiver) == [1, 2]
    assert await standing(world, ident) == ("active", None)
    await world.close()


async def test_a_certificate_for_another_name_is_not_told(tmp_path, authority, receivers):
    certificate, key, _ = authority.issue("receiver")
    receiver = await receivers().listen(0, certificate, key, host="0.0.0.0")  # noqa: S104 - a second address of this host
    world = await county(tmp_path / "site", authority, receiver.port)
    hook = world.services.notifying.outbox._hook

    class Sending:
        channel, body, headers, timeout = "rest-hook", b"{}", (), 5

    taken = {}
    for name in ("127.0.0.2", "127.0.0.1"):
        Sending.endpoint = f"https://{name}:{receiver.port}/hook"
        taken[name] = (await hook.send(Sending())).taken
    assert taken == {"127.0.0.2": False, "127.0.0.1": True}
    assert receiver.bodies == [b"{}"]
    await world.close()


async def test_a_receiver_that_asks_who_is_there_is_shown_the_certificate_of_the_site(tmp_path, authority, receivers):
    ours = certificates.Authority(tmp_path / "ours", "County CA")
    certificate, key, _ = authority.issue("receiver")
    receiver = await receivers().listen(0, certificate, key, asks=ours.path)
    port = receiver.port
    world = await county(tmp_path / "site", authority, port, proves=ours)
    ident = await subscribe(world, asked(port))
    await settle(world)
    await screen(world, 1)
    assert receiver.peers == ["sallyport", "sallyport"]
    assert numbers(receiver) == [1]
    assert (await standing(world, ident))[0] == "active"
    await receiver.close()
    await world.close()


async def test_without_a_certificate_such_a_receiver_takes_nothing(tmp_path, authority, receivers):
    ours = certificates.Authority(tmp_path / "ours", "County CA")
    certificate, key, _ = authority.issue("receiver")
    receiver = await receivers().listen(0, certificate, key, asks=ours.path)
    port = receiver.port
    world = await county(tmp_path / "site", authority, port)
    ident = await subscribe(world, asked(port))
    await settle(world)
    assert receiver.bodies == []
    assert (await standing(world, ident))[0] == "requested"
    await receiver.close()
    await world.close()
