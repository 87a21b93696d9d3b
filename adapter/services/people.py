"""Recognising people: match keys of each new Patient, and confirmed links to records of other sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapter.identity.deterministic import contradicts, facts, match_keys
from adapter.identity.traits import traits_of
from adapter.store.shapes import IdentityFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.services.keys import SiteKeys
    from adapter.store.port import Transaction


class People:
    """Links source Patients; the facts it compares are stored as keyed hashes only."""

    def __init__(self, keys: SiteKeys) -> None:
        self._keys = keys

    def recognise(self, patient: int, source: str, body: Mapping[str, Any]) -> IdentityFacts:
        """What may be compared of one Patient, before its match-only identifiers are dropped."""
        traits = traits_of(body)
        keys = [self._keys.match_hash(rule, value) for rule, value in match_keys(traits)]
        known = {name: self._keys.match_hash(name, value).hex() for name, value in facts(traits).items()}
        return IdentityFacts(patient=patient, source=source, keys=keys, facts=known)

    async def link(self, change: Transaction, identity: IdentityFacts, *, at: int) -> set[int]:
        """Record the facts, link what matches without contradiction, take back what now contradicts.

        Returns every patient whose person changed by it.
        """
        touched: set[int] = set()
        awaited = await change.awaited([identity.patient])
        candidates = await change.identify(identity)
        if candidates is None:
            return touched
        if awaited or await change.awaited([identity.patient]):
            # What was recorded of someone who was awaited begins to count, or no longer does.
            touched.add(identity.patient)
        for other in await change.linked(identity.patient):
            if contradicts(identity.facts, other.facts):
                await change.unlink(identity.patient, other.patient)
                touched |= {identity.patient, other.patient}
        for other in candidates:
            if other.source != identity.source and not contradicts(identity.facts, other.facts):
                await change.link(identity.patient, other.patient, rule="deterministic", at=at)
                touched |= {identity.patient, other.patient}
        return touched
