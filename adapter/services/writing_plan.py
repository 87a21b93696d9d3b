"""What several changes amount to, worked out before anything is written: one plan, carried out whole or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import Conflict
from adapter.fhir.codec import dump_value
from adapter.fhir.instants import instant_text
from adapter.services.sealing import nobodys
from adapter.services.write import content_digest
from adapter.services.writing_checks import checked, cleaned, identifiers, unique
from adapter.services.writing_references import References
from adapter.services.writing_rules import covered, unit_of
from adapter.services.writing_targets import targets_of
from adapter.store.shapes import row_key
from adapter.store.written import Written, WrittenVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.fhir.validate import Validator
    from adapter.services.asked import Asked, Target
    from adapter.services.decisions import Decisions
    from adapter.services.disclose import Caller
    from adapter.services.keys import SiteKeys
    from adapter.services.people import Told
    from adapter.services.writing_makers import Maker
    from adapter.services.writing_own import OwnRecords
    from adapter.settings import Feed
    from adapter.store.port import Snapshot
    from adapter.store.shapes import ResourceWrite

REFERRED: Final = "other records that this client wrote refer to it; delete them first, or in the same transaction"
KEPT: Final = (
    "a Consent is not deleted: it decides what may be released, and 45 CFR 164.530(j) has it kept for six years; "
    "write what the person signed last"
)
PAUSE: Final = 16
"""Resources after which other answers may pass."""


@dataclass(slots=True, kw_only=True)
class Version:
    """A version to be written, before it has its instant: the bytes around what is stamped into ``meta``."""

    target: Target
    opening: bytes
    rest: bytes
    numbers: list[tuple[str, str]]
    writes: list[ResourceWrite] = field(default_factory=list)
    identity: Told | None = None


@dataclass(slots=True, kw_only=True)
class Plan:
    """Everything a change writes. It holds as long as the mark of its source is the one it was made at."""

    source: str
    mark: int
    targets: list[Target]
    versions: list[Version]
    again: list[list[ResourceWrite]]
    gone: dict[int, int]
    underived: list[tuple[int, int]]
    derived: list[tuple[int, int]]
    besides: set[int]
    patients: dict[int, Mapping[str, Any]]


class Planner:
    """Plans changes of one site. ``new_key`` makes unguessable texts."""

    def __init__(
        self,
        *,
        keys: SiteKeys,
        validator: Validator,
        decisions: Decisions,
        makers: Mapping[str, Maker],
        base_url: str,
        zone: ZoneInfo,
        new_key: Callable[[], str],
    ) -> None:
        self._keys = keys
        self._validator = validator
        self._decisions = decisions
        self._makers = makers
        self.base_url = base_url
        self.zone = zone
        self._new_key = new_key

    def _new_id(self, source: str, kind: str) -> str:
        return self._keys.resource_id(source, kind, "written", self._new_key())

    async def plan(self, view: Snapshot, caller: Caller, feed: Feed, asked: Sequence[Asked], at: int) -> Plan:
        """The plan of some changes; whatever keeps them from being carried out is a ``RequestError``."""
        source, maker = feed.records, self._makers[feed.feed]
        own = maker.own(view, base_url=self.base_url, zone=self.zone)
        mark = await view.written_mark(source)
        targets = await targets_of(asked, own, lambda kind: self._new_id(source, kind))
        for one in targets:
            if one.before is not None and not one.existing and caller.scopes is not None:
                covered(caller, own.body(one.before), one.asked.interaction)
            if one.body is not None:
                # Nothing is read of a resource before it is known to be one.
                one.body = _named(one, cleaned(one.body))
                checked(one, one.body, self._validator)
        await References(own, targets, self.base_url).resolve()
        versions = []
        for number, one in enumerate(one for one in targets if one.body is not None):
            versions.append(self._version(caller, feed, one))
            if number % PAUSE == 0:
                await asyncio.sleep(0)
        plan = Plan(
            source=source,
            mark=mark,
            targets=targets,
            versions=[one for one in versions if one is not None],
            again=[],
            gone={},
            underived=[],
            derived=[],
            besides=set(),
            patients={one.rid: one.body for one in targets if one.kind == "Patient" and one.body is not None},
        )
        await self._integrity(view, plan)
        await maker.make(own, plan, at=at)
        await self._follow(view, plan, maker, own, at)
        return plan

    def _version(self, caller: Caller, feed: Feed, target: Target) -> Version | None:
        """The version that a resource becomes; None where nothing of it is new."""
        kind, resource = target.kind, target.body or {}
        target.unit = unit_of(feed, resource, target.place)
        covered(caller, resource, target.asked.interaction)
        if target.before is not None and target.before.patient != row_key("Patient", target.patient):
            raise Conflict("a record stays with the Patient it was written for", expression=target.place)
        labelled = self._makers[feed.feed].labelled(target, resource)
        opening = f'{{"resourceType":"{kind}","id":"{target.id}","meta":{{'.encode()
        rest = dump_value(labelled)[len(opening) :]
        unchanged = target.before is not None and target.before.body == stamped(opening, target.before, rest)
        if unchanged and kind != "Consent":  # what a Consent amounts to is in its form, which may have changed
            return None
        return Version(target=target, opening=opening, rest=rest, numbers=identifiers(resource))

    @staticmethod
    async def _integrity(view: Snapshot, plan: Plan) -> None:
        """Nothing that is deleted is still referred to, and no two Patients of a writer have the same number."""
        deleted = {one.rid: one for one in plan.targets if one.is_deleted}
        changed = {one.rid for one in plan.targets if one.body is not None}
        for rid, referring in (await view.referring(deleted)).items():
            if any(
                kind != "Provenance" and other not in deleted and other not in changed
                for other, kind in referring.items()
            ):
                raise Conflict(REFERRED, expression=deleted[rid].asked.place)
        if any(one.kind == "Consent" for one in deleted.values()):
            raise Conflict(KEPT)
        patients = {one.target.rid: one for one in plan.versions if one.target.kind == "Patient"}
        if patients:
            numbers: dict[int, Sequence[tuple[str, str]]] = {rid: one.numbers for rid, one in patients.items()}
            numbers |= {rid: () for rid, one in deleted.items() if one.kind == "Patient"}
            await unique(view, plan.source, numbers, {rid: one.target.place for rid, one in patients.items()})

    async def _follow(self, view: Snapshot, plan: Plan, maker: Maker, own: OwnRecords, at: int) -> None:
        """Take back what was derived from earlier versions and is no longer, or derive it from what else tells it."""
        deleted = {one.rid for one in plan.targets if one.is_deleted}
        changed = {one.target.rid: {write.rid for write in one.writes} for one in plan.versions}
        derived = await view.derived(deleted | changed.keys())
        gone = set(deleted)
        anew: dict[int, int] = {}
        for rid, sources in derived.items():
            left = {one for one in sources if one not in deleted and (one not in changed or rid in changed[one])}
            plan.underived += [(rid, one) for one in sources - left]
            if not left:
                gone.add(rid)
            elif not left & changed.keys():
                anew[rid] = max(left)
        for rid, one in anew.items():
            made = await maker.again(own, one, at=at)
            plan.again.append([write for write in made if write.rid == rid or write.type == "Provenance"])
        kinds = {one.rid: one.kind for one in plan.targets if one.is_deleted}
        for rid in gone:
            plan.gone[rid] = await self._decisions.segment_number(nobodys(kinds.get(rid, "Observation")))
        for version in plan.versions:
            for write in version.writes:
                plan.derived += [(write.rid, other) for kind, other in write.relations if kind == "derived-from"]
        plan.besides = {
            row_key("Patient", one.patient) if one.patient else one.before.patient
            for one in plan.targets
            if one.is_deleted and one.before is not None and one.kind != "Patient"
        }

    def stamp(self, version: Version, at: int) -> Written:
        """A version as it is kept for its writer."""
        target = version.target
        revision = 1 if target.before is None else target.before.revision + 1
        digest = content_digest(version.opening, b"", version.rest)
        # Apart from the versions that others are given: neither says anything of the other.
        name = self._keys.version_id(f"written {target.kind}", target.id, digest, revision)
        whole = Written(
            rid=target.rid,
            type=target.kind,
            id=target.id,
            source="",
            patient=row_key("Patient", target.patient),
            unit=target.unit,
            revision=revision,
            version=name,
            updated=at,
            body=b"",
        )
        return whole._replace(body=stamped(version.opening, whole, version.rest))


def _named(target: Target, body: Mapping[str, Any]) -> dict[str, Any]:
    """A body under the id that it has here."""
    meta = body.get("meta")
    first = {"resourceType": target.kind, "id": target.id} | ({"meta": meta} if meta else {})
    return first | {name: value for name, value in body.items() if name not in {"resourceType", "id", "meta"}}


def stamped(opening: bytes, version: Written, rest: bytes) -> bytes:
    """The whole of a version as its writer is served it."""
    meta = f'"versionId":"{version.version}","lastUpdated":"{instant_text(version.updated)}",'
    return opening + meta.encode() + rest


def kept(plan: Plan, planner: Planner, at: int) -> list[WrittenVersion]:
    """The versions of a plan as they are kept for their writer."""
    return [
        WrittenVersion(
            written=planner.stamp(one, at)._replace(source=plan.source),
            identifiers=one.numbers,
            refers=one.target.refers,
        )
        for one in plan.versions
    ]
