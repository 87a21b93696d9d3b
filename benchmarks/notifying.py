"""From a write to its notification: how soon, how many a second, and what subscriptions cost whoever writes.

The receiver is a process of its own on the other core. The yardstick is a loop that posts the same bytes to it with the
HTTP client that most programs would use. Every notification is looked for where it should have come: each event of each
subscription once or again with the same number, in order.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import httpx2
import yaml
from county import PHQ9, Choice, Filler, caller, opened
from measure import Row, Scale, WrongAnswer, equal, middle, pin, share, spread

from adapter.cli.options import run_loop
from adapter.services.subscriptions import Asking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from adapter.store.shapes import ResourceWrite
    from adapter.wired import Services

RATE_GOAL, P50_GOAL, P99_GOAL, WRITER_GOAL = 1_500, 50.0, 250.0, 3.0
EVENTS_A_SECOND = 200
SUBSCRIBED = 64
"""Subscriptions that are all told of everything, where it is measured how many notifications leave."""
PEOPLE = 20
MANY, MATCHING = 1_000, 20
"""Subscriptions, and how many of them are told of one change."""
NAMED = 200
"""People of whom one each is named in a subscription."""
GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
OPEN = Choice(partners=(("cottonwood", ("TREAT",), ("mental-health", "substance-use")),))
RIGHTS = ("population-subscribe",)


@dataclass(slots=True)
class Receiver:
    """The process that is told: its port, and what came."""

    port: int
    process: subprocess.Popen[str]

    def came(self) -> list[tuple[str, float, list[int]]]:
        """(path, when, event numbers) of everything that came since this was asked last."""
        if self.process.stdin is None or self.process.stdout is None:
            raise WrongAnswer("a receiver with pipes")
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return [(path, when, numbers) for path, when, numbers in json.loads(self.process.stdout.readline())]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on the other core."""
    command = [sys.executable, str(Path(__file__).with_name("notified.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        if process.stdout is None or process.stdin is None:
            raise WrongAnswer("a receiver with pipes")
        pin(process.pid, 1)
        yield Receiver(int(process.stdout.readline()), process)
        process.stdin.close()
        equal(process.wait(60), 0, "exit code of the receiver")


@asynccontextmanager
async def county(folder: Path, port: int, people: int) -> AsyncIterator[tuple[Services, Filler]]:
    """A county of people who let Cottonwood see everything, and where Cottonwood may be told."""

    def adjust(site: Path) -> None:
        path = site / "partners.yaml"
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        document["partners"]["cottonwood"]["notify_hosts"] = [f"127.0.0.1:{port}"]
        path.write_text(yaml.safe_dump(document), encoding="utf-8")

    async with opened(folder, adjust=adjust) as services:
        filler = Filler(services)
        for number in range(people):
            consent = await filler.consent(number, OPEN)
            writes = [await filler.patient(number), *([consent] if consent is not None else [])]
            async with services.store.transaction() as change:
                await change.expect(writes, [])
                await change.put(writes, at=filler.at, origin=None)
                await filler.settle(change, number)
        yield services, filler


async def subscribe(services: Services, port: int, path: str, *, patient: str = "", most: int = 1) -> str:
    """Subscribe Cottonwood to summaries, of one patient or of everybody."""
    asking = await caller(services, "cottonwood", "TREAT", *RIGHTS)
    document: dict[str, Any] = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "benchmark",
        "criteria": "https://sallyport.example/fhir/SubscriptionTopic/screening-summary",
        "channel": {
            "extension": [{"url": f"{GUIDE}/backport-max-count", "valuePositiveInt": most}],
            "type": "rest-hook",
            "endpoint": f"http://127.0.0.1:{port}/{path}",
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": f"{GUIDE}/backport-payload-content", "valueCode": "id-only"}]},
        },
    }
    if patient:
        named = {"url": f"{GUIDE}/backport-filter-criteria", "valueString": f"Observation?patient={patient}"}
        document["_criteria"] = {"extension": [named]}
    row = await services.subscriptions.create(
        Asking(caller=asking, client="benchmark", user="", scopes="", rights=RIGHTS), document
    )
    return row.id


async def screened(services: Services, filler: Filler, numbers: list[tuple[int, int]]) -> None:
    """One summary for each (person, how many-th of theirs), in one change."""
    writes: list[ResourceWrite] = []
    for person, nth in numbers:
        day = f"{2000 + nth // 336}-{nth // 28 % 12 + 1:02d}-{nth % 28 + 1:02d}"
        writes.append(await filler.summary(person, PHQ9, 12, day))
    async with services.store.transaction() as change:
        await change.expect(writes, [])
        await change.put(writes, at=services.now(), origin=None)


@asynccontextmanager
async def telling(services: Services) -> AsyncIterator[None]:
    """Tell subscribers meanwhile."""
    work = asyncio.create_task(services.notifying.outbox.run())
    try:
        yield
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def active(services: Services) -> None:
    """Wait until every handshake is taken."""
    for _ in range(3_000):
        rows = await services.store.subscriptions()
        if all(row.status == "active" and row.lease == 0 for row in rows):
            return
        await asyncio.sleep(0.1)
    raise WrongAnswer("every handshake taken")


async def arrived(services: Services, count: int) -> None:
    """Wait until so many events are taken in all."""
    outbox, patience = services.notifying.outbox, 0
    while outbox.counts.events < count:
        await asyncio.sleep(0.005)
        patience += 1
        if patience > 60_000:
            raise WrongAnswer(f"{count} events taken, found {outbox.counts.events}")


def told_once(came: list[tuple[str, float, list[int]]], paths: list[str], count: int) -> dict[str, dict[int, float]]:
    """When each event of each path came first; every one of them, in order, repeats with numbers that were there."""
    first: dict[str, dict[int, float]] = {path: {} for path in paths}
    for path, when, numbers in came:
        for number in numbers:
            known = first[path]
            if number not in known:
                equal(number, len(known) + 1, f"number of the next event of {path}")
                known[number] = when
    equal({path: len(known) for path, known in first.items()}, dict.fromkeys(paths, count), "events by subscription")
    return first


def measure(scale: Scale, folder: Path) -> list[Row]:
    """Rows for notifications a second, for the time from write to delivery, and for the writer."""
    with receiving() as receiver:
        pin(0, 0)
        return [
            run_loop(_many(scale, folder / "many", receiver)),
            run_loop(_soon(scale, folder / "soon", receiver)),
            run_loop(_writing(scale, folder / "writing", receiver)),
        ]


async def _many(scale: Scale, folder: Path, receiver: Receiver) -> Row:
    each = max(2, int(scale.seconds * 10))
    rates, costs, bare, bare_costs = [], [], [], []
    async with county(folder, receiver.port, PEOPLE) as (services, filler), telling(services):
        paths = [f"/many{number}" for number in range(SUBSCRIBED)]
        for path in paths:
            await subscribe(services, receiver.port, path[1:])
        await active(services)
        for turn in range(scale.rounds):
            before, cpu = perf_counter(), process_time()
            await screened(services, filler, [(nth % PEOPLE, turn * each + nth) for nth in range(each)])
            await arrived(services, SUBSCRIBED * each * (turn + 1))
            rates.append(SUBSCRIBED * each / (perf_counter() - before))
            costs.append((process_time() - cpu) / (SUBSCRIBED * each))
            before, cpu = perf_counter(), process_time()
            await _posted(f"http://127.0.0.1:{receiver.port}/bare", SUBSCRIBED * each)
            bare.append(SUBSCRIBED * each / (perf_counter() - before))
            bare_costs.append((process_time() - cpu) / (SUBSCRIBED * each))
        verified = await services.ledger.verify()
    came = receiver.came()
    equal(sum(path == "/bare" for path, _, _ in came), SUBSCRIBED * each * scale.rounds, "bare posts")
    told_once([one for one in came if one[0] != "/bare"], paths, each * scale.rounds)
    equal(verified >= SUBSCRIBED * each * scale.rounds, True, "an entry of the ledger for each notification")  # noqa: FBT003
    rate, ratio = middle(rates), middle(rates) / middle(bare)
    numbers = {"rate": rate, "ratio": ratio, "cpu_us": middle(costs) * 1e6, "bare_cpu_us": middle(bare_costs) * 1e6}
    return Row(
        name=f"notifications out of one process, {SUBSCRIBED} subscriptions, one event each",
        goal=f">= {RATE_GOAL:,} a second",
        measured=f"{rate:,.0f} a second ({spread(rates, '{:,.0f}')}), {ratio:.2f} of bare posts",
        met=rate >= RATE_GOAL,
        note=f"{1 / middle(costs):,.0f} per processor second ({numbers['cpu_us']:.0f} µs each), decision, ledger and "
        f"receipt on disk; bare posts {middle(bare):,.0f} a second, {1 / middle(bare_costs):,.0f} per processor second",
        numbers=numbers,
    )


async def _posted(url: str, count: int) -> None:
    """The yardstick: as many posts of as many bytes, half as many at once as there are subscriptions."""
    body, left = b"x" * 1_100, iter(range(count))
    limits = httpx2.Limits(max_connections=SUBSCRIBED // 2, max_keepalive_connections=SUBSCRIBED // 2)
    async with httpx2.AsyncClient(trust_env=False, limits=limits) as client:

        async def post() -> None:
            for _ in left:
                answer = await client.post(url, content=body, headers={"content-type": "application/fhir+json"})
                equal(answer.status_code, 200, "status of a bare post")

        await asyncio.gather(*(post() for _ in range(SUBSCRIBED // 2)))


async def _soon(scale: Scale, folder: Path, receiver: Receiver) -> Row:
    count = max(PEOPLE, int(scale.seconds * scale.rounds * EVENTS_A_SECOND) // PEOPLE * PEOPLE)
    written: list[float] = []
    async with county(folder, receiver.port, PEOPLE) as (services, filler), telling(services):
        for person in range(PEOPLE):
            await subscribe(services, receiver.port, f"soon{person}", patient=filler.patient_id(person), most=10)
        await active(services)
        receiver.came()
        start, cpu = perf_counter(), process_time()
        for number in range(count):
            await asyncio.sleep(max(0.0, start + number / EVENTS_A_SECOND - perf_counter()))
            await screened(services, filler, [(number % PEOPLE, number // PEOPLE)])
            written.append(perf_counter())
        rate = count / (perf_counter() - start)
        await arrived(services, count)
        cost = (process_time() - cpu) / count
    first = told_once(receiver.came(), [f"/soon{person}" for person in range(PEOPLE)], count // PEOPLE)
    waits = [
        (first[f"/soon{number % PEOPLE}"][number // PEOPLE + 1] - when) * 1e3 for number, when in enumerate(written)
    ]
    p50, p99 = middle(waits), share(waits, 0.99)
    return Row(
        name=f"write to delivery, {EVENTS_A_SECOND} events a second asked for, writer and deliverer in one process",
        goal=f"p50 < {P50_GOAL:.0f} ms, p99 < {P99_GOAL:.0f} ms",
        measured=f"p50 {p50:.1f} ms, p99 {p99:.1f} ms at {rate:.0f} events a second",
        met=p50 < P50_GOAL and p99 < P99_GOAL and rate > 0.95 * EVENTS_A_SECOND,
        note=f"{cost * 1e3:.2f} ms of processor time per event, its write included; longest wait {max(waits):.0f} ms",
        numbers={"p50_ms": p50, "p99_ms": p99, "rate": rate, "cpu_ms": cost * 1e3},
    )


async def _writing(scale: Scale, folder: Path, receiver: Receiver) -> Row:
    many, people = min(MANY, scale.people), min(NAMED, scale.people)
    matching = min(MATCHING, many // 2)
    writes, looks = {True: [], False: []}, []
    async with (
        county(folder / "with", receiver.port, people) as (services, filler),
        county(folder / "without", receiver.port, people) as (alone, other),
    ):
        for number in range(many):
            patient = filler.patient_id(0 if number < matching else 1 + number % (people - 1))
            await subscribe(services, receiver.port, f"w{number}", patient=patient)
        async with telling(services):
            await active(services)
        for turn in range(scale.rounds * 20):
            for subscribed, where, what in ((True, services, filler), (False, alone, other)):
                cpu = process_time()
                await screened(where, what, [(0, turn)])
                writes[subscribed].append((process_time() - cpu) * 1e3)
            cpu = process_time()
            while await services.notifying.announcements.step():
                pass
            looks.append((process_time() - cpu) * 1e3)
        waiting = await services.store.backlogs()
        equal(sum(one.waiting for one in waiting.values()), matching * scale.rounds * 20, "events that wait")
    receiver.came()
    extra = middle(writes[True]) - middle(writes[False])
    return Row(
        name=f"a write with {many:,} subscriptions of which {matching} match it, beyond one without any",
        goal=f"< {WRITER_GOAL:.0f} ms",
        measured=f"{extra:.2f} ms of processor time",
        met=extra < WRITER_GOAL,
        note=f"with {middle(writes[True]):.2f} ms, without {middle(writes[False]):.2f} ms; whoever tells looks at the "
        f"change in {middle(looks):.1f} ms",
        numbers={"extra_ms": extra, "look_ms": middle(looks)},
    )
