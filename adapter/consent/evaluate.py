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
from operator import or_
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from adapter.consent.asked import LATER, Asked, Entry
from adapter.consent.obligations import PART2_OBLIGATIONS, Obligation, scope_obligation
from adapter.consent.outcome import DEFERRED, DENY, FALSE, NA, PERMIT, TRUE, UNKNOWN, join

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from adapter.consent.facts import Facts
    from adapter.consent.provision import Body


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


Note = Entry | Asked
"""A part of a trace: a line, or a consent that is spelled out only when somebody wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An effect with its obligations and notes of how it came about, losing rules included.

    ``sources`` names the consents the trace and the obligations refer to by index; a rule compiled from a
    policy has none and keeps the index. ``bases`` are the grounds that permit, as a mask of `bases`.
    """

    effect: Effect
    obligations: tuple[Obligation, ...] = ()
    notes: tuple[Note, ...] = ()
    sources: tuple[str, ...] = ()
    bases: int = 0

    @property
    def trace(self) -> tuple[Entry, ...]:
        """Every rule that was asked, in order."""
        return tuple(entry for note in self.notes for entry in (note.entries() if isinstance(note, Asked) else (note,)))

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


_Weight = tuple[Asked, int]
"""A consent with the verdicts it can have, law considered."""


def _combined(weighed: Sequence[_Weight], trace: list[Note]) -> tuple[int, Sequence[_Weight]]:
    """The verdicts all consents can have together, and the consents that speak for a permit.

    Deny over permit among consents of one instrument. Those of different instruments are papers signed apart: what one
    leaves closed does not close another, 42 CFR 2.31(b) and (d), 2.35. A consent that states no instrument is weighed
    against every other, both ways.
    """
    instruments = {_instrument(one) for one, _ in weighed}
    if len(instruments) < 2:  # noqa: PLR2004 - nothing to keep apart
        return _together(weighed, trace), weighed
    verdict, speaking = NA, []
    for instrument in sorted(instruments):
        same = [weight for weight in weighed if _instrument(weight[0]) == instrument]
        others = [
            (one, said & ~PERMIT | NA if said & PERMIT else said)
            for one, said in weighed
            if _instrument(one) != instrument and "" in {instrument, _instrument(one)}
        ]
        together = _together([*same, *others], trace)
        verdict = _either(verdict, together)
        speaking += same if together & PERMIT else []
    return verdict, speaking


def _instrument(one: Asked) -> str:
    """The instrument of a consent; none for one that cannot be understood, so that it blocks all it might cover."""
    return "" if one.body.capped else one.body.instrument


def _either(left: int, right: int) -> int:
    """The verdicts of two papers signed apart: a permit of one stands beside a denial by the other."""
    mask = left & right & NA | (left | right) & PERMIT
    if (left & DENY and right & ~PERMIT) or (right & DENY and left & ~PERMIT):
        mask |= DENY
    return mask


def _together(weighed: Sequence[_Weight], trace: list[Note]) -> int:
    """The verdicts consents of one instrument have together: deny over permit, or over those the latest that speaks."""
    if len(weighed) == 1:
        return weighed[0][1]
    if any(one.body.rank for one, _ in weighed):
        return _ranked(weighed, trace)
    verdicts = [said for _, said in weighed]
    any_of = reduce(or_, verdicts, 0)
    if any_of & PERMIT and any_of & DENY:
        trace.append((-1, "", "conflict", "deny", "consents in force disagree and deny overrides"))
    return reduce(join, verdicts, NA)


def _ranked(weighed: Sequence[_Weight], trace: list[Note]) -> int:
    """Where the latest consent wins: a later one decides, and only its silence lets an earlier one speak."""
    verdict = NA
    for _, same in groupby(sorted(weighed, key=_rank), key=_rank):
        if verdict & NA:
            verdict = verdict & ~NA | reduce(join, (said for _, said in same))
    trace.append((-1, "", "latest-wins", "not-applicable", "the latest consent that says something decides"))
    return verdict


def _rank(weight: _Weight) -> int:
    return weight[0].body.rank


def _part2(
    speaking: Sequence[_Weight], facts: Facts, trace: list[Note], *, part2: int
) -> tuple[Effect, tuple[Obligation, ...]]:
    """The overlay: a 42 CFR Part 2 consent has to permit by itself and by the name of the recipient.

    More than one may; each explains its own scope. The same explanation is given once, with the first of the places it
    stands at: which that is does not hang on the order of the consents.
    """
    scopes: dict[str, Obligation] = {}
    doubt = False
    for one, said in speaking:
        if not one.body.typed or not said & PERMIT:
            continue
        naming = one.naming(facts)
        if said == PERMIT and naming.certain:
            text, found = naming.scope, scopes.get(naming.scope)
            if found is None or naming.path < found.path:
                scopes[text] = scope_obligation(one.index, naming.path, text)
        elif naming.possible:
            doubt = True
    if doubt:
        trace.append((-1, "", "part2", "not-applicable", LATER))
        return Effect.EXCEPTION, ()
    if not scopes:
        because = "no 42 CFR Part 2 consent permits this recipient by name"
        if part2 == UNKNOWN:
            because += ", and it may be a Part 2 record: meta.security: expected labels with system and code, all read"
        trace.append((-1, "", "part2", "deny", because))
        return Effect.DENY, ()
    due = [scopes[text] for text in sorted(scopes)]
    trace.append((due[0].directive, due[0].path, "part2", "permit", "a 42 CFR Part 2 consent names the recipient"))
    return Effect.PERMIT, (*PART2_OBLIGATIONS, *due)


class Weighed(NamedTuple):
    """What the consents of one person amount to; ``refused`` is the truth of "one of them denies exactly this"."""

    effect: Effect
    obligations: tuple[Obligation, ...]
    refused: int


def weigh(
    held: Iterable[tuple[int, Body]],
    facts: Facts,
    trace: list[Note],
    *,
    part2: int,
    silent: Mapping[int, str] = MappingProxyType({}),
) -> Weighed:
    """Weigh the consents in force of one person, (index, body) each, and add every rule asked to ``trace``.

    ``part2`` is the truth of "this is a Part 2 record": unless it is FALSE a Part 2 consent is required. ``silent``
    gives, by index, why a consent cannot permit this by law; it may still deny.
    """
    weighed: list[_Weight] = []
    refused = FALSE
    for index, body in held:
        one = Asked(index, body, facts)
        trace.append(one)
        said = one.verdict
        if said & DENY:
            refused = min(refused, TRUE if said == DENY else DEFERRED)
        if silent and index in silent and said & PERMIT:
            said = said & ~PERMIT | NA
            trace.append((index, "", "law", "not-applicable", silent[index]))
        weighed.append((one, said))
    verdict, speaking = _combined(weighed, trace)
    if not verdict & PERMIT:
        if verdict == NA:
            trace.append((-1, "", "default-deny", "deny", "no consent in force permits this"))
        return Weighed(Effect.DENY, (), refused)
    if part2 == FALSE:
        return Weighed(Effect.PERMIT if verdict == PERMIT else Effect.EXCEPTION, (), refused)
    effect, obligations = _part2(speaking, facts, trace, part2=part2)
    if verdict != PERMIT and effect is Effect.PERMIT:
        return Weighed(Effect.EXCEPTION, (), refused)
    return Weighed(effect, obligations, refused)
