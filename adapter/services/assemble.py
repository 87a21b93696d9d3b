"""From one mapped record to the resources it becomes: Patient, detail, screening summaries, Provenance, Consent."""

from __future__ import annotations

from functools import lru_cache
from operator import is_
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from adapter.consent.agreement import CONTACT
from adapter.errors import RecordError
from adapter.fhir.codec import dump_value
from adapter.fhir.codings import codings_of
from adapter.fhir.dates import interval
from adapter.services.amend import Amendment, takes_back_numbers
from adapter.services.origin import (
    REACHING,
    Origin,
    Record,
    labels_of_source,
    minimal,
    profiled,
    provenance,
    reached,
    restraint,
    takes_back,
    traces,
)
from adapter.services.releases import UNDECLARED, Releases
from adapter.store.shapes import ResourceWrite, ScreeningPlace, row_key
from adapter.summary.build import summary
from adapter.summary.screening import screenings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.consent.release_form import Form
    from adapter.consent.sensitivity import Label
    from adapter.mapping.compile import CompiledMapping
    from adapter.mapping.mapped import Draft, Mapped
    from adapter.services.origin import Restraint
    from adapter.services.people import People, Told
    from adapter.services.write import Facets, Writer
    from adapter.settings import Feed
    from adapter.source import SourceRecord
    from adapter.summary.instrument import Instrument
    from adapter.summary.registry import Registry
    from adapter.summary.screening import Screening

RETRACTED = frozenset({"entered-in-error", "cancelled"})
COURT_EVENT = "https://sallyport.example/fhir/CodeSystem/court-event"
DISCLOSURE = (COURT_EVENT, "disclosure-order")
IDENTITY = frozenset({"Patient", "Encounter"})
"""Records of these types alone say who someone is and where."""
_APART = {"Consent": "consent", "RelatedPerson": CONTACT}
"""Types with a tier of their own, whatever is in them."""
SCREENED = frozenset({"Observation", "QuestionnaireResponse"})
_NOTHING: Mapping[int, Amendment] = MappingProxyType({})


class Assembled(NamedTuple):
    """What one record becomes, ready for the store. A tuple: see `Draft`.

    ``identity`` is set when it says who someone is, ``orders`` are those that authorize a disclosure. With a
    ``problem`` the record waits in quarantine as well, and what is written keeps the person safe until it is mended.
    ``amends`` holds, for the writes that only say what changed, what they say, by internal key; ``remarks`` are
    warnings of the report: a word, the instrument.
    """

    writes: list[ResourceWrite]
    identity: Told | None
    held: bool
    problem: RecordError | None = None
    amends: Mapping[int, Amendment] = _NOTHING
    orders: tuple[ResourceWrite, ...] = ()
    remarks: tuple[str, ...] = ()


class _Person(NamedTuple):
    """A Patient as a record told of it, and what became of that."""

    origin: Origin
    seed: bool
    body: Mapping[str, Any] | None
    write: ResourceWrite
    identity: Told | None
    contact: ResourceWrite | None


class Assembly:
    """Assembles the records of one feed. ``reaches``: some of them tell how to reach a person."""

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
        reaches: bool = True,
    ) -> None:
        self._feed = feed
        self._reaches = reaches
        self._records = feed.records
        self._writer = writer
        self._people = people
        self._registry = registry
        self.releases = Releases(feed, writer=writer, forms=forms, organisations=organisations, zone=zone)
        self._zone = zone
        self._last: tuple[tuple[str, ...], _Person] | None = None
        self._details = lru_cache(maxsize=8192)(self._detail_facets)

    async def assemble(self, source: SourceRecord, mapped: Mapped, *, received: int) -> Assembled:
        """Name, label, check and derive; ``InvalidResource`` or ``RecordError`` if the record cannot be used."""
        origin = Origin(*self._unit(mapped.unit), mapped.labels)
        amends: dict[int, Amendment] | None = {} if mapped.amends else None
        at = self._happened(mapped.event, received)
        patient = await self._patient(origin, mapped, at, amends)
        sex = None if patient.body is None else patient.body.get("gender")
        record = Record(mapped.person, patient.write.id, origin, received, at, amends, sex, [], mapped.restrictions)
        writes = [patient.write] if patient.contact is None else [patient.write, patient.contact]
        orders: list[ResourceWrite] = []
        for draft in mapped.drafts:
            if draft.type != "Patient":
                detail = await self._detail(await self._whose(record, draft, writes), draft)
                writes += detail
                if draft.type == "Observation" and DISCLOSURE in codings_of(draft.body["code"]):
                    orders += detail[:1]
        others = [draft for draft in mapped.drafts if draft.type == "Patient" and draft.person]
        writes += [await self._other(record, draft) for draft in others]
        if mapped.provenance is not None:
            writes += await traces(self._writer, self._records, record, mapped.provenance, mapped.event, writes)
        held = origin.regime == UNDECLARED
        problem = self.releases.undeclared() if held else None
        if self.releases.forms:
            consent, unusable = self.releases.consent(record, source)
            problem = unusable or problem
            writes += await self.releases.writes(record, consent, str(source.values.get("submission", "")))
        return Assembled(
            writes=writes,
            identity=patient.identity,
            held=held,
            problem=problem,
            amends=amends or _NOTHING,
            orders=tuple(orders),
            remarks=tuple(record.remarks),
        )

    def keys_of(self, mapping: CompiledMapping, kind: str, ident: str) -> list[int]:
        """Internal keys of the resources that records of a kind become which their `id` alone identifies."""
        found = []
        for name, made in mapping.named_by(kind, "id"):
            # A person's record is known by the person.
            key = (ident,) if made == "Patient" else (name, ident)
            found.append(row_key(made, self._writer.resource_id(self._records, made, *key)))
        return found

    def _happened(self, event: str | None, received: int) -> int:
        """The instant of an event; of one without a time, that of its arrival."""
        return received if event is None else interval(event, self._zone)[0]

    async def _whose(self, record: Record, draft: Draft, writes: list[ResourceWrite]) -> Record:
        """The record as far as it is about the person of a draft; another person than its own has to be there first."""
        if not draft.person or draft.person == record.person:
            return record
        ident = self._writer.resource_id(self._records, "Patient", *draft.person)
        facets = record.origin.facets("identity")
        stand_in = {"resourceType": "Patient"}
        writes.append(await self._writer.prepare(stand_in, facets, ident=ident, patient=ident, seed=True))
        return record._replace(person=draft.person, patient=ident)

    async def _other(self, record: Record, draft: Draft) -> ResourceWrite:
        """What a record says of a Patient besides its own: that another has taken its place."""
        ident = self._writer.resource_id(self._records, "Patient", *draft.person)
        facets = record.origin.facets("identity")
        body = minimal(profiled(draft))
        write = await self._writer.prepare(body, facets, ident=ident, patient=ident)
        if record.amends is not None:
            record.amends[write.rid] = Amendment(
                body=body,
                facets=facets,
                ident=ident,
                patient=ident,
                at=record.at,
                cleared=draft.cleared,
                restraint=record.restraint(draft.restrictions, lambda origin: origin.facets("identity")),
            )
        return write

    def _unit(self, code: str | None) -> tuple[str, str, str]:
        """What the sender calls the unit, the organisation it is, and its regime."""
        units = self._feed.units
        if code is None and len(units) == 1:
            code = next(iter(units))
        unit = None if code is None else units.get(code)
        if unit is None:
            return code or "", f"Organization/{self._feed.organization}", UNDECLARED
        return code or "", f"Organization/{unit.organization}", unit.regime

    async def _patient(self, origin: Origin, mapped: Mapped, at: int, amends: dict[int, Amendment] | None) -> _Person:
        """The Patient of a record; a person's records often follow each other and say the same of who that is."""
        draft = next((draft for draft in mapped.drafts if draft.type == "Patient" and not draft.person), None)
        body = None if draft is None else draft.body
        own = origin if draft is None or not draft.labels else origin.labelled(draft.labels)
        # A record about care must leave no trace in a Patient whom others see: it only puts an empty one where
        # none is. Who someone is comes from records about identity and custody alone.
        seed = body is None or any(draft.type not in IDENTITY for draft in mapped.drafts)
        prior = None if draft is None or not draft.replaces else self._replaced(mapped, draft)
        merges = self._merges(mapped, prior) if mapped.same or prior is not None else ()
        if not merges and amends is None and self._last is not None and self._last[0] == mapped.person:
            told = self._last[1]
            if (told.origin, told.seed) == (own, seed) and _same(told.body, body):
                return told
        ident = self._writer.resource_id(self._records, "Patient", *mapped.person)
        facets = own.facets("identity")
        content = {"resourceType": "Patient"} if seed or body is None else minimal(body)
        if prior is not None:
            content |= {"active": True}
        write = await self._writer.prepare(content, facets, ident=ident, patient=ident, seed=seed, relations=merges)
        identity = None if body is None else self._people.recognise(write.rid, self._records, body)
        if identity is not None and draft is not None and (seed or amends is not None):
            identity = identity._replace(amends=not takes_back_numbers(draft.cleared))
        contact = None
        held = None
        if draft is not None and not seed:
            held = restraint(origin, mapped.restrictions, draft.restrictions, lambda plain: plain.facets("identity"))
            contact = await self._contact(own, draft, ident, held, person=mapped.person, at=at, amends=amends)
        told = _Person(own, seed, body, write, identity, contact)
        if amends is None:
            self._last = mapped.person, told
        elif not seed and draft is not None:
            amends[write.rid] = Amendment(
                body=content,
                facets=facets,
                ident=ident,
                patient=ident,
                at=at,
                cleared=draft.cleared,
                relations=merges,
                recognised=body,
                restraint=held,
            )
        return told

    async def _contact(
        self,
        origin: Origin,
        draft: Draft,
        ident: str,
        held: Restraint | None,
        *,
        person: tuple[str, ...],
        at: int,
        amends: dict[int, Amendment] | None,
    ) -> ResourceWrite | None:
        """How to reach a person, in a resource of its own; None where neither this record nor its feed tells it."""
        body, cleared = reached(draft.body), takes_back(draft.cleared)
        says = any(name in draft.body for name in REACHING)
        if not says and not (self._reaches if amends is None else cleared):
            return None
        own = self._writer.resource_id(self._records, "contact-details", *person)
        facets = origin.facets(CONTACT)
        # Where a record says all there is, one that no longer says it takes it back.
        write = await self._writer.prepare(body, facets, ident=own, patient=ident, existing=not says and amends is None)
        if amends is not None:
            amends[write.rid] = Amendment(
                body=body, facets=facets, ident=own, patient=ident, at=at, cleared=cleared, restraint=held
            )
        return write

    def _merges(self, mapped: Mapped, prior: int | None) -> tuple[tuple[str, int], ...]:
        """The Patients that their source says are the same person's: whose place this one takes, and others."""
        same = [
            ("same", row_key("Patient", self._writer.resource_id(self._records, "Patient", *key)))
            for key in mapped.same
        ]
        return (*([("replaces", prior)] if prior is not None else ()), *same)

    def _replaced(self, mapped: Mapped, draft: Draft) -> int | None:
        """The internal key of the Patient whose place a record's Patient takes."""
        prior = next((one for one in mapped.drafts if one.person and one.name == draft.replaces), None)
        if prior is None:
            return None
        if prior.person == mapped.person:
            raise RecordError("merge-with-itself", prior.name, "the number of another person")
        return row_key("Patient", self._writer.resource_id(self._records, "Patient", *prior.person))

    async def _detail(self, record: Record, draft: Draft) -> list[ResourceWrite]:
        ident = self._writer.resource_id(self._records, draft.type, draft.name, *draft.key)
        origin = record.origin.labelled(draft.labels) if draft.labels else record.origin

        def facets_of(origin: Origin) -> Facets:
            tier = _APART.get(draft.type)
            return self.facets(origin, draft.body) if tier is None else origin.facets(tier)

        facets = facets_of(origin)
        body = profiled(draft)
        writes = await self.parts(record, draft.body, facets, ident=ident, shown=body)
        if record.amends is not None:
            record.amends[writes[0].rid] = Amendment(
                body=body,
                facets=facets,
                ident=ident,
                patient=record.patient,
                at=record.at,
                cleared=draft.cleared,
                restraint=record.restraint(draft.restrictions, facets_of),
            )
        return writes

    async def parts(
        self, record: Record, told: Mapping[str, Any], facets: Facets, *, ident: str, shown: Mapping[str, Any]
    ) -> list[ResourceWrite]:
        """A resource, first, and what is derived from it: ``told`` is what its source says, ``shown`` what is kept."""
        writes = [await self._writer.prepare(shown, facets, ident=ident, patient=record.patient)]
        if told["resourceType"] in SCREENED:
            for screening in screenings(told, self._registry, sex=record.sex):
                record.remarks.extend(f"{word} {screening.instrument.id}" for word in screening.disagreements)
                writes += await self._summary(record, screening, writes[0].rid)
        return writes

    def facets(self, origin: Origin, told: Mapping[str, Any]) -> Facets:
        """The facets of what a source says in full."""
        return self._details(origin, told.get("questionnaire", ""), tuple(codings_of(told)))

    def _detail_facets(self, origin: Origin, form: str, codings: tuple[Label, ...]) -> Facets:
        """The facets of what a source says in full, by the codes in it and the questionnaire it answers."""
        instruments = self._instruments(form, codings)
        named = frozenset(label for instrument in instruments for label in instrument.labels)
        labels = labels_of_source(named, codings, origin.regime, origin.inbound)
        domain = "court" if any(system == COURT_EVENT for system, _ in codings) else ""
        return origin.facets("detail", domain=domain or (instruments[0].domain if instruments else ""), labels=labels)

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

    async def _summary(self, record: Record, screening: Screening, detail: int) -> list[ResourceWrite]:
        # The sender's own name of the unit, so that declaring it changes who may see the summary, not its id.
        key = (*record.person, record.origin.programme, screening.occasion)
        ident = self._writer.resource_id(self._records, "screening-summary", *key)
        instrument = screening.instrument
        named = frozenset(instrument.labels)
        labels = labels_of_source(named, tuple(screening.result.codings), record.origin.regime, record.origin.inbound)
        place = None
        if screening.status not in RETRACTED:
            place = ScreeningPlace(
                instrument=f"{record.origin.programme}|{screening.series}",
                day=screening.day,
                instant=screening.instant,
                risk=screening.risk,
            )
        write = await self._writer.prepare(
            summary(screening, labels=labels),
            record.origin.facets("summary", domain=instrument.domain, labels=labels),
            ident=ident,
            patient=record.patient,
            screening=place,
            relations=(("derived-from", detail),),
        )
        trace = self._writer.resource_id(self._records, "Provenance", ident)
        facets = record.origin.facets("provenance", domain=instrument.domain, labels=labels)
        origin = provenance([f"Observation/{ident}"], record)
        # Written once: the same extract received again tells nothing new of where a summary came from.
        traced = await self._writer.prepare(origin, facets, ident=trace, patient=record.patient, seed=True)
        return [write, traced]


def _same(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two bodies say the same to the last digit, which equal dictionaries need not."""
    if one is None or other is None:
        return one is other
    return (list(one) == list(other) and all(map(is_, one.values(), other.values()))) or dump_value(one) == dump_value(
        other
    )
