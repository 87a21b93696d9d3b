"""Wires what tells subscribers. Part of the wiring, beside `bootstrap`: it names the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adapter.auth.subscribers import Subscribers
from adapter.auth.wire import outbound_of
from adapter.delivery.outbox import Outbox
from adapter.delivery.resthook import RestHook
from adapter.outbound import Outbound
from adapter.services.announcements import Announcements
from adapter.services.announcing import Announcing
from adapter.services.leases import Leases
from adapter.services.notify import Notifications, Patience
from adapter.services.outgoing import Outgoing
from adapter.services.reconcile import Reconciler
from adapter.services.sealed_headers import HeaderSeal
from adapter.services.subscribed import Readiness
from adapter.services.subscriptions import Subscriptions
from adapter.services.together import Together
from adapter.services.topics import read_topics
from adapter.ways_out import registered, ways_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adapter.auth.clients import Clients
    from adapter.auth.stored import Stored
    from adapter.listening import AlertsEndpoint, Hl7Endpoint
    from adapter.services.decisions import Decisions
    from adapter.services.keys import SiteKeys
    from adapter.services.panels import Panels
    from adapter.services.user_agreements import UserAgreements
    from adapter.settings import Site
    from adapter.store.port import Ledger, Store

_HERE = frozenset({"127.0.0.1", "::1", "localhost"})
_SALTS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class On:
    """What telling subscribers stands on. ``chance`` draws from 0 to 1."""

    site: Site
    store: Store
    ledger: Ledger
    decisions: Decisions
    clients: Clients
    words: Stored
    users: UserAgreements
    keys: SiteKeys
    panels: Panels
    base_url: str
    clock: Callable[[], int]
    new_id: Callable[[], str]
    chance: Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifying:
    """What others use of it."""

    subscriptions: Subscriptions
    notifications: Notifications
    announcements: Announcements
    outbox: Outbox


def plain(endpoint: str) -> bool:
    """Whether an address is of this host, where notifications may go without TLS if the site registers it."""
    where = urlsplit(endpoint)
    return where.scheme == "http" and where.hostname in _HERE


def notifying(on: On) -> Notifying:
    """Wire the parts. The salt keeps the leases of two processes apart that begin at the same instant."""
    site = on.site
    topics = read_topics(site.own_topics, site.zone)
    gate = Announcing(on.store, on.ledger, on.decisions, on.clock)
    readiness = Readiness(topics, base_url=on.base_url, zone=site.zone)
    callers = Subscribers(clients=on.clients, words=on.words, users=on.users, contexts=on.decisions, clock=on.clock)

    def place(client: str, partner: str, address: str) -> Hl7Endpoint | AlertsEndpoint | None:
        return registered(site, client, partner, address)

    outgoing = Outgoing(gate, place, base_url=on.base_url, zone=site.zone)
    seal, salt = HeaderSeal(on.keys), int(on.chance() * _SALTS)
    together = Together(on.store)
    notifications = Notifications(
        store=on.store,
        together=together,
        leases=Leases(together, on.clock, salt=salt),
        gate=gate,
        readiness=readiness,
        callers=callers,
        seal=seal,
        patience=Patience(draw=on.chance),
        outgoing=outgoing,
        clock=on.clock,
        new_id=on.new_id,
    )
    reconciler = Reconciler(
        on.store, gate, readiness, callers, on.decisions, on.panels, zone=site.zone, clock=on.clock, salt=salt
    )
    announcements = Announcements(on.store, reconciler, notifications, topics, on.clock)
    subscriptions = Subscriptions(
        store=on.store,
        gate=gate,
        readiness=readiness,
        notifications=notifications,
        callers=callers,
        seal=seal,
        topics=topics,
        hosts=lambda client, partner: _hosts(site, client, partner),
        registered=place,
        intermediaries={
            f"Organization/{key}" for key, one in site.partners.items() if one.intermediary or one.entity == "exchange"
        },
        plain=plain,
        base_url=on.base_url,
        zone=site.zone,
        clock=on.clock,
        new_id=on.new_id,
    )
    here, abroad = Outbound(plain_loopback=True), outbound_of(site)
    hook = RestHook(lambda endpoint: here if plain(endpoint) else abroad, lambda _: _certificate(site))

    def hang_up() -> None:
        here.close()
        abroad.close()

    ways = ways_out(site, hook, readiness, outgoing, on.new_id)
    outbox = Outbox(announcements, notifications, ways, version=on.store.version, hang_up=hang_up)
    on.store.on_commit(outbox.wake)
    return Notifying(
        subscriptions=subscriptions, notifications=notifications, announcements=announcements, outbox=outbox
    )


def _hosts(site: Site, client: str, partner: str) -> tuple[str, ...]:
    """Where a client may be told, or where its organisation may."""
    own = site.clients[client].notify_hosts if client in site.clients else ()
    return own or (site.partners[partner].notify_hosts if partner in site.partners else ())


def _certificate(site: Site) -> Path | None:
    name = site.site.outbound.client_file
    return None if name is None else site.folder / name
