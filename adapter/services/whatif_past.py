"""The recorded disclosures under a change: which of them would not have been made.

Each is decided by the policy and segment that the ledger names, at the instant of the answer: under the rules as they
are now, and under the changed ones. Custody data counts as it was then, live. A Patient counts as given where any of
its records that had arrived by then would be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.services.consequences import Past, Unmade
from adapter.services.sides import Key
from adapter.store.shapes import EXCEPTION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from adapter.services.change import Change
    from adapter.services.decisions import Decisions
    from adapter.services.sides import Side, Sides
    from adapter.store.port import Snapshot
    from adapter.store.shapes import LedgerEntry, StoredResource


class LookBack:
    """Compares the entries of the ledger on both sides."""

    def __init__(self, view: Snapshot, decisions: Decisions, change: Change, contexts: Iterable[Sides]) -> None:
        self._view = view
        self._decisions = decisions
        self._change = change
        self._contexts = {(one.recipient, one.purpose): one for one in contexts}
        self._records: dict[int, list[StoredResource]] = {}

    async def over(self, entries: AsyncIterator[LedgerEntry]) -> Past:
        """What the change would have undone of these entries."""
        past = Past()
        async for entry in entries:
            if not entry.passed:
                continue
            recipient = await self._decisions.recipient(entry.context)
            sides = self._contexts[recipient.organisation, ",".join(code for _, code in recipient.purposes)]
            for target, version, policy, segment in entry.passed:
                row = await self._version(target, version)
                if self._change.persons is not None and (row is None or row.patient not in self._change.persons):
                    continue
                past.looked += 1
                given = None if row is None else await self._given(sides, row, policy, segment, entry.at)
                if given is None or not given[0]:
                    past.beyond += 1
                elif not given[1]:
                    past.unmade.append(
                        Unmade(entry.at, entry.request_id, recipient.organisation, entry.purpose, target)
                    )
        return past

    async def _version(self, target: str, version: str) -> StoredResource | None:
        kind, _, ident = target.partition("/")
        return await self._view.version(kind, ident, version)

    async def _given(
        self, sides: Sides, row: StoredResource, policy: int, segment: int, at: int
    ) -> tuple[bool, bool] | None:
        """Whether it is given before and after; None where the ledger's policy is not held any more."""
        try:
            told = Key(policy, await self._decisions.policy(policy))
        except KeyError:
            return None
        rows = [(row, segment)]
        if row.type == "Patient":
            rows += [(one, one.segment) for one in await self._of_patient(row.rid, at)]
        given = await self._passes(sides.before, told, rows, at)
        after = told
        if self._change.entering is not None:
            # Told apart from what else became known since: only what the Consent itself would change counts.
            before, after = await self._change.entering.then(self._view, at)
            given = given and await self._passes(sides.before, before, rows, at)
        return given, given and await self._passes(sides.after, after, rows, at)

    async def _of_patient(self, patient: int, at: int) -> list[StoredResource]:
        found = self._records.get(patient)
        if found is None:
            records = await self._view.records([patient])
            found = self._records[patient] = [one for one in records if one.type != "Patient"]
        held = await self._view.held([one.rid for one in found], at=at)
        return [one for one in found if one.rid in held]

    async def _passes(self, side: Side, key: Key, rows: Iterable[tuple[StoredResource, int]], at: int) -> bool:
        for row, number in rows:
            segment = await self._decisions.segment(number)
            allowed = side.allowed(number, segment, at)
            effect = side.effect(key, number, segment) if allowed else 0
            if effect == EXCEPTION:
                effect = side.single(key, segment, row)
            if effect & allowed:
                return True
        return False
