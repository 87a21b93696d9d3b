"""The full trace of one decision as findings: result, record, person, law, consents, bases, agreements, custody.

For the site's own people only, 42 CFR 2.13(c)(2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from adapter.consent.bases import CUSTODY, custody
from adapter.consent.evaluate import Effect
from adapter.consent.explain import Finding, Spoken, due, findings
from adapter.consent.standing import CUSTODY as IN_CUSTODY
from adapter.consent.standing import fact_of
from adapter.consent.wording import bases_told, fact_told, record_told, regime_told
from adapter.fhir.codec import parse
from adapter.fhir.dates import interval
from adapter.fhir.served import Parts, join
from adapter.services.granting import Granting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from adapter.consent.evaluate import Verdict
    from adapter.consent.recipient import RecipientContext
    from adapter.consent.segment import Segment
    from adapter.consent.standing import Fact
    from adapter.services.decisions import Decisions
    from adapter.services.remembered import Held
    from adapter.services.words import Words
    from adapter.store.port import Snapshot
    from adapter.store.shapes import LegalFact, StoredResource

PERMIT, DENY = "PERMIT", "DENY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One decision in words.

    ``effect`` is PERMIT or DENY; FOUND, EMPTY or REFUSED of a whole request. ``targets`` are the resources it is
    about. ``now`` is how the same would be decided now, where something has changed since.
    """

    question: str
    effect: str
    findings: tuple[Finding, ...] = ()
    targets: tuple[str, ...] = ()
    now: Explanation | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """The findings, a sentence each."""
        told = [str(finding) for finding in self.findings]
        if self.now is not None:
            told += [f"Now: {self.now.question}: {self.now.effect}.", *(f"Now: {line}" for line in self.now.lines)]
        return tuple(told)

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        told: dict[str, Any] = {"question": self.question, "effect": self.effect, "resources": list(self.targets)}
        told["findings"] = [
            {
                "topic": one.topic,
                "outcome": one.outcome,
                "says": one.says,
                "source": one.source,
                "citation": one.citation,
            }
            for one in self.findings
        ]
        return told | {"now": None if self.now is None else self.now.as_dict()}


class Traced(NamedTuple):
    """Whether it passes, and why. ``single``: only this resource was decided, not its like."""

    permitted: bool
    findings: list[Finding]
    single: bool = False


class Tracer:
    """Decides once more from what the store holds, and tells everything it looked at."""

    def __init__(self, decisions: Decisions, words: Words, zone: ZoneInfo) -> None:
        self._decisions = decisions
        self._words = words
        self._zone = zone
        self._granting = Granting(decisions, words)

    async def trace(
        self, view: Snapshot, context: int, row: StoredResource, held: Held, at: int, *, segment: int | None = None
    ) -> Traced:
        """The decision about one stored resource; ``segment`` where it stood in another one then."""
        number = row.segment if segment is None else segment
        recipient, facets = await self._decisions.recipient(context), await self._decisions.segment(number)
        verdict = self._decisions.rule(held.policy, recipient, facets)
        single = verdict.effect is Effect.EXCEPTION
        if single:
            resource = parse(join(Parts(head=row.head, tail=row.tail)))
            verdict = self._decisions.exception(held.policy, recipient, facets, resource)
        spoken = [await self._spoken(view, names) for names in held.sources]
        told = self._record(facets)
        told += await self._person(view, row.patient, held.policy.facts, recipient, at)
        told += findings(verdict, held.policy, recipient=recipient.organisation, spoken=spoken, name=self._words.name)
        allowed = await self._granting.at(view, context, number, recipient, facets, at)
        told += allowed.findings
        live = await view.live(at=at)
        told += await self._freshness(view, verdict, held.policy.facts, at)
        permitted = verdict.bases & allowed.bases & live
        result = self._result(verdict, allowed.bases, permitted)
        return Traced(bool(permitted), [result, *told, *(due(verdict) if permitted else ())], single)

    def _record(self, segment: Segment) -> list[Finding]:
        law, citation = regime_told(segment)
        return [
            Finding(topic="record", outcome="noted", says=record_told(segment, self._words.name)),
            Finding(topic="record", outcome="noted", says=law, citation=citation),
        ]

    @staticmethod
    def _result(verdict: Verdict, allowed: int, permitted: int) -> Finding:
        if permitted:
            grounds = " and ".join(bases_told(permitted))
            says = f"It is given on {grounds}." if grounds else "It is given without any ground being needed."
            return Finding(topic="result", outcome="permit", says=says)
        if not verdict.bases:
            either = "" if allowed else ", and no agreement in force would allow it"
            says = f"It is withheld: neither a consent nor another legal basis permits it{either}."
        elif not allowed:
            grounds = " and ".join(bases_told(verdict.bases))
            says = f"It is withheld: {grounds} would permit it, but no agreement in force allows it."
        elif not verdict.bases & allowed:
            grounds, bound = " and ".join(bases_told(verdict.bases)), " and ".join(bases_told(allowed))
            says = f"It is withheld: {grounds} would permit it, but the agreement in force allows it on {bound} only."
        else:
            says = "It is withheld: only lawful custody would permit it, and the data that tells custody is too old."
        return Finding(topic="result", outcome="deny", says=says)

    async def _person(
        self, view: Snapshot, patient: int, facts: Sequence[Fact], recipient: RecipientContext, at: int
    ) -> list[Finding]:
        """What is known of the person, with when it was recorded where somebody did."""
        if not facts:
            return []
        recorded: dict[Fact, LegalFact] = {}
        for one in await view.recorded(await view.component(patient, at=at)):
            if one.start <= at < one.stop:
                recorded[fact_of(orjson.loads(one.fact))] = one
        found = []
        for fact in facts:
            told = fact_told(fact, recipient, self._words.name)
            if told is not None:
                outcome, says, citation = told
                found.append(
                    Finding(
                        topic="person", outcome=outcome, says=self._dated(says, recorded.get(fact)), citation=citation
                    )
                )
        return found

    def _dated(self, says: str, recorded: LegalFact | None) -> str:
        if recorded is None:
            return says
        until = self._words.until(recorded.stop)
        span = f", in force {until}" if until else ""
        return f"{says[:-1]}; recorded by {recorded.author} on {self._words.moment(recorded.recorded)}{span}."

    async def _freshness(self, view: Snapshot, verdict: Verdict, facts: Sequence[Fact], at: int) -> list[Finding]:
        """Whether custody data may be relied on, where custody was looked at."""
        told = {int(fact.value) for fact in facts if fact.kind == IN_CUSTODY and fact.value.isdigit()}
        if not told and not verdict.bases & CUSTODY:
            return []
        found = []
        for number, (feed, until) in (await view.freshness()).items():
            if number in told or verdict.bases & custody(number):
                old = until <= at
                word = "could be relied on" if old else "can be relied on"
                says = f"The custody data of feed `{feed}` {word} until {self._words.moment(until)}"
                says += "; it is too old, so custody counts as unknown." if old else "."
                found.append(Finding(topic="custody", outcome="deny" if old else "noted", says=says, source=feed))
        return found

    async def _spoken(self, view: Snapshot, names: Sequence[str]) -> Spoken:
        """How the Consents that say a directive are called: by the day they were signed."""
        days = []
        for reference in names:
            row = await view.resource("Consent", reference.removeprefix("Consent/"))
            signed = None if row is None else parse(join(Parts(head=row.head, tail=row.tail))).get("dateTime")
            days.append(self._signed(signed))
        one = len(names) == 1
        known = [day for day in days if day]
        called = f"the consent{'' if one else 's'}" + (
            f" signed on {' and '.join(known)}" if known else " without a date"
        )
        return Spoken(" and ".join(names), called)

    def _signed(self, text: Any) -> str:
        if not isinstance(text, str):
            return ""
        try:
            return self._words.day(interval(text, self._zone)[0])
        except ValueError:
            return ""
