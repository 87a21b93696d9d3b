"""The clients of the servers that feeds are fetched from. Part of the wiring: it names the concrete transports."""

from __future__ import annotations

import asyncio
import stat
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from adapter.errors import ConfigurationError, Problem
from adapter.services.pull import Pulls
from connectors.behavioral_health.bulk_export import BulkExport, export_path
from connectors.behavioral_health.fhir_search import FhirSearch, FhirServer
from connectors.behavioral_health.smart import SigningKey, SmartClient
from connectors.transport.https import Https, tls
from connectors.transport.patience import Patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from adapter.pulled import Pull
    from adapter.services.feed_contracts import FeedGate
    from adapter.services.ingest import Ingest
    from adapter.services.pull import MakePuller
    from adapter.settings import Site
    from adapter.source import Puller
    from adapter.store.port import Inbox, Store

MEGABYTE = 1_000_000


def pulls(
    site: Site,
    store: Store,
    inbox: Inbox,
    ingest: Ingest,
    gate: FeedGate,
    *,
    clock: Callable[[], int],
    new_id: Callable[[], str],
) -> Pulls:
    """The feeds of a site that name a server, each with what opens its client for one run."""
    made: dict[str, MakePuller] = {
        feed.feed: partial(_open, site.folder, feed.feed, feed.pull, clock, new_id)
        for feed in site.feeds.values()
        if feed.pull is not None
    }
    return Pulls(store=store, inbox=inbox, ingest=ingest, gate=gate, pullers=made, clock=clock, new_id=new_id)


def signing_key(folder: Path, feed: str, pull: Pull) -> SigningKey:
    """The private key of a feed; ``ConfigurationError`` where it is missing, no such key, or open to others."""
    path = _file(folder, feed, "pull.key", pull.key)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        wrong, expected = "others may read this private key", f"a file for its owner alone: chmod 600 {pull.key}"
        raise ConfigurationError([Problem(where=f"feed {feed}", path="pull.key", message=wrong, expected=expected)])
    return SigningKey.read(path.read_bytes(), pull.kid, where=pull.key)


def _file(folder: Path, feed: str, key: str, name: str) -> Path:
    """A file of the site folder that a feed names."""
    path = folder / name
    if not path.is_file():
        message = f"there is no file `{name}`"
        raise ConfigurationError(
            [Problem(where=f"feed {feed}", path=key, message=message, expected="it in the site folder")]
        )
    return path


@asynccontextmanager
async def _open(
    folder: Path, feed: str, pull: Pull, clock: Callable[[], int], new_id: Callable[[], str]
) -> AsyncIterator[Puller]:
    key = signing_key(folder, feed, pull)
    authorities = pull.authorities and str(_file(folder, feed, "pull.authorities", pull.authorities))
    patience = Patience(
        sleep=asyncio.sleep, clock=clock, attempts=pull.attempts, longest=float(pull.longest_wait_seconds)
    )
    async with Https(context=tls(authorities)) as https:
        smart = SmartClient(
            https,
            base_url=pull.base_url,
            client_id=pull.client_id,
            key=key,
            scope=pull.scope,
            token_url=pull.token_url,
            patience=patience,
            new_id=new_id,
        )
        server = FhirServer(
            https=https,
            smart=smart,
            patience=patience,
            base_url=pull.base_url,
            limit=pull.page_megabytes * MEGABYTE,
        )
        if pull.export is not None:
            yield BulkExport(
                server,
                path=export_path(pull.export),
                searches=pull.search,
                limit=pull.file_megabytes * MEGABYTE,
                hosts=pull.file_hosts,
            )
        else:
            yield FhirSearch(
                server, searches=pull.search, count=pull.count, overlap=timedelta(minutes=pull.overlap_minutes)
            )
