"""Recognising people: what each new Patient tells of who it is, compared with the records of other sources.

Exact keys are stored as keyed hashes, what comparison needs is sealed. A record that suddenly tells otherwise of two of
name, birth date, SSN and sex is put on hold: someone may have given another's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from adapter.identity import deterministic
from adapter.identity.match import changed
from adapter.identity.traits import known_by_all, traits_of, with_unsaid
from adapter.services.doubts import doubt
from adapter.services.pairing import Pairing, Regrouped
from adapter.services.seal import TraitSeal
from adapter.store.shapes import IdentityFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from adapter.identity.match import Matcher
    from adapter.identity.traits import Traits
    from adapter.services.in_force import InForce
    from adapter.services.keys import SiteKeys
    from adapter.store.pairs import Portrait
    from adapter.store.port import Ledger, Store, Transaction

_WEIGHTS: Final = "identity-weights"
_BATCH: Final = 500
"""Records of one transaction."""
_DOUBTFUL: Final = 2
"""So many of name, birth date, SSN and sex told otherwise put a record on hold."""


class Told(NamedTuple):
    """What one Patient tells of who it is, and a keyed hash of it that shows a repeat. A tuple: every record tells it.

    ``amends``: numbers that it leaves unsaid are as they were. ``late``: the record tells of an earlier time than one
    that came before it, so it counts only where nothing is known yet.
    """

    patient: int
    source: str
    traits: Traits
    digest: bytes
    amends: bool = False
    late: bool = False


class People:
    """Links source Patients. ``ledger`` hears of every record that is put on hold."""

    def __init__(self, keys: SiteKeys, matcher: Matcher, ledger: Ledger) -> None:
        self._keys = keys
        self._ledger = ledger
        self.pairing = Pairing(matcher, TraitSeal(keys), keys)

    def recognise(self, patient: int, source: str, body: Mapping[str, Any]) -> Told:
        """What may be compared of one Patient, before its match-only identifiers are dropped."""
        traits = traits_of(body)
        return Told(patient, source, traits, self.pairing.seal.told(traits))

    def facts(self, patient: int, source: str, traits: Traits) -> IdentityFacts:
        """The exact keys of a record and the facts by which it contradicts others, hashed."""
        hashed = self._keys.match_hash
        keys = [hashed(rule, value) for rule, value in deterministic.match_keys(traits)]
        known = {name: hashed(name, value).hex() for name, value in deterministic.facts(traits).items()}
        return IdentityFacts(patient=patient, source=source, keys=keys, facts=known)

    async def link(self, change: Transaction, people: Sequence[Told], *, at: int) -> Regrouped:
        """Record what Patients tell, one after the other; link what matches, take back what now contradicts."""
        patients = {told.patient for told in people}
        awaited = {one.patient for one in await change.awaited(patients)}
        anew: set[int] = set()
        regrouped = Regrouped()
        drawn = await self._drawn(change, people, patients)
        for told in people:
            regrouped.add(await self._link(change, told, drawn, anew, at))
        # What was recorded of someone who was awaited begins to count, or no longer does.
        regrouped.patients |= anew & (awaited | {one.patient for one in await change.awaited(anew)})
        return regrouped

    async def merge(self, change: Transaction, patients: Collection[int], *, source: str, at: int) -> Regrouped:
        """Take up what their source says of these records and others of its own, whichever of two came first."""
        regrouped = Regrouped()
        for one, other in await change.merges(patients) if patients else ():
            regrouped.add(await self.pairing.merged(change, one, other, source=source, at=at))
        return regrouped

    async def _drawn(
        self, change: Transaction, people: Sequence[Told], patients: Collection[int]
    ) -> dict[int, Portrait]:
        """What will be kept of those of whom nothing is, with what will be looked for looked up for all together."""
        known = await change.portraits(patients)
        drawn: dict[int, Portrait] = {}
        for patient, source, traits, digest, *_ in people:
            if patient not in known and patient not in drawn:
                drawn[patient] = self.pairing.portrait(patient, source, digest, traits, doubted=False)
        await change.meet([block for portrait in drawn.values() for block in portrait.blocks])
        return drawn

    async def _link(
        self, change: Transaction, told: Told, drawn: Mapping[int, Portrait], anew: set[int], at: int
    ) -> Regrouped:
        """Record what one Patient tells; ``anew`` gets it where its exact keys are others than before."""
        patient, source = told.patient, told.source
        before = (await change.portraits([patient])).get(patient)
        if before is not None and before.told == told.digest:
            return Regrouped()
        traits, doubted, regrouped = told.traits, False, Regrouped()
        if before is not None:
            earlier = self.pairing.opened(before)
            if told.late and (earlier.names or earlier.numbers):
                return Regrouped()
            if told.amends:
                traits = with_unsaid(earlier, traits)
            differing = changed(earlier, traits, self.pairing.matcher)
            doubted = before.doubted or len(differing) >= _DOUBTFUL
            if doubted:
                await doubt(change, self._ledger, self._keys, patient=patient, told=told.digest, why=differing, at=at)
                regrouped.patients.add(patient)
            else:
                traits = known_by_all(earlier, traits)
                if traits == earlier and before.source == source:
                    return Regrouped()
        # Of a record in doubt the exact keys are those of what it tells by itself.
        identity = self.facts(patient, source, told.traits if doubted else traits)
        if await change.identify(identity):
            anew.add(patient)
        if before is None:
            portrait = drawn[patient]
        else:
            portrait = self.pairing.portrait(patient, source, told.digest, traits, doubted=doubted)
        await change.put_portrait(portrait)
        regrouped.patients |= await self._outgrown(change, identity, at)
        return regrouped.add(await self.pairing.place(change, portrait, traits, at=at, new=before is None))

    @staticmethod
    async def _outgrown(change: Transaction, identity: IdentityFacts, at: int) -> set[int]:
        """Take back links to records of which only exact facts are kept, where these contradict now."""
        touched: set[int] = set()
        linked = await change.linked(identity.patient)
        known = await change.portraits([other.patient for other in linked]) if linked else {}
        for other in linked:
            if other.patient not in known and deterministic.contradicts(identity.facts, other.facts):
                await change.unlink(identity.patient, other.patient, at=at)
                touched |= {identity.patient, other.patient}
        return touched

    async def start(self, store: Store, in_force: InForce, *, at: int, progress: Callable[[int, int], None]) -> int:
        """Weigh every pair anew unless it was weighed with these weights; how many records that were.

        ``progress`` is told how many records are done, of how many.
        """
        fingerprint = self.pairing.matcher.fingerprint.encode()
        if await store.setting(_WEIGHTS) == fingerprint:
            return 0
        async with store.transaction() as change:
            everyone = await change.every_portrait()
        for first in range(0, len(everyone), _BATCH):
            async with store.transaction() as change:
                touched: set[int] = set()
                for portrait in (await change.portraits(everyone[first : first + _BATCH])).values():
                    anew = self.pairing.anew(portrait)
                    await change.put_portrait(anew)
                    placed = await self.pairing.place(change, anew, self.pairing.opened(anew), at=at)
                    merged = await self.merge(change, [portrait.patient], source=portrait.source, at=at)
                    touched |= placed.patients | merged.patients
                await in_force.refresh(change, touched, at=at)
            progress(min(first + _BATCH, len(everyone)), len(everyone))
        async with store.transaction() as change:
            await change.set_setting(_WEIGHTS, fingerprint)
        return len(everyone)

    async def accept(self, change: Transaction, portrait: Portrait, *, at: int) -> set[int]:
        """Take what a record now tells of itself for right; the records whose person changed by it."""
        settled = portrait._replace(doubted=False)
        await change.put_portrait(settled)
        traits = self.pairing.opened(settled)
        return {portrait.patient} | (await self.pairing.place(change, settled, traits, at=at)).patients
