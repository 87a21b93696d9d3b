"""`sallyport user-agreement`: what users sign before they may ask, who has signed, and who has left."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from adapter.cli.options import AsJson, SiteFolder, on_site
from adapter.services.agreement_page import user_agreement_page
from adapter.services.page import markdown
from adapter.services.user_agreements import days_left
from adapter.store.shapes import UserEvent

if TYPE_CHECKING:
    from adapter.services.user_agreements import Standing
    from adapter.wired import Services

DENIED = 3

User = Annotated[str, typer.Option("--user", help="The user's account name.")]
Agency = Annotated[str, typer.Option("--agency", help="Partner key of the user's agency, as in partners.yaml.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="User agreements: signed yearly, and anew with every new text.")
    group.command(
        "sign",
        epilog="Example: sallyport user-agreement sign --site county --user c.reyes --name 'Cam Reyes' --role officer "
        "--agency police --client car-7 --certify understands-use --certify keeps-confidential --certify knows-part2 "
        "--certify reports",
    )(sign)
    group.command("list", epilog="Example: sallyport user-agreement list --site county")(list_)
    group.command("status", epilog="Example: sallyport user-agreement status --site county --user c.reyes")(status)
    group.command(
        "leave", epilog="Example: sallyport user-agreement leave --site county --user c.reyes --agency police"
    )(leave)
    app.add_typer(group, name="user-agreement")


def sign(
    site: SiteFolder,
    user: User,
    agency: Agency,
    name: Annotated[str, typer.Option("--name", help="Full name of who signs.")],
    role: Annotated[str, typer.Option("--role", help="Role at the agency.")],
    client: Annotated[str, typer.Option("--client", help="Client software or device the user signs in with.")],
    certify: Annotated[
        list[str] | None,
        typer.Option("--certify", help="A box the user ticks; once for each. Without any, the text is shown."),
    ] = None,
) -> None:
    """Sign the current text for a user: every box has to be ticked. Without --certify the text is shown.

    A signature counts for one agency and until it has to be certified again.
    """

    async def work(services: Services) -> str:
        organisation, at = f"Organization/{agency}", services.now()
        text = services.user_agreements.text(organisation, at)
        if text is not None and not certify:
            names = {key: partner.name for key, partner in services.site.partners.items()}
            boxes = " ".join(f"--certify {key}" for key in text.certifications)
            return f"{markdown(user_agreement_page(text, names))}\nnothing is signed yet; to sign, add: {boxes}"
        event = UserEvent(
            kind="signed",
            user=user,
            organisation=organisation,
            at=at,
            name=name,
            role=role,
            client=client,
            certified=tuple(certify or ()),
        )
        signed = await services.user_agreements.sign(services.store, event)
        return (
            f"{name} ({user}) of {agency} has signed `{signed.agreement}` version {signed.version}, "
            f"text {signed.text_hash.hex()[:16]}…"
        )

    print(on_site(site, work))


def list_(site: SiteFolder, as_json: AsJson = False) -> None:
    """List the last word of every user: who signed which version in which role, and whether it counts."""
    _show(site, None, as_json=as_json)


def status(site: SiteFolder, user: User, as_json: AsJson = False) -> None:
    """Tell whether a user's signature counts, for each agency. Exit code 3 if it counts for none."""
    rows = _show(site, user, as_json=as_json)
    if not any(row["counts"] for row in rows):
        raise typer.Exit(DENIED)


def leave(site: SiteFolder, user: User, agency: Agency) -> None:
    """Record that a user has left the agency: tokens for this user stop working with the next request."""

    async def work(services: Services) -> None:
        await services.user_agreements.depart(
            services.store, user=user, organisation=f"Organization/{agency}", at=services.now()
        )

    on_site(site, work)
    print(f"{user} has left {agency}; signing again brings them back")


def _show(site: SiteFolder, user: str | None, *, as_json: bool) -> list[dict[str, Any]]:
    async def work(services: Services) -> list[dict[str, Any]]:
        at = services.now()
        found = await services.user_agreements.standing(services.store, at=at, user=user)
        return [_told(services, one, at) for one in found]

    rows = on_site(site, work)
    if as_json:
        print(orjson.dumps(rows).decode())
        return rows
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("user", "name", "role", "agency", "version", "signed", "state"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(row[name] for name in ("user", "name", "role", "agency", "version", "signed", "state")))
    Console().print(table)
    return rows


def _told(services: Services, one: Standing, at: int) -> dict[str, Any]:
    event = one.event
    signed = datetime.fromtimestamp(event.at // 1_000_000, tz=UTC).astimezone(services.zone)
    left = None if one.until is None else days_left(one.until, at)
    return {
        "user": event.user,
        "name": event.name,
        "role": event.role,
        "agency": event.organisation.removeprefix("Organization/"),
        "client": event.client,
        "agreement": event.agreement,
        "version": event.version,
        "text_hash": event.text_hash.hex(),
        "signed": signed.strftime("%Y-%m-%d %H:%M"),
        "counts": not one.why_not,
        "days_left": left,
        "state": one.why_not or ("counts" if left is None else f"counts, {left} days left"),
    }
