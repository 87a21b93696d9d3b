"""`sallyport backup-keys`: copies of the keys without which no backup is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from adapter.cli.options import AsJson, SiteFolder, on_site  # typer reads the annotations
from adapter.fhir.instants import instant_text

if TYPE_CHECKING:
    from adapter.services.shredding import Copies
    from adapter.wired import Services


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The keys of backups, and the copies of them.", no_args_is_help=True)
    group.command(epilog="Example: sallyport backup-keys copy /mnt/keys/backup.keys --site county")(copy)
    group.command("list", epilog="Example: sallyport backup-keys list --site county")(list_copies)
    app.add_typer(group, name="backup-keys")


def copy(
    place: Annotated[Path, typer.Argument(help="A file; an older copy in its place is written over.")],
    site: SiteFolder,
) -> None:
    """Copy the keys of backups to other media, so that a lost machine can be restored.

    Never beside a backup: whoever has both opens it. One copy serves for every later backup. Once something is
    destroyed it is out of date, because it still opens that: copy again to the same place, which writes over it.
    """

    async def work(services: Services) -> int:
        keys = await services.shredding.copy(place.absolute(), at=services.now())
        return keys.generation

    generation = on_site(site, work)
    print(f"{place}: the keys of generation {generation}; keep them apart from every backup")


def list_copies(site: SiteFolder, as_json: AsJson = False) -> None:
    """List the copies of the keys, and which are out of date: these still open what was destroyed since."""
    told = on_site(site, lambda services: services.shredding.copies())
    if as_json:
        known = [one._asdict() | {"at": instant_text(one.at), "outdated": one in told.outdated} for one in told.known]
        print(orjson.dumps({"generation": told.generation, "copies": known}).decode())
        return
    if told.generation is None:
        print("no backup was taken of this site yet; the first one makes the keys")
        return
    print(f"the keys are of generation {told.generation}")
    for line in copies_in_words(told):
        print(line)


def copies_in_words(told: Copies) -> list[str]:
    """What has to be done about copies, and which there are."""
    if told.generation is None:
        return []
    if not told.known:
        return ["no copy of the keys is known: without one a lost machine cannot be restored"]
    return [
        f"{one.place}: generation {one.generation}, of {instant_text(one.at)}"
        + (", OUT OF DATE: it opens what was destroyed since; copy again to that place" if one in told.outdated else "")
        for one in told.known
    ]
