"""A profile compiled to checks: one for each element it constrains, in the order of its rows.

The compiler reads the tree of a profile beside the facts of R4 and leaves nothing to be looked up later: names of
choices, slices, codes and invariants are settled here. What a profile says and the compiler does not cover is an
error of the profile, found when it is loaded.

https://hl7.org/fhir/R4/profiling.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from orjson import dumps

from adapter.errors import Issue
from adapter.fhir.facts import CHOICE
from adapter.fhir.places import Place
from adapter.fhir.primitives import PRIMITIVES
from adapter.fhir.profile_slices import Slicing, slicing_of
from adapter.fhir.profile_tree import ProfileError
from adapter.fhir.profile_values import ANY, coded, equals, fits, target_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from adapter.fhir.facts import Element, Facts, Structure
    from adapter.fhir.fhirpath import Invariant, Paths
    from adapter.fhir.profile_tree import Node
    from adapter.fhir.profile_values import Codes

    Resource = Mapping[str, Any]
    ValueCheck = Callable[[Any, Place, Resource, list[Issue]], None]

_CODED: Final = frozenset({"code", "Coding", "CodeableConcept", "Meta"})
_REMEMBERED: Final = 4096
_NO_DEEPER: Final = frozenset({"Resource", "xhtml"})


class Known(Protocol):
    """What a profile refers to."""

    @property
    def facts(self) -> Facts:
        """The structure of R4."""
        ...

    @property
    def paths(self) -> Paths:
        """Compiles invariants."""
        ...

    def codes(self, value_set: str) -> Codes | None:
        """The codes of a value set by system; None if it is not known."""
        ...

    def type_of(self, profile: str) -> str | None:
        """The type that a profile constrains, or the name of the R4 type it is; None if it is not known."""
        ...

    def content(self, profile: str, value: Any, place: Place, resource: Resource, found: list[Issue]) -> None:
        """Add what a value breaks of a profile on its data type."""
        ...


class Checks:
    """The checks of one object: what must be there, what may stand under which name, and what is asked of it whole.

    An object is read once, name by name; a profile that speaks of forty elements costs no more than those present.
    """

    __slots__ = ("_base", "_elements", "_needed", "_values")

    def __init__(
        self, elements: Iterable[ElementCheck], values: Iterable[ValueCheck], base: Checks | None = None
    ) -> None:
        listed = tuple(elements)
        self._elements = {name: element for element in listed for name in element.names}
        self._needed = tuple((frozenset(one.names), one) for one in listed if one.minimum)
        self._values = tuple(values)
        self._base = base

    def ask(self, value: Mapping[str, Any], place: Place, resource: Resource, found: list[Issue]) -> None:
        """Add what an object breaks."""
        if self._base is not None:
            self._base.ask(value, place, resource, found)
        for check in self._values:
            check(value, place, resource, found)
        for names, element in self._needed:
            if names.isdisjoint(value):
                element.missed(place, found)
        elements = self._elements
        for name, content in value.items():
            element_of = elements.get(name)
            if element_of is not None:
                element_of.ask(name, content, value, place, resource, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementCheck:
    """The checks of one element of an object.

    ``forms`` are its JSON names with their types, ``allowed`` those that the profile leaves. ``values`` are asked of
    each value. ``below`` are the checks of what it holds, by type. ``sound`` remembers coded contents that break
    nothing: they are few and repeat row by row. None where contents are of one person each.
    """

    label: str
    base: str
    forms: Mapping[str, str]
    allowed: frozenset[str]
    names: tuple[str, ...]
    repeats: bool
    minimum: int
    maximum: int | None
    values: tuple[ValueCheck, ...]
    below: Mapping[str, Checks]
    slicing: Slicing | None
    sound: set[bytes] | None

    def missed(self, place: Place, found: list[Issue]) -> None:
        """Add that it is not there."""
        found.append(Issue(path=f"{place}.{self.base}", code="required", message=f"{self.label} expects `{self.base}`"))

    def ask(
        self, name: str, content: Any, parent: Mapping[str, Any], place: Place, resource: Resource, found: list[Issue]
    ) -> None:
        """Add what the content under one of its names breaks; its extensions count where there is no value."""
        form = name
        if name.startswith("_"):
            form = name[1:]
            if form in parent:
                return
        if form not in self.allowed:
            self._add("structure", self._types(), place, found)
        elif self.maximum == 0:
            self._add("structure", f"{self.label} leaves out `{self.base}`", place, found)
        elif form is not name:
            nothing = [None] * len(content) if self.repeats else None
            self._inside(form, nothing, place, resource, found)
        elif self.sound is None:
            self._inside(form, content, place, resource, found)
        else:
            self._remembering(self.sound, form, content, place, resource, found)

    def _remembering(
        self, sound: set[bytes], form: str, content: Any, place: Place, resource: Resource, found: list[Issue]
    ) -> None:
        try:
            written = dumps(content)
        except TypeError:  # a decimal in an extension
            self._inside(form, content, place, resource, found)
            return
        if written in sound:
            return
        before = len(found)
        self._inside(form, content, place, resource, found)
        if len(found) == before:
            if len(sound) >= _REMEMBERED:
                sound.clear()
            sound.add(written)

    def _inside(self, form: str, content: Any, place: Place, resource: Resource, found: list[Issue]) -> None:
        if not self.repeats:
            self._ask(content, form, Place(place, self.base), resource, found)
            return
        self._counted(len(content), place, found)
        for number, item in enumerate(content):
            self._ask(item, form, Place(place, self.base, number), resource, found)
        if self.slicing is not None:
            self.slicing.ask(content, Place(place, self.base), resource, found)

    def _ask(self, value: Any, form: str, place: Place, resource: Resource, found: list[Issue]) -> None:
        for check in self.values:
            check(value, place, resource, found)
        if self.below and isinstance(value, dict):
            inner = self.below.get(self.forms[form])
            if inner is not None:
                inner.ask(value, place, resource, found)

    def _counted(self, many: int, place: Place, found: list[Issue]) -> None:
        if many < self.minimum:
            told = f"{self.label} expects `{self.base}` at least {self.minimum} times"
            self._add("required", told, place, found)
        elif self.maximum is not None and many > self.maximum:
            self._add("structure", f"{self.label} takes at most {self.maximum} of `{self.base}`", place, found)

    def _add(self, code: str, message: str, place: Place, found: list[Issue]) -> None:
        found.append(Issue(path=f"{place}.{self.base}", code=code, message=message))

    def _types(self) -> str:
        return f"{self.label} takes `{self.base}` as {' or '.join(sorted(self.forms[name] for name in self.allowed))}"


class Compiler:
    """Turns the tree of one profile into checks; ``label`` is its id, by which messages name it."""

    def __init__(self, known: Known, label: str) -> None:
        self._known = known
        self._label = label

    def whole(self, node: Node, structure: Structure, base: Checks | None) -> Checks:
        """The checks of a whole profile, with those of the one it is based on."""
        return Checks(self._elements(node, structure), self._invariants(node), base)

    def _elements(self, node: Node, structure: Structure) -> Iterator[ElementCheck]:
        return (self._element(inner, structure) for inner in node.below.values())

    def _element(self, node: Node, structure: Structure) -> ElementCheck:
        element = self._of_r4(node, structure)
        allowed = self._allowed(node, element)
        slicing = None
        if node.slices:
            slicing = slicing_of(node, element, self._known, self._label, self._inside)
        return ElementCheck(
            label=self._label,
            base=element.base,
            forms=element.forms,
            allowed=allowed,
            names=element.names(),
            repeats=element.repeats,
            minimum=max(node.minimum, slicing.least if slicing is not None else 0),
            maximum=node.maximum,
            values=tuple(self._values(node)),
            below=self._below(node, element, allowed),
            slicing=slicing,
            sound=set() if _CODED.issuperset(element.forms.values()) and self._local(node) else None,
        )

    def _local(self, node: Node) -> bool:
        """Whether nothing that is said of an element or below it rests on the rest of the resource."""
        stated = (self._known.paths.compile(one["expression"]) for one in node.row.get("constraint", ()))
        inner = (*node.below.values(), *node.slices.values())
        return all(one.local for one in stated) and all(self._local(one) for one in inner)

    def _of_r4(self, node: Node, structure: Structure) -> Element:
        base = node.name.removesuffix(CHOICE)
        for element in structure.elements:
            if element.name == node.name or (element.base == base and node.name.endswith(CHOICE)):
                return element
        raise ProfileError(f"{self._label}, {node.id}: {structure.name} has no element `{node.name}`")

    def _allowed(self, node: Node, element: Element) -> frozenset[str]:
        if not node.types:
            return frozenset(element.forms)
        allowed = frozenset(form for form, kind in element.forms.items() if kind in node.types)
        if len(allowed) != len(set(node.types)):
            raise ProfileError(f"{self._label}, {node.id}: a type that R4 does not give this element")
        return allowed

    def _below(self, node: Node, element: Element, allowed: frozenset[str]) -> dict[str, Checks]:
        if not node.below:
            return {}
        found = {}
        for form in sorted(allowed):
            kind = element.forms[form]
            if kind in PRIMITIVES or kind in _NO_DEEPER:
                raise ProfileError(f"{self._label}, {node.id}: nothing stands below a {kind}")
            found[kind] = Checks(self._elements(node, self._known.facts.types[kind]), ())
        return found

    def _inside(self, node: Node, element: Element) -> tuple[tuple[ValueCheck, ...], Mapping[str, Checks]]:
        """The checks of a value of a slice, and of what it holds."""
        allowed = self._allowed(node, element)
        return tuple(self._values(node)), self._below(node, element, allowed)

    def _values(self, node: Node) -> Iterator[ValueCheck]:
        for prefix, holds in (("fixed", equals), ("pattern", fits)):
            stated = node.stated(prefix)
            if stated is not None:
                yield _Stated(self._label, stated[1], holds)
        binding = node.row.get("binding")
        if binding is not None and binding["strength"] == "required":
            yield _Bound(self._label, self._codes(node, binding["valueSet"]), binding["valueSet"].rpartition("/")[2])
        if node.targets:
            yield _Target(self._label, self._targets(node))
        for profile in node.profiles:
            yield _Profiled(profile, self._known)
        yield from self._invariants(node)

    def _codes(self, node: Node, value_set: str) -> Codes:
        codes = self._known.codes(value_set)
        if codes is None:
            raise ProfileError(f"{self._label}, {node.id}: the value set {value_set} is not known")
        return codes

    def _targets(self, node: Node) -> frozenset[str]:
        kinds = {url: self._known.type_of(url) for url in node.targets}
        unknown = [url for url, kind in kinds.items() if kind is None]
        if unknown:
            raise ProfileError(f"{self._label}, {node.id}: the target {unknown[0]} is not known")
        return frozenset(str(kind) for kind in kinds.values())

    def _invariants(self, node: Node) -> Iterator[ValueCheck]:
        for constraint in node.row.get("constraint", ()):
            if constraint["severity"] == "error":
                try:
                    compiled = self._known.paths.compile(constraint["expression"])
                except ValueError as error:
                    raise ProfileError(f"{self._label}, {node.id}, {constraint['key']}: {error}") from None
                yield _Constraint(constraint["key"], constraint["human"], compiled)


class _Stated:
    """A fixed value or a pattern."""

    def __init__(self, label: str, stated: Any, holds: Callable[[Any, Any], bool]) -> None:
        self._label, self._stated, self._holds = label, stated, holds

    def __call__(self, value: Any, place: Place, _: Resource, found: list[Issue]) -> None:
        if not self._holds(self._stated, value):
            found.append(
                Issue(path=str(place), code="value", message=f"{self._label} expects {_shown(self._stated)} here")
            )


class _Bound:
    """A required value set."""

    def __init__(self, label: str, codes: Codes, name: str) -> None:
        self._label, self._codes, self._name = label, codes, name

    def __call__(self, value: Any, place: Place, _: Resource, found: list[Issue]) -> None:
        if value is not None and not coded(self._codes, value):
            message = f"{self._label} expects a code of value set {self._name}"
            found.append(Issue(path=str(place), code="code-invalid", message=message))


class _Target:
    """The types a reference may name."""

    def __init__(self, label: str, kinds: frozenset[str]) -> None:
        self._label, self._kinds = label, kinds

    def __call__(self, value: Any, place: Place, _: Resource, found: list[Issue]) -> None:
        if ANY in self._kinds or not isinstance(value, dict):
            return
        kind = target_type(value)
        if kind is not None and kind not in self._kinds:
            message = f"{self._label} expects a reference to {' or '.join(sorted(self._kinds))}"
            found.append(Issue(path=str(place), code="structure", message=message))


class _Profiled:
    """Content that follows a profile of its own, as extensions do."""

    def __init__(self, profile: str, known: Known) -> None:
        self._profile, self._known = profile, known

    def __call__(self, value: Any, place: Place, resource: Resource, found: list[Issue]) -> None:
        self._known.content(self._profile, value, place, resource, found)


class _Constraint:
    """An invariant."""

    def __init__(self, key: str, human: str, compiled: Invariant) -> None:
        self._key, self._human, self._compiled = key, human, compiled

    def __call__(self, value: Any, place: Place, resource: Resource, found: list[Issue]) -> None:
        if value is not None and not self._compiled.holds(value, resource):
            found.append(Issue(path=str(place), code="invariant", message=f"{self._key}: {self._human}"))


def _shown(stated: Any) -> str:
    """A stated value in words: the codes of a concept, else the value itself."""
    if isinstance(stated, dict) and "coding" in stated:
        return " and ".join(
            f"`{coding['code']}` of {coding.get('system', 'any system')}" for coding in stated["coding"]
        )
    if isinstance(stated, dict):
        return " and ".join(f"{name} {_shown(value)}" for name, value in stated.items())
    return f"`{stated}`"
