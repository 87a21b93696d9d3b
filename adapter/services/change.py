"""A change that somebody considers: a changed agreement, or a Consent of a person, as decisions would see it.

Nothing is activated and nothing is written: the changed rules stand beside the present ones, over the same store.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from adapter.errors import ConfigurationError, Problem
from adapter.fhir.served import split
from adapter.services.agreements import read_agreements
from adapter.services.sides import Key
from adapter.store.shapes import END, StoredResource, row_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapter.consent.policy import Span
    from adapter.fhir.validate import Validator
    from adapter.services.decisions import Decisions
    from adapter.services.in_force import InForce
    from adapter.store.port import Store

_UNNAMED = "rehearsed"
"""The id of a Consent that has none yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What would decide afterwards.

    ``decisions`` are those of the changed rules. ``same_rules``: a policy says the same about a segment as before; only
    what agreements allow, or what is in force, differs. Where ``persons`` is not None only these Patients are
    concerned, and ``spans`` is what would be in force for them.
    """

    what: str
    decisions: Decisions
    same_rules: bool = True
    persons: frozenset[int] | None = None
    spans: tuple[Span, ...] = ()

    def key_at(self, at: int) -> Key | None:
        """The policy that would be in force for the persons concerned at an instant; None where that stays."""
        numbered = enumerate(self.spans, 1)
        return next((Key(-number, span.policy) for number, span in numbered if span.start <= at < span.stop), None)


class Changes:
    """Reads changes against a site."""

    def __init__(
        self,
        store: Store,
        decisions: Decisions,
        in_force: InForce,
        *,
        partners: Iterable[str],
        validator: Validator,
    ) -> None:
        self._store = store
        self._decisions = decisions
        self._in_force = in_force
        self._partners = tuple(partners)
        self._validator = validator

    async def read(self, document: Any, where: str, *, at: int) -> Change:
        """The change a document is: an agreement as in `agreements/*.yaml`, or a Consent as FHIR JSON.

        ``ConfigurationError`` lists what is wrong with it. Of a Consent, ``at`` is the earliest instant that matters.
        """
        if isinstance(document, dict) and document.get("resourceType") == "Consent":
            return await self._consent(document, where, at)
        if isinstance(document, dict) and "agreement" in document:
            return self._agreement(document, where)
        raise _wrong(where, "", "this is no change that can be rehearsed", "an agreement, or a Consent as FHIR JSON")

    def _agreement(self, document: Mapping[str, Any], where: str) -> Change:
        """An agreement in place of the one of its id, or beside the others."""
        (changed,) = read_agreements({where: document}, self._partners)
        others = [one for one in self._decisions.agreements if one.agreement != changed.agreement]
        word = "changed" if len(others) < len(self._decisions.agreements) else "new"
        return Change(
            what=f"{word} agreement `{changed.agreement}`",
            decisions=self._decisions.rehearsed(agreements=[*others, changed]),
        )

    async def _consent(self, resource: Mapping[str, Any], where: str, at: int) -> Change:
        """A Consent in place of the one of its id, or beside the others of its person."""
        issues = self._validator.issues(resource)
        if issues:
            raise ConfigurationError([Problem(where=where, path=issue.path, message=issue.message) for issue in issues])
        named = resource.get("patient")
        reference = str(named.get("reference", "")) if isinstance(named, dict) else ""
        kind, _, ident = reference.partition("/")
        async with self._store.snapshot() as view:
            patient = await view.resource(kind, ident)
            if patient is None or patient.type != "Patient":
                raise _wrong(where, "patient.reference", "no Patient of this store", "Patient/<id>, as it is served")
            row = _row(resource, patient.rid)
            component = await view.component(patient.rid, at=END)
            word = "changed" if await view.rows([row.rid]) else "new"
            spans = await self._in_force.timeline(view, component, at=at, replaced=row)
        return Change(
            what=f"{word} Consent `{row.id}`",
            decisions=self._decisions,
            persons=frozenset(component),
            spans=tuple(spans),
        )


def _row(resource: Mapping[str, Any], patient: int) -> StoredResource:
    """A Consent as if it were stored; its version is a hash, so that no other is taken for it."""
    ident = str(resource.get("id", _UNNAMED))
    meta = {key: value for key, value in resource.get("meta", {}).items() if key == "profile"}
    parts = split({**resource, "id": ident, "meta": {**meta, "security": [{"code": "N"}]}})
    return StoredResource(
        type="Consent",
        id=ident,
        rid=row_key("Consent", ident),
        patient=patient,
        segment=0,
        version=f"{_UNNAMED}-{blake2b(parts.head + parts.tail, digest_size=16).hexdigest()}",
        updated=0,
        head=parts.head,
        tail=parts.tail,
    )


def _wrong(where: str, path: str, message: str, expected: str) -> ConfigurationError:
    return ConfigurationError([Problem(where=where, path=path, message=message, expected=expected)])
