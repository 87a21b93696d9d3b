"""Consented read and search over HTTP, as a ratio of a bare Starlette route in the same minute.

People with releases and screenings go in through their real feeds. The product serves them with its own
command, durable store and disclosure ledger on; the yardstick returns bytes from memory. Rounds alternate
between the two, so that what else the machine does falls on both.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from county import AUDIT, PHQ9, Choice, days_ago, detail_of, opened, submission
from load import Asked, Load, fetch, get, run
from measure import Row, Scale, WrongAnswer, check, equal, middle, pin, share, spread

from adapter.cli.options import run_loop
from adapter.machine import clock
from adapter.store.shapes import row_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


ROOT = Path(__file__).parents[1]
READ_GOAL, SEARCH_GOAL = 0.35, 0.13
CONNECTIONS = 32
HITS, WITHHELD = 20, 8
"""Screenings of each person that pretrial services may see, and that they may not."""


@dataclass(slots=True)
class Rounds:
    """What was asked of one server, round by round."""

    port: int
    process: int
    asked: list[Asked]
    loads: list[Load] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def rates(self) -> list[float]:
        """Answers per second, by round."""
        return [load.rate for load in self.loads]

    def costs(self) -> list[float]:
        """Processor microseconds of the server per answer, by round."""
        return [spent / load.answers * 1e6 for spent, load in zip(self.cpu, self.loads, strict=True)]


def measure(scale: Scale, folder: Path) -> list[Row]:
    """Rows for the read and the search, each with its ratio to the yardstick."""
    wanted = run_loop(prepare(folder / "site", scale.readers))
    with server(["-m", "adapter", "serve", "--no-ways-in", "--site", str(folder / "site"), "--port"]) as (port, ours):
        reads, searches = expected(port, wanted)
        bodies = folder / "bodies"
        bodies.mkdir()
        (bodies / "read").write_bytes(reads[0].body)
        (bodies / "search").write_bytes(searches[0].body)
        with server([str(ROOT / "benchmarks" / "bare.py")], str(bodies)) as (yardstick, bare):
            pin(ours, 0)
            pin(bare, 0)
            rounds = {
                "bare read": Rounds(yardstick, bare, [Asked(request=get("/read"), body=reads[0].body)]),
                "read": Rounds(port, ours, reads),
                "bare search": Rounds(yardstick, bare, [Asked(request=get("/search"), body=searches[0].body)]),
                "search": Rounds(port, ours, searches),
            }
            _alternate(list(rounds.values()), scale)
    answers = sum(load.answers for name in ("read", "search") for load in rounds[name].loads)
    run_loop(_ledgered(folder / "site", answers))
    return _rows(rounds)


async def prepare(folder: Path, people: int) -> dict[str, Any]:
    """Ingest ``people`` with releases and screenings; returns the token and what each answer has to be."""
    async with opened(folder) as services:
        extracts = extracts_of(people, clock())
        for feed, name in (
            ("riverside-ehr", "Patient.ndjson"),
            ("riverside-ehr", "Observation.ndjson"),
            ("releases", "releases.ndjson"),
        ):
            receipt = await services.ingest.receive(feed, name, BytesIO(extracts[name]))
            report = await services.ingest.process(receipt)
            equal(dict(report.quarantined), {}, f"quarantine of {name}")
        token = await services.tokens.issue(
            client="benchmark",
            organisation="Organization/pretrial",
            purposes=["pretrial-release"],
            lifetime=36_000,
        )
        patients = [services.keys.resource_id("riverside-ehr", "Patient", f"c{n:05d}") for n in range(people)]
        return {"token": token, "patients": patients}


def extracts_of(people: int, at: int, *, chart: str = "c", family: str = "Reader", ssn: str = "5") -> dict[str, bytes]:
    """Charts, results and releases of ``people``, as their senders write them: the same for the same words."""
    patients, results, releases = [], [], []
    choice = Choice(
        partners=(
            ("pretrial", ("pretrial-release",), ("mental-health",)),
            ("cottonwood", ("TREAT",), ("mental-health", "substance-use")),
        )
    )
    for number in range(people):
        own, last = f"{chart}{number:05d}", f"{family}{_letters(number)}"
        secret = f"{ssn}{number % 100:02d}-{1 + number // 100 % 99:02d}-{1000 + number % 9000}"
        patients.append(
            {
                "resourceType": "Patient",
                "id": own,
                "meta": {"source": "urn:unit:riverside-main"},
                "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": secret}],
                "name": [{"family": last, "given": ["Sample"]}],
                "gender": "female",
                "birthDate": "1980-02-03",
            }
        )
        kinds = [PHQ9] * HITS + [AUDIT] * WITHHELD
        for place, kind in enumerate(kinds):
            when = days_ago(200 + 7 * place + number % 5, at).isoformat(timespec="seconds")
            results.append(
                detail_of(kind, 5 + place % 15, when)
                | {"id": f"{own}-{place}", "subject": {"reference": f"Patient/{own}"}}
            )
        person = {
            "id": f"r{own}",
            "last": last,
            "first": "Sample",
            "dob": "1980-02-03",
            "sex": "F",
            "ssn": secret,
        }
        releases.append(submission(choice, number, at, person))
    lines = {"Patient.ndjson": patients, "Observation.ndjson": results, "releases.ndjson": releases}
    return {name: b"".join(orjson.dumps(each) + b"\n" for each in documents) for name, documents in lines.items()}


def _letters(number: int) -> str:
    text = ""
    for _ in range(4):
        number, rest = divmod(number, 26)
        text += chr(ord("a") + rest)
    return text


def expected(port: int, wanted: dict[str, Any]) -> tuple[list[Asked], list[Asked]]:
    """Every request with its right answer, after each answer was held against what went in."""
    token, reads, searches = wanted["token"], [], []
    for patient in wanted["patients"]:
        request = get(f"/fhir/Observation?patient=Patient/{patient}&category=survey", token)
        status, body = fetch(port, request)
        equal(status, 200, "status of a search")
        found = _searched(orjson.loads(body), patient)
        searches.append(Asked(request=request, body=body))
        for resource in (found[0], found[-1]):
            ask = get(f"/fhir/Observation/{resource['id']}", token)
            status, body = fetch(port, ask)
            equal(status, 200, "status of a read")
            equal(orjson.loads(body), resource, "what is read is what is found")
            reads.append(Asked(request=ask, body=body))
    status, _ = fetch(port, get(f"/fhir/Observation?patient=Patient/{patient}&category=survey"))
    equal(status, 401, "status without a token")
    return reads, searches


def _searched(bundle: dict[str, Any], patient: str) -> list[dict[str, Any]]:
    """The hits of one person's bundle, which hold exactly what the release permits."""
    equal(bundle["total"], HITS, "total of a search")
    hits = [entry["resource"] for entry in bundle["entry"] if entry["search"]["mode"] == "match"]
    equal(len(hits), HITS, "hits on the page")
    codes = {coding["code"] for hit in hits for coding in hit["code"]["coding"]}
    equal(codes, {PHQ9.result}, "result codes found")
    equal({hit["subject"]["reference"] for hit in hits}, {f"Patient/{patient}"}, "subjects found")
    days = [hit["effectiveDateTime"] for hit in hits]
    equal(days, sorted(days, reverse=True), "newest first")
    equal(len({row_key("Observation", hit["id"]) for hit in hits}), HITS, "different resources")
    check(all("hasMember" not in hit and "derivedFrom" not in hit for hit in hits), "summaries and no detail")
    return hits


def _alternate(rounds: Sequence[Rounds], scale: Scale) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as generator:
        for turn in range(scale.rounds + 1):
            for each in rounds:
                # The first turn warms caches and connections and does not count.
                seconds = scale.seconds if turn else min(1.0, scale.seconds)
                before = spent(each.process)
                load = generator.submit(run, each.port, each.asked, connections=CONNECTIONS, seconds=seconds).result()
                if turn:
                    each.loads.append(load)
                    each.cpu.append(spent(each.process) - before)


def spent(process: int) -> float:
    """Processor seconds a process has used; zero where the kernel does not say."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def server(arguments: Sequence[str], *rest: str) -> Iterator[tuple[int, int]]:
    """A server process on a free port: (port, process id)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # A limit that nobody meets: what is measured is the server, not how long it makes a client wait.
    ours = {"PYTHONPATH": str(ROOT), "SALLYPORT_REQUESTS_PER_MINUTE": "1000000"}
    environment = os.environ | ours  # noqa: TID251 - a child process of our own
    command = [sys.executable, *arguments, str(port), *rest]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)  # noqa: S603 - commands of our own
    try:
        _listening(process, port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


def _listening(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise WrongAnswer(f"the server ended with {process.returncode} before it listened")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise WrongAnswer("the server did not listen within a minute")


async def _ledgered(folder: Path, answers: int) -> None:
    """The ledger holds an entry for every answer, and its chain is whole."""
    async with opened(folder) as services:
        entries = await services.ledger.verify()
    check(entries >= answers, f"a ledger entry for each of {answers} answers, found {entries}")


def _rows(rounds: dict[str, Rounds]) -> list[Row]:
    bare, read = rounds["bare read"], rounds["read"]
    large, search = rounds["bare search"], rounds["search"]
    return [
        _row("consented read", read, bare, READ_GOAL, f"{len(read.asked[0].body):,} bytes"),
        _row(
            "consented search, 20 hits, exact total",
            search,
            bare,
            SEARCH_GOAL,
            "against the read's bare route",
        ),
        _row(
            "the same search, like for like",
            search,
            large,
            None,
            f"bare route with its {len(search.asked[0].body):,} bytes",
        ),
    ]


def _row(name: str, ours: Rounds, bare: Rounds, goal: float | None, what: str) -> Row:
    ratios = [one / other for one, other in zip(ours.rates(), bare.rates(), strict=True)]
    costs = [other / one if one else 0.0 for one, other in zip(ours.costs(), bare.costs(), strict=True)]
    ratio, latencies = middle(ratios), [each for load in ours.loads for each in load.latencies]
    return Row(
        name=name,
        goal="" if goal is None else f">= {goal:.2f} of bare",
        measured=f"{ratio:.3f} ({spread(ratios, '{:.3f}')})",
        met=None if goal is None else ratio >= goal,
        note=(
            f"{what}: {middle(ours.rates()):,.0f}/s of {middle(bare.rates()):,.0f}/s; "
            f"server processor time per answer {middle(ours.costs()):.0f} µs of {middle(bare.costs()):.0f} µs "
            f"(ratio {middle(costs):.3f}); "
            f"p50 {share(latencies, 0.5) * 1e3:.1f} ms, p99 {share(latencies, 0.99) * 1e3:.1f} ms; "
            f"generator busy {max(load.busy for load in bare.loads):.0%}"
        ),
        numbers={
            "ratio": ratio,
            "ratio_of_processor_time": middle(costs),
            "per_second": middle(ours.rates()),
            "bare_per_second": middle(bare.rates()),
            "microseconds": middle(ours.costs()),
            "bare_microseconds": middle(bare.costs()),
            "p99_ms": share(latencies, 0.99) * 1e3,
        },
    )
