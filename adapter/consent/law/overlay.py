"""Jurisdiction overlays: what a state's law adds to federal law, as parameters.

The most protective wins. Merging is a union of restrictions (and the shorter period), so order and repetition change
nothing and no overlay permits what another forbids. One question is answered the other way round: under federal law
alone nobody signs for a minor here, an overlay may name who does, and where several do, all of them have to agree.

42 CFR 2.14, 2.20; 45 CFR 160.203(b), 164.502(g).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import reduce
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from adapter.consent.law.basis_spec import Name, RequiredFact, Spec, Text
from adapter.consent.vocabulary import SENSITIVE

if TYPE_CHECKING:
    from collections.abc import Iterable

MINOR: Final = "minor"
ADULTHOOD: Final = 18

Elder = Literal["parent", "guardian", "representative"]
"""Who may sign for a minor beside the minor."""


def _known(code: str) -> str:
    if code not in SENSITIVE:
        raise ValueError("expected a sensitivity of v3-ActCode such as MH or SUD")
    return code


Sensitivities = tuple[Annotated[str, Field(min_length=1)], ...]


class MinorClass(Spec):
    """A class of care: from ``age`` the minor consents to it alone and signs alone; ``below`` signs before that age."""

    labels: Sensitivities = Field(min_length=1)
    age: int = Field(ge=0, le=ADULTHOOD)
    below: tuple[Elder, ...] = ()


class MinorConsent(Spec):
    """Who signs for a minor: for the classes named, and for ``others``; nobody where nothing is said."""

    classes: tuple[MinorClass, ...] = ()
    others: tuple[Elder, ...] = ()


class Overlay(Spec):
    """One file of `profiles/law/overlays` or of a site's `overlays/`."""

    overlay: Name
    title: Text
    sources: tuple[Text, ...] = Field(min_length=1)
    extra_statements: tuple[Text, ...] = ()
    tpo_narrowing: Sensitivities = ()
    minor_consent: MinorConsent | None = None
    fact_of_treatment_protected: bool = False
    extra_emergency_fields: tuple[RequiredFact, ...] = ()
    proceeding_bar: Sensitivities = ()
    no_onward_disclosure: Sensitivities = ()
    max_days: int | None = Field(default=None, ge=1)
    copy_required: bool = False
    separate_form_class: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _sensitive(self) -> Overlay:
        classes = self.minor_consent.classes if self.minor_consent else ()
        for code in (
            *self.tpo_narrowing,
            *self.proceeding_bar,
            *self.no_onward_disclosure,
            *(label for one in classes for label in one.labels),
        ):
            _known(code)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerTable:
    """Who signs for a minor by one overlay: (labels, age, who before it) of each class, and who for the rest."""

    classes: frozenset[tuple[frozenset[str], int, frozenset[str]]]
    others: frozenset[str]

    def canonical(self) -> list[Any]:
        """Classes and the rest, sorted."""
        classes = sorted([sorted(labels), age, sorted(below)] for labels, age, below in self.classes)
        return [classes, sorted(self.others)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Jurisdiction:
    """Every overlay of a site in one; without any, federal law alone."""

    extra_statements: frozenset[str] = frozenset()
    tpo_narrowing: frozenset[str] = frozenset()
    signers: frozenset[SignerTable] = frozenset()
    fact_of_treatment_protected: bool = False
    extra_emergency_fields: frozenset[tuple[str, str, str, str, tuple[tuple[str, str], ...]]] = frozenset()
    proceeding_bar: frozenset[str] = frozenset()
    no_onward_disclosure: frozenset[str] = frozenset()
    max_days: int | None = None
    copy_required: bool = False
    separate_form_class: frozenset[str] = frozenset()

    def __or__(self, other: Jurisdiction) -> Jurisdiction:
        """Both: every restriction of either."""
        merged: dict[str, Any] = {}
        for field in fields(self):
            left, right = getattr(self, field.name), getattr(other, field.name)
            merged[field.name] = left | right if field.name != "max_days" else _shorter(left, right)
        return Jurisdiction(**merged)

    def canonical(self) -> list[Any]:
        """Every restriction, sorted; equal for equal jurisdictions."""
        return [
            sorted(self.extra_statements),
            sorted(self.tpo_narrowing),
            sorted(table.canonical() for table in self.signers),
            self.fact_of_treatment_protected,
            sorted(self.extra_emergency_fields),
            sorted(self.proceeding_bar),
            sorted(self.no_onward_disclosure),
            self.max_days,
            self.copy_required,
            sorted(self.separate_form_class),
        ]

    @property
    def emergency_facts(self) -> tuple[RequiredFact, ...]:
        """The facts an emergency has to state beside the federal ones, by name."""
        return tuple(
            RequiredFact(name=name, type=kind, meaning=meaning, citation=citation, choices=dict(choices))  # type: ignore[arg-type]
            for name, kind, meaning, citation, choices in sorted(self.extra_emergency_fields)
        )


def _shorter(left: int | None, right: int | None) -> int | None:
    return min((days for days in (left, right) if days is not None), default=None)


def jurisdiction_of(overlay: Overlay) -> Jurisdiction:
    """One overlay as restrictions."""
    signers = overlay.minor_consent
    return Jurisdiction(
        extra_statements=frozenset(overlay.extra_statements),
        tpo_narrowing=frozenset(overlay.tpo_narrowing),
        signers=frozenset({_table(signers)} if signers else ()),
        fact_of_treatment_protected=overlay.fact_of_treatment_protected,
        extra_emergency_fields=frozenset(
            (fact.name, fact.type, fact.meaning, fact.citation, tuple(sorted(fact.choices.items())))
            for fact in overlay.extra_emergency_fields
        ),
        proceeding_bar=frozenset(overlay.proceeding_bar),
        no_onward_disclosure=frozenset(overlay.no_onward_disclosure),
        max_days=overlay.max_days,
        copy_required=overlay.copy_required,
        separate_form_class=frozenset(overlay.separate_form_class),
    )


def _table(signers: MinorConsent) -> SignerTable:
    return SignerTable(
        classes=frozenset((frozenset(one.labels), one.age, frozenset(one.below)) for one in signers.classes),
        others=frozenset(signers.others),
    )


def merged(overlays: Iterable[Overlay]) -> Jurisdiction:
    """All overlays of a site in one, the most protective of each."""
    return reduce(Jurisdiction.__or__, map(jurisdiction_of, overlays), Jurisdiction())
