"""A receiver of notifications that does as little as one can: it notes when what came and answers 200.

    python benchmarks/notified.py

Prints its port. For each line of its input it prints one line of JSON: everything that came since the last one, as
(path, when, event numbers), in order; ``when`` is of the clock that every process of this machine shares.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from time import perf_counter

from httptools import HttpRequestParser
from uvloop import new_event_loop

NUMBER = re.compile(rb'"event-number","valueString":"(\d+)"')
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
came: list[tuple[str, float, list[int]]] = []


class Receiving(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has come."""
        self._transport = transport
        self._parser = HttpRequestParser(self)
        self._path, self._body = b"", b""

    def data_received(self, data: bytes) -> None:
        """Part of a request."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Where it is sent."""
        self._path, self._body = url, b""

    def on_body(self, body: bytes) -> None:
        """Part of what is sent."""
        self._body += body

    def on_message_complete(self) -> None:
        """All of it is here."""
        came.append((self._path.decode(), perf_counter(), [int(one) for one in NUMBER.findall(self._body)]))
        self._transport.write(ANSWER)  # type: ignore[attr-defined]  # of a connection it can be written to


async def main() -> None:
    """Receive until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Receiving, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(came), flush=True)
        came.clear()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
