"""`sallyport backup` and `restore`: copies of a site that fit each other, and a site made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from adapter import backup as copies
from adapter.cli.options import SiteFolder, bar, on_site
from adapter.settings import load_site

if TYPE_CHECKING:
    from adapter.services.backups import Manifest


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog="Examples: sallyport backup /mnt/backups/2026-11-22 --site county   |   "
        "sallyport backup /mnt/sealed/2026-11-22 --site county --with-key"
    )(backup)
    app.command(epilog="Example: sallyport restore /mnt/backups/2026-11-22 --site county --key /mnt/keys/site.key")(
        restore
    )


def backup(
    folder: Annotated[Path, typer.Argument(help="A folder that is empty or is not there yet.")],
    site: SiteFolder,
    with_key: Annotated[
        bool,
        typer.Option("--with-key", help="Put `site.key` in too: whoever has this backup then has everything."),
    ] = False,
) -> None:
    """Copy a site while it is in use: store, inbox and ledger as of one moment, and the documents of the site.

    Each copy is checked, the ledger is verified, and a manifest with its head is written last: a folder without one is
    no backup. `site.key` is left out unless you ask for it; no backup is restored without it, so keep it elsewhere.
    """
    with bar("copying", "pages") as advance:
        manifest = copies.back_up(
            load_site(site),
            folder,
            with_key=with_key,
            progress=lambda done, total: advance(done, done, total),
        )
    size = sum(size for size, _ in manifest.files.values())
    kept = "with `site.key`" if with_key else "without `site.key`: keep that elsewhere, it is needed to restore"
    print(f"{folder}: {len(manifest.files)} files, {size:,} bytes, {kept}\n{_ledger(manifest)}")


def restore(
    folder: Annotated[Path, typer.Argument(help="The folder of a backup.")],
    site: Annotated[Path, typer.Option("--site", help="The site folder to make: empty, or not there yet.")],
    key: Annotated[
        Path | None, typer.Option("--key", help="The `site.key` that was kept apart from the backup.")
    ] = None,
    destroyed: Annotated[
        Path | None,
        typer.Option("--destroyed", help="What `sallyport record sealed --json` last told of the site."),
    ] = None,
) -> None:
    """Make a site of a backup, whole or not at all: every file and every entry of the ledger is checked first.

    What was received after the backup has to be sent again by whoever sent it. What was destroyed after it is in it
    again: with the list of what was, kept elsewhere, it is destroyed again before the site is used.
    """
    told = [] if destroyed is None else orjson.loads(destroyed.read_bytes())
    manifest = copies.restore(folder, site, key=key)
    print(f"{site}: restored as of {manifest.taken}\n{_ledger(manifest)}")
    if told:
        count = on_site(site, lambda services: services.sealing.again(told, services.new_id()))
        print(f"destroyed again: {count} records")


def _ledger(manifest: Manifest) -> str:
    return f"the ledger is whole: {manifest.entries:,} entries; its head is {manifest.head or 'none yet'}"
