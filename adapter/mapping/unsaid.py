"""What a record says is no longer so: HL7 v2 deletes with `""`, and some events take back what others told.

An empty field says nothing; a field of `""` says that what is there has to go (HL7 v2.9 chapter 2, section 2.5.3:
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=649). Which elements that are follows from the
rules that read the field.

A path is an element (`birthDate`), an element of one (`period.end`), the entries of a list that one rule gives
(`extension|URL`, by the `about` of its function), or the last entry (`location[-1]`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from adapter.mapping.columns import resolve
from adapter.mapping.registry import FUNCTIONS
from adapter.mapping.spec import ArrayNode, CallNode, Condition, MapNode, ObjectNode, WhenNode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from adapter.mapping.nodes import NodeCompiler
    from adapter.mapping.scope import Scope
    from adapter.mapping.spec import Node, ResourceSpec

_DELETED = [{"1": '""'}]
_PERIOD = ("start", "end")


class _Source(NamedTuple):
    """The fields that a path is made from."""

    path: str
    columns: tuple[str, ...]


class TakingBack:
    """Tells which elements of one resource a record takes back."""

    def __init__(
        self, sources: tuple[_Source, ...], events: tuple[tuple[Callable[[Scope], bool], tuple[str, ...]], ...]
    ) -> None:
        self._sources = sources
        self._events = events

    @classmethod
    def of(cls, spec: ResourceSpec, nodes: NodeCompiler, path: str) -> TakingBack:
        """What the rules of a resource can take back; a problem for an element that it does not have."""
        sources = [
            _Source(source, tuple(dict.fromkeys(columns)))
            for name, node in spec.fields.items()
            for source, columns in _paths(name, node, nodes)
            if columns
        ]
        events = []
        for place, clearing in enumerate(spec.clears):
            here = f"{path}.clears[{place}]"
            for element in clearing.elements:
                if element.partition(".")[0].partition("[")[0] not in spec.fields:
                    nodes.problem(f"{here}.elements", f"`{element}` is not mapped", "an element of `fields`")
            events.append((nodes.condition(clearing.when, f"{here}.when")[0], tuple(clearing.elements)))
        return cls(tuple(sources), tuple(events))

    def __call__(self, scope: Scope, body: Mapping[str, Any]) -> tuple[str, ...]:
        """The paths that the record at hand takes back."""
        found: list[str] = []
        values = scope.values
        for path, columns in self._sources if _DELETED in values.values() else ():
            if any(values.get(column) == _DELETED for column in columns) and not _said(path, body):
                found.append(path)
        for holds, elements in self._events:
            if holds(scope):
                found += elements
        return tuple(found)


def _said(path: str, body: Mapping[str, Any]) -> bool:
    """Whether the record gives a value for what it would take back: of two fields, one may be deleted."""
    element, _, inner = path.partition(".")
    value = body.get(element)
    if "|" in path:
        return False
    return value is not None if not inner else isinstance(value, dict) and inner in value


def _paths(path: str, node: Node, nodes: NodeCompiler) -> Iterator[tuple[str, list[str]]]:
    if isinstance(node, ObjectNode) and "." not in path:
        for name, part in node.root.items():
            yield from _paths(f"{path}.{name}", part, nodes)
    elif isinstance(node, ArrayNode):
        for part in node.root:
            function = FUNCTIONS.get(part.call) if isinstance(part, CallNode) else None
            if function is not None and function.about:
                yield f"{path}|{function.about}", list(_columns(part, nodes))
        if len(node.root) == 1:
            yield path, list(_columns(node, nodes))
    elif isinstance(node, CallNode) and node.call == "period":
        for name, part in zip(_PERIOD, node.args, strict=False):
            yield f"{path}.{name}", list(_columns(part, nodes))
    else:
        yield path, list(_columns(node, nodes))


def _columns(node: Node | Condition | None, nodes: NodeCompiler) -> Iterator[str]:
    """The fields that a node reads for a value; what it only tests is no source."""
    if isinstance(node, str):
        found = resolve(node, nodes.columns)
        if found is not None and found.type == "field":
            yield found.column
        return
    parts: list[Any] = []
    if isinstance(node, CallNode):
        parts = list(node.args)
    elif isinstance(node, MapNode):
        parts = [node.of]
    elif isinstance(node, WhenNode):
        parts = [node.then, node.otherwise]
    elif isinstance(node, ArrayNode):
        parts = list(node.root)
    elif isinstance(node, ObjectNode):
        parts = list(node.root.values())
    for part in parts:
        yield from _columns(part, nodes)
