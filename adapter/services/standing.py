"""What is known of a person besides consents: collected from what was recorded and from records of the right kind.

A treatment relationship is an encounter at a unit that treats, or a recorded referral, inside the window of the site; a
purpose claim never makes one, and neither does an encounter that the software of a partner wrote itself, which would
be a claim by another name, unless the site takes that writer's word. Custody is a booking without release, and counts
only where somebody asserted it during that very stay. The age counts while it is under 18. Where a record leaves
something open, it is read so that less passes.

45 CFR 164.506, 164.512(k)(5); 42 CFR 2.14.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import orjson

from adapter.consent.standing import AGE, CUSTODY, TREATMENT, Fact, fact_of
from adapter.fhir.dates import interval
from adapter.services.recorded import keys_of, recorded_of
from adapter.services.stays import TOOK_PLACE, Visit, stays
from adapter.store.shapes import BEGINNING, END

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.consent.segment import Segment
    from adapter.consent.standing import Timed
    from adapter.services.decisions import Decisions
    from adapter.store.port import Transaction
    from adapter.store.shapes import LegalFact, ResourceWrite
    from adapter.store.survey import PersonRecords

ADULT = 18
"""Years; who signs before is for the law and its overlays."""
UNKNOWN_AGE = Fact(kind=AGE, value="unknown")
NO_FACT = b"null"
"""The fact of what is recorded without any decision reading it."""
READING = 3
"""Raised when the same records may tell other facts."""
_DAY = 86_400_000_000
_SURELY_ADULT = 19 * 366 * _DAY
"""So long after a birth nobody has to look at a calendar."""
_SKEW = _DAY
"""How far ahead of ours a sender's clock may be: what starts later than that has not taken place."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Which units tell what, by Organization reference.

    ``treating`` gives, for a unit that treats, the organisations that thereby have the relationship: itself and what it
    is part of. ``custody`` gives the number of the feed that tells custody at a unit, where one does. ``window`` is how
    many days a treatment relationship outlasts its last encounter. ``writers`` are those whose own Encounters, written
    over FHIR, tell a fact of this kind at a unit: (kind, writer, unit).
    """

    treating: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    custody: Mapping[str, int] = field(default_factory=dict)
    window: int = 365
    writers: frozenset[tuple[str, str, str]] = frozenset()

    @property
    def fingerprint(self) -> str:
        """Equal where the same records tell the same facts."""
        told = (sorted(self.treating.items()), sorted(self.custody.items()), self.window, sorted(self.writers))
        return repr((READING, *told))


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
        recorded = await recorded_of(change, everyone)
        treated: dict[int, list[Visit]] = {}
        if self._sources.treating:
            treated = await self._visits(change, everyone, TREATMENT, at)
        signers = {
            one
            for one in components
            if any(patient in having_consents or _proceeding(recorded.get(patient, ())) for patient in one)
        }
        births = await self._births(change, signers, at)
        known: dict[frozenset[int], list[Timed]] = {}
        for component in components:
            facts = [
                fact
                for patient in component
                for visit in treated.get(patient, ())
                for fact in self._treatment(visit, at)
            ]
            facts += await self._recorded(change, component, recorded, at)
            if component in signers:
                facts += self._ages([births[one] for one in component if one in births], at)
            facts = [one for one in facts if one[1] > at]
            if facts:
                known[component] = facts
        return known

    async def concerned(self, change: Transaction, encounters: Collection[ResourceWrite], *, at: int) -> set[int]:
        """The patients of whose person what is known may change by these changed Encounters."""
        former = await change.former_segments([one.rid for one in encounters])
        treated, held = set(), set()
        for one in encounters:
            units = {
                (await self._decisions.segment(segment)).unit for segment in {one.segment, *former.get(one.rid, ())}
            }
            if not units.isdisjoint(self._sources.treating):
                treated.add(one.patient)
            elif not units.isdisjoint(self._sources.custody):
                held.add(one.patient)
        # Custody counts only where it was asserted, so a roster changes what is in force for hardly anyone.
        asserted = await change.having_recorded("K", at=at) if held else set()
        if asserted:
            everyone = [one for component in await change.components(held) for one in component]
            keys = await keys_of(change, everyone)
            treated |= {one for one in everyone if not asserted.isdisjoint(keys.get(one, ()))}
        return treated

    async def _recorded(
        self,
        change: PersonRecords,
        component: frozenset[int],
        recorded: Mapping[int, Sequence[LegalFact]],
        at: int,
    ) -> list[Timed]:
        """What was recorded of a person and is still to count, custody as the feeds tell it."""
        ours = {one.id: one for patient in component for one in recorded.get(patient, ())}
        live = [one for one in ours.values() if one.stop > at and one.fact != NO_FACT]
        found = [_timed(one) for one in live if one.kind != "K"]
        if len(found) < len(live):
            visits = await self._visits(change, component, CUSTODY, at)
            found += self._custody(
                [one for one in live if one.kind == "K"], [visit for those in visits.values() for visit in those]
            )
        return found

    async def _visits(
        self, change: PersonRecords, patients: Iterable[int], kind: str, at: int
    ) -> dict[int, list[Visit]]:
        """The encounters that tell a kind of fact and take place or did, by patient."""
        rows = [
            (row, segment.unit)
            for row in await change.clinical(patients, "Encounter")
            if BEGINNING < row.low <= at + _SKEW
            and self._tells(segment := await self._decisions.segment(row.segment), kind)
        ]
        rids = [row.rid for row, _ in rows]
        status = await change.elements(rids, "status") if rids else {}
        ends = await change.elements(rids, "period.end") if rids else {}
        visits: dict[int, list[Visit]] = {}
        for row, unit in rows:
            if status[row.rid] in TOOK_PLACE:
                end = None if ends[row.rid] is None else interval(ends[row.rid], self._zone)[0]
                closed = status[row.rid] == "finished"
                told = await self._told(change, row.rid) if closed and end is None else 0
                visit = Visit(unit=unit, start=row.low, end=end, closed=closed, told=told)
                visits.setdefault(row.patient, []).append(visit)
        return visits

    def _tells(self, segment: Segment, kind: str) -> bool:
        """Whether an Encounter in this segment tells a kind of fact: by its unit, and by who wrote it if anyone did."""
        units: Collection[str] = self._sources.treating if kind == TREATMENT else self._sources.custody
        believed = not segment.writer or (kind, segment.writer, segment.unit) in self._sources.writers
        return segment.unit in units and believed

    async def _told(self, change: PersonRecords, rid: int) -> int:
        """When the present state of a record came in."""
        told = await change.elements([rid], "meta.lastUpdated")
        return interval(told[rid], self._zone)[0]

    def _treatment(self, visit: Visit, at: int) -> Iterator[Timed]:
        # An encounter that nobody closed is no treatment for ever, and an end that is still to come is only planned.
        last = visit.end if visit.end is not None and visit.start <= visit.end <= at else visit.start
        until = self._midnight(self._day(last) + timedelta(days=self._sources.window + 1))
        for organisation in self._sources.treating[visit.unit]:
            yield visit.start, until, Fact(kind=TREATMENT, recipient=organisation)

    def _custody(self, assertions: Sequence[LegalFact], visits: Iterable[Visit]) -> list[Timed]:
        """Stays in custody, and the assertions as far as the stay goes in which they were made.

        What was represented during an earlier stay is never used again, 45 CFR 164.512(k)(5)(iii).
        """
        known = stays(visits)
        found: list[Timed] = []
        for one in assertions:
            start, stop, fact = _timed(one)
            ends = [stay.stop for stay in known if stay.start <= one.recorded < stay.stop]
            if ends and start < (stop := min(stop, *ends)):
                found.append((start, stop, fact))
        if found:
            numbers = self._sources.custody
            found += [
                (stay.start, stay.stop, Fact(kind=CUSTODY, recipient=stay.unit, value=str(numbers[stay.unit])))
                for stay in known
            ]
        return found

    async def _births(self, change: PersonRecords, people: Collection[frozenset[int]], at: int) -> dict[int, int]:
        """When the patients were born at the latest, where a birth date is told: epoch microseconds.

        Of a year or a month its last instant counts. A day that is still to come tells nothing.
        """
        told = await change.elements((patient for component in people for patient in component), "birthDate")
        spans = ((rid, interval(stated, self._zone)) for rid, stated in told.items() if isinstance(stated, str))
        return {rid: stop for rid, (start, stop) in spans if start <= at}

    def _ages(self, births: Sequence[int], at: int) -> list[Timed]:
        """The age by the latest birth any record tells, year by year, while it is under 18."""
        if not births:
            return [(BEGINNING, END, UNKNOWN_AGE)]
        born = max(births) - 1
        if born + _SURELY_ADULT < at:
            return []
        day = self._day(born)
        # Where the birth is known roughly, its last day may be to come: until then too the person is under one.
        turns = [BEGINNING, *(self._midnight(_birthday(day, years)) for years in range(1, ADULT + 1))]
        return [(start, stop, Fact(kind=AGE, value=str(years))) for years, (start, stop) in enumerate(pairwise(turns))]

    def _day(self, instant: int) -> date:
        return (_EPOCH + timedelta(microseconds=instant)).astimezone(self._zone).date()

    def _midnight(self, day: date) -> int:
        return interval(day.isoformat(), self._zone)[0]


def _timed(one: LegalFact) -> Timed:
    return one.start, one.stop, fact_of(orjson.loads(one.fact))


def _proceeding(recorded: Iterable[LegalFact]) -> bool:
    """Whether a consent for a proceeding was recorded: like any consent it depends on who may sign."""
    return any(one.kind == "X" for one in recorded)


def _birthday(born: date, years: int) -> date:
    """A birthday; a leap day's is the first of March."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return born.replace(year=born.year + years, month=3, day=1)
