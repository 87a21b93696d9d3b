"""Which disclosures rested on a link that somebody took back: made while it stood, and not permitted without it.

Each is decided twice, at the instant of the answer: by the policy that the ledger names, and by what was in force for
the record then without the link. What is told names resources by id and recipients, and nothing of their content.

45 CFR 164.402, 164.404, 164.528.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.services.consequences import Past, Unmade
from adapter.services.remembered import held_then
from adapter.services.sides import Key, Side
from adapter.store.shapes import EXCEPTION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from adapter.services.decisions import Decisions
    from adapter.services.in_force import InForce
    from adapter.store.port import Snapshot
    from adapter.store.shapes import LedgerEntry, StoredResource


class Misjoined:
    """Compares ledger entries about the records of two persons with what would have been in force apart."""

    def __init__(self, view: Snapshot, decisions: Decisions, in_force: InForce, patients: Collection[int]) -> None:
        self._view = view
        self._decisions = decisions
        self._in_force = in_force
        self._patients = patients
        self._sides: dict[int, Side] = {}
        self._apart = 0

    async def over(self, entries: AsyncIterator[LedgerEntry]) -> Past:
        """What of these entries would not have been made without the link."""
        past = Past()
        async for entry in entries:
            for target, version, policy, segment in entry.passed:
                kind, _, ident = target.partition("/")
                row = await self._view.version(kind, ident, version)
                if row is None or row.patient not in self._patients:
                    continue
                past.looked += 1
                made = await self._made(entry, row, policy, segment)
                if made is None:
                    past.beyond += 1
                elif not made:
                    recipient = await self._decisions.recipient(entry.context)
                    one = Unmade(entry.at, entry.request_id, recipient.organisation, entry.purpose, target)
                    past.unmade.append(one)
        return past

    async def _made(self, entry: LedgerEntry, row: StoredResource, policy: int, segment: int) -> bool | None:
        """Whether it would have been made all the same; None where the ledger's policy is not held any more."""
        side = await self._side(entry.context)
        try:
            told = Key(policy, await self._decisions.policy(policy))
        except KeyError:
            return None
        held = await held_then(self._view, self._in_force, row.patient, entry.at)
        self._apart -= 1
        apart = Key(self._apart, held.policy)
        rows = [(row, segment)]
        if row.type == "Patient":
            # A Patient is given because one of its records is.
            rows += [(one, one.segment) for one in await self._view.records([row.rid]) if one.type != "Patient"]
        return apart.policy.canonical() == told.policy.canonical() or await self._passes(side, apart, rows, entry.at)

    async def _side(self, context: int) -> Side:
        if context not in self._sides:
            recipient = await self._decisions.recipient(context)
            self._sides[context] = Side(self._decisions, recipient, lawful=True, filled={})
        return self._sides[context]

    async def _passes(self, side: Side, key: Key, rows: list[tuple[StoredResource, int]], at: int) -> bool:
        for row, number in rows:
            segment = await self._decisions.segment(number)
            allowed = side.allowed(number, segment, at)
            effect = side.effect(key, number, segment) if allowed else 0
            if effect == EXCEPTION:
                effect = side.single(key, segment, row)
            if effect & allowed:
                return True
        return False
