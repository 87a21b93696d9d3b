"""Which consents of a person are in force: supersession first, then status and scope.

A consent supersedes another of the same patient when a Provenance says it is its revision, or when they share
an identifier and it is dated later, the dates not overlapping. Only an active or inactive consent supersedes,
even an expired one. Where supersession cannot be told, the older consent may still deny and no longer
permits.

Revision: https://hl7.org/fhir/R4/provenance-definitions.html#Provenance.entity.role
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from adapter.consent.names import listed, literal_key
from adapter.consent.outcome import FALSE, TRUE, UNKNOWN
from adapter.fhir.dates import interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from adapter.consent.directive import Directive
    from adapter.consent.provision import Body


class Combination(Enum):
    """How consents in force combine. Deny overrides unless a county chose that the latest consent wins."""

    DENY_OVERRIDES = "deny-overrides"
    LATEST_WINS = "latest-wins"


@dataclass(frozen=True, slots=True)
class Revision:
    """``new`` revises ``old``; ``clear`` unless the Provenance may mean something else."""

    new: str
    old: str
    clear: bool = True


@dataclass(frozen=True, slots=True)
class Held:
    """A consent in force: its place among the directives given, and what it says."""

    index: int
    body: Body


def _key(reference: object) -> str | None:
    return literal_key(reference.get("reference")) if isinstance(reference, dict) else None


def _revised(entity: object) -> str | None:
    if not isinstance(entity, dict) or entity.get("role") != "revision":
        return None
    return _key(entity.get("what"))


def revisions(provenances: Iterable[Mapping[str, Any]]) -> tuple[Revision, ...]:
    """The revisions of Consents that these Provenance resources state."""
    found = set()
    for provenance in provenances:
        clear = not {"modifierExtension", "implicitRules"} & provenance.keys()
        for target in map(_key, listed(provenance.get("target"))):
            for old in map(_revised, listed(provenance.get("entity"))):
                if target and old:
                    found.add(Revision(target, old, clear))
    return tuple(sorted(found, key=lambda revision: (revision.new, revision.old, revision.clear)))


def _shared(left: Directive, right: Directive) -> int:
    """Truth of "the same identifier"; one without a system may or may not be the same."""
    both = left.identifiers & right.identifiers
    if any(system for system, _ in both):
        return TRUE
    return UNKNOWN if both else FALSE


def _later(new: Directive, old: Directive, zone: tzinfo) -> bool:
    if new.signed is None or old.signed is None:
        return False
    return interval(old.signed, zone)[1] <= interval(new.signed, zone)[0]


class _Supersession:
    """Who supersedes whom among the consents of one person."""

    def __init__(self, directives: Sequence[Directive], stated: Sequence[Revision], zone: tzinfo) -> None:
        self.directives = directives
        self.edges: dict[tuple[int, int], int] = {}
        self.unseen: dict[int, int] = {}
        for new, one in enumerate(directives):
            if one.status in {"active", "inactive"} and one.patient is not None:
                self._by_date(new, one, zone)
        self._by_revision(stated)

    def _by_date(self, new: int, one: Directive, zone: tzinfo) -> None:
        for old, other in enumerate(self.directives):
            same = _shared(one, other)
            if same != FALSE and one.patient == other.patient and _later(one, other, zone):
                self.edges[new, old] = same

    def _by_revision(self, stated: Sequence[Revision]) -> None:
        places: dict[str, list[int]] = {}
        for index, directive in enumerate(self.directives):
            places.setdefault(directive.source, []).append(index)
        for revision in stated:
            truth = TRUE if revision.clear else UNKNOWN
            for old in places.get(revision.old, ()):
                if revision.new not in places:
                    self.unseen[old] = UNKNOWN
                for new in places.get(revision.new, ()):
                    if self._may_revise(new, old):
                        self.edges[new, old] = min(truth, self.edges.get((new, old), UNKNOWN))

    def _may_revise(self, new: int, old: int) -> bool:
        one, other = self.directives[new], self.directives[old]
        same_person = one.patient is not None and one.patient == other.patient
        return one.source != other.source and same_person and one.status in {"active", "inactive"}

    def _reaches(self, start: int, goal: int) -> bool:
        seen, pending = set(), [start]
        while pending:
            place = pending.pop()
            if place == goal:
                return True
            if place not in seen:
                seen.add(place)
                pending += [old for new, old in self.edges if new == place]
        return False

    def superseded(self) -> dict[int, int]:
        """The places of superseded consents with the truth of it; a cycle of revisions is void."""
        found = dict(self.unseen)
        for (new, old), truth in self.edges.items():
            if not self._reaches(old, new):
                found[old] = min(truth, found.get(old, UNKNOWN))
        return found


def _ranked(held: list[Held], directives: Sequence[Directive], zone: tzinfo) -> list[Held]:
    """Rank by date, the latest first; dates that overlap share a rank, undated consents come last."""
    dated = [(interval(signed, zone), one) for one in held if (signed := directives[one.index].signed) is not None]
    dated.sort(key=lambda pair: pair[0], reverse=True)
    ranked: list[Held] = []
    rank, edge = 0, None
    for (low, high), one in dated:
        if edge is not None and high <= edge:
            rank += 1
        edge = low if edge is None else min(low, edge)
        ranked.append(replace(one, body=replace(one.body, rank=0 if one.body.capped else rank)))
    undated = [one for one in held if directives[one.index].signed is None]
    last = rank + 1 if dated else 0
    ranked += [replace(one, body=replace(one.body, rank=0 if one.body.capped else last)) for one in undated]
    return ranked


def in_force(
    directives: Sequence[Directive],
    zone: tzinfo,
    *,
    stated: Sequence[Revision] = (),
    combination: Combination = Combination.DENY_OVERRIDES,
) -> list[Held]:
    """The consents of one person in force, periods aside, with what is uncertain about each added to it."""
    superseded = _Supersession(directives, stated, zone).superseded() if len(directives) > 1 or stated else {}
    held = []
    for index, directive in enumerate(directives):
        replaced = superseded.get(index, FALSE)
        body = directive.alone
        if body is None or replaced == TRUE:
            continue
        if replaced == UNKNOWN:
            body = body.doubted("supersession", "another consent may have replaced it")
        held.append(Held(index, body))
    return held if combination is Combination.DENY_OVERRIDES else _ranked(held, directives, zone)
