"""What someone has to look at in the Consents of one person: what could not be understood, and what disagrees.

The decision does not wait for anyone: what is listed here denies until it is mended. Nothing of a record is in it, only
names of Consents, elements and partners.

42 CFR 2.31, 45 CFR 164.508(b)(2): a defective consent is no consent.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product
from typing import TYPE_CHECKING, Final, TypeVar

from adapter.consent.asked import Asked
from adapter.consent.criteria import ActorCriterion, DeniedPurposes, PermittedPurposes
from adapter.consent.criteria_resource import ClassCriterion, DeniedLabels, PermittedLabels
from adapter.consent.facts import Facts
from adapter.consent.force import Combination, Revision, in_force
from adapter.consent.outcome import DENY, PERMIT
from adapter.consent.recipient import RecipientContext
from adapter.consent.sensitivity import sensitivity
from adapter.consent.vocabulary import ACT_CODE, ACT_REASON, CONFIDENTIALITY, LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import tzinfo

    from adapter.consent.criteria import Criterion
    from adapter.consent.directive import Directive
    from adapter.consent.provision import Body

CAPPED: Final = "capped"
"""It could not be understood and blocks what it might cover."""
DOUBTFUL: Final = "doubtful"
"""Nobody can tell whether it is in force: it may deny and does not permit."""
CONFLICT: Final = "conflict"
"""The first permits what the second denies, and neither replaces the other: the denial holds."""

_ANYONE: Final = "Organization/anyone"
_TREATMENT: Final = (ACT_REASON, "TREAT")
_DOUBTS: Final = frozenset({"scope", "supersession"})
_MOST: Final = 4096
"""Questions put to a pair of Consents before it is left alone."""

_NO_CLASS: Final = ClassCriterion(frozenset(), frozenset())
_LEVEL_CODES: Final = (*LEVELS, *list(LEVELS)[-1:] * 2)
"""By level; beyond the highest there is, the highest."""

_Part = TypeVar("_Part")
_Kind = TypeVar("_Kind")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class WorkItem:
    """One thing to look at: what kind, which Consents by reference, and why, in words."""

    kind: str
    consents: tuple[str, ...]
    because: str


def work_items(
    directives: Sequence[Directive],
    zone: tzinfo,
    *,
    at: int,
    stated: Sequence[Revision] = (),
    combination: Combination = Combination.DENY_OVERRIDES,
) -> tuple[WorkItem, ...]:
    """What to look at among the Consents of one person at ``at`` (epoch microseconds), sorted.

    ``directives`` are those that apply to the person (see `directive.applicable`).
    """
    held = [
        (directives[one.index].source, one.body)
        for one in in_force(directives, zone, stated=stated, combination=combination)
    ]
    found = {item for source, body in held for item in _of_one(source, body)}
    if combination is Combination.DENY_OVERRIDES:
        understood = [(source, body) for source, body in held if not body.capped]
        for (permitting, one), (denying, other) in permutations(understood, 2):
            because = _conflict(one, other, zone, at)
            if because:
                found.add(WorkItem(kind=CONFLICT, consents=(permitting, denying), because=because))
    return tuple(sorted(found))


def _of_one(source: str, body: Body) -> Iterator[WorkItem]:
    if body.capped:
        yield WorkItem(kind=CAPPED, consents=(source,), because=body.fault)
    for criterion in body.provisions[0].criteria:
        if criterion.element in _DOUBTS:
            yield WorkItem(kind=DOUBTFUL, consents=(source,), because=criterion.unknown)


def _conflict(permitting: Body, denying: Body, zone: tzinfo, at: int) -> str:
    """What the one permits and the other denies, or nothing."""
    pairs = product(_paths(permitting, PERMIT), _paths(denying, DENY))
    for _, (one, other) in zip(range(_MOST), pairs, strict=False):
        facts = _question(one, other, zone, at)
        if Asked(0, permitting, facts).verdict & PERMIT and Asked(0, denying, facts).verdict & DENY:
            (actor,), ((_, purpose),) = facts.actors, facts.purposes
            whom = "anyone" if actor == _ANYONE else actor
            return f"one permits and one denies {whom} for {purpose}; until one replaces the other, denial holds"
    return ""


def _paths(body: Body, kind: int) -> Iterator[list[Criterion]]:
    """The criteria around and in every provision of a type, the innermost first."""
    for place, provision in enumerate(body.provisions):
        if provision.kind == kind:
            criteria: list[Criterion] = []
            while place >= 0:
                criteria += body.provisions[place].criteria
                place = body.around[place]  # noqa: PLW2901  # climbs from where the loop is
            yield criteria


def _question(one: list[Criterion], other: list[Criterion], zone: tzinfo, at: int) -> Facts:
    """A request and a kind of record that both paths speak of, as far as there is one."""
    actor = _shared(_named(one), _named(other), _ANYONE)
    purpose = _shared(_covered(one), _covered(other), _TREATMENT)
    left, right = _first(one, ClassCriterion) or _NO_CLASS, _first(other, ClassCriterion) or _NO_CLASS
    profile = _shared(left.profiles, right.profiles, "")
    return Facts(
        recipient=RecipientContext(actors=frozenset({actor}), purposes=(purpose,)),
        kind=_shared(left.types, right.types, "Observation"),
        profiles=(profile,) if profile else (),
        labels=sensitivity((_label(one, other),)),
        content=None,
        zone=zone,
        at=at,
    )


def _named(path: Iterable[Criterion]) -> frozenset[str]:
    actor = _first(path, ActorCriterion)
    return actor.names if actor else frozenset()


def _covered(path: list[Criterion]) -> frozenset[tuple[str, str]]:
    purposes = _first(path, PermittedPurposes) or _first(path, DeniedPurposes)
    return purposes.covers if purposes else frozenset()


def _label(one: list[Criterion], other: list[Criterion]) -> tuple[str, str]:
    left, right = (_first(path, PermittedLabels) or _first(path, DeniedLabels) for path in (one, other))
    code = _shared(left.codes if left else (), right.codes if right else (), "")
    if code:
        return ACT_CODE, code
    for criterion in (left, right):
        if isinstance(criterion, DeniedLabels) and criterion.marks:
            return min(criterion.marks)
    level = next((criterion.level for criterion in (left, right) if criterion), LEVELS["N"])
    return CONFIDENTIALITY, _LEVEL_CODES[max(level, 0)]


def _first(path: Iterable[Criterion], kind: type[_Kind]) -> _Kind | None:
    return next((criterion for criterion in path if isinstance(criterion, kind)), None)


def _shared(one: Iterable[_Part], other: Iterable[_Part], otherwise: _Part) -> _Part:
    """Something both speak of, else what one of them speaks of."""
    left, right = set(one), set(other)
    return min(left & right or left or right, default=otherwise, key=repr)
