"""Court case extracts in the manner of NIEM: one record for each defendant of a case and one for each order.

Elements are known by their local names: NIEM releases and vendor subsets differ in namespaces only. NIEM
6.0 justice domain: https://github.com/niemopen/niem-model
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

from adapter.source import ExtractOptions, Malformed, Position
from connectors.court.cases import case_records
from connectors.court.slices import LONGEST_CASE, Slice, slices
from connectors.encodings import ascii_based, feed_encoding, without_mark
from connectors.transport.files import chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.source import SourceRecord

_DECLARED = re.compile(rb"\s*<\?xml\s[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._\-]+)[\"']")
_ASIDES = re.compile(rb"<!--(?:(?!--).)*+-->|<\?(?:(?!\?>|<\?).)*+\?>", re.DOTALL)
_OPEN = re.compile(rb"<([A-Za-z_][\w.:\-]*)(?=[\s>])(?:[^<>\"']++|\"[^<\"]*+\"|'[^<']*+')*+(?<!/)>")
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00<", b"<\x00")


class NiemXml:
    """Reads ``<CourtCase>`` elements: kind ``case`` for each defendant, ``order`` for each order."""

    name = "court.niem_xml"

    def records(self, stream: BinaryIO, options: ExtractOptions) -> Iterator[SourceRecord | Malformed]:
        """The records of all cases; a case that cannot be read leaves the others alone.

        Codes besides those of ``case_records``: ``dtd-refused`` and ``unsupported-encoding`` (nothing more
        is read), ``unexpected-content`` (elements or text outside cases), ``truncated`` (no end of the
        root), ``too-long``.
        """
        arriving, marked = without_mark(chunks(stream))
        document = _Document("utf-8" if marked else feed_encoding(options))
        for each in slices(arriving):
            if each.kind == "case":
                document.cases += 1
                yield from case_records(each, document.encoding, document.cases)
            else:
                fault = document.outside(each)
                if fault is not None:
                    yield fault
                if document.refused:
                    return
        fault = document.end()
        if fault is not None:
            yield fault


class _Document:
    """What stands around the cases: encoding, root element, number of cases so far."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.cases = 0
        self.refused = False
        self._line = 1
        self._first = True
        self._root = b""

    def outside(self, between: Slice) -> Malformed | None:
        """Follow a stretch outside the cases. The fault in it."""
        self._line = between.line + between.raw.count(b"\n")
        if between.kind == "dtd":
            self.refused = True
            return _bad(between, "dtd-refused", "a document without a document type declaration")
        if between.kind == "too-long":
            return _bad(between, "too-long", f"cases of at most {LONGEST_CASE} bytes")
        if self._first and not self._prolog(between.raw):
            self.refused = True
            return _bad(between, "unsupported-encoding", "an encoding that contains ASCII, such as UTF-8")
        self._first = False
        rest = _ASIDES.sub(b"", between.raw).strip()
        if not self._root and (opened := _OPEN.match(rest)):
            self._root = opened.group(1)
            rest = rest[opened.end() :].strip()
        if self._root and (closed := re.search(rb"</" + re.escape(self._root) + rb"\s*>\Z", rest)):
            self._root = b""
            rest = rest[: closed.start()].strip()
        return _bad(between, "unexpected-content", "nothing but CourtCase elements inside the root") if rest else None

    def _prolog(self, raw: bytes) -> bool:
        """Take the encoding from the declaration; whether it can be read."""
        declared = _DECLARED.match(raw)
        known = ascii_based(declared.group(1).decode("ascii")) if declared else self.encoding
        self.encoding = known or self.encoding
        return known is not None and not raw.startswith(_WIDE_MARKS)

    def end(self) -> Malformed | None:
        """The fault when the document ends inside its root."""
        if not self._root:
            return None
        position = Position(line=self._line, part="end of the document")
        return Malformed(position=position, code="truncated", expected="the closing tag of the root", raw=b"")


def _bad(between: Slice, code: str, expected: str) -> Malformed:
    return Malformed(position=Position(line=between.line), code=code, expected=expected, raw=between.raw)
