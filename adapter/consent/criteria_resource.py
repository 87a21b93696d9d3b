"""The criteria of a provision that ask about the resource: securityLabel, class, code, dataPeriod, data.

A segment can answer the first two. For the others `Facts.content` is needed; without it they are DEFERRED.

https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from adapter.consent.content import Content, refers_to
from adapter.consent.instants import bounds
from adapter.consent.names import identifier_keys, items, reference_key, tail, type_of
from adapter.consent.outcome import DEFERRED, FALSE, TRUE, UNKNOWN
from adapter.consent.recipient import close
from adapter.consent.vocabulary import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapter.consent.facts import Facts
    from adapter.consent.sensitivity import Label


def _any(truths: Iterable[int]) -> int:
    """OR: TRUE if one is, else UNKNOWN if one is, else FALSE."""
    return min(truths, default=FALSE)


def _all(truths: Iterable[int]) -> int:
    """AND of at least one: FALSE if one is, else UNKNOWN if one is, else TRUE."""
    return max(truths)


@dataclass(frozen=True, slots=True)
class PermittedLabels:
    """The labels of a permit: the level is covered, or every sensitivity is listed and it is no V.

    ``level`` is the highest listed (-1 for none), ``codes`` the listed sensitivities and all below them.
    """

    element: ClassVar[str] = "securityLabel"
    unknown: ClassVar[str] = "a label is not understood, or no labeller has seen the resource"

    level: int
    codes: frozenset[str]
    unclear: bool = False

    def truth(self, facts: Facts) -> int:
        """Whether everything the resource is labelled with is covered."""
        labels = facts.labels
        if self.level >= labels.high:
            return TRUE
        restricted = LEVELS["R"]
        covered = labels.codes <= self.codes
        if covered and labels.codes and labels.high <= restricted and not labels.unclear:
            return TRUE
        if self.unclear or self.level >= labels.low:
            return UNKNOWN
        listed_ones = bool(self.codes) and (bool(labels.codes) or labels.unclear)
        doubtful = labels.unclear or labels.high > restricted
        return UNKNOWN if covered and listed_ones and doubtful and labels.low <= restricted else FALSE

    def canonical(self) -> list[Any]:
        """Kind, level, sensitivities and whether some labels were unknown."""
        return ["securityLabel", self.level, sorted(self.codes), self.unclear]


@dataclass(frozen=True, slots=True)
class DeniedLabels:
    """The labels of a deny: a level at or above one listed, or any listed label, suffices.

    ``level`` is the lowest listed (one above the highest there is for none). ``codes`` and ``marks`` are as
    listed; the wide tree of sensitivities is on the side of the resource.
    """

    element: ClassVar[str] = "securityLabel"
    unknown: ClassVar[str] = "a label is not understood or wider than what is denied, or no labeller has seen it"

    level: int
    codes: frozenset[str]
    marks: frozenset[Label]
    unclear: bool = False

    def truth(self, facts: Facts) -> int:
        """Whether the resource is labelled with something denied."""
        labels = facts.labels
        if labels.low >= self.level or not self.codes.isdisjoint(labels.within):
            return TRUE
        if not self.marks.isdisjoint(labels.marks):
            return TRUE
        if self.unclear or labels.unclear or labels.high >= self.level:
            return UNKNOWN
        return FALSE if self.codes.isdisjoint(labels.around) else UNKNOWN

    def canonical(self) -> list[Any]:
        """Kind, level, sensitivities, other labels and whether some were unknown."""
        return ["securityLabel", self.level, sorted(self.codes), sorted(self.marks), self.unclear]


@dataclass(frozen=True, slots=True)
class ClassCriterion:
    """Resource types and profiles; a profile counts where it is claimed, in the version that is listed."""

    element: ClassVar[str] = "class"
    unknown: ClassVar[str] = "a class is of an unknown system, or a profile of another version"

    types: frozenset[str]
    profiles: frozenset[str]
    unclear: bool = False

    def truth(self, facts: Facts) -> int:
        """Whether the resource is of a listed type or claims a listed profile."""
        if facts.type in self.types or not self.profiles.isdisjoint(facts.profiles):
            return TRUE
        truth = UNKNOWN if self.unclear or not facts.type else FALSE
        if not self.profiles:
            return truth
        bare = {profile.partition("|")[0] for profile in self.profiles}
        for claimed in facts.profiles:
            url, _, version = claimed.partition("|")
            if version and url in self.profiles:
                return TRUE
            if url in bare:
                truth = UNKNOWN
        return truth

    def canonical(self) -> list[Any]:
        """Kind, types, profiles and whether some classes were unknown."""
        return ["class", sorted(self.types), sorted(self.profiles), self.unclear]


@dataclass(frozen=True, slots=True)
class CodeCriterion:
    """Codes: for a permit in the primary code of the resource, for a deny anywhere in it."""

    element: ClassVar[str] = "code"
    unknown: ClassVar[str] = "a code cannot be compared, or the resource does not say what it is"

    deny: bool
    codes: frozenset[Label]
    unclear: bool = False

    def truth(self, facts: Facts) -> int:
        """Whether the resource has one of the codes."""
        content = facts.content
        if content is None:
            return DEFERRED
        primary = content.primary()
        if self.deny:
            pairs, bare = content.anywhere()
            if not self.codes.isdisjoint(pairs):
                return TRUE
            if any(code in bare for _, code in self.codes):
                return UNKNOWN
        if primary is None:
            return UNKNOWN
        if not self.codes.isdisjoint(primary):
            return TRUE
        return UNKNOWN if self.unclear else FALSE

    def canonical(self) -> list[Any]:
        """Kind, codes and whether some were without coding."""
        return ["code", sorted(self.codes), self.unclear]


@dataclass(frozen=True, slots=True)
class DataPeriodCriterion:
    """When it happened: for a permit all of it inside, for a deny any overlap, or a change inside."""

    element: ClassVar[str] = "dataPeriod"
    unknown: ClassVar[str] = "the resource has no date, or one that no interval can stand for"

    deny: bool
    start: str | None
    end: str | None

    def truth(self, facts: Facts) -> int:
        """Whether the resource falls into the period."""
        content = facts.content
        if content is None:
            return DEFERRED
        span = bounds(self.start, self.end, facts.zone)
        if span is None:
            return UNKNOWN
        clinical = content.clinical(facts.zone)
        if not self.deny:
            if clinical is None:
                return UNKNOWN
            return TRUE if span[0] <= clinical[0] and clinical[1] <= span[1] else FALSE
        dates = [clinical, *content.updated(facts.zone)]
        return _any(
            UNKNOWN if date is None else TRUE if date[0] < span[1] and span[0] < date[1] else FALSE for date in dates
        )

    def canonical(self) -> list[Any]:
        """Kind and both texts."""
        return ["dataPeriod", self.start, self.end]


@dataclass(frozen=True, slots=True)
class DataCriterion:
    """Single resources and what hangs together with them; ``entries`` are (meaning, key) pairs."""

    element: ClassVar[str] = "data"
    unknown: ClassVar[str] = "what it names is not at hand, or nobody knows who made the record"

    deny: bool
    entries: frozenset[tuple[str, str]]
    unclear: bool = False

    def truth(self, facts: Facts) -> int:
        """Whether the resource is named, related, dependent or authored as stated."""
        content = facts.content
        if content is None:
            return DEFERRED
        truth = _any(self._entry(content, meaning, key) for meaning, key in self.entries)
        return min(truth, UNKNOWN) if self.unclear else truth

    def _entry(self, content: Content, meaning: str, key: str) -> int:
        if meaning == "authoredby":
            return _authored(content, key, deny=self.deny)
        itself = _same({content.key, *identifier_keys(content.resource)} if content.key else set(), key)
        if content.key is None:
            itself = min(itself, UNKNOWN)
        if meaning == "instance" or itself == TRUE:
            return itself
        if self.deny:
            return _any([itself, _refers(content, key), _named_by(content, key), _back_reference(content, key)])
        if meaning == "dependents":
            return _any([itself, _refers(content, key)])
        return _any([itself, _named_by(content, key), _back_reference(content, key)])

    def canonical(self) -> list[Any]:
        """Kind, entries and whether some meaning or reference was unknown."""
        return ["data", sorted(self.entries), self.unclear]


def _same(keys: Iterable[str], key: str) -> int:
    """Whether one of the keys is ``key``; UNKNOWN where only the server differs."""
    place = tail(key)
    return _any(TRUE if one == key else UNKNOWN if place and tail(one) == place else FALSE for one in keys)


def _refers(content: Content, key: str) -> int:
    """Whether this resource refers to the one of that key, by its literal or by an identifier of it."""
    target = content.at_hand.get(key)
    if target is None:
        return min(_same(content.references(), key), UNKNOWN)
    return _any(_same(content.references(), name) for name in {key, *identifier_keys(target)})


def _named_by(content: Content, key: str) -> int:
    """Whether the resource of that key refers to this one, by its literal or by an identifier of it."""
    target = content.at_hand.get(key)
    if target is None or content.key is None:
        return UNKNOWN
    named = refers_to(target)
    return _any(_same(named, name) for name in {content.key, *identifier_keys(content.resource)})


def _back_reference(content: Content, key: str) -> int:
    """Whether it belongs to an encounter, an episode of care or a care plan by its own reference."""
    kind = type_of(key)
    if kind == "CarePlan":
        return _listed_in(content.resource.get("basedOn"), key)
    if kind == "Encounter":
        return _listed_in(content.resource.get("encounter"), key)
    if kind != "EpisodeOfCare" or "encounter" not in content.resource:
        return FALSE
    encounter = reference_key(content.resource["encounter"])
    visit = content.at_hand.get(encounter) if encounter else None
    return UNKNOWN if visit is None else _listed_in(visit.get("episodeOfCare"), key)


def _listed_in(references: object, key: str) -> int:
    """Whether ``key`` is among these references; one by identifier or without a key may be it."""
    keys = [reference_key(one) for one in items(references)]
    return _any(UNKNOWN if one is None or not type_of(one) else _same([one], key) for one in keys)


def _authored(content: Content, key: str, *, deny: bool) -> int:
    """A permit needs every author to be the one named; for a deny one suffices, or one that belongs to it."""
    authors = content.authors()
    if not authors:
        return UNKNOWN
    if not deny:
        return _all(_author_is(author, key) for author in authors)
    return _any(UNKNOWN if author is None else _belongs(content, author, key) for author in authors)


def _author_is(author: str | None, key: str) -> int:
    if author == key:
        return TRUE
    if author is None or not type_of(author) or not type_of(key):
        return UNKNOWN
    return _same([author], key)


def _belongs(content: Content, author: str, key: str) -> int:
    circle = close([author], content.at_hand)
    if key in circle.actors:
        return TRUE
    return FALSE if circle.rules_out(key) else UNKNOWN
