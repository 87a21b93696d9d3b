"""`sallyport token`: access tokens issued, listed and revoked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from adapter.cli.options import AsJson, SiteFolder, on_site
from adapter.errors import ConfigurationError, Problem
from adapter.services.access import Wanted

if TYPE_CHECKING:
    from adapter.store.shapes import TokenRow
    from adapter.wired import Services

NAMED = 12
"""Characters of the digest by which a token is named; they open nothing."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Access tokens: issued within agreements in force, listed, revoked.")
    group.command(
        "issue",
        epilog="Examples: sallyport token issue --site county --recipient pretrial --purpose pretrial-release   |   "
        "sallyport token issue --site county --recipient police --purpose diversion --client car --user c.reyes   |   "
        "sallyport token issue --site county --recipient jail --right feed:jail-roster --minutes 1440",
    )(issue_)
    group.command("list", epilog="Example: sallyport token list --site county")(list_)
    group.command(
        "revoke",
        epilog="Examples: sallyport token revoke --site county 4f2k09ab11cd   |   "
        "sallyport token revoke --site county --user c.reyes",
    )(revoke)
    app.add_typer(group, name="token")


def issue_(
    site: SiteFolder,
    recipient: Annotated[
        str, typer.Option("--recipient", help="Partner key, as in partners.yaml: the organisation that asks or sends.")
    ],
    purpose: Annotated[
        list[str] | None, typer.Option("--purpose", help="Purpose of use; may be given several times.")
    ] = None,
    right: Annotated[
        list[str] | None,
        typer.Option(
            "--right", help="Further right, such as population-search or feed:NAME; may be given several times."
        ),
    ] = None,
    client: Annotated[
        str, typer.Option("--client", help="Name of the client software, for the ledger.")
    ] = "command-line",
    user: Annotated[str, typer.Option("--user", help="Who uses it, where the partner's users sign.")] = "",
    minutes: Annotated[
        int | None, typer.Option("--minutes", min=1, help="Life of the token; default is the site's token_minutes.")
    ] = None,
) -> None:
    """Issue an access token within what agreements in force grant. It is printed once and kept nowhere.

    Purposes and rights that no agreement in force grants are refused; so is a user without a current signature.
    """

    async def work(services: Services) -> str:
        wanted = Wanted(recipient=recipient, purposes=purpose or (), rights=right or (), user=user)
        return await issue(services, wanted, client=client, minutes=minutes)

    print(on_site(site, work))


def list_(
    site: SiteFolder,
    every: Annotated[bool, typer.Option("--all", help="Expired and revoked ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List issued tokens: what each grants, until when, and whether its user may still ask. No token is shown."""

    async def work(services: Services) -> list[dict[str, Any]]:
        at = services.now()
        rows = [_told(services, row, at) for row in await services.store.tokens()]
        return [row for row in rows if every or row["state"] not in {"expired", "revoked"}]

    rows = on_site(site, work)
    if as_json:
        print(orjson.dumps(rows).decode())
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("token", no_wrap=True)
    for heading in ("client", "organisation", "user", "grants", "until", "state"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        grants = " ".join([*row["purposes"], *row["rights"]])
        table.add_row(row["token"], row["client"], row["organisation"], row["user"], grants, row["until"], row["state"])
    Console().print(table)


def revoke(
    site: SiteFolder,
    token: Annotated[str | None, typer.Argument(help="Name of the token, as `token list` shows it.")] = None,
    client: Annotated[str | None, typer.Option("--client", help="Every token of this client.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="Every token of this user.")] = None,
    recipient: Annotated[str | None, typer.Option("--recipient", help="Every token of this partner.")] = None,
) -> None:
    """Revoke tokens: they stop working with the next request."""
    if token is None and client is None and user is None and recipient is None:
        raise typer.BadParameter("give the name of a token, or --client, --user or --recipient")

    async def work(services: Services) -> int:
        organisation = None if recipient is None else f"Organization/{recipient}"
        chosen = [
            row
            for row in await services.store.tokens()
            if (token is None or name_of(row) == token)
            and (client is None or row.client == client)
            and (user is None or row.user == user)
            and (organisation is None or row.organisation == organisation)
        ]
        if not chosen:
            expected = "a name of `sallyport token list --all`"
            raise ConfigurationError([Problem(where="", path="", message="no such token", expected=expected)])
        async with services.store.transaction() as change:
            return sum([await change.revoke_token(row.digest) for row in chosen])

    print(f"{on_site(site, work)} revoked")


def name_of(row: TokenRow) -> str:
    """What a token is called where it must not be shown."""
    return row.digest.hex()[:NAMED]


def _told(services: Services, row: TokenRow, at: int) -> dict[str, Any]:
    why = services.user_agreements.why_not(row.organisation, row.user, row.last_word, at)
    state = "revoked" if row.revoked else "expired" if row.expires <= at else why or "works"
    until = datetime.fromtimestamp(row.expires // 1_000_000, tz=UTC).astimezone(services.zone)
    return {
        "token": name_of(row),
        "client": row.client,
        "organisation": row.organisation.removeprefix("Organization/"),
        "user": row.user,
        "purposes": list(row.purposes),
        "rights": list(row.rights),
        "until": until.strftime("%Y-%m-%d %H:%M"),
        "state": state,
    }


async def issue(services: Services, wanted: Wanted, *, client: str, minutes: int | None = None) -> str:
    """A token for a partner, no wider than the agreements in force, for nobody whose signature does not count."""
    at = services.now()
    services.access.check(wanted, at=at)
    await services.access.check_user(services.store, wanted, at=at)
    return await services.tokens.issue(
        client=client,
        organisation=f"Organization/{wanted.recipient}",
        purposes=wanted.purposes,
        rights=wanted.rights,
        lifetime=60 * (minutes or services.site.site.token_minutes),
        user=wanted.user,
    )
