"""Whose a record is and where it comes from: what all resources made of it share, and what is kept of how they came."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from adapter.consent.labels import labels_for
from adapter.fhir.codings import codings_of
from adapter.fhir.instants import instant_text
from adapter.identity.traits import MATCH_ONLY
from adapter.services.write import Facets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapter.consent.sensitivity import Label
    from adapter.mapping.mapped import Draft, Tracing
    from adapter.services.amend import Amendment
    from adapter.services.write import Writer
    from adapter.store.shapes import ResourceWrite

PROFILES = "https://sallyport.example/fhir/StructureDefinition/"


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
    """A Patient without the identifiers that serve recognition only."""
    kept = [item for item in body.get("identifier", ()) if item.get("system") not in MATCH_ONLY]
    rest = {key: value for key, value in body.items() if key != "identifier"}
    return rest | ({"identifier": kept} if kept else {})


async def traces(
    writer: Writer, feed: str, record: Record, tracing: Tracing, event: str | None, writes: Sequence[ResourceWrite]
) -> list[ResourceWrite]:
    """A Provenance of the event for each person whose resources it changed, of whom it names nobody else."""
    changed: dict[int, list[ResourceWrite]] = {}
    for write in writes:
        if not write.seed:
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
