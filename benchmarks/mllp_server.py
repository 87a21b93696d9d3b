"""Two MLLP listeners in one process: one that keeps every message durably, and the yardstick that keeps nothing.

    python benchmarks/mllp_server.py FOLDER

FOLDER is a site. Prints one line of JSON with both ports and serves until its input ends. Both answer with the same
acknowledgement; nothing is brought into the store, so that the rate is that of keeping and answering alone.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from adapter.bootstrap import build
from adapter.cli.options import run_loop
from adapter.services.reception import FeedChannel, written
from adapter.settings import load_site
from adapter.source import AnswerOptions
from connectors.jail.hl7v2.answering import Hl7Answering
from connectors.transport.mllp_server import Listener, ListenerOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapter.wired import Services

FEED = "jail-medical-hl7"
OPTIONS = ListenerOptions(where="benchmark", host="127.0.0.1", port=0)


class Forgetful:
    """The yardstick: reads and answers a message as the product does, and keeps nothing of it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._answering = Hl7Answering()

    def take(
        self, content: bytes, senders: Sequence[tuple[str, str]], answered: Callable[[Sequence[bytes]], None]
    ) -> None:
        """Answer at once."""
        services = self._services
        options = AnswerOptions(
            at=written(services.now()), control=services.new_id()[:20], senders=frozenset(senders) or None
        )
        answered([each.answer for each in self._answering.answered(content, options)])

    def refuse(self, opening: bytes, fault: str, answered: Callable[[Sequence[bytes]], None]) -> None:
        """The load sends nothing that is refused."""
        raise AssertionError((fault, opening[:40], answered))

    def event(self, kind: str, peer: str, count: int) -> None:
        """The load makes no framing errors."""
        raise AssertionError((kind, peer, count))


async def main(folder: Path) -> None:
    """Serve both until standard input ends."""
    services = await build(load_site(folder))
    durable = Listener(OPTIONS, FeedChannel(FEED, services.reception, services.channels))
    memory = Listener(OPTIONS, Forgetful(services))
    for listener in (durable, memory):
        await listener.start()
    print(json.dumps({"durable": durable.address[1], "memory": memory.address[1]}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for listener in (durable, memory):
        await listener.close()
    await services.reception.settled()
    await services.store.close()


if __name__ == "__main__":
    run_loop(main(Path(sys.argv[1])))
