"""The tables of ``profiles/r4/facts.json`` as objects: what elements each R4 type has.

The layout of the file is described in ``profiles/r4/generate.py``. Structure of R4:
https://hl7.org/fhir/R4/structuredefinition.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from adapter.fhir.primitives import PRIMITIVES

if TYPE_CHECKING:
    from collections.abc import Mapping

CHOICE = "[x]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element of a type.

    ``name`` is as in the definition (``value[x]``); ``repeats`` tells a JSON array; ``codes`` names the
    required value set, or is empty. ``forms`` maps the JSON names it can take (``valueQuantity``) to
    their types. ``extensible`` holds the forms beside which ``_name`` may stand: primitives that are not
    bare attributes.
    """

    name: str
    required: bool
    repeats: bool
    codes: str
    forms: Mapping[str, str]
    extensible: frozenset[str]

    @property
    def base(self) -> str:
        """The name without ``[x]``."""
        return self.name.removesuffix(CHOICE)

    def names(self, *, extended: bool = True) -> tuple[str, ...]:
        """The JSON names under which the element counts as present; ``_name`` only if ``extended``."""
        beside = tuple(f"_{form}" for form in self.forms if extended and form in self.extensible)
        return (*self.forms, *beside)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """A rule on the presence of sibling elements.

    ``form`` is ``any`` (at least one of ``names``), ``one`` (exactly one), ``needs`` (the first needs the
    second) or ``excludes`` (not both). ``names`` are element names without ``[x]``.
    """

    key: str
    form: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """One type: ``kind`` is resource, datatype or backbone.

    ``summary`` and ``modifiers`` are the names of the elements that are marked so in a resource or backbone.
    ``expressions`` are its other invariants, each a key and its FHIRPath.
    """

    name: str
    kind: str
    elements: tuple[Element, ...]
    invariants: tuple[Invariant, ...]
    expressions: tuple[tuple[str, str], ...] = ()
    summary: frozenset[str] = frozenset()
    modifiers: frozenset[str] = frozenset()

    def element(self, base: str) -> Element:
        """The element ``base``, a name without ``[x]``."""
        return next(element for element in self.elements if element.base == base)


class Elements(Protocol):
    """What a compiler of mappings needs to know of R4."""

    def elements(self, name: str) -> frozenset[str]:
        """Top-level element names of the type, choices expanded; empty for a type that is not known."""
        ...

    def required(self, name: str) -> frozenset[str]:
        """Top-level element names that must be present; a required choice is given as ``value[x]``."""
        ...


class Facts:
    """All types and value sets. Satisfies ``Elements``.

    ``search`` holds the addresses of the search parameters that R4 defines, by type and code.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.fhir: str = document["fhir"]
        self.types: Mapping[str, Structure] = {
            name: _structure(name, table) for name, table in document["types"].items()
        }
        self.codes: Mapping[str, Mapping[str, tuple[str, ...]]] = {
            name: {system: tuple(codes) for system, codes in systems.items()}
            for name, systems in document["codes"].items()
        }
        self.search: Mapping[str, Mapping[str, str]] = document["search"]
        self._json_names: dict[str, frozenset[str]] = {}

    @cached_property
    def resources(self) -> frozenset[str]:
        """Resource types whose structure is known."""
        return frozenset(name for name, structure in self.types.items() if structure.kind == "resource")

    @cached_property
    def all_resources(self) -> frozenset[str]:
        """Every resource type of R4, known in structure or not."""
        return frozenset(self.listed("resource-types"))

    def listed(self, value_set: str) -> tuple[str, ...]:
        """All codes of a value set, whatever their system."""
        return tuple(code for codes in self.codes[value_set].values() for code in codes)

    def json_names(self, name: str) -> frozenset[str]:
        """Every key the JSON object of a known type may hold, but ``resourceType``."""
        if name not in self._json_names:
            elements = self.types[name].elements
            self._json_names[name] = frozenset(key for element in elements for key in element.names())
        return self._json_names[name]

    def elements(self, name: str) -> frozenset[str]:
        """Top-level element names of the type, choices expanded; empty for a type that is not known."""
        structure = self.types.get(name)
        if structure is None:
            return frozenset()
        return frozenset(form for element in structure.elements for form in element.forms)

    def required(self, name: str) -> frozenset[str]:
        """Top-level element names that must be present; a required choice is given as ``value[x]``."""
        structure = self.types.get(name)
        if structure is None:
            return frozenset()
        return frozenset(element.name for element in structure.elements if element.required)


def _structure(name: str, table: Mapping[str, Any]) -> Structure:
    return Structure(
        name=name,
        kind=table["kind"],
        elements=tuple(_element(name, element, row) for element, row in table["elements"].items()),
        invariants=tuple(
            Invariant(key=key, form=form, names=tuple(names)) for key, form, *names in table.get("invariants", [])
        ),
        expressions=tuple((key, text) for key, text in table.get("expressions", ())),
        summary=frozenset(table.get("summary", ())),
        modifiers=frozenset(table.get("modifiers", ())),
    )


def _element(structure: str, name: str, row: list[Any]) -> Element:
    minimum, maximum, types, *codes = row
    base = name.removesuffix(CHOICE)
    choices = {base + kind[0].upper() + kind[1:]: kind for kind in types.split(" ")}
    forms = {name: types} if base == name else choices
    # Ids, the url of an extension and XHTML are attributes in FHIR's own model and carry no extensions.
    bare = name == "id" or types == "xhtml" or (structure, name) == ("Extension", "url")
    extensible = frozenset(form for form, kind in forms.items() if kind in PRIMITIVES and not bare)
    return Element(
        name=name,
        required=minimum > 0,
        repeats=maximum != 1,
        codes=codes[0] if codes else "",
        forms=forms,
        extensible=extensible,
    )
