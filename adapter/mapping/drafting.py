"""How the records of one kind become drafts: the rules of a compiled mapping at work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapter.errors import RecordError
from adapter.mapping.mapped import MAPPED, Draft, Environment, Mapped, Restrictions, Tracing
from adapter.mapping.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapter.mapping.leaves import LeafPlan
    from adapter.mapping.nodes import Branch
    from adapter.mapping.scope import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """How one draft is made."""

    name: str
    type: str
    profile: str
    key: tuple[tuple[Rule, str], ...]
    of_person: bool
    person: tuple[tuple[Rule, str], ...]
    labels: Rule | None
    replaces: str
    takes_back: Callable[[Scope, Mapping[str, Any]], tuple[str, ...]] | None
    holds: Callable[[Scope], bool] | None
    branch: Branch
    expected: bool
    body: Rule
    template: dict[str, Any]
    elements: frozenset[str]
    required: tuple[str, ...]

    def draft(self, scope: Scope) -> Draft | None:
        """The draft of the record at hand; None where its condition does not hold."""
        if self.holds is not None:
            if not self.holds(scope):
                if self.expected and not self.branch.columns.isdisjoint(scope.values):
                    scope.remark(self.name, MAPPED, "no-resource")
                return None
            if self.branch.columns:
                scope.reach(self.branch.columns)
        body = self.body(scope) or self.template.copy()
        for element in self.required:
            if element not in body:
                raise RecordError("missing-element", f"{self.type}.{element}", "a value for this required element")
        key = _key(self.key, scope)
        if self.of_person:
            key = (*scope.person, *key)
        labels = self.labels(scope) if self.labels is not None else None
        return Draft(
            self.name,
            self.type,
            key,
            body,
            self.profile,
            labels=_pairs(labels) if labels else (),
            person=_key(self.person, scope) if self.person else (),
            replaces=self.replaces,
            cleared=self.takes_back(scope, body) if self.takes_back is not None else (),
            restrictions=_restrictions(labels) if labels else _UNRESTRICTED,
        )


class Person:
    """The resource that a record gives of its person, made once where records that say the same follow each other.

    A roster has a row for each booking. The rules read nothing but ``columns`` and the constants of the feed.
    """

    __slots__ = ("_columns", "_draft", "_said", "_scope", "resource")

    def __init__(self, resource: Resource, columns: tuple[str, ...]) -> None:
        self.resource = resource
        self._columns = columns
        self._said: list[Any] | None = None
        self._scope: Scope | None = None
        self._draft: Draft | None = None

    def draft(self, scope: Scope) -> Draft | None:
        """The draft of the record at hand, or the one before where both say the same."""
        said = list(map(scope.values.get, self._columns))
        if self._scope is None or said != self._said or scope.environment is not self._scope.environment:
            self._said, self._scope = None, Scope(scope.values, scope.environment, scope.person)
            self._draft = self.resource.draft(self._scope)
            if _ONLY_TEXT.issuperset(map(type, said)):  # 1, 1.0 and True are equal and not the same
                self._said = said
        scope.repeat(self._scope)
        made = self._draft
        return made and made._replace(body=made.body.copy())


_ONLY_TEXT = frozenset({str, type(None)})


def _key(rules: tuple[tuple[Rule, str], ...], scope: Scope) -> tuple[str, ...]:
    """The parts of a key. Raises RecordError `missing-key` where one is missing."""
    parts = []
    for rule, column in rules:
        part = rule(scope)
        if part is None:
            raise RecordError("missing-key", column, "a value, since it identifies the record")
        parts.append(part if type(part) is str else str(part))
    return tuple(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How one kind of record is mapped."""

    test: Callable[[Scope], bool] | None
    test_column: str
    unit: Rule | None
    labels: Rule | None
    person: tuple[tuple[Rule, str], ...]
    same: Rule | None
    event: Rule | None
    provenance: Callable[[Scope], Tracing | None] | None
    resources: tuple[Resource | Person, ...]
    plan: LeafPlan
    name: str
    sender: tuple[tuple[str, str], ...]

    def map(self, values: Mapping[str, Any], environment: Environment) -> Mapped:
        """What one record becomes; ``RecordError`` where it cannot be used."""
        scope = Scope(values, environment)
        try:
            return self._map(scope)
        except RecordError as error:
            error.unlisted = tuple(scope.unlisted or ())
            raise

    def made(self) -> list[Resource]:
        """The resources that records of this kind become."""
        return [one.resource if isinstance(one, Person) else one for one in self.resources]

    def named_by(self, column: str) -> list[tuple[str, str]]:
        """Name and type of the resources that one column alone identifies."""
        keys = [(one, (*(self.person if one.of_person else ()), *one.key)) for one in self.made()]
        return [(one.name, one.type) for one, key in keys if [name for _, name in key] == [column]]

    def _map(self, scope: Scope) -> Mapped:
        for column, name in self.sender:
            if _said(scope.values.get(column)) != name:
                raise RecordError("unknown-sender", column, "the sender that the mapping names")
        if self.test is not None and self.test(scope):
            raise RecordError("test-record", self.test_column, "a real record; switch off the test sender")
        unit = self.unit(scope) if self.unit is not None else None
        labels = self.labels(scope) if self.labels is not None else None
        person = scope.person = _key(self.person, scope)
        same = self.same(scope) if self.same is not None else None
        event = self.event(scope) if self.event is not None else None
        drafts = [draft for resource in self.resources if (draft := resource.draft(scope)) is not None]
        provenance = self.provenance(scope) if self.provenance is not None else None
        if not drafts:
            scope.remark(self.name, MAPPED, "no-resource")
        leaves, unmapped = self.plan.count(scope)
        return Mapped(
            unit=unit,
            person=person,
            drafts=tuple(drafts),
            leaves=leaves,
            unmapped=unmapped,
            warnings=tuple(scope.warnings or ()),
            labels=_pairs(labels) if labels else (),
            unlisted=tuple(scope.unlisted or ()),
            amends=self.event is not None,
            event=event,
            provenance=provenance,
            same=_persons(same, person) if same is not None else (),
            restrictions=_restrictions(labels) if labels else _UNRESTRICTED,
        )


def _persons(same: Any, person: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The keys of other persons, each once."""
    keys = [(str(one),) for one in (same if isinstance(same, list) else [same])]
    return tuple(key for key in dict.fromkeys(keys) if key != person)


def _said(value: Any) -> str | None:
    """The text of a column, or the first component of a field."""
    if isinstance(value, list):
        value = value[0].get("1") if value and isinstance(value[0], dict) else None
    return value.strip() if isinstance(value, str) else None


_UNRESTRICTED = Restrictions()


def _restrictions(labels: Any) -> Restrictions:
    """Which labels stand for a restriction of the sender, which do not, and what it lifts."""
    entries = labels if isinstance(labels, list) else [labels]
    because = tuple((one["because"], one.get("system", ""), one["code"]) for one in entries if "because" in one)
    lifts = tuple(one["lifts"] for one in entries if "lifts" in one)
    return Restrictions(because, lifts, _pairs([one for one in entries if "because" not in one]))


def _pairs(labels: Any) -> tuple[tuple[str, str], ...]:
    """Codings as (system, code)."""
    entries = labels if isinstance(labels, list) else [labels]
    return tuple(dict.fromkeys((entry.get("system", ""), entry["code"]) for entry in entries if entry.get("code")))
