"""The primitive types of R4: for each a JSON Schema fragment and the same check in Python.

One pattern serves both, written so that the Rust engine behind jsonschema-rs and Python's ``re`` read it
alike. Dates are checked against the calendar inside the pattern: 30 February never matches, 29 February
only in leap years.

Primitive types: https://hl7.org/fhir/R4/datatypes.html#primitive
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_YEAR = "(?:[0-9](?:[0-9](?:[0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
_LEAP = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DAY = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_FULL_DATE = f"(?:{_YEAR}-{_DAY}|{_LEAP}-02-29)"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_OFFSET = "(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_MONTH = f"{_YEAR}-(?:0[1-9]|1[0-2])"

# FHIR strings hold no control characters but tab, line feed and carriage return.
_TEXT = r"[^\x00-\x08\x0b\x0c\x0e-\x1f]+"
_URI = r"[^\x00-\x20\x7f\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"
_WORD = r"[^\x00-\x20]+"

# Base64 comes in fours; white space may stand between any two characters.
_SPACE = r"[ \t\r\n]*"
_DIGIT = f"[0-9A-Za-z+/]{_SPACE}"
_FOUR = f"(?:{_DIGIT}{_DIGIT}{_DIGIT}{_DIGIT})"
_LAST = f"{_DIGIT}{_DIGIT}(?:={_SPACE}=|{_DIGIT}=){_SPACE}"

PATTERNS: Final[Mapping[str, str]] = {
    "base64Binary": f"{_SPACE}(?:{_FOUR}+(?:{_LAST})?|{_LAST})",
    "canonical": _URI,
    "code": f"{_WORD}(?:[ ]{_WORD})*",
    "date": f"(?:{_FULL_DATE}|{_MONTH}|{_YEAR})",
    "dateTime": f"(?:{_FULL_DATE}(?:T{_CLOCK}{_OFFSET})?|{_MONTH}|{_YEAR})",
    "id": r"[A-Za-z0-9.-]{1,64}",
    "instant": f"{_FULL_DATE}T{_CLOCK}{_OFFSET}",
    "markdown": _TEXT,
    "oid": r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+",
    "string": _TEXT,
    "time": _CLOCK,
    "uri": _URI,
    "url": _URI,
    "uuid": "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "xhtml": r"<div[\s>][^\x00-\x08\x0b\x0c\x0e-\x1f]*",
}
"""What the whole text must match, for the types written as JSON strings."""

_INTEGERS: Final[Mapping[str, tuple[int, int]]] = {
    "integer": (-(2**31), 2**31 - 1),
    "positiveInt": (1, 2**31 - 1),
    "unsignedInt": (0, 2**31 - 1),
}

EXPECTED: Final[Mapping[str, str]] = {
    "base64Binary": "base64 text",
    "boolean": "true or false",
    "canonical": "an address without spaces",
    "code": "a code: words separated by single spaces, none before or after",
    "date": "a day that exists as YYYY, YYYY-MM or YYYY-MM-DD",
    "dateTime": "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with an offset, a time that exists",
    "decimal": "a number",
    "id": "1 to 64 letters, digits, dots and hyphens",
    "instant": "YYYY-MM-DDThh:mm:ss with an offset, a time that exists",
    "integer": "a whole number of 32 bits",
    "markdown": "text that is not empty",
    "oid": "urn:oid: and numbers separated by dots",
    "positiveInt": "a whole number from 1",
    "string": "text that is not empty, without control characters",
    "time": "hh:mm:ss",
    "unsignedInt": "a whole number from 0",
    "uri": "an address without spaces",
    "url": "an address without spaces",
    "uuid": "urn:uuid: and a lowercase UUID",
    "xhtml": "XHTML that starts with <div",
}
"""What a value of each primitive type looks like, in words for an error message."""

PRIMITIVES: Final = frozenset(EXPECTED)


class WholeNumber:
    """The JSON Schema keyword ``wholeNumber``: JSON Schema takes 1.0 for an integer, FHIR does not.

    The constructor has the shape jsonschema-rs asks for; the keyword has no options.
    """

    def __init__(self, _parent: object, _value: object, _path: object) -> None:
        pass

    def validate(self, instance: object) -> None:
        """Raise ValueError unless ``instance`` was written without a decimal point."""
        if type(instance) is not int:
            raise ValueError("expected a number without a decimal point")


def json_schema(name: str) -> dict[str, Any]:
    """JSON Schema of the primitive type ``name``."""
    if name == "boolean":
        return {"type": "boolean"}
    if name == "decimal":
        return {"type": "number"}
    if name in _INTEGERS:
        low, high = _INTEGERS[name]
        return {"type": "integer", "minimum": low, "maximum": high, "wholeNumber": True}
    return {"type": "string", "pattern": f"^(?:{PATTERNS[name]})$"}


def _text(pattern: str) -> Callable[[object], bool]:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _whole(low: int, high: int) -> Callable[[object], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _number(value: object) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite()
    if isinstance(value, float):
        return value - value == 0  # false for NaN and the infinities
    return type(value) is int


CHECKS: Final[Mapping[str, Callable[[object], bool]]] = {
    "boolean": lambda value: isinstance(value, bool),
    "decimal": _number,
    **{name: _whole(*bounds) for name, bounds in _INTEGERS.items()},
    **{name: _text(pattern) for name, pattern in PATTERNS.items()},
}
"""For each primitive type, whether a parsed JSON value is one of its values."""
