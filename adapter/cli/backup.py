"""`sallyport backup` and `restore`: copies of a site that fit each other, and a site made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from adapter.backup.restoring import Restored, Wanted
from adapter.backup.restoring import restore as make_site
from adapter.backup.taking import back_up
from adapter.cli.backup_keys import copies_in_words
from adapter.cli.options import SiteFolder, bar, on_site
from adapter.services.backup_keys import KEYS
from adapter.settings import load_site

if TYPE_CHECKING:
    from adapter.services.backups import Manifest


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog="Examples: sallyport backup /mnt/backups/2026-11-22 --site county   |   "
        "sallyport backup /mnt/sealed/2026-11-22 --site county --with-key"
    )(backup)
    app.command(
        epilog="Example: sallyport restore /mnt/backups/2026-11-22 --site county "
        "--key /mnt/keys/site.key --keys /mnt/keys/backup.keys"
    )(restore)


def backup(
    folder: Annotated[Path, typer.Argument(help="A folder that is empty or is not there yet.")],
    site: SiteFolder,
    with_key: Annotated[
        bool,
        typer.Option("--with-key", help="Put `site.key` in too: who has this backup and `backup.keys` has everything."),
    ] = False,
) -> None:
    """Take a backup of a site while it is in use: store, inbox and ledger as of one moment, and its documents.

    Every record is sealed under a key of its own, which goes when the record is destroyed: then this backup has lost it
    too. The keys lie in `backup.keys` in the site folder and never in a backup: copy them with `backup-keys copy`.
    The ledger is verified, and a manifest with its head is written last: a folder without one is no backup. `site.key`
    is left out unless you ask for it; no backup is restored without it either, so keep it elsewhere.
    """
    with bar("sealing", "records and kB") as advance:
        manifest = back_up(
            load_site(site),
            folder,
            with_key=with_key,
            progress=lambda done, total: advance(done, done, total),
        )
    size = sum(size for size, _ in manifest.files.values())
    kept = "with `site.key`" if with_key else "without `site.key`: keep that elsewhere, it is needed to restore"
    print(f"{folder}: {len(manifest.files)} files, {size:,} bytes, {kept}\n{_ledger(manifest)}")
    print(f"its keys are in {site / KEYS}, generation {manifest.generation}: nothing is restored without them")
    told = on_site(site, lambda services: services.shredding.copies())
    for line in copies_in_words(told):
        print(line)


def restore(
    folder: Annotated[Path, typer.Argument(help="The folder of a backup.")],
    site: Annotated[Path, typer.Option("--site", help="The site folder to make: empty, or not there yet.")],
    key: Annotated[
        Path | None, typer.Option("--key", help="The `site.key` that was kept apart from the backup.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", help="The `backup.keys` of the site, or the newest copy of them.")
    ] = None,
    destroyed: Annotated[
        Path | None,
        typer.Option("--destroyed", help="What `sallyport record sealed --json` last told, if the keys are older."),
    ] = None,
) -> None:
    """Make a site of a backup, whole or not at all: every file and every entry of the ledger is checked first.

    What was received after the backup has to be sent again by whoever sent it. What was destroyed after it is lost to
    it: restored is that it was destroyed, by whom and under which order. Keys that are older than a destruction still
    open what was destroyed; with the list of that it is destroyed again before the site is there.
    """
    told = [] if destroyed is None else orjson.loads(destroyed.read_bytes())
    with bar("opening", "bytes") as advance:
        made = make_site(
            Wanted(folder=folder, target=site, key=key, keys=keys, destroyed=told),
            progress=lambda done, total: advance(done, done, total),
        )
    print(f"{site}: restored as of {made.manifest.taken}\n{_ledger(made.manifest)}")
    for line in _in_words(made):
        print(line)


def _in_words(made: Restored) -> list[str]:
    told = []
    if not made.manifest.sealed:
        told.append(
            "this backup is of an earlier version and holds every record in the clear: destroy it or lock it away"
        )
    if made.records or made.raw:
        told.append(f"destroyed since: {made.records} records and {made.raw} raw pieces are lost to this backup")
    if made.older:
        told.append(
            "the keys are older than this backup: if anything was destroyed since they were copied, use --destroyed"
        )
    if made.again:
        told.append(f"destroyed again: {made.again} records")
    if made.lost_place:
        told.append(f"{made.lost_place} records wait in quarantine and cannot be replayed: have them sent again")
    return told


def _ledger(manifest: Manifest) -> str:
    return f"the ledger is whole: {manifest.entries:,} entries; its head is {manifest.head or 'none yet'}"
