"""The one way a resource gets into the store: named, labelled, checked, split for serving and indexed.

A resource arrives as a body with resourceType and content; it leaves here as bytes that are never rewritten again
(architecture, decision 2). What relates it to other sources or segments goes into internal tables, not into bytes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from adapter.consent.segment import Segment
from adapter.errors import InvalidResource
from adapter.fhir.codec import dump_value, parse
from adapter.fhir.instants import instant_text
from adapter.fhir.search import index_rows
from adapter.fhir.served import PLAIN, Parts, join, split
from adapter.store.shapes import ResourceWrite, row_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.fhir.validate import Validator
    from adapter.services.decisions import Decisions
    from adapter.services.keys import SiteKeys
    from adapter.store.shapes import ScreeningPlace, StoredResource

SUBJECT = {
    "Encounter": "subject",
    "Observation": "subject",
    "Condition": "subject",
    "QuestionnaireResponse": "subject",
    "Consent": "patient",
    "RelatedPerson": "patient",
    "AllergyIntolerance": "patient",
    "DocumentReference": "subject",
}
"""The element of each type that names the person it is about."""
_REMEMBERED = 65_536
"""Contents known to be valid: rosters repeat the same people every quarter of an hour."""
_OPENING = b'"meta":{'
STAMPED = ("versionId", "lastUpdated")
"""What the store writes into ``meta`` itself."""


class Facets(NamedTuple):
    """What a decision may test about a resource besides its content. A tuple, because every write looks it up."""

    tier: str
    labels: tuple[tuple[str, str], ...]
    regime: str
    domain: str
    unit: str
    audience: str = ""
    writer: str = ""


class _Frame(NamedTuple):
    """What all resources of one type, profiles and facets share: ``meta``, its bytes up to the last label, segment."""

    meta: dict[str, Any]
    head: bytes
    segment: int


def _plain(labels: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...] | None:
    """Labels that are a system and a code and nothing more, to be told apart by; None for any others."""
    if any(len(label) != 2 for label in labels):  # noqa: PLR2004 - system and code
        return None
    return tuple([(label.get("system"), label.get("code")) for label in labels])  # type: ignore[misc]


def stamp(keys: SiteKeys) -> Callable[[ResourceWrite, int, int], tuple[str, bytes]]:
    """Builds version id and head of a new version.

    The id follows from what the version itself says, its content and its instant: how many were before, which some may
    not know, is no part of it. ``again`` counts versions of the same content at the same instant.
    """

    def build(write: ResourceWrite, at: int, again: int) -> tuple[str, bytes]:
        version = keys.version_id(write.type, write.id, write.digest, at, again)
        meta = f'"versionId":"{version}","lastUpdated":"{instant_text(at)}",'.encode()
        return version, write.opening + meta + write.head

    return build


def content_digest(opening: bytes, head: bytes, tail: bytes) -> bytes:
    """The digest of a resource without its version id and instant: equal for what is no new version."""
    return blake2b(opening + head + tail, digest_size=16).digest()


def digest_of(row: StoredResource) -> bytes:
    """The digest of a stored resource."""
    opening = f'{{"resourceType":"{row.type}","id":"{row.id}","meta":{{'.encode()
    return content_digest(opening, unstamped(row.head, opening), row.tail)


def unstamped(head: bytes, opening: bytes) -> bytes:
    """What follows version id and instant in the head of a stored resource."""
    # Neither has a quotation mark or a comma in it.
    return head[len(opening) :].split(b",", len(STAMPED))[-1]


class Writer:
    """Prepares resources for the store."""

    def __init__(self, keys: SiteKeys, validator: Validator, decisions: Decisions, zone: ZoneInfo) -> None:
        self._keys = keys
        self._validator = validator
        self._decisions = decisions
        self._zone = zone
        self._valid: set[bytes] = set()
        self._frames: dict[tuple[str, tuple[str, ...], Facets, tuple[tuple[str, str], ...] | None], _Frame] = {}

    async def prepare(
        self,
        body: Mapping[str, Any],
        facets: Facets,
        *,
        ident: str,
        patient: str,
        seed: bool = False,
        existing: bool = False,
        screening: ScreeningPlace | None = None,
        relations: Sequence[tuple[str, int]] = (),
    ) -> ResourceWrite:
        """Complete and check one resource; ``InvalidResource`` lists what is wrong with it by FHIRPath."""
        kind = body["resourceType"]
        frame = await self._frame(kind, body.get("meta") or {}, facets)
        resource = {"resourceType": kind, "id": ident, "meta": frame.meta, **body}
        resource["id"], resource["meta"] = ident, frame.meta
        element = SUBJECT.get(kind)
        if element is not None:
            resource[element] = {"reference": f"Patient/{patient}"}
        elif kind == "Appointment":
            about = {"actor": {"reference": f"Patient/{patient}"}, "status": "needs-action"}
            resource["participant"] = [about, *resource.get("participant", ())]
        opening = f'{{"resourceType":"{kind}","id":"{ident}","meta":{{'.encode()
        tail = dump_value(resource)[len(opening) + len(frame.head) + len(PLAIN) :]
        digest = content_digest(opening, frame.head, tail)
        if digest not in self._valid:
            self._check(resource, digest)
        return ResourceWrite(
            type=kind,
            id=ident,
            rid=row_key(kind, ident),
            patient=0 if facets.tier == "directory" else row_key("Patient", patient),
            segment=frame.segment,
            digest=digest,
            opening=opening,
            head=frame.head,
            tail=tail,
            index=partial(index_rows, resource, self._zone),
            seed=seed,
            existing=existing,
            screening=screening,
            relations=relations,
        )

    async def relabelled(
        self, row: StoredResource, segment: Segment, labels: tuple[tuple[str, str], ...]
    ) -> ResourceWrite:
        """A stored resource under other labels, everything else as it is to the byte."""
        resource = parse(join(Parts(head=row.head, tail=row.tail)))
        meta = {name: value for name, value in resource["meta"].items() if name not in STAMPED}
        stated = {(one.get("system", ""), one["code"]): one for one in meta["security"]}
        meta["security"] = [stated.get(label, {"system": label[0], "code": label[1]}) for label in labels]
        opening = f'{{"resourceType":"{row.type}","id":"{row.id}","meta":{{'.encode()
        head = split({"resourceType": row.type, "meta": meta}).head
        head = head[head.index(_OPENING) + len(_OPENING) :]
        return ResourceWrite(
            type=row.type,
            id=row.id,
            rid=row.rid,
            patient=row.patient,
            segment=await self._decisions.segment_number(replace(segment, labels=labels)),
            digest=content_digest(opening, head, row.tail),
            opening=opening,
            head=head,
            tail=row.tail,
            index=partial(index_rows, resource | {"meta": meta}, self._zone),
        )

    def _check(self, resource: Mapping[str, Any], digest: bytes) -> None:
        if not self._validator.valid(resource):
            raise InvalidResource(self._validator.issues(resource))
        if len(self._valid) >= _REMEMBERED:
            self._valid.clear()
        self._valid.add(digest)

    async def _frame(self, kind: str, meta: Mapping[str, Any], facets: Facets) -> _Frame:
        """The frame of a resource: the profiles its ``meta`` claims and the labels it states are kept, nothing else."""
        profiles, stated = tuple(meta.get("profile", ())), meta.get("security")
        key = (kind, profiles, facets, _plain(stated) if stated else ())
        known = self._frames.get(key) if key[3] is not None else None
        if known is not None:
            return known
        # Labels stand last in meta, so that a disclosure can add to them without rewriting the resource.
        labels = [{"system": system, "code": code} for system, code in facets.labels]
        labels += [label for label in stated or () if label not in labels]
        own = {name: meta[name] for name in ("profile",) if name in meta} | {"security": labels}
        head = split({"resourceType": kind, "meta": own}).head
        segment = Segment(
            type=kind,
            profiles=tuple(sorted(profiles)),
            tier=facets.tier,
            labels=facets.labels,
            regime=facets.regime,
            domain=facets.domain,
            unit=facets.unit,
            audience=facets.audience,
            writer=facets.writer,
        )
        frame = _Frame(
            meta=own,
            head=head[head.index(_OPENING) + len(_OPENING) :],
            segment=await self._decisions.segment_number(segment),
        )
        if key[3] is not None:
            self._frames[key] = frame
        return frame

    def resource_id(self, source: str, kind: str, *key: str) -> str:
        """The id of the resource that ``source`` knows under ``key``."""
        return self._keys.resource_id(source, kind, *key)
