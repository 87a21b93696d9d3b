"""`sallyport agreements`: the agreements of a site, listed with their state and printed for counsel."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from adapter.cli.options import AsJson, SiteFolder  # noqa: TC001 - typer reads the annotations
from adapter.errors import ConfigurationError, Problem
from adapter.machine import clock
from adapter.services.agreement_page import agreement_page, user_agreement_page
from adapter.services.agreements import day, read_agreement, read_agreements, state, units_of
from adapter.services.feed_contracts import FeedGate, endings
from adapter.services.page import html, markdown
from adapter.services.user_agreements import read_user_agreement
from adapter.settings import load_site, read_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapter.consent.agreement import AnyAgreement
    from adapter.services.page import Block
    from adapter.settings import Site


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="The agreements of a site: their state, and the page counsel reads.")
    group.command("list", epilog="Example: sallyport agreements list --site county")(list_)
    group.command(
        "print",
        epilog="Examples: sallyport agreements print --site county alder-mou-2026   |   "
        "sallyport agreements print county/agreements/memorandum.yaml --html > memorandum.html",
    )(print_)
    app.add_typer(group, name="agreements")


def list_(site: SiteFolder, as_json: AsJson = False) -> None:
    """List every agreement with its state: in force, lapsed, starts, unsigned; days left; feeds it keeps open.

    What ends within 60 days, and what has ended and keeps a feed closed, is told on standard error.
    """
    found = load_site(site)
    agreements = read_agreements(found.agreements, found.partners, found.feeds)
    at = clock()
    rows = [_row(one, at, found) for one in agreements]
    if as_json:
        print(orjson.dumps(rows).decode())
    else:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for heading in ("agreement", "kind", "state", "from", "to", "days left"):
            table.add_column(heading, no_wrap=True)
        for row in rows:
            table.add_row(*("" if row[name] is None else str(row[name]) for name in COLUMNS))
        Console().print(table)
    warn(found, agreements)


COLUMNS = ("agreement", "kind", "state", "start", "end", "days_left")


def _row(agreement: AnyAgreement, at: int, site: Site) -> dict[str, Any]:
    left = None if agreement.end is None else (agreement.end - day(at, site.zone)).days
    return {
        "agreement": agreement.agreement,
        "title": agreement.title,
        "kind": agreement.kind,
        "state": state(agreement, at=at, zone=site.zone),
        "start": agreement.start.isoformat(),
        "end": None if agreement.end is None else agreement.end.isoformat(),
        "days_left": left,
        "feeds": list(getattr(agreement, "feeds", ())),
    }


def warn(site: Site, agreements: Sequence[AnyAgreement]) -> None:
    """Tell on standard error which agreements end soon, and which ended ones keep a feed closed."""
    gate = FeedGate(agreements, site.feeds, site.zone)
    for ending in endings(agreements, gate, at=clock(), zone=site.zone):
        typer.echo(str(ending), err=True)


def print_(
    agreement: Annotated[str, typer.Argument(help="Id of an agreement or user agreement, or the path of its file.")],
    site: Annotated[
        Path | None,
        typer.Option("--site", help="The site folder; without it, the one that a file lies in."),
    ] = None,
    as_html: Annotated[bool, typer.Option("--html", help="One HTML file instead of Markdown.")] = False,
) -> None:
    """Print an agreement as counsel reads it, from the file that bounds every decision.

    Parties, what each may receive for which purpose on which basis, what is never given, dates, amendments, signatures,
    contact, obligations. A user agreement is printed with its boxes.
    """
    page = _page(agreement, site)
    print(html(page) if as_html else markdown(page), end="")


def _page(asked: str, folder: Path | None) -> list[Block]:
    path = Path(asked)
    if path.suffix == ".yaml" and path.is_file():
        around = path.resolve().parent.parent
        folder = folder or (around if (around / "site.toml").is_file() else None)
        return _of_document(read_document(path), path.name, None if folder is None else load_site(folder))
    if folder is None:
        raise typer.BadParameter("give the path of a file, or --site and the id of an agreement")
    site = load_site(folder)
    ids = []
    for where, document in {**site.agreements, **site.user_agreements}.items():
        known = document.get("agreement", document.get("user_agreement")) if isinstance(document, dict) else None
        if known == asked:
            return _of_document(document, where, site)
        ids.append(str(known))
    problem = Problem(where="agreements/", path="", message=f"no agreement `{asked}`", expected=", ".join(sorted(ids)))
    raise ConfigurationError([problem])


def _of_document(document: Any, where: str, site: Site | None) -> list[Block]:
    names = {} if site is None else {key: partner.name for key, partner in site.partners.items()}
    if isinstance(document, dict) and "user_agreement" in document:
        return user_agreement_page(read_user_agreement(document, where), names)
    if site is not None:
        # Printed as it would be decided by: a file that does not fit its site is not printed.
        read_agreements({where: document}, site.partners, site.feeds)
    units = {} if site is None else units_of(site.partners)
    zone = UTC if site is None else site.zone
    return agreement_page(read_agreement(document, where), names, units=units, at=clock(), zone=zone)
