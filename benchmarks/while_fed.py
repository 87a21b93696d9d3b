"""Consented reads at a stated rate over 32 connections, while a feed is pushed to the same server and without it.

Charts and results of people nobody asks for are pushed over HTTP, extract after extract. The reads are of others and
have one right answer each, before, meanwhile and after.
"""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import httpx2
import orjson
import paced
from county import opened
from measure import Row, Scale, check, equal, middle, pin, share, spread
from rest_speed import CONNECTIONS, HITS, WITHHELD, expected, extracts_of, prepare, server

from adapter.cli.options import run_loop
from adapter.machine import clock

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from load import Load

RATE = 300.0
"""Reads a second: a tenth of what one core gives, and more than a county's partners ask for."""
GOAL_MS = 10.0
FEED = "riverside-ehr"
RECORDS, EVERY = 100, 0.25
"""What is pushed at once, and how often (seconds): 400 records a second."""


@dataclass(slots=True)
class _Rounds:
    loads: list[Load] = field(default_factory=list)
    records: list[int] = field(default_factory=list)

    def p99(self) -> list[float]:
        """Milliseconds, by round."""
        return [share(load.latencies, 0.99) * 1e3 for load in self.loads]


def measure(scale: Scale, folder: Path) -> list[Row]:
    """A row without a feed and one with it."""
    site = folder / "site"
    wanted = run_loop(prepare(site, scale.readers))
    token = run_loop(_feeder(site))
    quiet, fed = _Rounds(), _Rounds()
    with (
        server(["-m", "adapter", "serve", "--no-ways-in", "--site", str(site), "--port"]) as (port, process),
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as generator,
        ExitStack() as parts,
    ):
        reads, _ = expected(port, wanted)
        pin(process, 0)
        sender = parts.enter_context(closing(Sender(port, token, scale)))
        for turn in range(scale.rounds + 1):
            for rounds, feeding in ((quiet, False), (fed, True)):
                seconds = scale.seconds if turn else min(1.0, scale.seconds)
                asking = generator.submit(paced.run, port, reads, connections=CONNECTIONS, rate=RATE, seconds=seconds)
                if feeding:
                    sender.push_until(asking)
                load, made = asking.result(), sender.counted()
                check(
                    made > 0 if feeding else made == 0, "records are brought in while a feed is pushed, and only then"
                )
                sender.settled()
                if turn:
                    rounds.loads.append(load)
                    rounds.records.append(int(made / load.seconds))
    return [_row("without a feed", quiet), _row("while a feed is pushed", fed)]


async def _feeder(site: Path) -> str:
    async with opened(site) as services:
        return await services.tokens.issue(
            client="feeder",
            organisation="Organization/riverside",
            purposes=["TREAT"],
            rights=[f"feed:{FEED}"],
            lifetime=36_000,
        )


class Sender:
    """Pushes extracts of people who are new, and asks what became of them."""

    def __init__(self, port: int, token: str, scale: Scale) -> None:
        self._client = httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {token}"}, timeout=30
        )
        self._waiting: list[str] = []
        people = 2 + int(RECORDS * (1 + scale.seconds / EVERY) * (scale.rounds + 1) / (1 + HITS + WITHHELD))
        extracts = extracts_of(people, clock(), chart="f", family="Fed", ssn="6")
        lines = extracts["Patient.ndjson"].splitlines() + extracts["Observation.ndjson"].splitlines()
        self._files = [b"\n".join(lines[at : at + RECORDS]) for at in range(0, len(lines), RECORDS)]

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def push_until(self, done: Future[Load]) -> None:
        """Push the next extracts, one at a time, until others are done asking."""
        while not done.done() and self._files:
            answer = self._client.post(f"/feeds/{FEED}", content=self._files.pop(0))
            equal(answer.status_code, 202, "status of what is pushed")
            self._waiting.append(answer.json()["report"])
            time.sleep(EVERY)

    def counted(self) -> int:
        """The records that were brought in since everything was settled."""
        return sum(self._told(place)["records"] for place in self._waiting)

    def settled(self) -> None:
        """Wait until everything is in the store, and hold it against what was pushed."""
        for place in self._waiting:
            while (told := self._told(place))["state"] == "waiting":
                time.sleep(EVERY)
            equal(told["quarantined"], {}, "quarantine of what was pushed")
        self._waiting = []

    def _told(self, place: str) -> dict[str, Any]:
        return orjson.loads(self._client.get(place).content)


def _row(name: str, rounds: _Rounds) -> Row:
    latencies = [each for load in rounds.loads for each in load.latencies]
    p99 = rounds.p99()
    ingested = f", {middle(rounds.records):,.0f} records/s brought in" if any(rounds.records) else ""
    return Row(
        name=f"{RATE:.0f} reads/s over {CONNECTIONS} connections, {name}",
        goal=f"p99 < {GOAL_MS:.0f} ms",
        measured=f"p99 {middle(p99):.1f} ms ({spread(p99, '{:.1f}')})",
        met=middle(p99) < GOAL_MS,
        note=(
            f"p50 {share(latencies, 0.5) * 1e3:.1f} ms, longest {max(latencies) * 1e3:.1f} ms{ingested}; "
            f"generator busy {max(load.busy for load in rounds.loads):.0%}"
        ),
        numbers={
            "p50_ms": share(latencies, 0.5) * 1e3,
            "p99_ms": middle(p99),
            "longest_ms": max(latencies) * 1e3,
            "records_per_second": middle(rounds.records),
        },
    )
