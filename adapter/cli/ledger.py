"""`sallyport ledger`: whether the disclosure ledger is whole, and the head to keep elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from adapter.cli.options import AsJson, SiteFolder, run_loop
from adapter.errors import ConfigurationError, LedgerBroken, Problem
from adapter.fhir.instants import instant_text
from adapter.inspection import open_ledger
from adapter.settings import load_site

if TYPE_CHECKING:
    from adapter.store.shapes import LedgerHead

FAILURE = 1


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True, help="The disclosure ledger: is it whole, and what tells that it stays so."
    )
    group.command(
        "verify",
        epilog="Examples: sallyport ledger verify --site county   |   "
        "sallyport ledger verify --site county --head 9f2c…",
    )(verify)
    group.command("head", epilog="Example: sallyport ledger head --site county >> /mnt/elsewhere/heads.txt")(head)
    app.add_typer(group, name="ledger")


def verify(
    site: SiteFolder,
    kept: Annotated[
        str, typer.Option("--head", help="A head that was kept elsewhere: everything up to it must still be there.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Recompute every chain of the ledger and say which entry breaks one; exit code 1 if any does.

    A changed, missing or inserted entry breaks the chain, whichever process wrote it. What was cut off at the very end
    only a head tells that was kept elsewhere: `sallyport ledger head`, or the manifest of a backup.
    """
    digest = _digest(kept)

    async def work() -> LedgerHead:
        ledger = open_ledger(load_site(site))
        try:
            await ledger.verify(head=digest)
            return await ledger.head()
        finally:
            ledger.close()

    try:
        found = run_loop(work())
    except LedgerBroken as broken:
        if as_json:
            at = None if broken.at is None else instant_text(broken.at)
            told = {"whole": False, "breaks_at": broken.entry, "request": broken.request_id, "at": at}
            print(orjson.dumps(told).decode())
        print(f"sallyport: {broken}", file=sys.stderr)
        raise typer.Exit(FAILURE) from None
    if as_json:
        print(orjson.dumps({"whole": True, "entries": found.entries, "head": found.digest.hex()}).decode())
    else:
        print(f"the ledger is whole: {found.entries:,} entries; its head is {found.digest.hex() or 'none yet'}")


def head(site: SiteFolder) -> None:
    """Print how many entries the ledger has and the digest of the last: content-free, to be kept somewhere else."""

    async def work() -> LedgerHead:
        ledger = open_ledger(load_site(site))
        try:
            return await ledger.head()
        finally:
            ledger.close()

    found = run_loop(work())
    print(f"{found.entries} {found.digest.hex()}")


def _digest(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text) if text else None
    except ValueError:
        problem = Problem(where="", path="--head", message="no digest", expected="the head as `ledger head` prints it")
        raise ConfigurationError([problem]) from None
