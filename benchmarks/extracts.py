"""Files of messages, JSON and XML: an HL7 v2 file to stored resources, and large files of each in bounded memory.

The records are those of the fictional county, multiplied: each copy has numbers of its own. How many there are is
counted while they are written, by what separates them.
"""

from __future__ import annotations

import re
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import TYPE_CHECKING, NamedTuple

from county import opened
from measure import Row, Scale, check, equal, middle, peak_megabytes, spread, timed

from adapter.cli.options import run_loop
from adapter.errors import RecordError
from adapter.fictional.county import write_county
from adapter.fictional.partners import COURT, EHR, JAIL_HL7
from adapter.source import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from adapter.wired import Services

GOAL, MEMORY_GOAL = 1_500, 300
AS_OF = datetime(2026, 11, 22, 19, tzinfo=UTC)
PEOPLE = 300
"""People of the county that is multiplied."""
_ADT = re.compile(rb"MSH\|[^\r]*\|ADT\^.*?(?=MSH\||BTS\||\Z)", re.DOTALL)
_MESSAGE = re.compile(rb"MSH\|.*?(?=MSH\||BTS\||\Z)", re.DOTALL)
_INMATE = re.compile(rb"(PID\|1\|\|)(\w+)(\^\^\^ALDERJAIL\^PCN)")
_CONTROL = re.compile(rb"(\|(?:ADT|ORU)\^[^|]*\|)([^|]+)(\|)")
_VISIT = re.compile(rb"(\w+)(\^\^\^ALDERJAIL\^VN)")
_SSN = re.compile(rb"\d{3}-?\d{2}-?\d{4}(?=[|\r^])")
_CASE = re.compile(rb"<CourtCase>.*?</CourtCase>\s*", re.DOTALL)


class Extract(NamedTuple):
    """A file of one feed and how many records it has at least."""

    feed: str
    path: Path
    records: int


def measure(scale: Scale, folder: Path) -> list[Row]:
    """Rows for the first load of an ADT file, and with a size for large files of each format."""
    write_county(folder / "extracts", people=PEOPLE, seed=5, as_of=AS_OF)
    figures = []
    for turn in range(scale.rounds):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
            figures.append(child.submit(load, folder, f"site{turn}", scale.roster_rows // 2).result())
    rates = [messages / wall for messages, wall, _, _ in figures]
    costs = [messages / cpu for messages, _, cpu, _ in figures]
    rows = [
        Row(
            name="HL7 v2 ADT file to stored resources",
            goal=f">= {GOAL:,} messages/s, one core",
            measured=f"{middle(rates):,.0f} messages/s ({spread(rates, '{:,.0f}')})",
            met=middle(rates) >= GOAL,
            note=f"{middle(costs):,.0f} messages per processor second ({1e6 / middle(costs):.0f} µs a message); "
            f"{figures[0][3] / figures[0][0]:.2f} new versions a message, durable store",
            numbers={"messages_per_second": middle(rates), "messages_per_processor_second": middle(costs)},
        )
    ]
    if scale.stream_bytes:
        for kind, write in WRITERS.items():
            made = write(folder, scale.stream_bytes // 5)
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
                rows.append(child.submit(stream, folder / f"large-{kind}", kind, made).result())
            made.path.unlink()
    return rows


def load(folder: Path, site: str, messages: int) -> tuple[int, float, float, int]:
    """Bring an ADT file into a fresh site: messages, seconds, processor seconds, new versions."""
    path = folder / f"{site}.hl7"
    count = 0
    with path.open("wb") as file:
        for message in _multiplied(folder, _ADT):
            file.write(message)
            count += 1
            if count >= messages:
                break
    return run_loop(_load(folder / site, path, count))


async def _load(site: Path, path: Path, count: int) -> tuple[int, float, float, int]:
    async with opened(site) as services:
        with path.open("rb") as file:
            receipt = await services.ingest.receive(JAIL_HL7, path.name, file)
        with timed() as spent:
            await services.intake.prepare(receipt)
            report = await services.ingest.process(receipt)
        equal(report.records, count, "messages of the report")
        check(report.quarantined.total() == 0, f"no message waits, found {dict(report.quarantined)}")
    return count, spent.wall, spent.cpu, report.written.total()


def _multiplied(folder: Path, wanted: re.Pattern[bytes]) -> Iterator[bytes]:
    """Endless messages of the county's jail, each copy of it with people of its own."""
    told = (folder / "extracts" / "screenings.hl7").read_bytes()
    known = wanted.findall(told)
    copy = 0
    while True:
        mark = b"X%d" % copy
        for message in known:
            own = _INMATE.sub(rb"\g<1>\g<2>" + mark + rb"\3", message)
            own = _CONTROL.sub(rb"\g<1>\g<2>" + mark + rb"\3", own, count=1)
            own = _VISIT.sub(rb"\g<1>" + mark + rb"\2", own)
            yield _SSN.sub(b"", own) if copy else own
        copy += 1


def _messages(folder: Path, size: int) -> Extract:
    path, written, count = folder / "large.hl7", 0, 0
    with path.open("wb") as file:
        for message in _multiplied(folder, _MESSAGE):
            written += file.write(message)
            count += 1
            if written >= size:
                return Extract(JAIL_HL7, path, count)
    raise AssertionError


def _resources(folder: Path, size: int) -> Extract:
    path, written, count = folder / "large.ndjson", 0, 0
    lines = [line for one in sorted((folder / "extracts" / "ehr").glob("*.ndjson")) for line in one.open("rb")]
    with path.open("wb") as file:
        while written < size:
            for line in lines:
                written += file.write(line)
                count += 1
    return Extract(EHR, path, count)


def _cases(folder: Path, size: int) -> Extract:
    path, written, count = folder / "large.xml", 0, 0
    told = (folder / "extracts" / "cases.xml").read_bytes()
    cases = _CASE.findall(told)
    start, end = told.index(cases[0]), told.rindex(cases[-1]) + len(cases[-1])
    with path.open("wb") as file:
        file.write(told[:start])
        while written < size:
            for case in cases:
                written += file.write(case)
                count += 1
        file.write(told[end:])
    return Extract(COURT, path, count)


WRITERS: dict[str, Callable[[Path, int], Extract]] = {"HL7 v2": _messages, "NDJSON": _resources, "XML": _cases}


def stream(site: Path, kind: str, made: Extract) -> Row:
    """A large file through inbox, connector and mapping."""
    return run_loop(_stream(site, kind, made))


async def _stream(site: Path, kind: str, made: Extract) -> Row:
    async with opened(site) as services:
        started = peak_megabytes()
        with timed() as spent:
            with made.path.open("rb") as file:
                receipt = await services.ingest.receive(made.feed, made.path.name, file)
            found = _through(services, made.feed, receipt.id)
        check(found >= made.records, f"at least {made.records} records read, found {found}")
        peak = peak_megabytes()
    size = receipt.size / 1e6
    return Row(
        name=f"{size:,.0f} MB of {kind}, peak resident size",
        goal=f"< {MEMORY_GOAL} MB",
        measured=f"{peak:.0f} MB",
        met=peak < MEMORY_GOAL,
        note=f"{started:.0f} MB before; {found:,} records through inbox, connector and mapping in {spent.wall:.0f} s",
        numbers={"peak_mb": peak, "start_mb": started, "records": float(found)},
    )


def _through(services: Services, feed: str, receipt: str) -> int:
    """Connector and mapping over a kept file, nothing stored; how many records it has."""
    line, found = services.ingest.lines[feed], 0
    with services.inbox.open(receipt).stream as kept:
        for item in line.connector.records(kept, line.options):
            found += 1
            if not isinstance(item, Malformed):
                try:
                    line.mapping.map(item, line.environment)
                except RecordError:
                    continue
    return found
