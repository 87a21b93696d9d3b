"""Requests at a stated rate, whatever the server does: an open loop, as people and other software ask.

A closed loop waits for a slow answer before it asks again, and so hardly ever meets the moments in which answers are
slow. Here each request has its time. Its latency counts from then, on a connection that is still waiting too.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from load import GRACE, Asked, Load, answered
from measure import WrongAnswer, pin

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class _Line:
    """One connection: what is under way on it, and what has to wait for that."""

    socket: socket.socket
    received: bytes = b""
    due: deque[tuple[float, Asked]] = field(default_factory=deque)

    def send(self) -> None:
        self.socket.send(self.due[0][1].request)


def run(port: int, asked: list[Asked], *, connections: int, rate: float, seconds: float) -> Load:
    """The same as ``paced``, in a process of its own, bound to the second processor."""
    pin(0, 1)
    return paced(port, asked, connections=connections, rate=rate, seconds=seconds)


def paced(port: int, asked: list[Asked], *, connections: int, rate: float, seconds: float) -> Load:
    """Ask ``rate`` times a second for ``seconds``, connection by connection in turn; the first wrong answer ends it."""
    poller = select.epoll()
    lines: dict[int, _Line] = {}
    try:
        for _ in range(connections):
            opened = socket.create_connection(("127.0.0.1", port), timeout=GRACE)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.settimeout(0)
            lines[opened.fileno()] = _Line(opened)
            poller.register(opened.fileno(), select.EPOLLIN)
        return _asked(poller, lines, asked, rate, seconds)
    finally:
        poller.close()
        for line in lines.values():
            line.socket.close()


def _asked(poller: select.epoll, lines: Mapping[int, _Line], asked: list[Asked], rate: float, seconds: float) -> Load:
    latencies: list[float] = []
    busy, start = process_time(), perf_counter()
    turn, count, sent = list(lines.values()), int(rate * seconds), 0
    while len(latencies) < count:
        now = perf_counter()
        while sent < count and (due := start + sent / rate) <= now:
            line = turn[sent % len(turn)]
            line.due.append((due, asked[sent * 7919 % len(asked)]))
            if len(line.due) == 1:
                line.send()
            sent += 1
        wait = start + sent / rate - now if sent < count else GRACE
        ready = poller.poll(max(wait, 0.0))
        if not ready and sent == count:
            raise WrongAnswer(f"no answer within {GRACE:.0f} s")
        for number, _ in ready:
            line = lines[number]
            if answered(line, line.due[0][1].body):
                latencies.append(perf_counter() - line.due.popleft()[0])
                if line.due:
                    line.send()
    taken = perf_counter() - start
    return Load(answers=count, seconds=taken, latencies=latencies, busy=(process_time() - busy) / taken)
