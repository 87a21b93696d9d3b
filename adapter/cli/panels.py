"""`sallyport panels`: lists of people whom a partner follows, kept by the county for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from adapter.cli.options import AsJson, SiteFolder, on_site
from adapter.errors import Rejected, SallyportError
from adapter.fhir.instants import instant_text
from adapter.services.panel_csv import read_panel
from adapter.services.patient_match import MATCH

if TYPE_CHECKING:
    from adapter.store.exports import PanelRow
    from adapter.wired import Services


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Lists of people whom a partner follows: its Groups.", no_args_is_help=True)
    example = "Example: sallyport panels put --site county --for cottonwood --name 'Familiar faces' people.csv"
    group.command("put", epilog=example)(put)
    group.command("list", epilog="Example: sallyport panels list --site county")(listed)
    group.command("drop", epilog="Example: sallyport panels drop --site county 5f0c…")(drop)
    app.add_typer(group, name="panels")


def put(
    site: SiteFolder,
    file: Annotated[Path, typer.Argument(help="A CSV file, one person a row.", exists=True, dir_okay=False)],
    partner: Annotated[str, typer.Option("--for", help="The partner who follows them, by its key in partners.yaml.")],
    name: Annotated[str, typer.Option("--name", help="What the list is called.")] = "",
    ident: Annotated[str, typer.Option("--id", help="The id of the Group that it replaces.")] = "",
) -> None:
    """Keep a list of people for a partner, as a Group that is the partner's own; prints its id."""
    try:
        members, people = read_panel(file.read_bytes())
    except Rejected as error:
        raise SallyportError("\n".join(f"{file.name}, {one.path}: {one.message}" for one in error.issues)) from None

    async def work(services: Services) -> PanelRow:
        if partner not in services.site.partners:
            raise SallyportError(f"`{partner}` is no partner; expected one of {', '.join(services.site.partners)}")
        owner = f"Organization/{partner}"
        if ident and not any((row.id, row.organisation) == (ident, owner) for row in await services.groups.every()):
            raise SallyportError(f"there is no group `{ident}` of {partner}; `sallyport panels list` tells which")
        if people and MATCH not in services.access.rights(partner, at=services.now()):
            told = (
                f"no agreement gives {partner} the right `{MATCH}`: people who are described are compared with nobody"
            )
            print(told, file=sys.stderr)
        return await services.groups.keep(owner, ident, name, members, people)

    row = on_site(site, work)
    print(f"Group/{row.id}  {len(members) + len(people):,} people")


def listed(site: SiteFolder, as_json: AsJson = False) -> None:
    """List the groups of all partners: whose, when they changed, how many people they name."""
    for row in on_site(site, lambda services: services.groups.every()):
        told = {
            "id": row.id,
            "organization": row.organisation,
            "name": row.name,
            "updated": instant_text(row.updated),
            "people": len(row.members) + len(row.people),
        }
        print(orjson.dumps(told).decode() if as_json else "  ".join(f"{one}" for one in told.values()))


def drop(site: SiteFolder, ident: Annotated[str, typer.Argument(help="The id of a Group.")]) -> None:
    """Forget a group. Subscriptions that follow it are told of nobody."""
    on_site(site, lambda services: services.groups.drop(ident))
