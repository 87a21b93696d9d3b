"""Part of a resource, as `_summary` and `_elements` ask for it.

Whatever is asked for, ``meta`` with its labels, notices and scope, mandatory elements and elements that change the
meaning of others stay. What is cut is marked SUBSETTED, so that nobody takes it for the whole.

https://hl7.org/fhir/R4/search.html#summary and https://hl7.org/fhir/R4/search.html#elements
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.errors import NotSupported
from adapter.fhir.codec import dump, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapter.fhir.facts import Element, Facts, Structure

SUBSETTED: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
_ALWAYS: Final = frozenset({"id", "meta"})


class Subsets:
    """Cuts resources by the facts of R4."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def check(self, kind: str, elements: Iterable[str]) -> None:
        """Refuse names that are no elements of the type."""
        known = {element.base for element in self._facts.types[kind].elements}
        if not known.issuperset(elements):
            raise NotSupported(
                f"`_elements` names what {kind} does not have; expected {', '.join(sorted(known))}",
                expression="_elements",
            )

    def cut(self, body: bytes, *, summary: str | None = None, elements: tuple[str, ...] = ()) -> bytes:
        """The resource in ``body`` with what ``summary`` (true, text, data) or ``elements`` leave of it."""
        resource = parse(body)
        structure = self._facts.types[resource["resourceType"]]
        if summary == "data":
            kept = {key: value for key, value in resource.items() if key != "text"}
        elif summary == "true":
            kept = self._summary(structure, resource)
        else:
            kept = _of(structure, resource, {"text"} if summary == "text" else set(elements))
        kept["resourceType"] = resource["resourceType"]
        meta = kept.get("meta", {})
        kept["meta"] = meta | {"tag": [*meta.get("tag", ()), SUBSETTED]}
        return dump(kept)

    def _summary(self, structure: Structure, content: Mapping[str, Any]) -> dict[str, Any]:
        kept = _of(structure, content, structure.summary)
        for element in structure.elements:
            inner = self._facts.types.get(element.forms[element.name]) if element.name in element.forms else None
            if inner is not None and inner.kind == "backbone" and element.name in kept:
                value = kept[element.name]
                kept[element.name] = (
                    [self._summary(inner, one) for one in value]
                    if isinstance(value, list)
                    else self._summary(inner, value)
                )
        return kept


def _of(structure: Structure, content: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The elements named, with those that always stay."""
    wanted = {name.removesuffix("[x]") for name in names}
    stay = {
        key
        for element in structure.elements
        if element.base in wanted or element.base in _ALWAYS or _stays(structure, element)
        for key in element.names()
    }
    return {key: value for key, value in content.items() if key in stay}


def _stays(structure: Structure, element: Element) -> bool:
    return element.required or element.name in structure.modifiers
