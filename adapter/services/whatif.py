"""A rehearsal: what a change would release and withhold, before anyone activates it. Nothing is written.

Everything that stands under one policy and one segment is decided alike, so a context costs one decision for each
such combination, and a single resource is decided only where a rule asks for it. A Patient is seen, as in answers, by
whoever sees one of its records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.services.consequences import Consequences
from adapter.services.granting import grants_of
from adapter.services.sides import Side, Sides
from adapter.services.whatif_past import LookBack
from adapter.services.whatif_present import Present

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from adapter.services.change import Change
    from adapter.services.decisions import Decisions
    from adapter.store.port import Ledger, Snapshot, Store


class WhatIf:
    """Rehearses changes over one snapshot of a store."""

    def __init__(self, store: Store, ledger: Ledger, decisions: Decisions, clock: Callable[[], int]) -> None:
        self._store = store
        self._ledger = ledger
        self._decisions = decisions
        self._clock = clock

    async def rehearse(
        self,
        change: Change,
        *,
        since: int | None = None,
        listed: bool = False,
        progress: Callable[[int, int, int], None] | None = None,
    ) -> Consequences:
        """What ``change`` would do now and, from ``since`` on, to the disclosures in the ledger.

        ``listed`` names every resource. ``progress`` is told how many decisions were compared, for how many contexts,
        and of how many.
        """
        found = Consequences(change=change.what)
        async with self._store.snapshot() as view:
            present = await Present.of(view, self._decisions, change, self._clock())
            contexts = await self._contexts(view, change)
            for number, sides in enumerate(contexts, 1):
                await present.compare(sides, found, listed=listed)
                if progress is not None:
                    progress(found.decisions, number, len(contexts))
            found.contexts = len(contexts)
            if since is not None:
                past = LookBack(view, self._decisions, change, contexts)
                found.past = await past.over(self._ledger.since(since))
        return found

    async def _contexts(self, view: Snapshot, change: Change) -> list[Sides]:
        """Every recipient and purpose that ever asked, or that an agreement grants something to, before or after."""
        lawful = await self._decisions.lawful()
        recipients = {
            (recipient.organisation, ",".join(code for _, code in recipient.purposes)): (number, recipient)
            for number, recipient in (await self._decisions.contexts()).items()
        }
        for decisions in (self._decisions, change.decisions):
            for organisation, purpose in _granted(decisions):
                recipients.setdefault((organisation, purpose), (-1, decisions.closed(organisation, purpose)))
        found = []
        for (organisation, purpose), (number, recipient) in sorted(recipients.items()):
            filled = await view.ruled(number) if number >= 0 else {}
            before = Side(self._decisions, recipient, lawful=number in lawful, filled=filled)
            after = Side(change.decisions, recipient, lawful=number in lawful, filled={})
            if change.same_rules:
                # What was decided once holds on both sides.
                after.effects = before.effects
            found.append(Sides(organisation, purpose, before, after))
        return found


def _granted(decisions: Decisions) -> Iterable[tuple[str, str]]:
    return (
        (f"Organization/{grant.recipient}", purpose)
        for agreement in decisions.agreements
        for grant in grants_of(agreement)
        for purpose in grant.purposes
    )
