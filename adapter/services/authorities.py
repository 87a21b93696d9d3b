"""Records, ends and lists what people know of a person and what the law lets it change.

Each recording is one transaction with what is then in force, so it holds for the next request, and it stands in the
disclosure ledger before that transaction ends: nothing counts that the ledger does not tell. What is recorded is never
changed or removed; a key given by whoever records keeps a repeated request from counting twice.

45 CFR 164.512, 164.522, 164.528; 42 CFR 2.51(c).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson

from adapter.errors import Conflict, NotFound, RequestError, TooMany
from adapter.identity.traits import traits_of
from adapter.services.recorded import recorded_of
from adapter.services.recordings import assertion
from adapter.services.standing import NO_FACT
from adapter.store.shapes import LedgerEntry, LegalAct, LegalFact, row_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adapter.services.decisions import Decisions
    from adapter.services.in_force import InForce
    from adapter.services.keys import SiteKeys
    from adapter.services.people import People
    from adapter.services.recordings import Assertion, AssertionRules, Recording
    from adapter.store.port import Ledger, Store, Transaction

ENDED: Final = "ended"
AWAITED: Final = "awaited"
_HOUR: Final = 3_600_000_000
_WITHOUT_AGREEMENT: Final = frozenset("JEO")
"""Bases that no agreement bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who records: a member of the custodian's staff by name, or the client of a partner.

    ``request`` is the key under which a repeated request is recognised, of this author alone. ``context`` and
    ``purpose`` are those of a caller. ``hourly`` bounds how many facts may be recorded in an hour under the name
    ``bounded``, that of the client whoever uses it.
    """

    name: str
    request: str
    request_id: str
    context: int = 0
    purpose: str = ""
    bounded: str = ""
    hourly: int | None = None

    def entry(self, interaction: str, target: str, *, at: int) -> LedgerEntry:
        """How what was done stands in the ledger: nothing was handed out by it."""
        return LedgerEntry(
            at=at,
            request_id=self.request_id,
            client=self.name,
            context=self.context,
            purpose=self.purpose,
            interaction=interaction,
            target=target,
            passed=(),
        )

    def numbered(self, number: int) -> Author:
        """The same author for one of several recordings that one request asks for."""
        return replace(self, request=f"{self.request} {number}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Whom:
    """Of whom something is recorded: the id of a Patient, which need not be held, or what is known of the person."""

    patient: str = ""
    person: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A recorded fact with what was done about it."""

    fact: LegalFact
    acts: Sequence[LegalAct]


class Authorities:
    """Recorded facts of people: the one way in for holds, restrictions, relationships and asserted bases."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        *,
        decisions: Decisions,
        in_force: InForce,
        people: People,
        keys: SiteKeys,
        rules: AssertionRules,
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._decisions = decisions
        self._in_force = in_force
        self._people = people
        self._keys = keys
        self._rules = rules
        self._clock = clock

    async def assert_basis(self, asked: Assertion, whom: Whom, by: Author) -> str:
        """Record an assertion; as `record`. ``RequestError`` names the facts that are missing or wrong."""
        return await self.record(assertion(asked, self._rules, at=self._clock()), whom, by)

    async def record(self, what: Recording, whom: Whom, by: Author) -> str:
        """Record something; it is durable and in force when its id is returned.

        The same request under the same key gives the same id and counts once; ``Conflict`` when the key was used for
        another request, or for one that no longer holds. ``TooMany`` over the author's hourly bound.
        """
        at = self._clock()
        ident = self._keys.resource_id("recorded", "LegalFact", by.name, by.request)
        digest = _digest(what, whom)
        lawful = None
        if what.fact is not None and what.kind in _WITHOUT_AGREEMENT:
            lawful = await self._decisions.context_of(what.fact.recipient, what.fact.purpose)
        async with self._store.transaction() as change:
            before = await change.recorded_fact(ident)
            if before is None:
                if by.hourly is not None and await change.recordings(by.bounded, since=at - _HOUR) >= by.hourly:
                    raise TooMany("too much was recorded within an hour; try again later")
                patient = await self._key(change, whom)
                await change.record(_fact(what, ident=ident, patient=patient, digest=digest, by=by, at=at))
                if lawful is not None:
                    await self._decisions.admit_lawful(change, lawful)
                await self._refresh(change, patient, at)
            elif before.request != digest or before.stop <= at:
                raise Conflict(
                    "this request key was used for something else, or for what no longer holds; use a new one",
                    expression="request",
                )
            await self._ledger.append(by.entry(what.interaction, _target(whom, ident), at=at))
        return ident

    async def record_within(self, change: Transaction, what: Recording, patient: str, by: Author) -> str:
        """Record something of a Patient inside a change that has more to do; durable and in force when that ends."""
        at, whom = self._clock(), Whom(patient=patient)
        ident = self._keys.resource_id("recorded", "LegalFact", by.name, by.request)
        rid = row_key("Patient", patient)
        await change.record(_fact(what, ident=ident, patient=rid, digest=_digest(what, whom), by=by, at=at))
        await self._refresh(change, rid, at)
        await self._ledger.append(by.entry(what.interaction, _target(whom, ident), at=at))
        return ident

    async def end(self, ident: str, by: Author, *, because: str) -> bool:
        """End a recorded fact now; tells whether it was still in force. ``NotFound`` if there is no such fact."""
        at = self._clock()
        async with self._store.transaction() as change:
            found = await self._known(change, ident)
            ended = await change.end_recorded(ident, at=at)
            if ended:
                await change.add_act(LegalAct(fact=ident, act=ENDED, author=by.name, at=at, words=because))
                await self._refresh(change, found.patient, at)
            await self._ledger.append(by.entry("end", ident, at=at))
        return ended

    async def act(self, ident: str, by: Author, *, act: str, words: str, ends: bool = False) -> None:
        """Keep what was done about a recorded fact, and end it with that where ``ends``."""
        at = self._clock()
        async with self._store.transaction() as change:
            found = await self._known(change, ident)
            await change.add_act(LegalAct(fact=ident, act=act, author=by.name, at=at, words=words))
            if ends and await change.end_recorded(ident, at=at):
                await change.add_act(LegalAct(fact=ident, act=ENDED, author=by.name, at=at, words=act))
                await self._refresh(change, found.patient, at)
            await self._ledger.append(by.entry(act, ident, at=at))

    async def enter(self, by: Author, interaction: str, target: str) -> None:
        """Put an act of an author into the disclosure ledger."""
        await self._ledger.append(by.entry(interaction, target, at=self._clock()))

    async def listed(self, patient: str) -> list[Listed]:
        """What is recorded of the person of a Patient, of all linked records, oldest first."""
        async with self._store.transaction() as change:
            (component,) = await change.components([row_key("Patient", patient)])
            found = {one.id: one for facts in (await recorded_of(change, component)).values() for one in facts}
            ordered = sorted(found.values(), key=lambda one: (one.recorded, one.id))
            return [Listed(fact=one, acts=await change.acts(one.id)) for one in ordered]

    async def of_kinds(self, *kinds: str) -> list[Listed]:
        """Everything recorded of some kinds, of anyone."""
        async with self._store.transaction() as change:
            found = await change.recorded_kinds(kinds)
            return [Listed(fact=one, acts=await change.acts(one.id)) for one in found]

    async def _key(self, change: Transaction, whom: Whom) -> int:
        """Under which key it is kept: that of the Patient named, or of the person who is awaited."""
        if whom.person is None:
            return row_key("Patient", whom.patient)
        known = self._people.facts(0, AWAITED, traits_of(whom.person))
        if not known.keys:
            raise RequestError(
                "not enough is known of the person; give the birth date with a full social security number, a state "
                "identification number or an agency's number, or with name, sex and the last four digits",
                expression="person",
            )
        told = [
            *sorted(key.hex() for key in known.keys),
            *(f"{name}={known.facts[name]}" for name in sorted(known.facts)),
        ]
        person = row_key("Patient", self._keys.resource_id(AWAITED, "Patient", *told))
        await change.await_person(replace(known, patient=person))
        return person

    async def _refresh(self, change: Transaction, patient: int, at: int) -> None:
        await self._in_force.refresh(change, [patient, *await change.sharing(patient)], at=at)

    @staticmethod
    async def _known(change: Transaction, ident: str) -> LegalFact:
        found = await change.recorded_fact(ident)
        if found is None:
            raise NotFound("nothing is recorded under this id; `sallyport record list` tells the ids")
        return found


def _fact(what: Recording, *, ident: str, patient: int, digest: bytes, by: Author, at: int) -> LegalFact:
    start, stop = what.period(at)
    return LegalFact(
        id=ident,
        patient=patient,
        kind=what.kind,
        start=start,
        stop=stop,
        fact=NO_FACT if what.fact is None else orjson.dumps(what.fact.canonical()),
        evidence=orjson.dumps(dict(what.evidence), option=orjson.OPT_SORT_KEYS),
        author=by.name,
        recorded=at,
        request=digest,
    )


def _digest(what: Recording, whom: Whom) -> bytes:
    fact = None if what.fact is None else what.fact.canonical()
    asked = [what.kind, fact, dict(what.evidence), what.start, what.stop, whom.patient, whom.person]
    return sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).digest()


def _target(whom: Whom, ident: str) -> str:
    """What the ledger tells: a Patient by its id, a person by nothing but the recorded fact."""
    return f"Patient/{whom.patient} {ident}" if whom.patient else f"Patient {ident}"
