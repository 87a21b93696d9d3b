"""Pairs of records that may be one person: found by their blocks, weighed with all that touches them, kept, linked.

A confirmed pair becomes a link, over which consents count. A pair that is only likely is kept as such: over it nothing
passes, and what one record's consents and holds forbid, they forbid for the other too, until a person or a second
strong identifier confirms it (architecture, decision 8).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapter.identity.match import Band, blocks
from adapter.identity.settle import LIKELY, Decision, Graph, Record, pair_of
from adapter.identity.traits import Traits
from adapter.store.pairs import PairDecision, PairRow, Portrait
from adapter.store.shapes import IdentityFacts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from adapter.identity.match import Matcher
    from adapter.identity.settle import Pair
    from adapter.services.keys import SiteKeys
    from adapter.services.seal import TraitSeal
    from adapter.store.matching import MatchRecords
    from adapter.store.port import Transaction

_RULE = "confirmed"
_HUNDREDTHS = 100


@dataclass(slots=True, kw_only=True)
class Regrouped:
    """What weighing pairs came to: every patient whose person changed, and how many pairs were confirmed by it."""

    patients: set[int] = field(default_factory=set)
    links: int = 0

    def add(self, other: Regrouped) -> Regrouped:
        """Both together."""
        self.patients |= other.patients
        self.links += other.links
        return self


class Pairing:
    """Keeps the pairs of a store as its records and the decisions about them say."""

    def __init__(self, matcher: Matcher, seal: TraitSeal, keys: SiteKeys) -> None:
        self.matcher = matcher
        self.seal = seal
        self._keys = keys

    def portrait(self, patient: int, source: str, told: bytes, traits: Traits, *, doubted: bool) -> Portrait:
        """What is kept of a record."""
        keys = tuple(sorted({self._keys.block_key(block) for block in blocks(traits, self.matcher.nicknames)}))
        return Portrait(patient, source, told, self.seal.seal(patient, traits), keys, doubted)

    def anew(self, portrait: Portrait) -> Portrait:
        """What is kept of a record, by the blocks of this version."""
        told, traits = portrait.told, self.opened(portrait)
        return self.portrait(portrait.patient, portrait.source, told, traits, doubted=portrait.doubted)

    def opened(self, portrait: Portrait) -> Traits:
        """The traits of a record."""
        return self.seal.open(portrait.patient, portrait.sealed)

    async def place(
        self, change: Transaction, portrait: Portrait, ours: Traits, *, at: int, new: bool = False
    ) -> Regrouped:
        """Find the pairs of a record anew and settle what they touch; the records whose person changed by it.

        ``new``: nothing was kept of the record before, so it has no pairs.
        """
        patient, bands = portrait.patient, {}
        for other in await change.neighbours(patient, portrait.source, portrait.blocks):
            found = self._compared(ours, self.opened(other))
            if found[0] is not Band.NONE:
                bands[other.patient] = found
        before = {} if new else {row.other: row for row in await change.pairs([patient])}
        if not bands and not before:
            return Regrouped() if new else Regrouped(patients=await self._without_pairs(change, patient, at=at))
        said = await change.decisions([patient]) if before else ()
        left = before.keys() - bands.keys()
        decided = {place for one in said for place in (one.patient, one.other)} & left
        gone = left - decided
        for rid, theirs in (await change.portraits(decided)).items():
            bands[rid] = self._compared(ours, self.opened(theirs))
        await change.drop_pairs([(patient, other) for other in gone])
        rows = [
            PairRow(patient, other, score, band, before[other].state if other in before else Band.NONE, at)
            if other not in before
            else before[other]._replace(score=score, band=band)
            for other, (band, score) in bands.items()
        ]
        await change.put_pairs(rows)
        touched = Regrouped(patients=await self._without(change, patient, gone, at=at))
        near = {other for other, (band, _) in bands.items() if band >= Band.LINK}
        near |= {other for other, row in before.items() if row.band >= Band.LINK}
        return touched.add(await self.settle(change, {patient, *near}, at=at))

    def _compared(self, ours: Traits, theirs: Traits) -> tuple[Band, int]:
        """The band of two records by themselves, and the score in hundredths of a bit."""
        compared = self.matcher.compare(ours, theirs)
        return self.matcher.band(ours, theirs, compared), round(compared.score * _HUNDREDTHS)

    async def merged(self, change: Transaction, one: int, other: int, *, source: str, at: int) -> Regrouped:
        """A source says that two records of its own are one person's, as by a merge message.

        It is believed as far as a likely pair goes: what either forbids is forbidden for both, and nothing opens until
        a person or a second strong identifier confirms it. Who told nothing of itself yet is kept as unknown.
        """
        pair = pair_of(one, other)
        found = await change.portraits(pair)
        for place in pair:
            if place not in found:
                found[place] = self.portrait(place, source, b"", Traits(), doubted=False)
                await change.identify(IdentityFacts(patient=place, source=source, keys=[], facts={}))
                await change.put_portrait(found[place])
        first, second = (self.opened(found[place]) for place in pair)
        band, score = self._compared(first, second)
        said = PairDecision(*pair, LIKELY, (), f"feed {source}", "its source merged the two records", at)
        before = [row for row in await change.pairs([pair[0]]) if row.other == pair[1]]
        if not before:
            await change.put_pairs([PairRow(*pair, score, band, Band.NONE, at)])
        if not any(each[:2] == pair for each in await change.decisions(pair)):
            await change.decide_pair(said)
        return await self.settle(change, set(pair), at=at)

    async def settle(self, change: Transaction, patients: Collection[int], *, at: int) -> Regrouped:
        """Bring every pair of these records into its state; the records whose person changed by it."""
        rows = {pair_of(row.patient, row.other): row for row in await change.pairs(patients)}
        places = {place for pair in rows for place in pair}
        graph, links = await self._graph(change, places), await change.links(places)
        touched = Regrouped()
        moved: list[PairRow] = []
        for (one, other), row in rows.items():
            state = graph.state(one, other, Band(row.band))
            linked = (one, other) in links
            if (state is Band.CONFIRMED) is not linked:
                if linked:
                    await change.unlink(one, other, at=at)
                else:
                    await change.link(one, other, rule=_RULE, at=at)
                    touched.links += 1
                touched.patients |= {one, other}
            if state != row.state:
                moved.append(row._replace(state=state, since=at))
                if Band.LINK in {state, row.state}:
                    touched.patients |= {one, other}
        await change.put_pairs(moved)
        return touched

    async def _graph(self, change: MatchRecords, patients: Iterable[int]) -> Graph:
        """Everything that touches the pairs of these records."""
        rows = await change.pairs(patients)
        decisions = await change.decisions(patients)
        everyone = {place for row in rows for place in (row.patient, row.other)}
        everyone |= {place for one in decisions for place in (one.patient, one.other)}
        records = {
            patient: Record(portrait.source, self.opened(portrait), portrait.doubted)
            for patient, portrait in (await change.portraits(everyone)).items()
        }
        bands: dict[Pair, Band] = {
            pair_of(row.patient, row.other): Band(row.band)
            for row in rows
            if row.patient in records and row.other in records
        }
        merged = {one[:2] for one in decisions if one.verdict == LIKELY}
        decided = {
            pair_of(one.patient, one.other): Decision(one.verdict, frozenset(one.knowing), one[:2] in merged)
            for one in decisions
            if one.patient != one.other and one.patient in records and one.other in records
        }
        return Graph(self.matcher, records, bands, decided)

    async def _without_pairs(self, change: Transaction, patient: int, *, at: int) -> set[int]:
        """A record without pairs has no links, but for those to records of which nothing is kept to compare."""
        linked = {other for _, other in await change.links([patient])}
        return await self._without(change, patient, linked, at=at) if linked else set()

    @staticmethod
    async def _without(change: Transaction, patient: int, others: Collection[int], *, at: int) -> set[int]:
        known = await change.portraits(others)
        linked = {other for _, other in await change.links([patient])} & known.keys() if known else set()
        for other in linked:
            await change.unlink(patient, other, at=at)
        return {patient, *linked} if linked else set()
