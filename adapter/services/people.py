"""Recognising people: match keys of each new Patient, and confirmed links to records of other sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapter.identity.deterministic import contradicts, facts, match_keys
from adapter.identity.traits import traits_of
from adapter.store.shapes import IdentityFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapter.services.keys import SiteKeys
    from adapter.store.port import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Regrouped:
    """What recording identities came to: every patient whose person changed, and how many pairs were confirmed."""

    patients: set[int]
    links: int


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

    async def link(self, change: Transaction, identities: Sequence[IdentityFacts], *, at: int) -> Regrouped:
        """Record the facts one after the other, link what matches without contradiction, undo what now contradicts."""
        patients = {identity.patient for identity in identities}
        awaited = {one.patient for one in await change.awaited(patients)}
        told: set[int] = set()
        touched: set[int] = set()
        links = 0
        for identity in identities:
            candidates = await change.identify(identity)
            if candidates is None:
                continue
            told.add(identity.patient)
            for other in await change.linked(identity.patient):
                if contradicts(identity.facts, other.facts):
                    await change.unlink(identity.patient, other.patient, at=at)
                    touched |= {identity.patient, other.patient}
            for other in candidates:
                if other.source != identity.source and not contradicts(identity.facts, other.facts):
                    await change.link(identity.patient, other.patient, rule="deterministic", at=at)
                    touched |= {identity.patient, other.patient}
                    links += 1
        # What was recorded of someone who was awaited begins to count, or no longer does.
        touched |= told & (awaited | {one.patient for one in await change.awaited(told)})
        return Regrouped(patients=touched, links=links)
