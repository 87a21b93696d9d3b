"""The evaluator: bodies of consents against facts, to the effects they can have, with a trace of every rule.

It serves the decision about a resource and the compilation of a rule for a segment alike: only the facts
differ. All consents are joined deny over permit, a permit being the only way to release; then the 42 CFR Part
2 overlay asks for a consent of its own kind.

Part 2 overlay: 42 CFR 2.31, 2.32; https://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import reduce
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from adapter.consent.criteria import ActorCriterion
from adapter.consent.obligations import PART2_OBLIGATIONS, Obligation, scope_obligation
from adapter.consent.outcome import (
    DEFERRED,
    DENY,
    FALSE,
    NA,
    NOTHING,
    PERMIT,
    TRUE,
    join,
    join_families,
    settle,
    verdicts,
)
from adapter.consent.scope import scope_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from adapter.consent.criteria import Criterion
    from adapter.consent.facts import Facts
    from adapter.consent.provision import Body, Provision

NO_MATCH: Final = "does not match"
LATER: Final = "depends on the single resource"

_ONLY_PERMIT: Final = 1 << PERMIT


class Effect(Enum):
    """What may happen to a resource; EXCEPTION: each resource of the segment has to be decided on its own."""

    PERMIT = "PERMIT"
    DENY = "DENY"
    EXCEPTION = "EXCEPTION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One rule that was asked: its name, where it stands, what came of it and why."""

    rule: str
    source: str
    outcome: str
    because: str


_Weight = tuple[int, "Body", int]

Entry = tuple[int, str, str, str, str]
"""One line of a trace: directive index (-1 for none), path, rule, outcome, why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An effect with its obligations and the trace of how it came about, losing rules included.

    ``sources`` names the consents the trace and the obligations refer to by index; a rule compiled from a
    policy has none and keeps the index. ``bases`` are the grounds that permit, as a mask of `bases`.
    """

    effect: Effect
    obligations: tuple[Obligation, ...] = ()
    trace: tuple[Entry, ...] = ()
    sources: tuple[str, ...] = ()
    bases: int = 0

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The trace with its sources spelled out: ``Consent/x#provision[0].provision[1]``."""
        return tuple(
            Reason(rule=rule, source=self.source(index, path), outcome=outcome, because=because)
            for index, path, rule, outcome, because in self.trace
        )

    def source(self, directive: int, path: str) -> str:
        """Where a provision stands, by the name of its consent or, in a compiled rule, by its index."""
        if directive < 0:
            return ""
        name = self.sources[directive] if self.sources else str(directive)
        return f"{name}#{path}" if path else name


def _family(provision: Provision, facts: Facts, index: int, trace: list[Entry]) -> int:
    """The outcome sets a provision can yield."""
    guard = TRUE
    doubt = None
    for criterion in provision.criteria:
        truth = criterion.truth(facts)
        if truth > guard:
            if truth == FALSE:
                trace.append((index, provision.path, criterion.element, "not-applicable", NO_MATCH))
                return NOTHING
            guard = truth
            doubt = criterion
    children = NOTHING
    for child in provision.children:
        family = _family(child, facts, index, trace)
        if family != NOTHING:
            children = join_families(children, family)
    family = settle(provision.kind, guard, children)
    trace.append(_entry(provision, index, family, doubt, guard))
    return family


def _entry(provision: Provision, index: int, family: int, doubt: Criterion | None, guard: int) -> Entry:
    """What came of a provision that applies or may apply."""
    possible = verdicts(family)
    outcome = "deny" if possible & DENY else "permit" if possible == PERMIT else "not-applicable"
    if doubt is not None:
        return index, provision.path, doubt.element, outcome, LATER if guard == DEFERRED else doubt.unknown
    if family == 1 << provision.kind:
        return index, provision.path, "provision", outcome, "every criterion is met"
    return (
        index,
        provision.path,
        "provision",
        outcome,
        "every criterion is met, an exception inside it decides",
    )


def _consent(body: Body, facts: Facts, index: int, trace: list[Entry]) -> int:
    """The verdicts one consent can have, as a mask."""
    family = NOTHING
    for root in body.roots:
        family = join_families(family, _family(root, facts, index, trace))
    verdict = verdicts(family)
    if body.capped:
        if verdict != NA:
            trace[-1] = (*trace[-1][:3], "cap", trace[-1][4])
        return verdict
    if not verdict & ~PERMIT:
        trace.append((index, "", "consent", "permit", "permitted for every value of what is unknown"))
    elif not verdict & ~DENY:
        trace.append((index, "", "consent", "deny", "denied for some value of what is unknown, or for all"))
    return verdict


def _ranked(weighed: Sequence[_Weight], trace: list[Entry]) -> int:
    """Where the latest consent wins: a later one decides, and only its silence lets an earlier one speak."""
    verdict = NA
    for _, same in groupby(sorted(weighed, key=_rank), key=_rank):
        if verdict & NA:
            verdict = verdict & ~NA | reduce(join, (one for _, _, one in same))
    trace.append((-1, "", "latest-wins", "not-applicable", "the latest consent that says something decides"))
    return verdict


def _rank(weight: _Weight) -> int:
    return weight[1].rank


def _combined(weighed: Sequence[_Weight], trace: list[Entry]) -> tuple[int, Sequence[_Weight]]:
    """The verdicts all consents can have together, and the consents that speak for a permit.

    Deny over permit among consents of one instrument. Those of different instruments are papers signed apart: what one
    leaves closed does not close another, 42 CFR 2.31(b) and (d), 2.35. A consent that states no instrument is weighed
    against every other, both ways.
    """
    instruments = {_instrument(body) for _, body, _ in weighed}
    if len(instruments) < 2:  # noqa: PLR2004 - nothing to keep apart
        return _together(weighed, trace), weighed
    verdict, speaking = NA, []
    for instrument in sorted(instruments):
        same = [weight for weight in weighed if _instrument(weight[1]) == instrument]
        others = [
            (index, body, one & ~PERMIT | NA if one & PERMIT else one)
            for index, body, one in weighed
            if _instrument(body) != instrument and "" in {instrument, _instrument(body)}
        ]
        one = _together([*same, *others], trace)
        verdict = _either(verdict, one)
        speaking += same if one & PERMIT else []
    return verdict, speaking


def _instrument(body: Body) -> str:
    """The instrument of a consent; none for one that cannot be understood, so that it blocks all it might cover."""
    return "" if body.capped else body.instrument


def _either(left: int, right: int) -> int:
    """The verdicts of two papers signed apart: a permit of one stands beside a denial by the other."""
    mask = left & right & NA | (left | right) & PERMIT
    if (left & DENY and right & ~PERMIT) or (right & DENY and left & ~PERMIT):
        mask |= DENY
    return mask


def _together(weighed: Sequence[_Weight], trace: list[Entry]) -> int:
    """The verdicts consents of one instrument can have together: deny over permit."""
    verdict, said = NA, 0
    for _, _, one in weighed:
        verdict = join(verdict, one)
        said |= one
    if any(body.rank for _, body, _ in weighed):
        return _ranked(weighed, trace)
    if said & PERMIT and said & DENY:
        trace.append((-1, "", "conflict", "deny", "consents in force disagree and deny overrides"))
    return verdict


@dataclass(frozen=True, slots=True)
class _Naming:
    """Whether a provision permits along a path that names the recipient: for certain, or possibly."""

    family: int
    certain: bool
    possible: bool
    chain: tuple[Provision, ...] = ()


def _naming(provision: Provision, facts: Facts, above: tuple[Provision, ...], *, named: bool) -> _Naming:
    """Follow one provision down to the permit that holds in every completion."""
    guard = max((criterion.truth(facts) for criterion in provision.criteria), default=TRUE)
    chain = (*above, provision)
    named = named or any(
        isinstance(criterion, ActorCriterion) and criterion.truth(facts) == TRUE for criterion in provision.criteria
    )
    inner = [_naming(child, facts, chain, named=named) for child in provision.children]
    family = settle(provision.kind, guard, reduce(join_families, (one.family for one in inner), NOTHING))
    if named and provision.kind == PERMIT:
        return _Naming(family, certain=True, possible=True, chain=chain)
    sure = [one for one in inner if one.certain and one.family == _ONLY_PERMIT]
    return _Naming(
        family,
        certain=bool(sure),
        possible=any(one.possible and one.family & _ONLY_PERMIT for one in inner),
        chain=sure[0].chain if sure else (),
    )


def _part2(weighed: Sequence[_Weight], facts: Facts, trace: list[Entry]) -> tuple[Effect, tuple[Obligation, ...]]:
    """The overlay: a 42 CFR Part 2 consent has to permit by itself and by the name of the recipient.

    More than one may; each explains its own scope, the same explanation is given once.
    """
    scopes: dict[str, Obligation] = {}
    doubt = False
    for index, body, verdict in weighed:
        if not body.typed or not verdict & PERMIT:
            continue
        found = [_naming(root, facts, (), named=False) for root in body.roots]
        sure = [one for one in found if one.certain and one.family == _ONLY_PERMIT]
        if verdict == PERMIT and sure:
            chain = sure[0].chain
            text = scope_text(chain)
            scopes.setdefault(text, scope_obligation(index, chain[-1].path, text))
        elif any(one.possible and one.family & _ONLY_PERMIT for one in found):
            doubt = True
    if doubt:
        trace.append((-1, "", "part2", "not-applicable", LATER))
        return Effect.EXCEPTION, ()
    if not scopes:
        trace.append((-1, "", "part2", "deny", "no 42 CFR Part 2 consent permits this recipient by name"))
        return Effect.DENY, ()
    due = [scopes[text] for text in sorted(scopes)]
    trace.append((due[0].directive, due[0].path, "part2", "permit", "a 42 CFR Part 2 consent names the recipient"))
    return Effect.PERMIT, (*PART2_OBLIGATIONS, *due)


def _refused(weighed: Sequence[_Weight]) -> int:
    """The truth of "a consent in force denies exactly this"."""
    if any(verdict == DENY for _, _, verdict in weighed):
        return TRUE
    return DEFERRED if any(verdict & DENY for _, _, verdict in weighed) else FALSE


class Weighed(NamedTuple):
    """What the consents of one person amount to; ``refused`` is the truth of "one of them denies exactly this"."""

    effect: Effect
    obligations: tuple[Obligation, ...]
    refused: int


def weigh(
    held: Iterable[tuple[int, Body]],
    facts: Facts,
    trace: list[Entry],
    *,
    part2: int,
    silent: Mapping[int, str] = MappingProxyType({}),
) -> Weighed:
    """Weigh the consents in force of one person, (index, body) each, and add every rule asked to ``trace``.

    ``part2`` is the truth of "this is a Part 2 record": unless it is FALSE a Part 2 consent is required. ``silent``
    gives, by index, why a consent cannot permit this by law; it may still deny.
    """
    weighed = []
    for index, body in held:
        verdict = _consent(body, facts, index, trace)
        if index in silent and verdict & PERMIT:
            verdict = verdict & ~PERMIT | NA
            trace.append((index, "", "law", "not-applicable", silent[index]))
        weighed.append((index, body, verdict))
    refused = _refused(weighed)
    verdict, speaking = _combined(weighed, trace)
    if not verdict & PERMIT:
        if verdict == NA:
            trace.append((-1, "", "default-deny", "deny", "no consent in force permits this"))
        return Weighed(Effect.DENY, (), refused)
    effect, obligations = (Effect.PERMIT, ()) if part2 == FALSE else _part2(speaking, facts, trace)
    if verdict != PERMIT and effect is Effect.PERMIT:
        return Weighed(Effect.EXCEPTION, (), refused)
    return Weighed(effect, obligations, refused)
