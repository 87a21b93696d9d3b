"""Subscriptions made ready: what is stored of one, as its topic, filters and caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson

from adapter.services.disclose import Caller
from adapter.store.subscriptions import SubscriptionRow
from adapter.subscription.filters import Filters, read_filters
from adapter.subscription.wish import Wish

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from adapter.subscription.topic import Topic

__all__ = ["CallersOf", "Readiness", "Subscribed", "SubscriptionRow", "read", "written"]

CallersOf = Callable[[SubscriptionRow, str], Awaitable[tuple[Caller, ...] | None]]
"""Who is told by a subscription, under a request id: the subscriber, and the end recipients it names, all of whom have
to be allowed an event. None: nobody may be told any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """A subscription that is ready to be served."""

    row: SubscriptionRow
    wish: Wish
    topic: Topic
    filters: Filters


def written(wish: Wish) -> bytes:
    """What is kept of what was asked for: everything but the headers, which are secret."""
    told = asdict(wish)
    del told["headers"]
    return orjson.dumps(told)


def read(stored: bytes) -> Wish:
    """What was asked for, as it was kept."""
    told: dict[str, Any] = orjson.loads(stored)
    filters = tuple((kind, tuple((name, value) for name, value in pairs)) for kind, pairs in told["filters"])
    kept = {"filters": filters, "contact": tuple(told["contact"]), "recipients": tuple(told["recipients"])}
    return Wish(**told | kept)


class Readiness:
    """Makes stored subscriptions ready, and remembers them while they stay the same."""

    def __init__(self, topics: Mapping[str, Topic], *, base_url: str, zone: ZoneInfo) -> None:
        self.topics = {topic.spec.topic: topic for topic in topics.values()}
        self._base_url = base_url
        self._zone = zone
        self._ready: dict[str, tuple[int, Wish, Topic, Filters]] = {}
        self._known: dict[str, Subscribed] = {}

    def of(self, row: SubscriptionRow) -> Subscribed | None:
        """A subscription made ready; None where its topic is no more."""
        known = self._ready.get(row.id)
        if known is None or known[0] != row.revision:
            topic = self.topics.get(row.topic)
            if topic is None:
                return None
            wish = read(row.wish)
            filters = read_filters(wish.filters, topic, base_url=self._base_url, zone=self._zone)
            known = self._ready[row.id] = (row.revision, wish, topic, filters)
        _, wish, topic, filters = known
        found = self._known[row.id] = Subscribed(row=row, wish=wish, topic=topic, filters=filters)
        return found

    def known(self, ident: str, revision: int) -> Subscribed | None:
        """A subscription as it was when it was last made ready; None if it has changed since.

        What changes without a new revision (status, numbers, leases) is as it was then.
        """
        known = self._known.get(ident)
        return known if known is not None and known.row.revision == revision else None

    def forget(self, kept: set[str]) -> None:
        """Drop what is remembered of subscriptions that are no more."""
        for ident in self._ready.keys() - kept:
            del self._ready[ident], self._known[ident]
