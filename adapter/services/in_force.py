"""What is in force for a person: the Consents of all records confirmed to be theirs, as policies over all time.

A Consent signed at the release registry applies to the jail's and the clinic's record of the same person; which
records those are is internal. Policies are patient-neutral and interned: most people sign the same form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from adapter.consent.directive import applicable, read
from adapter.consent.names import AtHand
from adapter.consent.policy import Policy, timeline
from adapter.fhir.codec import parse
from adapter.fhir.served import Parts, join
from adapter.store.shapes import PolicySpan, row_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

    from adapter.consent.directive import Directive
    from adapter.services.standing import KnownFacts
    from adapter.store.port import Transaction
    from adapter.store.shapes import ResourceWrite, StoredResource

EMPTY = Policy().canonical()
"""Nothing is in force: default deny, recorded as such."""
_CACHE = 4096


class InForce:
    """Writes the `patient_policy` rows of whoever a change touches, in the transaction of that change."""

    def __init__(self, zone: ZoneInfo, known: KnownFacts) -> None:
        self._zone = zone
        self._known = known
        self._directives: dict[str, Directive] = {}

    async def refresh(self, change: Transaction, patients: Iterable[int], *, at: int) -> int:
        """Recompute what is in force for these patients and everyone confirmed to be the same person."""
        done: set[int] = set()
        for patient in patients:
            if patient in done:
                continue
            component = await change.component(patient)
            done |= component
            await self._put(change, component, at)
        return len(done)

    async def touched(self, change: Transaction, write: ResourceWrite, *, at: int) -> bool:
        """Whether a new version of this resource may change what is in force for its person."""
        if write.type == "Encounter":
            return await self._known.concerned(change, write.patient, write.segment, at=at)
        if write.type == "Patient":
            return not await change.admit(write.patient, await change.intern("policy", EMPTY))
        return write.type == "Consent"

    async def _put(self, change: Transaction, component: set[int], at: int) -> None:
        consents = await change.consents(component)
        facts = await self._known.of(change, component, consents=bool(consents), at=at)
        spans = [
            PolicySpan(
                start=span.start,
                stop=span.stop,
                policy=await change.intern("policy", span.policy.canonical()),
                sources=span.sources,
                ends=span.ends,
            )
            for span in timeline(self._applicable(consents), self._zone, facts=facts)
        ]
        for member in sorted(component):
            await change.set_policy(member, spans)
        # What becomes permitted or denied by time alone is an event too; its moment waits in the outbox.
        later = [(span.start, orjson.dumps({"patient": min(component)})) for span in spans if span.start > at]
        await change.enqueue("boundary", later)

    def _applicable(self, consents: Sequence[StoredResource]) -> list[Directive]:
        # A Consent names the record it was signed for; which records are that person's is decided by the links.
        found = []
        for row in consents:
            directive = self._directive(row)
            named = directive.patient or ""
            own = row_key("Patient", named.partition("/")[2]) == row.patient
            persons = frozenset({named} if own else ())
            fitting = applicable(directive, persons, AtHand([]))
            if fitting is not None:
                found.append(fitting)
        return found

    def _directive(self, row: StoredResource) -> Directive:
        known = self._directives.get(row.version)
        if known is None:
            if len(self._directives) >= _CACHE:
                self._directives.clear()
            known = self._directives[row.version] = read(parse(join(Parts(head=row.head, tail=row.tail))))
        return known
