"""How many messages a second are acknowledged durably over eight MLLP connections.

The yardstick is the same listener on the same kind of sockets, with acknowledgements from memory: the ratio is what
durability costs. Senders either wait for each acknowledgement, as most do, or have up to sixteen messages on the way.
Every acknowledgement is checked as it comes, and afterwards every message in the inbox, byte for byte.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import apsw
from measure import Row, Scale, WrongAnswer, check, equal, middle, pin, share, spread
from rest_speed import spent

from adapter.assets import copy_fictional_county

if TYPE_CHECKING:
    from collections.abc import Iterator

GOAL = 5_000
CONNECTIONS = 8
WINDOWS = (1, 16)
START, END = b"\x0b", b"\x1c\r"
GRACE = 30.0
SIZE = 1_200
"""Bytes of a message: an ADT of ten segments."""


@dataclass(slots=True)
class Acknowledged:
    """One round: messages of each connection that were acknowledged, in order, and how long each took."""

    messages: list[list[bytes]]
    seconds: float
    latencies: list[float] = field(default_factory=list)

    @property
    def count(self) -> int:
        """All acknowledgements."""
        return sum(len(each) for each in self.messages)


@dataclass(slots=True)
class _Sender:
    """One connection: what is on its way, oldest first, and what was acknowledged."""

    connection: socket.socket
    name: str
    sent: int = 0
    waiting: list[tuple[bytes, float]] = field(default_factory=list)
    done: list[bytes] = field(default_factory=list)
    received: bytes = b""

    def send(self) -> None:
        message = message_of(self.name, self.sent)
        self.sent += 1
        self.waiting.append((message, perf_counter()))
        self.connection.sendall(START + message + END)

    def take(self, latencies: list[float]) -> int:
        """Check the acknowledgements that are here; how many."""
        data = self.connection.recv(1 << 20)
        if not data:
            raise WrongAnswer("the server closed a connection in use")
        *answers, self.received = (self.received + data).split(END)
        now = perf_counter()
        for answer in answers:
            message, since = self.waiting.pop(0)
            wanted = b"\rMSA|AA|" + message.split(b"|", 10)[9] + b"\r"
            check(answer.startswith(START + b"MSH|") and wanted in answer, "AA with the control id of its message")
            latencies.append(now - since)
            self.done.append(message)
        return len(answers)


def message_of(sender: str, number: int) -> bytes:
    """A message unlike all others."""
    head = (
        "MSH|^~\\&|JAILEHR|ALDERJAIL|SALLYPORT|ALDERCOUNTY|20260302080000-0700||ADT^A08^ADT_A01|"
        f"{sender}-{number}|P|2.5.1||||||UNICODE UTF-8\rEVN|A08|20260302080000-0700\r"
        f"PID|1||{sender}{number}^^^ALDERJAIL^PCN||SAMPLE^READER||19800203|F\rZXX|"
    )
    return (head + "x" * (SIZE - len(head) - 1) + "\r").encode()


def drive(port: int, name: str, window: int, seconds: float) -> Acknowledged:
    """Keep ``window`` messages of every connection on their way for so long, then wait for those that are."""
    poller, senders = select.epoll(), {}
    for place in range(CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", port), timeout=GRACE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        senders[connection.fileno()] = _Sender(connection=connection, name=f"{name}{place}")
        poller.register(connection.fileno(), select.EPOLLIN)
    latencies: list[float] = []
    start = perf_counter()
    for sender in senders.values():
        for _ in range(window):
            sender.send()
    while any(sender.waiting for sender in senders.values()):
        ready = poller.poll(GRACE)
        if not ready:
            raise WrongAnswer(f"no acknowledgement within {GRACE:.0f} s")
        more = perf_counter() - start < seconds
        for number, _ in ready:
            sender = senders[number]
            answered = sender.take(latencies)
            for _ in range(answered if more else 0):
                sender.send()
    taken = perf_counter() - start
    for sender in senders.values():
        sender.connection.close()
    return Acknowledged(messages=[sender.done for sender in senders.values()], seconds=taken, latencies=latencies)


@contextmanager
def _server(folder: Path) -> Iterator[tuple[dict[str, int], int]]:
    command = [sys.executable, str(Path(__file__).with_name("mllp_server.py")), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        if server.stdin is None or server.stdout is None:
            raise WrongAnswer("a server with pipes")
        yield json.loads(server.stdout.readline()), server.pid
        server.stdin.close()
        equal(server.wait(60), 0, "exit code of the server")


def measure(scale: Scale, folder: Path) -> list[Row]:
    """Rows for senders that wait and for those that do not, and the bare commits of this disk."""
    site = folder / "site"
    copy_fictional_county(site)
    rounds: dict[tuple[str, int], list[Acknowledged]] = {}
    costs: dict[tuple[str, int], list[float]] = {}
    with _server(site) as (ports, server), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as load:
        pin(server, 0)
        for turn in range(scale.rounds):
            for window in WINDOWS:
                for kind in ("memory", "durable"):
                    before, name = spent(server), f"{kind[0]}{turn}w{window}c"
                    done = load.submit(drive, ports[kind], name, window, scale.seconds).result()
                    rounds.setdefault((kind, window), []).append(done)
                    costs.setdefault((kind, window), []).append((spent(server) - before) / done.count * 1e6)
    _checked(site, [each for (kind, _), found in rounds.items() if kind == "durable" for each in found])
    commits = _commits(folder, min(scale.seconds, 2.0))
    return [_row(window, rounds, costs, commits) for window in WINDOWS]


def _checked(site: Path, rounds: list[Acknowledged]) -> None:
    """What was acknowledged is in the inbox, each message once, and of each connection in its order."""
    db = apsw.Connection(str(site / "data" / "inbox.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    kept = [
        row[0] for row in db.execute("SELECT c.data FROM receipt r JOIN chunk c ON c.receipt = r.id ORDER BY r.seq")
    ]
    db.close()
    by_sender: dict[bytes, list[bytes]] = {}
    for message in kept:
        by_sender.setdefault(message.split(b"|", 10)[9].split(b"-")[0], []).append(message)
    sent = {done[0].split(b"|", 10)[9].split(b"-")[0]: done for each in rounds for done in each.messages if done}
    equal(len(kept), sum(each.count for each in rounds), "messages in the inbox")
    check(by_sender == sent, "every message of the inbox as it was sent, in the order of its connection")


def _commits(folder: Path, seconds: float) -> float:
    """Commits of one small row that this disk takes in a second, each on disk."""
    db = apsw.Connection(str(folder / "commits.sqlite"))
    for pragma in ("journal_mode = WAL", "synchronous = FULL"):
        list(db.execute(f"PRAGMA {pragma}"))
    db.execute("CREATE TABLE kept (body BLOB)")
    count, start = 0, perf_counter()
    while perf_counter() - start < seconds:
        db.execute("INSERT INTO kept VALUES (?)", (b"x" * SIZE,))
        count += 1
    rate = count / (perf_counter() - start)
    db.close()
    return rate


def _row(
    window: int,
    rounds: dict[tuple[str, int], list[Acknowledged]],
    costs: dict[tuple[str, int], list[float]],
    commits: float,
) -> Row:
    rates = {kind: [each.count / each.seconds for each in rounds[kind, window]] for kind in ("memory", "durable")}
    ratio = middle(rates["durable"]) / middle(rates["memory"])
    cost = middle(costs["durable", window])
    latencies = [latency for each in rounds["durable", window] for latency in each.latencies]
    numbers: dict[str, Any] = {
        "rate": middle(rates["durable"]),
        "ratio": ratio,
        "cpu_us": cost,
        "commits": commits,
        "p99_ms": share(latencies, 0.99) * 1e3,
    }
    way = "one message at a time" if window == 1 else f"up to {window} on the way"
    return Row(
        name=f"MLLP, durable acknowledgements, {CONNECTIONS} connections, {way}",
        goal=f">= {GOAL:,} a second",
        measured=f"{numbers['rate']:,.0f} a second ({spread(rates['durable'], '{:,.0f}')}), {ratio:.2f} of memory",
        met=numbers["rate"] >= GOAL,
        note=f"{cost:.0f} µs of processor time each; p99 {numbers['p99_ms']:.1f} ms; from memory "
        f"{middle(rates['memory']):,.0f} a second; this disk took {commits:,.0f} bare commits a second",
        numbers=numbers,
    )
