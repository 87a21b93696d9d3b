"""The present store under two sides: combinations of policy and segment, and single records where a rule asks."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from adapter.consent.agreement import data_class
from adapter.services.consequences import Moved, Place
from adapter.services.sides import Key
from adapter.store.shapes import EXCEPTION

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from adapter.consent.segment import Segment
    from adapter.services.change import Change
    from adapter.services.consequences import Consequences
    from adapter.services.decisions import Decisions
    from adapter.services.sides import Sides
    from adapter.store.port import Snapshot
    from adapter.store.survey import Placed

Pair = tuple[bool, bool]
"""Whether something passes before and after."""
PATIENT = "Patient"


class Present:
    """What is held at an instant, counted by what decides it."""

    def __init__(self, view: Snapshot, change: Change, *, at: int, live: int) -> None:
        self._view = view
        self._change = change
        self._at = at
        self._live = live
        self._segments: dict[int, Segment] = {}
        self._keys: dict[int, tuple[Key, Key]] = {}
        self._records: dict[int, dict[int, int]] = defaultdict(dict)
        self._rows: dict[int, dict[int, list[Placed]]] = {}
        self._people: dict[int, list[tuple[Placed, frozenset[int]]]] = {}

    @classmethod
    async def of(cls, view: Snapshot, decisions: Decisions, change: Change, at: int) -> Present:
        """Count what is held, and load what decides it."""
        made = cls(view, change, at=at, live=await view.live(at=at))
        for one in await view.decided(at=at, patients=change.persons):
            made._records[one.policy][one.segment] = one.records
            made._segments[one.segment] = await decisions.segment(one.segment)
        later = None if change.entering is None else await change.entering.now(view, at)
        for policy in made._records:
            key = Key(policy, await decisions.policy(policy))
            made._keys[policy] = key, later or key
        return made

    async def compare(self, sides: Sides, found: Consequences, *, listed: bool) -> None:
        """Add what would move for one recipient and purpose."""
        allowed = {
            number: (
                sides.before.allowed(number, segment, self._at) & self._live,
                sides.after.allowed(number, segment, self._at) & self._live,
            )
            for number, segment in self._segments.items()
        }
        same_policies = self._change.persons is None and self._change.same_rules
        differing = {number for number, (one, other) in allowed.items() if one != other or not same_policies}
        touched = [
            policy
            for policy, segments in self._records.items()
            if any(
                self._differs(sides, policy, number, allowed[number], found) for number in segments.keys() & differing
            )
        ]
        await self._load(touched)
        for policy in touched:
            await self._compare_policy(sides, policy, allowed, found, listed=listed)

    def _effects(self, sides: Sides, policy: int, number: int, allowed: tuple[int, int]) -> tuple[int, int]:
        """The effects on both sides; what no agreement allows is not asked."""
        (before, after), segment = self._keys[policy], self._segments[number]
        return (
            sides.before.effect(before, number, segment) if allowed[0] else 0,
            sides.after.effect(after, number, segment) if allowed[1] else 0,
        )

    def _differs(self, sides: Sides, policy: int, number: int, allowed: tuple[int, int], found: Consequences) -> bool:
        """Whether a combination passes on one side only, or may."""
        found.decisions += 1
        one, other = self._effects(sides, policy, number, allowed)
        if EXCEPTION in {one, other}:
            return True
        return bool(one & allowed[0]) != bool(other & allowed[1])

    async def _load(self, policies: Iterable[int]) -> None:
        """The records and Patients under these policies, as far as they are not loaded yet."""
        missing = [policy for policy in policies if policy not in self._rows]
        if not missing:
            return
        persons = self._change.persons
        of_patient: dict[int, set[int]] = defaultdict(set)
        for policy in missing:
            self._rows[policy], self._people[policy] = defaultdict(list), []
        for row in await self._view.placed(missing, at=self._at, patients=persons):
            self._rows[row.policy][row.segment].append(row)
            of_patient[row.patient].add(row.segment)
        shared: dict[frozenset[int], frozenset[int]] = {}
        for row in await self._view.people(missing, at=self._at, patients=persons):
            held = frozenset(of_patient[row.patient] | {row.segment})
            self._rows[row.policy][row.segment].append(row)
            self._people[row.policy].append((row, shared.setdefault(held, held)))

    async def _compare_policy(
        self, sides: Sides, policy: int, allowed: dict[int, tuple[int, int]], found: Consequences, *, listed: bool
    ) -> None:
        whole: dict[int, Pair] = {}
        seen: dict[int, Pair] = defaultdict(lambda: (False, False))
        """Patients seen through a single record."""
        for number in self._records[policy]:
            one, other = self._effects(sides, policy, number, allowed[number])
            rows = self._rows[policy][number]
            if EXCEPTION in {one, other}:
                pairs = await self._singles(sides, policy, number, allowed[number], (one, other))
                for row in rows:
                    seen[row.patient] = _either(seen[row.patient], pairs[row.rid])
            else:
                whole[number] = bool(one & allowed[number][0]), bool(other & allowed[number][1])
                pairs = dict.fromkeys((row.rid for row in rows), whole[number])
            if self._segments[number].type != PATIENT:
                await self._count(sides, number, pairs.items(), found, listed=listed)
        await self._count_people(sides, policy, whole, seen, found, listed=listed)

    async def _singles(
        self, sides: Sides, policy: int, number: int, allowed: tuple[int, int], effects: tuple[int, int]
    ) -> dict[int, Pair]:
        """Each record of a combination that cannot be decided as a whole."""
        (before, after), segment = self._keys[policy], self._segments[number]
        pairs = {}
        for row in await self._view.rows(placed.rid for placed in self._rows[policy][number]):
            one = sides.before.single(before, segment, row) if effects[0] == EXCEPTION else effects[0]
            if effects[1] != EXCEPTION:
                other = effects[1]
            elif self._change.same_rules and before is after:
                other = one
            else:
                other = sides.after.single(after, segment, row)
            pairs[row.rid] = bool(one & allowed[0]), bool(other & allowed[1])
        return pairs

    async def _count_people(
        self,
        sides: Sides,
        policy: int,
        whole: dict[int, Pair],
        seen: dict[int, Pair],
        found: Consequences,
        *,
        listed: bool,
    ) -> None:
        """Patients are seen themselves or through any of their records."""
        through: dict[frozenset[int], Pair] = {}
        moved: dict[int, list[tuple[int, Pair]]] = defaultdict(list)
        for person, held in self._people[policy]:
            pair = through.get(held)
            if pair is None:
                pairs = [whole[number] for number in held if number in whole]
                pair = through[held] = any(one for one, _ in pairs), any(other for _, other in pairs)
            if seen:
                pair = _either(pair, seen.get(person.patient, (False, False)))
            moved[person.segment].append((person.rid, pair))
        for number, pairs_of in moved.items():
            await self._count(sides, number, pairs_of, found, listed=listed)

    async def _count(
        self, sides: Sides, number: int, pairs: Iterable[tuple[int, Pair]], found: Consequences, *, listed: bool
    ) -> None:
        segment = self._segments[number]
        place = Place(sides.recipient, sides.purpose, data_class(segment) or segment.type, segment.unit)
        for released, counted in ((True, found.released), (False, found.withheld)):
            rids = [rid for rid, (one, other) in pairs if one != other and other is released]
            if rids:
                counted[place] += len(rids)
                if listed:
                    await self._list(sides, rids, found, released=released)

    async def _list(self, sides: Sides, rids: Collection[int], found: Consequences, *, released: bool) -> None:
        names = await self._view.names(rids)
        found.moved += [Moved(sides.recipient, sides.purpose, names[rid], released) for rid in sorted(rids)]


def _either(one: Pair, other: Pair) -> Pair:
    return one[0] or other[0], one[1] or other[1]
