"""Receivers that misbehave on real connections: each is bounded in time and bytes, and none delays another."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import asynccontextmanager

import pytest
import records
import subscribers
import worlds
from subscribers import settle, subscribe, subscription

from adapter.outbound import Outbound, Unreachable
from adapter.posting import DAY, LARGEST, seconds_of

pytestmark = pytest.mark.anyio
RELEASE = records.choice("cottonwood", purposes=("TREAT",))
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """Answers every request as it is told to; counts connections and requests."""

    def __init__(self, answer):
        self.answer, self.connections, self.bodies = answer, 0, []
        self._open = set()

    async def _serve(self, reader, writer):
        self.connections += 1
        task = asyncio.current_task()
        self._open.add(task)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                self.bodies.append(await reader.readexactly(size))
                await self.answer(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            self._open.discard(task)

    @asynccontextmanager
    async def __call__(self, port=0):
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        finally:
            server.close()
            for task in list(self._open):
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            await server.wait_closed()


def saying(text, *, then_close=False):
    async def answer(writer):
        writer.write(text)
        await writer.drain()
        if then_close:
            raise ConnectionError

    return answer


@pytest.fixture
async def outbound():
    made = Outbound(plain_loopback=True)
    yield made
    made.close()
    await asyncio.sleep(0)


async def post(outbound, url, *, seconds=2.0, body=b"{}", headers=None):
    return await outbound.post(url, body, headers=headers or {}, seconds=seconds)


async def test_a_connection_is_used_again_and_opened_again_when_the_other_side_closed_it(outbound):
    server = Server(saying(OK))
    async with server() as url:
        for _ in range(5):
            assert (await post(outbound, url)).status == 200
        assert server.connections == 1
        server.answer = saying(OK, then_close=True)
        assert (await post(outbound, url)).status == 200
        await asyncio.sleep(0.05)
        assert (await post(outbound, url)).status == 200
        assert server.connections == 2
    assert len(server.bodies) == 7


async def test_many_at_once_each_have_a_connection_and_their_own_answer(outbound):
    async def late(writer):
        await asyncio.sleep(0.02)
        writer.write(OK)

    server = Server(late)
    async with server() as url:
        for _ in range(3):
            told = await asyncio.gather(*(post(outbound, url, body=b"%d" % number) for number in range(12)))
            assert [one.status for one in told] == [200] * 12
    assert server.connections == 12
    assert sorted(server.bodies) == sorted([b"%d" % number for number in range(12)] * 3)


async def test_of_a_giant_answer_no_more_is_read_than_is_kept_of_any(outbound):
    sent = []

    async def giant(writer):
        writer.write(HEAD % (1 << 33))
        for _ in range(2_000):
            writer.write(b"x" * LARGEST)
            await writer.drain()
            sent.append(LARGEST)

    server = Server(giant)
    async with server() as url:
        assert (await post(outbound, url)).status == 200
        await asyncio.sleep(0.2)
        # What the sockets of this host hold is more than what was read, and far from what was offered.
        assert sum(sent) < 400 * LARGEST
        server.answer = saying(OK)
        assert (await post(outbound, url)).status == 200
    assert server.connections == 2


@pytest.mark.parametrize("line", [b"x-more: and more\r\n", b"x" * 1000])
async def test_headers_without_an_end_are_given_up(outbound, line):
    async def endless(writer):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(LARGEST):
            writer.write(line)
            await writer.drain()

    async with Server(endless)() as url:
        started = time.monotonic()
        with pytest.raises(Unreachable, match=f"an answer of more than {LARGEST} bytes|RemoteProtocolError"):
            await post(outbound, url, seconds=20.0)
        assert time.monotonic() - started < 10


async def test_information_without_an_end_is_given_up(outbound):
    async def endless(writer):
        for _ in range(LARGEST):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()

    async with Server(endless)() as url:
        with pytest.raises(Unreachable, match="no answer"):
            await post(outbound, url, seconds=20.0)


async def test_an_answer_byte_by_byte_has_the_time_of_the_whole_exchange_and_no_more(outbound):
    async def slowly(writer):
        for byte in b"HTTP/1.1 200 OK\r\n" + b"x-slow: yes\r\n" * 1_000:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    async with Server(slowly)() as url:
        started = time.monotonic()
        with pytest.raises(Unreachable, match="no answer within 1 seconds"):
            await post(outbound, url, seconds=1.0)
        assert 0.9 <= time.monotonic() - started < 4


async def test_who_does_not_read_what_is_sent_has_that_time_too(outbound):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        with pytest.raises(Unreachable, match="no answer within 1 seconds"):
            await post(outbound, url, seconds=1.0, body=b"x" * (1 << 24))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"HTTP/1.1 307 There\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", 307),
        (b"HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno", 500),
        (b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 204 Nothing\r\n\r\n", 204),
        (b"HTTP/1.0 200 Old\r\n\r\n", 200),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200),
    ],
)
async def test_the_status_is_what_counts(outbound, text, status):
    server = Server(saying(text))
    async with server() as url:
        for _ in range(2):
            assert (await post(outbound, url)).status == status


@pytest.mark.parametrize("text", [b"SSH-2.0-nothing\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", b"\r\n"])
async def test_what_is_no_answer_is_none(outbound, text):
    async with Server(saying(text, then_close=True))() as url:
        with pytest.raises(Unreachable, match="no answer: RemoteProtocolError"):
            await post(outbound, url)


async def test_two_answers_to_one_question_are_not_taken_for_the_next(outbound):
    """A second answer must not be taken for that to what is posted afterwards."""
    server = Server(saying(OK + b"HTTP/1.1 500 Not yours\r\ncontent-length: 0\r\n\r\n"))
    async with server() as url:
        for _ in range(3):
            assert (await post(outbound, url)).status == 200
            await asyncio.sleep(0.01)
    assert server.connections == 3


async def test_a_header_cannot_become_two(outbound):
    server = Server(saying(OK))
    async with server() as url:
        with pytest.raises(Unreachable):
            await post(outbound, url, headers={"authorization": "a\r\nx-more: b"})
        assert (await post(outbound, url.replace("/hook", "/a b?c=d e"))).status == 200
    assert len(server.bodies) == 1


def test_retry_after_is_seconds_or_a_date():
    date = "Sun, 22 Nov 2026 19:00:00 GMT"
    assert seconds_of("90") == 90
    assert seconds_of("999999999999") == DAY
    assert seconds_of("Sun, 22 Nov 2026 19:01:15 GMT", date=date) == 75
    assert seconds_of("Sun, 29 Nov 2026 19:01:15 GMT", date=date) == DAY
    assert seconds_of("Sun, 22 Nov 2026 18:01:15 GMT", date=date) == 0
    assert seconds_of("Sun, 22 Nov 2026 19:01:15 GMT") == 0
    for text in ("", "soon", "-5", "1.5", "Mon, 99 Foo 2026 00:00:00 GMT", "²"):
        assert seconds_of(text, date=date) == 0


async def test_a_date_to_come_back_at_is_honoured(tmp_path):
    port = free_port()
    world = await worlds.open_site(
        tmp_path / "site", adjust=lambda folder: subscribers.register(folder, hosts=(f"127.0.0.1:{port}",))
    )
    later = b"date: Sun, 22 Nov 2026 19:00:00 GMT\r\nretry-after: Sun, 22 Nov 2026 19:10:00 GMT\r\n"
    server = Server(saying(OK))
    await world.deliver("releases", records.ndjson(records.release(RELEASE)), "release")
    async with server(port) as url:
        await subscribe(world, subscription(endpoint=url))
        await settle(world)
        server.answer = saying(b"HTTP/1.1 429 Later\r\n" + later + b"content-length: 0\r\n\r\n")
        await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)), "one")
        await settle(world)
        ((due, reason),) = world.rows("SELECT due, reason FROM subscription")
        assert reason == "status 429"
        assert due - world.clock.now == 600_000_000
    await world.close()


async def test_slow_and_dead_receivers_delay_nobody(tmp_path):
    """Half of all subscriptions never answer. The others are told as soon as if those were not there.

    Half of what a silent receiver takes is allowed, and forty of them would take all thirty-six slots.
    """
    silent, well = free_port(), free_port()
    hosts = (f"127.0.0.1:{silent}", f"127.0.0.1:{well}")
    world = await worlds.open_site(tmp_path / "site", adjust=lambda folder: subscribers.register(folder, hosts=hosts))
    await world.deliver("releases", records.ndjson(records.release(RELEASE)), "release")

    async def never(_):
        await asyncio.sleep(60)

    answered, dumb = Server(saying(OK)), Server(saying(OK))
    async with answered(well) as url, dumb(silent) as nowhere:
        for number in range(40):
            await subscribe(world, subscription(endpoint=f"{nowhere}/{number}", timeout=5))
        await subscribe(world, subscription(endpoint=url, timeout=5))
        await settle(world)
        dumb.answer = never
        before = len(answered.bodies)
        world.services.notifying.outbox._at_once = 36
        work = asyncio.create_task(world.services.notifying.outbox.run())
        waits = []
        for day in range(1, 5):
            started = time.monotonic()
            message = records.phq9(4, control=f"R{day}", at=f"202603{day:02d}080000-0700")
            await world.deliver("jail-medical-hl7", records.hl7(message), f"day {day}")
            while len(answered.bodies) < before + day:
                await asyncio.sleep(0.005)
                assert time.monotonic() - started < 20
            waits.append(time.monotonic() - started)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert max(waits) < 2.5
        assert len(dumb.bodies) > 40
    await world.close()
