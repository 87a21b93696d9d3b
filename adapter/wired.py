"""Everything a site is made of once it is wired: what ways in and out are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapter.services.feed_contracts import endings
from adapter.services.measures import Gauge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.auth.clients import Clients
    from adapter.auth.endpoints import Endpoints
    from adapter.auth.requester import Requester
    from adapter.auth.tokens import Tokens
    from adapter.consent.agreement import AnyAgreement
    from adapter.consent.law.law import Law
    from adapter.fhir.facts import Facts
    from adapter.fhir.validate import Validator
    from adapter.notifying import Notifying
    from adapter.services.access import Access
    from adapter.services.accounting import Accounting
    from adapter.services.accounting_page import AccountPage
    from adapter.services.alerts import Alerts
    from adapter.services.asserting import PartnerAssertions
    from adapter.services.audit import Audit
    from adapter.services.authorities import Authorities
    from adapter.services.bulk import Bulk
    from adapter.services.change import Changes
    from adapter.services.channels import ChannelLog
    from adapter.services.decisions import Decisions
    from adapter.services.disclose import Disclosure
    from adapter.services.everything import Everything
    from adapter.services.explain import Explain
    from adapter.services.feed_contracts import Ending, FeedGate
    from adapter.services.feed_work import FeedWork
    from adapter.services.groups import Groups
    from adapter.services.identities import Identities
    from adapter.services.in_force import InForce
    from adapter.services.ingest import Ingest
    from adapter.services.intake import Intake
    from adapter.services.keys import SiteKeys
    from adapter.services.labelling import Labelling
    from adapter.services.measures import Measures
    from adapter.services.paper import Papers
    from adapter.services.patient_match import PatientMatch
    from adapter.services.people import People
    from adapter.services.pull import Pulls
    from adapter.services.reception import Reception
    from adapter.services.reviews import Reviews
    from adapter.services.sealing import Sealing
    from adapter.services.shredding import Shredding
    from adapter.services.subscriptions import Subscriptions
    from adapter.services.user_agreements import UserAgreements
    from adapter.services.versions import Versions
    from adapter.services.whatif import WhatIf
    from adapter.services.writing import Writing
    from adapter.settings import Site
    from adapter.store.port import Inbox, Ledger, Store
    from adapter.ways_in import WaysIn


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a way in or out may use."""

    site: Site
    store: Store
    inbox: Inbox
    ledger: Ledger
    agreements: tuple[AnyAgreement, ...]
    user_agreements: UserAgreements
    gate: FeedGate
    access: Access
    decisions: Decisions
    disclosure: Disclosure
    versions: Versions
    everything: Everything
    bulk: Bulk
    groups: Groups
    subscriptions: Subscriptions
    notifying: Notifying
    ingest: Ingest
    intake: Intake
    writing: Writing
    reception: Reception
    channels: ChannelLog
    ways_in: WaysIn
    pulls: Pulls
    alerts: Alerts
    in_force: InForce
    explain: Explain
    changes: Changes
    whatif: WhatIf
    law: Law
    authorities: Authorities
    identities: Identities
    people: People
    match: PatientMatch
    assertions: PartnerAssertions
    reviews: Reviews
    papers: Papers
    clients: Clients
    authorization: Endpoints
    work: FeedWork
    sealing: Sealing
    shredding: Shredding
    labelling: Labelling
    accounting: Accounting
    audit: Audit
    account_page: AccountPage
    tokens: Tokens
    requester: Requester
    keys: SiteKeys
    base_url: str
    zone: ZoneInfo
    facts: Facts
    validator: Validator
    conformance: Sequence[Mapping[str, Any]]
    cursor_key: bytes
    now: Callable[[], int]
    new_id: Callable[[], str]
    ready: Callable[[], Awaitable[bool]]
    measures: Measures
    tick: Callable[[], float]
    version: str

    async def metrics(self) -> str:
        """What this process has counted, and what waits at this moment."""
        head, waits = await self.ledger.head(), await self.store.waiting()
        told = await self.store.backlogs()
        oldest = min((one.since for one in told.values() if one.since is not None), default=None)
        counts = self.notifying.outbox.counts
        gauges = [
            Gauge(name="sallyport_receipts_waiting", about="Receipts to bring in.", value=self.intake.waiting),
            Gauge(name="sallyport_quarantined_records", about="Records that wait for people.", value=waits.quarantined),
            Gauge(name="sallyport_outbox_waiting", about="Messages to deliver.", value=waits.outbox),
            Gauge(
                name="sallyport_events_waiting",
                about="Events that subscribers have not taken.",
                value=sum(one.waiting for one in told.values()),
            ),
            Gauge(
                name="sallyport_events_lag_seconds",
                about="How long the oldest of them has waited.",
                value=0 if oldest is None else max(0, self.now() - oldest) // 1_000_000,
            ),
            Gauge(
                name="sallyport_events_given_up",
                about="Events that were given up and can be replayed.",
                value=sum(one.dead for one in told.values()),
            ),
            Gauge(
                name="sallyport_notifications_taken",
                about="Notifications taken since the start.",
                value=counts.accepted,
            ),
            Gauge(
                name="sallyport_notifications_refused",
                about="Attempts that failed since the start; each is tried again.",
                value=counts.refused,
            ),
            Gauge(name="sallyport_ledger_entries", about="Entries of the disclosure ledger.", value=head.entries),
            Gauge(name="sallyport_ledger_waiting", about="Entries to commit.", value=self.ledger.waiting),
        ]
        return self.measures.text(gauges, self.intake.counted, {"version": self.version})

    def endings(self) -> list[Ending]:
        """Agreements that are about to end, and ended ones that keep a feed closed."""
        return endings(self.agreements, self.gate, at=self.now(), zone=self.zone)
