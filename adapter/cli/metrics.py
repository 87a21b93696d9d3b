"""`sallyport metrics-token`: the access token with which a monitoring system reads `/metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.options import SiteFolder, on_site
from adapter.errors import ConfigurationError, Problem
from adapter.services.measures import RIGHT

if TYPE_CHECKING:
    from adapter.wired import Services

ADMINISTRATION = "HSYSADMIN"
"""Administration of a health system, the purpose of who runs the server: v3-ActReason. No agreement grants it."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("metrics-token", epilog="Example: sallyport metrics-token --site county --recipient vendor --days 90")(
        issue
    )


def issue(
    site: SiteFolder,
    recipient: Annotated[str, typer.Option("--recipient", help="Key of the partner that runs the monitoring.")],
    client: Annotated[str, typer.Option("--client", help="Name of the monitoring system.")] = "monitoring",
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="Life of the token.")] = 90,
) -> None:
    """Issue a token that reads the counts at `/metrics` and opens nothing else. It is printed once and kept nowhere."""

    async def work(services: Services) -> str:
        if recipient not in services.site.partners:
            expected = ", ".join(sorted(services.site.partners))
            problem = Problem(where="partners.yaml", path="", message=f"no partner `{recipient}`", expected=expected)
            raise ConfigurationError([problem])
        return await services.tokens.issue(
            client=client,
            organisation=f"Organization/{recipient}",
            purposes=[ADMINISTRATION],
            rights=[RIGHT],
            lifetime=days * 24 * 3600,
        )

    print(on_site(site, work))
