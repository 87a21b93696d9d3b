"""What the compiler has to know about R4: which elements a type has, and which it must have.

https://hl7.org/fhir/R4/structuredefinition.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

CHOICE = "[x]"

ADDED_AT_INGEST: Final = frozenset({"id", "meta", "subject", "patient", "participant"})
"""Elements no mapping writes: ingest knows the id, the labels and the Patient, whatever the type calls it."""

NEVER_MAPPED: Final = frozenset({"text", "contained", "implicitRules", "modifierExtension"})
"""Elements that carry what nobody decided on: narrative repeats answers, contained hides resources."""


OF_OTHERS: Final = frozenset({("Patient", "contact")})
"""Elements in which other people would be named to whoever may know the person."""


class Elements(Protocol):
    """Facts about R4. A name is a type (`Patient`) or a path (`Patient.name`); a choice may be `value[x]`.

    An empty set means the name is not known; for a path, its elements are then not checked.
    """

    def elements(self, name: str, /) -> frozenset[str]:
        """The names of all elements."""
        ...

    def required(self, name: str, /) -> frozenset[str]:
        """The names of the elements with a minimum of one."""
        ...


def names_element(name: str, elements: Iterable[str]) -> bool:
    """Whether ``name`` is one of ``elements``, or a typed form (`valueString`) of a choice among them."""
    return any(_satisfies(name, element) for element in elements)


def missing(required: Iterable[str], names: Iterable[str]) -> list[str]:
    """The required elements that none of ``names`` is, or is a typed form of."""
    given = list(names)
    return sorted(element for element in required if not any(_satisfies(name, element) for name in given))


def _satisfies(name: str, element: str) -> bool:
    if not element.endswith(CHOICE):
        return name == element
    stem = element.removesuffix(CHOICE)
    return name.startswith(stem) and name[len(stem) :][:1].isupper()
