"""A profile compiled to checks: one for each element it constrains, in the order of its rows.

The compiler reads the tree of a profile beside the facts of R4 and leaves nothing to be looked up later: names of
choices, slices, codes and invariants are settled here. What a profile says and the compiler does not cover is an
error of the profile, found when it is loaded.

https://hl7.org/fhir/R4/profiling.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from adapter.errors import Issue
from adapter.fhir.facts import CHOICE
from adapter.fhir.primitives import PRIMITIVES
from adapter.fhir.profile_slices import Slicing, slicing_of
from adapter.fhir.profile_tree import ProfileError
from adapter.fhir.profile_values import ANY, coded, equals, fits, target_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from adapter.fhir.facts import Element, Facts, Structure
    from adapter.fhir.fhirpath import Invariant, Paths
    from adapter.fhir.profile_tree import Node
    from adapter.fhir.profile_values import Codes

    Resource = Mapping[str, Any]

ValueCheck = "Callable[[Any, str, Resource], Iterator[Issue]]"
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

    def content(self, profile: str, value: Any, path: str, resource: Resource) -> list[Issue]:
        """What a value breaks of a profile on its data type."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementCheck:
    """The checks of one element of an object.

    ``forms`` are its JSON names with their types, ``allowed`` those that the profile leaves. ``values`` are asked of
    each value. ``below`` are the checks of what it holds, by type.
    """

    label: str
    base: str
    forms: Mapping[str, str]
    allowed: frozenset[str]
    names: tuple[str, ...]
    repeats: bool
    minimum: int
    maximum: int | None
    values: tuple[Any, ...]
    below: Mapping[str, tuple[ElementCheck, ...]]
    slicing: Slicing | None

    def check(self, parent: Mapping[str, Any], path: str, resource: Resource) -> Iterator[Issue]:
        """What an object breaks of this."""
        form = next((name for name in self.names if name in parent), None)
        where = f"{path}.{self.base}"
        if form is None:
            if self.minimum:
                yield Issue(path=where, code="required", message=f"{self.label} expects `{self.base}`")
            return
        form = form.removeprefix("_")
        if form not in self.allowed:
            yield Issue(path=where, code="structure", message=self._types())
            return
        content = parent.get(form)
        if not self.repeats:
            if self.maximum == 0:
                yield Issue(path=where, code="structure", message=f"{self.label} leaves out `{self.base}`")
                return
            yield from self._value(content, form, where, resource)
            return
        items = content if isinstance(content, list) else parent[f"_{form}"]
        yield from self._count(len(items), where)
        if self.maximum != 0:
            for number, item in enumerate(items):
                yield from self._value(item if content else None, form, f"{where}[{number}]", resource)
            if self.slicing is not None:
                yield from self.slicing.check(items, where, resource)

    def _value(self, value: Any, form: str, where: str, resource: Resource) -> Iterator[Issue]:
        for one in self.values:
            yield from one(value, where, resource)
        if isinstance(value, dict):
            for inner in self.below.get(self.forms[form], ()):
                yield from inner.check(value, where, resource)

    def _count(self, many: int, where: str) -> Iterator[Issue]:
        if many < self.minimum:
            told = f"{self.label} expects `{self.base}` at least {self.minimum} times"
            yield Issue(path=where, code="required", message=told)
        if self.maximum is not None and many > self.maximum:
            most = f"at most {self.maximum} of" if self.maximum else "leaves out"
            told = f"{self.label} {'takes ' if self.maximum else ''}{most} `{self.base}`"
            yield Issue(path=where, code="structure", message=told)

    def _types(self) -> str:
        return f"{self.label} takes `{self.base}` as {' or '.join(sorted(self.forms[name] for name in self.allowed))}"


class Compiler:
    """Turns the tree of one profile into checks; ``label`` is its id, by which messages name it."""

    def __init__(self, known: Known, label: str) -> None:
        self._known = known
        self._label = label

    def checks(self, node: Node, structure: Structure) -> tuple[ElementCheck, ...]:
        """The checks of everything below a node, whose type is ``structure``."""
        return tuple(self._element(inner, structure) for inner in node.below.values())

    def root(self, node: Node) -> tuple[Any, ...]:
        """The checks of the whole: its invariants."""
        return tuple(self._invariants(node))

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
        )

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

    def _below(self, node: Node, element: Element, allowed: frozenset[str]) -> dict[str, tuple[ElementCheck, ...]]:
        if not node.below:
            return {}
        found = {}
        for form in sorted(allowed):
            kind = element.forms[form]
            if kind in PRIMITIVES or kind in _NO_DEEPER:
                raise ProfileError(f"{self._label}, {node.id}: nothing stands below a {kind}")
            found[kind] = self.checks(node, self._known.facts.types[kind])
        return found

    def _inside(self, node: Node, element: Element) -> tuple[tuple[Any, ...], Mapping[str, tuple[ElementCheck, ...]]]:
        """The checks of a value of a slice, and of what it holds."""
        allowed = self._allowed(node, element)
        return tuple(self._values(node)), self._below(node, element, allowed)

    def _values(self, node: Node) -> Iterator[Any]:
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

    def _invariants(self, node: Node) -> Iterator[Any]:
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

    def __call__(self, value: Any, where: str, _: Resource) -> Iterator[Issue]:
        if not self._holds(self._stated, value):
            yield Issue(path=where, code="value", message=f"{self._label} expects {_shown(self._stated)} here")


class _Bound:
    """A required value set."""

    def __init__(self, label: str, codes: Codes, name: str) -> None:
        self._label, self._codes, self._name = label, codes, name

    def __call__(self, value: Any, where: str, _: Resource) -> Iterator[Issue]:
        if value is not None and not coded(self._codes, value):
            message = f"{self._label} expects a code of value set {self._name}"
            yield Issue(path=where, code="code-invalid", message=message)


class _Target:
    """The types a reference may name."""

    def __init__(self, label: str, kinds: frozenset[str]) -> None:
        self._label, self._kinds = label, kinds

    def __call__(self, value: Any, where: str, _: Resource) -> Iterator[Issue]:
        if ANY in self._kinds or not isinstance(value, dict):
            return
        kind = target_type(value)
        if kind is not None and kind not in self._kinds:
            message = f"{self._label} expects a reference to {' or '.join(sorted(self._kinds))}"
            yield Issue(path=where, code="structure", message=message)


class _Profiled:
    """Content that follows a profile of its own, as extensions do."""

    def __init__(self, profile: str, known: Known) -> None:
        self._profile, self._known = profile, known

    def __call__(self, value: Any, where: str, resource: Resource) -> Iterator[Issue]:
        yield from self._known.content(self._profile, value, where, resource)


class _Constraint:
    """An invariant."""

    def __init__(self, key: str, human: str, compiled: Invariant) -> None:
        self._key, self._human, self._compiled = key, human, compiled

    def __call__(self, value: Any, where: str, resource: Resource) -> Iterator[Issue]:
        if value is not None and not self._compiled.holds(value, resource):
            yield Issue(path=where, code="invariant", message=f"{self._key}: {self._human}")


def _shown(stated: Any) -> str:
    """A stated value in words: the codes of a concept, else the value itself."""
    if isinstance(stated, dict) and "coding" in stated:
        return " and ".join(f"`{coding['code']}` of {coding.get('system', 'any system')}" for coding in stated["coding"])
    if isinstance(stated, dict):
        return " and ".join(f"{name} {_shown(value)}" for name, value in stated.items())
    return f"`{stated}`"
