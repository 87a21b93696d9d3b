"""The parts of writing over FHIR REST, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapter.services.feed_line import assembly_of
from adapter.services.writing import Writing
from adapter.services.writing_makers import Maker
from adapter.services.writing_plan import Planner
from adapter.services.writing_rules import Writers

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.fhir.validate import Validator
    from adapter.services.decisions import Decisions
    from adapter.services.feed_contracts import FeedGate
    from adapter.services.keys import SiteKeys
    from adapter.services.people import People
    from adapter.services.settling import Settling
    from adapter.services.site_rules import SiteRules
    from adapter.services.write import Writer
    from adapter.settings import Site
    from adapter.store.port import Ledger, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class WritingGround:
    """What writing stands on. ``new_key`` makes unguessable texts, from which ids of new resources are made."""

    site: Site
    rules: SiteRules
    store: Store
    ledger: Ledger
    keys: SiteKeys
    validator: Validator
    decisions: Decisions
    writer: Writer
    people: People
    settling: Settling
    gate: FeedGate
    clock: Callable[[], int]
    new_key: Callable[[], str]


def wire_writing(on: WritingGround) -> Writing:
    """The way in of every feed that a client writes."""
    site = on.site
    writers = Writers(site.feeds.values(), on.rules.agreements, on.gate, zone=site.zone)
    makers = {
        feed.feed: Maker(
            feed, assembly_of(site, feed, on.rules, writer=on.writer, people=on.people), on.writer, on.people
        )
        for feed in writers.feeds
    }
    planner = Planner(
        keys=on.keys,
        validator=on.validator,
        decisions=on.decisions,
        makers=makers,
        base_url=f"{site.site.base_url}/fhir",
        zone=site.zone,
        new_key=on.new_key,
    )
    return Writing(on.store, on.ledger, writers=writers, planner=planner, settling=on.settling, clock=on.clock)
