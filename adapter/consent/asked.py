"""One consent asked about facts: which of its provisions hold, what that amounts to, and whom it names.

It is read twice without recursion, so nesting has no limit: forwards for the guards, past what certainly does not
apply, and backwards for the outcomes, exceptions before what they are exceptions to.

Provision semantics: https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapter.consent.criteria import ActorCriterion
from adapter.consent.outcome import (
    DEFERRED,
    DENY,
    FALSE,
    NOTHING,
    PERMIT,
    TRUE,
    join_families,
    settle,
    verdicts,
)
from adapter.consent.scope import scope_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.consent.criteria import Criterion
    from adapter.consent.facts import Facts
    from adapter.consent.provision import Body, Provision

NO_MATCH: Final = "does not match"
LATER: Final = "depends on the single resource"

Entry = tuple[int, str, str, str, str]
"""One line of a trace: directive index (-1 for none), path, rule, outcome, why."""

_ONLY_PERMIT: Final = 1 << PERMIT
_NEVER, _PERHAPS, _ALWAYS = range(3)
"""Whether a provision permits: depending on the single resource it may be one or the other."""


class Asked:
    """What one consent, at ``index`` among those in force, says to facts.

    ``guards`` holds (place, truth of the guard, the criterion that decided it) for every provision looked at;
    ``families`` the outcome sets of every provision by place and, last, of the consent. ``verdict`` is the mask of
    verdicts it can have.
    """

    __slots__ = ("body", "families", "guards", "index", "verdict")

    def __init__(self, index: int, body: Body, facts: Facts) -> None:
        self.index = index
        self.body = body
        self.guards = _guards(body, facts)
        self.families = _families(body, self.guards)
        self.verdict = verdicts(self.families[-1])

    def entries(self) -> Iterator[Entry]:
        """Every provision looked at, exceptions before what they are exceptions to, then the consent itself."""
        for place, guard, criterion in self._inside_out():
            yield self._entry(place, guard, criterion)
        if self.body.capped:
            return
        if self.verdict == PERMIT:
            yield self.index, "", "consent", "permit", "permitted for every value of what is unknown"
        elif self.verdict == DENY:
            yield self.index, "", "consent", "deny", "denied for some value of what is unknown, or for all"

    def _inside_out(self) -> Iterator[tuple[int, int, Criterion | None]]:
        waiting: list[tuple[int, int, Criterion | None]] = []
        for guard in self.guards:
            around = self.body.around[guard[0]]
            while waiting and waiting[-1][0] != around:
                yield waiting.pop()
            waiting.append(guard)
        yield from reversed(waiting)

    def _entry(self, place: int, guard: int, criterion: Criterion | None) -> Entry:
        provision = self.body.provisions[place]
        if criterion is not None and guard == FALSE:
            return self.index, provision.path, criterion.element, "not-applicable", NO_MATCH
        family = self.families[place]
        possible = verdicts(family)
        outcome = "deny" if possible & DENY else "permit" if possible == PERMIT else "not-applicable"
        if self.body.capped and outcome == "deny":
            outcome = "cap"
        if criterion is not None:
            because = LATER if guard == DEFERRED else criterion.unknown
            return self.index, provision.path, criterion.element, outcome, because
        because = "every criterion is met"
        if family != 1 << provision.kind:
            because += ", an exception inside it decides"
        return self.index, provision.path, "provision", outcome, because

    # -- by name -----------------------------------------------------------------------------------

    def naming(self, facts: Facts) -> Naming:
        """Whether it permits along a path that names the recipient, and in every completion."""
        sure = {-1: _ALWAYS}  # along the path so far
        named = {-1: False}
        possible = False
        for place, guard, _ in self.guards:
            if guard == FALSE:
                continue
            provision = self.body.provisions[place]
            around = self.body.around[place]
            family = self.families[place]
            sure[place] = min(sure[around], _sureness(family))
            named[place] = named[around] or any(
                isinstance(criterion, ActorCriterion) and criterion.truth(facts) == TRUE
                for criterion in provision.criteria
            )
            if named[place] and provision.kind == PERMIT and sure[place]:
                if sure[place] == _ALWAYS:
                    # A path before it that the single resource may open would explain another scope.
                    return Naming(self.body, -1 if possible else place, possible=True)
                possible = True
        return Naming(self.body, -1, possible=possible)


class Naming:
    """Whether a consent permits by the name of the recipient: for certain, or possibly; and by which provision."""

    __slots__ = ("_body", "_permit", "possible")

    def __init__(self, body: Body, permit: int, *, possible: bool) -> None:
        self.possible = possible
        self._body = body
        self._permit = permit

    @property
    def certain(self) -> bool:
        """Whether some path permits by name in every completion."""
        return self._permit >= 0

    @property
    def path(self) -> str:
        """Where the provision stands that permits."""
        return self._body.provisions[self._permit].path

    @property
    def scope(self) -> str:
        """What it covers from the root down to the provision that permits, in words."""
        scopes = self._body.scopes
        if self._permit not in scopes:
            scopes[self._permit] = scope_text(list(self._down()))
        return scopes[self._permit]

    def _down(self) -> Iterator[Provision]:
        path = [self._permit]
        while self._body.around[path[-1]] >= 0:
            path.append(self._body.around[path[-1]])
        return (self._body.provisions[place] for place in reversed(path))


def _sureness(family: int) -> int:
    return _ALWAYS if family == _ONLY_PERMIT else _PERHAPS if family & _ONLY_PERMIT else _NEVER


def _guards(body: Body, facts: Facts) -> list[tuple[int, int, Criterion | None]]:
    found: list[tuple[int, int, Criterion | None]] = []
    provisions = body.provisions
    place, end = 0, len(provisions)
    while place < end:
        provision = provisions[place]
        guard = TRUE
        doubt = None
        for criterion in provision.criteria:
            truth = criterion.truth(facts)
            if truth > guard:
                guard = truth
                doubt = criterion
                if truth == FALSE:
                    break
        found.append((place, guard, doubt))
        place += provision.size if guard == FALSE else 1
    return found


def _families(body: Body, guards: list[tuple[int, int, Criterion | None]]) -> list[int]:
    families = [NOTHING] * (len(body.provisions) + 1)
    for place, guard, _ in reversed(guards):
        if guard == FALSE:
            continue
        family = families[place] = settle(body.provisions[place].kind, guard, families[place])
        around = body.around[place]
        families[around] = family if families[around] == NOTHING else join_families(families[around], family)
    return families
