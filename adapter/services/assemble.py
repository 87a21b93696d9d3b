"""From one mapped record to the resources it becomes: Patient, detail, screening summaries, Provenance, Consent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapter.consent.labels import labels_for
from adapter.consent.release import author
from adapter.fhir.codings import codings_of
from adapter.fhir.instants import instant_text
from adapter.identity.traits import MATCH_ONLY
from adapter.services.write import Facets
from adapter.store.port import IdentityFacts, ResourceWrite, ScreeningPlace, row_key
from adapter.summary.build import summary
from adapter.summary.screening import screenings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapter.consent.release import Form
    from adapter.mapping.mapped import Draft, Mapped
    from adapter.services.people import People
    from adapter.services.write import Writer
    from adapter.settings import Feed
    from adapter.source import SourceRecord
    from adapter.summary.registry import Instrument, Registry
    from adapter.summary.screening import Screening

UNDECLARED = "undeclared"
RETRACTED = frozenset({"entered-in-error", "cancelled"})
PROFILES = "https://sallyport.example/fhir/StructureDefinition/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """What one record becomes, ready for the store. ``identity`` is set when it says who someone is."""

    writes: list[ResourceWrite]
    identity: IdentityFacts | None
    held: bool


class Assembly:
    """Assembles the records of one feed."""

    def __init__(
        self, feed: Feed, *, writer: Writer, people: People, registry: Registry, form: Form | None
    ) -> None:
        self._feed = feed
        self._writer = writer
        self._people = people
        self._registry = registry
        self._form = form

    async def assemble(self, record: SourceRecord, mapped: Mapped, *, received: int) -> Assembled:
        """Name, label, check and derive; ``InvalidResource`` or ``RecordError`` if the record cannot be used."""
        patient = self._writer.resource_id(self._feed.feed, "Patient", *mapped.person)
        unit, regime = self._unit(mapped.unit)
        writes: list[ResourceWrite] = []
        identity = None
        for draft in mapped.drafts:
            if draft.type == "Patient":
                identity = self._people.recognise(row_key("Patient", patient), self._feed.feed, draft.body)
                facets = Facets(tier="identity", labels=_labels(regime), regime=regime, domain="", unit=unit)
                writes.append(
                    await self._writer.prepare(minimal(draft.body), facets, ident=patient, patient=patient)
                )
            else:
                writes += await self._detail(
                    draft, mapped, patient=patient, unit=unit, regime=regime, received=received
                )
        if self._form is not None:
            writes.append(
                await self._release(
                    record, mapped, patient=patient, unit=unit, regime=regime, received=received
                )
            )
        if identity is None:
            # Who it is comes from records about identity alone: a screening never writes a Patient's content.
            facets = Facets(tier="identity", labels=_labels(regime), regime=regime, domain="", unit=unit)
            stub = {"resourceType": "Patient"}
            writes.insert(
                0, await self._writer.prepare(stub, facets, ident=patient, patient=patient, seed=True)
            )
        return Assembled(writes=writes, identity=identity, held=regime == UNDECLARED)

    def _unit(self, code: str | None) -> tuple[str, str]:
        units = self._feed.units
        unit = (
            units.get(code) if code is not None else next(iter(units.values())) if len(units) == 1 else None
        )
        if unit is None:
            return f"Organization/{self._feed.organization}", UNDECLARED
        return f"Organization/{unit.organization}", unit.regime

    async def _detail(
        self, draft: Draft, mapped: Mapped, *, patient: str, unit: str, regime: str, received: int
    ) -> list[ResourceWrite]:
        ident = self._writer.resource_id(self._feed.feed, draft.type, draft.name, *draft.key)
        found = (
            screenings(draft.body, self._registry)
            if draft.type in {"Observation", "QuestionnaireResponse"}
            else []
        )
        facets = self._facets("detail", draft.body, self._instruments(draft.body), unit, regime)
        writes = [await self._writer.prepare(draft.body, facets, ident=ident, patient=patient)]
        for screening in found:
            writes += await self._summary(
                screening, row_key(draft.type, ident), mapped, patient, unit, regime, received
            )
        return writes

    def _instruments(self, body: Mapping[str, Any]) -> list[Instrument]:
        """Every instrument that a code or the questionnaire of a resource belongs to."""
        found: dict[str, Instrument] = {}
        form = self._registry.questionnaire(body.get("questionnaire", ""))
        if form is not None:
            found[form.id] = form
        for system, code in codings_of(body):
            target = self._registry.by_code.get((system, code))
            related = [target.instrument] if target is not None else self._registry.item(code)
            found.update((instrument.id, instrument) for instrument in related)
        return list(found.values())

    @staticmethod
    def _facets(
        tier: str, body: Mapping[str, Any], instruments: Sequence[Instrument], unit: str, regime: str
    ) -> Facets:
        labels = labels_for(
            instrument_labels={label for instrument in instruments for label in instrument.labels},
            codes=codings_of(body),
            regime=regime,
            inbound=(),
        )
        domain = instruments[0].domain if instruments else ""
        return Facets(tier=tier, labels=labels, regime=regime, domain=domain, unit=unit)

    async def _summary(
        self,
        screening: Screening,
        detail: int,
        mapped: Mapped,
        patient: str,
        unit: str,
        regime: str,
        received: int,
    ) -> list[ResourceWrite]:
        ident = self._writer.resource_id(
            self._feed.feed, "screening-summary", *mapped.person, unit, screening.occasion
        )
        facets = self._facets("summary", {}, [screening.instrument], unit, regime)
        body = summary(screening, labels=facets.labels)
        place = None
        if screening.status not in RETRACTED:
            series = f"{unit}|{screening.series}"
            place = ScreeningPlace(
                instrument=series, day=screening.day, instant=screening.instant, risk=screening.risk
            )
        relations = (("derived-from", detail),)
        write = await self._writer.prepare(
            body, facets, ident=ident, patient=patient, screening=place, relations=relations
        )
        provenance = {
            "resourceType": "Provenance",
            "meta": {"profile": [PROFILES + "ingest-provenance"]},
            "target": [{"reference": f"Observation/{ident}"}],
            "recorded": instant_text(received),
            "agent": [{"who": {"reference": unit}}],
        }
        traced = Facets(
            tier="provenance", labels=facets.labels, regime=regime, domain=facets.domain, unit=unit
        )
        trace = self._writer.resource_id(self._feed.feed, "Provenance", ident)
        return [write, await self._writer.prepare(provenance, traced, ident=trace, patient=patient)]

    async def _release(
        self, record: SourceRecord, mapped: Mapped, *, patient: str, unit: str, regime: str, received: int
    ) -> ResourceWrite:
        assert self._form is not None  # noqa: S101 - the caller has asked
        consent = author(self._form, record.values, patient_ref=f"Patient/{patient}", now=received)
        ident = self._writer.resource_id(
            self._feed.feed, "Consent", *mapped.person, str(record.values["submission"])
        )
        facets = Facets(tier="consent", labels=_labels(regime), regime=regime, domain="", unit=unit)
        return await self._writer.prepare(consent, facets, ident=ident, patient=patient)


def minimal(body: Mapping[str, Any]) -> dict[str, Any]:
    """A Patient without the identifiers that serve recognition only."""
    kept = [item for item in body.get("identifier", ()) if item.get("system") not in MATCH_ONLY]
    rest = {key: value for key, value in body.items() if key != "identifier"}
    return rest | ({"identifier": kept} if kept else {})


def _labels(regime: str) -> tuple[tuple[str, str], ...]:
    return labels_for(instrument_labels=(), codes=(), regime=regime, inbound=())
