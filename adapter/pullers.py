"""The clients of the servers that feeds are fetched from. Part of the wiring: it names the concrete transports."""

from __future__ import annotations

import asyncio
import stat
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adapter.auth.wire import outbound_of
from adapter.errors import ConfigurationError, Problem
from adapter.outbound import Outbound, Unreachable
from adapter.services.pull import Pulls
from connectors.behavioral_health.bulk_export import BulkExport, export_path
from connectors.behavioral_health.fhir_search import FhirSearch, FhirServer
from connectors.behavioral_health.smart import SigningKey, SmartClient
from connectors.transport.exchange import Arriving, Unanswered
from connectors.transport.patience import Patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
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
        feed.feed: partial(_open, site, feed.feed, feed.pull, clock, new_id)
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


class _Asking:
    """Asks a partner's server within what the site allows."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    @asynccontextmanager
    async def open(
        self, method: str, url: str, *, headers: Mapping[str, str], limit: int, form: Mapping[str, str] | None = None
    ) -> AsyncIterator[Arriving]:
        with _unanswered():
            async with self._outbound.open(method, url, headers=headers, limit=limit, form=form) as coming:
                chunks = _told(coming.chunks)
                yield Arriving(status=coming.status, headers=coming.headers, chunks=chunks)


async def _told(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    with _unanswered():
        async for chunk in chunks:
            yield chunk


@contextmanager
def _unanswered() -> Iterator[None]:
    """What cannot be reached is told in the words of whoever asks."""
    try:
        yield
    except Unreachable as error:
        raise Unanswered(f"the server cannot be read: {error}", passing=error.passing) from None


def _outbound(site: Site, pull: Pull) -> Outbound:
    """Where a pull may lead: by the rules of the site, or on this host where it names that."""
    if urlsplit(pull.base_url).scheme == "http":
        return Outbound(plain_loopback=True)
    return outbound_of(site)


@asynccontextmanager
async def _open(
    site: Site, feed: str, pull: Pull, clock: Callable[[], int], new_id: Callable[[], str]
) -> AsyncIterator[Puller]:
    key = signing_key(site.folder, feed, pull)
    patience = Patience(
        sleep=asyncio.sleep, clock=clock, attempts=pull.attempts, longest=float(pull.longest_wait_seconds)
    )
    exchange = _Asking(_outbound(site, pull))
    smart = SmartClient(
        exchange,
        base_url=pull.base_url,
        client_id=pull.client_id,
        key=key,
        scope=pull.scope,
        token_url=pull.token_url,
        patience=patience,
        new_id=new_id,
    )
    server = FhirServer(
        exchange=exchange,
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
