"""Rules on what stands anywhere inside a resource: the invariants of data types and backbones, and known extensions.

For each type a plan says which of its elements lead to something that has a rule; a walk follows nothing else. Where a
resource has no such element, as most do, the walk is over at once.

Invariants: the tables of ``profiles/r4/facts.json``. Extensions: https://hl7.org/fhir/R4/extensibility.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from adapter.errors import Issue
from adapter.fhir.places import Place
from adapter.fhir.profiles import EXTENSION

if TYPE_CHECKING:
    from adapter.fhir.facts import Facts
    from adapter.fhir.profiles import Profiles

Resource: TypeAlias = Mapping[str, Any]
Rule: TypeAlias = Callable[[Any, Place, Resource, list[Issue]], None]
"""Asked of one value at a place of a resource; it adds what is broken."""

ANYWHERE: Final = frozenset({"Element", "Resource", "DomainResource"})
"""Contexts that are every element, or every resource."""
_OPEN: Final = frozenset({"Resource", EXTENSION})
"""Types a walk does not enter: resources are checked by themselves."""


@dataclass(slots=True)
class _Plan:
    """What is asked of a value of one type, and which of its elements are followed.

    ``names`` are the elements without which nothing is asked of it, unless it is ``always``.
    """

    rules: list[Rule] = field(default_factory=list)
    below: dict[str, tuple[str, _Plan]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    always: bool = False

    def asks(self, value: Mapping[str, Any]) -> bool:
        """Whether anything is asked of a value or of what it holds."""
        return self.always or not self.names.isdisjoint(value)


class Inner:
    """The rules on what stands inside resources. ``profiles`` tell which extensions are known."""

    def __init__(self, facts: Facts, profiles: Profiles) -> None:
        self._facts = facts
        self._profiles = profiles
        self._plans: dict[str, _Plan] = {}
        self._ruled = self._with_rules()

    def issues(self, resource: Resource) -> list[Issue]:
        """What a resource, sound in structure, breaks anywhere inside."""
        kind = resource["resourceType"]
        plan = self._plans.get(kind)
        if plan is None:
            plan = self._plans[kind] = self._plan(kind, {})
        found: list[Issue] = []
        _walk(plan, resource, Place(None, kind), resource, found)
        return found

    def _with_rules(self) -> frozenset[str]:
        """The types that have a rule, and those that lead to one."""
        own = {name for name, structure in self._facts.types.items() if structure.expressions}
        contexts = {name for one in self._profiles.extensions() for name in self._profiles.context(one.url)}
        own |= {"Reference"} | (contexts - ANYWHERE)
        while True:
            leading = {
                name
                for name, structure in self._facts.types.items()
                if name not in own
                and any(self._leads(own, kind) for e in structure.elements for kind in e.forms.values())
            }
            if not leading:
                return frozenset(own)
            own |= leading

    @staticmethod
    def _leads(ruled: set[str], kind: str) -> bool:
        return kind in ruled and kind not in _OPEN

    def _plan(self, name: str, made: dict[str, _Plan]) -> _Plan:
        if name in made:
            return made[name]
        plan = made[name] = _Plan()
        structure = self._facts.types[name]
        for key, text in structure.expressions:
            plan.rules.append(_expression(key, self._profiles, text))
            plan.always = True
        if name == "Reference":
            plan.rules.append(_reference)
            plan.names.add("reference")
        if any(element.name == "extension" for element in structure.elements):
            known = frozenset(one.url for one in self._profiles.extensions())
            if known:
                plan.rules.append(_extensions(self._profiles, known, frozenset({name, _general(structure.kind)})))
                plan.names.add("extension")
        for element in structure.elements:
            for form, kind in element.forms.items():
                if kind in self._ruled and kind not in _OPEN and kind in self._facts.types:
                    plan.below[form] = (element.base, self._plan(kind, made))
                    plan.names.add(form)
        return plan


def _general(kind: str) -> str:
    return "DomainResource" if kind == "resource" else "Element"


def _walk(plan: _Plan, value: Mapping[str, Any], place: Place, resource: Resource, found: list[Issue]) -> None:
    for rule in plan.rules:
        rule(value, place, resource, found)
    below = plan.below
    for name, content in value.items():
        followed = below.get(name)
        if followed is None:
            continue
        base, inner = followed
        if isinstance(content, dict):
            if inner.asks(content):
                _walk(inner, content, Place(place, base), resource, found)
        else:
            for number, item in enumerate(content):
                if item is not None and inner.asks(item):
                    _walk(inner, item, Place(place, base, number), resource, found)


def _expression(key: str, profiles: Profiles, text: str) -> Rule:
    compiled = profiles.paths.compile(text)

    def rule(value: Any, place: Place, resource: Resource, found: list[Issue]) -> None:
        if not compiled.holds(value, resource):
            found.append(Issue(path=str(place), code="invariant", message=f"{key}: expected {text}"))

    return rule


def _reference(value: Mapping[str, Any], place: Place, resource: Resource, found: list[Issue]) -> None:
    """ref-1: what is referred to inside the resource is contained in it."""
    address = value.get("reference")
    if isinstance(address, str) and address.startswith("#") and address != "#":
        contained = {inner.get("id") for inner in resource.get("contained", ())}
        if address[1:] not in contained:
            message = "ref-1: expected a contained resource of this id"
            found.append(Issue(path=f"{place}.reference", code="invariant", message=message))


def _extensions(profiles: Profiles, known: frozenset[str], here: frozenset[str]) -> Rule:
    def rule(value: Mapping[str, Any], place: Place, resource: Resource, found: list[Issue]) -> None:
        if "extension" not in value:
            return
        for number, extension in enumerate(value["extension"]):
            url = extension.get("url")
            if url in known:
                there = Place(place, "extension", number)
                context = profiles.context(url)
                if here.isdisjoint(context):
                    message = f"this extension stands on {' or '.join(context)} only"
                    found.append(Issue(path=str(there), code="structure", message=message))
                profiles.content(url, extension, there, resource, found)

    return rule
