"""One record while it is being mapped: its values, and what the rules remark about its leaves."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from adapter.mapping.mapped import IGNORED, LOSSY, UNMAPPED, Environment, Warning  # noqa: A004

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    Rule = Callable[["Scope"], Any]
    """A compiled node: from a record to a value, or None where there is nothing to say."""

NULLS = frozenset({"", "NULL", "null", "(null)", "<null>", "--", "---", "^^", "\\N"})
"""Ways to write "nothing": seen in jail extracts as text in otherwise filled columns."""


LONGEST_CODE = 64
"""Characters of a code; what is longer is a text in the wrong column."""
TOO_LONG = f"(longer than {LONGEST_CODE} characters)"


@lru_cache(maxsize=4096)
def _warning(code: str, column: str) -> Warning:
    return Warning(code=code, column=column)


class Scope:
    """The record at hand. ``remarks`` holds, per column, the state of a leaf that was not simply mapped.

    ``person`` is the key of the record's person, once it is known.
    """

    __slots__ = ("environment", "person", "reached", "remarks", "unlisted", "values", "warnings")

    def __init__(self, values: Mapping[str, Any], environment: Environment, person: tuple[str, ...] = ()) -> None:
        self.person = person
        self.values = values
        self.environment = environment
        self.remarks: dict[str, int] = {}
        self.reached: set[str] | None = None
        self.warnings: dict[Warning, None] | None = None
        self.unlisted: list[tuple[str, str, str]] | None = None

    def unlist(self, table: str, column: str, code: str) -> None:
        """Note a code of ``column`` that ``table`` does not list. What is too long for a code is not kept."""
        if self.unlisted is None:
            self.unlisted = []
        self.unlisted.append((table, column, code if len(code) <= LONGEST_CODE else TOO_LONG))

    def remark(self, column: str, state: int, code: str = "") -> None:
        """Note ``state`` for a leaf of ``column``: the worst one stands. ``code`` raises a warning."""
        if state > self.remarks.get(column, 0):
            self.remarks[column] = state
        if code:
            if self.warnings is None:
                self.warnings = {}
            self.warnings[_warning(code, column)] = None

    def reach(self, columns: AbstractSet[str]) -> None:
        """Note that rules reading ``columns`` under a condition have run."""
        self.reached = set(columns) if self.reached is None else self.reached | columns

    def repeat(self, other: Scope) -> None:
        """Note what the rules remarked that ran on ``other``, as if they had run here."""
        for column, state in other.remarks.items():
            self.remark(column, state)
        if other.warnings is not None:
            self.warnings = (self.warnings or {}) | other.warnings
        if other.reached is not None:
            self.reach(other.reached)
        if other.unlisted is not None:
            self.unlisted = (self.unlisted or []) + other.unlisted


class Remarks:
    """What a function may say about its arguments, by their position; never what they contain."""

    __slots__ = ("_columns", "_scope")

    def __init__(self, scope: Scope, columns: tuple[str, ...]) -> None:
        self._scope = scope
        self._columns = columns

    @property
    def environment(self) -> Environment:
        """The constants of the feed."""
        return self._scope.environment

    def on_first(self) -> Remarks:
        """Remarks for parts that were all taken from the first argument."""
        return Remarks(self._scope, self._columns[:1] * 8)

    def column(self, argument: int) -> str:
        """The column ``argument`` was read from, for an error."""
        return self._columns[argument] or "a constant"

    def lossy(self, argument: int, code: str = "") -> None:
        """The argument was used, but something of it was cut off, guessed or replaced."""
        self._note(argument, LOSSY, code)

    def ignored(self, argument: int) -> None:
        """The argument is a way to write "nothing", or a written rule passes it by."""
        self._note(argument, IGNORED, "")

    def unmapped(self, argument: int, code: str) -> None:
        """The argument could not be understood; nothing of it was used."""
        self._note(argument, UNMAPPED, code)

    def warn(self, argument: int, code: str) -> None:
        """The argument was used, but a person should look at it."""
        self._note(argument, 0, code)

    def _note(self, argument: int, state: int, code: str) -> None:
        column = self._columns[argument]
        if column:
            self._scope.remark(column, state, code)
