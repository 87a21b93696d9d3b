"""`sallyport serve`: the FHIR REST face, and the feeds that are pushed to it."""

from __future__ import annotations

import asyncio
import gc
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer
import uvicorn

from adapter.bootstrap import build
from adapter.cli import logs
from adapter.cli.options import SiteFolder, run_loop
from adapter.rest.app import application
from adapter.services.feed_line import set_aside
from adapter.settings import load_site

if TYPE_CHECKING:
    from adapter.wired import Services

GRACE = 30
"""Seconds that requests have to end once the server is asked to stop; nothing new is taken meanwhile."""
_log = logging.getLogger(__name__)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: sallyport serve --site county --port 8080")(serve)
    app.command(epilog="Example: sallyport watch --site county --once")(watch)


def serve(
    site: SiteFolder,
    port: Annotated[int | None, typer.Option("--port", help="Port; default is that of base_url.")] = None,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on. Put TLS in front of anything but loopback.")
    ] = "127.0.0.1",
    ways_in: Annotated[
        bool,
        typer.Option(
            "--ways-in/--no-ways-in",
            help="Open MLLP ports and look at watched folders too. Without, another process of this site does.",
        ),
    ] = True,
) -> None:
    """Serve the FHIR base of a site, take what feeds push, and finish what was received but not brought in yet.

    The ports that feeds name in `mllp` are opened as well, and the folders they name in `watch` and `sftp` looked at.

    Logs are JSON lines on standard error. On SIGTERM or Ctrl-C nothing new is taken, requests have 30 seconds to end,
    and the ledger is written; what was received and is not in the store yet is taken up at the next start.
    """
    logs.configure()

    async def main() -> None:
        services = await build(load_site(site))
        try:
            own = port or urlsplit(services.site.site.base_url).port or 8080
            await listen(services, host=host, port=own, ways_in=ways_in)
        finally:
            await services.store.close()

    run_loop(main())


def watch(
    site: SiteFolder,
    once: Annotated[bool, typer.Option("--once", help="Take in what is whole now, and end.")] = False,
) -> None:
    """Look at the folders that feeds name in `watch` and `sftp`, and bring in what appears there. Nothing is served.

    With --once a file counts as whole if it stays the same for the seconds the feed says, which are waited for.
    """

    async def main() -> None:
        services = await build(load_site(site))
        try:
            await (_look_once(services) if once else _watch(services))
        finally:
            await services.ways_in.close()
            await services.store.close()

    run_loop(main())


async def _look_once(services: Services) -> None:
    await services.intake.take_up()
    print(f"{await services.ways_in.look_once():,} files taken in", flush=True)
    await services.intake.drain()


async def _watch(services: Services) -> None:
    for told in services.ways_in.watch():
        print(told, flush=True)
    await services.intake.run()


async def listen(services: Services, *, host: str, port: int, ways_in: bool = False) -> None:
    """Serve until stopped, and bring what feeds push into the store meanwhile."""
    for ending in services.endings():
        _log.warning("%s", ending)
    config = uvicorn.Config(
        application(services),
        host=host,
        port=port,
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    await services.sealing.resume()
    if ways_in:
        for told in await services.ways_in.open():
            print(told, flush=True)
    beside = [
        asyncio.create_task(work)
        for work in (services.intake.run(), services.alerts.run(), services.notifying.outbox.run())
    ]
    try:
        gc.collect()
        with set_aside():
            await uvicorn.Server(config).serve()
    finally:
        await services.ways_in.close()
        # Answers have ended. What was received is in the inbox: the work on it goes on at the next start.
        for work in beside:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
        await services.ledger.flush()
