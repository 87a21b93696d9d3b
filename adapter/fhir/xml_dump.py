"""FHIR XML out: the same resource as its JSON, to the last digit, extensions on primitives included.

Text is joined, because a tree would only be built to be thrown away. What has no place in the structure is refused and
never left out: an answer in XML says what the answer in JSON says.

https://hl7.org/fhir/R4/xml.html
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import InvalidResource, Issue
from adapter.fhir.primitives import PRIMITIVES
from adapter.fhir.xhtml import VALUE, narrative

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapter.fhir.facts import Facts, Structure

NAMESPACE: Final = "http://hl7.org/fhir"
_PROLOG: Final = '<?xml version="1.0" encoding="UTF-8"?>'
_WORDS: Final = {True: "true", False: "false"}


class XmlWriter:
    """Writes resources by the facts of R4."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._forms: dict[str, dict[str, tuple[int, str, str]]] = {}

    def dump(self, resource: Mapping[str, Any]) -> bytes:
        """The resource as an XML document in UTF-8; decimals as ``adapter.fhir.codec.parse`` reads them.

        Raises InvalidResource for what the structure of R4 has no place for.
        """
        return (_PROLOG + "".join(self._resource(resource, f' xmlns="{NAMESPACE}"', ""))).encode("utf-8")

    def _resource(self, resource: Mapping[str, Any], declared: str, path: str) -> Iterator[str]:
        kind = resource.get("resourceType")
        structure = self._facts.types.get(kind) if isinstance(kind, str) else None
        if structure is None or structure.kind != "resource":
            raise _refused(path or "Resource", "is of a type that is not written as XML here")
        yield f"<{kind}{declared}>"
        body = {key: value for key, value in resource.items() if key != "resourceType"}
        yield from self._content(structure, body, path or structure.name)
        yield f"</{kind}>"

    def _content(self, structure: Structure, content: Mapping[str, Any], path: str) -> Iterator[str]:
        """The elements of an object in the order of the definition."""
        forms = self._known(structure)
        try:
            found = {forms[key] for key in content}
        except KeyError:
            raise _refused(path, f"has elements that R4 does not give {structure.name}") from None
        for place, form, kind in sorted(found):
            if place < 0:
                continue
            value, beside = content.get(form), content.get(f"_{form}")
            if not isinstance(value if value is not None else beside, list):
                yield from self._element(form, kind, value, beside, f"{path}.{form}")
                continue
            for number, (one, other) in enumerate(zip_longest(value or (), beside or ())):
                yield from self._element(form, kind, one, other, f"{path}.{form}[{number}]")

    def _known(self, structure: Structure) -> dict[str, tuple[int, str, str]]:
        """For each key an object of this type may have: place in the order, element, type; no place for attributes."""
        if structure.name not in self._forms:
            self._forms[structure.name] = {
                key: (-1 if _attributed(structure, form) else place, form, kind)
                for place, element in enumerate(structure.elements)
                for form, kind in element.forms.items()
                for key in ((form, f"_{form}") if form in element.extensible else (form,))
            }
        return self._forms[structure.name]

    def _element(self, name: str, kind: str, value: Any, beside: Any, path: str) -> Iterator[str]:
        if kind == "Resource":
            yield f"<{name}>"
            yield from self._resource(value, "", path)
            yield f"</{name}>"
        elif kind == "xhtml":
            try:
                yield narrative(value)
            except ValueError as error:
                raise _refused(path, str(error)) from None
        elif kind in PRIMITIVES:
            stated = "" if value is None else f' value="{_text(value)}"'
            if beside:
                yield from self._wrapped(name, stated, "Element", beside, path)
            elif stated:
                yield f"<{name}{stated}/>"
        else:
            yield from self._wrapped(name, "", kind, value, path)

    def _wrapped(self, name: str, stated: str, kind: str, content: Mapping[str, Any], path: str) -> Iterator[str]:
        """An element with its attributes and what it holds."""
        structure = self._facts.types[kind]
        for key in ("id", "url"):
            if key in content and _attributed(structure, key):
                stated += f' {key}="{_text(content[key])}"'
        inner = "".join(self._content(structure, content, path))
        yield f"<{name}{stated}>{inner}</{name}>" if inner else f"<{name}{stated}/>"


def _attributed(structure: Structure, name: str) -> bool:
    """Whether an element is an attribute in XML: the id of what is no resource, and the address of an extension."""
    return (name == "id" and structure.kind != "resource") or (structure.name, name) == ("Extension", "url")


def _text(value: Any) -> str:
    return _WORDS[value] if isinstance(value, bool) else str(value).translate(VALUE)


def _refused(path: str, message: str) -> InvalidResource:
    return InvalidResource([Issue(path=path, code="structure", message=message)])
