"""Decimals as they are compared in searches: exactly, as text whose order is the order of the numbers.

A number searched for stands for everything that rounds to it: `5.4` is from 5.35 up to but not including 5.45, `100`
from 99.5 to 100.5, and `1e2`, by the example of the specification, from 95 to 105. With a prefix other than `ne` and
`ap` it is exactly what it says.

https://hl7.org/fhir/R4/search.html#number and https://hl7.org/fhir/R4/search.html#quantity
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import Final

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,99})(?:\.[0-9]{1,100})?(?P<exponent>[eE][+-]?[0-9]{1,4})?")
_WIDE: Final = Context(prec=400)
"""Room for every number that `_NUMBER` lets through, a digit more included."""
_OFFSET: Final = 50_000
LARGEST: Final = 40_000
"""The largest exponent that is compared, up and down; what lies beyond is no measurement."""
_COMPLEMENT: Final = str.maketrans("0123456789", "9876543210")
_EDGES: Final = {-1: ",", 0: "-", 1: "."}
"""Just below, exactly, just above: all sort before any further digit."""
_NEGATIVE_EDGES: Final = {-1: ":", 0: ";", 1: "<"}
"""The same where further digits make a number smaller: all sort behind any further digit."""

LEAST: Final = ""
MOST: Final = "~"
"""Bounds of what is open below or above."""


def order_key(number: Decimal, edge: int = 0) -> str:
    """The text of a number in sorted order; ``edge`` -1 and 1 are the places directly before and behind it.

    Raises ValueError for exponents beyond ``LARGEST``.
    """
    if number and abs(number.adjusted()) > LARGEST:
        raise ValueError("the number is beyond what is compared")
    _, digits, _ = number.as_tuple()
    text = "".join(map(str, digits)).strip("0")
    if not text:
        return "1" + _EDGES[edge]
    exponent = number.adjusted() + _OFFSET
    if number > 0:
        return f"2{exponent:05d}{text}{_EDGES[edge]}"
    return f"0{exponent:05d}{text}".replace("0", "9", 1).translate(_COMPLEMENT) + _NEGATIVE_EDGES[edge]


def measured(number: Decimal, comparator: str) -> tuple[str, str]:
    """The bounds of a stored quantity; with a comparator (`<5`) it is open on one side."""
    if comparator.startswith("<"):
        return LEAST, order_key(number, 0 if comparator.endswith("=") else -1)
    if comparator.startswith(">"):
        return order_key(number, 0 if comparator.endswith("=") else 1), MOST
    key = order_key(number)
    return key, key


def asked(text: str, prefix: str) -> tuple[str, str]:
    """The bounds, both inclusive, that a number in a search stands for. Raises ValueError for any other text."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError("expected a number such as 5.4, -12 or 1e2")
    number = Decimal(text)
    if prefix == "ap":
        slack = _WIDE.multiply(abs(number), Decimal("0.1"))
        return order_key(_WIDE.subtract(number, slack)), order_key(_WIDE.add(number, slack))
    if prefix not in {"eq", "ne"}:
        return order_key(number), order_key(number)
    last = int(number.as_tuple().exponent) - (1 if match["exponent"] else 0)
    half = Decimal((0, (5,), last - 1))
    return order_key(_WIDE.subtract(number, half)), order_key(_WIDE.add(number, half), -1)


def within(prefix: str, low: str, high: str, bounds: tuple[str, str]) -> bool:
    """Whether a stored quantity from ``low`` to ``high`` satisfies ``prefix`` against the bounds of a search."""
    since, until = bounds
    compared = {
        "eq": since <= low and high <= until,
        "ne": not (since <= low and high <= until),
        "gt": high > until,
        "lt": low < since,
        "ge": high >= until,
        "le": low <= since,
        "sa": low > until,
        "eb": high < since,
        "ap": low <= until and since <= high,
    }
    return compared[prefix]
