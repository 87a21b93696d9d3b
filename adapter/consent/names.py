"""How one resource names another: literal references and identifiers as comparable keys, and what is at hand.

A key is ``Type/id``, an absolute ``https://server/fhir/Type/id``, or ``=system|value`` for an identifier. A
version is dropped; nothing else is rewritten, because two servers may use one id for two people.

References: https://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from adapter.fhir.reference import parse_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


CIRCLES: Final = frozenset({"Group", "CareTeam"})
"""Types whose members are listed in the circle, not in the member."""

NO_PLACES: Final = CIRCLES | {""}
"""Types, and the lack of one, of what `tail` alone cannot tell apart from others."""


@lru_cache(maxsize=65536)
def _parts(text: str) -> tuple[str | None, str, str]:
    """Key, ``Type/id`` and type of a literal reference; None and nothing where it is none."""
    named = parse_reference(text)
    return (str(named), f"{named.type}/{named.id}", named.type) if named else (None, "", "")


def literal_key(text: object) -> str | None:
    """The key of a literal reference, or None where it is no ``[base/]Type/id``."""
    return _parts(text)[0] if isinstance(text, str) else None


def tail(key: str) -> str:
    """``Type/id`` of a key, whatever server it names; empty for an identifier."""
    return _parts(key)[1]


def type_of(key: str) -> str:
    """The resource type in a key; empty for an identifier."""
    return _parts(key)[2]


def identifier_key(identifier: object) -> str | None:
    """The key of an Identifier with both a system and a value; without either it identifies nothing."""
    if not isinstance(identifier, dict):
        return None
    system, value = identifier.get("system"), identifier.get("value")
    if isinstance(system, str) and system and isinstance(value, str) and value:
        return f"={system}|{value}"
    return None


def reference_key(reference: object) -> str | None:
    """The key of a Reference: its literal, else its identifier, else None: nobody can tell who is meant."""
    if not isinstance(reference, dict):
        return None
    if "reference" in reference:
        return literal_key(reference["reference"])
    return identifier_key(reference.get("identifier"))


def own_key(resource: Mapping[str, Any]) -> str | None:
    """``Type/id`` of a resource; None for one without an id or a type."""
    kind, identity = resource.get("resourceType"), resource.get("id")
    if isinstance(kind, str) and isinstance(identity, str):
        return literal_key(f"{kind}/{identity}")
    return None


def listed(value: object) -> Sequence[Any]:
    """``value`` when it is a JSON array, else nothing."""
    return value if isinstance(value, list) else ()


def items(value: object) -> Sequence[Any]:
    """The elements of ``value``, which may be one element or an array of them."""
    return value if isinstance(value, list) else () if value is None else (value,)


def identifier_keys(resource: Mapping[str, Any]) -> set[str]:
    """The keys of every usable identifier of a resource."""
    keys = {identifier_key(identifier) for identifier in items(resource.get("identifier"))}
    return {key for key in keys if key}


def _alike(left: object, right: object) -> bool:
    """Whether two resources are the same JSON; nested too deep to tell is not."""
    try:
        return left is right or left == right
    except RecursionError:
        return False


class AtHand:
    """The resources that came with a request, by key, by identifier and by what their Provenance is about.

    Two different resources with one key make the key unresolvable: order must not matter. So does a resource
    whose meaning something may modify that nobody here understands.
    """

    __slots__ = ("_identified", "_provenances", "_resources")

    def __init__(self, resources: Iterable[object] = ()) -> None:
        self._resources: dict[str, Mapping[str, Any] | None] = {}
        self._identified: dict[str, set[str]] = {}
        self._provenances: list[Mapping[str, Any]] = []
        for resource in resources:
            if isinstance(resource, dict):
                self._add(resource)

    def _add(self, resource: Mapping[str, Any]) -> None:
        if resource.get("resourceType") == "Provenance":
            self._provenances.append(resource)
        key = own_key(resource)
        if key is None:
            return
        plain = {"modifierExtension", "implicitRules"}.isdisjoint(resource)
        same = plain and _alike(self._resources.get(key, resource), resource)
        self._resources[key] = resource if same else None
        for identifier in identifier_keys(resource):
            self._identified.setdefault(identifier, set()).add(key)

    def get(self, key: str) -> Mapping[str, Any] | None:
        """The resource of that key, or None where it is absent or stands for two."""
        return self._resources.get(key)

    def of_type(self, *types: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Every unambiguous resource of these types with its key."""
        return [
            (key, resource)
            for key, resource in self._resources.items()
            if resource is not None and resource.get("resourceType") in types
        ]

    @property
    def provenances(self) -> Sequence[Mapping[str, Any]]:
        """Every Provenance."""
        return self._provenances

    def identified(self, identifier: str, kind: str) -> str | None:
        """The one resource of type ``kind`` that carries the identifier key; None for none or several."""
        keys = [key for key in self._identified.get(identifier, ()) if type_of(key) == kind]
        return keys[0] if len(keys) == 1 else None
