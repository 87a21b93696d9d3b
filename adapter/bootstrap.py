"""The one place that wires: it names the concrete store and connectors."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from adapter.auth.wire import Ground, authorization, checked
from adapter.connected import CONNECTORS
from adapter.errors import SallyportError
from adapter.machine import chance, clock, new_id, new_token, rising, seconds, site_secret, tick
from adapter.notifying import On, notifying
from adapter.pullers import pulls
from adapter.services.access import Access
from adapter.services.accounting import Accounting
from adapter.services.accounting_page import AccountPage
from adapter.services.alerts import Alerts
from adapter.services.amend import Amender
from adapter.services.asserting import PartnerAssertions
from adapter.services.assertion_rules import LawOfAssertions
from adapter.services.audit import Audit
from adapter.services.audit_events import AuditEvents
from adapter.services.authorities import Authorities
from adapter.services.backup_keys import KEYS
from adapter.services.bulk import Bulk
from adapter.services.change import Changes
from adapter.services.channels import ChannelLog
from adapter.services.conformance import conformance
from adapter.services.decisions import Decisions
from adapter.services.directory import entries, organizations, publish
from adapter.services.disclose import Disclosure
from adapter.services.erasing import Erasing
from adapter.services.events import KnownEvents
from adapter.services.everything import Everything
from adapter.services.explain import Explain
from adapter.services.fates import Fates
from adapter.services.feed_contracts import FeedGate, handled
from adapter.services.feed_line import feed_line
from adapter.services.feed_work import FeedWork
from adapter.services.groups import Groups
from adapter.services.identities import Identities
from adapter.services.identity_rules import matcher, shipped_matcher
from adapter.services.in_force import EMPTY, InForce
from adapter.services.ingest import Ingest
from adapter.services.intake import Intake
from adapter.services.keys import SiteKeys
from adapter.services.labelling import Labelling
from adapter.services.measures import Measures
from adapter.services.panel_people import PanelSeal
from adapter.services.panels import Panels
from adapter.services.paper import Papers
from adapter.services.patient_match import PatientMatch
from adapter.services.people import People
from adapter.services.reception import Reception
from adapter.services.reindex import reindex
from adapter.services.reviews import Reviews
from adapter.services.rosters import Rosters
from adapter.services.sealing import Sealing
from adapter.services.settling import Settling
from adapter.services.shredding import Shredding
from adapter.services.sources import sources_of
from adapter.services.standing import KnownFacts
from adapter.services.superseded import Superseded
from adapter.services.user_agreements import UserAgreements
from adapter.services.versions import Versions
from adapter.services.watching import Watching
from adapter.services.whatif import WhatIf
from adapter.services.words import Words
from adapter.services.write import Writer, stamp
from adapter.services.writing_wire import WritingGround, wire_writing
from adapter.store.sqlite.store import SqliteStore
from adapter.ways_in import WaysIn, message_feeds
from adapter.wired import Services

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.settings import Site
    from adapter.store.shapes import Receipt


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
    rules, known = checked(site, CONNECTORS, now)
    keys = SiteKeys(secret or site_secret(site.folder))
    store = SqliteStore(site.store_folder, stamp=stamp(keys), chain=make_id().encode(), durable=durable)
    await store.migrate()
    await reindex(store, site.zone)
    inbox, ledger = store.inbox(), store.ledger()
    directory = organizations(site.partners, site.directory)
    decisions = Decisions(
        store,
        rules.agreements,
        directory,
        site.zone,
        rules.law,
        lambda agreements: handled(agreements, site.feeds, site.zone),
    )
    await decisions.start(at=now())
    writer = Writer(keys, rules.validator, decisions, site.zone)
    await publish(store, writer, [*directory, *entries(site.directory)], EMPTY, at=now())
    people = People(keys, matcher(site), ledger)
    sources = await sources_of(site, store)
    in_force = InForce(
        site.zone,
        KnownFacts(decisions, sources, site.zone),
        KnownEvents(decisions, site.zone),
        longest=rules.law.jurisdiction.max_days,
    )
    await in_force.start(store, sources.fingerprint, at=now(), progress=progress)
    await people.start(store, in_force, at=now(), progress=progress)
    lines = {
        feed.feed: feed_line(site, feed, CONNECTORS[feed.connector], rules, writer=writer, people=people)
        for feed in site.feeds.values()
        if not feed.is_written
    }
    user_agreements = UserAgreements(rules.user_agreements, site.partners, site.zone)
    gate = FeedGate(rules.agreements, site.feeds, site.zone)
    access = Access(
        partners=site.partners,
        feeds=site.feeds,
        agreements=rules.agreements,
        gate=gate,
        users=user_agreements,
        zone=site.zone,
    )
    authorized = authorization(
        Ground(
            site=site,
            registered=known,
            store=store,
            ledger=ledger,
            access=access,
            users=user_agreements,
            contexts=decisions,
            types=rules.facts.all_resources,
            clock=now,
            new_token=make_token,
            new_id=make_id,
        )
    )
    work = FeedWork(
        store,
        rosters=Rosters(store, inbox, writer=writer, decisions=decisions, in_force=in_force, keys=keys),
        decisions=decisions,
        keys=keys,
        partners=site.partners,
        tables=rules.tables,
        clock=now,
    )
    settling = Settling(people, in_force)
    shredding = Shredding(store, site.folder / KEYS)
    ingest = Ingest(
        store,
        inbox,
        lines,
        settling=settling,
        amender=Amender(store, writer, people),
        superseded=Superseded(decisions),
        work=work,
        clock=now,
        new_id=make_id,
        admit=gate.admit,
    )
    messages = store.messages()

    def accept(receipt: Receipt) -> None:
        intake.accept(receipt)

    channels = ChannelLog(messages, now)
    answered = message_feeds(site)
    reception = Reception(
        messages=messages,
        gate=gate,
        feeds=answered.values(),
        channels=channels,
        accept=accept,
        clock=now,
        new_id=make_id,
    )
    intake = Intake(
        store=store,
        inbox=inbox,
        ingest=ingest,
        gate=gate,
        feeds=site.feeds,
        fates=Fates(
            store=store,
            inbox=inbox,
            messages=messages,
            reception=reception,
            feeds=answered,
            clock=now,
            new_id=make_id,
        ),
        clock=now,
        new_id=make_id,
        tick=tick,
    )
    alerts = Alerts(store, feeds=site.feeds, partners=site.partners, clock=now)
    authorities = Authorities(
        store,
        ledger,
        decisions=decisions,
        in_force=in_force,
        people=people,
        keys=keys,
        rules=LawOfAssertions(rules.law),
        clock=now,
    )

    names = {key: partner.name for key, partner in site.partners.items()}
    words = Words(names, site.zone)
    disclosure = Disclosure(store, ledger, decisions, now)
    accounting = Accounting(
        store,
        ledger,
        decisions,
        clock=now,
        names=names,
        intermediary=site.site.operator == "intermediary",
    )
    base_url = f"{site.site.base_url}/fhir"
    writing = wire_writing(
        WritingGround(
            site=site,
            rules=rules,
            store=store,
            ledger=ledger,
            keys=keys,
            validator=rules.validator,
            decisions=decisions,
            writer=writer,
            people=people,
            settling=settling,
            gate=gate,
            clock=now,
            new_key=make_id,
        )
    )
    events = AuditEvents(keys.audit_key(), words, base_url=base_url, site=site.site.name)

    panels = Panels(store, PanelSeal(keys), keys, shipped_matcher())
    told = notifying(
        On(
            site=site,
            store=store,
            ledger=ledger,
            decisions=decisions,
            clients=authorized.clients,
            words=authorized.stored,
            users=user_agreements,
            keys=keys,
            panels=panels,
            base_url=base_url,
            clock=now,
            new_id=make_id,
            chance=chance,
        )
    )

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
        user_agreements=user_agreements,
        gate=gate,
        access=access,
        decisions=decisions,
        disclosure=disclosure,
        versions=Versions(store, ledger, decisions, now),
        everything=Everything(store, ledger, decisions, now),
        bulk=Bulk(store, ledger, decisions, now, panels=panels, new_id=make_id),
        groups=Groups(store, ledger, decisions, now, panels=panels, new_id=make_id),
        subscriptions=told.subscriptions,
        notifying=told,
        ingest=ingest,
        intake=intake,
        writing=writing,
        reception=reception,
        channels=channels,
        ways_in=WaysIn(
            site,
            reception=reception,
            channels=channels,
            watching=Watching(ingest=ingest, messages=messages, channels=channels, accept=accept),
            clock=seconds,
        ),
        alerts=alerts,
        pulls=pulls(site, store, inbox, ingest, gate, clock=now, new_id=make_id),
        in_force=in_force,
        explain=Explain(
            store,
            ledger,
            decisions,
            in_force,
            clock=now,
            words=words,
            zone=site.zone,
        ),
        changes=Changes(store, decisions, in_force, site=site, validator=rules.validator, clock=now),
        whatif=WhatIf(store, ledger, decisions, now),
        law=rules.law,
        authorities=authorities,
        people=people,
        match=PatientMatch(disclosure, shipped_matcher(), base_url=f"{site.site.base_url}/fhir", zone=site.zone),
        identities=Identities(
            store,
            ledger,
            people=people,
            in_force=in_force,
            authorities=authorities,
            decisions=decisions,
            clock=now,
        ),
        assertions=PartnerAssertions(authorities, site.site.assert_basis, hourly=site.site.assertions_per_hour),
        reviews=Reviews(authorities, store, ledger, decisions, now),
        papers=Papers(
            store,
            inbox,
            ingest=ingest,
            lines=lines,
            authorities=authorities,
            keys=keys,
            zone=site.zone,
            clock=now,
        ),
        shredding=shredding,
        sealing=Sealing(
            store,
            ledger,
            decisions=decisions,
            in_force=in_force,
            erasing=Erasing(store, inbox, lines, shredding),
            keys=keys,
            zone=site.zone,
            clock=now,
        ),
        labelling=Labelling(
            store,
            ledger,
            writer=writer,
            decisions=decisions,
            in_force=in_force,
            registry=rules.registry,
            clock=now,
        ),
        work=work,
        clients=authorized.clients,
        authorization=authorized.endpoints,
        tokens=authorized.tokens,
        requester=authorized.requester,
        accounting=accounting,
        audit=Audit(store, ledger, disclosure, accounting, events),
        account_page=AccountPage(words, site.partners, site=site.site.name, operator=site.site.operator),
        keys=keys,
        base_url=base_url,
        zone=site.zone,
        facts=rules.facts,
        validator=rules.validator,
        conformance=conformance(rules.facts, rules.registry),
        cursor_key=keys.cursor_key(),
        now=now,
        new_id=rising(now, make_id),
        ready=ready,
        measures=Measures(),
        tick=tick,
        version=version("sallyport"),
    )
