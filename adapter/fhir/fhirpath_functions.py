"""What the functions and operators of FHIRPath do to collections.

A collection is a list of parsed JSON values: text, int, Decimal, bool, dict. An element that has extensions and no
value is its ``_name`` object.

Functions: http://hl7.org/fhirpath/N1/#functions
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from operator import add, ge, gt, le, lt, mod, mul, sub
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Values = list[Any]

TRUE: Final[Values] = [True]
FALSE: Final[Values] = [False]
NOTHING: Final[Values] = []
_NUMBERS = (int, Decimal, float)
_COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {"<": lt, ">": gt, "<=": le, ">=": ge}
_DEEPEST: Final = 100


def truth(values: Values) -> bool | None:
    """Whether a collection holds; None for an empty one. A single item that is no boolean holds."""
    if not values:
        return None
    return values[0] if len(values) == 1 and isinstance(values[0], bool) else True


def told(holds: bool | None) -> Values:  # noqa: FBT001 - a truth value of three
    """A truth value as a collection."""
    return NOTHING if holds is None else TRUE if holds else FALSE


def same(one: object, other: object) -> bool:
    """Whether two items are equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one == other


def holds(values: Iterable[object], item: object) -> bool:
    """Whether an item is among values."""
    return any(same(value, item) for value in values)


def distinct(values: Values) -> Values:
    """Each item once."""
    if all(type(value) is str for value in values):
        return list(dict.fromkeys(values))
    found: Values = []
    for value in values:
        if not holds(found, value):
            found.append(value)
    return found


def equal(left: Values, right: Values) -> bool | None:
    """Equality of collections; None where one is empty."""
    if not left or not right:
        return None
    if len(left) == len(right) == 1 and type(left[0]) is str:
        return bool(left[0] == right[0])
    return len(left) == len(right) and all(same(one, other) for one, other in zip(left, right, strict=True))


def compared(operator: str, left: Values, right: Values) -> bool | None:
    """An order of two items; None where there is none between them."""
    if len(left) != 1 or len(right) != 1:
        return None
    one, other = _comparable(left[0], right[0])
    both_numbers = isinstance(one, _NUMBERS) and isinstance(other, _NUMBERS)
    if not both_numbers and not (isinstance(one, str) and isinstance(other, str)):
        return None
    return _COMPARED[operator](one, other)


def _comparable(one: Any, other: Any) -> tuple[Any, Any]:
    """Quantities of one unit are compared by their values; of different units, not at all."""
    if isinstance(one, dict) and isinstance(other, dict):
        if any(one.get(name) != other.get(name) for name in ("system", "code", "unit")):
            return None, None
        return one.get("value"), other.get("value")
    return one, other


def calculated(operator: str, left: Values, right: Values) -> Values:
    """Arithmetic of whole and decimal numbers; ``+`` and ``&`` join text, ``&`` also where a side is empty."""
    if operator == "&":
        return ["".join(str(value) for value in (*left[:1], *right[:1]))]
    if len(left) != 1 or len(right) != 1:
        return NOTHING
    one, other = left[0], right[0]
    if operator == "+" and isinstance(one, str) and isinstance(other, str):
        return [one + other]
    if not isinstance(one, _NUMBERS) or not isinstance(other, _NUMBERS):
        return NOTHING
    work = _ARITHMETIC[operator]
    try:
        return [work(_exact(one), _exact(other))]
    except ArithmeticError:
        return NOTHING


def _exact(number: float | Decimal) -> Any:
    return Decimal(str(number)) if isinstance(number, float) else number


_ARITHMETIC: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": add,
    "-": sub,
    "*": mul,
    "/": lambda one, other: Decimal(one) / Decimal(other),
    "div": lambda one, other: int(Decimal(one) / Decimal(other)),
    "mod": mod,
}
"""What cannot be calculated, division by zero above all, gives nothing."""


def children(values: Values) -> Values:
    """Everything that stands directly below."""
    found: Values = []
    for value in values:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name == "resourceType":
                    continue
                if isinstance(inner, list):
                    found += [item for item in inner if item is not None]
                else:
                    found.append(inner)
    return found


def descendants(values: Values) -> Values:
    """Everything that stands below, however deep."""
    found: Values = []
    level = values
    for _ in range(_DEEPEST):
        level = children(level)
        if not level:
            break
        found += level
    return found


@lru_cache(maxsize=512)
def pattern(text: str) -> re.Pattern[str]:
    """A regular expression, compiled once."""
    return re.compile(text, re.DOTALL)


def _text(values: Values) -> str | None:
    return values[0] if len(values) == 1 and isinstance(values[0], str) else None


def _number(values: Values) -> int | None:
    if len(values) == 1 and isinstance(values[0], int) and not isinstance(values[0], bool):
        return values[0]
    return None


def _of_text(work: Callable[[str, str], object]) -> Callable[[Values, Values], Values]:
    def applied(focus: Values, argument: Values) -> Values:
        one, other = _text(focus), _text(argument)
        return NOTHING if one is None or other is None else [work(one, other)]

    return applied


def _substring(focus: Values, start: Values, length: Values | None = None) -> Values:
    text, first = _text(focus), _number(start)
    if text is None or first is None or not 0 <= first < len(text):
        return NOTHING
    many = _number(length) if length is not None else None
    return [text[first:] if many is None else text[first : first + many]]


def _to_integer(focus: Values) -> Values:
    if len(focus) != 1:
        return NOTHING
    value = focus[0]
    if isinstance(value, bool):
        return [int(value)]
    if isinstance(value, int):
        return [value]
    return [int(value)] if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value) else NOTHING


def _to_string(focus: Values) -> Values:
    if len(focus) != 1 or isinstance(focus[0], dict):
        return NOTHING
    value = focus[0]
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def _length(focus: Values) -> Values:
    text = _text(focus)
    return NOTHING if text is None else [len(text)]


def _not(focus: Values) -> Values:
    value = truth(focus)
    return told(None if value is None else not value)


def _has_value(focus: Values) -> Values:
    return told(len(focus) == 1 and not isinstance(focus[0], dict))


def _replace_matches(focus: Values, searched: Values, put: Values) -> Values:
    text, expression, other = _text(focus), _text(searched), _text(put)
    if text is None or expression is None or other is None:
        return NOTHING
    return [pattern(expression).sub(other, text)]


PLAIN: Final[Mapping[tuple[str, int], Callable[..., Values]]] = {
    ("empty", 0): lambda focus: told(not focus),
    ("exists", 0): lambda focus: told(bool(focus)),
    ("count", 0): lambda focus: [len(focus)],
    ("not", 0): _not,
    ("first", 0): lambda focus: focus[:1],
    ("last", 0): lambda focus: focus[-1:],
    ("tail", 0): lambda focus: focus[1:],
    ("single", 0): lambda focus: focus if len(focus) == 1 else NOTHING,
    ("distinct", 0): distinct,
    ("isDistinct", 0): lambda focus: told(len(distinct(focus)) == len(focus)),
    ("children", 0): children,
    ("descendants", 0): descendants,
    ("hasValue", 0): _has_value,
    ("toString", 0): _to_string,
    ("toInteger", 0): _to_integer,
    ("length", 0): _length,
    ("allTrue", 0): lambda focus: told(all(value is True for value in focus)),
    ("combine", 1): lambda focus, other: focus + other,
    ("union", 1): lambda focus, other: distinct(focus + other),
    ("intersect", 1): lambda focus, other: distinct([value for value in focus if holds(other, value)]),
    ("exclude", 1): lambda focus, other: [value for value in focus if not holds(other, value)],
    ("subsetOf", 1): lambda focus, other: told(all(holds(other, value) for value in focus)),
    ("matches", 1): _of_text(lambda text, expression: pattern(expression).search(text) is not None),
    ("contains", 1): _of_text(lambda text, part: part in text),
    ("startsWith", 1): _of_text(str.startswith),
    ("endsWith", 1): _of_text(str.endswith),
    ("substring", 1): _substring,
    ("substring", 2): _substring,
    ("replaceMatches", 2): _replace_matches,
}
"""Functions whose arguments are values, by name and number of arguments."""
