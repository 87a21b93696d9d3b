"""Why an answer was what it was: the trace of one decision, losing rules included, for the people of the site only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapter.consent.bases import codes
from adapter.consent.evaluate import Effect
from adapter.consent.explain import explain
from adapter.errors import NotFound
from adapter.fhir.codec import parse
from adapter.fhir.instants import instant_text
from adapter.fhir.served import Parts, join

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from adapter.services.decisions import Decisions
    from adapter.store.port import Ledger, Snapshot, Store
    from adapter.store.shapes import LedgerEntry, StoredResource


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One decision in words: the question, PERMIT or DENY, and a line for each rule that was weighed."""

    question: str
    effect: str
    lines: tuple[str, ...]


class Explain:
    """Re-decides from the stored tables and tells how. Never reachable by a requester."""

    def __init__(
        self, store: Store, ledger: Ledger, decisions: Decisions, clock: Callable[[], int], zone: ZoneInfo
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._decisions = decisions
        self._clock = clock
        self._zone = zone

    async def request(self, request_id: str) -> list[Explanation]:
        """The trace of an answer given, by its ``X-Request-Id``; ``NotFound`` if the ledger has no such request."""
        entries = await self._ledger.of_request(request_id)
        if not entries:
            raise NotFound(f"the ledger has no request `{request_id}`; compare it with the X-Request-Id of the answer")
        return [explanation for entry in entries for explanation in await self._entry(entry)]

    async def _entry(self, entry: LedgerEntry) -> list[Explanation]:
        if entry.passed:
            # What was in force then stands in the ledger; a revocation since has changed it for every instant.
            return [
                await self._decision(entry.context, target, entry.at, passed=policy)
                for target, _, policy, _ in entry.passed
            ]
        if entry.interaction != "read":
            asked = f"{entry.interaction} {entry.target} for {entry.purpose}"
            return [
                Explanation(
                    question=asked,
                    effect="EMPTY",
                    lines=("nothing that matched was permitted, or nothing matched",),
                )
            ]
        return [await self._decision(entry.context, entry.target, entry.at)]

    async def resource(self, organisation: str, purpose: str, target: str) -> Explanation:
        """The decision about one resource (``Type/id``) for a recipient and purpose, now."""
        context = await self._decisions.context_of(organisation, purpose)
        return await self._decision(context, target, self._clock())

    async def _decision(self, context: int, target: str, at: int, *, passed: int | None = None) -> Explanation:
        recipient = await self._decisions.recipient(context)
        purposes = ", ".join(code for _, code in recipient.purposes)
        question = f"{target} for {recipient.organisation}, purpose {purposes}, at {instant_text(at)}"
        kind, _, ident = target.partition("/")
        async with self._store.snapshot() as view:
            row = await view.resource(kind, ident)
            if row is None:
                return Explanation(question=question, effect="DENY", lines=("no such resource is stored",))
            return await self._weigh(view, context, row, at, question, passed=passed)

    async def _weigh(
        self,
        view: Snapshot,
        context: int,
        row: StoredResource,
        at: int,
        question: str,
        *,
        passed: int | None,
    ) -> Explanation:
        recipient, segment = await self._decisions.recipient(context), await self._decisions.segment(row.segment)
        span = await view.policy_of(row.patient, at=at)
        if span is None:
            return Explanation(question=question, effect="DENY", lines=("no policy is recorded for this person",))
        policy = await self._decisions.policy(span.policy if passed is None else passed)
        verdict = self._decisions.rule(policy, recipient, segment)
        if verdict.effect is Effect.EXCEPTION:
            resource = parse(join(Parts(head=row.head, tail=row.tail)))
            verdict = self._decisions.exception(policy, recipient, segment, resource)
        lines = [f"record: {segment.tier} {segment.type} of {segment.unit}, regime {segment.regime}"]
        if passed is None or passed == span.policy:
            verdict = replace(verdict, sources=tuple(" and ".join(names) for names in span.sources))
        else:
            lines.append("what is in force has changed since; consents are numbered as they were then")
        lines += explain(verdict)
        bounds = [bound for bound in await view.bounds(context, row.segment) if bound.start <= at < bound.stop]
        allowed = bounds[0].bases if bounds else 0
        if bounds and bounds[0].agreement:
            told = ", ".join(codes(allowed))
            lines.append(f"{bounds[0].agreement} allows this kind of record to this recipient and purpose on: {told}")
        else:
            lines.append("no agreement in force allows this kind of record to this recipient for this purpose")
        permitted = passed is not None or bool(verdict.bases & allowed)
        return Explanation(question=question, effect="PERMIT" if permitted else "DENY", lines=tuple(lines))
