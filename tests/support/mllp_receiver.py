"""An HL7 v2 receiver on loopback that behaves as it is told, connection by connection, and keeps what it got."""

from __future__ import annotations

import asyncio

from adapter.delivery.mllp import acknowledged
from connectors.transport.mllp import Frame, Framing, framed


class Hl7Receiver:
    """Answers each message by the next of ``behaviours``, and when there is none left with AA."""

    def __init__(self):
        self.got = []
        self.behaviours = []
        self.connections = 0
        self.port = 0
        self._server = None
        self._open = set()

    async def start(self, *, port=0, context=None):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self):
        self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()
        await asyncio.sleep(0)

    async def _serve(self, reader, writer):
        self._open.add(asyncio.current_task())
        self.connections += 1
        framing = Framing(1 << 20)
        try:
            while data := await reader.read(65_536):
                for event in framing.feed(data):
                    if isinstance(event, Frame):
                        self.got.append(event.content)
                        behave = self.behaviours.pop(0) if self.behaviours else accept
                        await behave(event.content, writer)
        except OSError:
            pass  # The other side has hung up.
        finally:
            writer.transport.abort()
            self._open.discard(asyncio.current_task())

    @property
    def messages(self):
        """What it got, as segments of fields."""
        return [[line.split("|") for line in one.decode().split("\r") if line] for one in self.got]


def control(message):
    return message.split(b"\r")[0].split(b"|")[9]


def answer(code, about=None, *, head=b"MSH|^~\\&|A|B|C|D|20260101000000||ACK|1|P|2.5.1"):
    """A behaviour: acknowledge with a code."""

    async def behave(message, writer):
        writer.write(framed(head + b"\rMSA|%s|%s\r" % (code.encode(), control(message) if about is None else about)))
        await writer.drain()

    return behave


accept = answer("AA")


async def hang(_message, _writer):
    await asyncio.sleep(60)


async def reset(_message, writer):
    writer.transport.abort()


async def slowly(message, writer):
    whole = framed(b"MSH|^~\\&|A|B|C|D|20260101000000||ACK|1|P|2.5.1\rMSA|AA|" + control(message) + b"\r")
    for byte in whole:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.2)


async def unframed(message, writer):
    writer.write(b"MSH|^~\\&|A|B|C|D|20260101000000||ACK|1|P|2.5.1\rMSA|AA|" + control(message) + b"\r")
    writer.write_eof()
    await writer.drain()


async def another_first(message, writer):
    """The late acknowledgement of another message, then the one that is waited for."""
    await answer("AR", b"SOMETHING-ELSE")(message, writer)
    await accept(message, writer)


__all__ = ["Hl7Receiver", "accept", "acknowledged", "another_first", "answer", "hang", "reset", "slowly", "unframed"]
