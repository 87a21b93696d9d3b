"""Over real HTTP on loopback: the receiver of `examples/`, and receivers that misbehave in every way they do."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import threading
from pathlib import Path

import pytest
import records
import subscribers
import worlds
from subscribers import COTTONWOOD, send, settle, subscribe, subscription

pytestmark = pytest.mark.anyio
EXAMPLE = Path(__file__).parents[2] / "examples" / "receiver.py"
SECRET = "Bearer of-the-test"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def example():
    spec = importlib.util.spec_from_file_location("receiver", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
async def ada(tmp_path):
    """A county that may tell Cottonwood on a port of this host."""
    port = free_port()
    world = await worlds.open_site(
        tmp_path / "site", adjust=lambda folder: subscribers.register(folder, hosts=(f"127.0.0.1:{port}",))
    )
    world.port = port
    release = records.release(records.choice("cottonwood", purposes=("TREAT",)))
    await world.deliver("releases", records.ndjson(release), "release")
    yield world
    await world.close()


def asked(world, **more):
    return subscription(endpoint=f"http://127.0.0.1:{world.port}/hook", **more)


async def screen(world, day):
    message = records.phq9(4, control=f"R{day}", at=f"202603{day:02d}080000-0700")
    await world.deliver("jail-medical-hl7", records.hl7(message), f"day {day}")


async def test_the_receiver_of_the_examples_gets_every_event_once(ada, tmp_path, capsys):
    module = example()
    kept = tmp_path / "received.json"
    server = module.server(ada.port, SECRET, module.Received(kept))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        ident = await subscribe(ada, asked(ada, header=[f"Authorization: {SECRET}"]))
        await settle(ada)
        for day in (1, 2, 3):
            await screen(ada, day)
            await settle(ada)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("handshake of ")
    assert [line.split(":")[0] for line in printed[1:]] == ["event 1", "event 2", "event 3"]
    assert "missed" not in " ".join(printed)
    told = (await send(ada, COTTONWOOD, "GET", f"/fhir/Subscription/{ident}")).json()
    assert told["status"] == "active"
    # The next one finds nobody: with the receiver its connections have ended.
    await ada.services.notifying.outbox.stop()
    await screen(ada, 4)
    await settle(ada)
    told = (await send(ada, COTTONWOOD, "GET", f"/fhir/Subscription/{ident}")).json()
    assert (told["status"], told["error"]) == ("error", "no answer: ConnectError")


def test_the_example_asks_for_what_it_missed_and_passes_over_what_it_has(tmp_path):
    module = example()
    received = module.Received(tmp_path / "received.json")

    def bundle(*numbers):
        events = [
            {"name": "notification-event", "part": [{"name": "event-number", "valueString": str(number)}]}
            for number in numbers
        ]
        first = [
            {"name": "subscription", "valueReference": {"reference": "Subscription/s"}},
            {"name": "type", "valueCode": "event-notification"},
        ]
        return {"entry": [{"resource": {"parameter": [*first, *events]}}]}

    assert received.take(bundle(1, 2)) == ["event 1: now true (not told)", "event 2: now true (not told)"]
    assert received.take(bundle(2)) == []
    again = module.Received(tmp_path / "received.json")
    assert again.take(bundle(5))[0] == "missed: GET Subscription/s/$events?eventsSinceNumber=3"


async def hang(reader, writer):
    await reader.read(1)
    await asyncio.sleep(30)


async def reset(reader, writer):
    await reader.read(1)
    writer.transport.abort()


async def slowly(reader, writer):
    for byte in OK:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.2)


def answering(text):
    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(size)
        writer.write(text)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    return answer


FAULTS = {
    "hangs": (hang, "no answer within 1 seconds"),
    "resets": (reset, "no answer: "),
    "byte by byte": (slowly, "no answer within 1 seconds"),
    "500": (answering(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"), "status 500"),
    "429": (answering(b"HTTP/1.1 429 Later\r\nretry-after: 90\r\ncontent-length: 0\r\n\r\n"), "status 429"),
    "redirects": (
        answering(b"HTTP/1.1 307 There\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"),
        "status 307; a redirect is not followed",
    ),
    "talks nonsense": (answering(b"SSH-2.0-nothing\r\n\r\n"), "no answer: RemoteProtocolError"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_receiver_that_fails_gets_the_same_event_when_it_is_well(ada, fault):
    behave, reason = FAULTS[fault]
    got, ill = [], [False]

    async def well(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        got.append(await reader.readexactly(size))
        writer.write(OK)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    open_now = set()

    async def as_it_is(reader, writer):
        open_now.add(asyncio.current_task())
        try:
            await (behave if ill[0] else well)(reader, writer)
        except OSError:
            pass  # The other side has hung up.
        finally:
            writer.transport.abort()
            open_now.discard(asyncio.current_task())

    server = await asyncio.start_server(as_it_is, "127.0.0.1", ada.port)
    try:
        ident = await subscribe(ada, asked(ada, timeout=1))
        await settle(ada)
        ill[0] = True
        await screen(ada, 1)
        await settle(ada)
        told = (await send(ada, COTTONWOOD, "GET", f"/fhir/Subscription/{ident}")).json()
        assert told["status"] == "error"
        assert told["error"].startswith(reason)
        ((due,),) = ada.rows("SELECT due FROM subscription")
        assert due - ada.clock.now >= (90_000_000 if fault == "429" else 500_000)
        ill[0] = False
        ada.clock.forward(seconds=100)
        await settle(ada)
        assert len(got) == 2
        assert b'"event-number","valueString":"1"' in got[1]
    finally:
        server.close()
        for task in list(open_now):
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0)


async def test_an_address_that_turns_private_is_not_connected_to(ada):
    """What is registered is a name; where it leads is checked at each connection."""
    hook = ada.services.notifying.outbox._hook
    received = []

    class Sending:
        channel = "rest-hook"
        endpoint, body, headers, timeout = "https://localhost/hook", b"{}", (), 2

    received.append(await hook.send(Sending()))
    assert [one.taken for one in received] == [False]
    assert "in a network that the site does not name" in received[0].why
