"""Who is who, decided by people: pairs to review, likely pairs to confirm, records that told otherwise, wrong joins.

Each decision is one transaction with what is then in force, and stands in the disclosure ledger before it ends. Nothing
that was decided is changed or removed; the last word of a pair counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from adapter.errors import NotFound, RequestError
from adapter.identity.match import Band
from adapter.identity.settle import DIFFERENT, SAME, pair_of
from adapter.services.doubts import AUTHOR
from adapter.services.misjoined import Misjoined
from adapter.services.recordings import IDENTITY, hold
from adapter.store.pairs import PairDecision, PairRow
from adapter.store.shapes import LegalAct, row_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from adapter.identity.match import Matcher
    from adapter.identity.traits import Traits
    from adapter.services.authorities import Author, Authorities
    from adapter.services.consequences import Past
    from adapter.services.decisions import Decisions
    from adapter.services.in_force import InForce
    from adapter.services.people import People
    from adapter.store.port import Ledger, Store, Transaction

ACCEPTED: Final = "accepted"
MOST: Final = 500
"""Items of one list."""


class Who(NamedTuple):
    """A record as a list names it: the id of its Patient and the feed it comes from."""

    patient: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something to decide: a pair, or a record by itself (``other`` is None).

    ``levels`` tell trait by trait how far the two agree, ``score`` is in bits, ``state`` the band the pair is in.
    """

    one: Who
    other: Who | None
    state: Band
    score: float
    since: int
    levels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A record, its pairs, and what was decided of it, oldest first."""

    who: Who
    pairs: Sequence[Item]
    decisions: Sequence[tuple[PairDecision, Who, Who]]


class Identities:
    """The pairs of a site, for its staff."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        *,
        people: People,
        in_force: InForce,
        authorities: Authorities,
        decisions: Decisions,
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._people = people
        self._in_force = in_force
        self._authorities = authorities
        self._decisions = decisions
        self._clock = clock

    @property
    def matcher(self) -> Matcher:
        """What compares the records of this site."""
        return self._people.pairing.matcher

    async def open(self, *, links: bool = True, count: int = MOST) -> list[Item]:
        """What waits for a decision: doubted records first, then pairs for review, then likely pairs to confirm."""
        states = (Band.REVIEW, Band.LINK) if links else (Band.REVIEW,)
        async with self._store.transaction() as change:
            doubted = await change.doubted()
            rows = [row for state in states for row in await change.pairs_in(state, count)]
            names = await self._names(change, [*doubted, *(place for row in rows for place in row[:2])])
            alone = [
                Item(one=names[patient], other=None, state=Band.NONE, score=0.0, since=0)
                for patient in doubted
                if patient in names
            ]
            return [*alone, *[await self._item(change, row, names) for row in rows]]

    async def counts(self) -> dict[str, int]:
        """How many pairs are in each band, and how many records are doubted."""
        async with self._store.transaction() as change:
            found = await change.pair_counts()
            doubted = len(await change.doubted())
        bands = (Band.REVIEW, Band.LINK, Band.CONFIRMED)
        return {band.name.lower(): found.get(band, 0) for band in bands} | {"doubted": doubted}

    async def of(self, patient: str) -> History:
        """A record with its pairs and everything that was decided of it."""
        rid = row_key("Patient", patient)
        async with self._store.transaction() as change:
            rows = [row for row in await change.pairs([rid]) if row.state]
            decided = await change.decisions([rid])
            places = {rid, *(row.other for row in rows), *(place for one in decided for place in one[:2])}
            names = await self._names(change, places)
            return History(
                who=names.get(rid, Who(patient, "")),
                pairs=[await self._item(change, row, names) for row in rows],
                decisions=[(one, names[one.patient], names[one.other]) for one in decided],
            )

    async def shown(self, one: str, other: str, by: Author) -> tuple[Traits, Traits, Item]:
        """What two records tell of who they are, for the person who decides; that they looked is in the ledger."""
        pair = self._pair(one, other)
        async with self._store.transaction() as change:
            traits = await self._traits(change, pair)
            rows = [row for row in await change.pairs([pair[0]]) if row.other == pair[1]]
            names = await self._names(change, pair)
            row = rows[0] if rows else PairRow(*pair, 0, 0, 0, 0)
            item = await self._item(change, row, names)
        await self._ledger.append(by.entry("identity-view", f"Patient/{one} Patient/{other}", at=self._clock()))
        first, second = (traits[row_key("Patient", ident)] for ident in (one, other))
        return first, second, item

    async def decide(self, one: str, other: str, by: Author, *, same: bool, why: str) -> Band:
        """Decide whether two records are one person; what the pair is afterwards. It holds for the next request."""
        pair, at = self._pair(one, other), self._clock()
        async with self._store.transaction() as change:
            await self._say(change, pair, SAME if same else DIFFERENT, by, why=why, at=at)
            await self._ledger.append(
                by.entry(f"identity-{SAME if same else DIFFERENT}", f"Patient/{one} Patient/{other}", at=self._clock())
            )
            rows = await change.pairs([pair[0]])
            return next((Band(row.state) for row in rows if row.other == pair[1]), Band.NONE)

    async def unlink(self, one: str, other: str, by: Author, *, why: str, held: bool = True) -> Past:
        """Take two persons apart who were taken for one, and tell the disclosures that rested on it.

        With ``held`` both records are put on hold in the same moment, until somebody ends it: what stands in one may
        belong to the other. ``NotFound`` when the two are not confirmed to be one person.
        """
        pair, at = self._pair(one, other), self._clock()
        async with self._store.transaction() as change:
            (component,) = await change.components([pair[0]])
            if pair[1] not in component:
                raise NotFound("these two records are not confirmed to be one person; `sallyport identity list` tells")
            since = min(row.since for row in await change.pairs(component) if row.state == Band.CONFIRMED)
            await self._say(change, pair, DIFFERENT, by, why=why, at=at)
            (left,) = await change.components([pair[0]])
            if pair[1] in left:
                told = "people decided that records between the two are the same; take these apart first"
                raise RequestError(told, expression="other")
            if held:
                for number, ident in enumerate((one, other)):
                    what = hold(IDENTITY, words=f"taken apart: {why}")
                    await self._authorities.record_within(change, what, ident, by.numbered(number))
            await self._ledger.append(by.entry("identity-unlink", f"Patient/{one} Patient/{other}", at=self._clock()))
        async with self._store.snapshot() as view:
            apart = Misjoined(view, self._decisions, self._in_force, component)
            return await apart.over(self._ledger.since(since))

    async def accept(self, patient: str, by: Author, *, why: str) -> int:
        """Take what a record now tells of itself for right, and end its hold; how many records' person changed."""
        rid, at = row_key("Patient", patient), self._clock()
        async with self._store.transaction() as change:
            portrait = (await change.portraits([rid])).get(rid)
            if portrait is None or not portrait.doubted:
                raise NotFound("this record is not in doubt; `sallyport identity review` tells which are")
            await change.decide_pair(PairDecision(rid, rid, ACCEPTED, (), by.name, why, at))
            for fact in await change.recorded([rid]):
                if fact.author == AUTHOR and fact.stop > at and await change.end_recorded(fact.id, at=at):
                    await change.add_act(LegalAct(fact=fact.id, act="ended", author=by.name, at=at, words=why))
            touched = await self._people.accept(change, portrait, at=at)
            await self._in_force.refresh(change, touched, at=at)
            await self._ledger.append(by.entry("identity-accept", f"Patient/{patient}", at=self._clock()))
        return len(touched)

    async def _say(
        self, change: Transaction, pair: tuple[int, int], verdict: str, by: Author, *, why: str, at: int
    ) -> None:
        """Keep a decision and bring everything it touches into its state."""
        traits = await self._traits(change, pair)
        compared = self.matcher.compare(traits[pair[0]], traits[pair[1]])
        rows = await change.pairs(pair)
        if not any((row.patient, row.other) == pair for row in rows):
            band = self.matcher.band(traits[pair[0]], traits[pair[1]], compared)
            await change.put_pairs([PairRow(*pair, round(compared.score * 100), band, Band.NONE, at)])
        knowing = tuple(sorted(compared.against()))
        await change.decide_pair(PairDecision(*pair, verdict, knowing, by.name, why, at))
        near = {place for row in rows if row.band or row.state for place in row[:2]}
        settled = await self._people.pairing.settle(change, {*pair, *near}, at=at)
        await self._in_force.refresh(change, {*pair, *settled.patients}, at=at)

    @staticmethod
    def _pair(one: str, other: str) -> tuple[int, int]:
        first, second = (row_key("Patient", ident) for ident in (one, other))
        if first == second:
            raise RequestError("name two records, not one twice", expression="other")
        return pair_of(first, second)

    async def _traits(self, change: Transaction, pair: Iterable[int]) -> dict[int, Traits]:
        found = await change.portraits(pair)
        if not all(place in found for place in pair):
            told = "of one of these records nothing is held to compare; its sender has to send the person again"
            raise RequestError(told, expression="other")
        return {place: self._people.pairing.opened(portrait) for place, portrait in found.items()}

    @staticmethod
    async def _names(change: Transaction, patients: Iterable[int]) -> dict[int, Who]:
        wanted = set(patients)
        ids = await change.elements(wanted, "id")
        known = await change.portraits(wanted)
        return {rid: Who(str(ident), known[rid].source if rid in known else "") for rid, ident in ids.items()}

    async def _item(self, change: Transaction, row: PairRow, names: Mapping[int, Who]) -> Item:
        traits = await self._traits(change, row[:2])
        levels = self.matcher.compare(traits[row.patient], traits[row.other]).levels
        return Item(
            one=names[row.patient],
            other=names[row.other],
            state=Band(row.state),
            score=row.score / 100,
            since=row.since,
            levels={name: level for name, level in levels.items() if level != "unknown"},
        )
