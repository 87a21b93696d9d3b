"""Leaf accounting: every non-empty leaf of every repetition is mapped, lossy, ignored by rule, or unmapped.

A leaf counts as mapped when a rule that ran reads it. A rule under a condition that did not hold is a
written rule to pass its columns by, so their leaves then count as ignored.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from adapter.mapping.columns import STRUCTURED, is_field
from adapter.mapping.mapped import IGNORED, MAPPED, UNMAPPED, LeafCounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapter.mapping.registry import Coverage
    from adapter.mapping.scope import Scope
    from adapter.mapping.spec import ColumnType

_OCCURRENCE = re.compile(r"\[\d+\]")
_CONDITIONAL: Final = 4
_STRUCTURED: Final = 5
_REMEMBERED = 4096
_ONLY_TEXT = frozenset({str})
_Found = tuple[int, int, int, tuple[str, ...]]
"""How many leaves of a column are mapped, ignored, or mapped where a condition holds; paths of the others."""
_Shape = tuple[str | tuple[str, ...], ...]
"""A column and the components of each of its repetitions."""
_NO_LEAVES: _Found = (0, 0, 0, ())
_NONE: Final[frozenset[str]] = frozenset()


class LeafPlan:
    """Where the leaves of one kind of record go, as far as the mapping alone can say."""

    def __init__(self, columns: Mapping[str, ColumnType], unused: frozenset[str]) -> None:
        self._types = columns
        self._unused = unused
        self._always: dict[str, list[Coverage]] = {}
        self._conditional: dict[str, list[Coverage]] = {}
        self._states: dict[str, int] = {}
        self._paths: dict[str, dict[tuple[str, bool], int]] = {}
        self._rows: dict[tuple[str, ...], tuple[list[int], list[str]]] = {}
        self._shapes: dict[_Shape, _Found] = {}
        self._flat = False

    def read(self, column: str, coverage: Coverage, *, conditional: bool) -> None:
        """A rule reads ``column``; ``conditional``: not for every record."""
        into = self._conditional if conditional else self._always
        into.setdefault(column, []).append(coverage)

    @property
    def used(self) -> frozenset[str]:
        """The columns that some rule reads."""
        return frozenset(self._always) | frozenset(self._conditional)

    def only_conditional(self, columns: frozenset[str]) -> frozenset[str]:
        """Those of ``columns`` that no unconditional rule reads in full."""
        return frozenset(c for c in columns if c not in self._always or self._types[c] in STRUCTURED)

    def close(self) -> None:
        """Fix the plan once every rule is known."""
        for column, kind in self._types.items():
            if column in self._unused:
                self._states[column] = IGNORED
            elif kind in STRUCTURED:
                self._states[column] = _STRUCTURED
                self._paths[column] = {}
            elif column in self._always:
                self._states[column] = MAPPED
            else:
                self._states[column] = _CONDITIONAL
        self._flat = not {_CONDITIONAL, _STRUCTURED} & set(self._states.values())

    def count(self, scope: Scope) -> tuple[LeafCounts, tuple[str, ...]]:
        """The counts of one record after its rules have run, and the paths of its unmapped leaves."""
        values = scope.values
        if self._flat and _ONLY_TEXT.issuperset(map(type, values.values())) and "" not in values.values():
            counts, unmapped = self._row(values)
        else:
            counts, unmapped = self._structures(values, scope.reached or _NONE)
        if scope.remarks:
            self._apply(scope, counts, unmapped)
        return _leaf_counts(*counts), tuple(unmapped)

    def _apply(self, scope: Scope, counts: list[int], unmapped: list[str]) -> None:
        """Move the leaves that rules remarked on out of the mapped ones, at most one for each remark."""
        left: dict[str, int] = {}
        for name, state in scope.remarks.items():
            column = name
            while column not in scope.values and "." in column:
                column = column.rpartition(".")[0]
            if column not in left:
                mapped, _, conditional, _ = self._found(column, scope.values.get(column))
                left[column] = mapped + (conditional if column in (scope.reached or _NONE) else 0)
            if left[column]:
                left[column] -= 1
                counts[MAPPED] -= 1
                counts[state] += 1
                unmapped += [name] * (state == UNMAPPED)

    def _row(self, values: Mapping[str, str]) -> tuple[list[int], list[str]]:
        """The counts where every column is a text: which columns are there says it all, and is remembered."""
        there = tuple(values)
        known = self._rows.get(there)
        if known is None:
            known = self._structures(values, _NONE)
            if len(self._rows) < _REMEMBERED:
                self._rows[there] = known
        return known[0].copy(), known[1].copy()

    def _structures(self, values: Mapping[str, Any], reached: set[str] | frozenset[str]) -> tuple[list[int], list[str]]:
        mapped = ignored = 0
        unmapped: list[str] = []
        for column, value in values.items():
            sure, passed, conditional, missed = self._found(column, value)
            mapped += sure
            ignored += passed
            if conditional and column in reached:
                mapped += conditional
            elif conditional:
                ignored += conditional
            if missed:
                unmapped += missed
        return [mapped, ignored, 0, len(unmapped)], unmapped

    def _found(self, column: str, value: Any) -> _Found:
        """The leaves of one column."""
        if type(value) is list and self._types.get(column, "field") == "field" and _is_filled_field(value):
            shape: _Shape = (column, *map(tuple, value))
            return self._shapes.get(shape) or self._shape(column, value, shape)
        state = self._states.get(column, -1)
        if state < 0:
            state = self._undeclared(column)
        if state == _STRUCTURED or isinstance(value, dict | list):
            return self._structure(column, value)
        return _one_leaf(state, column) if value is not None and value != "" else _NO_LEAVES

    def _undeclared(self, column: str) -> int:
        """The state of a column nobody declared: that of its segment, or of the field in another occurrence of it.

        What is read is read in the first occurrence only: `NK1[2]-2` counts as ignored where `NK1-2` is unused.
        """
        plain = _OCCURRENCE.sub("", column)
        segment = plain.rpartition("-")[0]
        passed = plain in self._unused or (plain not in self._types and segment in self._unused)
        state = IGNORED if passed else UNMAPPED
        if len(self._states) < _REMEMBERED:
            self._states[column] = state
        return state

    def _shape(self, column: str, value: list[dict[str, str]], shape: _Shape) -> _Found:
        """The leaves of an HL7 v2 field, remembered by the components that are there."""
        if column not in self._states and self._undeclared(column) == IGNORED:
            found: _Found = (0, sum(map(len, value)), 0, ())
        else:
            found = self._structure(column, value)
        if len(self._shapes) < _REMEMBERED:
            self._shapes[shape] = found
        return found

    def _structure(self, column: str, value: Any) -> _Found:
        known = self._paths.get(column)
        if self._types.get(column) == "field" and not is_field(value):
            known = None
        flat = IGNORED if self._states.get(column) == IGNORED else UNMAPPED
        counts = [0, 0, 0, 0, 0]
        for path, repeat in _leaves(value):
            state = flat if known is None else known.get((path, repeat), -1)
            if state < 0:
                state = self._classify(column, path, repeat=repeat)
            counts[state] += 1
        missed = self._missed(column, value, structured=known is not None) if counts[UNMAPPED] else ()
        return counts[MAPPED], counts[IGNORED], counts[_CONDITIONAL], tuple(missed)

    def _classify(self, column: str, path: str, *, repeat: bool) -> int:
        """The state of a leaf of a structured column, remembered for the next record."""
        state = UNMAPPED
        if any(read.covers(path, repeat=repeat) for read in self._always.get(column, ())):
            state = MAPPED
        elif any(read.covers(path, repeat=repeat) for read in self._conditional.get(column, ())):
            state = _CONDITIONAL
        elif any(f"{column}.{path}.".startswith(f"{entry}.") for entry in self._unused):
            state = IGNORED
        known = self._paths[column]
        if len(known) < _REMEMBERED:
            known[path, repeat] = state
        return state

    def _missed(self, column: str, value: Any, *, structured: bool) -> Iterator[str]:
        """The exact paths of the unmapped leaves of one column."""
        for (path, repeat), exact in zip(_leaves(value), _exact_paths(column, value), strict=True):
            if not structured or self._classify(column, path, repeat=repeat) == UNMAPPED:
                yield exact


def _is_filled_field(value: list[Any]) -> bool:
    """Whether all repetitions are objects of texts, none of them empty."""
    for repetition in value:
        if type(repetition) is not dict:
            return False
        for text in repetition.values():
            if type(text) is not str or not text:
                return False
    return bool(value)


def _one_leaf(state: int, column: str) -> _Found:
    return (
        int(state == MAPPED),
        int(state == IGNORED),
        int(state == _CONDITIONAL),
        (column,) * (state == UNMAPPED),
    )


@lru_cache(maxsize=1024)
def _leaf_counts(mapped: int, ignored: int, lossy: int, unmapped: int) -> LeafCounts:
    return LeafCounts(mapped=mapped, lossy=lossy, ignored=ignored, unmapped=unmapped)


def _leaves(value: Any) -> Iterator[tuple[str, bool]]:
    """Path without positions, and whether it is in a later entry of the outermost array, of every leaf."""
    if isinstance(value, list):
        for place, entry in enumerate(value):
            for path in _paths(entry, ""):
                yield path, place > 0
    else:
        for path in _paths(value, ""):
            yield path, False


def _paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from _paths(entry, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for entry in value:
            yield from _paths(entry, path)
    elif value is not None and value != "":
        yield path


def _exact_paths(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from _exact_paths(f"{path}.{name}", entry)
    elif isinstance(value, list):
        for place, entry in enumerate(value):
            yield from _exact_paths(f"{path}[{place}]", entry)
    elif value is not None and value != "":
        yield path
