"""What can be had of a site without opening its store: its documents checked, a feed tried, its ledger alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.auth.wire import checked
from adapter.connected import CONNECTORS
from adapter.errors import ConfigurationError, Problem, SallyportError
from adapter.machine import clock, new_id
from adapter.mapping.mapped import Environment
from adapter.services.preview import Preview
from adapter.services.topics import read_topics
from adapter.source import ExtractOptions
from adapter.store.sqlite.connection import connect, migrate
from adapter.store.sqlite.ledger import SqliteLedger
from adapter.ways_in import ways_in_problems
from adapter.ways_out import ways_out_problems

if TYPE_CHECKING:
    from adapter.services.site_rules import SiteRules
    from adapter.settings import Site


def check(site: Site) -> SiteRules:
    """Check and compile every document of a site; ``ConfigurationError`` lists all problems."""
    rules, _ = checked(site, CONNECTORS, clock)
    problems = [*ways_in_problems(site), *ways_out_problems(site)]
    read_topics(site.own_topics, site.zone)
    if problems:
        raise ConfigurationError(problems)
    return rules


def preview(site: Site, feed: str) -> Preview:
    """How a feed of a site reads a file, without a store. ``ConfigurationError`` where the site has no such feed."""
    if feed not in site.feeds:
        expected = ", ".join(sorted(site.feeds))
        raise ConfigurationError([Problem(where="feeds/", path="", message=f"no feed `{feed}`", expected=expected)])
    rules, known = check(site), site.feeds[feed]
    return Preview(
        connector=CONNECTORS[known.connector],
        options=ExtractOptions(encoding=known.encoding, settings=known.settings),
        mapping=rules.mappings[feed],
        environment=Environment(zone=known.time_zone or site.site.time_zone),
        validator=rules.validator,
    )


def open_ledger(site: Site) -> SqliteLedger:
    """The disclosure ledger of a site and nothing else, so that it can be looked at whatever became of the rest."""
    path = site.store_folder / "ledger.sqlite"
    if not path.exists():
        raise SallyportError(f"`{path.name}` is not in the store folder of this site; nothing was ever asked here")
    connection = connect(path, cache_mb=4)
    migrate(connection, "ledger")
    return SqliteLedger(connection, chain=new_id().encode())
