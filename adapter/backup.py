"""Takes backups of a site and makes sites of them: the one place beside `bootstrap` that names the concrete store."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import TYPE_CHECKING

from adapter.bootstrap import SECRET_FILE, clock, site_secret
from adapter.errors import SallyportError
from adapter.fhir.instants import instant_text
from adapter.services import backups
from adapter.services.backups import Manifest
from adapter.settings import load_site
from adapter.store.sqlite.backup import copy_files, schema_of
from adapter.store.sqlite.connection import connect, migrate, row_of
from adapter.store.sqlite.ledger import SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adapter.settings import Site
    from adapter.store.shapes import LedgerHead


def back_up(site: Site, folder: Path, *, with_key: bool, progress: Callable[[int, int], None]) -> Manifest:
    """Take a backup of a site into ``folder`` while it is in use; its manifest, written last."""
    secret = site_secret(site.folder)
    backups.free_for_backup(folder)
    store = folder / backups.STORE
    store.mkdir()
    copy_files(site.store_folder, store, progress=progress)
    backups.copy_documents(site.folder, folder / backups.DOCUMENTS, without=site.store_folder)
    if with_key:
        (folder / backups.KEY).touch(mode=0o600)
        (folder / backups.KEY).write_bytes(secret)
    head = asyncio.run(_verified(store))
    manifest = Manifest(
        taken=instant_text(clock()),
        version=version("sallyport"),
        secret=backups.fingerprint(secret),
        entries=head.entries,
        head=head.digest.hex(),
        schemas={path.name: schema_of(path) for path in sorted(store.iterdir())},
        files=backups.files_of(folder),
    )
    backups.seal(folder, manifest)
    return manifest


def restore(folder: Path, target: Path, *, key: Path | None) -> Manifest:
    """Lay a backup out as the site ``target``, whole or not at all; ``SallyportError`` says what does not fit."""
    manifest = backups.check(folder)
    if target.exists() and {path.name for path in target.iterdir()} - {SECRET_FILE}:
        raise SallyportError(f"`{target}` holds files already; name a folder that is empty or is not there yet")
    found = next((path for path in (key, target / SECRET_FILE, folder / backups.KEY) if path and path.exists()), None)
    if found is None:
        raise SallyportError(
            f"this backup was taken without the secret of its site; name its `{SECRET_FILE}` with --key"
        )
    secret = found.read_bytes()
    if backups.fingerprint(secret) != manifest.secret:
        raise SallyportError(f"`{found.name}` is not the secret of the site this backup was taken of")
    store = target / load_site(folder / backups.DOCUMENTS).site.store
    if store.exists():
        raise SallyportError("the store folder that `site.toml` names is there already; move it away first")
    part = backups.lay_out(folder, store)
    asyncio.run(_verified(part, head=bytes.fromhex(manifest.head)))
    backups.finish(folder, part, target, store, secret)
    return manifest


async def _verified(folder: Path, *, head: bytes | None = None) -> LedgerHead:
    """The head of the ledger in a folder of copies, once it is known to be whole."""
    connection = connect(folder / "ledger.sqlite", cache_mb=4)
    ledger = SqliteLedger(connection, chain=b"")
    try:
        if row_of(connection.execute("PRAGMA user_version"))[0]:
            migrate(connection, "ledger")
        await ledger.verify(head=head or None)
        return await ledger.head()
    finally:
        list(connection.execute("PRAGMA journal_mode = DELETE"))
        ledger.close()
