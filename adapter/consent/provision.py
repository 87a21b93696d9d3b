"""A provision as the decision sees it: its type, its criteria and its exceptions.

https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    from collections.abc import Callable, Mapping, Sequence

PATIENT: Final = "patient"
"""The signer where a consent does not say who signed it."""


@dataclass(frozen=True, slots=True)
class Provision:
    """One rule: ``kind`` is `PERMIT` or `DENY`, ``path`` where it stands in its Consent.

    ``children`` are its exceptions. A deny without criteria or children also stands for a consent that is
    capped.
    """

    kind: int
    path: str
    criteria: tuple[Criterion, ...] = ()
    children: tuple[Provision, ...] = ()

    def canonical(self) -> list[Any]:
        """Type, path, criteria and children, in this order."""
        return [
            "permit" if self.kind == PERMIT else "deny",
            self.path,
            [criterion.canonical() for criterion in self.criteria],
            [child.canonical() for child in self.children],
        ]


@dataclass(frozen=True, slots=True)
class Body:
    """A Consent without its names: what it says, and nothing of whom it says it about.

    ``roots`` are its root provision and the additive rules rewritten from it. ``typed``: it is a 42 CFR Part
    2 consent. ``capped``: it could not be understood and only denies. ``rank``: where the latest consent
    wins, the lower rank goes first; under deny-overrides every rank is 0. ``instrument`` is the kind of release it
    says it is, empty where it says nothing; ``signer`` who signed it; ``disclosers`` the keys of the Part 2 programs it
    lets disclose, empty where it names none.
    """

    roots: tuple[Provision, ...]
    typed: bool = False
    capped: bool = False
    rank: int = 0
    instrument: str = ""
    signer: str = PATIENT
    disclosers: tuple[str, ...] = ()

    def canonical(self) -> list[Any]:
        """Flags, words and roots, in this order."""
        roots = [root.canonical() for root in self.roots]
        words = [self.instrument, self.signer, list(self.disclosers)]
        return [self.typed, self.capped, self.rank, *words, roots]

    def doubted(self, element: str, why: str) -> Body:
        """The same with one more UNKNOWN criterion on every root: it may not be in force."""
        doubt = Opaque(element, why)
        roots = tuple(replace(root, criteria=(doubt, *root.criteria)) for root in self.roots)
        return replace(self, roots=roots)


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


def provision_of(parts: Sequence[Any]) -> Provision:
    """The provision whose canonical list is ``parts``."""
    word, path, criteria, children = parts
    kind = PERMIT if word == "permit" else DENY
    return Provision(
        kind,
        path,
        tuple(_MAKERS[name](kind, *rest) for name, *rest in criteria),
        tuple(provision_of(child) for child in children),
    )


def body_of(parts: Sequence[Any]) -> Body:
    """The body whose canonical list is ``parts``."""
    typed, capped, rank, instrument, signer, disclosers, roots = parts
    found = tuple(provision_of(root) for root in roots)
    return Body(found, typed, capped, rank, instrument, signer, tuple(disclosers))
