"""The criteria of a provision that ask about the request: period, actor, action and purpose.

Each answers TRUE, UNKNOWN or FALSE for given facts and writes itself as a canonical list. AND across the
elements of a provision, OR inside one; what a permit and a deny take for a match differs where being wrong
would release.

https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from adapter.consent.instants import bounds
from adapter.consent.names import NO_PLACES, tail, type_of
from adapter.consent.outcome import FALSE, TRUE, UNKNOWN

if TYPE_CHECKING:
    from adapter.consent.facts import Facts


class Criterion(Protocol):
    """One element of a provision as a condition."""

    @property
    def element(self) -> str:
        """The element of the provision it comes from."""
        ...

    @property
    def unknown(self) -> str:
        """Why it cannot be decided, in words."""
        ...

    def truth(self, facts: Facts) -> int:
        """Its truth for these facts; DEFERRED where the resource is needed and not there."""
        ...

    def canonical(self) -> list[Any]:
        """Its kind and its parts, sorted."""
        ...


@dataclass(frozen=True, slots=True)
class Opaque:
    """An element nobody can decide: unknown parts, an extension, a modifier."""

    element: str
    unknown: str

    def truth(self, facts: Facts) -> int:  # noqa: ARG002  # no fact can decide it
        """Always UNKNOWN."""
        return UNKNOWN

    def canonical(self) -> list[Any]:
        """Kind, element and the reason."""
        return ["opaque", self.element, self.unknown]


@dataclass(frozen=True, slots=True)
class PeriodCriterion:
    """The life of a consent or of a rule; the end is inclusive, in the custodian's zone."""

    element: ClassVar[str] = "period"
    unknown: ClassVar[str] = "the period ends before it starts"

    start: str | None
    end: str | None

    def truth(self, facts: Facts) -> int:
        """Whether the request's instant lies inside."""
        span = bounds(self.start, self.end, facts.zone)
        if span is None:
            return UNKNOWN
        return TRUE if span[0] <= facts.at < span[1] else FALSE

    def canonical(self) -> list[Any]:
        """Kind and both texts; a compiled policy holds none."""
        return ["period", self.start, self.end]


@dataclass(frozen=True, slots=True)
class ActorCriterion:
    """Whom a provision is about.

    ``names`` are the keys of its recipients. ``unclear``: it also names a recipient nobody can identify.
    ``others``: it also names participants in other roles, of whom nothing is known (AND across kinds of
    role). ``roleless``: some role is missing or unknown, so any name may be the recipient's.
    """

    element: ClassVar[str] = "actor"
    unknown: ClassVar[str] = "a recipient or role it names cannot be resolved"

    names: frozenset[str]
    unclear: bool = False
    others: bool = False
    roleless: bool = False
    _places: frozenset[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find what is enough to rule the names out where all are literal and no circles; else None."""
        plain = all(type_of(name) not in NO_PLACES for name in self.names)
        object.__setattr__(self, "_places", frozenset(map(tail, self.names)) if plain and not self.unclear else None)

    def truth(self, facts: Facts) -> int:
        """Whether the recipient, or anything it belongs to, is named."""
        if self.roleless:
            return UNKNOWN
        if not self.names.isdisjoint(facts.actors):
            return UNKNOWN if self.others else TRUE
        if self.unclear or not self.names:
            return UNKNOWN
        recipient = facts.recipient
        if self._places is not None and not recipient.beyond:
            return FALSE if self._places.isdisjoint(recipient.places) else UNKNOWN
        return FALSE if all(map(recipient.rules_out, self.names)) else UNKNOWN

    def canonical(self) -> list[Any]:
        """Kind, names and what is unclear."""
        return ["actor", sorted(self.names), self.unclear, self.others, self.roleless]


@dataclass(frozen=True, slots=True)
class ActionCriterion:
    """What may be done: `access`, `use` and `disclose` are all reading."""

    element: ClassVar[str] = "action"
    unknown: ClassVar[str] = "an action is of an unknown code or system, or the request states none that is known"

    kinds: frozenset[str]
    unclear: bool = False

    def truth(self, facts: Facts) -> int:
        """Whether what the request asks for is among them."""
        if facts.action in self.kinds:
            return TRUE
        return UNKNOWN if self.unclear or facts.action is None else FALSE

    def canonical(self) -> list[Any]:
        """Kind, kinds of action and whether some were unknown."""
        return ["action", sorted(self.kinds), self.unclear]


@dataclass(frozen=True, slots=True)
class PermittedPurposes:
    """The purposes of a permit: every requested purpose has to be covered.

    ``covers`` holds what is listed and all below it, but `BTG` and `HLEGAL` only where they are listed
    themselves.
    """

    element: ClassVar[str] = "purpose"
    unknown: ClassVar[str] = "a purpose is not known, or the request states none"

    covers: frozenset[tuple[str, str]]
    unclear: bool = False

    def truth(self, facts: Facts) -> int:
        """Whether all requested purposes are covered."""
        if not facts.purposes:
            return UNKNOWN
        if facts.purposes <= self.covers:
            return TRUE
        return UNKNOWN if self.unclear or facts.purposes - self.covers <= facts.recipient.odd else FALSE

    def canonical(self) -> list[Any]:
        """Kind, everything covered and whether some purposes were unknown."""
        return ["purpose", sorted(self.covers), self.unclear]


@dataclass(frozen=True, slots=True)
class DeniedPurposes:
    """The purposes of a deny: one requested purpose at or below one of them suffices."""

    element: ClassVar[str] = "purpose"
    unknown: ClassVar[str] = "a purpose is not known, or the request states none"

    covers: frozenset[tuple[str, str]]
    unclear: bool = False

    def truth(self, facts: Facts) -> int:
        """Whether any requested purpose is covered."""
        if not facts.purposes:
            return UNKNOWN
        if not self.covers.isdisjoint(facts.purposes):
            return TRUE
        return UNKNOWN if self.unclear or facts.recipient.odd else FALSE

    def canonical(self) -> list[Any]:
        """Kind, everything covered and whether some purposes were unknown."""
        return ["purpose", sorted(self.covers), self.unclear]


UNREADABLE_ELEMENT: Final = "it holds an unknown element, a modifier or a wrong shape"
