"""FHIR XML in: the JSON value that says the same, every digit and extension kept.

What is read is what R4 defines: an element or attribute that is not known, text between elements, an element out of its
place or without content is refused with where it stands. Document types and entities are refused before anything is
parsed (`adapter.fhir.xhtml.tree`).

https://hl7.org/fhir/R4/xml.html
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import InvalidResource, Issue
from adapter.fhir.codec import MAX_DEPTH
from adapter.fhir.primitives import PRIMITIVES
from adapter.fhir.xhtml import NAMESPACE as XHTML
from adapter.fhir.xhtml import tree, written
from adapter.fhir.xml_dump import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lxml.etree import _Element

    from adapter.fhir.facts import Element, Facts, Structure

_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,18})?")
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_INTEGERS: Final = frozenset({"integer", "positiveInt", "unsignedInt"})
_BOOLEANS: Final = {"true": True, "false": False}


class XmlReader:
    """Reads resources by the facts of R4."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._forms: dict[str, dict[str, tuple[int, Element, str]]] = {}

    def parse(self, data: bytes) -> dict[str, Any]:
        """The resource in ``data`` as ``adapter.fhir.codec.parse`` gives that of JSON.

        Raises InvalidResource with the place of what cannot be read.
        """
        try:
            root = tree(data)
        except ValueError as error:
            raise _refused("Resource", str(error)) from None
        return self._resource(root, "Resource", 1)

    def _resource(self, node: _Element, path: str, depth: int) -> dict[str, Any]:
        kind = _name(node, path)
        structure = self._facts.types.get(kind)
        if structure is None or structure.kind != "resource":
            raise _refused(path, "is no resource of a type that is read here; expected one in the namespace of FHIR")
        at = kind if depth == 1 else path
        _only(node, (), at)
        return {"resourceType": kind, **self._content(node, structure, at, depth)}

    def _content(self, node: _Element, structure: Structure, path: str, depth: int) -> dict[str, Any]:
        """The elements of a node, in the order of the definition."""
        if depth > MAX_DEPTH:
            raise _refused(path, f"nested too deeply; expected at most {MAX_DEPTH} levels")
        _no_text(node, path)
        forms, place = self._known(structure), -1
        found: dict[str, Any] = {}
        for child in node:
            name = _name(child, path, also=XHTML)
            if name not in forms:
                raise _refused(path, f"holds an element that R4 does not give {structure.name}")
            here, element, kind = forms[name]
            if here < place or (here == place and not element.repeats):
                raise _refused(f"{path}.{name}", "stands twice or out of its place; expected the order of R4")
            place = here
            at = f"{path}.{name}[{_count(found, name)}]" if element.repeats else f"{path}.{name}"
            self._add(found, name, element, kind, child, at, depth + 1)
        return found

    def _known(self, structure: Structure) -> dict[str, tuple[int, Element, str]]:
        """The children a node of this type may have: place in the order, element, type."""
        if structure.name not in self._forms:
            self._forms[structure.name] = {
                form: (place, element, kind)
                for place, element in enumerate(structure.elements)
                for form, kind in element.forms.items()
                if not (form == "id" and structure.kind != "resource")
                and (structure.name, form) != ("Extension", "url")
            }
        return self._forms[structure.name]

    def _add(
        self, found: dict[str, Any], name: str, element: Element, kind: str, node: _Element, path: str, depth: int
    ) -> None:
        if kind in PRIMITIVES and kind != "xhtml":
            value, beside = self._primitive(node, kind, path, depth)
        else:
            value, beside = self._complex(node, kind, path, depth), None
        if not element.repeats:
            found.update({name: value} if value is not None else {})
            found.update({f"_{name}": beside} if beside else {})
            return
        _append(found, name, value, beside)

    def _complex(self, node: _Element, kind: str, path: str, depth: int) -> Any:
        if kind == "xhtml":
            try:
                return written(node)
            except ValueError as error:
                raise _refused(path, str(error)) from None
        if kind == "Resource":
            _only(node, (), path)
            _no_text(node, path)
            if len(node) != 1:
                raise _refused(path, "expected one resource in it")
            return self._resource(node[0], path, depth)
        structure = self._facts.types[kind]
        allowed = ("id", "url") if kind == "Extension" else ("id",)
        body = _only(node, allowed, path) | self._content(node, structure, path, depth)
        if not body:
            raise _refused(path, "is empty; expected content or no element")
        return body

    def _primitive(self, node: _Element, kind: str, path: str, depth: int) -> tuple[Any, dict[str, Any]]:
        """The value of a primitive, None if it has none, and what JSON puts beside it."""
        attributes = _only(node, ("value", "id"), path)
        value = attributes.pop("value", None)
        beside = attributes
        if len(node) or node.text:
            beside = attributes | self._content(node, self._facts.types["Element"], path, depth)
        if value is None and not beside:
            raise _refused(path, "is empty; expected a value, an extension or no element")
        return None if value is None else _value(value, kind, path), beside


def _append(found: dict[str, Any], name: str, value: Any, beside: dict[str, Any] | None) -> None:
    """Add one to a list and to the list beside it, which are as long as each other where both are there."""
    count = _count(found, name)
    if value is not None or name in found:
        found.setdefault(name, [None] * count).append(value)
    if beside or f"_{name}" in found:
        found.setdefault(f"_{name}", [None] * count).append(beside or None)


def _count(found: dict[str, Any], name: str) -> int:
    return max(len(found.get(name, ())), len(found.get(f"_{name}", ())))


def _value(text: str, kind: str, path: str) -> Any:
    if kind == "boolean" and text in _BOOLEANS:
        return _BOOLEANS[text]
    if kind == "decimal" and _DECIMAL.fullmatch(text):
        return int(text) if _INTEGER.fullmatch(text) and text != "-0" else Decimal(text)
    if kind in _INTEGERS and _INTEGER.fullmatch(text):
        return int(text)
    if kind in {"boolean", "decimal", *_INTEGERS} or not text:
        raise _refused(path, f"is no value of the type {kind}")
    return text


def _name(node: _Element, path: str, also: str = NAMESPACE) -> str:
    """The local name of an element in the namespace of FHIR, or in ``also`` if it is a narrative's."""
    space, _, name = str(node.tag).removeprefix("{").partition("}") if isinstance(node.tag, str) else ("", "", "")
    if space == NAMESPACE or (space == also and name == "div"):
        return name
    raise _refused(path, "holds something that is no element in the namespace of FHIR")


def _only(node: _Element, allowed: Iterable[str], path: str) -> dict[str, Any]:
    """The attributes of a node, each known and with content."""
    found = {str(key): str(value) for key, value in node.attrib.items()}
    if found.keys() - set(allowed) or not all(found.values()):
        raise _refused(path, "has an attribute that is empty or has no place here")
    return found


def _no_text(node: _Element, path: str) -> None:
    if (node.text or "").strip() or any((child.tail or "").strip() for child in node):
        raise _refused(path, "holds text between its elements; expected values in attributes")


def _refused(path: str, message: str) -> InvalidResource:
    return InvalidResource([Issue(path=path, code="structure", message=message)])
