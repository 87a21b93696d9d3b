"""Narratives: XHTML read safely and written one way, so that both formats carry the same text.

No entity but the five of XML is known, nothing is loaded, and nesting is bounded: what a parser would expand or fetch
is refused. Comments and processing instructions are dropped; they are no part of a narrative.

https://hl7.org/fhir/R4/narrative.html#xhtml
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE: Final = "http://www.w3.org/1999/xhtml"
_OF_XML: Final = "{http://www.w3.org/XML/1998/namespace}"
_MAX_DEPTH: Final = 100
_VOID: Final = frozenset({"area", "br", "col", "hr", "img"})
"""Elements that browsers read twice unless they close themselves."""
_TEXT: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})
VALUE: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#xD;", "\n": "&#xA;", "\t": "&#x9;"}
)
"""What an attribute value must not hold as it is; white space would come back as blanks."""


def tree(data: bytes) -> etree._Element:
    """The root element of an XML document in UTF-8. Raises ValueError for anything else, a document type included."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8; expected XML in UTF-8") from None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("holds a document type; expected none, and no entities of its own")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise ValueError(f"not XML at line {line}, column {column}; expected one well-formed document") from None


def narrative(text: str) -> str:
    """A narrative as it is written here: one `div` in the namespace of XHTML. Raises ValueError for anything else."""
    return written(tree(text.encode("utf-8")))


def written(element: etree._Element) -> str:
    """A parsed narrative as text; what stands behind it is not part of it."""
    if _name(element) != "div":
        raise ValueError("expected a `div` element of XHTML")
    return "".join(_pieces(element, f' xmlns="{NAMESPACE}"', 1))


def _pieces(element: etree._Element, declared: str, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise ValueError(f"nested too deeply; expected at most {_MAX_DEPTH} levels")
    name = _name(element)
    attributes = "".join(
        f' {_attribute(key)}="{value.translate(VALUE)}"' for key, value in map(_plain, element.attrib.items())
    )
    yield f"<{name}{declared}{attributes}"
    if name in _VOID and not len(element) and not element.text:
        yield "/>"
        return
    yield ">" + (element.text or "").translate(_TEXT)
    for child in element:
        yield from _pieces(child, "", depth + 1)
        yield (child.tail or "").translate(_TEXT)
    yield f"</{name}>"


def _plain(item: tuple[str | bytes, str | bytes]) -> tuple[str, str]:
    key, value = item
    return str(key), str(value)


def _name(element: etree._Element) -> str:
    """The name of an element of XHTML; one without a namespace is taken for it."""
    if not isinstance(element.tag, str):
        raise ValueError("holds an entity; expected text and elements of XHTML")  # noqa: TRY004 - of what was written
    space, _, name = element.tag.rpartition("}")
    if space not in {"", f"{{{NAMESPACE}"}:
        raise ValueError("holds an element of another namespace; expected XHTML alone")
    return name


def _attribute(key: str) -> str:
    if key.startswith(_OF_XML):
        return f"xml:{key.removeprefix(_OF_XML)}"
    if "}" in key:
        raise ValueError("holds an attribute of another namespace; expected those of XHTML")
    return key
