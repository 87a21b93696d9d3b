"""Reads FHIRPath text into a tree.

The whole grammar of expressions that the invariants of R4 and of our profiles use: paths, functions, indexers,
literals, variables and every operator but those of dates. What it cannot read is refused with its place in the text.

Grammar: http://hl7.org/fhirpath/N1/#grammar
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence


class PathError(ValueError):
    """An expression cannot be read or is not covered; the message says where."""


@dataclass(frozen=True, slots=True)
class Literal:
    """Text, a number or true and false; an empty collection is no value."""

    values: tuple[str | int | Decimal | bool, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """``%resource`` and the like, and ``$this``."""

    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """An element of what stands before it; ``of`` is None where the expression starts with it."""

    of: Node | None
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function on what stands before it; ``of`` is None where the expression starts with it."""

    of: Node | None
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """One item by its number."""

    of: Node
    at: Node


@dataclass(frozen=True, slots=True)
class Operation:
    """Two sides and the operator between them."""

    operator: str
    left: Node
    right: Node


Node: TypeAlias = Literal | Variable | Member | Call | Index | Operation


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


_TOKENS: Final = re.compile(
    r"\s*(?:"
    r"(?P<number>[0-9]+(?:\.[0-9]+)?)"
    r"|(?P<text>'(?:[^'\\]|\\.)*')"
    r"|(?P<variable>[%$](?:[A-Za-z][A-Za-z0-9]*|'[^']*'))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*|`[^`]+`)"
    r"|(?P<sign><=|>=|!=|!~|[=~<>|&+\-*/.,()\[\]{}])"
    r")"
)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)")
_LEVELS: Final[tuple[frozenset[str], ...]] = (
    frozenset({"implies"}),
    frozenset({"or", "xor"}),
    frozenset({"and"}),
    frozenset({"in", "contains"}),
    frozenset({"=", "!=", "~", "!~"}),
    frozenset({"<", ">", "<=", ">="}),
    frozenset({"|"}),
    frozenset({"is", "as"}),
    frozenset({"+", "-", "&"}),
    frozenset({"*", "/", "div", "mod"}),
)
"""Operators from those that bind loosest to those that bind tightest; all join from the left."""


def parse_path(text: str) -> Node:
    """The tree of an expression; PathError where it cannot be read."""
    reader = _Reader(text, _tokens(text))
    found = reader.expression(0)
    reader.end()
    return found


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKENS.match(text, at)
        if match is None:
            raise PathError(f"cannot be read from character {at}: {text!r}")
        kind = str(match.lastgroup)
        found.append(_Token(kind, match.group(kind), match.start(kind)))
        at = match.end()
    return found


def _unquoted(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        told = match.group(1)
        return chr(int(told[1:], 16)) if told.startswith("u") else _ESCAPES.get(told, told)

    return _ESCAPE.sub(plain, text[1:-1])


class _Reader:
    """Descends along the levels of operators."""

    def __init__(self, text: str, tokens: Sequence[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0

    def end(self) -> None:
        """PathError unless everything was read."""
        if self._at < len(self._tokens):
            raise self._error()

    def expression(self, level: int) -> Node:
        """An expression whose operators bind at least as tightly as ``level``."""
        if level == len(_LEVELS):
            return self._signed()
        left = self.expression(level + 1)
        while self._next() in _LEVELS[level] and self._kind() in {"sign", "name"}:
            operator = self._take()
            left = Operation(operator, left, self.expression(level + 1))
        return left

    def _signed(self) -> Node:
        if self._next() in {"+", "-"}:
            sign = self._take()
            inner = self._signed()
            return inner if sign == "+" else Operation("-", Literal((0,)), inner)
        return self._path()

    def _path(self) -> Node:
        found = self._term()
        while self._next() in {".", "["}:
            if self._take() == "[":
                found = Index(found, self.expression(0))
                self._expect("]")
            else:
                found = self._invocation(found)
        return found

    def _term(self) -> Node:
        kind, first = self._kind(), self._next()
        if kind == "variable":
            return Variable(self._take().replace("'", ""))
        if kind == "name" and first not in {"true", "false"}:
            return self._invocation(None)
        if first == "(":
            self._take()
            found = self.expression(0)
            self._expect(")")
            return found
        return self._literal(kind, first)

    def _literal(self, kind: str, first: str) -> Literal:
        if kind in {"text", "number", "name"}:
            self._take()
        if kind == "text":
            return Literal((_unquoted(first),))
        if kind == "number":
            return Literal((Decimal(first) if "." in first else int(first),))
        if kind == "name":
            return Literal((first == "true",))
        self._expect("{")
        self._expect("}")
        return Literal(())

    def _invocation(self, of: Node | None) -> Node:
        if self._kind() != "name":
            raise self._error()
        name = self._take().strip("`")
        if self._next() != "(":
            return Member(of, name)
        self._take()
        arguments: list[Node] = []
        while self._next() != ")":
            arguments.append(self.expression(0))
            if self._next() == ",":
                self._take()
            elif self._next() != ")":
                raise self._error()
        self._take()
        return Call(of, name, tuple(arguments))

    def _kind(self) -> str:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        taken = self._next()
        self._at += 1
        return taken

    def _expect(self, sign: str) -> None:
        if self._next() != sign:
            raise self._error()
        self._at += 1

    def _error(self) -> PathError:
        at = self._tokens[self._at].at if self._at < len(self._tokens) else len(self._text)
        return PathError(f"cannot be read from character {at}: {self._text!r}")
