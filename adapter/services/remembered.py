"""What was known of a person at an instant that has passed, read from what is kept.

Consents are taken in the version that was held then, facts and links as far as they were recorded by then, records as
far as any version of them had arrived. What was unlinked since cannot be told any more, and of a record that changed
since the present version counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adapter.consent.policy import Policy
    from adapter.services.decisions import Decisions
    from adapter.services.in_force import InForce
    from adapter.store.port import Snapshot
    from adapter.store.shapes import Awaited, ClinicalRow, LegalFact, StoredResource
    from adapter.store.survey import Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What was in force for a person: the policy, and for each of its directives the Consents that say it."""

    policy: Policy
    sources: Sequence[Sequence[str]] = ()


class Then:
    """The records of people as they were held at ``at``."""

    def __init__(self, view: Survey, at: int) -> None:
        self._view = view
        self._at = at

    async def consents(self, patients: Iterable[int]) -> list[StoredResource]:
        """Every Consent in the version held then."""
        return await self._view.consents_known(patients, at=self._at)

    async def clinical(self, patients: Iterable[int], kind: str) -> list[ClinicalRow]:
        """The records of one type that had arrived by then."""
        found = await self._view.clinical(patients, kind)
        held = await self._view.held([row.rid for row in found], at=self._at)
        return [row for row in found if row.rid in held]

    async def elements(self, rids: Iterable[int], name: str) -> dict[int, Any]:
        """An element of stored resources, as it is now."""
        return await self._view.elements(rids, name)

    async def awaited(self, patients: Iterable[int]) -> list[Awaited]:
        """The people of whom something was recorded before a record came, as they are known now."""
        return await self._view.awaited(patients)

    async def recorded(self, patients: Iterable[int]) -> list[LegalFact]:
        """What had been recorded by then."""
        return [fact for fact in await self._view.recorded(patients) if fact.recorded <= self._at]

    async def leaning(self, patients: Iterable[int], *, at: int) -> dict[int, set[int]]:
        """The links that nobody had confirmed and that stand unconfirmed still."""
        return await self._view.leaning(patients, at=min(at, self._at))

    async def merging(self, patients: Iterable[int], *, at: int) -> dict[int, set[int]]:
        """Those of them of which their source says that they are one person's."""
        return await self._view.merging(patients, at=min(at, self._at))

    async def persons(self, patients: Iterable[int]) -> list[frozenset[int]]:
        """The people as they were confirmed by then."""
        return list(dict.fromkeys([await self._view.component(patient, at=self._at) for patient in patients]))


async def held_then(view: Snapshot, in_force: InForce, patient: int, at: int) -> Held:
    """What was in force for a person at an instant, by what was known at that instant."""
    component = await view.component(patient, at=at)
    spans = await in_force.timeline(Then(view, at), component, at=at)
    (span,) = (span for span in spans if span.start <= at < span.stop)
    return Held(policy=span.policy, sources=span.sources)


async def held_now(view: Snapshot, decisions: Decisions, patient: int, at: int) -> Held | None:
    """What is in force for a person at an instant, by what is known now; None for nobody."""
    span = await view.policy_of(patient, at=at)
    if span is None:
        return None
    return Held(policy=await decisions.policy(span.policy), sources=span.sources)
