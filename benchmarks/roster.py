"""A jail roster from CSV to stored resources, in rows per second on one core, and 1 GB in bounded memory.

The rows are those of the fictional county's roster, clerks' slips included, multiplied: each copy of the
county has inmate numbers, booking numbers, names and social security numbers of its own. Every thousandth
row is cut short and has to end in quarantine. What has to be in the store is counted by the csv module on
its own.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from multiprocessing import get_context
from random import Random
from typing import TYPE_CHECKING, Any

import apsw
from county import opened
from measure import Row, Scale, check, equal, middle, peak_megabytes, spread, timed

from adapter.cli.options import run_loop
from adapter.errors import RecordError
from adapter.fictional.drawing import someone
from adapter.fictional.jail_csv import ROSTER_COLUMNS, ROSTER_ENCODING, line, roster_lines
from adapter.fictional.partners import ROSTER, ZONE
from adapter.machine import clock
from adapter.source import Malformed
from adapter.store.shapes import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from adapter.wired import Services

GOAL, MEMORY_GOAL = 3_000, 300
CUT_EVERY = 1_000
LARGE, PART = "large.csv", "part.csv"
COUNTY = 1_500
"""People of the county that is multiplied."""
_WHOLE = re.compile(r"^\d{3}-?\d{2}-?\d{4}$")
_LAST, _PERSON, _SSN, _BOOKING = (ROSTER_COLUMNS.index(name) for name in ("Last", "PatientID", "SSN", "Booking#"))


@dataclass(slots=True, kw_only=True)
class Counted:
    """What a roster file holds. ``flips``: changes when it is read again, by people with two names."""

    rows: int = 0
    flips: int = 0
    cut: int = 0
    people: int = 0
    bookings: int = 0
    bytes: int = 0


@cache
def county_rows() -> list[list[str]]:
    """The roster of one county, as cells."""
    today = datetime.fromtimestamp(clock() / 1e6, tz=ZONE).date()
    rows: list[list[str]] = []
    for number in range(1, COUNTY + 1):
        one = someone(1, number, today)
        if ROSTER in one.life.numbers:
            text = "".join(roster_lines(one.person, one.life, one.rng, Counter()))
            rows += csv.reader(io.StringIO(text, newline=""))
    return rows


def lines() -> Iterator[bytes]:
    """Endless roster lines after the header."""
    rng, copy, rows = Random(7), 0, 0  # noqa: S311 - repeatable test data
    while True:
        copy += 1
        mark, numbers = _letters(copy), {}
        for cells in county_rows():
            own = list(cells)
            if own[_LAST]:
                own[_LAST] += mark
            own[_PERSON] = f"{own[_PERSON]}{mark}" if own[_PERSON] else ""
            own[_BOOKING] += mark if own[_BOOKING] else ""
            if _WHOLE.match(own[_SSN]):
                drawn = f"{rng.randrange(101, 660)}-{rng.randrange(1, 99):02d}-{rng.randrange(1, 9999):04d}"
                own[_SSN] = numbers.setdefault(own[_PERSON], drawn)
            rows += 1
            yield line(own, "\r\n").encode(ROSTER_ENCODING)
            if rows % CUT_EVERY == 0:
                yield line(own[:15], "\r\n").encode(ROSTER_ENCODING)


def _letters(number: int) -> str:
    text = ""
    while number:
        number, rest = divmod(number, 26)
        text += chr(ord("A") + rest)
    return text


def write(path: Path, *, rows: int | None = None, size: int | None = None) -> None:
    """Write a roster of so many lines below its header, or of at least so many bytes."""
    written, count = 0, 0
    with path.open("wb") as file:
        written += file.write(line(ROSTER_COLUMNS, "\r\n").encode(ROSTER_ENCODING))
        for each in lines():
            written += file.write(each)
            count += 1
            if (rows is not None and count >= rows) or (size is not None and written >= size):
                return


def recount(path: Path, *, people: bool = True) -> Counted:
    """What a roster file holds, by the csv module alone; without ``people`` in memory that does not grow."""
    found = Counted(bytes=path.stat().st_size)
    persons: dict[str, tuple[str, ...]] = {}
    bookings: dict[tuple[str, str], tuple[str, ...]] = {}
    for turn in range(2 if people else 1):
        with path.open(encoding=ROSTER_ENCODING, newline="") as file:
            reader = csv.reader(file)
            next(reader)
            for cells in reader:
                whole = len(cells) == len(ROSTER_COLUMNS)
                found.rows += whole and not turn
                found.cut += not whole and not turn
                if whole and people:
                    key = cells[_PERSON], cells[_BOOKING]
                    changes = persons.get(key[0]) != (who := tuple(cells[:8]))
                    changes += bookings.get(key) != (stay := tuple(cells[12:15]))
                    found.flips += changes if turn else 0
                    persons[key[0]], bookings[key] = who, stay
    found.people, found.bookings = len(persons), len(bookings)
    return found


def measure(scale: Scale, folder: Path) -> list[Row]:
    """Rows for the first load, for the same roster again, and with a size for the long stream."""
    first, again = [], []
    for turn in range(scale.rounds):
        own = folder / f"site{turn}"
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
            figures = child.submit(load, own, scale.roster_rows).result()
        first.append(figures["first"])
        again.append(figures["again"])
    rates = [figures["rows"] / figures["wall"] for figures in first]
    costs = [figures["rows"] / figures["cpu"] for figures in first]
    repeats = [figures["rows"] / figures["cpu"] for figures in again]
    rows = [
        Row(
            name="roster CSV to stored resources",
            goal=f">= {GOAL:,} rows/s, one core",
            measured=f"{middle(rates):,.0f} rows/s ({spread(rates, '{:,.0f}')})",
            met=middle(rates) >= GOAL,
            note=f"{middle(costs):,.0f} rows per processor second ({1e6 / middle(costs):.0f} µs a row); "
            f"{first[0]['resources'] / first[0]['rows']:.2f} resources a row, durable store",
            numbers={"rows_per_second": middle(rates), "rows_per_processor_second": middle(costs)},
        ),
        Row(
            name="the same roster again, nothing new",
            measured=f"{middle(repeats):,.0f} rows per processor second",
            note=f"the roster that comes every quarter of an hour; {again[0]['written']:.0f} new versions, "
            "of people who stand in it under two names",
            numbers={"rows_per_processor_second": middle(repeats)},
        ),
    ]
    if scale.stream_bytes:
        # What is expected is counted here: the process that is measured holds nothing but the product.
        expected = extracts(folder, scale.stream_bytes, scale.stored_rows)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
            rows += child.submit(stream, folder, *expected).result()
    return rows


def extracts(folder: Path, size: int, stored_rows: int) -> tuple[Counted, Counted]:
    """Write the large roster and the part of it that is stored; returns what they hold."""
    write(folder / LARGE, size=size)
    write(folder / PART, rows=stored_rows)
    return recount(folder / LARGE, people=False), recount(folder / PART)


def load(folder: Path, rows: int) -> dict[str, dict[str, float]]:
    """Load a roster into a fresh site, and once more; one thread of a process of its own."""
    folder.mkdir(parents=True)
    return run_loop(_load(folder, rows))


async def _load(folder: Path, rows: int) -> dict[str, dict[str, float]]:
    path = folder / "roster.csv"
    write(path, rows=rows)
    expected = recount(path)
    figures: dict[str, dict[str, float]] = {}
    async with opened(folder / "site") as services:
        directory = (await services.store.counts())["resource"]
        for name in ("first", "again"):
            with path.open("rb") as file:
                receipt = await services.ingest.receive(ROSTER, path.name, file)
            with timed() as spent:
                report = await services.ingest.process(receipt)
            equal(report.records, expected.rows + expected.cut, "records of the report")
            equal(dict(report.quarantined), {"ragged-row": expected.cut} if expected.cut else {}, "quarantine")
            counts = await services.store.counts()
            equal(counts["resource"] - directory, expected.people + expected.bookings, "resources in the store")
            equal(stored(services), (expected.people, expected.bookings), "Patients and Encounters in the store")
            written = report.written.total()
            if name == "again":
                check(written <= expected.flips, f"at most {expected.flips} new versions, found {written}")
            figures[name] = {
                "rows": report.records,
                "wall": spent.wall,
                "cpu": spent.cpu,
                "resources": counts["resource"] - directory,
                "written": written,
            }
            with path.open("ab") as file:  # other bytes, or it would be the same receipt
                file.write(b"\r\n")
    return figures


def stored(services: Services) -> tuple[int, int]:
    """Patients and Encounters, counted in the file itself."""
    reader = apsw.Connection(str(services.site.store_folder / "store.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    counts = dict(reader.execute("SELECT type, count(*) FROM resource GROUP BY type"))
    reader.close()
    return counts.get(TYPES["Patient"], 0), counts.get(TYPES["Encounter"], 0)


def stream(folder: Path, large: Counted, part: Counted) -> list[Row]:
    """The large roster through inbox, connector and mapping, and a part of it into the store."""
    return run_loop(_stream(folder, large, part))


async def _stream(folder: Path, large: Counted, part: Counted) -> list[Row]:
    started = peak_megabytes()
    async with opened(folder / "large") as services:
        with timed() as keeping, (folder / LARGE).open("rb") as file:
            receipt = await services.ingest.receive(ROSTER, LARGE, file)
        equal(receipt.size, large.bytes, "bytes kept in the inbox")
        (folder / LARGE).unlink()
        with timed() as reading:
            found = _through(services, services.inbox.open(receipt.id).stream)
        equal(found["mapped"], large.rows, "rows mapped")
        equal(found["malformed"], large.cut, "rows cut short")
        equal(found["refused"], 0, "rows that could not be mapped")
        read = peak_megabytes()
        with (folder / PART).open("rb") as file:
            again = await services.ingest.receive(ROSTER, PART, file)
        with timed() as storing:
            report = await services.ingest.process(again)
        equal(report.records, part.rows + part.cut, "records stored")
        equal(stored(services), (part.people, part.bookings), "Patients and Encounters in the store")
    peak = peak_megabytes()
    rows = found["mapped"] + found["malformed"]
    return [
        Row(
            name=f"{receipt.size / 1e9:.2f} GB of roster, peak resident size",
            goal=f"< {MEMORY_GOAL} MB",
            measured=f"{peak:.0f} MB",
            met=peak < MEMORY_GOAL,
            note=f"{started:.0f} MB before, {read:.0f} MB after {rows:,} rows through inbox and mapping, "
            f"{peak:.0f} MB after {report.records:,} rows were stored as well",
            numbers={"peak_mb": peak, "read_mb": read, "start_mb": started},
        ),
        Row(
            name="the same, speed",
            measured=f"inbox {receipt.size / 1e6 / keeping.wall:,.0f} MB/s",
            note=f"connector and mapping {rows / reading.wall:,.0f} rows/s ({reading.wall:.0f} s in all); "
            f"store {report.records / storing.wall:,.0f} rows/s over {report.records:,} rows",
            numbers={
                "inbox_mb_per_second": receipt.size / 1e6 / keeping.wall,
                "mapped_rows_per_second": rows / reading.wall,
                "stored_rows_per_second": report.records / storing.wall,
            },
        ),
    ]


def _through(services: Services, kept: BinaryIO) -> dict[str, Any]:
    """Connector and mapping over a kept roster, nothing stored."""
    feed = services.ingest._lines[ROSTER]  # noqa: SLF001 - the wired line of the feed, as ingest uses it
    found = {"mapped": 0, "malformed": 0, "refused": 0}
    for item in feed.connector.records(kept, feed.options):
        if isinstance(item, Malformed):
            found["malformed"] += 1
            continue
        try:
            feed.mapping.map(item, feed.environment)
        except RecordError:
            found["refused"] += 1
        else:
            found["mapped"] += 1
    return found
