"""Which units of a site tell what of a person: who treats, and which feeds tell custody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.consent.standing import CUSTODY, TREATMENT
from adapter.services.standing import Sources

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapter.settings import Feed, Site
    from adapter.store.port import Store


async def sources_of(site: Site, store: Store) -> Sources:
    """Which units treat, and which feeds tell custody, as the feeds declare them."""
    treating = {
        f"Organization/{unit.organization}": _organisations(site, unit.organization)
        for feed in site.feeds.values()
        for unit in feed.units.values()
        if unit.regime in {"hipaa", "part2"}
    }
    custody: dict[str, int] = {}
    written = [feed for feed in site.feeds.values() if feed.is_written]
    for feed in site.feeds.values():
        if feed.custody_hours is not None:
            async with store.transaction() as change:
                number = await change.freshen(feed.feed, until=0, at=0)
            custody |= {f"Organization/{unit.organization}": number for unit in feed.units.values()}
    return Sources(
        treating=treating,
        custody=custody,
        window=site.site.treatment_window_days,
        writers=_telling(TREATMENT, written, lambda feed: bool(feed.establishes_treatment))
        | _telling(CUSTODY, written, lambda feed: feed.custody_hours is not None),
    )


def _telling(kind: str, written: Sequence[Feed], tells: Callable[[Feed], bool]) -> frozenset[tuple[str, str, str]]:
    """Whose written Encounters tell a fact, unit by unit: where several feeds of one writer are, all have to say so."""
    said: dict[tuple[str, str], bool] = {}
    for feed in written:
        for unit in feed.units.values():
            key = (f"Organization/{feed.organization}", f"Organization/{unit.organization}")
            said[key] = said.get(key, True) and tells(feed)
    return frozenset((kind, *key) for key, holds in said.items() if holds)


def _organisations(site: Site, key: str) -> tuple[str, ...]:
    """A unit and everything it is part of."""
    found: list[str] = []
    above: str | None = key
    while above is not None and f"Organization/{above}" not in found:
        found.append(f"Organization/{above}")
        above = site.partners[above].part_of
    return tuple(found)
