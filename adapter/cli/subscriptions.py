"""`sallyport subscriptions`: what partners have subscribed to, how it stands, what was given up; and telling them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from adapter.cli import logs
from adapter.cli.options import AsJson, SiteFolder, on_site
from adapter.errors import SallyportError
from adapter.fhir.instants import instant_text
from adapter.services.subscribed import read

if TYPE_CHECKING:
    from adapter.services.subscribed import SubscriptionRow
    from adapter.wired import Services

Ident = Annotated[str, typer.Argument(help="The id of a subscription.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="What partners have subscribed to, and how telling them goes.", no_args_is_help=True)
    group.command("list", epilog="Example: sallyport subscriptions list --site county")(listed)
    group.command("status", epilog="Example: sallyport subscriptions status --site county 4f2c…")(status)
    group.command("replay", epilog="Example: sallyport subscriptions replay --site county 4f2c…")(replay)
    group.command("deliver", epilog="Example: sallyport subscriptions deliver --site county --once")(deliver)
    app.add_typer(group, name="subscriptions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a subscription stands."""

    row: SubscriptionRow
    waiting: int
    since: int | None
    dead: int

    def as_dict(self) -> dict[str, Any]:
        """For programs. Nothing of the endpoint's secrets, and nobody's name."""
        row = self.row
        return {
            "id": row.id,
            "organization": row.organisation,
            "client": row.client,
            "topic": row.topic,
            "channel": read(row.wish).channel,
            "status": row.status,
            "reason": row.reason,
            "events": row.events,
            "waiting": self.waiting,
            "waiting_since": None if self.since is None else instant_text(self.since),
            "given_up": self.dead,
            "failing_since": None if row.failing is None else instant_text(row.failing),
            "last_accepted": instant_text(row.spoke) if row.spoke else None,
        }

    def __str__(self) -> str:
        row = self.row
        told = (
            f"{row.id}  {row.organisation}  {row.topic}  {read(row.wish).channel}  {row.status}  {row.events:,} events"
        )
        parts = [f"{self.waiting:,} waiting" if self.waiting else "", f"{self.dead:,} given up" if self.dead else ""]
        return ", ".join([told, *filter(None, parts)]) + (f"; {row.reason}" if row.reason else "")


async def _standing(services: Services) -> list[Standing]:
    backlogs = await services.store.backlogs()
    found = []
    for row in await services.store.subscriptions():
        waiting, since, dead = backlogs.get(row.id, (0, None, 0))
        found.append(Standing(row=row, waiting=waiting, since=since, dead=dead))
    return found


def listed(site: SiteFolder, as_json: AsJson = False) -> None:
    """List every subscription: whose, to what, how it stands, and what waits or was given up."""
    for one in on_site(site, _standing):
        print(orjson.dumps(one.as_dict()).decode() if as_json else one)


def status(site: SiteFolder, ident: Ident, as_json: AsJson = False) -> None:
    """Tell how one subscription stands."""
    found = [one for one in on_site(site, _standing) if one.row.id == ident]
    if not found:
        raise SallyportError(
            f"there is no subscription `{ident}`; `sallyport subscriptions list` tells which there are"
        )
    if as_json:
        print(orjson.dumps(found[0].as_dict()).decode())
        return
    for name, value in found[0].as_dict().items():
        print(f"{name.replace('_', ' '):<16} {'-' if value is None or value == '' else value}")


def replay(site: SiteFolder, ident: Ident) -> None:
    """Send again what was given up, with the same numbers, and what waits at once. A running server sends it."""

    async def work(services: Services) -> int:
        if await services.store.subscription(ident) is None:
            raise SallyportError(
                f"there is no subscription `{ident}`; `sallyport subscriptions list` tells which there are"
            )
        return await services.notifying.notifications.replay(ident)

    print(f"{on_site(site, work):,} events that were given up wait again")


def deliver(
    site: SiteFolder,
    once: Annotated[bool, typer.Option("--once", help="Tell what is due now, and end.")] = False,
) -> None:
    """Tell subscribers, beside the server or instead of it. Several of these share the work."""
    logs.configure()

    async def work(services: Services) -> None:
        outbox = services.notifying.outbox
        if not once:
            await outbox.run()
        while await outbox.step() or outbox.sending:
            await outbox.settled()
            await asyncio.sleep(0)
        await outbox.stop()
        print(f"{outbox.counts.accepted:,} notifications taken, {outbox.counts.refused:,} refused", flush=True)

    on_site(site, work)
