"""Subscriptions as their owners handle them: asked for, read, changed, ended, their status and what was told.

Only an organisation's own subscriptions exist for it. Nothing that is sent back holds the headers that were given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from adapter.errors import NotAllowed, NotFound, NotSupported, RequestError
from adapter.fhir.instants import instant_text
from adapter.services.notify import event, heading
from adapter.services.subscribed import read, written
from adapter.store.shapes import END
from adapter.store.subscriptions import SubscriptionRow
from adapter.subscription import wish as asked
from adapter.subscription.channel import CHANNELS, REST_HOOK, written_channel
from adapter.subscription.filters import read_filters
from adapter.subscription.notification import Heading, notification, status_of
from adapter.subscription.status import after
from adapter.subscription.wish import CONTENTS, read_wish

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.listening import AlertsEndpoint, Hl7Endpoint
    from adapter.services.announcing import Announcing
    from adapter.services.disclose import Caller
    from adapter.services.notify import Notifications
    from adapter.services.sealed_headers import HeaderSeal
    from adapter.services.subscribed import CallersOf, Readiness
    from adapter.store.port import Store
    from adapter.subscription.topic import Topic
    from adapter.subscription.wish import Wish

EVERYONE: Final = "population-subscribe"
"""The right to subscribe without saying to whom."""
KIND: Final = "Subscription"
MOST: Final = 1_000
"""Subscriptions of one organisation."""
MOST_EVENTS: Final = 200
"""Events of one answer of `$events`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks for a subscription: the token's client, user and scopes, beside the caller."""

    caller: Caller
    client: str
    user: str
    scopes: str
    rights: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions:
    """The subscriptions of a site. ``hosts`` gives the hosts on which a client of an organisation may be told.

    ``registered`` finds where else it may be, by address.
    """

    store: Store
    gate: Announcing
    readiness: Readiness
    notifications: Notifications
    callers: CallersOf
    seal: HeaderSeal
    topics: Mapping[str, Topic]
    hosts: Callable[[str, str], Collection[str]]
    registered: Callable[[str, str, str], Hl7Endpoint | AlertsEndpoint | None]
    intermediaries: Collection[str]
    plain: Callable[[str], bool]
    base_url: str
    zone: ZoneInfo
    clock: Callable[[], int]
    new_id: Callable[[], str]

    async def create(self, asking: Asking, resource: Mapping[str, Any]) -> SubscriptionRow:
        """Keep what is asked for; it is `requested` until its receiver has shown that it listens."""
        wish = await self._read(asking, resource)
        own = [row for row in await self.store.subscriptions() if row.organisation == asking.caller.organisation]
        if len(own) >= MOST:
            raise NotSupported(f"expected at most {MOST} subscriptions of one organisation", expression=KIND)
        at, ident = self.clock(), self.new_id()
        row = self._row(ident, asking, wish, at)
        async with self.store.transaction() as change:
            await change.put_subscription(row)
        return row

    async def update(self, asking: Asking, ident: str, resource: Mapping[str, Any]) -> SubscriptionRow:
        """Change what is asked for; everything starts anew but the numbers of events."""
        if resource.get("id", ident) != ident:
            raise RequestError("the id of the resource is not that of the address", expression=f"{KIND}.id")
        before = await self.own(asking.caller, ident)
        if resource.get("status") == "off":
            row, same = replace(before, status="off", reason="its owner ended it", due=END), False
        else:
            wish = await self._read(asking, resource)
            status = after(before.status, "changed")  # type: ignore[arg-type]  # one of the four
            fresh = self._row(ident, asking, wish, self.clock())
            row = replace(fresh, status=status, created=before.created, events=before.events)
            same = before.status != "off" and _told_alike(before, row)
            if same:
                # Nothing is told otherwise than before: what waits goes on waiting.
                row = replace(row, sweep=before.sweep, due=END if before.sweep is not None else self.clock())
        row = replace(row, revision=before.revision + 1, updated=self.clock(), lease=0)
        async with self.store.transaction() as change:
            if not same:
                await change.drop_unnumbered(ident)
            await change.put_subscription(row)
        return row

    def _row(self, ident: str, asking: Asking, wish: Wish, at: int) -> SubscriptionRow:
        return SubscriptionRow(
            id=ident,
            client=asking.client,
            user=asking.user,
            organisation=asking.caller.organisation,
            purpose=asking.caller.purpose,
            rights=asking.rights,
            scopes=asking.scopes,
            topic=wish.topic,
            wish=written(wish),
            secret=self.seal.seal(ident, wish.headers),
            status="requested",
            reason="",
            revision=1,
            created=at,
            updated=at,
            until=END if wish.until is None else wish.until,
            # What is true already is learned first, so that whatever becomes true from now on is told.
            sweep=-1,
            due=END,
        )

    async def _read(self, asking: Asking, resource: Mapping[str, Any]) -> Wish:
        if resource.get("resourceType") != KIND:
            raise RequestError("the body is no Subscription", expression="resourceType")
        wish = read_wish(resource, self.topics, self.zone)
        topic = self.topics[resource["criteria"]]
        caller = asking.caller
        for kind in topic.kinds:
            caller.require(kind, "r")
        filters = read_filters(wish.filters, topic, base_url=self.base_url, zone=self.zone)
        if not filters.of_persons and EVERYONE not in caller.rights and "Consent" not in topic.kinds:
            raise NotAllowed(
                "the agreement does not allow a subscription to everyone; name patients in a filter",
                expression=f"{KIND}.criteria",
            )
        await self._groups(caller, filters.panels)
        self._address(asking, wish)
        if wish.until is not None and wish.until <= self.clock():
            raise RequestError("its end has passed", expression=f"{KIND}.end")
        hands_on = caller.organisation in self.intermediaries
        if hands_on is not bool(wish.recipients):
            told = "name those to whom it is handed on" if hands_on else "only an intermediary hands on what it is told"
            raise NotAllowed(told, expression=f"{KIND}.extension")
        return wish

    async def _groups(self, caller: Caller, panels: Sequence[str]) -> None:
        """Only groups that the subscriber keeps, or the county for it; another's is as one that is not there."""
        if panels:
            caller.require("Group", "r")
        async with self.store.snapshot() as view:
            for ident in panels:
                named = await view.panel_version(ident)
                if named is None or named[0] != caller.organisation:
                    raise NotSupported("a filter names no Group of your own", expression=f"{KIND}.criteria")

    def _address(self, asking: Asking, wish: Wish) -> None:
        """Only where the partner has registered that it listens."""
        endpoint, partner = wish.endpoint, asking.caller.organisation.removeprefix("Organization/")
        if wish.channel != REST_HOOK:
            place = self.registered(asking.client, partner, endpoint)
            if place is None or place.channel != wish.channel:
                raise NotSupported(
                    "no endpoint of this channel and address is registered for this client",
                    expression=f"{KIND}.channel.endpoint",
                )
            if wish.content == "full-resource":
                # Such a message says whom it is about.
                asking.caller.require("Patient", "r")
            return
        where = urlsplit(endpoint)
        hosts = self.hosts(asking.client, partner)
        named = {where.hostname, f"{where.hostname}:{where.port}"}
        if named.isdisjoint(hosts) or (where.scheme != "https" and not self.plain(endpoint)):
            raise NotSupported(
                "the endpoint is on no https host that is registered for this client",
                expression=f"{KIND}.channel.endpoint",
            )

    async def own(self, caller: Caller, ident: str) -> SubscriptionRow:
        """A subscription of the caller's organisation; ``NotFound`` for every other."""
        row = await self.store.subscription(ident)
        if row is None or row.organisation != caller.organisation:
            raise NotFound("there is nothing here")
        return row

    async def of(self, caller: Caller) -> list[SubscriptionRow]:
        """The subscriptions of the caller's organisation."""
        return [row for row in await self.store.subscriptions() if row.organisation == caller.organisation]

    async def delete(self, caller: Caller, ident: str) -> None:
        """End a subscription and forget everything of it."""
        row = await self.own(caller, ident)
        async with self.store.transaction() as change:
            await change.drop_subscription(row.id)

    def told(self, row: SubscriptionRow) -> dict[str, Any]:
        """A subscription as a resource. Its headers are not in it."""
        wish = read(row.wish)
        topic = next(url for url, one in self.topics.items() if one.spec.topic == row.topic)
        numbers = [(asked.HEARTBEAT, "valueUnsignedInt", wish.heartbeat)] if wish.heartbeat else []
        numbers += [(asked.TIMEOUT, "valueUnsignedInt", wish.timeout), (asked.MOST, "valuePositiveInt", wish.most)]
        filters = [
            {"url": asked.FILTER, "valueString": (f"{kind}?" if kind else "") + urlencode(pairs, safe="/:,|$")}
            for kind, pairs in wish.filters
        ]
        resource: dict[str, Any] = {
            "resourceType": KIND,
            "id": row.id,
            "meta": {
                "versionId": str(row.revision),
                "lastUpdated": instant_text(row.updated),
                "profile": [asked.PROFILE],
            },
        }
        if wish.recipients:
            resource["extension"] = [
                {"url": asked.END_RECIPIENT, "valueReference": {"reference": one}} for one in wish.recipients
            ]
        resource["status"] = row.status
        if wish.contact:
            resource["contact"] = list(wish.contact)
        if wish.until is not None:
            resource["end"] = instant_text(wish.until)
        resource |= {"reason": wish.reason, "criteria": topic}
        if filters:
            resource["_criteria"] = {"extension": filters}
        if row.status in {"error", "off"} and row.reason:
            resource["error"] = row.reason
        resource["channel"] = {
            "extension": [{"url": url, name: value} for url, name, value in numbers],
            **written_channel(wish.channel),
            "endpoint": wish.endpoint,
            "payload": CHANNELS[wish.channel].payload,
            "_payload": {"extension": [{"url": asked.CONTENT, "valueCode": wish.content}]},
        }
        return resource

    def status(self, row: SubscriptionRow) -> dict[str, Any]:
        """The status of a subscription, as Parameters."""
        return status_of(self._heading(row), "query-status", base_url=self.base_url)

    def _heading(self, row: SubscriptionRow) -> Heading:
        one = self.readiness.of(row)
        if one is not None:
            return heading(one)
        errors = (row.reason,) if row.reason else ()
        return Heading(subscription=row.id, topic=None, status=row.status, events=row.events, errors=errors)

    async def events(self, caller: Caller, ident: str, *, since: int, until: int | None, content: str | None) -> bytes:
        """What was told, by number, both ends included, as it may be told now."""
        row = await self.own(caller, ident)
        one = self.readiness.of(row)
        callers = await self.callers(row, caller.request_id)
        if one is None or callers is None:
            raise NotFound("there is nothing here")
        wish = one.wish
        if content is not None and content not in CONTENTS:
            raise NotSupported(f"expected {', '.join(CONTENTS)}", expression="content")
        # Less may be asked for than was agreed on, and never more.
        level = (
            wish.content if content is None else CONTENTS[min(CONTENTS.index(content), CONTENTS.index(wish.content))]
        )
        high = min(since + MOST_EVENTS - 1, until if until is not None else row.events)
        rows = await self.store.told_events(row.id, since, high)
        one = replace(one, wish=replace(wish, content=level))
        found = await self.notifications.entered(callers, one, rows, "events")
        told: Sequence[Any] = [event(each, found, one.wish.content) for each in rows]
        return notification(heading(one), "query-event", told, at=self.clock(), base_url=self.base_url)


def _told_alike(one: SubscriptionRow, other: SubscriptionRow) -> bool:
    """Whether two states of a subscription are told of the same."""
    wishes = read(one.wish), read(other.wish)
    (mine, theirs) = ((wish.topic, wish.filters, wish.recipients) for wish in wishes)
    asked_as = ("client", "user", "organisation", "purpose", "rights", "scopes")
    return mine == theirs and all(getattr(one, name) == getattr(other, name) for name in asked_as)
