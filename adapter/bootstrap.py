"""The one place that wires: it names the concrete store and connectors, reads the clock and makes random ids."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from adapter import assets
from adapter.auth.requester import Requester
from adapter.auth.tokens import Tokens
from adapter.errors import ConfigurationError, Problem, SallyportError
from adapter.fhir.facts import Facts
from adapter.fhir.validate import Validator
from adapter.mapping.compile import compile_mapping
from adapter.mapping.mapped import Environment
from adapter.mapping.tables import CodeTable, read_table
from adapter.services.agreements import read_agreements
from adapter.services.assemble import Assembly
from adapter.services.change import Changes
from adapter.services.decisions import Decisions
from adapter.services.directory import organizations, publish
from adapter.services.disclose import Disclosure
from adapter.services.explain import Explain
from adapter.services.forms import read_form
from adapter.services.in_force import EMPTY, InForce
from adapter.services.ingest import FeedLine, Ingest
from adapter.services.keys import SiteKeys
from adapter.services.people import People
from adapter.services.standing import KnownFacts, Sources
from adapter.services.whatif import WhatIf
from adapter.services.words import Words
from adapter.services.write import Writer, stamp
from adapter.settings import read_document
from adapter.source import ExtractOptions
from adapter.store.sqlite.store import SqliteStore
from adapter.summary.loinc import PinnedList
from adapter.summary.registry import Registry
from connectors.behavioral_health.fhir_ndjson import FhirNdjson
from connectors.behavioral_health.release_forms import ReleaseForms
from connectors.court.niem_xml import NiemXml
from connectors.jail.charge_csv import ChargeCsv
from connectors.jail.corerm_roster import CoremrRoster
from connectors.jail.hl7v2.connector import Hl7v2

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from adapter.consent.agreement import Agreement
    from adapter.consent.release_form import Form
    from adapter.settings import Feed, Site
    from adapter.source import Connector
    from adapter.store.port import Inbox, Ledger, Store

CONNECTORS: dict[str, Connector] = {
    connector.name: connector
    for connector in (CoremrRoster(), ChargeCsv(), Hl7v2(), NiemXml(), FhirNdjson(), ReleaseForms())
}
SECRET_FILE = "site.key"  # noqa: S105 - a file name


def clock() -> int:
    """Now, in epoch microseconds."""
    return time.time_ns() // 1000


def new_id() -> str:
    """A random id of 128 bits: receipts, requests."""
    return secrets.token_hex(16)


def new_token() -> str:
    """The text of an access token."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a way in or out may use."""

    site: Site
    store: Store
    inbox: Inbox
    ledger: Ledger
    agreements: tuple[Agreement, ...]
    decisions: Decisions
    disclosure: Disclosure
    ingest: Ingest
    in_force: InForce
    explain: Explain
    changes: Changes
    whatif: WhatIf
    tokens: Tokens
    requester: Requester
    keys: SiteKeys
    base_url: str
    zone: ZoneInfo
    cursor_key: bytes
    now: Callable[[], int]
    new_id: Callable[[], str]
    ready: Callable[[], Awaitable[bool]]
    version: str


def site_secret(folder: Path) -> bytes:
    """The site's secret, made on first use and readable by its owner alone. Losing it changes every id."""
    path = folder / SECRET_FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the site's documents and the shipped ones compile to. Making it needs no store."""

    agreements: tuple[Agreement, ...]
    forms: dict[str, dict[str, Form]]
    mappings: dict[str, Any]
    registry: Registry
    facts: Facts


def compile_rules(site: Site) -> Rules:
    """Check and compile every document of a site; ``ConfigurationError`` lists all problems."""
    problems: list[Problem] = []
    facts, tables, registry = Facts(assets.r4_facts()), _tables(), _registry()
    agreements = _collect(problems, partial(read_agreements, site.agreements, site.partners), ())
    forms: dict[str, dict[str, Form]] = {}
    for where, document in site.forms.items():
        form = _collect(problems, partial(read_form, document, where), None)
        if form is not None:
            forms.setdefault(form.form, {})[form.version] = form
    mappings: dict[str, Any] = {}
    for feed in site.feeds.values():
        problems += _feed_problems(feed, forms)
        mapping = _collect(problems, partial(_mapping, site, feed, tables, facts), None)
        if mapping is not None:
            mappings[feed.feed] = mapping
    if problems:
        raise ConfigurationError(problems)
    return Rules(agreements=tuple(agreements), forms=forms, mappings=mappings, registry=registry, facts=facts)


def _tables() -> dict[str, CodeTable]:
    documents = assets.code_tables()
    return {name: read_table(document, name=name, file=f"tables/{name}.yaml") for name, document in documents.items()}


def _registry() -> Registry:
    return Registry.load(assets.instruments(), PinnedList.load(assets.loinc()))


def _collect(problems: list[Problem], make: Callable[[], Any], otherwise: Any) -> Any:
    try:
        return make()
    except ConfigurationError as error:
        problems += error.problems
        return otherwise


def _mapping(site: Site, feed: Feed, tables: Any, facts: Facts) -> Any:
    path = site.folder / PurePosixPath(feed.mapping)
    mapping = compile_mapping(read_document(path), file=feed.mapping, tables=tables, elements=facts)
    if mapping.source != feed.connector:
        raise ConfigurationError(
            [
                Problem(
                    where=feed.mapping,
                    path="source",
                    message=f"feed `{feed.feed}` reads with another connector",
                    expected=feed.connector,
                )
            ]
        )
    return mapping


def _feed_problems(feed: Feed, forms: dict[str, dict[str, Form]]) -> list[Problem]:
    where = f"feed {feed.feed}"
    problems = []
    if feed.connector not in CONNECTORS:
        expected = ", ".join(sorted(CONNECTORS))
        problems.append(
            Problem(where=where, path="connector", message=f"no connector `{feed.connector}`", expected=expected)
        )
    if feed.form is not None and feed.form not in forms:
        expected = ", ".join(sorted(forms)) or "a file in forms/"
        problems.append(Problem(where=where, path="form", message=f"no form `{feed.form}`", expected=expected))
    try:
        "".encode(feed.encoding)
    except LookupError:
        problems.append(
            Problem(
                where=where,
                path="encoding",
                message=f"no encoding `{feed.encoding}`",
                expected="utf-8, cp1252, latin-1",
            )
        )
    return problems


async def build(
    site: Site,
    *,
    now: Callable[[], int] = clock,
    make_id: Callable[[], str] = new_id,
    make_token: Callable[[], str] = new_token,
    secret: bytes | None = None,
    durable: bool = True,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Services:
    """Wire a site: open and migrate its store, compile its documents, bring the decision tables up to date.

    ``progress`` is told of patients done, of all, where what is in force has to be computed anew for everyone.
    """
    rules = compile_rules(site)
    keys = SiteKeys(secret or site_secret(site.folder))
    store = SqliteStore(site.store_folder, stamp=stamp(keys), chain=make_id().encode(), durable=durable)
    await store.migrate()
    inbox, ledger = store.inbox(), store.ledger()
    directory = organizations(site.partners)
    decisions = Decisions(store, rules.agreements, directory, site.zone)
    await decisions.start()
    writer = Writer(keys, Validator(rules.facts), decisions, site.zone)
    await publish(store, writer, directory, EMPTY, at=now())
    people = People(keys)
    sources = await _sources(site, store)
    in_force = InForce(site.zone, KnownFacts(decisions, sources, site.zone))
    await in_force.start(store, sources.fingerprint, at=now(), progress=progress)
    lines = {feed.feed: _line(site, feed, rules, writer, people) for feed in site.feeds.values()}
    tokens = Tokens(store=store, clock=now, new_token=make_token)

    async def ready() -> bool:
        try:
            await store.setting("decisions")
        except (SallyportError, OSError):
            return False
        return True

    return Services(
        site=site,
        store=store,
        inbox=inbox,
        ledger=ledger,
        agreements=rules.agreements,
        decisions=decisions,
        disclosure=Disclosure(store, ledger, decisions, now),
        ingest=Ingest(store, inbox, lines, people=people, in_force=in_force, clock=now, new_id=make_id),
        in_force=in_force,
        explain=Explain(
            store,
            ledger,
            decisions,
            in_force,
            clock=now,
            words=Words({key: partner.name for key, partner in site.partners.items()}, site.zone),
            zone=site.zone,
        ),
        changes=Changes(store, decisions, in_force, partners=site.partners, validator=Validator(rules.facts)),
        whatif=WhatIf(store, ledger, decisions, now),
        tokens=tokens,
        requester=Requester(tokens=tokens, contexts=decisions),
        keys=keys,
        base_url=f"{site.site.base_url}/fhir",
        zone=site.zone,
        cursor_key=keys.cursor_key(),
        now=now,
        new_id=make_id,
        ready=ready,
        version=version("sallyport"),
    )


async def _sources(site: Site, store: Store) -> Sources:
    """Which units treat, and which feeds tell custody, as the feeds declare them."""
    treating = {
        f"Organization/{unit.organization}": _organisations(site, unit.organization)
        for feed in site.feeds.values()
        for unit in feed.units.values()
        if unit.regime in {"hipaa", "part2"}
    }
    custody: dict[str, int] = {}
    for feed in site.feeds.values():
        if feed.custody_hours is not None:
            async with store.transaction() as change:
                number = await change.freshen(feed.feed, until=0)
            custody |= {f"Organization/{unit.organization}": number for unit in feed.units.values()}
    return Sources(treating=treating, custody=custody, window=site.site.treatment_window_days)


def _organisations(site: Site, key: str) -> tuple[str, ...]:
    """A unit and everything it is part of."""
    found: list[str] = []
    above: str | None = key
    while above is not None and f"Organization/{above}" not in found:
        found.append(f"Organization/{above}")
        above = site.partners[above].part_of
    return tuple(found)


def _line(site: Site, feed: Feed, rules: Rules, writer: Writer, people: People) -> FeedLine:
    return FeedLine(
        feed=feed,
        connector=CONNECTORS[feed.connector],
        options=ExtractOptions(encoding=feed.encoding, settings=feed.settings),
        mapping=rules.mappings[feed.feed],
        environment=Environment(zone=feed.time_zone or site.site.time_zone),
        assembly=Assembly(
            feed,
            writer=writer,
            people=people,
            registry=rules.registry,
            forms=rules.forms[feed.form] if feed.form else {},
            organisations={key: f"Organization/{key}" for key in site.partners},
            zone=site.zone,
        ),
    )
