"""Columns with their types: from the text a sender wrote to a value a rule can use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from adapter.mapping import moments
from adapter.mapping.mapped import IGNORED, MAPPED, UNMAPPED
from adapter.mapping.scope import NULLS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapter.mapping.scope import Rule, Scope
    from adapter.mapping.spec import ColumnType

STRUCTURED: Final = frozenset({"element", "field"})
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,30})?", re.ASCII)
_TRUTHS = {"true": True, "t": True, "yes": True, "y": True, "1": True} | {
    "false": False,
    "f": False,
    "no": False,
    "n": False,
    "0": False,
}
_ONLY_OBJECTS = frozenset({dict})
_HL7_DELETED = '""'


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A column as a rule names it; ``path`` is the leaf of a structured column, or ""."""

    column: str
    path: str
    type: ColumnType

    @property
    def name(self) -> str:
        """The reference as written."""
        return f"{self.column}.{self.path}" if self.path else self.column


def resolve(text: str, columns: Mapping[str, ColumnType]) -> Reference | None:
    """The column ``text`` names: a declared one, or a declared structured one, a dot and a leaf of it."""
    if text in columns:
        return Reference(column=text, path="", type=columns[text])
    for end in range(len(text) - 1, 0, -1):
        if text[end] == "." and columns.get(text[:end]) in STRUCTURED:
            return Reference(column=text[:end], path=text[end + 1 :], type=columns[text[:end]])
    return None


def reader(reference: Reference) -> Rule:
    """A rule that reads the column with its type."""
    column = reference.column
    if reference.path:
        find = _field_leaf if reference.type == "field" else _element_leaf
        return _leaf_reader(reference, find)
    if reference.type == "element":
        return lambda scope: scope.values.get(column)
    if reference.type == "field":
        return _field_reader(column)
    text = _text_reader(column)
    convert = _CONVERSIONS.get(reference.type)
    return text if convert is None else _typed_reader(column, text, convert)


def _text_reader(column: str) -> Callable[[Scope], str | None]:
    def read(scope: Scope) -> str | None:
        text = scope.values.get(column)
        if text is None:
            return None
        if type(text) is not str:
            text = _scalar_text(text)
            if text is None:
                scope.remark(column, MAPPED, "structure-in-column")
                return None
        text = text.strip()
        if text in NULLS:
            scope.remark(column, IGNORED)
            return None
        return text

    return read


def _scalar_text(value: object) -> str | None:
    """A JSON scalar as text; None for an object or array."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal | str):
        return str(value)
    return None


def _typed_reader(column: str, text: Callable[[Scope], str | None], convert: Callable[[Scope, str, str], Any]) -> Rule:
    def read(scope: Scope) -> Any:
        found = text(scope)
        return None if found is None else convert(scope, column, found)

    return read


def _noted(scope: Scope, column: str, read: moments.Read) -> str | None:
    if read.state:
        for code in read.codes or ("",):
            scope.remark(column, read.state, code)
    return read.value


def _date(scope: Scope, column: str, text: str) -> str | None:
    return _noted(scope, column, moments.read_date(text, scope.environment.newest_year))


def _datetime(scope: Scope, column: str, text: str) -> str | None:
    environment = scope.environment
    return _noted(scope, column, moments.read_datetime(text, environment.newest_year, environment.clock))


def _time(scope: Scope, column: str, text: str) -> str | None:
    return _noted(scope, column, moments.clock_time(text))


def _integer(scope: Scope, column: str, text: str) -> int | None:
    if _INTEGER.fullmatch(text):
        return int(text)
    scope.remark(column, UNMAPPED, "bad-integer")
    return None


def _decimal(scope: Scope, column: str, text: str) -> Decimal | None:
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    scope.remark(column, UNMAPPED, "bad-decimal")
    return None


def _boolean(scope: Scope, column: str, text: str) -> bool | None:
    found = _TRUTHS.get(text.lower())
    if found is None:
        scope.remark(column, UNMAPPED, "bad-boolean")
    return found


_CONVERSIONS: dict[str, Callable[[Scope, str, str], Any]] = {
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "integer": _integer,
    "decimal": _decimal,
    "boolean": _boolean,
}


def is_field(value: object) -> bool:
    """Whether ``value`` is an HL7 v2 field: a list of repetitions."""
    return type(value) is list and _ONLY_OBJECTS.issuperset(map(type, value))


def _field_reader(column: str) -> Rule:
    def read(scope: Scope) -> Any:
        value = scope.values.get(column)
        if value is None or is_field(value):
            return value or None
        scope.remark(column, MAPPED, "no-field-structure")
        return None

    return read


def _field_leaf(value: Any, path: str) -> str | None:
    """A component of the first repetition, or the first subcomponent of it."""
    if type(value) is not list or not value or type(value[0]) is not dict:
        return None
    text = value[0].get(path)
    if text is None:
        text = value[0].get(f"{path}.1")
    return text if isinstance(text, str) else None


def _element_leaf(value: Any, path: str) -> str | None:
    """A leaf of a JSON subtree; of an array, the first entry's."""
    for part in path.split("."):
        if isinstance(value, list):
            value = value[0] if value else None
        value = value.get(part) if isinstance(value, dict) else None
    return None if value is None else _scalar_text(value)


def _leaf_reader(reference: Reference, find: Callable[[Any, str], str | None]) -> Rule:
    column, path, name = reference.column, reference.path, reference.name

    def read(scope: Scope) -> str | None:
        value = scope.values.get(column)
        if value is None:
            return None
        text = find(value, path)
        if text is None:
            return None
        text = text.strip()
        if text in NULLS or text == _HL7_DELETED:
            scope.remark(name, IGNORED)
            return None
        return text

    return read
