"""From a node of a mapping file to a closure.

Every problem is collected, so that an analyst mends a file in one round. A closure takes the record at hand
and gives a value or None. An object whose columns all gave nothing is nothing itself, whatever constants
stand in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from adapter.errors import Problem
from adapter.mapping.columns import reader, resolve
from adapter.mapping.mapped import LOSSY
from adapter.mapping.registry import FUNCTIONS, Coverage, Function, Kind, Parameter
from adapter.mapping.scope import Remarks, Scope
from adapter.mapping.spec import ArrayNode, CallNode, Condition, LiteralNode, MapNode, WhenNode
from adapter.mapping.tables import CodeTable, plain_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from adapter.mapping.leaves import LeafPlan
    from adapter.mapping.scope import Rule
    from adapter.mapping.spec import ColumnType, Node

_SCALARS = {"integer": "any", "decimal": "any", "boolean": "any", "element": "element", "field": "field"}
_LISTED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A node as a closure: ``columns`` are those it reads, ``value`` what a ``constant`` gives."""

    rule: Rule
    kind: Kind
    columns: tuple[str, ...] = ()
    constant: bool = False
    value: Any = None


@dataclass(slots=True, kw_only=True)
class Branch:
    """Rules that run for some records only, and the columns only they read."""

    columns: frozenset[str] = frozenset()


def constant(value: Any) -> Compiled:
    """A node that gives ``value`` for every record."""
    kind: Kind = "text" if isinstance(value, str) else "any"
    return Compiled(rule=lambda _scope: value, kind=kind, constant=True, value=value)


NOTHING = Compiled(rule=lambda _scope: None, kind="any", constant=True)
"""Stands in for a node that could not be compiled; its problem is noted."""


def one_of(name: str, valid: Iterable[str]) -> str:
    """The valid values to show for a wrong ``name``: those like it, or all where they are few."""
    known = sorted(valid)
    shown = known if len(known) <= _LISTED else get_close_matches(name, known, n=_LISTED, cutoff=0.5) or known
    return "one of " + ", ".join(f"`{value}`" for value in shown)


@dataclass(slots=True, kw_only=True)
class NodeCompiler:
    """Compiles the nodes of one kind of record, noting problems and the columns read."""

    file: str
    columns: Mapping[str, ColumnType]
    tables: Mapping[str, CodeTable]
    plan: LeafPlan
    problems: list[Problem] = field(default_factory=list)
    branches: list[tuple[Branch, set[str]]] = field(default_factory=list)
    _open: list[set[str]] = field(default_factory=list)

    def problem(self, path: str, message: str, expected: str) -> Compiled:
        """Note a problem."""
        self.problems.append(Problem(where=self.file, path=path, message=message, expected=expected))
        return NOTHING

    def node(self, node: Node, path: str) -> Compiled:
        """A node in a place where a value is made: a whole structured column has no business there."""
        compiled = self.argument(node, path)
        if compiled.kind in {"field", "element"}:
            return self.problem(
                path,
                f"`{node}` is a whole {compiled.kind}",
                f"one leaf of it (`{node}.1`, `{node}.reference`), or a function that reads it",
            )
        return compiled

    def argument(self, node: Node, path: str) -> Compiled:  # noqa: PLR0911 - one line a kind of node
        """A node as an argument of a function."""
        if isinstance(node, str):
            return self._column(node, path)
        if isinstance(node, LiteralNode):
            return constant(node.literal)
        if isinstance(node, CallNode):
            return self._call(node, path)
        if isinstance(node, MapNode):
            return self._map(node, path)
        if isinstance(node, WhenNode):
            return self._when(node, path)
        if isinstance(node, ArrayNode):
            return self._array(node, path)
        return self.object(node.root, path)

    def _column(self, name: str, path: str, coverage: Coverage | None = None) -> Compiled:
        found = resolve(name, self.columns)
        if found is None:
            return self.problem(path, f"unknown column `{name}`", one_of(name, self.columns))
        if found.path:
            coverage = Coverage(frozenset({found.path}), first=found.type == "field")
        if coverage is not None or found.type not in {"field", "element"}:
            self._read(found.column, coverage or Coverage())
        kind: Kind = "text" if found.path else _SCALARS.get(found.type, "text")  # type: ignore[assignment]
        return Compiled(rule=reader(found), kind=kind, columns=(found.name,))

    def _read(self, column: str, coverage: Coverage) -> None:
        self.plan.read(column, coverage, conditional=bool(self._open))
        if self._open:
            self._open[-1].add(column)

    def _call(self, node: CallNode, path: str) -> Compiled:
        function = FUNCTIONS.get(node.call)
        if function is None:
            return self.problem(f"{path}.call", f"unknown function `{node.call}`", one_of(node.call, FUNCTIONS))
        parameters = self._parameters(function, node, path)
        if parameters is None:
            return NOTHING
        literals = [arg.literal for arg in node.args if isinstance(arg, LiteralNode)]
        args = [
            self._passed(arg, parameter, function.coverage(parameter, literals), f"{path}.args[{place}]")
            for place, (arg, parameter) in enumerate(zip(node.args, parameters, strict=True))
        ]
        columns = tuple(arg.columns[0] if arg.columns else "" for arg in args)
        every = tuple(dict.fromkeys(column for arg in args for column in arg.columns))
        return Compiled(rule=_calling(function, args, columns), kind=function.gives, columns=every)

    def _parameters(self, function: Function, node: CallNode, path: str) -> list[Parameter] | None:
        """The parameter of each argument, or None where their number is wrong."""
        parameters = list(function.parameters)
        if function.variadic and len(node.args) > len(parameters):
            parameters += parameters[-1:] * (len(node.args) - len(parameters))
        least = sum(not parameter.optional for parameter in parameters)
        if not least <= len(node.args) <= len(parameters):
            message = f"`{node.call}` has {len(node.args)} arguments"
            self.problem(f"{path}.args", message, f"`{node.call}({function.signature})`")
            return None
        return parameters[: len(node.args)]

    def _passed(self, node: Node, parameter: Parameter, coverage: Coverage, path: str) -> Compiled:
        """An argument, checked against what the function takes."""
        structured = parameter.kind in {"field", "element"}
        if structured and isinstance(node, str):
            compiled = self._column(node, path, coverage)
        else:
            compiled = self.argument(node, path)
        if compiled is NOTHING:
            return compiled
        fits = (
            compiled.constant
            if parameter.kind == "literal"
            else compiled.kind == parameter.kind
            or (not structured and compiled.kind == "any")
            or (parameter.kind == "any" and compiled.kind == "text")
        )
        if fits:
            return compiled
        wanted = {"literal": "a constant: `{literal: ...}`", "field": "a column of type field"}
        wanted |= {"element": "a column of type element", "text": "a node that gives text"}
        given = "a constant" if compiled.constant else f"of type {compiled.kind}"
        message = f"argument `{parameter.name}` is {given}"
        return self.problem(path, message, wanted.get(parameter.kind, "a node that gives a value"))

    def _map(self, node: MapNode, path: str) -> Compiled:
        of = self.node(node.of, f"{path}.of")
        table = self.tables.get(node.map)
        if table is None:
            return self.problem(f"{path}.map", f"unknown code table `{node.map}`", one_of(node.map, self.tables))
        column = of.columns[0] if of.columns else ""
        kind: Kind = "text" if table.gives == "code" else "any"
        return Compiled(rule=_converting(table, of.rule, column), kind=kind, columns=of.columns)

    def condition(self, condition: Condition, path: str) -> tuple[Callable[[Scope], bool], tuple[str, ...]]:
        """A test of a column, and the columns it reads."""
        compiled = self._column(condition.column, f"{path}.column", Coverage())
        read = compiled.rule
        if condition.present is not None:
            wanted = condition.present
            return lambda scope: (read(scope) is not None) is wanted, compiled.columns
        if compiled.kind in {"field", "element"}:
            message = f"`{condition.column}` is a whole {compiled.kind}"
            self.problem(f"{path}.column", message, f"one leaf of it, such as `{condition.column}.1`")
        among = frozenset([condition.equals] if condition.equals is not None else condition.among or ())
        return lambda scope: str(read(scope)) in among, compiled.columns

    def branch(self, build: Callable[[], Compiled]) -> tuple[Compiled, Branch]:
        """What ``build`` compiles, as rules that run for some records only."""
        self._open.append(set())
        compiled = build()
        branch = Branch()
        self.branches.append((branch, self._open.pop()))
        return compiled, branch

    def close(self) -> None:
        """Tell every branch which columns it alone reads, once all rules are known."""
        for branch, columns in self.branches:
            branch.columns = self.plan.only_conditional(frozenset(columns))

    def _when(self, node: WhenNode, path: str) -> Compiled:
        holds, tested = self.condition(node.when, f"{path}.when")
        then, taken = self.branch(lambda: self.node(node.then, f"{path}.then"))
        otherwise, passed = NOTHING, Branch()
        if (other := node.otherwise) is not None:
            otherwise, passed = self.branch(lambda: self.node(other, f"{path}.else"))
        first, second = then.rule, otherwise.rule

        def choose(scope: Scope) -> Any:
            rule, branch = (first, taken) if holds(scope) else (second, passed)
            if branch.columns:
                scope.reach(branch.columns)
            return rule(scope)

        same = then.kind == otherwise.kind or other is None
        return Compiled(
            rule=choose,
            kind=then.kind if same else "any",
            columns=(*then.columns, *otherwise.columns, *tested),
        )

    def _array(self, node: ArrayNode, path: str) -> Compiled:
        parts = [self.node(part, f"{path}[{place}]") for place, part in enumerate(node.root)]
        if all(part.constant for part in parts):
            return constant([part.value for part in parts])
        rules = tuple((part.rule, part.constant) for part in parts)
        columns = tuple(column for part in parts for column in part.columns)
        single = rules[0][0] if len(rules) == 1 else None
        return Compiled(rule=_one(single) if single else _several(rules), kind="any", columns=columns)

    def object(self, fields: Mapping[str, Node], path: str, *, base: Mapping[str, Any] | None = None) -> Compiled:
        """An object, with the constants of ``base`` before its own fields."""
        parts = {name: self.node(part, f"{path}.{name}") for name, part in fields.items()}
        template = {**(base or {}), **{name: part.value for name, part in parts.items()}}
        if all(part.constant for part in parts.values()):
            return constant(template)
        reading = tuple((name, part.rule) for name, part in parts.items() if not part.constant)
        columns = tuple(column for part in parts.values() for column in part.columns)
        return Compiled(rule=_object(template, reading), kind="any", columns=columns)


def _calling(function: Function, args: list[Compiled], columns: tuple[str, ...]) -> Rule:
    body, rules = function.body, tuple(arg.rule for arg in args)
    if not function.remarks:
        if len(rules) == 1:
            (only,) = rules
            return lambda scope: body(only(scope))
        return lambda scope: body(*[rule(scope) for rule in rules])
    if len(rules) == 1:
        (single,) = rules
        return lambda scope: body(Remarks(scope, columns), single(scope))
    return lambda scope: body(Remarks(scope, columns), *[rule(scope) for rule in rules])


def _converting(table: CodeTable, read: Rule, column: str) -> Rule:
    codes = table.codes
    worded = table.gives == "CodeableConcept"

    def convert(scope: Scope) -> Any:
        text = read(scope)
        if text is None:
            return None
        code = text if text in codes else plain_code(str(text))
        if code not in codes:
            scope.remark(column, LOSSY, "unmapped-code")
            scope.unlist(table.name, column, code)
            return table.fallback(str(text))
        return codes[code] | {"text": text} if worded else codes[code]

    return convert


def _object(template: dict[str, Any], reading: tuple[tuple[str, Rule], ...]) -> Rule:
    def build(scope: Scope) -> dict[str, Any] | None:
        made = template.copy()
        empty = True
        for name, rule in reading:
            value = rule(scope)
            if value is None:
                del made[name]
            else:
                made[name] = value
                empty = False
        return None if empty else made

    return build


def _one(rule: Rule) -> Rule:
    def build(scope: Scope) -> list[Any] | None:
        value = rule(scope)
        return value if value is None or type(value) is list else [value]

    return build


def _several(rules: tuple[tuple[Rule, bool], ...]) -> Rule:
    def build(scope: Scope) -> list[Any] | None:
        made: list[Any] = []
        empty = True
        for rule, is_constant in rules:
            value = rule(scope)
            if value is None:
                continue
            empty = empty and is_constant
            if type(value) is list:
                made += value
            else:
                made.append(value)
        return None if empty else made

    return build
