"""An XML extract as its records, each parsed on its own, and what stands around them.

Elements are known by their local names: releases of a standard and the subsets of vendors differ in namespaces only.
A document type declaration is refused, and with it entities and every bomb made of them. XML 1.0:
https://www.w3.org/TR/xml/
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

from lxml import etree

from adapter.source import Malformed, Position
from connectors.encodings import ascii_based, opened, wide
from connectors.xml_slices import LONGEST_RECORD, Slice, slices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapter.source import ExtractOptions, SourceRecord
    from connectors.encodings import Text

    Read = Callable[[etree._Element, Slice, str], Iterator[SourceRecord | Malformed]]  # noqa: SLF001 - its public name
    """Makes the records of one element; ``part`` says which it is in its document."""

_DECLARED = re.compile(rb"\s*<\?xml\s[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._\-]+)[\"']")
_ASIDES = re.compile(rb"<!--(?:(?!--).)*+-->|<\?(?:(?!\?>|<\?).)*+\?>", re.DOTALL)
_OPEN = re.compile(rb"<([A-Za-z_][\w.:\-]*)(?=[\s>])(?:[^<>\"']++|\"[^<\"]*+\"|'[^<']*+')*+(?<!/)>")
_WIDE_MARKS = (b"\x00<", b"<\x00")
_PREFIX = re.compile(r"</?([A-Za-z_][\w.\-]*):|\s([A-Za-z_][\w.\-]*):[\w.\-]+\s*=")
_MOST_PREFIXES = 64
_PARSER = etree.XMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
_RESERVED = frozenset({"xml", "xmlns"})


def documents(
    stream: BinaryIO, options: ExtractOptions, names: tuple[str, ...], read: Read
) -> Iterator[SourceRecord | Malformed]:
    """What ``read`` makes of every element of these ``names``; one that cannot be parsed leaves the others alone.

    Codes: ``undecodable``, ``bad-xml`` (one element), ``dtd-refused`` and ``unsupported-encoding`` (nothing more is
    read), ``unexpected-content`` (elements or text around the records), ``truncated`` (no end of the root),
    ``too-long``.
    """
    text = opened(stream, options)
    yield from text.restored(_items(text, names, read))


def _items(text: Text, names: tuple[str, ...], read: Read) -> Iterator[SourceRecord | Malformed]:
    document = _Document(text, names)
    for each in slices(text.chunks, names):
        if each.kind == "record":
            document.records += 1
            yield from _record(each, document, read)
        else:
            fault = document.outside(each)
            if fault is not None:
                yield fault
            if document.refused:
                return
    fault = document.end()
    if fault is not None:
        yield fault


def _record(each: Slice, document: _Document, read: Read) -> Iterator[SourceRecord | Malformed]:
    name = f"[{document.records}]"
    part = (document.names[0] if len(document.names) == 1 else "record") + name
    try:
        decoded = each.raw.decode(document.encoding)
        element = _parse(decoded)
    except UnicodeDecodeError as error:
        line = each.line + each.raw.count(b"\n", 0, error.start)
        yield bad(each, line, part, "undecodable", f"text in {document.encoding}")
        return
    except etree.XMLSyntaxError as error:
        line = each.line + max(error.lineno or 1, 1) - 1
        yield bad(each, line, part, "bad-xml", f"a well-formed element {' or '.join(document.names)}")
        return
    yield from read(element, each, local(element.tag) + name)


def _parse(text: str) -> etree._Element:
    """The one element in ``text``. Raises lxml's XMLSyntaxError.

    The element stands in a root that declares every prefix it uses, since the real root, where they are
    declared, is elsewhere, and only local names matter. A document type declaration is not well-formed
    there, so entities cannot be declared.
    """
    prefixes = sorted({element or attribute for element, attribute in _PREFIX.findall(text)} - _RESERVED)
    declared = "".join(f' xmlns:{prefix}="urn:prefix:{prefix}"' for prefix in prefixes[:_MOST_PREFIXES])
    root = etree.fromstring(f"<root{declared}>{text}</root>".encode(), _PARSER)
    return root[0]


def local(name: object) -> str:
    """The local part of a name that may carry its namespace in braces."""
    return str(name).rpartition("}")[2]


def bad(each: Slice, line: int, part: str, code: str, expected: str) -> Malformed:
    """A fault of one record, with all of its bytes."""
    return Malformed(position=Position(line=line, part=part), code=code, expected=expected, raw=each.raw)


class _Document:
    """What stands around the records: encoding, root element, number of records so far."""

    def __init__(self, text: Text, names: tuple[str, ...]) -> None:
        self.encoding = text.encoding
        self.names = names
        self.records = 0
        self.refused = False
        self._text = text
        self._line = 1
        self._first = True
        self._root = b""

    def outside(self, between: Slice) -> Malformed | None:
        """Follow a stretch outside the records. The fault in it."""
        self._line = between.line + between.raw.count(b"\n")
        if between.kind == "dtd":
            self.refused = True
            return _around(between, "dtd-refused", "a document without a document type declaration")
        if between.kind == "too-long":
            return _around(between, "too-long", f"records of at most {LONGEST_RECORD} bytes")
        if self._first and not self._prolog(between.raw):
            self.refused = True
            return _around(between, "unsupported-encoding", "an encoding that contains ASCII, or UTF-16 with its mark")
        self._first = False
        rest = _ASIDES.sub(b"", between.raw).strip()
        if not self._root and (opening := _OPEN.match(rest)):
            self._root = opening.group(1)
            rest = rest[opening.end() :].strip()
        if self._root and (closed := re.search(rb"</" + re.escape(self._root) + rb"\s*>\Z", rest)):
            self._root = b""
            rest = rest[: closed.start()].strip()
        expected = f"nothing but {', '.join(self.names)} elements inside the root"
        return _around(between, "unexpected-content", expected) if rest else None

    def _prolog(self, raw: bytes) -> bool:
        """Take the encoding from the declaration; whether it can be read."""
        declared = _DECLARED.match(raw)
        name = declared.group(1).decode("ascii") if declared else self.encoding
        if self._text.original:
            return wide(name) is not None or name == self.encoding
        known = self.encoding if self._text.sure else ascii_based(name)
        self.encoding = known or self.encoding
        return known is not None and not raw.startswith(_WIDE_MARKS)

    def end(self) -> Malformed | None:
        """The fault when the document ends inside its root."""
        if not self._root:
            return None
        position = Position(line=self._line, part="end of the document")
        return Malformed(position=position, code="truncated", expected="the closing tag of the root", raw=b"")


def _around(between: Slice, code: str, expected: str) -> Malformed:
    return Malformed(position=Position(line=between.line), code=code, expected=expected, raw=between.raw)
