"""From a written resource to what it is for everyone: its segment, what others are given, what follows from it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import InvalidResource, Issue, RecordError, Rejected
from adapter.fhir.codings import codings_of
from adapter.fhir.results import DIRECTORY
from adapter.mapping.mapped import Restrictions
from adapter.services.assemble import SCREENED
from adapter.services.origin import Origin, Record, labels_of_source
from adapter.services.outward import RETAINED, agreed
from adapter.services.writing_own import OwnRecords
from adapter.services.writing_release import RELEASE_FORM, Releases, only_denies
from adapter.store.shapes import row_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from adapter.services.asked import Target
    from adapter.services.assemble import Assembly
    from adapter.services.people import People
    from adapter.services.write import Facets, Writer
    from adapter.services.writing_plan import Plan, Version
    from adapter.settings import Feed
    from adapter.store.port import Snapshot
    from adapter.store.shapes import ResourceWrite

PAUSE: Final = 16
"""Resources after which other answers may pass."""
ALONE: Final = (
    "a signed release form arrives, and changes, in one transaction with the Consent that it is the source of"
)
_TIERS: Final = {
    "Patient": "identity",
    "Consent": "consent",
    "Provenance": "provenance",
    "DocumentReference": RETAINED,
    "RelatedPerson": RETAINED,
}
"""Tiers of what is not detail. Scans, other people and traces go on to nobody."""


class Maker:
    """Makes what the resources of one feed become."""

    def __init__(self, feed: Feed, assembly: Assembly, writer: Writer, people: People) -> None:
        self._feed = feed
        self._assembly = assembly
        self._writer = writer
        self._people = people
        self._releases = Releases(assembly)

    def own(self, view: Snapshot, *, base_url: str, zone: ZoneInfo) -> OwnRecords:
        """What this feed's client may meet while it writes."""
        return OwnRecords(view, self._feed.records, base_url=base_url, zone=zone)

    def labelled(self, target: Target, resource: Mapping[str, Any]) -> dict[str, Any]:
        """A resource as its writer is served it, but for its version: with the labels of what it is."""
        target.facets = self._facets(target.unit, resource)
        labels = [{"system": system, "code": code} for system, code in target.facets.labels]
        meta = dict(resource.get("meta") or {})
        labels += [one for one in meta.pop("security", ()) if _coding(one) not in labels]
        return {**{name: resource[name] for name in ("resourceType", "id")}, "meta": meta | {"security": labels}} | {
            name: value for name, value in resource.items() if name not in {"resourceType", "id", "meta"}
        }

    def _origin(self, unit: str, resource: Mapping[str, Any]) -> Origin:
        known = self._feed.units[unit]
        stated = (resource.get("meta") or {}).get("security", ())
        inbound = tuple((str(one.get("system", "")), str(one["code"])) for one in stated if one.get("code"))
        writer = f"Organization/{self._feed.organization}"
        return Origin(unit, f"Organization/{known.organization}", known.regime, inbound, writer)

    def _facets(self, unit: str, resource: Mapping[str, Any]) -> Facets:
        origin, kind = self._origin(unit, resource), resource["resourceType"]
        tier = RETAINED if _is_release(resource) else _TIERS.get(kind, "detail")
        if tier == "detail":
            return self._assembly.facets(origin, resource)
        if tier == "identity":
            return origin.facets(tier)
        codings = tuple(codings_of(resource))
        return origin.facets(tier, labels=labels_of_source(frozenset(), codings, origin.regime, origin.inbound))

    async def make(self, own: OwnRecords, plan: Plan, *, at: int) -> None:
        """Give every version of a plan its writes; ``Rejected`` names what cannot be used."""
        await own.look_up({row_key("Patient", one.target.patient) for one in plan.versions})
        for number, version in enumerate(plan.versions):
            try:
                version.writes = await self._writes(own, plan, version, at)
            except RecordError as error:
                raise Rejected([_issue(error, version.target)]) from None
            if number % PAUSE == 0:
                await asyncio.sleep(0)

    async def _writes(self, own: OwnRecords, plan: Plan, version: Version, at: int) -> list[ResourceWrite]:
        target, resource = version.target, version.target.body or {}
        facets = target.facets or self._facets(target.unit, resource)
        if target.kind == "Patient":
            shown = agreed(resource, _is_public) or {}
            version.identity = self._people.recognise(target.rid, self._feed.records, resource)
            return [await self._writer.prepare(shown, facets, ident=target.id, patient=target.id)]
        if _is_release(resource) and not any(
            one.kind == "Consent" and target.rid in one.refers for one in plan.targets
        ):
            raise Rejected([Issue(path=target.place, code="business-rule", message=ALONE)])
        record = self._record(own, plan, target.unit, target.patient, resource, at)
        if target.kind == "Consent" and not _refuses(own, target):
            signed = self._releases.signed(plan, target, _patient(own, plan, target.patient), at=at)
            return await self._assembly.releases.writes(record, signed.consent, signed.submission, ident=target.id)
        return await self._parts(record, resource, facets, ident=target.id)

    async def _parts(
        self, record: Record, resource: Mapping[str, Any], facets: Facets, *, ident: str
    ) -> list[ResourceWrite]:
        shown = agreed(resource, _is_public) if facets.tier == "detail" else None
        if _is_release(resource):
            return [await self._writer.prepare(_bare(resource), facets, ident=ident, patient=record.patient)]
        if shown is not None:
            try:
                return await self._assembly.parts(record, resource, facets, ident=ident, shown=shown)
            except InvalidResource:
                # Without what stays it is no resource, so none of it goes on.
                facets = facets._replace(tier=RETAINED)
        return await self._assembly.parts(record, resource, facets, ident=ident, shown=_bare(resource))

    def _record(
        self, own: OwnRecords, plan: Plan | None, unit: str, patient: str, resource: Mapping[str, Any], at: int
    ) -> Record:
        sex = None
        if resource["resourceType"] in SCREENED:
            sex = _patient(own, plan, patient).get("gender")
        return Record((patient,), patient, self._origin(unit, resource), at, at, None, sex, [], Restrictions())

    async def again(self, own: OwnRecords, rid: int, *, at: int) -> list[ResourceWrite]:
        """What is derived from a record that stays as it is."""
        stored = await own.of_key(rid)
        if stored is None or stored.unit not in self._feed.units:
            return []
        resource = own.body(stored)
        patient = resource["subject"]["reference"].partition("/")[2]
        await own.look_up({row_key("Patient", patient)})
        # It is written already, with its version: only what follows from it is wanted.
        resource = {**resource, "meta": {key: value for key, value in resource["meta"].items() if key in _OF_SENDER}}
        record = self._record(own, None, stored.unit, patient, resource, at)
        return (await self._parts(record, resource, self._facets(stored.unit, resource), ident=stored.id))[1:]


_OF_SENDER: Final = frozenset({"profile", "security", "source", "tag"})


def _bare(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A resource that goes on to nobody, as it is kept among the others: of its meta the profiles alone."""
    profiles = (resource.get("meta") or {}).get("profile")
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return rest | ({"meta": {"profile": profiles}} if profiles else {})


def _patient(own: OwnRecords, plan: Plan | None, ident: str) -> Mapping[str, Any]:
    """The Patient of a record, as it is after the change."""
    rid = row_key("Patient", ident)
    changed = plan.patients.get(rid) if plan is not None else None
    if changed is not None:
        return changed
    stored = own.known(rid)
    return {} if stored is None else own.body(stored)


def _is_release(resource: Mapping[str, Any]) -> bool:
    """Whether a QuestionnaireResponse is a signed release form: it is no screening, and goes on to nobody."""
    told = resource.get("questionnaire")
    return isinstance(told, str) and told.startswith(RELEASE_FORM)


def _refuses(own: OwnRecords, target: Target) -> bool:
    """Whether a Consent only restricts, and takes the place of no signed release, which has shares of its own."""
    before = target.before
    return only_denies(target.body or {}) and (before is None or only_denies(own.body(before)))


def _is_public(reference: str) -> bool:
    """Whether a reference that was resolved leads to the directory."""
    return reference.partition("/")[0] in DIRECTORY


def _coding(label: Any) -> Any:
    """A label as ours are written, so that one that comes back is known."""
    return {name: label[name] for name in ("system", "code") if name in label} if isinstance(label, dict) else label


def _issue(error: RecordError, target: Target) -> Issue:
    rest = error.element.removeprefix(target.kind)
    path = target.place + rest if rest[:1] in {"", "."} else target.place
    return Issue(path=path, code="business-rule", message=f"{error.code}: expected {error.expected}")
