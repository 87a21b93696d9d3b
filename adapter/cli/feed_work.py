"""`sallyport feeds`: look at a file before it is sent in, and do the work that feeds leave."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapter.cli.feeds import known_feed
from adapter.cli.options import AsJson, SiteFolder, on_site
from adapter.cli.staff import By, author, on_site_told
from adapter.inspection import preview
from adapter.services.preview import leaves_of
from adapter.settings import load_site

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapter.services.preview import Previewed
    from adapter.wired import Services

Item = Annotated[str, typer.Argument(help="Id of the work, as `sallyport feeds work` lists it.")]
Done = Annotated[str, typer.Option("--words", help="What was found or done; without names or content.")]
WIDEST = 60
"""Characters of a value that a terminal shows."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Look at a file before it is sent in; do the work that feeds leave.")
    for command, name, example in (
        (check, "check", "sallyport feeds check --site county jail-roster roster.csv --records 3"),
        (unmapped, "unmapped", "sallyport feeds unmapped --site county --feed jail-roster"),
        (work, "work", "sallyport feeds work --site county"),
        (
            approve_releases,
            "approve-releases",
            "sallyport feeds approve-releases --site county 5f0c… --by 'R. Desk' --words 'called the jail'",
        ),
        (done, "done", "sallyport feeds done --site county 5f0c… --by 'R. Desk' --words 'recorded as basis O'"),
    ):
        group.command(name, epilog=f"Example: {example}")(command)
    app.add_typer(group, name="feeds")


def check(
    site: SiteFolder,
    feed: Annotated[str, typer.Argument(help="The feed, as named in feeds/*.yaml.")],
    file: Annotated[Path, typer.Argument(help="A file as its sender writes it.", exists=True, dir_okay=False)],
    records: Annotated[int, typer.Option("--records", min=1, max=10_000, help="How many records to show.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Show the first records of a file beside the FHIR resources they become; nothing is stored.

    Leaves that no rule reads are marked. It shows content: look at it where nobody looks over your shoulder. The exit
    code is 1 where something is to be mended.
    """
    shown = preview(load_site(site), feed)
    with file.open("rb") as stream:
        found = list(shown.records(stream, records))
    if as_json:
        print(orjson.dumps([_document(one) for one in found], default=str).decode())
    else:
        console = Console()
        for one in found:
            _show(console, one)
        _sum_up(console, found)
    if any(one.problems or not all(leaf.mapped for leaf in one.leaves) for one in found):
        raise typer.Exit(1)


def _document(one: Previewed) -> dict[str, Any]:
    counts = one.counts
    return {
        "line": one.line,
        "part": one.part,
        "kind": one.kind,
        "columns": [{"path": leaf.path, "text": leaf.text, "mapped": leaf.mapped} for leaf in one.leaves],
        "resources": list(one.resources),
        "leaves": counts and {name: getattr(counts, name) for name in ("mapped", "lossy", "ignored", "unmapped")},
        "warnings": one.warnings,
        "problems": one.problems,
    }


def _show(console: Console, one: Previewed) -> None:
    at = f"line {one.line}" + (f", {one.part}" if one.part else "") + (f": {one.kind}" if one.kind else "")
    table = Table(title=at, title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("as sent", ratio=1, overflow="fold")
    table.add_column("as FHIR", ratio=1, overflow="fold")
    left = Text("\n").join(_column(leaf.path, leaf.text, mapped=leaf.mapped) for leaf in one.leaves)
    right = [
        f"{path} = {text}"
        for resource in one.resources
        for path, text in leaves_of({resource["resourceType"]: {**resource, "resourceType": None}})
    ]
    table.add_row(left, Text("\n".join(right)))
    console.print(table)
    for word, lines in (("warning", one.warnings), ("to mend", one.problems)):
        for line in lines:
            console.print(Text(f"  {word}: {line}"))
    console.print()


def _column(path: str, text: str, *, mapped: bool) -> Text:
    words = " ".join(text.split())
    shown = words if len(words) <= WIDEST else words[: WIDEST - 1] + "…"
    return Text(f"{path} = {shown}") if mapped else Text(f"? {path} = {shown}  (not mapped)", style="bold red")


def _sum_up(console: Console, found: Iterable[Previewed]) -> None:
    every = list(found)
    missed = sorted({leaf.path for one in every for leaf in one.leaves if not leaf.mapped})
    mend = sum(bool(one.problems) for one in every)
    console.print(Text(f"{len(every)} records, {mend} to mend, {len(missed)} leaves that no rule reads"))
    for path in missed:
        console.print(Text(f"  not mapped: {path}"))


def unmapped(
    site: SiteFolder,
    feed: Annotated[str | None, typer.Option("--feed", help="Only this feed.")] = None,
    as_json: AsJson = False,
) -> None:
    """The codes of each sender that no code table lists, the most frequent first.

    Add a code to its table, with the sender's own documentation at hand, then `sallyport replay`. A code that its table
    lists by now is no longer shown.
    """

    async def run(services: Services) -> list[dict[str, Any]]:
        if feed is not None:
            known_feed(services, feed)
        return [one._asdict() for one in await services.work.unmapped(feed)]

    found = on_site(site, run)
    if as_json:
        print(orjson.dumps(found).decode())
        return
    if not found:
        print("every code is in its table")
    for one in found:
        print(f"{one['feed']}: {one['number']:,} times `{one['code']}` in {one['column']}; table {one['table']}")


def work(site: SiteFolder, as_json: AsJson = False) -> None:
    """The open work of every feed: rosters that are held, releases nobody confirmed, orders for disclosure."""

    async def run(services: Services) -> list[dict[str, Any]]:
        return [
            {**item._asdict(), "bookings": await services.work.held(item.id)} for item in await services.work.open()
        ]

    found = on_site(site, run)
    if as_json:
        print(orjson.dumps(found).decode())
        return
    if not found:
        print("nothing is open")
    for one in found:
        since = datetime.fromtimestamp(one["since"] // 1_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
        print(f"{one['id']}  {one['kind']}  {one['feed']}  since {since}  {one['about']}\n  {one['why']}")


def approve_releases(site: SiteFolder, item: Item, by: By, words: Done = "") -> None:
    """Release those whom a held roster no longer names, as far as nothing has named them since.

    Their stays are over without an end: no consent ends with it. Ask the jail first.
    """

    async def run(services: Services) -> int:
        return await services.work.approve_releases(item, author=author(services, by).name, words=words)

    print(f"{on_site_told(site, run)} stays are over")


def done(site: SiteFolder, item: Item, by: By, words: Done) -> None:
    """Close a piece of work, with what was found or done about it."""

    async def run(services: Services) -> None:
        await services.work.close(item, author=author(services, by).name, words=words)

    on_site_told(site, run)
    print(f"closed {item}")
