"""What a single resource says to the criteria no segment can express: codes, dates, references and authors.

One table names the date of each type (R4 leaves "clinical or operational date" open) and one its primary
code.

Consent.provision.dataPeriod, code and data: https://hl7.org/fhir/R4/consent-definitions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.consent.instants import bounds
from adapter.consent.names import AtHand, items, listed, own_key, reference_key
from adapter.consent.sensitivity import codings
from adapter.fhir.dates import interval

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

DATES: Final[Mapping[str, tuple[str, ...]]] = {
    "AllergyIntolerance": ("onsetDateTime", "onsetPeriod", "recordedDate"),
    "Appointment": ("start",),
    "CarePlan": ("period", "created"),
    "CareTeam": ("period",),
    "Communication": ("sent", "received"),
    "Composition": ("date",),
    "Condition": ("onsetDateTime", "onsetPeriod", "recordedDate"),
    "Consent": ("dateTime",),
    "DiagnosticReport": ("effectiveDateTime", "effectivePeriod", "issued"),
    "DocumentReference": ("date",),
    "Encounter": ("period",),
    "EpisodeOfCare": ("period",),
    "FamilyMemberHistory": ("date",),
    "Goal": ("startDate", "statusDate"),
    "Immunization": ("occurrenceDateTime", "recorded"),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod"),
    "MedicationDispense": ("whenHandedOver", "whenPrepared"),
    "MedicationRequest": ("authoredOn",),
    "MedicationStatement": ("effectiveDateTime", "effectivePeriod", "dateAsserted"),
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued"),
    "Procedure": ("performedDateTime", "performedPeriod"),
    "Provenance": ("occurredDateTime", "occurredPeriod", "recorded"),
    "QuestionnaireResponse": ("authored",),
    "RiskAssessment": ("occurrenceDateTime", "occurrencePeriod"),
    "ServiceRequest": ("occurrenceDateTime", "occurrencePeriod", "authoredOn"),
    "Task": ("authoredOn",),
}
"""The elements that date a resource, the first one present counts."""

TIMINGS: Final = frozenset({"effectiveTiming", "occurrenceTiming"})
"""Dates that no interval can stand for."""

_MEDICATIONS: Final = ("medicationCodeableConcept",)
PRIMARY: Final[Mapping[str, tuple[str, ...]]] = {
    "Appointment": ("serviceType",),
    "CarePlan": ("category",),
    "Composition": ("type",),
    "Consent": ("category",),
    "DocumentReference": ("type",),
    "Encounter": ("type",),
    "EpisodeOfCare": ("type",),
    "Immunization": ("vaccineCode",),
    "MedicationAdministration": _MEDICATIONS,
    "MedicationDispense": _MEDICATIONS,
    "MedicationRequest": _MEDICATIONS,
    "MedicationStatement": _MEDICATIONS,
}
"""The element that says what a resource is, where it is not ``code``."""

CODELESS: Final = frozenset({"Patient", "Person", "RelatedPerson"})
AUTHORS: Final = ("performer", "author", "recorder", "asserter")

Span = tuple[int, int]


def _walk(resource: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every JSON object in ``resource``, however deep."""
    found: list[dict[str, Any]] = []
    pending: list[Any] = [resource]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            found.append(node)
            pending += [one for one in node.values() if isinstance(one, dict | list)]
        else:
            pending += [one for one in node if isinstance(one, dict | list)]
    return found


def all_codings(resource: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Every (system, code) pair in a resource, contained resources included."""
    pairs = set()
    for node in _walk(resource):
        system, code = node.get("system"), node.get("code")
        if isinstance(system, str) and isinstance(code, str):
            pairs.add((system, code))
    return pairs


def refers_to(resource: Mapping[str, Any]) -> frozenset[str]:
    """The keys of everything a resource refers to."""
    keys = (reference_key(node) for node in _walk(resource) if "reference" in node or "identifier" in node)
    return frozenset(key for key in keys if key)


def _span(value: object, zone: tzinfo) -> Span | None:
    """The interval of a date or a Period, or None where it cannot be read."""
    if isinstance(value, str):
        try:
            return interval(value, zone)
        except ValueError:
            return None
    if not isinstance(value, dict):
        return None
    start, end = value.get("start"), value.get("end")
    if any(not isinstance(one, str | None) for one in (start, end)) or start is end is None:
        return None
    return bounds(start, end, zone)


class Content:
    """One resource and what is at hand about it; nothing is read before a criterion asks."""

    __slots__ = ("_anywhere", "_references", "at_hand", "key", "resource", "type")

    def __init__(self, resource: Mapping[str, Any], at_hand: AtHand) -> None:
        self.resource = resource
        self.at_hand = at_hand
        self.type = resource.get("resourceType")
        self.key = own_key(resource)
        self._anywhere: tuple[frozenset[tuple[str, str]], frozenset[str]] | None = None
        self._references: frozenset[str] | None = None

    def references(self) -> frozenset[str]:
        """The keys of everything the resource refers to."""
        if self._references is None:
            self._references = refers_to(self.resource)
        return self._references

    def anywhere(self) -> tuple[frozenset[tuple[str, str]], frozenset[str]]:
        """Every (system, code) in the resource, contained ones included, and every code without a system."""
        if self._anywhere is None:
            pairs, bare = set(), set()
            for node in _walk(self.resource):
                system, code = node.get("system"), node.get("code")
                if isinstance(code, str):
                    if isinstance(system, str):
                        pairs.add((system, code))
                    else:
                        bare.add(code)
            self._anywhere = frozenset(pairs), frozenset(bare)
        return self._anywhere

    def primary(self) -> frozenset[tuple[str, str]] | None:
        """The codes that say what it is; None where it does not say, empty where its type never does."""
        if not isinstance(self.type, str):
            return None
        if self.type in CODELESS:
            return frozenset()
        concepts = [self.resource.get(element) for element in PRIMARY.get(self.type, ("code",))]
        if "medicationReference" in self.resource:
            key = reference_key(self.resource["medicationReference"])
            medication = self.at_hand.get(key) if key else None
            concepts.append(medication.get("code") if medication else None)
        pairs = frozenset(pair for concept in concepts for pair in codings(concept))
        return pairs or None

    def clinical(self, zone: tzinfo) -> Span | None:
        """When what the resource records happened; None where it does not say, or says it as a timing."""
        if not isinstance(self.type, str) or not TIMINGS.isdisjoint(self.resource):
            return None
        for element in DATES.get(self.type, ()):
            if element in self.resource:
                return _span(self.resource[element], zone)
        return None

    def updated(self, zone: tzinfo) -> list[Span | None]:
        """When it was last changed: nothing where it does not say, None where that cannot be read."""
        meta = self.resource.get("meta", {})
        if isinstance(meta, dict) and "lastUpdated" not in meta:
            return []
        return [_span(meta["lastUpdated"], zone) if isinstance(meta, dict) else None]

    def authors(self) -> list[str | None]:
        """The keys of those who made the record, None for one nobody can identify.

        Performers, authors, recorders and asserters, and the agents of every Provenance about it.
        """
        references: list[object] = []
        for element in AUTHORS:
            made_by = items(self.resource.get(element))
            references += [one["actor"] if isinstance(one, dict) and "actor" in one else one for one in made_by]
        for provenance in self.at_hand.provenances:
            targets = {reference_key(target) for target in listed(provenance.get("target"))}
            if self.key is not None and self.key in targets:
                agents = listed(provenance.get("agent"))
                references += [agent.get("who") if isinstance(agent, dict) else None for agent in agents]
        return [reference_key(reference) for reference in references]
