"""From one mapped record to the resources it becomes: Patient, detail, screening summaries, Provenance, Consent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from adapter.consent.labels import labels_for
from adapter.consent.release import author, on_hold
from adapter.consent.share import reaches_part2, recipients, sensitivities, share, withdrawn
from adapter.errors import RecordError
from adapter.fhir.codings import codings_of
from adapter.fhir.instants import instant_text
from adapter.identity.traits import MATCH_ONLY
from adapter.services.write import Facets
from adapter.store.shapes import IdentityFacts, ResourceWrite, ScreeningPlace, row_key
from adapter.summary.build import summary
from adapter.summary.screening import screenings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.consent.release_form import Form
    from adapter.consent.sensitivity import Label
    from adapter.mapping.mapped import Draft, Mapped
    from adapter.services.people import People
    from adapter.services.write import Writer
    from adapter.settings import Feed
    from adapter.source import SourceRecord
    from adapter.summary.instrument import Instrument
    from adapter.summary.registry import Registry
    from adapter.summary.screening import Screening

UNDECLARED = "undeclared"
RETRACTED = frozenset({"entered-in-error", "cancelled"})
COURT_EVENT = "https://sallyport.example/fhir/CodeSystem/court-event"
IDENTITY = frozenset({"Patient", "Encounter"})
"""Records of these types alone say who someone is and where."""
SCREENED = frozenset({"Observation", "QuestionnaireResponse"})
PROFILES = "https://sallyport.example/fhir/StructureDefinition/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """What one record becomes, ready for the store.

    ``identity`` is set when it says who someone is. With a ``problem`` the record waits in quarantine as well, and
    what is written keeps the person safe until someone has mended it.
    """

    writes: list[ResourceWrite]
    identity: IdentityFacts | None
    held: bool
    problem: RecordError | None = None


@lru_cache(maxsize=8192)
def _labels(
    instrument_labels: frozenset[str], codes: tuple[Label, ...], regime: str, inbound: tuple[Label, ...]
) -> tuple[Label, ...]:
    return labels_for(instrument_labels=instrument_labels, codes=codes, regime=regime, inbound=inbound)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """What all resources of one record share: whose it is, where it comes from, when it was received."""

    person: tuple[str, ...]
    patient: str
    programme: str
    unit: str
    regime: str
    inbound: tuple[tuple[str, str], ...]
    received: int

    def facets(
        self,
        tier: str,
        *,
        domain: str = "",
        labels: tuple[tuple[str, str], ...] | None = None,
        audience: str = "",
    ) -> Facets:
        """The facets of a resource of this record; without labels of its own those of the source alone."""
        own = _labels(frozenset(), (), self.regime, self.inbound) if labels is None else labels
        return Facets(tier=tier, labels=own, regime=self.regime, domain=domain, unit=self.unit, audience=audience)


class Assembly:
    """Assembles the records of one feed."""

    def __init__(
        self,
        feed: Feed,
        *,
        writer: Writer,
        people: People,
        registry: Registry,
        forms: Mapping[tuple[str, str], Form],
        organisations: Mapping[str, str],
        zone: ZoneInfo,
    ) -> None:
        self._feed = feed
        self._writer = writer
        self._people = people
        self._registry = registry
        self._forms = forms
        self._organisations = organisations
        self._zone = zone
        self._audiences = {
            organisations[key]
            for form in forms.values()
            for key in (*form.partners, *(one for each in form.intermediaries.values() for one in each.participants))
            if key in organisations
        }

    async def assemble(self, source: SourceRecord, mapped: Mapped, *, received: int) -> Assembled:
        """Name, label, check and derive; ``InvalidResource`` or ``RecordError`` if the record cannot be used."""
        programme, unit, regime = self._unit(mapped.unit)
        record = _Record(
            person=mapped.person,
            patient=self._writer.resource_id(self._feed.feed, "Patient", *mapped.person),
            programme=programme,
            unit=unit,
            regime=regime,
            inbound=mapped.labels,
            received=received,
        )
        body = next((draft.body for draft in mapped.drafts if draft.type == "Patient"), None)
        writes = [await self._patient(record, body, mapped)]
        for draft in mapped.drafts:
            if draft.type != "Patient":
                writes += await self._detail(record, draft)
        problem = None if regime != UNDECLARED else self._undeclared()
        if self._forms:
            consent, unusable = self._consent(record, source)
            problem = unusable or problem
            writes += await self._release(record, consent, str(source.values.get("submission", "")))
        identity = None
        if body is not None:
            identity = self._people.recognise(row_key("Patient", record.patient), self._feed.feed, body)
        return Assembled(writes=writes, identity=identity, held=regime == UNDECLARED, problem=problem)

    def _unit(self, code: str | None) -> tuple[str, str, str]:
        """What the sender calls the unit, the organisation it is, and its regime."""
        units = self._feed.units
        if code is None and len(units) == 1:
            code = next(iter(units))
        unit = None if code is None else units.get(code)
        if unit is None:
            return code or "", f"Organization/{self._feed.organization}", UNDECLARED
        return code or "", f"Organization/{unit.organization}", unit.regime

    def _undeclared(self) -> RecordError:
        """Held for its sender alone, and waiting to run again once someone has declared the unit."""
        known = ", ".join(self._feed.units)
        return RecordError("undeclared-unit", "unit", f"a unit that the feed declares: {known}")

    async def _patient(self, record: _Record, body: Mapping[str, Any] | None, mapped: Mapped) -> ResourceWrite:
        # A record about care must leave no trace in a Patient whom others see: it only puts an empty one where
        # none is. Who someone is comes from records about identity and custody alone.
        seed = body is None or any(draft.type not in IDENTITY for draft in mapped.drafts)
        content = {"resourceType": "Patient"} if seed or body is None else minimal(body)
        facets = record.facets("identity")
        return await self._writer.prepare(content, facets, ident=record.patient, patient=record.patient, seed=seed)

    async def _detail(self, record: _Record, draft: Draft) -> list[ResourceWrite]:
        ident = self._writer.resource_id(self._feed.feed, draft.type, draft.name, *draft.key)
        codings = tuple(codings_of(draft.body))
        instruments = self._instruments(draft.body.get("questionnaire", ""), codings)
        named = frozenset(label for instrument in instruments for label in instrument.labels)
        labels = _labels(named, codings, record.regime, record.inbound)
        domain = "court" if any(system == COURT_EVENT for system, _ in codings) else ""
        facets = record.facets("detail", domain=domain or (instruments[0].domain if instruments else ""), labels=labels)
        body = draft.body if not draft.profile else draft.body | {"meta": {"profile": [draft.profile]}}
        writes = [await self._writer.prepare(body, facets, ident=ident, patient=record.patient)]
        if draft.type in SCREENED:
            for screening in screenings(draft.body, self._registry):
                writes += await self._summary(record, screening, row_key(draft.type, ident))
        return writes

    def _instruments(self, form: str, codings: Sequence[tuple[str, str]]) -> list[Instrument]:
        """Every instrument that the questionnaire or a code of a resource belongs to."""
        found: dict[str, Instrument] = {}
        asked = self._registry.questionnaire(form) if form else None
        if asked is not None:
            found[asked.id] = asked
        for system, code in codings:
            target = self._registry.by_code.get((system, code))
            related = [target.instrument] if target is not None else self._registry.item(code)
            found.update((instrument.id, instrument) for instrument in related)
        return list(found.values())

    async def _summary(self, record: _Record, screening: Screening, detail: int) -> list[ResourceWrite]:
        # The sender's own name of the unit, so that declaring it changes who may see the summary, not its id.
        key = (*record.person, record.programme, screening.occasion)
        ident = self._writer.resource_id(self._feed.feed, "screening-summary", *key)
        instrument = screening.instrument
        named = frozenset(instrument.labels)
        labels = _labels(named, tuple(screening.result.codings), record.regime, record.inbound)
        place = None
        if screening.status not in RETRACTED:
            place = ScreeningPlace(
                instrument=f"{record.programme}|{screening.series}",
                day=screening.day,
                instant=screening.instant,
                risk=screening.risk,
            )
        write = await self._writer.prepare(
            summary(screening, labels=labels),
            record.facets("summary", domain=instrument.domain, labels=labels),
            ident=ident,
            patient=record.patient,
            screening=place,
            relations=(("derived-from", detail),),
        )
        trace = self._writer.resource_id(self._feed.feed, "Provenance", ident)
        facets = record.facets("provenance", domain=instrument.domain, labels=labels)
        provenance = _provenance(f"Observation/{ident}", record)
        # Written once: the same extract received again tells nothing new of where a summary came from.
        traced = await self._writer.prepare(provenance, facets, ident=trace, patient=record.patient, seed=True)
        return [write, traced]

    async def _release(self, record: _Record, consent: dict[str, Any], submission: str) -> list[ResourceWrite]:
        """The Consent and the share of each recipient; whoever is no longer one has its share withdrawn."""
        key = (*record.person, submission)
        ident = self._writer.resource_id(self._feed.feed, "Consent", *key)
        writes = [await self._writer.prepare(consent, record.facets("consent"), ident=ident, patient=record.patient)]
        named = recipients(consent)
        for recipient in sorted({*named, *self._audiences}):
            given = share(consent, recipient) if recipient in named else None
            if given is None:
                labels = None
                body = withdrawn(f"Patient/{record.patient}", record.unit)
            else:
                regime = "part2" if reaches_part2(given) else record.regime
                labels = _labels(sensitivities(given), (), regime, record.inbound)
                body = given
            writes.append(
                await self._writer.prepare(
                    body,
                    record.facets("share", labels=labels, audience=recipient),
                    ident=self._writer.resource_id(self._feed.feed, "consent-share", *key, recipient),
                    patient=record.patient,
                    existing=given is None,
                )
            )
        return writes

    def _consent(self, record: _Record, source: SourceRecord) -> tuple[dict[str, Any], RecordError | None]:
        """The Consent of a signed form; one that is deficient or of an undeclared unit denies until it is mended.

        It may be a revocation: what was signed before must not go on as if it had not arrived.
        """
        patient = f"Patient/{record.patient}"
        if record.regime == UNDECLARED:
            return on_hold(patient), self._undeclared()
        form = self._forms.get((str(source.values.get("form", "")), str(source.values.get("version", ""))))
        if form is None:
            known = ", ".join(" ".join(names) for names in self._forms)
            return on_hold(patient), RecordError("wrong-form", "version", f"one of {known}")
        try:
            consent = author(
                form,
                source.values,
                patient_ref=patient,
                organisations=self._organisations,
                zone=self._zone,
                now=record.received,
            )
        except RecordError as error:
            return on_hold(patient), error
        return consent, None


def _provenance(target: str, record: _Record) -> dict[str, Any]:
    return {
        "resourceType": "Provenance",
        "meta": {"profile": [PROFILES + "ingest-provenance"]},
        "target": [{"reference": target}],
        "recorded": instant_text(record.received),
        "agent": [{"who": {"reference": record.unit}}],
    }


def minimal(body: Mapping[str, Any]) -> dict[str, Any]:
    """A Patient without the identifiers that serve recognition only."""
    kept = [item for item in body.get("identifier", ()) if item.get("system") not in MATCH_ONLY]
    rest = {key: value for key, value in body.items() if key != "identifier"}
    return rest | ({"identifier": kept} if kept else {})
