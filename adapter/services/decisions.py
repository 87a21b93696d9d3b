"""Keeps the decision tables true: contexts, segments, agreement bounds, and rules filled on first need.

`consent` decides; this module interns what it decides about and writes the results where the search joins them
(architecture, decision 3). A new segment or context gets its bounds in the transaction that adds it, so a missing
bound always means that no agreement allows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

import orjson

from adapter.consent.agreement import bound
from adapter.consent.bases import UNBOUND
from adapter.consent.evaluate import Effect
from adapter.consent.grounds import CONSENT_ALONE
from adapter.consent.names import AtHand
from adapter.consent.obligations import SCOPE_CODE
from adapter.consent.policy import Policy
from adapter.consent.recipient import RecipientContext, close
from adapter.consent.rules import exception, rule
from adapter.consent.scope import parties
from adapter.consent.segment import Segment
from adapter.errors import Unavailable
from adapter.fhir.codec import parse
from adapter.fhir.served import Parts, join
from adapter.services.obligations import ObligationTexts
from adapter.store.shapes import EXCEPTION, BoundRow, RuleRow

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any
    from zoneinfo import ZoneInfo

    from adapter.consent.agreement import AnyAgreement, Bound
    from adapter.consent.evaluate import Verdict
    from adapter.consent.grounds import Law
    from adapter.consent.obligations import Obligation
    from adapter.store.port import Store, Transaction
    from adapter.store.shapes import Gap

PURPOSES = "https://sallyport.example/fhir/CodeSystem/purpose-of-use"
LOCAL_PURPOSES = frozenset({"pretrial-release", "diversion", "discharge-planning", "supervision"})
"""Purposes no standard code system has; all others are v3 ActReason codes."""
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ENGINE = 2
"""Raised when the same policy may decide differently: filled decisions of an older engine are forgotten."""
Facet = TypeVar("Facet")
Handled = Callable[["Sequence[AnyAgreement]"], "Mapping[str, Sequence[tuple[int, int]]]"]
"""From agreements to the periods in which records of a unit may be handled; a unit without any is not bounded."""
DECIDED_SINCE = "decided-since"
"""Setting: the instant from which on agreements, law and engine are what they are."""
_LAWFUL = "lawful-contexts"
"""Setting: the contexts to which someone recorded a ground that no agreement bounds."""


def _always(_: Sequence[AnyAgreement]) -> Mapping[str, Sequence[tuple[int, int]]]:
    """No unit needs a contract for its records to be handled."""
    return {}


def joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Periods in order, those that touch joined to one."""
    found: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found


class Decisions:
    """The decision tables of one store."""

    def __init__(
        self,
        store: Store,
        agreements: Sequence[AnyAgreement],
        directory: Sequence[Mapping[str, Any]],
        zone: ZoneInfo,
        law: Law = CONSENT_ALONE,
        handled: Handled = _always,
    ) -> None:
        self._store = store
        self._zone = zone
        self.law = law
        self.agreements = agreements
        self._directory = directory
        self._handling = handled
        self._handled = handled(agreements)
        self._segments: dict[int, Segment] = {}
        self._segment_numbers: dict[Segment, int] = {}
        self._contexts: dict[int, RecipientContext] = {}
        self._context_numbers: dict[tuple[str, str], int] = {}
        self._policies: dict[int, Policy] = {}
        self._names = {f"Organization/{one['id']}": str(one["name"]) for one in directory}
        self.obligations = ObligationTexts(store, zone)

    async def start(self, *, at: int = 0) -> None:
        """Load what is interned; refill everything when agreements or engine are not those of the last start.

        Since when they are is kept: ``at``.
        """
        await self._load()
        agreements = [item.model_dump(mode="json") for item in self.agreements]
        in_force = sha256(
            orjson.dumps([ENGINE, agreements, self.law.fingerprint, sorted(self._handled.items())])
        ).digest()
        if await self._store.setting("decisions") != in_force:
            async with self._store.transaction() as change:
                await change.clear_decisions()
                lawful = await self._lawful(change)
                for context, recipient in self._contexts.items():
                    await change.add_bounds(self._bounds(context, recipient, self._segments, lawful))
                await change.set_setting("decisions", in_force)
                await change.set_setting(DECIDED_SINCE, b"%d" % at)

    async def _load(self) -> None:
        for number, body in (await self._store.interned("segment")).items():
            self._segments[number] = segment = Segment.parse(body)
            self._segment_numbers[segment] = number
        for number, body in (await self._store.interned("context")).items():
            self._contexts[number] = RecipientContext.parse(body)
        await self.obligations.load()

    async def context_of(self, organisation: str, purpose: str) -> int:
        """The number of the context of an organisation (``Organization/id``) and one purpose of use."""
        known = self._context_numbers.get((organisation, purpose))
        if known is not None:
            return known
        recipient = self.closed(organisation, purpose)
        async with self._store.transaction() as change:
            number = await change.intern("context", recipient.canonical())
            if number not in self._contexts:
                # Another process may have added segments meanwhile: what counts is what the store holds now.
                segments = {key: Segment.parse(body) for key, body in (await change.interned("segment")).items()}
                await change.add_bounds(self._bounds(number, recipient, segments, await self._lawful(change)))
        self._contexts[number] = recipient
        self._context_numbers[organisation, purpose] = number
        return number

    def closed(self, organisation: str, purpose: str) -> RecipientContext:
        """The recipient that an organisation is for one purpose, with everything it is part of; nothing is interned."""
        system = PURPOSES if purpose in LOCAL_PURPOSES else ACT_REASON
        return close([organisation], AtHand(self._directory), purposes=((system, purpose),), organisation=organisation)

    async def contexts(self) -> Mapping[int, RecipientContext]:
        """Every context of the store."""
        await self._load()
        return dict(self._contexts)

    def rehearsed(self, *, agreements: Sequence[AnyAgreement] | None = None, law: Law | None = None) -> Decisions:
        """How the same store would decide under other agreements or another law.

        It only reads: never start it, never fill it.
        """
        kept = self.agreements if agreements is None else agreements
        return Decisions(self._store, kept, self._directory, self._zone, law or self.law, self._handling)

    async def segment_number(self, segment: Segment) -> int:
        """The number of a segment; a new one is committed with its bounds for every context before it is used."""
        known = self._segment_numbers.get(segment)
        if known is not None:
            return known
        async with self._store.transaction() as change:
            number = await change.intern("segment", segment.canonical())
            if number not in self._segments:
                lawful = await self._lawful(change)
                for context, body in (await change.interned("context")).items():
                    recipient = RecipientContext.parse(body)
                    await change.add_bounds(self._bounds(context, recipient, {number: segment}, lawful))
        self._segments[number] = segment
        self._segment_numbers[segment] = number
        return number

    async def segment(self, number: int) -> Segment:
        """The facets of a segment; one that another process added is loaded."""
        if number not in self._segments:
            await self._load()
        return _known(self._segments, number)

    async def recipient(self, context: int) -> RecipientContext:
        """The actors and purpose of a context; one that another process added is loaded."""
        if context not in self._contexts:
            await self._load()
        return _known(self._contexts, context)

    async def policy(self, number: int) -> Policy:
        """The directives of a policy."""
        known = self._policies.get(number)
        if known is None:
            self._policies = {key: Policy.parse(body) for key, body in (await self._store.interned("policy")).items()}
            known = self._policies[number]
        return known

    async def lawful(self) -> list[int]:
        """The contexts to which someone recorded a ground that no agreement bounds."""
        found: list[int] = orjson.loads(await self._store.setting(_LAWFUL) or b"[]")
        return found

    def allowed(self, recipient: RecipientContext, segment: Segment, *, lawful: bool) -> list[Bound]:
        """On which grounds agreements allow a segment to a recipient, and when.

        ``lawful``: somebody recorded a ground to it that no agreement bounds.
        """
        rows = bound(self.agreements, recipient, segment, zone=self._zone, floor=UNBOUND if lawful else 0)
        spans = self._handled.get(segment.unit)
        if spans is None or segment.tier == "directory":
            return rows
        return [
            row._replace(start=max(row.start, start), stop=min(row.stop, stop))
            for start, stop in joined(spans)
            for row in rows
            if row.start < stop and start < row.stop
        ]

    def may_handle(self, unit: str, at: int) -> bool:
        """Whether a contract lets records of a unit be handled here at an instant, or none is needed."""
        spans = self._handled.get(unit)
        return spans is None or any(start <= at < stop for start, stop in spans)

    def _bounds(
        self, context: int, recipient: RecipientContext, segments: Mapping[int, Segment], lawful: Collection[int]
    ) -> list[BoundRow]:
        return [
            BoundRow(
                context=context,
                segment=number,
                start=one.start,
                stop=one.stop,
                bases=one.bases,
                agreement=" ".join(one.names),
            )
            for number, segment in segments.items()
            for one in self.allowed(recipient, segment, lawful=context in lawful)
        ]

    @staticmethod
    async def _lawful(change: Transaction) -> list[int]:
        found: list[int] = orjson.loads(await change.setting(_LAWFUL) or b"[]")
        return found

    async def admit_lawful(self, change: Transaction, context: int) -> None:
        """From now on a ground that no agreement bounds may reach this context."""
        lawful = await self._lawful(change)
        if context in lawful:
            return
        await change.set_setting(_LAWFUL, orjson.dumps(sorted([*lawful, context])))
        recipient = RecipientContext.parse((await change.interned("context"))[context])
        segments = {key: Segment.parse(body) for key, body in (await change.interned("segment")).items()}
        await change.add_bounds(self._bounds(context, recipient, segments, [context]))

    async def fill(self, context: int, gaps: Sequence[Gap]) -> None:
        """Decide what the tables do not hold yet. Raises ``Unavailable`` if that cannot be done."""
        rows = []
        recipient = await self.recipient(context)
        for gap in dict.fromkeys(gaps):
            policy, segment = await self.policy(gap.policy), await self.segment(gap.segment)
            if gap.rid is None:
                verdict = self.rule(policy, recipient, segment)
            else:
                resource = await self._resource(gap.rid, gap.version)
                verdict = self.exception(policy, recipient, segment, resource)
            rows.append(
                RuleRow(
                    context=context,
                    policy=gap.policy,
                    segment=gap.segment,
                    rid=gap.rid,
                    effect=EXCEPTION if verdict.effect is Effect.EXCEPTION else verdict.bases,
                    obligation=await self.obligations.number(self._told(verdict.obligations, recipient, segment)),
                    version=gap.version,
                )
            )
        await self._store.add_rules(rows)

    def _told(
        self, obligations: Sequence[Obligation], recipient: RecipientContext, segment: Segment
    ) -> list[Obligation]:
        """The obligations with who disclosed and who receives named in the explanation of scope, 42 CFR 2.32(b)."""
        discloser = self._names.get(segment.unit, segment.unit)
        named = self._names.get(recipient.organisation, recipient.organisation)
        return [
            replace(item, text=parties(item.text, discloser=discloser, recipient=named))
            if item.code == SCOPE_CODE
            else item
            for item in obligations
        ]

    def rule(self, policy: Policy, recipient: RecipientContext, segment: Segment) -> Verdict:
        """What a policy says to a recipient about a segment, under the law of this site."""
        return rule(policy, recipient, segment, self.law)

    def exception(
        self, policy: Policy, recipient: RecipientContext, segment: Segment, resource: Mapping[str, Any]
    ) -> Verdict:
        """What a policy says to a recipient about one resource, under the law of this site."""
        return exception(policy, recipient, segment, resource, AtHand([]), zone=self._zone, law=self.law)

    async def _resource(self, rid: int, version: str = "") -> Mapping[str, Any]:
        async with self._store.snapshot() as view:
            row = await view.row(rid)
            if row is not None and version:
                row = await view.version(row.type, row.id, version)
        if row is None:
            raise Unavailable("a decision could not be prepared; ask again")
        return parse(join(Parts(head=row.head, tail=row.tail)))


def _known(found: Mapping[int, Facet], number: int) -> Facet:
    if number not in found:
        raise Unavailable("a decision could not be prepared; ask again")
    return found[number]
