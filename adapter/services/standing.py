"""What is known of a person besides consents: collected from what was recorded and from records of the right kind.

A treatment relationship is an encounter at a unit that treats, inside the window of the site; a purpose claim never
makes one. Custody is a booking without release, and counts only where someone asserted it. The age counts while it is
under 18.

45 CFR 164.506, 164.512(k)(5); 42 CFR 2.14.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

from adapter.consent.standing import AGE, ASSERTION, CUSTODY, TREATMENT, Fact, fact_of
from adapter.fhir.dates import interval
from adapter.store.shapes import BEGINNING, END

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.consent.standing import Timed
    from adapter.services.decisions import Decisions
    from adapter.store.port import Transaction
    from adapter.store.survey import PersonRecords

ADULT = 18
"""Years; who signs before is for the law and its overlays."""
UNKNOWN_AGE = Fact(kind=AGE, value="unknown")
_DAY = 86_400_000_000
_SURELY_ADULT = 19 * 366 * _DAY
"""So long after a birth nobody has to look at a calendar."""
_TREATED = frozenset({"arrived", "triaged", "in-progress", "onleave", "finished"})
"""Statuses of an encounter that took place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Which units tell what, by Organization reference.

    ``treating`` gives, for a unit that treats, the organisations that thereby have the relationship: itself and what it
    is part of. ``custody`` gives the number of the feed that tells custody at a unit, where one does. ``window`` is how
    many days a treatment relationship outlasts its last encounter.
    """

    treating: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    custody: Mapping[str, int] = field(default_factory=dict)
    window: int = 365

    @property
    def fingerprint(self) -> str:
        """Equal where the same records tell the same facts."""
        return repr((sorted(self.treating.items()), sorted(self.custody.items()), self.window))


class KnownFacts:
    """Collects the facts of a person, inside the transaction that writes what is in force."""

    def __init__(self, decisions: Decisions, sources: Sources, zone: ZoneInfo) -> None:
        self._decisions = decisions
        self._sources = sources
        self._zone = zone

    async def of(
        self,
        change: PersonRecords,
        components: Sequence[frozenset[int]],
        *,
        having_consents: Collection[int],
        at: int,
    ) -> dict[frozenset[int], list[Timed]]:
        """The facts of people, each of them the records that are one person; those that ended before ``at`` left out.

        ``having_consents`` are the patients of whom a Consent is held: of them the age matters.
        """
        everyone = [patient for component in components for patient in component]
        found: dict[int, list[Timed]] = {}
        for one in await change.recorded(everyone):
            found.setdefault(one.patient, []).append((one.start, one.stop, fact_of(orjson.loads(one.fact))))
        if self._sources.treating:
            await self._treatment(change, everyone, found)
        signers = {one for one in components if any(patient in having_consents for patient in one)}
        births = await self._births(change, signers)
        known: dict[frozenset[int], list[Timed]] = {}
        for component in components:
            facts = [fact for patient in component for fact in found.get(patient, ())]
            if self._sources.custody and any(fact.kind == ASSERTION and fact.basis == "K" for _, _, fact in facts):
                facts += await self._custody(change, component)
            if component in signers:
                facts += self._ages([births[one] for one in component if one in births], at)
            facts = [one for one in facts if one[1] > at]
            if facts:
                known[component] = facts
        return known

    async def concerned(self, change: Transaction, patient: int, segment: int, *, at: int) -> bool:
        """Whether a changed Encounter of this patient and segment may change what is known of the person."""
        unit = (await self._decisions.segment(segment)).unit
        if unit in self._sources.treating:
            return True
        if unit not in self._sources.custody:
            return False
        # Custody counts only where it was asserted, so a roster changes what is in force for hardly anyone.
        asserted = await change.having_recorded("K", at=at)
        return bool(asserted) and any(not asserted.isdisjoint(one) for one in await change.components([patient]))

    async def _treatment(self, change: PersonRecords, everyone: Sequence[int], found: dict[int, list[Timed]]) -> None:
        visits = [
            (row, organisations)
            for row in await change.clinical(everyone, "Encounter")
            if (organisations := self._sources.treating.get((await self._decisions.segment(row.segment)).unit))
        ]
        if not visits:
            return
        status = await change.elements((row.rid for row, _ in visits), "status")
        for row, organisations in visits:
            if status.get(row.rid) in _TREATED and row.low > BEGINNING:
                # An encounter that nobody closed is no treatment for ever.
                last = row.low if row.high >= END else row.high
                until = last + self._sources.window * _DAY
                facts = [(row.low, until, Fact(kind=TREATMENT, recipient=one)) for one in organisations]
                found.setdefault(row.patient, []).extend(facts)

    async def _custody(self, change: PersonRecords, component: frozenset[int]) -> list[Timed]:
        found: list[Timed] = []
        for row in await change.clinical(component, "Encounter"):
            unit = (await self._decisions.segment(row.segment)).unit
            number = self._sources.custody.get(unit)
            if number is not None and row.low > BEGINNING:
                found.append((row.low, row.high, Fact(kind=CUSTODY, recipient=unit, value=str(number))))
        return found

    async def _births(self, change: PersonRecords, people: Collection[frozenset[int]]) -> dict[int, int]:
        """When the patients were born at the latest, where a birth date is told: epoch microseconds."""
        told = await change.elements((patient for component in people for patient in component), "birthDate")
        return {rid: interval(stated, self._zone)[1] for rid, stated in told.items() if isinstance(stated, str)}

    def _ages(self, births: Sequence[int], at: int) -> list[Timed]:
        """The age by the latest birth any record tells, year by year, while it is under 18."""
        if not births:
            return [(BEGINNING, END, UNKNOWN_AGE)]
        born = max(births) - 1
        if born + _SURELY_ADULT < at:
            return []
        day = datetime.fromtimestamp(born / 1e6, self._zone)
        if _birthday(day, ADULT) <= at:
            return []
        return [
            (_birthday(day, years), _birthday(day, years + 1), Fact(kind=AGE, value=str(years)))
            for years in range(ADULT)
        ]


def _birthday(born: datetime, years: int) -> int:
    """Midnight of a birthday in epoch microseconds; a leap day's is the first of March."""
    start = born.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        day = start.replace(year=born.year + years)
    except ValueError:
        day = start.replace(year=born.year + years, month=3, day=1)
    return round(day.timestamp() * 1_000_000)
