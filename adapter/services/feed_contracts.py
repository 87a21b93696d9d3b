"""Contracts with vendors: which feeds they keep open, and how long agreements still hold.

A feed that a data use agreement covers takes nothing in unless one is in force, signed by the vendor and by whoever
sends the feed: then the sender keeps its queue, and no message is taken that nobody may handle.

45 CFR 164.504(e), 42 CFR 2.11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from adapter.consent.agreement import DataUse, holds
from adapter.errors import FeedClosed
from adapter.fhir.dates import MAX, interval
from adapter.services.agreements import day

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, tzinfo

    from adapter.consent.agreement import AnyAgreement
    from adapter.settings import Feed

LEVELS: Final = ((7, "urgent"), (30, "warning"), (60, "notice"))
"""Days before the end of an agreement from which it is told, and how urgently."""


class _Window(NamedTuple):
    """When a contract keeps a feed open, ``[signed, stop)``; ``start`` is what it was written for."""

    signed: int
    stop: int
    start: int
    contract: DataUse


def _signed(contract: DataUse, organisation: str, zone: tzinfo) -> int:
    days = (item.date for item in contract.signatories if item.organisation == organisation)
    return min((interval(each.isoformat(), zone)[0] for each in days), default=MAX)


class FeedGate:
    """Says whether a feed may take something in."""

    def __init__(self, agreements: Iterable[AnyAgreement], feeds: Mapping[str, Feed], zone: tzinfo) -> None:
        self._windows: dict[str, list[_Window]] = {}
        for contract in (one for one in agreements if isinstance(one, DataUse)):
            for name in contract.feeds:
                start, stop = holds(contract, zone)
                signed = (_signed(contract, key, zone) for key in (contract.vendor, feeds[name].organization))
                self._windows.setdefault(name, []).append(_Window(max(start, *signed), stop, start, contract))

    def vendors(self, feed: str, at: int) -> set[str]:
        """The vendors that may handle a feed at an instant."""
        windows = self._windows.get(feed, ())
        return {window.contract.vendor for window in windows if window.signed <= at < window.stop}

    def open(self, feed: str) -> list[tuple[int, int]]:
        """The periods in which contracts keep a feed open; none where no contract covers it."""
        return [(window.signed, window.stop) for window in self._windows.get(feed, ())]

    def why_closed(self, feed: str, at: int) -> str:
        """Why a feed takes nothing in at an instant; empty while it does, or where no contract covers it."""
        reasons = []
        for window in self._windows.get(feed, ()):
            if window.signed <= at < window.stop:
                return ""
            contract = window.contract
            why = "is not signed by its vendor and by who sends the feed"
            if window.stop <= at:
                why = f"ended on {contract.end}"
            elif at < window.start:
                why = f"starts on {contract.start}"
            reasons.append(f"`{contract.agreement}` {why}")
        return "; ".join(reasons)

    def admit(self, feed: str, at: int) -> None:
        """Let a feed take something in, or raise ``FeedClosed`` before a byte of it is taken."""
        why = self.why_closed(feed, at)
        if why:
            raise FeedClosed(f"feed `{feed}` takes nothing in: {why}; keep what is to be sent until it is renewed")


def handled(
    agreements: Iterable[AnyAgreement], feeds: Mapping[str, Feed], zone: tzinfo
) -> dict[str, tuple[tuple[int, int], ...]]:
    """When records of a unit (Organization reference) may be handled here at all, where contracts say so.

    A contract that has ended ends answers as it ends intake: nobody may use what they no longer may hold, 45 CFR
    164.504(e)(2)(ii)(J). A unit that some feed brings without a contract is left out: nothing bounds it.
    """
    gate, spans, free = FeedGate(agreements, feeds, zone), dict[str, set[tuple[int, int]]](), set[str]()
    for feed in feeds.values():
        units = {f"Organization/{unit.organization}" for unit in feed.units.values()}
        windows = gate.open(feed.feed)
        free |= set() if windows else units
        for unit in units:
            spans.setdefault(unit, set()).update(one for one in windows if one[0] < one[1])
    return {unit: tuple(sorted(found)) for unit, found in spans.items() if unit not in free}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """An agreement near its last day or past it: ``days`` are left, 0 on the last day, negative afterwards."""

    agreement: str
    last: date
    days: int
    level: str
    feeds: tuple[str, ...]

    def __str__(self) -> str:
        several = "s" if len(self.feeds) > 1 else ""
        taken = f"feed{several} {', '.join(self.feeds)} take{'' if several else 's'} nothing in"
        feeds = taken if self.feeds else "it allows nothing"
        if self.days < 0:
            return f"{self.level}: `{self.agreement}` ended on {self.last}: {feeds} until it is renewed"
        when = "today" if self.days == 0 else f"in {self.days} day{'s' if self.days > 1 else ''}, on {self.last}"
        return f"{self.level}: `{self.agreement}` ends {when}; after that {feeds}: renew it before"


def endings(agreements: Iterable[AnyAgreement], gate: FeedGate, *, at: int, zone: tzinfo) -> list[Ending]:
    """Agreements that end within 60 days, and ended contracts that keep a feed closed; the most urgent first.

    A contract whose feeds another one keeps open when it ends is not told.
    """
    found = []
    for agreement in agreements:
        if agreement.end is None:
            continue
        days = (agreement.end - day(at, zone)).days
        level = next((word for limit, word in LEVELS if days <= limit), "")
        feeds = agreement.feeds if isinstance(agreement, DataUse) else ()
        after = max(at, interval(agreement.end.isoformat(), zone)[1])
        closing = tuple(feed for feed in feeds if gate.why_closed(feed, after))
        renewed = bool(feeds) and not closing
        if level and not renewed and (days >= 0 or closing):
            ending = Ending(agreement=agreement.agreement, last=agreement.end, days=days, level=level, feeds=closing)
            found.append(ending)
    return sorted(found, key=lambda one: (one.days, one.agreement))
