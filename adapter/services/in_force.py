"""What is in force for a person: the Consents of all records confirmed to be theirs, as policies over all time.

A Consent signed at the release registry applies to the jail's and the clinic's record of the same person; which
records those are is internal. Policies are patient-neutral and interned: most people sign the same form.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from adapter.consent.directive import applicable
from adapter.consent.instants import bounds
from adapter.consent.names import AtHand
from adapter.consent.outcome import TRUE
from adapter.consent.policy import Policy, timeline
from adapter.consent.share import SHARE_PROFILE
from adapter.services.leaning import closing, likely, restraining
from adapter.services.signed import SignedConsents
from adapter.store.shapes import BEGINNING, END, PolicySpan, row_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.consent.directive import Directive
    from adapter.consent.expiry import Known
    from adapter.consent.policy import Span
    from adapter.consent.standing import Timed
    from adapter.services.events import KnownEvents
    from adapter.services.signed import Signed
    from adapter.services.standing import KnownFacts
    from adapter.store.port import Store, Transaction
    from adapter.store.shapes import ResourceWrite, StoredResource
    from adapter.store.survey import PersonRecords

EMPTY = Policy().canonical()
"""Nothing is in force: default deny, recorded as such."""
ENGINE = 3
"""Raised when the same Consents and facts may amount to another policy."""
_RULES = "policies"
_SHARE = SHARE_PROFILE.encode()
BATCH = 2000
"""Patients per transaction of a rebuild."""


class InForce:
    """Writes the `patient_policy` rows of whoever a change touches, in the transaction of that change."""

    def __init__(self, zone: ZoneInfo, known: KnownFacts, events: KnownEvents, *, longest: int | None = None) -> None:
        self._zone = zone
        self._longest = longest
        self._known = known
        self._events = events
        self._signed = SignedConsents()

    async def touched(self, change: Transaction, writes: Collection[ResourceWrite], *, at: int) -> set[int]:
        """For which patients these new versions may change what is in force; asked once, after all are put."""
        patients = {write.patient for write in writes if write.type == "Patient"}
        new = await change.admit(patients, await change.intern("policy", EMPTY))
        # Of someone who is new something may have been recorded before any record came.
        found = patients - new | {one.patient for one in await change.recorded(new)}
        found |= {write.patient for write in writes if write.type == "Consent"}
        found |= await self._known.concerned(change, [one for one in writes if one.type == "Encounter"], at=at)
        telling = {one.patient for one in writes if await self._events.tells(one)}
        return found | await self.awaiting_event(change, telling)

    async def awaiting_event(self, change: Transaction, patients: Collection[int]) -> set[int]:
        """Those of these patients of whose person a consent ends with an event."""
        components = await change.components(patients)
        consents: dict[int, list[Signed]] = {}
        await self._read(change, (one for component in components for one in component), consents)
        return {one for component in components if _awaiting(component, consents) for one in component}

    async def _read(self, change: Transaction, patients: Iterable[int], consents: dict[int, list[Signed]]) -> None:
        self._keep(await change.consents(patients), consents)

    def _keep(self, rows: Iterable[StoredResource], consents: dict[int, list[Signed]]) -> None:
        for row in rows:
            # What tells a recipient of a Consent is no consent of its own.
            if _SHARE not in row.head:
                consents.setdefault(row.patient, []).append(self._signed.read(row))

    async def refresh(self, change: Transaction, patients: Iterable[int], *, at: int) -> int:
        """Recompute what is in force for these patients and everyone confirmed to be, or likely, the same person."""
        components = await change.components(patients)
        others = await likely(change, components, at=END)
        if others:
            known = {patient for component in components for patient in component}
            components += await change.components({one for those in others.values() for one in those} - known)
        await self._settle(change, components, at)
        return sum(map(len, components))

    async def start(self, store: Store, sources: str, *, at: int, progress: Callable[[int, int], None]) -> None:
        """Recompute what is in force for everyone unless it was computed by the same rules; see `rebuild`.

        ``sources`` tells apart what facts are read from; the zone of the site tells where a day ends.
        """
        rules = sha256(repr((ENGINE, sources, str(self._zone), self._longest)).encode()).digest()
        if await store.setting(_RULES) != rules:
            await self.rebuild(store, at=at, progress=progress)
            async with store.transaction() as change:
                await change.set_setting(_RULES, rules)

    async def rebuild(self, store: Store, *, at: int, progress: Callable[[int, int], None]) -> int:
        """Recompute what is in force for everyone, in batches; a crash between two leaves the rest as it was.

        ``progress`` is told how many patients are done, of how many.
        """
        patients = await store.patients()
        done: set[int] = set()
        for first in range(0, len(patients), BATCH):
            async with store.transaction() as change:
                batch = [patient for patient in patients[first : first + BATCH] if patient not in done]
                components = await change.components(batch)
                done.update(member for component in components if len(component) > 1 for member in component)
                await self._settle(change, components, at)
            progress(min(first + BATCH, len(patients)), len(patients))
        return len(patients)

    async def timeline(
        self, held: PersonRecords, component: frozenset[int], *, at: int, replaced: StoredResource | None = None
    ) -> list[Span]:
        """What is in force for a person by what is held of it at an instant, from then on; nothing is written.

        ``replaced`` is a Consent to be taken as held, in place of the one of its id.
        """
        others = (await likely(held, [component], at=at)).get(component, frozenset())
        rows = await held.consents(component | others)
        if replaced is not None:
            rows = [row for row in rows if row.rid != replaced.rid] + [replaced]
        consents: dict[int, list[Signed]] = {}
        self._keep(rows, consents)
        everyone = [component, others] if others else [component]
        facts = await self._known.of(held, everyone, having_consents=consents.keys(), at=at)
        awaiting = [component] if _awaiting(component, consents) else []
        events = await self._events.of(held, awaiting)
        return timeline(
            _weighing(component, others, consents),
            self._zone,
            facts=[*facts.get(component, ()), *closing(facts.get(others, ()))],
            events=events.get(component, ()),
            longest=self._longest,
        )

    async def _settle(self, change: Transaction, components: Sequence[frozenset[int]], at: int) -> None:
        """Put what is in force for these people, each of them the records that are one person."""
        others = await likely(change, components, at=END)
        people = list(dict.fromkeys([*components, *others.values()]))
        consents: dict[int, list[Signed]] = {}
        await self._read(change, {patient for one in people for patient in one}, consents)
        facts = await self._known.of(change, people, having_consents=consents.keys(), at=at)
        events = await self._events.of(change, [one for one in components if _awaiting(one, consents)])
        empty = await change.intern("policy", EMPTY)
        settled: list[tuple[int, Sequence[PolicySpan]]] = []
        later: list[tuple[int, int]] = []
        for component in components:
            theirs = [one for patient in sorted(component) for one in consents.get(patient, ())]
            likely_same = others.get(component, frozenset())
            known = _Known(
                [*facts.get(component, ()), *closing(facts.get(likely_same, ()))],
                events.get(component, ()),
                _restraints(likely_same, consents),
            )
            spans = await self._spans(change, component, theirs, known, empty)
            settled += [(member, spans) for member in component]
            # What becomes permitted or denied by time alone is an event too.
            later += [(span.start, min(component)) for span in spans if span.start > at]
        await change.set_policies(settled, at=at)
        await change.mark_boundaries(later)

    async def _spans(
        self,
        change: Transaction,
        component: frozenset[int],
        consents: Sequence[Signed],
        known: _Known,
        empty: int,
    ) -> list[PolicySpan]:
        if not known.facts and not known.restraints:
            if not consents:
                return [PolicySpan(start=BEGINNING, stop=END, policy=empty, sources=())]
            spans = await self._one_form(change, consents, component, empty) if self._longest is None else None
            if spans is not None:
                return spans
        return [
            PolicySpan(
                start=span.start,
                stop=span.stop,
                policy=await change.intern("policy", span.policy.canonical()),
                sources=span.sources,
                ends=span.ends,
            )
            for span in timeline(
                [*_applicable(consents, component), *known.restraints],
                self._zone,
                facts=known.facts,
                events=known.events,
                longest=self._longest,
            )
        ]

    async def _one_form(
        self, change: Transaction, consents: Sequence[Signed], component: frozenset[int], empty: int
    ) -> list[PolicySpan] | None:
        """The timeline of someone who signed one form that is in force from one instant to another, else None.

        It is what `timeline` would say, without taking apart again what many have signed.
        """
        one, *others = consents
        form = one.form
        if others or form is None or form.directive.scope != TRUE or form.directive.status != "active":
            return None
        span = bounds(*one.life, self._zone)
        if span is None or row_key(*one.patient) not in component:
            return None
        start, stop = span
        policy = await change.intern("policy", form.policy)
        spans = [
            PolicySpan(start=BEGINNING, stop=start, policy=empty, sources=()),
            PolicySpan(start=start, stop=stop, policy=policy, sources=((one.source,),), ends=stop),
            PolicySpan(start=stop, stop=END, policy=empty, sources=()),
        ]
        return [one for one in spans if one.start < one.stop]


class _Known(NamedTuple):
    """What is known of a person besides consents; ``restraints`` are those of records that are likely the same's."""

    facts: Sequence[Timed]
    events: Sequence[Known]
    restraints: Sequence[Directive]


def _awaiting(component: Iterable[int], consents: Mapping[int, Sequence[Signed]]) -> bool:
    """Whether a consent of these records ends with an event."""
    mine = (one for patient in component for one in consents.get(patient, ()))
    return any(one.form is None and one.directive.expiries for one in mine)


def _names(directive: Directive, component: frozenset[int]) -> bool:
    """Whether a Consent names one of these records."""
    kind, _, ident = (directive.patient or "").partition("/")
    return kind == "Patient" and row_key(kind, ident) in component


def _applicable(consents: Sequence[Signed], component: frozenset[int]) -> list[Directive]:
    """The Consents as they apply to the person: each names the record it was signed for, links say whose that is."""
    found = []
    for one in consents:
        directive = one.directive
        persons = frozenset({directive.patient or ""} if _names(directive, component) else ())
        fitting = applicable(directive, persons, AtHand([]))
        if fitting is not None:
            found.append(fitting)
    return found


def _restraints(others: frozenset[int], consents: Mapping[int, Sequence[Signed]]) -> list[Directive]:
    """The Consents of records that are likely the same person's, as they count for it."""
    return restraining(_applicable([one for other in sorted(others) for one in consents.get(other, ())], others))


def _weighing(
    component: frozenset[int], others: frozenset[int], consents: Mapping[int, Sequence[Signed]]
) -> list[Directive]:
    """Everything that is weighed for a person."""
    own = _applicable([one for patient in sorted(component) for one in consents.get(patient, ())], component)
    return [*own, *_restraints(others, consents)]
