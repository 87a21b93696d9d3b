"""FHIRPath expressions compiled to functions on parsed JSON.

An expression is read once and becomes nested closures; nothing of its text is looked at again. Choices are followed
by their JSON names (``value.ofType(Quantity)`` is ``valueQuantity``), so no type of a value has to be known at run
time. What rests on other resources (``resolve``), terminology servers or dates is refused when the expression is
compiled, never passed over.

FHIRPath: http://hl7.org/fhirpath/N1/ and https://hl7.org/fhir/R4/fhirpath.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from adapter.fhir.fhirpath_functions import (
    FALSE,
    NOTHING,
    PLAIN,
    TRUE,
    Values,
    calculated,
    compared,
    distinct,
    equal,
    holds,
    told,
    truth,
)
from adapter.fhir.fhirpath_syntax import Call, Index, Literal, Member, Operation, PathError, Variable, parse_path

if TYPE_CHECKING:
    from adapter.fhir.facts import Facts
    from adapter.fhir.fhirpath_syntax import Node


class _Scope(NamedTuple):
    """What an expression can name besides its focus."""

    this: Values
    resource: Values
    root: Values
    context: Values


_Step: TypeAlias = Callable[[Values, _Scope], Values]

_CONSTANTS: Final = {
    "%ucum": "http://unitsofmeasure.org",
    "%sct": "http://snomed.info/sct",
    "%loinc": "http://loinc.org",
}
_SCOPED: Final = {"$this": "this", "%resource": "resource", "%rootResource": "root", "%context": "context"}


class Invariant:
    """A compiled expression that has to hold of an element."""

    __slots__ = ("_step", "text")

    def __init__(self, text: str, step: _Step) -> None:
        self.text = text
        self._step = step

    def holds(self, value: object, resource: Mapping[str, Any]) -> bool:
        """Whether it holds of ``value``, an element of ``resource``. An expression without a result does not hold."""
        return truth(self.values(value, resource)) is True

    @property
    def local(self) -> bool:
        """Whether what it says rests on nothing but the element it is asked of."""
        return "%resource" not in self.text and "%rootResource" not in self.text

    def values(self, value: object, resource: Mapping[str, Any]) -> Values:
        """What the expression gives for an element of ``resource``."""
        focus, whole = [value], [resource]
        return self._step(focus, _Scope(focus, whole, whole, focus))


class Paths:
    """Compiles expressions; each text once. ``facts`` tell which elements are choices, and of what."""

    def __init__(self, facts: Facts) -> None:
        self._types = frozenset(facts.types) | facts.all_resources
        self._choices: dict[str, dict[str, str]] = {}
        for structure in facts.types.values():
            for element in structure.elements:
                if len(element.forms) > 1:
                    known = self._choices.setdefault(element.base, {})
                    known.update({kind.lower(): form for form, kind in element.forms.items()})
        self._compiled: dict[str, Invariant] = {}

    def compile(self, text: str) -> Invariant:
        """The expression as a function; PathError where it is not FHIRPath or asks for what is not covered."""
        found = self._compiled.get(text)
        if found is None:
            found = self._compiled[text] = Invariant(text, self._step(parse_path(text)))
        return found

    def _step(self, node: Node) -> _Step:
        match node:
            case Literal(values):
                constant = list(values)
                return lambda _, __: constant
            case Variable(name):
                return _variable(name)
            case Member(of, name):
                return self._member(of, name)
            case Call():
                return self._call(node)
            case Index(of, at):
                before, number = self._step(of), self._step(at)
                return lambda focus, scope: _at(before(focus, scope), number(scope.this, scope))
            case Operation():
                return self._operation(node)

    def _member(self, of: Node | None, name: str) -> _Step:
        forms = tuple(self._choices.get(name, {}).values())
        if of is None:
            if name in self._types:
                return lambda focus, _: focus
            return lambda focus, _: _below(focus, name, forms)
        before = self._step(of)
        return lambda focus, scope: _below(before(focus, scope), name, forms)

    def _operation(self, node: Operation) -> _Step:
        operator = node.operator
        if operator in {"is", "as"}:
            return self._typed(node.left, _type_name(node.right), asks=operator == "is")
        left, right = self._step(node.left), self._step(node.right)
        if operator in _LOGIC:
            logic = _LOGIC[operator]
            return lambda focus, scope: logic(truth(left(focus, scope)), lambda: truth(right(focus, scope)))
        if operator not in _BETWEEN:
            raise PathError(f"the operator `{operator}` is not covered")
        between = _BETWEEN[operator]
        return lambda focus, scope: between(left(focus, scope), right(focus, scope))

    def _call(self, node: Call) -> _Step:
        before = self._step(node.of) if node.of is not None else _focus
        name, arguments = node.name, node.arguments
        if name in {"is", "as", "ofType"} and len(arguments) == 1:
            return self._typed(node.of, _type_name(arguments[0]), asks=name == "is")
        if name == "iif" and len(arguments) in {2, 3}:
            return self._choice(before, [self._step(argument) for argument in arguments])
        if name == "trace":
            return before
        if name in {"exists", "empty"} and not arguments:
            found, nothing = (TRUE, FALSE) if name == "exists" else (FALSE, TRUE)
            return lambda focus, scope: found if before(focus, scope) else nothing
        return self._function(before, name, [self._step(argument) for argument in arguments])

    @staticmethod
    def _function(before: _Step, name: str, steps: list[_Step]) -> _Step:
        if name == "extension" and len(steps) == 1:
            wanted = steps[0]
            return lambda focus, scope: [
                item
                for item in _below(before(focus, scope), "extension", ())
                if item.get("url") in wanted(scope.this, scope)
            ]
        if name in _EACH and len(steps) == 1:
            each, criterion = _EACH[name], steps[0]
            return lambda focus, scope: each(before(focus, scope), criterion, scope)
        plain = PLAIN.get((name, len(steps)))
        if plain is None:
            raise PathError(f"the function `{name}` with {len(steps)} arguments is not covered")
        return lambda focus, scope: plain(before(focus, scope), *(step(scope.this, scope) for step in steps))

    @staticmethod
    def _choice(before: _Step, steps: list[_Step]) -> _Step:
        def chosen(focus: Values, scope: _Scope) -> Values:
            inner = before(focus, scope)
            within = scope._replace(this=inner)
            if truth(steps[0](inner, within)):
                return steps[1](inner, within)
            return steps[2](inner, within) if len(steps) > 2 else NOTHING  # noqa: PLR2004 - a third says what else

        return chosen

    def _typed(self, of: Node | None, kind: str, *, asks: bool) -> _Step:
        """The items of one type: a form of a choice, or resources by their type."""
        if isinstance(of, Member) and of.name in self._choices:
            form = self._choices[of.name].get(kind.lower())
            if form is None:
                raise PathError(f"`{of.name}` is never a {kind}")
            before = self._step(of.of) if of.of is not None else _focus
            found: _Step = lambda focus, scope: _below(before(focus, scope), form, ())  # noqa: E731
            whole = self._step(of)
        elif kind in self._types:
            whole = self._step(of) if of is not None else _focus
            found = lambda focus, scope: [  # noqa: E731
                item for item in whole(focus, scope) if isinstance(item, dict) and item.get("resourceType") == kind
            ]
        else:
            raise PathError(f"whether something is a {kind} cannot be told here")
        if not asks:
            return found
        return lambda focus, scope: told(bool(found(focus, scope)) if whole(focus, scope) else None)


def _focus(focus: Values, _: _Scope) -> Values:
    return focus


def _variable(name: str) -> _Step:
    if name in _CONSTANTS:
        constant = [_CONSTANTS[name]]
        return lambda _, __: constant
    if name not in _SCOPED:
        raise PathError(f"the variable `{name}` is not covered")
    attribute = _SCOPED[name]
    return lambda _, scope: getattr(scope, attribute)


def _type_name(node: Node) -> str:
    if isinstance(node, Member):
        return node.name
    raise PathError("the name of a type is expected")


def _below(focus: Values, name: str, forms: tuple[str, ...]) -> Values:
    """What stands at a name; a choice under any of its forms, an element without value by its extensions."""
    if len(focus) == 1 and isinstance(focus[0], dict):
        # Most often one object is asked, and has one plain value or a list without gaps.
        value = focus[0].get(name)
        if value is not None and type(value) is not list:
            return [value]
        if value is None and not forms and f"_{name}" not in focus[0]:
            return NOTHING
    found: Values = []
    for item in focus:
        if not isinstance(item, dict):
            continue
        value = item.get(name)
        if value is None:
            value = _elsewhere(item, name, forms)
        if isinstance(value, list):
            beside = item.get(f"_{name}") if None in value else None
            found += value if beside is None else _filled(value, beside)
        elif value is not None:
            found.append(value)
    return found


def _elsewhere(item: Mapping[str, Any], name: str, forms: tuple[str, ...]) -> Any:
    for form in forms:
        if form in item:
            return item[form]
    for form in forms or (name,):
        if f"_{form}" in item:
            return item[f"_{form}"]
    return None


def _filled(values: Values, beside: Values) -> Values:
    pairs = zip(values, beside, strict=False)
    return [value if value is not None else other for value, other in pairs if value is not None or other is not None]


def _at(values: Values, number: Values) -> Values:
    at = number[0] if len(number) == 1 and isinstance(number[0], int) else -1
    return values[at : at + 1] if at >= 0 else NOTHING


def _equality(left: Values, right: Values, *, wanted: bool) -> Values:
    found = equal(left, right)
    return NOTHING if found is None else told(found is wanted)


def _ordered(sign: str, left: Values, right: Values) -> Values:
    return told(compared(sign, left, right))


def _within(items: Values, values: Values) -> Values:
    return told(holds(values, items[0])) if items else NOTHING


def _and(left: bool | None, right: Callable[[], bool | None]) -> Values:  # noqa: FBT001 - three truth values
    if left is False:
        return told(holds=False)
    other = right()
    return told(False if other is False else None if left is None or other is None else True)


def _or(left: bool | None, right: Callable[[], bool | None]) -> Values:  # noqa: FBT001 - as above
    if left is True:
        return told(holds=True)
    other = right()
    return told(True if other is True else None if left is None or other is None else False)


def _xor(left: bool | None, right: Callable[[], bool | None]) -> Values:  # noqa: FBT001 - as above
    other = right()
    return told(None if left is None or other is None else left is not other)


def _implies(left: bool | None, right: Callable[[], bool | None]) -> Values:  # noqa: FBT001 - as above
    if left is False:
        return told(holds=True)
    other = right()
    return told(True if other is True else None if left is None else other)


_LOGIC: Final = {"and": _and, "or": _or, "xor": _xor, "implies": _implies}


_BETWEEN: Final[Mapping[str, Callable[[Values, Values], Values]]] = {
    "|": lambda left, right: distinct(left + right),
    "=": partial(_equality, wanted=True),
    "!=": partial(_equality, wanted=False),
    "in": _within,
    "contains": lambda left, right: _within(right, left),
    **{sign: partial(_ordered, sign) for sign in ("<", ">", "<=", ">=")},
    **{sign: partial(calculated, sign) for sign in ("+", "-", "*", "/", "div", "mod", "&")},
}
"""What the operators do that look at both sides."""


def _inside(item: object, criterion: _Step, scope: _Scope) -> Values:
    this = [item]
    return criterion(this, scope._replace(this=this))


def _where(values: Values, criterion: _Step, scope: _Scope) -> Values:
    return [item for item in values if truth(_inside(item, criterion, scope))]


def _select(values: Values, projection: _Step, scope: _Scope) -> Values:
    return [found for item in values for found in _inside(item, projection, scope)]


def _all(values: Values, criterion: _Step, scope: _Scope) -> Values:
    return told(all(truth(_inside(item, criterion, scope)) for item in values))


def _exists(values: Values, criterion: _Step, scope: _Scope) -> Values:
    return told(any(truth(_inside(item, criterion, scope)) for item in values))


_EACH: Final = {"where": _where, "select": _select, "all": _all, "exists": _exists}
"""Functions whose argument is asked of each item."""
