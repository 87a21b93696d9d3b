"""The one way a resource gets into the store: named, labelled, checked, split for serving and indexed.

A resource arrives as a body with resourceType and content; it leaves here as bytes that are never rewritten again
(architecture, decision 2). What relates it to other sources or segments goes into internal tables, not into bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from adapter.consent.segment import Segment
from adapter.errors import InvalidResource
from adapter.fhir.instants import instant_text
from adapter.fhir.search import index_rows
from adapter.fhir.served import split
from adapter.store.shapes import ResourceWrite, row_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.fhir.validate import Validator
    from adapter.services.decisions import Decisions
    from adapter.services.keys import SiteKeys
    from adapter.store.shapes import ScreeningPlace

SUBJECT = {
    "Encounter": "subject",
    "Observation": "subject",
    "Condition": "subject",
    "QuestionnaireResponse": "subject",
    "Consent": "patient",
}
"""The element of each type that names the person it is about."""
_REMEMBERED = 65_536
"""Contents known to be valid: rosters repeat the same people every quarter of an hour."""
_OPENING = b'"meta":{'


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """What a decision may test about a resource besides its content."""

    tier: str
    labels: tuple[tuple[str, str], ...]
    regime: str
    domain: str
    unit: str
    audience: str = ""


def stamp(keys: SiteKeys) -> Callable[[ResourceWrite, int, int], tuple[str, bytes]]:
    """Builds version id and head of a new version: the store knows the revision, the site knows the key."""

    def build(write: ResourceWrite, revision: int, at: int) -> tuple[str, bytes]:
        version = keys.version_id(write.type, write.id, write.digest, revision)
        meta = f'"versionId":"{version}","lastUpdated":"{instant_text(at)}",'.encode()
        return version, write.opening + meta + write.head

    return build


class Writer:
    """Prepares resources for the store."""

    def __init__(self, keys: SiteKeys, validator: Validator, decisions: Decisions, zone: ZoneInfo) -> None:
        self._keys = keys
        self._validator = validator
        self._decisions = decisions
        self._zone = zone
        self._valid: set[bytes] = set()

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
        resource = self._complete(body, facets, ident, patient)
        parts = split(resource)
        digest = blake2b(parts.head + parts.tail, digest_size=16).digest()
        if digest not in self._valid:
            self._check(resource, digest)
        segment = Segment(
            type=kind,
            profiles=tuple(sorted(resource["meta"].get("profile", ()))),
            tier=facets.tier,
            labels=facets.labels,
            regime=facets.regime,
            domain=facets.domain,
            unit=facets.unit,
            audience=facets.audience,
        )
        start = parts.head.index(_OPENING) + len(_OPENING)
        return ResourceWrite(
            type=kind,
            id=ident,
            rid=row_key(kind, ident),
            patient=0 if facets.tier == "directory" else row_key("Patient", patient),
            segment=await self._decisions.segment_number(segment),
            digest=digest,
            opening=parts.head[:start],
            head=parts.head[start:],
            tail=parts.tail,
            index=partial(index_rows, resource, self._zone),
            seed=seed,
            existing=existing,
            screening=screening,
            relations=relations,
        )

    def _check(self, resource: Mapping[str, Any], digest: bytes) -> None:
        if not self._validator.valid(resource):
            raise InvalidResource(self._validator.issues(resource))
        if len(self._valid) >= _REMEMBERED:
            self._valid.clear()
        self._valid.add(digest)

    @staticmethod
    def _complete(body: Mapping[str, Any], facets: Facets, ident: str, patient: str) -> dict[str, Any]:
        kind = body["resourceType"]
        meta = {key: value for key, value in body.get("meta", {}).items() if key == "profile"}
        # Labels stand last in meta, so that a disclosure can add to them without rewriting the resource.
        labels = [{"system": system, "code": code} for system, code in facets.labels]
        meta["security"] = labels + [label for label in body.get("meta", {}).get("security", ()) if label not in labels]
        resource = {"resourceType": kind, "id": ident, "meta": meta}
        resource.update((key, value) for key, value in body.items() if key not in {"resourceType", "id", "meta"})
        element = SUBJECT.get(kind)
        if element is not None:
            resource[element] = {"reference": f"Patient/{patient}"}
        return resource

    def resource_id(self, source: str, kind: str, *key: str) -> str:
        """The id of the resource that ``source`` knows under ``key``."""
        return self._keys.resource_id(source, kind, *key)
