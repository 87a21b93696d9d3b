"""Whether a resource is sound: structure, required codes, invariants, and the profiles it claims.

``valid`` is made to be asked of every resource that is written: one call into jsonschema-rs and a few rules.
``issues`` explains a refusal. Both agree: a resource is valid exactly if it has no issues.
Validation in FHIR: https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from jsonschema_rs import Draft202012Validator, RegexOptions

from adapter.errors import Issue
from adapter.fhir.facts import Facts
from adapter.fhir.inner import Inner
from adapter.fhir.primitives import WholeNumber
from adapter.fhir.profiles import Profiles
from adapter.fhir.rules import parameters, rules_for
from adapter.fhir.schema import compile_schema
from adapter.fhir.structure import aligned, structure_issues

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapter.fhir.rules import Rule

    Resource = Mapping[str, Any]


_HOLDERS: Final = frozenset({"Bundle", "Parameters"})
"""Types that hold resources elsewhere than in ``contained``."""


class _Checks:
    """What is compiled for one resource type; the extended schema only once a resource needs it."""

    def __init__(self, facts: Facts, kind: str) -> None:
        self._facts = facts
        self._kind = kind
        self.plain = _compiled(facts, kind, extended=False)
        self.rules: tuple[Rule, ...] = rules_for(kind)

    @cached_property
    def extended(self) -> Draft202012Validator:
        return _compiled(self._facts, self._kind, extended=True)


def _compiled(facts: Facts, kind: str, *, extended: bool) -> Draft202012Validator:
    schema = compile_schema(facts, kind, extended=extended)
    # The patterns look neither ahead nor back, so the engine that cannot do that reads them, and in linear time.
    return Draft202012Validator(schema, keywords={"wholeNumber": WholeNumber}, pattern_options=RegexOptions())


class Validator:
    """Checks resources against the facts of ``profiles/r4/facts.json``.

    Types are compiled on first use. Resources inside resources (``contained``, entries of a Bundle,
    parameters) are checked too where their type is known; other types of R4 pass there unread. Of the profiles that a
    resource claims those count that ``profiles`` hold.
    """

    def __init__(self, facts: Mapping[str, Any] | Facts, profiles: Profiles | None = None) -> None:
        self.facts = facts if isinstance(facts, Facts) else Facts(facts)
        self.profiles = profiles or Profiles(self.facts)
        self._inner = Inner(self.facts, self.profiles)
        self._checks: dict[str, _Checks] = {}

    def valid(self, resource: Resource) -> bool:
        """Whether the resource is sound."""
        kind = resource.get("resourceType")
        checks = self._checks.get(kind) if isinstance(kind, str) else None
        if checks is None:
            if not isinstance(kind, str) or kind not in self.facts.resources:
                return False
            checks = self._checks[kind] = _Checks(self.facts, kind)
        if not self._well_formed(checks, resource):
            return False
        for rule in checks.rules:
            if rule(resource):
                return False
        if self._inner.issues(resource) or self.profiles.claimed(resource):
            return False
        if kind in _HOLDERS or "contained" in resource:
            return all(self._valid_inside(inner) for _, inner in _nested(resource))
        return True

    def issues(self, resource: Resource) -> list[Issue]:
        """Everything that is wrong with the resource; empty exactly if it is ``valid``.

        Invariants are reported once the structure is sound: they are not defined on anything else.
        """
        found = structure_issues(self.facts, resource)
        if not found:
            kind = resource["resourceType"]
            found = [issue for rule in rules_for(kind) for issue in rule(resource)]
            found += self._inner.issues(resource)
            found += self.profiles.claimed(resource)
            found += self._inside(resource)
            if not found and not self.valid(resource):
                found = [_unexplained(kind)]
        return found

    def _well_formed(self, checks: _Checks, resource: Resource) -> bool:
        try:
            if checks.plain.is_valid(resource):
                return True
            return checks.extended.is_valid(resource) and aligned(resource)
        except (TypeError, ValueError):
            return False  # a value JSON cannot express: a lone surrogate, a key that is not text, a Python date

    def _valid_inside(self, inner: Resource) -> bool:
        return inner["resourceType"] not in self.facts.resources or self.valid(inner)

    def _inside(self, resource: Resource) -> Iterator[Issue]:
        for path, inner in _nested(resource):
            if inner["resourceType"] in self.facts.resources:
                for issue in self.issues(inner):
                    _, dot, rest = issue.path.partition(".")
                    yield Issue(path=f"{path}{dot}{rest}", code=issue.code, message=issue.message)


def _nested(resource: Resource) -> Iterator[tuple[str, Resource]]:
    """The resources inside a resource, with their paths."""
    kind = resource["resourceType"]
    for index, inner in enumerate(resource.get("contained", ())):
        yield f"{kind}.contained[{index}]", inner
    if kind == "Bundle":
        for index, entry in enumerate(resource.get("entry", ())):
            path = f"Bundle.entry[{index}]"
            if "resource" in entry:
                yield f"{path}.resource", entry["resource"]
            if "outcome" in entry.get("response", {}):
                yield f"{path}.response.outcome", entry["response"]["outcome"]
    if kind == "Parameters":
        for path, parameter in parameters(resource):
            if "resource" in parameter:
                yield f"{path}.resource", parameter["resource"]


def _unexplained(kind: str) -> Issue:
    """Well formed by every rule, and yet refused: a value that JSON itself cannot carry."""
    message = "holds a value JSON cannot express; expected text in Unicode, numbers, true and false"
    return Issue(path=kind, code="structure", message=message)
