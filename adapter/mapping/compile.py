"""From a mapping file to a compiled mapping: everything is checked before the first record is read.

A mapping that names a column the sender does not write, or leaves one unsaid, or lacks an element R4
requires, does not compile; each problem names the file, the key path and the valid values.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from adapter.errors import ConfigurationError, Problem, RecordError
from adapter.mapping import functions as _registers  # noqa: F401 - importing registers the functions
from adapter.mapping.columns import STRUCTURED, resolve
from adapter.mapping.drafting import Kind, Person, Resource
from adapter.mapping.elements import ADDED_AT_INGEST, CHOICE, NEVER_MAPPED, OF_OTHERS, Elements, missing, names_element
from adapter.mapping.extend import whole
from adapter.mapping.leaves import LeafPlan
from adapter.mapping.mapped import Environment, Mapped, Tracing
from adapter.mapping.nodes import Branch, Compiled, NodeCompiler, one_of
from adapter.mapping.spec import ArrayNode, KindSpec, LiteralNode, ObjectNode, ResourceSpec, read_mapping
from adapter.mapping.unsaid import TakingBack

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from adapter.mapping.scope import Rule, Scope
    from adapter.mapping.spec import MappingFile, Node
    from adapter.mapping.tables import CodeTable
    from adapter.source import SourceRecord

__all__ = ["CompiledMapping", "compile_mapping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledMapping:
    """A mapping ready to read records. ``source`` is the connector whose records it reads."""

    source: str
    kinds: Mapping[str, Kind]

    def map(self, record: SourceRecord, environment: Environment) -> Mapped:
        """The drafts made from ``record``, and where every leaf of it went.

        Raises RecordError for a record that cannot be used: no section for its kind, a test record, a key
        or a required element without a value. The record then waits in quarantine.
        """
        kind = self.kinds.get(record.kind)
        if kind is None:
            raise RecordError(
                "unmapped-kind",
                record.kind,
                f"a kind the mapping has a section for: {one_of('', self.kinds)}",
            )
        return kind.map(record.values, environment)

    def tells(self, kind: str, elements: Collection[str]) -> bool:
        """Whether a resource of a type can have one of these elements."""
        found = (one for made in self.kinds.values() for one in made.made())
        return any(one.type == kind and not one.elements.isdisjoint(elements) for one in found)

    def named_by(self, kind: str, column: str) -> list[tuple[str, str]]:
        """Name and type of the resources of a kind that one column alone identifies."""
        return self.kinds[kind].named_by(column) if kind in self.kinds else []


class _KindCompiler:
    """Compiles one section of a mapping file."""

    def __init__(
        self, spec: KindSpec, name: str, nodes: NodeCompiler, elements: Elements, sender: Mapping[str, str]
    ) -> None:
        self._spec = spec
        self._name = name
        self._sender = sender
        self._path = f"kinds.{name}"
        self._nodes = nodes
        self._elements = elements

    def compile(self) -> Kind:
        spec, nodes, path = self._spec, self._nodes, self._path
        test = nodes.condition(spec.test, f"{path}.test")[0] if spec.test is not None else None
        unit = nodes.node(spec.unit, f"{path}.unit").rule if spec.unit is not None else None
        labels = nodes.node(spec.labels, f"{path}.labels").rule if spec.labels is not None else None
        kind = Kind(
            test=test,
            test_column=spec.test.column if spec.test is not None else "",
            unit=unit,
            labels=labels,
            person=self._keys(spec.person, f"{path}.person"),
            same=self._same(),
            event=nodes.node(spec.event, f"{path}.event").rule if spec.event is not None else None,
            provenance=self._tracing(f"{path}.provenance"),
            resources=tuple(
                self._resource(resource, f"{path}.resources[{place}]") for place, resource in enumerate(spec.resources)
            ),
            plan=nodes.plan,
            name=self._name,
            sender=tuple(self._sender.items()),
        )
        self._check_columns()
        self._check_names()
        nodes.close()
        nodes.plan.close()
        return kind

    def _same(self) -> Rule | None:
        spec, nodes, path = self._spec, self._nodes, f"{self._path}.same_person"
        if spec.same_person is None:
            return None
        if len(spec.person) != 1:
            nodes.problem(path, "a person of this kind is identified by several parts", "`person` with one part")
        return nodes.node(spec.same_person, path).rule

    def _tracing(self, path: str) -> Callable[[Scope], Tracing | None] | None:
        spec, nodes = self._spec.provenance, self._nodes
        if spec is None:
            return None
        holds, _ = nodes.condition(spec.when, f"{path}.when")
        activity, _ = nodes.branch(lambda: nodes.node(spec.activity, f"{path}.activity"))
        source = nodes.node(spec.source, f"{path}.source").rule if spec.source is not None else None

        def trace(scope: Scope) -> Tracing | None:
            return Tracing(activity.rule(scope), str(source(scope) or "") if source else "") if holds(scope) else None

        return trace

    def _keys(self, parts: list[Node], path: str) -> tuple[tuple[Rule, str], ...]:
        compiled = [(self._nodes.node(part, f"{path}[{place}]"), place) for place, part in enumerate(parts)]
        return tuple((part.rule, part.columns[0] if part.columns else f"{path}[{place}]") for part, place in compiled)

    def _resource(self, spec: ResourceSpec, path: str) -> Resource | Person:
        nodes = self._nodes
        self._check_elements(spec, path)
        holds, branch = None, Branch()
        tested: tuple[str, ...] = ()
        base = {"resourceType": spec.type}

        def build() -> Compiled:
            return nodes.object(spec.fields, f"{path}.fields", base=base)

        if spec.when is None:
            body = build()
        else:
            holds, tested = nodes.condition(spec.when, f"{path}.when")
            body, branch = nodes.branch(build)
        labels = nodes.node(spec.labels, f"{path}.labels") if spec.labels is not None else None
        constants = {name: node.literal for name, node in spec.fields.items() if isinstance(node, LiteralNode)}
        if body.constant:
            constants = body.value
        required = self._elements.required(spec.type)
        known = [one.name for one in self._spec.resources if one.type == spec.type and one.name != spec.name]
        if spec.same_as and spec.same_as not in known:
            message = f"`{spec.same_as}` is no other {spec.type} of this kind"
            nodes.problem(f"{path}.same_as", message, one_of(spec.same_as, known))
        # What begins with the number of the person is not looked for again.
        whose = self._spec.person if spec.key[: len(self._spec.person)] == self._spec.person else []
        key = self._keys(spec.key, f"{path}.key")
        resource = Resource(
            name=spec.same_as or spec.name,
            type=spec.type,
            profile=spec.profile,
            key=key[len(whose) :],
            of_person=bool(whose),
            person=self._keys(spec.person, f"{path}.person"),
            labels=labels.rule if labels is not None else None,
            replaces=self._replaced(spec, path),
            takes_back=TakingBack.of(spec, nodes, path) if self._spec.event is not None else None,
            holds=holds,
            branch=branch,
            expected=spec.when is not None and spec.when.present is True,
            body=(lambda scope: body.rule(scope).copy()) if body.constant else body.rule,
            template=base | constants,
            elements=frozenset(spec.fields),
            required=tuple(name for name in spec.fields if name in required and name not in constants),
        )
        read = tuple(dict.fromkeys((*body.columns, *tested, *(column for _, column in key))))
        if labels is not None:
            return resource
        flat = all(self._spec.columns.get(column, "field") not in STRUCTURED for column in read)
        return Person(resource, read) if flat and spec.key == self._spec.person else resource

    def _replaced(self, spec: ResourceSpec, path: str) -> str:
        known = [one.name for one in self._spec.resources if one.type == "Patient" and one.person]
        if spec.replaces and (spec.type != "Patient" or spec.replaces not in known):
            message = f"`{spec.replaces}` is no Patient of another person in this kind"
            self._nodes.problem(f"{path}.replaces", message, one_of(spec.replaces, known))
        return spec.replaces

    def _check_elements(self, spec: ResourceSpec, path: str) -> None:
        nodes, known = self._nodes, self._elements.elements(spec.type)
        if not known:
            nodes.problem(f"{path}.type", f"unknown resource type `{spec.type}`", "a resource type of R4")
            return
        for name in spec.fields:
            here = f"{path}.fields.{name}"
            if name in ADDED_AT_INGEST:
                nodes.problem(here, f"`{name}` is added at ingest", "no mapping of it")
            elif name in NEVER_MAPPED:
                nodes.problem(here, f"`{name}` is never mapped: it carries what nobody decided on", "no mapping of it")
            elif (spec.type, name) in OF_OTHERS:
                nodes.problem(here, f"`{spec.type}.{name}` names other people", "a RelatedPerson of its own")
            elif not names_element(name.removeprefix("_"), known):
                nodes.problem(here, f"`{spec.type}` has no element `{name}`", one_of(name, known))
        for name in missing(self._elements.required(spec.type) - ADDED_AT_INGEST, spec.fields):
            expected = f"a node for `{name}`" if CHOICE not in name else f"a node for a typed form of `{name}`"
            nodes.problem(f"{path}.fields", f"`{spec.type}.{name}` is required and not mapped", expected)
        for name, node in spec.fields.items():
            self._check_below(node, f"{spec.type}.{name}", f"{path}.fields.{name}")
        self._check_systems(spec, path)

    def _check_below(self, node: Node, element: str, path: str) -> None:
        """The names inside an element, as far as the facts know its type."""
        if isinstance(node, ArrayNode):
            for place, part in enumerate(node.root):
                self._check_below(part, element, f"{path}[{place}]")
        elif isinstance(node, ObjectNode):
            known = self._elements.elements(element)
            for name, part in node.root.items():
                if known and not names_element(name.removeprefix("_"), known):
                    self._nodes.problem(f"{path}.{name}", f"`{element}` has no element `{name}`", one_of(name, known))
                self._check_below(part, f"{element}.{name}", f"{path}.{name}")

    def _check_systems(self, spec: ResourceSpec, path: str) -> None:
        """Two identifiers of one system cannot be told apart."""
        entries = spec.fields.get("identifier")
        seen = set()
        for place, entry in enumerate(entries.root if isinstance(entries, ArrayNode) else ()):
            system = entry.root.get("system") if isinstance(entry, ObjectNode) else None
            if isinstance(system, LiteralNode):
                if system.literal in seen:
                    here = f"{path}.fields.identifier[{place}].system"
                    self._nodes.problem(here, f"the identifier system `{system.literal}` is used twice", "one each")
                seen.add(system.literal)

    def _check_columns(self) -> None:
        """Every column is used or said to be unused, and not both."""
        spec, nodes, used = self._spec, self._nodes, self._nodes.plan.used
        for name in spec.unused:
            found = resolve(name, spec.columns)
            if found is None:
                nodes.problem(f"{self._path}.unused.{name}", f"unknown column `{name}`", one_of(name, spec.columns))
            elif not found.path and name in used:
                nodes.problem(f"{self._path}.unused.{name}", f"column `{name}` is used by a rule", "it in one place")
        for name, kind in spec.columns.items():
            if name not in used and name not in spec.unused:
                what = "a function that reads it" if kind in STRUCTURED else "a rule that reads it"
                path = f"{self._path}.columns.{name}"
                nodes.problem(path, f"column `{name}` is neither used nor unused", f"{what}, or `unused` with a reason")

    def _check_names(self) -> None:
        names = [resource.name for resource in self._spec.resources]
        for place, name in enumerate(names):
            if name in names[:place]:
                path = f"{self._path}.resources[{place}].name"
                self._nodes.problem(path, f"the name `{name}` is used twice", "a name of its own for every resource")


def compile_mapping(
    document: object,
    *,
    file: str,
    tables: Mapping[str, CodeTable],
    elements: Elements,
    bases: Mapping[str, Any] = MappingProxyType({}),
) -> CompiledMapping:
    """Compile a parsed mapping file.

    ``file`` names it in problems, ``tables`` are the code tables it may use by id, ``elements`` the facts
    of R4, ``bases`` the mappings it may extend, by name. Raises ConfigurationError with every problem found.
    """
    merged, sources = whole(document, file=file, bases=bases)
    try:
        return _compiled(read_mapping(merged, file=file), file, tables, elements)
    except ConfigurationError as error:
        raise sources.told(error) from error


def _compiled(spec: MappingFile, file: str, tables: Mapping[str, CodeTable], elements: Elements) -> CompiledMapping:
    problems: list[Problem] = []
    kinds: dict[str, Kind] = {}
    for name, kind in spec.kinds.items():
        plan = LeafPlan(kind.columns, frozenset(kind.unused))
        nodes = NodeCompiler(file=file, columns=kind.columns, tables=tables, plan=plan)
        kinds[name] = _KindCompiler(kind, name, nodes, elements, spec.sender).compile()
        problems += nodes.problems
    if problems:
        raise ConfigurationError(problems)
    return CompiledMapping(source=spec.source, kinds=kinds)
