"""A provision as the decision sees it: its type, its criteria and its exceptions.

https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from adapter.consent.criteria import (
    ActionCriterion,
    ActorCriterion,
    Criterion,
    DeniedPurposes,
    Opaque,
    PeriodCriterion,
    PermittedPurposes,
)
from adapter.consent.criteria_resource import (
    ClassCriterion,
    CodeCriterion,
    DataCriterion,
    DataPeriodCriterion,
    DeniedLabels,
    PermittedLabels,
)
from adapter.consent.outcome import DENY, PERMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PATIENT: Final = "patient"
"""The signer where a consent does not say who signed it."""


@dataclass(frozen=True, slots=True)
class Provision:
    """One rule: ``kind`` is `PERMIT` or `DENY`, ``path`` where it stands in its Consent.

    ``size`` counts it and everything inside it. A deny without criteria or exceptions also stands for a consent
    that is capped.
    """

    kind: int
    path: str
    criteria: tuple[Criterion, ...] = ()
    size: int = 1

    def canonical(self) -> list[Any]:
        """Type, path, criteria and size, in this order."""
        word = "permit" if self.kind == PERMIT else "deny"
        return [word, self.path, [criterion.canonical() for criterion in self.criteria], self.size]


@dataclass(frozen=True, slots=True)
class Body:
    """A Consent without its names: what it says, and nothing of whom it says it about.

    ``provisions`` are its root and the additive rules rewritten from it, each followed by its exceptions, in the
    order they are read; nesting has no limit, so nothing here is nested. ``typed``: it is a 42 CFR Part 2 consent.
    ``capped``: it could not be understood and only denies. ``rank``: where the latest consent wins, the lower rank
    goes first; under deny-overrides every rank is 0. ``instrument`` is the kind of release it says it is, empty where
    it says nothing; ``signer`` who signed it; ``disclosers`` the keys of the Part 2 programs it lets disclose, empty
    where it names none. ``around`` is, for every provision, the place of the one around it, -1 for a root.
    """

    provisions: tuple[Provision, ...]
    typed: bool = False
    capped: bool = False
    rank: int = 0
    instrument: str = ""
    signer: str = PATIENT
    disclosers: tuple[str, ...] = ()
    around: tuple[int, ...] = field(init=False, repr=False, compare=False)
    scopes: dict[int, str] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Find what is around what."""
        object.__setattr__(self, "around", tuple(_around(self.provisions)))

    def canonical(self) -> list[Any]:
        """Flags, words and provisions, in this order."""
        provisions = [provision.canonical() for provision in self.provisions]
        words = [self.instrument, self.signer, list(self.disclosers)]
        return [self.typed, self.capped, self.rank, *words, provisions]

    @property
    def fault(self) -> str:
        """Why it is capped: where it could not be understood, and what was expected there."""
        return self.provisions[0].criteria[0].unknown if self.capped else ""

    def roots(self) -> list[Provision]:
        """The root provision and the additive rules."""
        return [one for one, around in zip(self.provisions, self.around, strict=True) if around < 0]

    def doubted(self, element: str, why: str) -> Body:
        """The same with one more UNKNOWN criterion on every root: it may not be in force."""
        doubt = Opaque(element, why)
        provisions = tuple(
            replace(one, criteria=(*one.criteria, doubt)) if around < 0 else one
            for one, around in zip(self.provisions, self.around, strict=True)
        )
        return replace(self, provisions=provisions)

    def pruned(self, kept: Callable[[Provision], tuple[Criterion, ...] | None]) -> Body | None:
        """The same with the criteria that ``kept`` leaves of each provision.

        Where it leaves None the provision is gone with all inside it. None where every root is gone.
        """
        left: dict[int, tuple[Criterion, ...]] = {}
        place = 0
        while place < len(self.provisions):
            criteria = kept(self.provisions[place])
            if criteria is not None:
                left[place] = criteria
            place += 1 if criteria is not None else self.provisions[place].size
        sizes = dict.fromkeys(left, 1)
        for one in reversed(left):
            if self.around[one] >= 0:
                sizes[self.around[one]] += sizes[one]
        provisions = tuple(
            replace(self.provisions[one], criteria=criteria, size=sizes[one]) for one, criteria in left.items()
        )
        return replace(self, provisions=provisions) if provisions else None

    def excepting(self, denials: Sequence[Provision]) -> Body:
        """The same with these denials as exceptions to every root."""
        provisions: list[Provision] = []
        for one, around in zip(self.provisions, self.around, strict=True):
            if around < 0 and provisions:
                provisions += denials
            provisions.append(replace(one, size=one.size + len(denials)) if around < 0 else one)
        return replace(self, provisions=(*provisions, *denials))


def _around(provisions: Sequence[Provision]) -> Iterator[int]:
    inside: list[tuple[int, int]] = []  # the provisions around this place, each with the first place after it
    for place, provision in enumerate(provisions):
        while inside and inside[-1][1] <= place:
            inside.pop()
        yield inside[-1][0] if inside else -1
        if provision.size > 1:
            inside.append((place, place + provision.size))


def _pairs(lists: Sequence[Sequence[str]]) -> frozenset[tuple[str, str]]:
    return frozenset((system, code) for system, code in lists)


def _labels(deny: int, level: int, codes: Sequence[str], *rest: Any) -> Criterion:  # JSON
    if deny == DENY:
        marks, unclear = rest
        return DeniedLabels(level, frozenset(codes), _pairs(marks), unclear)
    return PermittedLabels(level, frozenset(codes), *rest)


def _purposes(kind: int, covers: Sequence[Sequence[str]], unclear: bool) -> Criterion:  # noqa: FBT001  # JSON
    return (DeniedPurposes if kind == DENY else PermittedPurposes)(_pairs(covers), unclear)


_MAKERS: Final[Mapping[str, Callable[..., Criterion]]] = {
    "opaque": lambda _, element, why: Opaque(element, why),
    "period": lambda _, start, end: PeriodCriterion(start, end),
    "actor": lambda _, names, *flags: ActorCriterion(frozenset(names), *flags),
    "action": lambda _, kinds, unclear: ActionCriterion(frozenset(kinds), unclear),
    "purpose": _purposes,
    "securityLabel": _labels,
    "class": lambda _, types, profiles, unclear: ClassCriterion(frozenset(types), frozenset(profiles), unclear),
    "code": lambda kind, codes, unclear: CodeCriterion(kind == DENY, _pairs(codes), unclear),
    "dataPeriod": lambda kind, start, end: DataPeriodCriterion(kind == DENY, start, end),
    "data": lambda kind, entries, unclear: DataCriterion(kind == DENY, _pairs(entries), unclear),
}
"""From the canonical parts of a criterion back to it, given the type of its provision."""


def _provision_of(parts: Sequence[Any]) -> Provision:
    word, path, criteria, size = parts
    kind = PERMIT if word == "permit" else DENY
    return Provision(kind, path, tuple(_MAKERS[name](kind, *rest) for name, *rest in criteria), size)


def body_of(parts: Sequence[Any]) -> Body:
    """The body whose canonical list is ``parts``."""
    typed, capped, rank, instrument, signer, disclosers, provisions = parts
    read = tuple(map(_provision_of, provisions))
    return Body(read, typed, capped, rank, instrument, signer, tuple(disclosers))
