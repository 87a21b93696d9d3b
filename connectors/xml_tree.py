"""An XML element as objects, lists and texts under the local names of its elements, the way JSON would say it.

What repeats is a list. Attributes are `@name`; those that only tie the document together (ids, references, metadata,
schema locations) say nothing of anybody and are left out. A text beside attributes or elements is `#text`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.xml_document import local

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lxml import etree

BINDING = frozenset({"id", "ref", "uri", "metadata", "relationshipMetadata", "nil", "schemaLocation"})
"""Local names of attributes that tie a document together."""


def tree(element: etree._Element, without: Collection[etree._Element] = ()) -> Any:
    """The content of ``element``: a text, an object, or None where there is nothing; ``without`` some below it."""
    found: dict[str, Any] = {}
    for name, text in element.items():
        if local(name) not in BINDING and str(text).strip():
            found["@" + local(name)] = str(text)
    children = list(element)
    words = (element.text or "") + "".join(child.tail or "" for child in children)
    for child in children:
        if child not in without:
            add(found, local(child.tag), tree(child, without))
    if not words.strip():
        return found or None
    return found | {"#text": words} if found else words


def attribute(element: etree._Element, name: str) -> str:
    """The attribute of this local name, or an empty text."""
    return next((str(text) for key, text in element.items() if local(key) == name), "")


def by_id(element: etree._Element) -> dict[str, etree._Element]:
    """The elements at and below ``element`` that others may refer to, by their id."""
    return {ident: one for one in element.iter() if (ident := attribute(one, "id"))}


def outermost(elements: Iterable[etree._Element]) -> list[etree._Element]:
    """Those of ``elements`` that are in no other of them, in their order."""
    found = dict.fromkeys(elements)
    return [one for one in found if not any(above in found for above in one.iterancestors())]


def add(found: dict[str, Any], name: str, value: Any) -> None:
    """Put ``value`` under ``name``, as a further entry of a list where there is one already; None is nothing."""
    if value is None:
        return
    there = found.get(name)
    if there is None:
        found[name] = value
    elif isinstance(there, list):
        there.append(value)
    else:
        found[name] = [there, value]
