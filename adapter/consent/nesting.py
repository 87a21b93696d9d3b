"""From the nested provisions of a Consent to a flat list of them, however deep they go.

Raises `Faulty` for what has no agreed meaning; the consent is then capped.

https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision.provision
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from adapter.consent.outcome import DENY, PERMIT
from adapter.consent.provision import Provision
from adapter.consent.reading import Contained, criteria

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT: Final = "provision[0]"
SPELLED: Final = 32
"""Levels of provisions whose path is spelled out step by step."""


_TYPES: Final = {"permit": PERMIT, "deny": DENY}
_R5_PROVISION: Final = frozenset({"documentType", "resourceType", "expression"})


class Faulty(Exception):  # it is a finding, not an error: the consent is capped
    """A provision tree that cannot be understood; says where and why."""


def provision_kind(provision: Mapping[str, Any], path: str, parent: int | None) -> int:
    """The type of a provision: as stated, else the exception to a permit; refused where it is a guess."""
    if "type" not in provision and parent == PERMIT:
        return DENY
    word = provision.get("type")
    if not isinstance(word, str) or word not in _TYPES:
        raise Faulty(f"{path}.type: expected permit or deny")
    return _TYPES[word]


def provision_object(value: object, path: str) -> Mapping[str, Any]:
    """A provision. An empty one states no rule: as a root its type may still come from policyRule."""
    if not isinstance(value, dict):
        raise Faulty(f"{path}: expected an object")
    if not _R5_PROVISION.isdisjoint(value):
        raise Faulty(f"{path}: expected an R4 provision, this has the elements of R5")
    return value


def _nested(value: Mapping[str, Any], path: str) -> list[Any]:
    if "provision" not in value:
        return []
    children = value["provision"]
    if not isinstance(children, list) or not children:
        raise Faulty(f"{path}.provision: expected an array with at least one provision")
    return children


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A provision that waits to be read: ``number`` counts all read before it, ``depth`` those around it."""

    value: object
    parent: Provision | None
    around: int
    index: int
    depth: int

    def path(self, number: int, stem: str) -> str:
        """Where it stands. Beyond `SPELLED` levels by its number alone: whole paths would grow with the depth."""
        if self.depth < SPELLED:
            return f"{stem}.provision[{self.index}]"
        return f"{stem if self.depth == SPELLED else stem.partition('…')[0]}…provision {number}"


class Reader:
    """Reads a provision tree. ``additive``: a permit directly under the root permit is its own rule."""

    def __init__(self, contained: Contained, *, additive: bool) -> None:
        self.contained = contained
        self.additive = additive

    def provisions(self, value: Mapping[str, Any], kind: int) -> tuple[Provision, ...]:
        """The root provision, then every additive rule rewritten from a permit inside it."""
        read = self._all(value, kind)
        inner = _branches(read, 1)
        rules = [branch for branch in inner if branch[0].kind == PERMIT]
        if kind == DENY or not rules:
            return read
        denies = [provision for branch in inner if branch[0].kind == DENY for provision in branch]
        root = replace(read[0], size=1 + len(denies))
        added = [(_added(root, rule, len(denies)), *exceptions, *denies) for rule, *exceptions in rules]
        return (root, *denies, *chain.from_iterable(added))

    def _all(self, value: Mapping[str, Any], kind: int) -> tuple[Provision, ...]:
        """Every provision as it is written, root first."""
        found: list[Provision] = []
        arounds: list[int] = []
        pending = [_Place(value=value, parent=None, around=-1, index=0, depth=0)]
        while pending:
            place = pending.pop()
            path = place.path(len(found), place.parent.path) if place.parent is not None else ROOT
            provision = provision_object(place.value, path)
            if place.parent is not None:
                kind = self._exception(provision, path, place)
            criteria_found, fault = criteria(kind, provision, path, self.contained)
            if fault:
                raise Faulty(fault)
            read = Provision(kind, path, tuple(criteria_found))
            pending += [
                _Place(value=child, parent=read, around=len(found), index=index, depth=place.depth + 1)
                for index, child in reversed([*enumerate(_nested(provision, path))])
            ]
            found.append(read)
            arounds.append(place.around)
        return _sized(found, arounds)

    def _exception(self, provision: Mapping[str, Any], path: str, place: _Place) -> int:
        """The type of a provision inside another one."""
        parent = place.parent.kind if place.parent is not None else None
        kind = provision_kind(provision, path, parent)
        if kind == parent == PERMIT and not (self.additive and place.depth == 1):
            raise Faulty(f"{path}: expected a deny, a permit inside a permit has no agreed meaning")
        return kind


def _sized(provisions: Sequence[Provision], arounds: Sequence[int]) -> tuple[Provision, ...]:
    sizes = [1] * len(provisions)
    for place in range(len(provisions) - 1, 0, -1):
        sizes[arounds[place]] += sizes[place]
    return tuple(replace(one, size=size) for one, size in zip(provisions, sizes, strict=True))


def _branches(provisions: Sequence[Provision], place: int) -> list[Sequence[Provision]]:
    """The provisions from ``place`` on, each with all inside it."""
    found = []
    while place < len(provisions):
        after = place + provisions[place].size
        found.append(provisions[place:after])
        place = after
    return found


def _added(root: Provision, rule: Provision, denies: int) -> Provision:
    """The additive rule of a permit inside a permit, with room for the ``denies`` beside it.

    It has the root's criteria, each replaced where the inner permit states the same element. The period of the root
    is the life of the consent and is never replaced.
    """
    stated = {criterion.element for criterion in rule.criteria} - {"period"}
    kept = tuple(criterion for criterion in root.criteria if criterion.element not in stated)
    return replace(rule, criteria=(*kept, *rule.criteria), size=rule.size + denies)
