"""`sallyport whatif`: what a change would release and withhold, before anyone activates it."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from adapter.cli.options import AsJson, SiteFolder, bar, on_site
from adapter.errors import ConfigurationError, InvalidResource, Problem
from adapter.fhir.codec import parse
from adapter.services.words import Words
from adapter.settings import read_document

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from adapter.services.consequences import Consequences, Past
    from adapter.wired import Services

WITHHELD, RELEASED = 3, 5
"""Exit codes: something would be withheld and nothing released; something would be released."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples: sallyport whatif --site county --change memorandum-draft.yaml --since 2026-01-01   |   "
        "sallyport whatif --site county --change revoked-consent.json --list"
    )(whatif)


def whatif(
    site: SiteFolder,
    change: Annotated[
        Path,
        typer.Option(
            "--change",
            help="A changed or new agreement (as in agreements/*.yaml) or overlay (overlays/*.yaml), a site.toml with "
            "other overlays or choices of counsel, or a Consent of a person (FHIR JSON).",
            exists=True,
            dir_okay=False,
        ),
    ],
    since: Annotated[
        str | None,
        typer.Option("--since", help="Also look at the disclosures recorded from this day on (YYYY-MM-DD)."),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Name every resource and every disclosure.")] = False,
    as_json: AsJson = False,
) -> None:
    """Rehearse a change: what it would newly release or withhold, and which recorded disclosures it would have stopped.

    Nothing is written and nothing is activated. Exit code 0: nothing would change; 3: something would be withheld, or
    a recorded disclosure not made, and nothing released; 5: something would newly be released.
    """

    async def work(services: Services) -> tuple[Consequences, Words]:
        start = None if since is None else _start(since, services.zone)
        made = await services.changes.read(_document(change), change.name)
        with bar(f"rehearsing {made.what}", "decisions") as advance:
            found = await services.whatif.rehearse(made, since=start, progress=advance, listed=listed)
        return found, Words({}, services.zone)

    found, words = on_site(site, work)
    if as_json:
        print(orjson.dumps(found.as_dict()).decode())
    else:
        show(found, words, listed=listed)
    if found.released:
        raise typer.Exit(RELEASED)
    if found.withheld or (found.past is not None and found.past.unmade):
        raise typer.Exit(WITHHELD)


def _document(path: Path) -> Any:
    """The change as a plain document; ``ConfigurationError`` where it cannot be read."""
    if path.suffix != ".json":
        return read_document(path)
    try:
        return parse(path.read_bytes())
    except InvalidResource as error:
        issue = error.issues[0]
        raise ConfigurationError([Problem(where=path.name, path=issue.path, message=issue.message)]) from None


def _start(text: str, zone: ZoneInfo) -> int:
    """The first instant of a day where the site is."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("expected a day such as 2026-01-01", param_hint="--since") from None
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1_000_000)


def show(found: Consequences, words: Words, *, listed: bool) -> None:
    """Print what a change would do, for people."""
    console = Console(highlight=False)
    released, withheld = found.released.total(), found.withheld.total()
    console.print(f"{found.change}: {released:,} resources newly released, {withheld:,} newly withheld")
    if found.places():
        table = Table(box=None, padding=(0, 1, 0, 0))
        for heading in ("recipient", "purpose", "class", "unit"):
            table.add_column(heading, overflow="fold")
        for heading in ("released", "withheld"):
            table.add_column(heading, justify="right", no_wrap=True)
        for place in found.places():
            names = (_key(place.recipient), place.purpose, place.kind, _key(place.unit))
            table.add_row(*names, f"{found.released[place]:,}", f"{found.withheld[place]:,}")
        console.print(table)
    if listed:
        for one in found.moved:
            word = "released" if one.released else "withheld"
            print(f"  {word} {one.resource} to {_key(one.recipient)} for {one.purpose}")
    if found.past is not None:
        _show_past(found.past, words, listed=listed)


def _show_past(past: Past, words: Words, *, listed: bool) -> None:
    print(f"of {past.looked:,} recorded disclosures {len(past.unmade):,} would not have been made")
    if past.beyond:
        print(f"{past.beyond:,} more would not be made under the present rules either, or cannot be decided again")
    if listed:
        for one in past.unmade:
            print(f"  {words.moment(one.at)}: {one.resource} to {_key(one.recipient)} for {one.purpose}")
            print(f"    request {one.request_id}")


def _key(reference: str) -> str:
    return reference.removeprefix("Organization/")
