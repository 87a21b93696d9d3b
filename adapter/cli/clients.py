"""`sallyport client`: the software registered in partners.yaml, and shutting one out at once.

Registering, changing keys and taking a registration back happen in partners.yaml, which is reviewed and checked like
everything a county decides, and hold from the next start of the server. What cannot wait is a command.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from adapter.cli.options import AsJson, SiteFolder, on_site
from adapter.errors import ConfigurationError, Problem
from adapter.store.clients import ClientEvent

if TYPE_CHECKING:
    from adapter.auth.clients import Registered
    from adapter.wired import Services

STOPPED, RESTORED = "stopped", "restored"

ClientId = Annotated[str, typer.Argument(help="The client, as `client list` shows it.")]
By = Annotated[str, typer.Option("--by", help="Your name; it stands with what you do.")]
Words = Annotated[str, typer.Option("--words", help="Why, in your own words.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Registered software (SMART Backend Services): listed, shut out, let in again. "
        "It is registered in partners.yaml and checked by `validate`.",
    )
    group.command(
        "list",
        epilog="Examples: sallyport client list --site county   |   sallyport client list --site county --json",
    )(list_)
    group.command(
        "stop", epilog="Example: sallyport client stop --site county cottonwood-chart --by 'Privacy Officer'"
    )(stop)
    group.command(
        "restore", epilog="Example: sallyport client restore --site county cottonwood-chart --by 'Privacy Officer'"
    )(restore)
    app.add_typer(group, name="client")


def list_(site: SiteFolder, as_json: AsJson = False) -> None:
    """List registered clients: whom they act for, their keys, what they may ask for, and tokens that work now.

    Registered keys are shown with their thumbprints (RFC 7638), to be compared with the vendor's by telephone.
    """

    async def work(services: Services) -> list[dict[str, Any]]:
        at, tokens = services.now(), await services.store.tokens()
        return [
            await _told(services, client, sum(row.client == client.id and _live(row, at) for row in tokens))
            for client in services.clients.listed()
        ]

    rows = on_site(site, work)
    if as_json:
        print(orjson.dumps(rows).decode())
        return
    for row in rows:
        print(f"{row['client']}: {row['name']}; {row['state']}; {row['tokens']} tokens work")
        for heading, words in (
            ("acts for", row["organizations"]),
            ("keys", [row["jwks_url"]] if row["jwks_url"] else row["keys"]),
            ("may ask", [*row["scopes"], *row["rights"]]),
        ):
            for place, word in enumerate(words):
                print(f"  {'' if place else heading:<10}{word}")


def stop(site: SiteFolder, client: ClientId, by: By, words: Words = "") -> None:
    """Shut a client out: its tokens stop working with the next request and it is given no new ones.

    Use it when a private key may be in other hands. A running server heeds it at once.
    """

    async def work(services: Services) -> int:
        event = _event(services, client, STOPPED, by, words)
        rows = [row for row in await services.store.tokens() if row.client == event.client and row.scopes]
        async with services.store.transaction() as change:
            await change.add_client_event(event)
            return sum([await change.revoke_token(row.digest) for row in rows])

    print(f"{client} is shut out; {on_site(site, work)} revoked")


def restore(site: SiteFolder, client: ClientId, by: By, words: Words = "") -> None:
    """Let a client in again that was shut out. Tokens it had stay revoked."""

    async def work(services: Services) -> None:
        event = _event(services, client, RESTORED, by, words)
        async with services.store.transaction() as change:
            await change.add_client_event(event)

    on_site(site, work)
    print(f"{client} may ask for tokens again")


def _event(services: Services, client: str, kind: str, by: str, words: str) -> ClientEvent:
    problems = []
    if services.clients.find(client) is None:
        expected = ", ".join(one.id for one in services.clients.listed()) or "a client in partners.yaml"
        problems.append(
            Problem(where="partners.yaml", path="clients", message=f"no client `{client}`", expected=expected)
        )
    if not by.strip():
        problems.append(Problem(where="", path="--by", message="nobody is named", expected="your name"))
    if problems:
        raise ConfigurationError(problems)
    return ClientEvent(client=client, kind=kind, author=by.strip(), words=words, at=services.now())


def _live(row: Any, at: int) -> bool:
    return bool(row.scopes) and not row.revoked and at < row.expires


async def _told(services: Services, client: Registered, tokens: int) -> dict[str, Any]:
    events = [one for one in await services.store.client_events() if one.client == client.id]
    state = "registered"
    if events and events[-1].kind == STOPPED:
        since = datetime.fromtimestamp(events[-1].at // 1_000_000, tz=UTC).astimezone(services.zone)
        state = f"shut out since {since:%Y-%m-%d %H:%M} by {events[-1].author}"
    return {
        "client": client.id,
        "name": client.spec.name,
        "organizations": list(client.spec.organizations),
        "jwks_url": client.spec.jwks_url,
        "keys": [f"{kid} (SHA-256 {thumbprint})" for kid, thumbprint in client.keys.thumbprints().items()],
        "scopes": [str(scope) for scope in client.scopes],
        "rights": list(client.spec.rights),
        "tokens": tokens,
        "state": state,
    }
