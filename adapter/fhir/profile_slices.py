"""Slices: which values of a repeating element belong to which slice, and what each slice asks of them.

Discriminators of the kinds value, pattern, exists and type are covered, along plain paths; extensions are told apart
by their address. https://hl7.org/fhir/R4/profiling.html#discriminator
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import Issue
from adapter.fhir.paths import values
from adapter.fhir.profile_tree import ProfileError
from adapter.fhir.profile_values import coded, equals, fits, target_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adapter.fhir.facts import Element
    from adapter.fhir.places import Place
    from adapter.fhir.profile_checks import Checks, Known
    from adapter.fhir.profile_tree import Node

    Resource = Mapping[str, Any]
    Belongs = Callable[[Any], bool]
    ValueCheck = Callable[[Any, Place, Resource, list[Issue]], None]
    Inside = Callable[[Node, Element], tuple[tuple[ValueCheck, ...], Mapping[str, Checks]]]

_OF_EXTENSIONS: Final = ({"type": "value", "path": "url"},)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One slice: which values belong to it, how many there are, and what is asked of them."""

    name: str
    belongs: tuple[Belongs, ...]
    minimum: int
    maximum: int | None
    values: tuple[ValueCheck, ...]
    below: Checks | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slicing:
    """The slices of one element; ``closed`` where nothing else may stand beside them."""

    label: str
    slices: tuple[Slice, ...]
    closed: bool

    @property
    def least(self) -> int:
        """How many values the slices ask for together."""
        return sum(one.minimum for one in self.slices)

    def ask(self, items: Sequence[Any], place: Place, resource: Resource, found: list[Issue]) -> None:
        """Add what the values of the element at ``place`` break."""
        counted = [0] * len(self.slices)
        for number, item in enumerate(items):
            at = next((at for at, one in enumerate(self.slices) if all(of(item) for of in one.belongs)), None)
            here = place._replace(number=number)
            if at is None:
                if self.closed:
                    message = f"{self.label} takes {', '.join(one.name for one in self.slices)} here, nothing else"
                    found.append(Issue(path=str(here), code="structure", message=message))
                continue
            counted[at] += 1
            for check in self.slices[at].values:
                check(item, here, resource, found)
            below = self.slices[at].below
            if below is not None and isinstance(item, dict):
                below.ask(item, here, resource, found)
        for one, many in zip(self.slices, counted, strict=True):
            if many < one.minimum:
                message = f"{self.label} expects the slice `{one.name}`"
                found.append(Issue(path=str(place), code="required", message=message))
            if one.maximum is not None and many > one.maximum:
                message = f"{self.label} takes at most {one.maximum} of the slice `{one.name}`"
                found.append(Issue(path=str(place), code="structure", message=message))


def slicing_of(node: Node, element: Element, known: Known, label: str, inside: Inside) -> Slicing:
    """The slices of an element that repeats. ProfileError where a discriminator is not covered."""
    if not element.repeats:
        raise ProfileError(f"{label}, {node.id}: only what repeats has slices here")
    stated = node.row.get("slicing", {})
    discriminators = stated.get("discriminator") or (_OF_EXTENSIONS if "xtension" in node.name else ())
    if not discriminators:
        raise ProfileError(f"{label}, {node.id}: slices without a discriminator")
    slices = []
    for name, one in node.slices.items():
        checks, below = inside(one, element)
        belongs = tuple(_belongs(one, discriminator, known, label) for discriminator in discriminators)
        slices.append(
            Slice(
                name=name,
                belongs=belongs,
                minimum=one.minimum,
                maximum=one.maximum,
                values=checks,
                below=next(iter(below.values()), None),
            )
        )
    return Slicing(label=label, slices=tuple(slices), closed=stated.get("rules") == "closed")


def _belongs(node: Node, discriminator: Mapping[str, str], known: Known, label: str) -> Belongs:
    kind, path = discriminator["type"], discriminator["path"]
    names = [name for name in path.split(".") if name != "$this"]
    told = node.reach(path)
    if kind in {"value", "pattern"}:
        asked = _asked(told, known)
        if asked is None and path == "url" and node.profiles:
            address = node.profiles[0]
            return lambda item: isinstance(item, dict) and item.get("url") == address
        if asked is not None:
            return lambda item: any(asked(value) for value in values(item, names))
    if kind == "exists" and told is not None:
        wanted = told.maximum != 0
        return lambda item: bool(values(item, names)) is wanted
    if kind == "type" and told is not None and told.targets:
        kinds = {known.type_of(url) for url in told.targets}
        return lambda item: any(target_type(value) in kinds for value in values(item, names))
    raise ProfileError(f"{label}, {node.id}: slices cannot be told apart by {kind} at `{path}`")


def _asked(told: Node | None, known: Known) -> Belongs | None:
    """What a value has to be to belong to a slice."""
    if told is None:
        return None
    fixed, pattern, binding = told.stated("fixed"), told.stated("pattern"), told.row.get("binding")
    if fixed is not None:
        return lambda value: equals(fixed[1], value)
    if pattern is not None:
        return lambda value: fits(pattern[1], value)
    if binding is not None and binding["strength"] == "required":
        codes = known.codes(binding["valueSet"])
        return None if codes is None else lambda value: coded(codes, value)
    return None
