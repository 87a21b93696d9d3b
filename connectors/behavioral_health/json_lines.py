"""Newline-delimited JSON read strictly: every line one object, decimals with their digits, no key twice.

https://github.com/ndjson/ndjson-spec, RFC 8259 (https://www.rfc-editor.org/rfc/rfc8259). FHIR forbids to
change the precision of a decimal (https://hl7.org/fhir/R4/datatypes.html#decimal), so none ever becomes a
float.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

from adapter.source import Malformed, Position
from connectors.encodings import without_mark
from connectors.lines import LONGEST_LINE, blocks
from connectors.transport.files import chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def objects(stream: BinaryIO) -> Iterator[tuple[int, bytes, dict[str, Any]] | Malformed]:
    """Line number, bytes and value of every line of ``stream`` that is not blank.

    JSON is UTF-8 whatever the feed declares. Codes: ``undecodable``, ``bad-json``, ``not-an-object``,
    ``too-long``.
    """
    for found in texts(stream):
        yield found if isinstance(found, Malformed) else as_object(*found)


def texts(stream: BinaryIO) -> Iterator[tuple[int, bytes] | Malformed]:
    """Line number and bytes of every line of ``stream`` that is not blank. Code: ``too-long``."""
    arriving, _ = without_mark(chunks(stream))
    for block in blocks(arriving):
        if block.cut:
            yield bad(block.first, "too-long", f"a line of at most {LONGEST_LINE} bytes", block.data)
        else:
            yield from ((line, raw) for line, raw in enumerate(block.lines(), block.first) if not raw.isspace())


def as_object(line: int, raw: bytes, part: str = "") -> tuple[int, bytes, dict[str, Any]] | Malformed:
    """The object that ``raw`` is, or why it is none."""
    try:
        value = read_json(raw)
    except UnicodeDecodeError:
        return bad(line, "undecodable", "text in utf-8", raw, part)
    except (ValueError, ArithmeticError, RecursionError):
        return bad(line, "bad-json", "one JSON object, with no key twice and finite numbers", raw, part)
    return (line, raw, value) if isinstance(value, dict) else bad(line, "not-an-object", "one JSON object", raw, part)


def read_json(raw: bytes) -> object:
    """The JSON value of ``raw`` with decimals as Decimal.

    Raises UnicodeDecodeError for bytes that are not UTF-8, ValueError for what is not JSON, a key that
    occurs twice or half of a surrogate pair, ArithmeticError for a number no Decimal holds, RecursionError
    for deep nesting.
    """
    value = json.loads(
        raw.decode(), parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_without_repeats
    )
    if _SURROGATE.search(raw):
        json.dumps(value, ensure_ascii=False, default=str).encode()
    return value


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key occurs twice")
    return members


def not_empty(members: dict[str, Any]) -> dict[str, Any]:
    """The members that say something: null, empty text, empty lists and empty objects left out."""
    return {name: value for name, value in members.items() if value is not None and value not in ("", [], {})}


def bad(line: int, code: str, expected: str, raw: bytes, part: str = "") -> Malformed:
    """A fault of what starts on a line."""
    return Malformed(position=Position(line=line, part=part), code=code, expected=expected, raw=raw)
