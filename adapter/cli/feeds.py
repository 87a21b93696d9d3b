"""`sallyport ingest`, `replay` and `report`: extracts in, and what became of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from adapter.cli.alerts import show_waiting
from adapter.cli.options import AsJson, SiteFolder, bar, on_site
from adapter.errors import ConfigurationError, Problem
from adapter.services.report import FeedReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adapter.store.shapes import QuarantinedRecord, Receipt
    from adapter.wired import Services

LAST = ("deleted", "error")
"""Folders within a bulk export that are read after it."""
SHOWN = 20
"""Waiting records listed for each receipt."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: sallyport ingest --site county jail-roster roster.csv")(ingest)
    app.command(epilog="Example: sallyport replay --site county --feed jail-roster")(replay)
    app.command(epilog="Example: sallyport report --site county")(report)


def ingest(
    site: SiteFolder,
    feed: Annotated[str, typer.Argument(help="The feed, as named in feeds/*.yaml.")],
    paths: Annotated[
        list[Path], typer.Argument(help="Files, or folders of files, in the order to read them.", exists=True)
    ],
    as_json: AsJson = False,
) -> None:
    """Read extracts of a feed into the store; raw bytes are kept before anything else happens."""

    async def work(services: Services) -> list[FeedReport]:
        known_feed(services, feed)
        done = [await run_file(services, feed, path) for path in files_of(paths)]
        await show_waiting(services)
        return done

    show(on_site(site, work), as_json=as_json)


def replay(
    site: SiteFolder,
    feed: Annotated[str | None, typer.Option("--feed", help="Only this feed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run what waits in quarantine again, with the mappings as they are now, and finish what a stop cut short."""

    async def work(services: Services) -> list[FeedReport]:
        if feed is not None:
            known_feed(services, feed)
            services.gate.admit(feed, services.now())
        done: list[FeedReport] = []
        for name in [feed] if feed is not None else services.ingest.lines:
            if _open(services, name):
                done += [await run_receipt(services, receipt) for receipt in await services.ingest.pending(name)]
                done += (await services.ingest.replay(name)).values()
        await show_waiting(services)
        return done

    show(on_site(site, work), as_json=as_json)


def _open(services: Services, feed: str) -> bool:
    """Whether a feed takes something in now; if not, what was received of it waits, and that is told."""
    why = services.gate.why_closed(feed, services.now())
    if why:
        typer.echo(f"feed `{feed}` takes nothing in: {why}; what was received of it waits", err=True)
    return not why


def report(site: SiteFolder, as_json: AsJson = False) -> None:
    """What became of every receipt: records, resources, leaves, and where what waits in quarantine stands.

    What went wrong on the way in, day by day, is told on standard error: framing, refused senders, files that could not
    be read.
    """

    async def work(services: Services) -> list[tuple[Receipt, FeedReport, list[QuarantinedRecord]]]:
        for event in services.channels.events():
            where = f" from {event.peer}" if event.peer else ""
            told = f"{event.day} feed {event.feed}{where}: {event.kind}, {event.times:,} times, {event.size:,} bytes"
            typer.echo(told, err=True)
        waiting = await services.store.quarantined(None)
        found = []
        for receipt in await services.inbox.receipts():
            state = await services.store.progress(receipt.id)
            if state is not None:
                total = FeedReport.from_json(state[1])
                here = [record for record in waiting if record.receipt == receipt.id]
                # What was mended since it came in no longer waits.
                total.quarantined = Counter(record.code for record in here)
                found.append((receipt, total, here))
        return found

    found = on_site(site, work)
    if as_json:
        print(orjson.dumps([_told(*item) for item in found]).decode())
        return
    show([total for _, total, _ in found], as_json=False)
    for receipt, _, waiting in found:
        for record in waiting[:SHOWN]:
            at = f"line {record.line}" + (f", {record.part}" if record.part else "")
            what = record.code + (f" at {record.element}" if record.element else "")
            print(f"  {receipt.feed} {receipt.name} {at}: {what}; expected {record.expected}")
        if len(waiting) > SHOWN:
            print(f"  {receipt.feed} {receipt.name}: {len(waiting) - SHOWN:,} more; --json lists all")


def _told(receipt: Receipt, total: FeedReport, waiting: list[QuarantinedRecord]) -> dict[str, Any]:
    """A receipt's report for programs. The records themselves stay where they wait."""
    names = ("line", "part", "code", "element", "expected")
    listed = [{name: getattr(record, name) for name in names} for record in waiting]
    return {**total.as_dict(), "name": receipt.name, "waiting": listed}


def known_feed(services: Services, feed: str) -> None:
    """Refuse a feed the site does not have."""
    if feed not in services.ingest.lines:
        expected = ", ".join(sorted(services.ingest.lines))
        raise ConfigurationError([Problem(where="feeds/", path="", message=f"no feed `{feed}`", expected=expected)])


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """The files named; of a folder its files in order of name, Patient files first.

    Clients of bulk export put a number before or behind the type (`1.Patient.ndjson`, `Patient.000.ndjson`), and what
    is gone and what could not be exported into folders of their own, which come last.
    """
    for path in paths:
        if path.is_dir():
            folders = (path, *(path / name for name in LAST))
            for folder in (each for each in folders if each.is_dir()):
                inside = (item for item in folder.iterdir() if item.is_file())
                yield from sorted(inside, key=lambda item: ("Patient" not in item.stem.split("."), item.name))
        else:
            yield path


async def run_file(services: Services, feed: str, path: Path) -> FeedReport:
    """Keep one file, then bring it into the store."""
    with path.open("rb") as stream:
        receipt = await services.ingest.receive(feed, path.name, stream)
    return await run_receipt(services, receipt)


async def run_receipt(services: Services, receipt: Receipt) -> FeedReport:
    """Bring one receipt into the store with a progress bar."""
    await services.intake.prepare(receipt)
    services.channels.flush()
    with bar(f"{receipt.feed} {receipt.name}", "records", receipt.size) as advance:
        return await services.ingest.process(receipt, progress=advance)


def merged(reports: Iterable[FeedReport]) -> list[FeedReport]:
    """One report a feed: the receipts of a folder counted together."""
    by_feed: dict[str, FeedReport] = {}
    for item in reports:
        total = by_feed.setdefault(item.feed, FeedReport(feed=item.feed))
        for name in ("records", "unchanged", "held", "links", "inferred", "absent"):
            setattr(total, name, getattr(total, name) + getattr(item, name))
        for name in ("written", "leaves", "quarantined", "unmapped", "warnings"):
            getattr(total, name).update(getattr(item, name))
    return list(by_feed.values())


def show(reports: list[FeedReport], *, as_json: bool) -> None:
    """Print reports as a table, or as JSON."""
    if as_json:
        print(orjson.dumps([item.as_dict() for item in reports]).decode())
        return
    console = Console()
    # Without lines and with short headings it fits eighty columns.
    table = Table(
        title="What became of the records and of their leaves", title_justify="left", box=None, padding=(0, 1, 0, 0)
    )
    table.add_column("feed", no_wrap=True)
    for heading in ("records", "written", "mapped", "lossy", "ignored", "unmapped", "held", "waiting"):
        table.add_column(heading, justify="right", no_wrap=True)
    totals = merged(reports)
    for item in totals:
        leaves = [item.leaves[name] for name in ("mapped", "lossy", "ignored", "unmapped")]
        numbers = [item.records, item.written.total(), *leaves, item.held, item.quarantined.total()]
        table.add_row(item.feed, *(f"{number:,}" for number in numbers))
    console.print(table)
    for item in totals:
        for title, counts in (
            ("quarantined", item.quarantined),
            ("unmapped", item.unmapped),
            ("warning", item.warnings),
        ):
            for name, number in counts.most_common(5):
                console.print(f"  {item.feed}: {number:,} {title}: {name}", highlight=False)
