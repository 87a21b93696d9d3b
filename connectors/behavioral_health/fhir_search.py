"""Fetches resources of a FHIR server by search, type after type, page after page, from where it stopped.

A round asks every type for what changed since the last round, by the server's own clock less an overlap: what was
stored while the last round ran is asked for again rather than missed. The checkpoint names the page to go on with.

Search: https://hl7.org/fhir/R4/search.html, paging: https://hl7.org/fhir/R4/http.html#paging
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

from adapter.source import Fetched
from connectors.transport.exchange import Unanswered, whole
from connectors.transport.patience import usable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from adapter.source import Checkpoint
    from connectors.behavioral_health.smart import SmartClient
    from connectors.transport.exchange import Answer, Exchange
    from connectors.transport.patience import Patience

FHIR_JSON: Final = "application/fhir+json"
MOST_PAGES: Final = 100_000
"""Pages of one type in one run; a server whose pages never end is left."""
_GONE: Final = frozenset({400, 404, 410})
"""What servers answer where a page link has expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirServer:
    """A server and how to ask it. ``limit`` is the most bytes of one answer."""

    exchange: Exchange
    smart: SmartClient
    patience: Patience
    base_url: str
    limit: int

    async def get(self, url: str, what: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """A successful answer. A token that is no longer good is renewed once; failures that pass are waited out."""

        async def send(*, fresh: bool = False) -> Answer:
            sent = {"accept": FHIR_JSON, **(headers or {}), **await self.smart.header(fresh=fresh)}
            answer = await whole(self.exchange, "GET", url, headers=sent, limit=self.limit)
            return await send(fresh=True) if answer.status == 401 and not fresh else usable(answer, what)  # noqa: PLR2004

        return await self.patience.ask(send)

    def own(self, url: str) -> str:
        """An address that the server itself named, on this server; ``Unanswered`` for one elsewhere."""
        found, base = urlsplit(urljoin(f"{self.base_url}/", url)), urlsplit(self.base_url)
        # Servers behind a proxy that ends TLS often name themselves without it.
        if (found.scheme, base.scheme) == ("http", "https") and found.netloc == base.netloc:
            found = found._replace(scheme="https")
        if (found.scheme, found.netloc) != (base.scheme, base.netloc):
            raise Unanswered("the server names an address on another host, which is not followed")
        return found.geturl()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What a page says besides its records. ``at`` is the server's clock."""

    next: str | None
    at: datetime | None
    empty: bool


class FhirSearch:
    """Pulls by search. ``searches`` are parameters by type, in the order of asking."""

    def __init__(
        self, server: FhirServer, *, searches: Mapping[str, Mapping[str, str]], count: int, overlap: timedelta
    ) -> None:
        self._server = server
        self._searches = searches
        self._count = count
        self._overlap = overlap

    async def fetch(self, checkpoint: Checkpoint) -> AsyncIterator[Fetched]:
        """The pages of one round, or what is left of one that was cut short."""
        since: dict[str, str] = dict(checkpoint.get("since", {}))
        done: list[str] = [name for name in checkpoint.get("done", ()) if name in self._searches]
        going = checkpoint.get("going", {})
        for kind in self._searches:
            if kind in done:
                continue
            resumed = going if going.get("type") == kind else {}
            async for page, answer, started in self._pages(kind, since.get(kind), resumed):
                if page.next is None:
                    if started:
                        since[kind] = started
                    done.append(kind)
                    ended = len(done) == len(self._searches)
                    state: Checkpoint = {"since": dict(since), "done": [] if ended else list(done)}
                else:
                    follow = {"type": kind, "next": page.next, "started": started}
                    state = {"since": dict(since), "done": list(done), "going": follow}
                chunks = None if page.empty else _once(answer.body)
                yield Fetched(name=kind, checkpoint=state, chunks=chunks)

    async def _pages(
        self, kind: str, since: str | None, resumed: Mapping[str, Any]
    ) -> AsyncIterator[tuple[_Page, Answer, str]]:
        """Each page of one type, and when by the server's clock its round began, less the overlap."""
        first = self._first(kind, since)
        url, started = resumed.get("next") or first, str(resumed.get("started", ""))
        again = url != first
        seen: set[str] = set()
        while len(seen) < MOST_PAGES:
            try:
                answer = await self._server.get(url, f"{kind} search")
            except Unanswered as error:
                # A link that was kept over a break may have expired: the type is read again from where it began.
                if not (again and error.status in _GONE):
                    raise
                url, started, again = first, "", False
                continue
            again = False
            seen.add(url)
            page = self._read(answer)
            if not started and page.at is not None:
                started = (page.at - self._overlap).isoformat()
            yield page, answer, started
            if page.next is None:
                return
            if page.next in seen:
                raise Unanswered(f"{kind} search: the server's pages lead back to one that was read")
            url = page.next
        raise Unanswered(f"{kind} search: more than {MOST_PAGES} pages; ask for more resources a page (`pull.count`)")

    def _first(self, kind: str, since: str | None) -> str:
        asked = {**self._searches[kind], "_count": str(self._count)}
        if since:
            asked["_lastUpdated"] = f"ge{since}"
        return f"{self._server.base_url}/{kind}?{urlencode(asked)}"

    def _read(self, answer: Answer) -> _Page:
        try:
            bundle = json.loads(answer.body)
        except (ValueError, RecursionError):
            bundle = None
        if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
            raise Unanswered("the answer to a search is no Bundle in JSON")
        links = [link for link in bundle.get("link") or () if isinstance(link, dict)]
        follow = next((link.get("url") for link in links if link.get("relation") == "next"), None)
        return _Page(
            next=self._server.own(follow) if isinstance(follow, str) and follow else None,
            at=_told(bundle.get("meta"), answer.headers),
            empty=not bundle.get("entry"),
        )


def _told(meta: object, headers: Mapping[str, str]) -> datetime | None:
    """The instant of an answer by the server's clock."""
    text = meta.get("lastUpdated") if isinstance(meta, dict) else None
    for read, value in ((datetime.fromisoformat, text), (parsedate_to_datetime, headers.get("date"))):
        try:
            found = read(value) if isinstance(value, str) else None
        except ValueError:
            continue
        if found is not None and found.tzinfo is not None:
            return found
    return None


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
