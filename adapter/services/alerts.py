"""Urgent screens that nobody could read: their senders are told within minutes, without content.

A screen of suicide or withdrawal that waits in quarantine may be the one that keeps somebody alive. That it waits is
recorded with it, in one transaction; telling is taken from the outbox, so that a stop at any moment may tell twice and
never not at all.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from adapter.fhir.instants import instant_text
from adapter.source import Malformed
from adapter.store.alerts import ALERTS, Alert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from adapter.settings import Feed, Partner
    from adapter.source import SourceRecord
    from adapter.store.port import Store
    from adapter.summary.urgent import Urgency

_log = logging.getLogger(__name__)

EVERY: Final = 15.0
"""Seconds between two looks at what is to be told."""
_LEASE: Final = 60_000_000
"""Microseconds for which nobody else tells what is being told."""
_MOST: Final = 1_000
NEVER_URGENT: Final = frozenset({"not-production", "test-record"})
"""Reasons to wait that are no loss to anybody."""


class UrgentScreens:
    """Says whether a record of a feed that waits is to be told to its sender at once."""

    def __init__(self, urgency: Urgency, feed: Feed) -> None:
        self._urgency = urgency
        self._feed = feed

    def __call__(self, item: SourceRecord | Malformed, reason: str) -> bool:
        """By the instrument it names; where it names none, by what the feed declares of itself."""
        if reason in NEVER_URGENT:
            return False
        # What could be taken apart is looked at by its values: its bytes may be a document with other records in it.
        if isinstance(item, Malformed):
            looks = self._urgency.looks(item.raw)
        else:
            looks = self._urgency.looks(b"", dict(item.values))
        return looks == "urgent" or (looks == "unknown" and self._feed.urgent_screens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What one organisation is told about one receipt. ``line`` and ``part`` are where the first record stands."""

    feed: str
    receipt: str
    organisation: str
    contact: str
    count: int
    line: int
    part: str
    since: int

    def __str__(self) -> str:
        several = "urgent screenings wait" if self.count > 1 else "urgent screening waits"
        first = "the first at " if self.count > 1 else "at "
        where = f"line {self.line}" + (f", {self.part}" if self.part else "")
        whom = f"{self.contact} of {self.organisation}" if self.contact else self.organisation
        return (
            f"feed {self.feed}, receipt {self.receipt}: {self.count} {several} in quarantine, {first}{where}, since "
            f"{instant_text(self.since)}; tell {whom} now"
        )

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        names = ("feed", "receipt", "organisation", "contact", "count", "line", "part")
        return {**{name: getattr(self, name) for name in names}, "since": instant_text(self.since)}


async def of_receipt(store: Store, receipt: str) -> list[dict[str, Any]]:
    """The alerts of a receipt, for its sender."""
    return [
        {
            "line": one.line,
            "part": one.part,
            "since": instant_text(one.since),
            "told": instant_text(one.told) if one.told else None,
            "state": "waiting" if one.waits else "mended",
        }
        for one in await store.alerts(receipt)
    ]


class Alerts:
    """Tells what waits. Where it is told is for whoever calls: a log, a terminal."""

    def __init__(
        self, store: Store, *, feeds: Mapping[str, Feed], partners: Mapping[str, Partner], clock: Callable[[], int]
    ) -> None:
        self._store = store
        self._feeds = feeds
        self._partners = partners
        self._clock = clock

    async def tell(self, say: Callable[[Telling], None]) -> list[Telling]:
        """Tell what is due and was not told, and remember that it was. What was mended meanwhile needs no telling."""
        at = self._clock()
        async with self._store.transaction() as change:
            entries = await change.claim(ALERTS, at=at, lease=at + _LEASE, most=_MOST)
        if not entries:
            return []
        named = {(body["receipt"], body["ordinal"]) for body in (orjson.loads(entry.body) for entry in entries)}
        known = [one for receipt in sorted({of for of, _ in named}) for one in await self._store.alerts(receipt)]
        due = [one for one in known if (one.receipt, one.ordinal) in named]
        tellings = self._grouped(one for one in due if one.waits)
        for telling in tellings:
            say(telling)
        async with self._store.transaction() as change:
            await change.told_alerts([one for one in due if one.waits], at=at)
            await change.settle(entries)
        return tellings

    async def waiting(self) -> list[Telling]:
        """Everything urgent that waits, told or not."""
        return self._grouped(one for one in await self._store.alerts() if one.waits)

    async def run(self) -> None:
        """Tell the log, and so whoever watches it, until cancelled."""
        while True:
            try:
                await self.tell(lambda telling: _log.error("%s", telling))
            except Exception as error:  # noqa: BLE001 - the store may be held by another process for a while
                _log.error("alerts could not be looked through: %s; tried again", type(error).__qualname__)
            await asyncio.sleep(EVERY)

    def _grouped(self, alerts: Iterable[Alert]) -> list[Telling]:
        """One telling for each feed and receipt."""
        groups: dict[tuple[str, str], list[Alert]] = {}
        for alert in alerts:
            groups.setdefault((alert.feed, alert.receipt), []).append(alert)
        return [self._telling(group) for group in groups.values()]

    def _telling(self, group: Sequence[Alert]) -> Telling:
        first = min(group, key=lambda one: one.ordinal)
        feed = self._feeds.get(first.feed)
        partner = None if feed is None else self._partners[feed.organization]
        return Telling(
            feed=first.feed,
            receipt=first.receipt,
            organisation="its sender" if partner is None else partner.name,
            contact="" if partner is None else partner.contact,
            count=len(group),
            line=first.line,
            part=first.part,
            since=min(one.since for one in group),
        )
