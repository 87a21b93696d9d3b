"""The load generator: keep-alive connections on raw sockets, one request under way on each, all compared.

A general HTTP client costs more per request than the server it measures. This one sends prepared bytes, finds
the end of the head, and compares status and body with what is expected; the first wrong answer ends the run.
"""

from __future__ import annotations

import select
import socket
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Protocol

from measure import WrongAnswer, pin

GRACE = 5.0
"""Seconds an answer may take before the run is given up."""
_RECEIVE = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as sent, and the body a right answer has."""

    request: bytes
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one round saw. ``busy`` is the part of the round that the generator itself was working."""

    answers: int
    seconds: float
    latencies: list[float]
    busy: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds


class Receiving(Protocol):
    """A connection, and what of an answer came on it so far."""

    socket: socket.socket
    received: bytes


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    place: int
    started: float = 0.0
    received: bytes = b""


def get(path: str, token: str = "") -> bytes:
    """A GET as it goes over the wire."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}\r\n".encode()


def fetch(port: int, request: bytes) -> tuple[int, bytes]:
    """One request on a connection of its own: status and body."""
    with socket.create_connection(("127.0.0.1", port), timeout=GRACE) as connection:
        connection.sendall(request)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0 or len(data) < end + 4 + _length(data[:end]):
            received = connection.recv(_RECEIVE)
            if not received:
                raise WrongAnswer("the server closed the connection before it had answered")
            data += received
    return int(data[9:12]), data[end + 4 :]


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise WrongAnswer("an answer without content-length")


def run(port: int, asked: list[Asked], *, connections: int, seconds: float) -> Load:
    """The same as ``drive``, in a process of its own, bound to the second processor."""
    pin(0, 1)
    return drive(port, asked, connections=connections, seconds=seconds)


def drive(port: int, asked: list[Asked], *, connections: int, seconds: float) -> Load:
    """Ask for ``seconds``, going through ``asked`` in turn; ``WrongAnswer`` at the first wrong answer."""
    poller = select.epoll()
    held: dict[int, _Connection] = {}
    try:
        for number in range(connections):
            opened = socket.create_connection(("127.0.0.1", port), timeout=GRACE)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.settimeout(0)
            held[opened.fileno()] = _Connection(opened, number * 7919 % len(asked))
            poller.register(opened.fileno(), select.EPOLLIN)
        return _driven(poller, held, asked, seconds)
    finally:
        poller.close()
        for connection in held.values():
            connection.socket.close()


def _driven(poller: select.epoll, held: dict[int, _Connection], asked: list[Asked], seconds: float) -> Load:
    latencies: list[float] = []
    busy, start = process_time(), perf_counter()
    stop = start + seconds
    for connection in held.values():
        connection.started = perf_counter()
        connection.socket.send(asked[connection.place].request)
    now = start
    while now < stop:
        ready = poller.poll(GRACE)
        if not ready:
            raise WrongAnswer(f"no answer within {GRACE:.0f} s")
        for number, _ in ready:
            connection = held[number]
            if answered(connection, asked[connection.place].body):
                now = perf_counter()
                latencies.append(now - connection.started)
                connection.place = (connection.place + 1) % len(asked)
                connection.started = now
                connection.socket.send(asked[connection.place].request)
    taken = perf_counter() - start
    busy = (process_time() - busy) / taken
    return Load(answers=len(latencies), seconds=taken, latencies=latencies, busy=busy)


def answered(connection: Receiving, expected: bytes) -> bool:
    """Take what arrived; True when the whole, right answer is there."""
    data = connection.socket.recv(_RECEIVE)
    if not data:
        raise WrongAnswer("the server closed a connection in use")
    if connection.received:
        data = connection.received + data
    if not data.startswith(b"HTTP/1.1 200 "):
        raise WrongAnswer(f"expected status 200, found {data[9:12].decode('latin-1')}")
    end = data.find(b"\r\n\r\n")
    if end < 0 or len(data) - end - 4 < len(expected):
        connection.received = data
        return False
    if data[end + 4 :] != expected:
        raise WrongAnswer("the body of an answer is not the one expected")
    connection.received = b""
    return True
