"""On which grounds something passed: decided again from the policy and the segment that the ledger names.

Agreements count as they were in force at the instant, by the files of today. Where nothing is left in common, what the
policy alone allowed counts; where the policy is not held any more, nothing is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.consent.evaluate import Effect
from adapter.fhir.codec import parse
from adapter.fhir.served import Parts, join

if TYPE_CHECKING:
    from adapter.services.decisions import Decisions
    from adapter.store.port import Snapshot
    from adapter.store.shapes import LedgerEntry


class Grounds:
    """Remembers what it decided, for one account."""

    def __init__(self, view: Snapshot, decisions: Decisions) -> None:
        self._view = view
        self._decisions = decisions
        self._known: dict[tuple[int, int, int, str, str], int] = {}
        self._segments: dict[int, list[int]] = {}

    async def of(self, entry: LedgerEntry, name: str, version: str, policy: int, segment: int, *, patient: int) -> int:
        """The mask of grounds of one resource that passed; 0 where it cannot be told any more."""
        found = await self._rule(entry, policy, segment, name, version)
        if found or not name.startswith("Patient/"):
            return found
        # A Patient passes with any of its records.
        for other in await self._held(patient):
            found |= await self._rule(entry, policy, other, "", "")
        return found

    async def _held(self, patient: int) -> list[int]:
        if patient not in self._segments:
            self._segments[patient] = sorted({one.segment for one in await self._view.theirs([patient])})
        return self._segments[patient]

    async def _rule(self, entry: LedgerEntry, policy: int, segment: int, name: str, version: str) -> int:
        key = (entry.context, policy, segment, "", "")
        if key not in self._known:
            self._known[key] = await self._decided(entry.context, policy, segment)
        bases = self._known[key]
        if bases < 0:
            key = (entry.context, policy, segment, name, version)
            if key not in self._known:
                self._known[key] = await self._single(entry.context, policy, segment, name, version)
            bases = self._known[key]
        return bases & await self._allowed(entry, segment) or bases

    async def _decided(self, context: int, policy: int, segment: int) -> int:
        """The grounds of everything of this segment; -1 where each resource is decided by itself."""
        try:
            held = await self._decisions.policy(policy)
        except KeyError:
            return 0
        facets = await self._decisions.segment(segment)
        verdict = self._decisions.rule(held, await self._decisions.recipient(context), facets)
        return -1 if verdict.effect is Effect.EXCEPTION else verdict.bases

    async def _single(self, context: int, policy: int, segment: int, name: str, version: str) -> int:
        kind, _, ident = name.partition("/")
        row = await self._view.version(kind, ident, version) if ident else None
        if row is None:
            return 0
        resource = parse(join(Parts(head=row.head, tail=row.tail)))
        recipient, facets = await self._decisions.recipient(context), await self._decisions.segment(segment)
        return self._decisions.exception(await self._decisions.policy(policy), recipient, facets, resource).bases

    async def _allowed(self, entry: LedgerEntry, segment: int) -> int:
        rows = await self._view.bounds(entry.context, segment)
        return next((row.bases for row in rows if row.start <= entry.at < row.stop), 0)
