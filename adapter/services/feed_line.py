"""A feed ready to run, and what a batch of its records holds until it is written."""

from __future__ import annotations

import gc
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapter.mapping.mapped import Environment
from adapter.services.alerts import UrgentScreens
from adapter.services.assemble import Assembly
from adapter.services.origin import REACHING
from adapter.source import ExtractOptions
from adapter.store.alerts import Alert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapter.mapping.compile import CompiledMapping
    from adapter.services.assemble import Assembled
    from adapter.services.people import People
    from adapter.services.site_rules import SiteRules
    from adapter.services.write import Writer
    from adapter.settings import Feed, Site
    from adapter.source import Connector, Malformed, SourceRecord
    from adapter.store.shapes import QuarantinedRecord

_USUAL, _SELDOM = gc.get_threshold(), (50_000, 20, 50)
"""Thresholds of Python's garbage collector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLine:
    """A feed ready to run: its reader, its compiled mapping and its assembly.

    ``urgent`` says of a record that waits, and why, whether its sender is to be told at once.
    """

    feed: Feed
    connector: Connector
    options: ExtractOptions
    mapping: CompiledMapping
    environment: Environment
    assembly: Assembly
    urgent: Callable[[SourceRecord | Malformed, str], bool]


@dataclass(slots=True)
class Batch:
    """Records that wait for one transaction: what they become, what waits and is urgent, whom a roster names."""

    assembled: list[tuple[int, Assembled]] = field(default_factory=list)
    quarantine: list[QuarantinedRecord] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    named: list[tuple[int, bool]] = field(default_factory=list)
    unlisted: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.assembled) + len(self.quarantine)

    def hold(self, record: QuarantinedRecord, *, urgent: bool) -> None:
        """Let a record wait; its sender is told at once where it is urgent."""
        self.quarantine.append(record)
        if urgent:
            names = ("feed", "receipt", "ordinal", "line", "part")
            self.alerts.append(Alert(**{name: getattr(record, name) for name in names}))


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the garbage collector look seldom: a batch is many objects, freed as they are written, none in a cycle."""
    with set_aside():
        gc.set_threshold(*_SELDOM)
        try:
            yield
        finally:
            gc.set_threshold(*_USUAL)


class _Aside:
    """Whether something was set aside. To ask the collector, which counts all of it, takes milliseconds."""

    held = False


@contextmanager
def set_aside() -> Iterator[None]:
    """Keep what is there out of every collection: a whole one looks at all of it, and answers wait for that long.

    What somebody set aside before stays so when this ends.
    """
    already = _Aside.held
    if not already:
        gc.freeze()
        _Aside.held = True
    try:
        yield
    finally:
        if not already:
            gc.unfreeze()
            _Aside.held = False


def feed_line(
    site: Site, feed: Feed, connector: Connector, rules: SiteRules, *, writer: Writer, people: People
) -> FeedLine:
    """A feed as the documents of its site describe it."""
    return FeedLine(
        feed=feed,
        connector=connector,
        options=ExtractOptions(encoding=feed.encoding, settings=feed.settings),
        mapping=rules.mappings[feed.feed],
        environment=Environment(zone=feed.time_zone or site.site.time_zone),
        urgent=UrgentScreens(rules.urgency, feed),
        assembly=assembly_of(site, feed, rules, writer=writer, people=people),
    )


def assembly_of(site: Site, feed: Feed, rules: SiteRules, *, writer: Writer, people: People) -> Assembly:
    """What makes resources of the records of a feed, however they come."""
    # What is written over FHIR REST is read by no mapping, and how to reach a person stays with who wrote it.
    mapping = rules.mappings.get(feed.feed)
    return Assembly(
        feed,
        writer=writer,
        people=people,
        registry=rules.registry,
        forms={(name, version): form for name in feed.forms for version, form in rules.forms[name].items()},
        organisations={key: f"Organization/{key}" for key in site.partners},
        zone=site.zone,
        reaches=mapping is not None and mapping.tells("Patient", REACHING),
    )
