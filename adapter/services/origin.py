"""Whose a record is and where it comes from: what all resources made of it share, and what is kept of how they came."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from adapter.consent.labels import labels_for
from adapter.fhir.codings import codings_of
from adapter.fhir.instants import instant_text
from adapter.identity.traits import MATCH_ONLY
from adapter.services.write import Facets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from adapter.consent.sensitivity import Label
    from adapter.mapping.mapped import Draft, Restrictions, Tracing
    from adapter.services.amend import Amendment
    from adapter.services.write import Writer
    from adapter.store.shapes import ResourceWrite

REACHING: Final = ("telecom", "address")
"""Elements of a Patient that tell how to reach the person."""
PROFILES = "https://sallyport.example/fhir/StructureDefinition/"
_ONESELF: Final[dict[str, Any]] = {
    "resourceType": "RelatedPerson",
    "meta": {"profile": [PROFILES + "contact-details"]},
    "relationship": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "ONESELF"}]}],
}


@lru_cache(maxsize=8192)
def labels_of_source(
    instrument_labels: frozenset[str], codes: tuple[Label, ...], regime: str, inbound: tuple[Label, ...]
) -> tuple[Label, ...]:
    """The labels of what a source says, remembered: `labels_for`."""
    return labels_for(instrument_labels=instrument_labels, codes=codes, regime=regime, inbound=inbound)


class Origin(NamedTuple):
    """What decides, besides content, who may see a record: the unit it comes from and the labels it came with.

    ``writer`` is the organisation whose software wrote it here itself, if one did.
    """

    programme: str
    unit: str
    regime: str
    inbound: tuple[Label, ...]
    writer: str = ""

    def labelled(self, labels: tuple[Label, ...]) -> Origin:
        """The origin of a resource that came with labels of its own."""
        return self._replace(inbound=(*self.inbound, *labels))

    def facets(
        self, tier: str, *, domain: str = "", labels: tuple[Label, ...] | None = None, audience: str = ""
    ) -> Facets:
        """The facets of a resource of this origin; without labels of its own those of the source alone."""
        own = labels_of_source(frozenset(), (), self.regime, self.inbound) if labels is None else labels
        return Facets(tier, own, self.regime, domain, self.unit, audience, self.writer)


class Restraint(NamedTuple):
    """What a record restricts of one resource and lifts from it; ``plain`` are the labels it has besides."""

    because: tuple[tuple[str, str, str], ...]
    lifts: tuple[str, ...]
    plain: tuple[Label, ...]


class Record(NamedTuple):
    """What all resources of one record share: whose it is, where it comes from, when it was received and happened.

    ``sex`` is the administrative gender that the record itself states. ``amends`` collects what its resources say where
    they only say what changed; None where each says everything. ``remarks`` are collected for the report.
    """

    person: tuple[str, ...]
    patient: str
    origin: Origin
    received: int
    at: int
    amends: dict[int, Amendment] | None
    sex: str | None
    remarks: list[str]
    restrictions: Restrictions

    def restraint(self, own: Restrictions, facets: Callable[[Origin], Facets]) -> Restraint | None:
        """What a record restricts of one resource, with what it restricts of all; None where it says nothing of that.

        ``facets`` gives those of the resource by the origin it comes with.
        """
        return restraint(self.origin, self.restrictions, own, facets)


def restraint(
    origin: Origin, general: Restrictions, own: Restrictions, facets: Callable[[Origin], Facets]
) -> Restraint | None:
    """As ``Record.restraint``."""
    if not general.says and not own.says:
        return None
    plain = origin._replace(inbound=(*general.plain, *own.plain))
    return Restraint(general.because + own.because, general.lifts + own.lifts, facets(plain).labels)


def profiled(draft: Draft) -> dict[str, Any]:
    """The body of a draft, with the profile it is meant to conform to."""
    return draft.body if not draft.profile else draft.body | {"meta": {"profile": [draft.profile]}}


def provenance(targets: Sequence[str], record: Record) -> dict[str, Any]:
    """A Provenance of resources of one person, without an id: when it was received, and from which unit."""
    return {
        "resourceType": "Provenance",
        "meta": {"profile": [PROFILES + "ingest-provenance"]},
        "target": [{"reference": target} for target in targets],
        "recorded": instant_text(record.received),
        "agent": [{"who": {"reference": record.origin.unit}}],
    }


def minimal(body: Mapping[str, Any]) -> dict[str, Any]:
    """A Patient without the identifiers that serve recognition only, and without how to reach the person."""
    kept = [item for item in body.get("identifier", ()) if item.get("system") not in MATCH_ONLY]
    rest = {key: value for key, value in body.items() if key != "identifier" and key not in REACHING}
    return rest | ({"identifier": kept} if kept else {})


def reached(body: Mapping[str, Any]) -> dict[str, Any]:
    """How to reach the person of a Patient, as a RelatedPerson that stands for the person (RoleCode ONESELF).

    It is a resource of its own, so that who may see the Patient does not thereby see it.
    """
    return _ONESELF | {name: body[name] for name in REACHING if name in body}


def takes_back(cleared: Iterable[str]) -> tuple[str, ...]:
    """Those of the paths a record takes back that tell how to reach the person."""
    return tuple(path for path in cleared if path.partition("|")[0].partition(".")[0] in REACHING)


async def traces(
    writer: Writer, feed: str, record: Record, tracing: Tracing, event: str | None, writes: Sequence[ResourceWrite]
) -> list[ResourceWrite]:
    """A Provenance of the event for each person whose resources it changed, of whom it names nobody else.

    It is seen with the person's other records, so it names nothing that tells how to reach the person.
    """
    changed: dict[int, list[ResourceWrite]] = {}
    for write in writes:
        if not write.seed and write.type != "RelatedPerson":
            changed.setdefault(write.patient, []).append(write)
    facets, found = record.origin.facets("provenance"), []
    for theirs in changed.values():
        whose = next((write.id for write in writes if write.rid == theirs[0].patient), record.patient)
        names = [f"{write.type}/{write.id}" for write in theirs]
        key = (*names, tracing.source, event or "", str(codings_of(tracing.activity)))
        body = {
            **provenance(names, record),
            "activity": tracing.activity,
            **({"occurredDateTime": event} if event else {}),
            "entity": [{"role": "source", "what": {"identifier": {"value": tracing.source}}}],
        }
        ident = writer.resource_id(feed, "Provenance", *key)
        found.append(await writer.prepare(body, facets, ident=ident, patient=whose, seed=True))
    return found
