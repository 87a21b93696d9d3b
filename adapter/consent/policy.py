"""What is in force for a person over time, as patient-neutral policies that many people share.

A policy holds no ids, no dates of signing and no patients: two people who signed the same form with the same
choices have byte-equal policies while both are in force. Periods are replaced by what they are inside the
interval, rules that cannot apply are pruned, superseded and inactive consents are gone.

https://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import orjson

from adapter.consent.criteria import Opaque, PeriodCriterion
from adapter.consent.expiry import end, ended
from adapter.consent.force import Combination, Held, Revision, in_force
from adapter.consent.instants import bounds
from adapter.consent.provision import Body, body_of
from adapter.consent.standing import Fact, Timed, fact_of
from adapter.consent.standing import in_force as facts_in_force
from adapter.fhir.dates import MAX, MIN, interval

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from adapter.consent.criteria import Criterion
    from adapter.consent.directive import Directive
    from adapter.consent.expiry import Known
    from adapter.consent.provision import Provision

_DAY = 86_400_000_000
Sources = tuple[tuple[str, ...], ...]
"""For every directive of a policy, by index, the consents that say it."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The consents and facts in force during an interval, without anything that belongs to one person."""

    directives: tuple[Body, ...] = ()
    facts: tuple[Fact, ...] = ()

    @cached_property
    def _bytes(self) -> bytes:
        bodies = [body.canonical() for body in self.directives]
        return orjson.dumps([bodies, [fact.canonical() for fact in self.facts]])

    def canonical(self) -> bytes:
        """The same bytes for the same rules; the key under which a policy is interned."""
        return self._bytes

    @classmethod
    def parse(cls, data: bytes) -> Policy:
        """The policy whose canonical bytes are ``data``."""
        bodies, facts = orjson.loads(data)
        return cls(directives=tuple(map(body_of, bodies)), facts=tuple(map(fact_of, facts)))


class Span(NamedTuple):
    """A policy with the half-open interval it holds for, in epoch microseconds.

    ``ends`` is the first instant at which a consent of it ends by its own period; `MAX` where none does.
    """

    start: int
    stop: int
    policy: Policy
    sources: Sources
    ends: int


def _since(directive: Directive, zone: tzinfo) -> int:
    """From when events count that end a consent and name no case: its signature."""
    return MIN if directive.signed is None else interval(directive.signed, zone)[0]


def _boundaries(held: Sequence[Held], person: _Person) -> list[int]:
    """Every instant at which some provision or fact starts or stops to apply, or an event ends a consent."""
    found, zone = {MIN, MAX}, person.zone
    for start, stop, _ in person.facts:
        found.update((start, stop))
    for one in held:
        directive = person.directives[one.index]
        ends = (end(expiry, _since(directive, zone), person.events) for expiry in directive.expiries)
        found.update(instant for instant in ends if instant is not None)
        if person.longest is not None:
            found.add(_longest(directive, person))
        for provision in one.body.provisions:
            for criterion in provision.criteria:
                if isinstance(criterion, PeriodCriterion):
                    found.update(bounds(criterion.start, criterion.end, zone) or ())
    return sorted(found)


def _at(provision: Provision, instant: int, zone: tzinfo) -> tuple[Criterion, ...] | None:
    """The criteria of a provision at ``instant``, without periods; None where it does not apply.

    A period that cannot be told stays: it is UNKNOWN at every instant.
    """
    kept: list[Criterion] = []
    for criterion in provision.criteria:
        if not isinstance(criterion, PeriodCriterion):
            kept.append(criterion)
            continue
        span = bounds(criterion.start, criterion.end, zone)
        if span is None:
            kept.append(Opaque(criterion.element, criterion.unknown))
        elif not span[0] <= instant < span[1]:
            return None
    return tuple(kept)


def _body_at(one: Held, instant: int, person: _Person) -> Body | None:
    """What a consent says at ``instant``: its provisions then in force, and what events have closed."""
    directive, zone = person.directives[one.index], person.zone
    closed = ended(directive.expiries, _since(directive, zone), person.events, instant)
    if closed is None:
        return None
    said = one.body
    if person.longest is not None and instant >= _longest(directive, person):
        # It permits no more; what it denies stays denied.
        said = said.doubted("period", "it is older than the jurisdiction lets a consent become")
    body = said.pruned(lambda provision: _at(provision, instant, zone))
    return body.excepting(closed) if body is not None and closed else body


def _longest(directive: Directive, person: _Person) -> int:
    """When a consent permits no more by the law of the jurisdiction; one without a date never does."""
    if directive.signed is None or person.longest is None:
        return MIN
    return interval(directive.signed, person.zone)[1] + person.longest * _DAY


def _end(body: Body, instant: int, zone: tzinfo) -> int:
    """When a consent in force at ``instant`` ends by the periods of its roots."""
    ends = MAX
    for root in body.roots():
        for criterion in root.criteria:
            if isinstance(criterion, PeriodCriterion):
                span = bounds(criterion.start, criterion.end, zone)
                if span is not None and span[0] <= instant < span[1]:
                    ends = min(ends, span[1])
    return ends


def _span(held: Sequence[Held], person: _Person, start: int, stop: int) -> Span:
    """The policy from ``start`` on: equal directives said once, in an order that depends on themselves only."""
    bodies: dict[bytes, tuple[Body, list[str]]] = {}
    ends = MAX
    for one in held:
        body = _body_at(one, start, person)
        if body is not None:
            _, said_by = bodies.setdefault(orjson.dumps(body.canonical()), (body, []))
            said_by.append(person.directives[one.index].source)
            ends = min(ends, _end(one.body, start, person.zone), _limit(one, start, person))
    ordered = [bodies[key] for key in sorted(bodies)]
    policy = Policy(directives=tuple(body for body, _ in ordered), facts=facts_in_force(person.facts, start))
    return Span(start, stop, policy, tuple(tuple(sorted(set(said_by))) for _, said_by in ordered), ends)


def _limit(one: Held, instant: int, person: _Person) -> int:
    """When the law of the jurisdiction ends a consent that still permits at ``instant``."""
    limit = MAX if person.longest is None else _longest(person.directives[one.index], person)
    return limit if limit > instant else MAX


class _Person(NamedTuple):
    """All that is known of one person, with the time zone that reads dates without a time."""

    directives: Sequence[Directive]
    facts: Sequence[Timed]
    events: Sequence[Known]
    zone: tzinfo
    longest: int | None


def timeline(
    directives: Sequence[Directive],
    zone: tzinfo,
    *,
    stated: Sequence[Revision] = (),
    combination: Combination = Combination.DENY_OVERRIDES,
    facts: Sequence[Timed] = (),
    events: Sequence[Known] = (),
    longest: int | None = None,
) -> list[Span]:
    """Every policy of one person with the interval it holds for.

    ``directives`` are those that apply to the person (see `directive.applicable`), ``facts`` what else is known of
    the person, ``events`` what is known to have happened that can end a consent, ``longest`` the days after its
    signature in which a consent may permit, where a jurisdiction limits them. The spans follow each other without
    gaps from `MIN` to `MAX`; neighbours differ. Where nothing is in force the policy is empty and denies.
    """
    held = in_force(directives, zone, stated=stated, combination=combination)
    person = _Person(directives, facts, events, zone, longest)
    spans: list[Span] = []
    for start, stop in pairwise(_boundaries(held, person)):
        span = _span(held, person, start, stop)
        last = spans[-1] if spans else None
        if last is not None and last[3:] == span[3:] and last.policy.canonical() == span.policy.canonical():
            spans[-1] = last._replace(stop=stop)
        else:
            spans.append(span)
    return spans
