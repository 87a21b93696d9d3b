"""`sallyport validate` and `migrate`: the site folder and its store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.cli.agreements import warn
from adapter.cli.options import SiteFolder, on_site
from adapter.inspection import check
from adapter.settings import load_site

if TYPE_CHECKING:
    import typer

    from adapter.wired import Services


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: sallyport validate --site county")(validate)
    app.command(epilog="Example: sallyport migrate --site county")(migrate)


def validate(site: SiteFolder) -> None:
    """Check every file of a site folder; nothing is opened or written.

    Agreements that end within 60 days are told on standard error, and contracts that have ended and keep a feed closed.
    """
    found = load_site(site)
    rules = check(found)
    print(
        f"{found.site.name}: {len(found.partners)} partners, {len(found.feeds)} feeds, "
        f"{len(found.clients)} clients, {len(rules.agreements)} agreements, {len(rules.forms)} forms; nothing to mend"
    )
    warn(found, rules.agreements)


def migrate(site: SiteFolder) -> None:
    """Bring the store of a site up to date. Starting the server does the same."""

    async def work(services: Services) -> dict[str, int]:
        return dict(await services.store.counts())

    counts = on_site(site, work)
    print(f"the store is up to date: {counts['resource']:,} resources")
