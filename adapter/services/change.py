"""A change that somebody considers, as decisions would see it: an agreement, state law, or a Consent of a person.

Nothing is activated and nothing is written: the changed rules stand beside the present ones, over the same store.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from adapter.errors import ConfigurationError, Problem
from adapter.fhir.served import split
from adapter.services.agreements import read_agreements
from adapter.services.remembered import Then
from adapter.services.sides import Key
from adapter.services.site_rules import law_of
from adapter.settings import SiteSection, check
from adapter.store.shapes import END, StoredResource, row_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapter.consent.policy import Policy
    from adapter.fhir.validate import Validator
    from adapter.services.decisions import Decisions
    from adapter.services.in_force import InForce
    from adapter.settings import Site
    from adapter.store.port import Snapshot, Store
    from adapter.store.survey import PersonRecords

_UNNAMED = "rehearsed"
"""The id of a Consent that has none yet."""
_OF_SITE = ("overlays", "enabled")
"""The keys of `site.toml` that are the law of the site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What would decide afterwards.

    ``decisions`` are those of the changed rules. ``same_rules``: a policy says the same about a segment as before; only
    what agreements allow, or what is in force, differs. ``entering`` is a Consent that would be held, of one person.
    """

    what: str
    decisions: Decisions
    same_rules: bool = True
    entering: Entering | None = None

    @property
    def persons(self) -> frozenset[int] | None:
        """The Patients concerned; None where that is everyone."""
        return None if self.entering is None else self.entering.component


@dataclass(frozen=True, slots=True, kw_only=True)
class Entering:
    """A Consent that would be held, for the records of one person.

    What the decision makes of it is rehearsed; the shares that an arriving form brings are records of their own and are
    not.
    """

    row: StoredResource
    component: frozenset[int]
    in_force: InForce
    _numbers: dict[bytes, int] = field(default_factory=dict)

    async def now(self, view: Snapshot, at: int) -> Key:
        """What would be in force now."""
        return self._key(await self._policy(view, at, self.row))

    async def then(self, view: Snapshot, at: int) -> tuple[Key, Key]:
        """What was in force at an instant by what was known at it: as it was, and had this Consent been held."""
        held = Then(view, at)
        return self._key(await self._policy(held, at, None)), self._key(await self._policy(held, at, self.row))

    async def _policy(self, held: PersonRecords, at: int, row: StoredResource | None) -> Policy:
        spans = await self.in_force.timeline(held, self.component, at=at, replaced=row)
        return next(span.policy for span in spans if span.start <= at < span.stop)

    def _key(self, policy: Policy) -> Key:
        return Key(-1 - self._numbers.setdefault(policy.canonical(), len(self._numbers)), policy)


class Changes:
    """Reads changes against a site. ``clock`` tells from when on what counsel enabled counts."""

    def __init__(
        self,
        store: Store,
        decisions: Decisions,
        in_force: InForce,
        *,
        site: Site,
        validator: Validator,
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._decisions = decisions
        self._in_force = in_force
        self._site = site
        self._validator = validator
        self._clock = clock

    async def read(self, document: Any, where: str) -> Change:
        """The change a document is; ``ConfigurationError`` lists what is wrong with it.

        It may be an agreement as in `agreements/*.yaml`, an overlay as in `overlays/*.yaml`, the keys `overlays` and
        `enabled` of `site.toml`, or a Consent as FHIR JSON.
        """
        if isinstance(document, dict):
            if document.get("resourceType") == "Consent":
                return await self._consent(document, where)
            if "agreement" in document:
                return self._agreement(document, where)
            if "overlay" in document:
                return self._overlay(document, where)
            if any(key in document for key in _OF_SITE):
                return self._choices(document, where)
        raise _wrong(
            where,
            "",
            "this is no change that can be rehearsed",
            "an agreement, an overlay, `overlays` or `enabled` of site.toml, or a Consent as FHIR JSON",
        )

    def _agreement(self, document: Mapping[str, Any], where: str) -> Change:
        """An agreement in place of the one of its id, or beside the others."""
        (changed,) = read_agreements({where: document}, self._site.partners, self._site.feeds)
        present = self._decisions.agreements
        agreements = [one for one in present if one.agreement != changed.agreement]
        word = "changed" if len(agreements) < len(present) else "new"
        agreements.append(changed)
        # Contracts and what counsel enabled partner by partner are law, and stand in agreements.
        law = law_of(self._site, agreements, at=self._clock())
        same = law.fingerprint == self._decisions.law.fingerprint
        decisions = self._decisions.rehearsed(agreements=agreements, law=law)
        return Change(what=f"{word} agreement `{changed.agreement}`", decisions=decisions, same_rules=same)

    def _overlay(self, document: Mapping[str, Any], where: str) -> Change:
        """An overlay in force, in place of the county's own of its name."""
        name = document["overlay"]
        own = {
            file: other
            for file, other in self._site.own_overlays.items()
            if not isinstance(other, dict) or other.get("overlay") != name
        }
        names = self._site.site.overlays
        section = self._site.site.model_copy(update={"overlays": names if name in names else (*names, name)})
        site = self._site.model_copy(update={"own_overlays": {**own, where: document}, "site": section})
        return self._of_law(site, f"{'changed' if name in names else 'new'} overlay `{name}`")

    def _choices(self, document: Mapping[str, Any], where: str) -> Change:
        """Other overlays and choices of counsel, as `site.toml` lists them."""
        told = {key: document[key] for key in _OF_SITE if key in document}
        section = self._site.site.model_dump() | told
        problems = check(SiteSection, section, where)
        if problems:
            raise ConfigurationError(problems)
        site = self._site.model_copy(update={"site": SiteSection.model_validate(section)})
        return self._of_law(site, f"changed {' and '.join(f'`{key}`' for key in told)} of the site")

    def _of_law(self, site: Site, what: str) -> Change:
        law = law_of(site, self._decisions.agreements, at=self._clock())
        same = law.fingerprint == self._decisions.law.fingerprint
        return Change(what=what, decisions=self._decisions.rehearsed(law=law), same_rules=same)

    async def _consent(self, resource: Mapping[str, Any], where: str) -> Change:
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
        entering = Entering(row=row, component=component, in_force=self._in_force)
        return Change(what=f"{word} Consent `{row.id}`", decisions=self._decisions, entering=entering)


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
