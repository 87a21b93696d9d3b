"""`sallyport validate`, `migrate` and `token`: the site folder, its store, and who may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from adapter.bootstrap import compile_rules
from adapter.cli.options import SiteFolder, on_site
from adapter.errors import ConfigurationError, Problem
from adapter.services.agreements import purposes_of, rights_of
from adapter.settings import load_site

if TYPE_CHECKING:
    from adapter.bootstrap import Services


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: sallyport validate --site county")(validate)
    app.command(epilog="Example: sallyport migrate --site county")(migrate)
    app.command(epilog="Example: sallyport token --site county --recipient pretrial --purpose pretrial-release")(token)


def validate(site: SiteFolder) -> None:
    """Check every file of a site folder; nothing is opened or written."""
    found = load_site(site)
    rules = compile_rules(found)
    print(
        f"{found.site.name}: {len(found.partners)} partners, {len(found.feeds)} feeds, "
        f"{len(rules.agreements)} agreements, {len(rules.forms)} forms; nothing to mend"
    )


def migrate(site: SiteFolder) -> None:
    """Bring the store of a site up to date. Starting the server does the same."""

    async def work(services: Services) -> dict[str, int]:
        return dict(await services.store.counts())

    counts = on_site(site, work)
    print(f"the store is up to date: {counts['resource']:,} resources")


def token(
    site: SiteFolder,
    recipient: Annotated[str, typer.Option("--recipient", help="Partner key, as in partners.yaml.")],
    purpose: Annotated[list[str], typer.Option("--purpose", help="Purpose of use; may be given several times.")],
    client: Annotated[
        str, typer.Option("--client", help="Name of the client software, for the ledger.")
    ] = "command-line",
    minutes: Annotated[
        int | None, typer.Option("--minutes", help="Life of the token; default is the site's token_minutes.")
    ] = None,
) -> None:
    """Issue an access token for a partner, within what its agreement grants. It is printed once and kept nowhere."""

    async def work(services: Services) -> str:
        return await issue(services, recipient, purpose, client=client, minutes=minutes)

    print(on_site(site, work))


async def issue(
    services: Services, recipient: str, purposes: list[str], *, client: str, minutes: int | None = None
) -> str:
    """A token for a partner, no wider than the agreements in force."""
    at, zone = services.now(), services.zone
    granted = purposes_of(services.agreements, recipient, at=at, zone=zone)
    if refused := sorted(set(purposes) - granted):
        problem = Problem(
            where="agreements/",
            path="grants",
            message=f"no agreement in force grants `{recipient}` the purpose {', '.join(refused)}",
            expected=", ".join(sorted(granted)) or "a grant for this recipient",
        )
        raise ConfigurationError([problem])
    rights = rights_of(services.agreements, recipient, at=at, zone=zone)
    return await services.tokens.issue(
        client=client,
        organisation=f"Organization/{recipient}",
        purposes=purposes,
        rights=sorted(rights),
        lifetime=60 * (minutes or services.site.site.token_minutes),
    )
