"""Who asks and why: the actors of one recipient, closed over everything they belong to, and the purposes.

The closure climbs from PractitionerRole to its practitioner and organization, from Organization to what it is
part of, and into every Group and CareTeam that lists one of these. Ended or inactive memberships do not
count. What cannot be followed is kept as such: a reference that might lie behind it is neither matched nor
ruled out.

https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision.actor
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from adapter.consent.instants import bounds
from adapter.consent.names import CIRCLES, AtHand, identifier_keys, items, reference_key, tail, type_of
from adapter.consent.outcome import FALSE, TRUE, UNKNOWN
from adapter.consent.vocabulary import ACT_REASON, PURPOSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

IDENTIFIER: Final = "identifier"
ANYTHING: Final = "*"

_REACH: Final[Mapping[str, frozenset[str]]] = {
    "Organization": frozenset({"Organization", IDENTIFIER}),
    "PractitionerRole": frozenset({"Practitioner", "Organization", IDENTIFIER}),
    "": frozenset({ANYTHING}),
}
"""What may lie behind an actor that is not at hand; for other types only its identifiers."""

_LINKS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "Organization": (("partOf", "Organization"),),
    "PractitionerRole": (("practitioner", "Practitioner"), ("organization", "Organization")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientContext:
    """One recipient with its purposes; interned by its canonical bytes.

    ``actors`` are the keys of the recipient and of all it belongs to. ``outside`` are the groups and care
    teams it is known not to be in. ``beyond`` are the types of what may lie behind links nobody could follow.
    ``organisation`` is the reference of the organisation that asks. ``asked`` are the purposes as a set,
    ``odd`` those of them that are codes below PurposeOfUse not known here. ``places`` are the actors whatever server
    they name.
    """

    actors: frozenset[str]
    purposes: tuple[tuple[str, str], ...]
    organisation: str = ""
    outside: frozenset[str] = frozenset()
    beyond: frozenset[str] = frozenset()
    asked: frozenset[tuple[str, str]] = field(init=False, repr=False, compare=False)
    odd: frozenset[tuple[str, str]] = field(init=False, repr=False, compare=False)
    places: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Prepare what every criterion asks again and again."""
        asked = frozenset(self.purposes)
        odd = frozenset(one for one in asked if one[0] == ACT_REASON and one[1] not in PURPOSES)
        object.__setattr__(self, "asked", asked)
        object.__setattr__(self, "odd", odd)
        object.__setattr__(self, "places", frozenset(map(tail, self.actors)))

    def rules_out(self, key: str) -> bool:
        """Whether the recipient is certainly not ``key``, which is none of its actors."""
        kind = type_of(key)
        if self.beyond and ((kind or IDENTIFIER) in self.beyond or ANYTHING in self.beyond):
            return False
        if not kind:
            return key.startswith("=")
        if kind in CIRCLES and key not in self.outside:
            return False
        return tail(key) not in self.places

    def canonical(self) -> bytes:
        """The same bytes for the same context, whatever order it was made in."""
        parts = [
            sorted(self.actors),
            sorted(set(self.purposes)),
            self.organisation,
            sorted(self.outside),
            sorted(self.beyond),
        ]
        return orjson.dumps(parts)

    @classmethod
    def parse(cls, data: bytes) -> RecipientContext:
        """The context whose canonical bytes are ``data``."""
        actors, purposes, organisation, outside, beyond = orjson.loads(data)
        return cls(
            actors=frozenset(actors),
            purposes=tuple((system, code) for system, code in purposes),
            organisation=organisation,
            outside=frozenset(outside),
            beyond=frozenset(beyond),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """The time memberships are judged at; without one every membership counts, ended or not."""

    at: int | None
    zone: tzinfo | None

    def holds(self, period: object) -> int:
        """Whether a membership's period covers the moment."""
        if period is None or self.at is None or self.zone is None:
            return TRUE
        if not isinstance(period, dict):
            return UNKNOWN
        start, end = period.get("start"), period.get("end")
        if any(not isinstance(one, str | None) for one in (start, end)):
            return UNKNOWN
        span = bounds(start, end, self.zone)
        if span is None:
            return UNKNOWN
        return TRUE if span[0] <= self.at < span[1] else FALSE


def _flag(value: object, *, member: bool) -> int:
    """Truth of "still a member" from a flag that says so with ``member``; absent is yes."""
    if value is None:
        return TRUE
    if not isinstance(value, bool):
        return UNKNOWN
    return TRUE if value is member else FALSE


class _Closure:
    """The climb from the actors upward."""

    def __init__(self, context: AtHand, moment: _Moment) -> None:
        self.context = context
        self.moment = moment
        self.actors: set[str] = set()
        self.beyond: set[str] = set()

    def climb(self, actors: Iterable[str]) -> None:
        pending = list(actors)
        if not pending:
            self.beyond.add(ANYTHING)
        while pending:
            key = pending.pop()
            if key in self.actors:
                continue
            self.actors.add(key)
            resource = self.context.get(key)
            if resource is None:
                self.beyond |= _REACH.get(type_of(key), frozenset({IDENTIFIER}))
                continue
            self.actors |= identifier_keys(resource)
            pending += self._links(type_of(key), resource)

    def _links(self, kind: str, resource: Mapping[str, Any]) -> list[str]:
        held = TRUE
        if kind == "PractitionerRole":
            held = max(_flag(resource.get("active"), member=True), self.moment.holds(resource.get("period")))
        if held == FALSE:
            return []
        found = []
        for element, target in _LINKS.get(kind, ()):
            for reference in items(resource.get(element)):
                key = self._resolved(reference, target) if held == TRUE else None
                if key is None:
                    self.beyond |= _REACH.get(target, frozenset()) | {target, IDENTIFIER}
                else:
                    found.append(key)
        return found

    def _resolved(self, reference: object, target: str) -> str | None:
        key = reference_key(reference)
        if key is not None and not type_of(key):
            self.actors.add(key)
            return self.context.identified(key, target)
        return key

    def context_of(self, purposes: Sequence[tuple[str, str]], organisation: str) -> RecipientContext:
        outside = self._circles()
        return RecipientContext(
            actors=frozenset(self.actors),
            purposes=tuple(purposes),
            organisation=organisation,
            outside=frozenset(outside),
            beyond=frozenset(self.beyond),
        )

    def _circles(self) -> set[str]:
        """Join every circle that lists an actor until none is left; return those that certainly list none."""
        circles = {key: _Circle(key, circle, self.moment) for key, circle in self.context.of_type(*CIRCLES)}
        joined = True
        while joined:
            joined = False
            for key, circle in circles.items():
                if key not in self.actors and circle.lists(self.actors):
                    self.actors |= {key, *circle.identifiers}
                    joined = True
        rest = {key: circle for key, circle in circles.items() if key not in self.actors}
        so_far = RecipientContext(actors=frozenset(self.actors), purposes=(), beyond=frozenset(self.beyond))
        closed = {key for key, circle in rest.items() if circle.closed(so_far)}
        while True:
            still = {key for key in closed if rest[key].circles() <= closed}
            if still == closed:
                return closed
            closed = still


class _Circle:
    """A Group or CareTeam: who is listed, and whether the list is the whole of it."""

    def __init__(self, key: str, circle: Mapping[str, Any], moment: _Moment) -> None:
        group = type_of(key) == "Group"
        self.identifiers = identifier_keys(circle)
        listing = circle.get("member" if group else "participant")
        self.whole = isinstance(listing, list) and bool(listing) and (not group or _enumerated(circle))
        self.active = _flag(circle.get("active"), member=True) if group else _team_status(circle.get("status"))
        if not group:
            self.active = max(self.active, moment.holds(circle.get("period")))
        self.members = [self._member(one, moment) for one in items(listing)]

    @staticmethod
    def _member(entry: object, moment: _Moment) -> tuple[int, str | None]:
        if not isinstance(entry, dict) or "modifierExtension" in entry:
            return UNKNOWN, None
        held = max(_flag(entry.get("inactive"), member=False), moment.holds(entry.get("period")))
        return held, reference_key(entry.get("entity", entry.get("member")))

    def lists(self, actors: set[str]) -> bool:
        """Whether one of the actors certainly is a member."""
        return self.active == TRUE and any(held == TRUE and key in actors for held, key in self.members)

    def closed(self, recipient: RecipientContext) -> bool:
        """Whether the recipient certainly is no member, circles within this one left aside."""
        if self.active == FALSE:
            return True
        return self.whole and all(
            held == FALSE or (key is not None and key not in recipient.actors and self._apart(key, recipient))
            for held, key in self.members
        )

    @staticmethod
    def _apart(key: str, recipient: RecipientContext) -> bool:
        return type_of(key) in CIRCLES or recipient.rules_out(key)

    def circles(self) -> set[str]:
        """The circles that are members of this one."""
        if self.active == FALSE:
            return set()
        return {key for held, key in self.members if held != FALSE and key and type_of(key) in CIRCLES}


def _enumerated(group: Mapping[str, Any]) -> bool:
    """Whether a Group is its list of members: an actual one that is not described by characteristics."""
    return group.get("actual") is True and "characteristic" not in group


def _team_status(status: object) -> int:
    if status is None or status == "active":
        return TRUE
    return FALSE if status in ("proposed", "suspended", "inactive", "entered-in-error") else UNKNOWN


def close(
    actors: Iterable[str],
    context: AtHand,
    *,
    purposes: Sequence[tuple[str, str]] = (),
    organisation: str = "",
    at: int | None = None,
    zone: tzinfo | None = None,
) -> RecipientContext:
    """Close ``actors`` (references) upward over the resources at hand.

    ``at`` (epoch microseconds) and ``zone`` judge the periods of memberships; without them every membership
    that is not marked inactive counts.
    """
    closure = _Closure(context, _Moment(at=at, zone=zone))
    closure.climb(reference_key({"reference": actor}) or actor for actor in actors)
    return closure.context_of(purposes, organisation)
