"""Records of a JSON document that holds them in an array, read strictly and each on its own.

JSON is UTF-8, or UTF-16 where a byte order mark says so; a feed may declare another encoding for a sender that does
not keep to it. RFC 8259: https://www.rfc-editor.org/rfc/rfc8259
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from adapter.source import Malformed, Position
from connectors.behavioral_health.json_lines import read_json
from connectors.encodings import opened
from connectors.json_elements import LONGEST_OBJECT, Piece, pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapter.source import ExtractOptions, SourceRecord
    from connectors.encodings import Text

    Read = Callable[[dict[str, Any], Piece, str], Iterator[SourceRecord | Malformed]]
    """Makes the records of one object; ``part`` says which it is."""

_LONGEST_AROUND = 2**20


def array_records(
    stream: BinaryIO, options: ExtractOptions, read: Read, *, count: str = ""
) -> Iterator[SourceRecord | Malformed]:
    """What ``read`` makes of every object; ``count`` names the member that says how many there are.

    Codes: ``undecodable``, ``bad-json`` (one object), ``too-long``, ``unexpected-content`` (what stands around the
    objects is no array), ``truncated`` (the array is not closed), ``short-count`` (fewer objects than the document
    says it has: it was filtered, or cut into pages).
    """
    text = opened(stream, options)
    yield from text.restored(_items(text, read, count))


def _items(text: Text, read: Read, count: str) -> Iterator[SourceRecord | Malformed]:
    around, line, number = b"", 1, 0
    for piece in pieces(text.chunks):
        line = piece.line + piece.raw.count(b"\n")
        if piece.kind == "object":
            number += 1
            around += b"" if around.endswith(b"0") else b"0"  # one zero stands for all objects in a row
            yield from _object(piece, number, text.encoding, read)
        elif piece.kind == "too-long":
            yield bad(piece, "", "too-long", f"objects of at most {LONGEST_OBJECT} bytes")
        elif not (around.endswith(b"0") and piece.raw.strip() == b","):
            around += piece.raw
            if len(around) > _LONGEST_AROUND:
                yield bad(piece, "", "unexpected-content", "nothing but objects and commas in the array")
                around = around[:_LONGEST_AROUND]
    fault = _document(around, number, text.encoding, count)
    if fault is not None:
        code, expected = fault
        position = Position(line=line, part="end of the document")
        yield Malformed(position=position, code=code, expected=expected, raw=b"" if number else around)


def _object(piece: Piece, number: int, encoding: str, read: Read) -> Iterator[SourceRecord | Malformed]:
    part = f"object[{number}]"
    try:
        value = _read(piece.raw, encoding)
    except UnicodeError:
        yield bad(piece, part, "undecodable", f"text in {encoding}")
        return
    except (ValueError, ArithmeticError, RecursionError):
        yield bad(piece, part, "bad-json", "one JSON object, with no key twice and finite numbers")
        return
    yield from read(value, piece, part)


def _read(raw: bytes, encoding: str) -> Any:
    return read_json(raw if encoding == "utf-8" else raw.decode(encoding).encode())


def _document(around: bytes, number: int, encoding: str, count: str) -> tuple[str, str] | None:
    """What is wrong with the document around its objects, for each of which a zero stands."""
    try:
        document = _read(around, encoding)
    except (ValueError, ArithmeticError, RecursionError):
        closed = around.rstrip()[-1:] in (b"]", b"}")
        return (
            "unexpected-content" if closed or not number else "truncated",
            "one array of objects, or one object with such an array, closed at its end",
        )
    if not isinstance(document, dict | list):
        return "unexpected-content", "one array of objects, or one object with such an array"
    if count and isinstance(document, dict):
        told = document.get(count)
        if isinstance(told, bool) or not isinstance(told, int) or told != number:
            return "short-count", f"as many objects as `{count}` says; ask the sender for the whole list"
    return None


def bad(piece: Piece, part: str, code: str, expected: str) -> Malformed:
    """A fault of one object, with all of its bytes."""
    return Malformed(position=Position(line=piece.line, part=part), code=code, expected=expected, raw=piece.raw)
