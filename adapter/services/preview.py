"""What a mapping makes of the first records of a file, beside what the sender wrote. Nothing is stored or sent.

It is for the analyst who writes the mapping and has the file at hand: it shows content.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from adapter.errors import InvalidResource, RecordError
from adapter.source import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from adapter.fhir.validate import Validator
    from adapter.mapping.compile import CompiledMapping
    from adapter.mapping.mapped import Environment, LeafCounts
    from adapter.source import Connector, ExtractOptions, SourceRecord

_PERSON = "Patient/preview"
_SUBJECT = {"Consent": "patient", "Patient": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One leaf of a record as its sender wrote it; ``mapped`` tells whether a rule knows what becomes of it."""

    path: str
    text: str
    mapped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Previewed:
    """One record: where it is, its leaves, the resources it becomes, and what there is to mend."""

    line: int
    part: str
    kind: str
    leaves: tuple[Leaf, ...] = ()
    resources: tuple[Mapping[str, Any], ...] = ()
    counts: LeafCounts | None = None
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """How a feed reads a file."""

    connector: Connector
    options: ExtractOptions
    mapping: CompiledMapping
    environment: Environment
    validator: Validator

    def records(self, stream: BinaryIO, most: int) -> Iterator[Previewed]:
        """The first ``most`` records of ``stream``, those that cannot be read included."""
        for item in islice(self.connector.records(stream, self.options), most):
            yield self._unread(item) if isinstance(item, Malformed) else self._read(item)

    @staticmethod
    def _unread(item: Malformed) -> Previewed:
        problem = f"{item.code}: expected {item.expected}"
        return Previewed(line=item.position.line, part=item.position.part, kind="", problems=(problem,))

    def _read(self, item: SourceRecord) -> Previewed:
        line, part = item.position.line, item.position.part
        try:
            mapped = self.mapping.map(item, self.environment)
        except RecordError as error:
            unlisted = tuple(_unlisted(error.unlisted))
            leaves = tuple(Leaf(path=path, text=text, mapped=True) for path, text in leaves_of(item.values))
            return Previewed(
                line=line, part=part, kind=item.kind, leaves=leaves, warnings=unlisted, problems=(str(error),)
            )
        missed = frozenset(mapped.unmapped)
        resources = tuple({"resourceType": draft.type, **draft.body} for draft in mapped.drafts)
        warnings = [f"{warning.code} in {warning.column}" for warning in mapped.warnings]
        warnings += _unlisted(mapped.unlisted)
        if item.consent:
            warnings.append("it waits until a consent of the person is in force")
        return Previewed(
            line=line,
            part=part,
            kind=item.kind,
            leaves=tuple(
                Leaf(path=path, text=text, mapped=path not in missed) for path, text in leaves_of(item.values)
            ),
            resources=resources,
            counts=mapped.leaves,
            warnings=tuple(dict.fromkeys(warnings)),
            problems=tuple(problem for resource in resources for problem in self._problems(resource)),
        )

    def _problems(self, resource: Mapping[str, Any]) -> list[str]:
        """What R4 has against a resource, with what is added at ingest put in."""
        kind = resource["resourceType"]
        subject = _SUBJECT.get(kind, "subject")
        whole = {**resource, "id": "preview"} | ({subject: {"reference": _PERSON}} if subject else {})
        try:
            found = [] if self.validator.valid(whole) else self.validator.issues(whole)
        except InvalidResource as error:
            found = error.issues
        return [f"{kind}: {issue.path}: {issue.message}" for issue in found]


def _unlisted(codes: Iterable[tuple[str, str, str]]) -> list[str]:
    return [f"table `{table}` does not list `{code}` in {column}" for table, column, code in codes]


def leaves_of(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every non-empty leaf with its exact path."""
    for name, value in values.items():
        yield from _below(name, value)


def _below(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from _below(f"{path}.{name}", entry)
    elif isinstance(value, list):
        for place, entry in enumerate(value):
            yield from _below(f"{path}[{place}]", entry)
    elif value is not None and value != "":
        yield path, str(value)
