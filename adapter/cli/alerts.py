"""`sallyport alerts`: urgent screenings that wait in quarantine, and whom to tell."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from adapter.cli.options import AsJson, SiteFolder, on_site

if TYPE_CHECKING:
    from adapter.services.alerts import Telling
    from adapter.wired import Services


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: sallyport alerts --site county")(alerts)


def alerts(
    site: SiteFolder,
    everything: Annotated[
        bool, typer.Option("--all", help="Everything urgent that waits, also what was told before.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell which screenings of suicide or withdrawal could not be used and wait, and whom to call about them.

    Nothing of their content is told. Each is told once; a server that runs tells them in its log within a minute.
    """

    async def work(services: Services) -> list[Telling]:
        found: list[Telling] = []
        if everything:
            found = await services.alerts.waiting()
            _print(found, as_json=as_json)
            return found
        # Printed before it counts as told.
        return await services.alerts.tell(lambda telling: _print([telling], as_json=as_json))

    on_site(site, work)


def _print(tellings: list[Telling], *, as_json: bool) -> None:
    for telling in tellings:
        print(orjson.dumps(telling.as_dict()).decode() if as_json else telling, flush=True)


async def show_waiting(services: Services) -> None:
    """Say on standard error what waits and is urgent. It still counts as not told: nobody may have looked."""
    for telling in await services.alerts.waiting():
        print(telling, file=sys.stderr)
