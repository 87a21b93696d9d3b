"""What is in force for a person over time, as patient-neutral policies that many people share.

A policy holds no ids, no dates of signing and no patients: two people who signed the same form with the same
choices have byte-equal policies while both are in force. Periods are replaced by what they are inside the
interval, rules that cannot apply are pruned, superseded and inactive consents are gone.

https://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import orjson

from adapter.consent.criteria import Opaque, PeriodCriterion
from adapter.consent.force import Combination, Held, Revision, in_force
from adapter.consent.instants import bounds
from adapter.consent.provision import Body, Provision, body_of
from adapter.consent.standing import Fact, Timed, fact_of
from adapter.consent.standing import in_force as facts_in_force
from adapter.fhir.dates import MAX, MIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from adapter.consent.criteria import Criterion
    from adapter.consent.directive import Directive

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


def _provisions(body: Body) -> Iterator[Provision]:
    pending = list(body.roots)
    while pending:
        provision = pending.pop()
        yield provision
        pending += provision.children


def _boundaries(held: Sequence[Held], zone: tzinfo, facts: Sequence[Timed]) -> list[int]:
    """Every instant at which some provision or fact starts or stops to apply."""
    found = {MIN, MAX}
    for start, stop, _ in facts:
        found.update((start, stop))
    for one in held:
        for provision in _provisions(one.body):
            for criterion in provision.criteria:
                if isinstance(criterion, PeriodCriterion):
                    found.update(bounds(criterion.start, criterion.end, zone) or ())
    return sorted(found)


def _at(provision: Provision, instant: int, zone: tzinfo) -> Provision | None:
    """The provision as it is at ``instant``, without periods; None where it does not apply.

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
    children = (_at(child, instant, zone) for child in provision.children)
    return replace(provision, criteria=tuple(kept), children=tuple(child for child in children if child is not None))


def _body_at(body: Body, instant: int, zone: tzinfo) -> Body | None:
    roots = (_at(root, instant, zone) for root in body.roots)
    kept = tuple(root for root in roots if root is not None)
    return replace(body, roots=kept) if kept else None


def _end(body: Body, instant: int, zone: tzinfo) -> int:
    """When a consent in force at ``instant`` ends by the periods of its roots."""
    ends = MAX
    for root in body.roots:
        for criterion in root.criteria:
            if isinstance(criterion, PeriodCriterion):
                span = bounds(criterion.start, criterion.end, zone)
                if span is not None and span[0] <= instant < span[1]:
                    ends = min(ends, span[1])
    return ends


def _span(
    held: Sequence[Held], names: Sequence[str], facts: Sequence[Timed], start: int, stop: int, zone: tzinfo
) -> Span:
    """The policy from ``start`` on: equal directives said once, in an order that depends on themselves only."""
    bodies: dict[bytes, tuple[Body, list[str]]] = {}
    ends = MAX
    for one in held:
        body = _body_at(one.body, start, zone)
        if body is not None:
            _, said_by = bodies.setdefault(orjson.dumps(body.canonical()), (body, []))
            said_by.append(names[one.index])
            ends = min(ends, _end(one.body, start, zone))
    ordered = [bodies[key] for key in sorted(bodies)]
    policy = Policy(directives=tuple(body for body, _ in ordered), facts=facts_in_force(facts, start))
    return Span(start, stop, policy, tuple(tuple(sorted(set(said_by))) for _, said_by in ordered), ends)


def timeline(
    directives: Sequence[Directive],
    zone: tzinfo,
    *,
    stated: Sequence[Revision] = (),
    combination: Combination = Combination.DENY_OVERRIDES,
    facts: Sequence[Timed] = (),
) -> list[Span]:
    """Every policy of one person with the interval it holds for.

    ``directives`` are those that apply to the person (see `directive.applicable`), ``facts`` what else is known of
    the person. The spans follow each other without gaps from `MIN` to `MAX`; neighbours differ. Where nothing is in
    force the policy is empty and denies.
    """
    held = in_force(directives, zone, stated=stated, combination=combination)
    names = [directive.source for directive in directives]
    spans: list[Span] = []
    for start, stop in pairwise(_boundaries(held, zone, facts)):
        span = _span(held, names, facts, start, stop, zone)
        last = spans[-1] if spans else None
        if last is not None and last[3:] == span[3:] and last.policy.canonical() == span.policy.canonical():
            spans[-1] = last._replace(stop=stop)
        else:
            spans.append(span)
    return spans
