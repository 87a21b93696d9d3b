"""FHIR JSON in and out without loss.

What is parsed and dumped again says the same to the digit: decimals keep every digit they were sent with
(``1.50`` stays ``1.50``), as FHIR asks of them. Everything ambiguous is refused on the way in: repeated
keys, NaN, text that is not Unicode, control characters.

https://hl7.org/fhir/R4/json.html; decimals: https://hl7.org/fhir/R4/datatypes.html#decimal
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, NoReturn

import orjson

from adapter.errors import InvalidResource, Issue

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_DEPTH: Final = 100
"""Levels of nesting read or written; the deepest official example has 22."""

_FIRST: Final = ("resourceType", "id", "meta")
_CONTROL_ESCAPE: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\(?:[bf]|u00(?:0[0-8bBcCeEfF]|1[0-9a-fA-F]))")
_OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_LONGEST_INT: Final = 18
"""Digits that always fit 64 bits; longer numbers are kept as Decimal."""


def parse(data: bytes) -> dict[str, Any]:
    """The JSON object in ``data``; numbers with a point or exponent as Decimal, others as int.

    Raises InvalidResource for anything but one object in UTF-8: repeated keys, NaN and infinities, control
    characters, lone surrogates and nesting beyond ``MAX_DEPTH`` included.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(f"byte {error.start} is not UTF-8; expected JSON in UTF-8 without a byte order mark") from None
    if text.startswith("\ufeff"):
        raise _refused("starts with a byte order mark; expected plain UTF-8")
    if b"\\" in data and _CONTROL_ESCAPE.search(data):
        raise _refused("holds an escaped control character; expected text with tab, CR and LF at most")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _refused(f"not JSON at line {error.lineno}, column {error.colno}; expected one JSON object") from None
    except RecursionError:
        raise _too_deep() from None
    except InvalidOperation:
        raise _refused("holds a number beyond any range; expected at most 18 digits of exponent") from None
    if not isinstance(value, dict):
        raise _refused("expected a JSON object, the resource itself")
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _deep(value):
        raise _too_deep()
    if b"\\u" in data:
        dump(value)  # raises for lone surrogates, which only escapes can bring in
    return value


def dump(resource: Mapping[str, Any]) -> bytes:
    """The canonical bytes: compact UTF-8, ``resourceType``, ``id`` and ``meta`` first, then as given.

    Raises InvalidResource for what JSON or UTF-8 cannot carry.
    """
    ordered = {name: resource[name] for name in _FIRST if name in resource}
    return dump_value(ordered | dict(resource))


def dump_value(value: object) -> bytes:
    """The compact bytes of any JSON value, order kept. Raises InvalidResource as ``dump``."""
    try:
        return orjson.dumps(value, default=_decimal, option=_OPTIONS)
    except TypeError as error:  # orjson's own error is a TypeError
        raise _refused("holds a value that FHIR JSON cannot express; expected text, numbers, true, false") from error


def _decimal(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    raise TypeError


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _refused("a JSON object repeats a key; expected every key once")
    return found


def _integer(digits: str) -> int | Decimal:
    if len(digits) > _LONGEST_INT or digits == "-0":
        return Decimal(digits)
    return int(digits)


def _constant(_name: str) -> NoReturn:
    raise _refused("holds NaN or an infinity; expected numbers")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Decimal, parse_int=_integer, parse_constant=_constant
)


def _deep(value: dict[str, Any]) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for item in level:
            inner.extend(item.values() if isinstance(item, dict) else item)
        level = [item for item in inner if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _too_deep() -> InvalidResource:
    return _refused(f"nested too deeply; expected at most {MAX_DEPTH} levels")


def _refused(message: str) -> InvalidResource:
    return InvalidResource([Issue(path="Resource", code="structure", message=message)])
