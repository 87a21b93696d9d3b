"""The MLLP listener over real sockets: order, framing errors that are told, senders that stop, TLS."""

from __future__ import annotations

import asyncio
import contextlib
import ssl

import certificates
import pytest

from adapter.errors import ConfigurationError
from connectors.transport.mllp import framed
from connectors.transport.mllp_server import Listener, ListenerOptions, options_problems
from connectors.transport.mllp_tls import Binding, server_context, subject

pytestmark = pytest.mark.anyio
MESSAGE = b"MSH|^~\\&|JMS|A|||||ADT^A01|1|P|2.5\rPID|1\r"


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Heard:
    """A channel that answers with the number of what it heard."""

    def __init__(self):
        self.taken, self.events, self.senders = [], [], []

    def take(self, content, senders, answered):
        self.taken.append(content)
        self.senders.append(senders)
        answered([b"ACK %d" % len(self.taken)])

    def refuse(self, opening, fault, answered):
        self.events.append((f"refused {fault}", len(opening)))
        answered([b"NAK " + fault.encode()])

    def event(self, kind, peer, count):
        self.events.append((kind, count))


@contextlib.asynccontextmanager
async def listening(**options):
    heard = Heard()
    listener = Listener(ListenerOptions(where="feed f", **({"host": "127.0.0.1", "port": 0} | options)), heard)
    await listener.start()
    try:
        yield listener, heard
    finally:
        await hang_up()
        await listener.close()


OPENED = []


async def connected(listener, **more):
    host, port = listener.address
    pair = await asyncio.open_connection(host, port, **more)
    OPENED.append(pair[1])
    return pair


async def hang_up():
    """End every connection a test has opened."""
    for writer in OPENED:
        writer.transport.abort()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()
    OPENED.clear()


async def answer(reader):
    async with asyncio.timeout(10):
        return (await reader.readuntil(b"\x1c\r"))[1:-2]


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)


async def keep_sending(listener, writer, data, *, left=0):
    """Write on until the listener has ended all but so many connections."""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(10):
            while len(listener.open) > left:
                writer.write(data)
                await writer.drain()
                await asyncio.sleep(0.01)


async def test_frames_are_answered_in_order_on_one_connection():
    async with listening() as (listener, heard):
        reader, writer = await connected(listener)
        writer.write(framed(MESSAGE) + b"\0\0" + framed(b"two") + framed(b"three")[:4])
        assert [await answer(reader), await answer(reader)] == [b"ACK 1", b"ACK 2"]
        writer.write(framed(b"three")[4:])
        assert await answer(reader) == b"ACK 3"
        assert heard.taken == [MESSAGE, b"two", b"three"]
        assert heard.events == [("padding", 2)]
        writer.close()


async def test_every_byte_on_its_own_is_the_same():
    async with listening() as (listener, heard):
        reader, writer = await connected(listener)
        for byte in b"junk" + framed(MESSAGE):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert await answer(reader) == b"ACK 1"
        assert (heard.taken, heard.events) == ([MESSAGE], [("junk", 4)])
        writer.close()


async def test_bytes_of_any_encoding_pass_as_they_are():
    content = MESSAGE + "NTE|1||Müller\r".encode("latin-1") + bytes(range(32, 256)) + b"\r"
    async with listening() as (listener, heard):
        reader, writer = await connected(listener)
        writer.write(framed(content))
        assert await answer(reader) == b"ACK 1"
        assert heard.taken == [content]
        writer.close()


async def test_a_message_over_the_cap_is_answered_and_the_connection_goes_on():
    async with listening(longest=1000) as (listener, heard):
        reader, writer = await connected(listener)
        writer.write(framed(MESSAGE + b"x" * 50_000) + framed(MESSAGE))
        assert [await answer(reader), await answer(reader)] == [b"NAK too-long", b"ACK 1"]
        assert heard.taken == [MESSAGE]
        assert ("too-long", 1000) in heard.events
        writer.close()


async def test_an_endless_frame_is_answered_at_once_and_cut_off_in_the_end():
    async with listening(longest=1000, frame=0.4) as (listener, heard):
        reader, writer = await connected(listener)
        writer.write(b"\x0b" + MESSAGE + b"x" * 1000)
        assert await answer(reader) == b"NAK too-long"
        await keep_sending(listener, writer, b"x" * 100)
        assert ("frame-timeout", 0) in heard.events
        assert heard.taken == []


async def test_a_slow_sender_is_cut_off_and_nothing_of_it_handed_on():
    async with listening(frame=0.3, idle=30.0) as (listener, heard):
        _, writer = await connected(listener)
        other_reader, other = await connected(listener)
        await until(lambda: len(listener.open) == 2)
        writer.write(b"\x0b")
        await keep_sending(listener, writer, b"x", left=1)
        assert heard.taken == []
        assert ("frame-timeout", 0) in heard.events
        other.write(framed(MESSAGE))
        assert await answer(other_reader) == b"ACK 1"
        other.close()


@pytest.mark.parametrize("sent", [b"MSH|^~\\&|unframed\r", b"GET / HTTP/1.1\r\n\r\n"])
async def test_what_never_begins_a_frame_is_told_and_cut_off(sent):
    async with listening(frame=0.2) as (listener, heard):
        reader, writer = await connected(listener)
        writer.write(sent)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        assert heard.events == [("no-frame", 0), ("junk", len(sent))]
        writer.close()


async def test_a_block_end_without_cr_is_answered_and_never_hangs():
    async with listening(block_end=0.2) as (listener, heard):
        reader, writer = await connected(listener)
        writer.write(b"\x0b" + MESSAGE + b"\x1c")
        assert await answer(reader) == b"NAK block-end"
        assert heard.events == [("block-end", 0), ("refused block-end", len(MESSAGE) + 1)]
        writer.write(b"\r" + framed(MESSAGE))
        assert await answer(reader) == b"ACK 1"
        assert heard.taken == [MESSAGE]
        writer.close()


async def test_a_connection_that_ends_within_a_frame_hands_on_nothing():
    async with listening() as (listener, heard):
        _, writer = await connected(listener)
        writer.write(b"\x0b" + MESSAGE)
        await writer.drain()
        writer.close()
        await until(lambda: heard.events)
        assert (heard.taken, heard.events) == ([], [("unfinished-frame", 0)])
        assert listener.open == set()


async def test_an_empty_frame_is_answered():
    async with listening() as (listener, heard):
        reader, writer = await connected(listener)
        writer.write(framed(b"\r\n"))
        assert await answer(reader) == b"NAK empty"
        assert heard.taken == []
        writer.close()


async def test_padding_alone_does_not_keep_a_connection_open():
    async with listening(idle=0.3) as (listener, heard):
        _, writer = await connected(listener)
        await until(lambda: listener.open)
        await keep_sending(listener, writer, b"\0")
        assert {kind for kind, _ in heard.events} == {"padding"}


async def test_more_connections_than_allowed_are_refused():
    async with listening(connections=1) as (listener, heard):
        reader, writer = await connected(listener)
        writer.write(framed(MESSAGE))
        await answer(reader)
        second, closing = await connected(listener)
        with contextlib.suppress(ConnectionError):
            assert await second.read() == b""
        assert heard.events == [("too-many-connections", 0)]
        writer.write(framed(MESSAGE))
        assert await answer(reader) == b"ACK 2"
        writer.close()
        closing.close()


async def test_a_sender_that_reads_no_answers_is_read_no_further():
    class Loud(Heard):
        def take(self, content, senders, answered):
            self.taken.append(content)
            answered([b"x" * 100_000])

    loud = Loud()
    listener = Listener(ListenerOptions(where="feed f", host="127.0.0.1", port=0), loud)
    await listener.start()
    _, writer = await connected(listener)
    for _ in range(3000):
        writer.write(framed(MESSAGE))
    await asyncio.sleep(0.3)
    heard = len(loud.taken)
    await asyncio.sleep(0.2)
    assert len(loud.taken) == heard < 3000
    await hang_up()
    await listener.close()


async def test_a_port_that_is_taken_is_told():
    async with listening() as (listener, _):
        second = Listener(ListenerOptions(where="feed g", host="127.0.0.1", port=listener.address[1]), Heard())
        with pytest.raises(ConfigurationError, match=r"feed g.*mllp\.port.*cannot be listened on"):
            await second.start()


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "jail.example", "::"])  # noqa: S104 - refused
def test_without_tls_only_loopback_is_listened_on(host):
    options = ListenerOptions(where="feed f", host=host, port=2575)
    with pytest.raises(ConfigurationError, match="certificate"):
        Listener(options, Heard())
    assert not options_problems(ListenerOptions(where="feed f", host="127.0.0.1", port=2575))


def test_with_tls_every_sender_is_bound_to_a_certificate(tmp_path):
    made = certificates.Authority(tmp_path)
    certificate, key, fingerprint = made.issue("server")
    tls = server_context(certificate=certificate, key=key, client_ca=made.path)
    for bindings in ((), (Binding(sender=("JMS", "A")),)):
        assert options_problems(ListenerOptions(where="f", host="0.0.0.0", port=1, tls=tls, bindings=bindings))  # noqa: S104
    bound = (Binding(sender=("JMS", "A"), certificate=fingerprint),)
    assert not options_problems(ListenerOptions(where="f", host="0.0.0.0", port=1, tls=tls, bindings=bound))  # noqa: S104


def test_files_that_cannot_be_used_are_named(tmp_path):
    made = certificates.Authority(tmp_path)
    certificate, _, _ = made.issue("server")
    _, key, _ = made.issue("other")
    with pytest.raises(ConfigurationError) as caught:
        server_context(certificate=certificate, key=key, client_ca=tmp_path / "none.pem")
    assert [problem.path for problem in caught.value.problems] == ["mllp.certificate", "mllp.client_ca"]
    assert "none.pem" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CN=jail", {"commonName": "jail"}),
        ("CN=jail, O=Alder County", {"commonName": "jail", "organizationName": "Alder County"}),
        ("CN=jail,CN=other", None),
        ("XX=jail", None),
        ("CN=", None),
        ("jail", None),
    ],
)
def test_a_subject_is_read(text, found):
    assert subject(text) == found


def client(authority, pair=None):
    context = ssl.create_default_context(cafile=authority.path)
    if pair is not None:
        context.load_cert_chain(*pair)
    return context


@pytest.fixture
def secured(tmp_path):
    authority = certificates.Authority(tmp_path / "ours")
    certificate, key, _ = authority.issue("server")
    jail, jail_key, print_of_jail = authority.issue("jail")
    court, court_key, _ = authority.issue("court", organization="Alder County")
    stranger, stranger_key, _ = authority.issue("stranger")
    bindings = (
        Binding(sender=("JMS", "A"), certificate=print_of_jail),
        Binding(sender=("CMS", "B"), certificate="CN=court, O=Alder County"),
        Binding(sender=("CMS", "C"), certificate="CN=court"),
        Binding(sender=("X", "X"), certificate="CN=stranger, O=Alder County"),
    )
    tls = server_context(certificate=certificate, key=key, client_ca=authority.path)
    pairs = {"jail": (jail, jail_key), "court": (court, court_key), "stranger": (stranger, stranger_key)}
    return authority, pairs, {"tls": tls, "bindings": bindings}


async def test_a_certificate_says_which_senders_may_speak(secured):
    authority, pairs, options = secured
    async with listening(**options) as (listener, heard):
        for name, senders in (("jail", [("JMS", "A")]), ("court", [("CMS", "B"), ("CMS", "C")])):
            reader, writer = await connected(listener, ssl=client(authority, pairs[name]))
            writer.write(framed(MESSAGE))
            assert (await answer(reader)).startswith(b"ACK")
            assert heard.senders[-1] == senders
            writer.close()


async def test_a_certificate_of_nobody_is_refused_before_a_byte_is_taken(secured):
    authority, pairs, options = secured
    async with listening(**options) as (listener, heard):
        with contextlib.suppress(ConnectionError):
            reader, writer = await connected(listener, ssl=client(authority, pairs["stranger"]))
            writer.write(framed(MESSAGE))
            assert await reader.read() == b""
        await until(lambda: heard.events)
        assert (heard.events, heard.taken) == ([("unknown-certificate", 0)], [])


async def refused(listener, **more):
    with contextlib.suppress(OSError, ssl.SSLError):
        reader, writer = await connected(listener, **more)
        writer.write(framed(MESSAGE))
        async with asyncio.timeout(10):
            assert b"ACK" not in await reader.read()
        writer.close()


async def test_without_a_certificate_of_the_authority_or_without_tls_nothing_is_taken(secured, tmp_path):
    authority, _, options = secured
    other = certificates.Authority(tmp_path / "other", "Other CA")
    foreign = client(authority, other.issue("jail")[:2])
    assert options["tls"].minimum_version == ssl.TLSVersion.TLSv1_2
    async with listening(**options) as (listener, heard):
        for more in ({"ssl": client(authority)}, {"ssl": foreign}, {}):
            await refused(listener, **more)
        assert heard.taken == []


async def test_a_handshake_that_fails_is_an_event(secured, monkeypatch):
    monkeypatch.setattr("connectors.transport.mllp_server.HANDSHAKE_SECONDS", 0.1)
    monkeypatch.setattr("connectors.transport.mllp_server.GRACE", 0.1)
    async with listening(**secured[2], frame=0.2) as (listener, heard):
        await refused(listener, ssl=client(secured[0]))
        await until(lambda: heard.events)
        assert (heard.events, heard.taken) == ([("no-tls", 0)], [])
