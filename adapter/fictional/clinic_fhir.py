"""The FHIR R4 export of the clinic Riverside, one line a resource and one file a type (hl7.org/fhir/R4).

Screenings have the US Core shape: a panel with ``hasMember``, its items, and the total
(https://hl7.org/fhir/us/core/StructureDefinition-us-core-observation-screening-assessment.html), or a
QuestionnaireResponse, or both. ``meta.source`` names the unit. Codes only: no wording of any item.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from adapter.fictional.dirt import ISO, Written, write_down
from adapter.fictional.draws import between, chance, pick
from adapter.fictional.instruments import PHQ9_ANSWERS
from adapter.fictional.names import STREETS
from adapter.fictional.partners import EHR, MAIN

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence
    from random import Random

    from adapter.fictional.life import Life, Visit
    from adapter.fictional.people import Person
    from adapter.fictional.screenings import Screening

Resource = dict[str, Any]

FOLDER = "ehr"
TYPES = ("Patient", "Encounter", "QuestionnaireResponse", "Observation", "Condition")
LOINC = "http://loinc.org"
SSN = "http://hl7.org/fhir/sid/us-ssn"
MRN = "https://riverside.example/chart"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"

SCORE_AS_INTEGER = 0.2
SCORE_AS_TEXT = 0.05
"""Share of totals sent as ``valueInteger`` and ``valueString``; the others are quantities."""
WITH_NOTE = 0.05
"""Share of totals that carry a clinician's note."""

_PROFILE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-screening-assessment"
_CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
_SURVEY = [{"coding": [{"system": _CATEGORIES, "code": "survey"}]}]
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CONDITION_CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
_DIAGNOSES = {
    True: ("F32.9", "F41.1", "F43.10", "F31.9", "F20.9", "F10.20"),
    False: ("F11.20", "F15.20", "F10.20"),
}
_GENDERS = {"M": "male", "F": "female"}


def resources(
    person: Person, life: Life, screenings: Sequence[Screening], rng: Random, tally: Counter[str]
) -> list[Resource]:
    """Everything the clinic exports of ``person``: one Patient per unit, what hangs on it behind it."""
    found: list[Resource] = []
    for (unit, visits), chart in zip(life.visits.items(), life.numbers[EHR], strict=True):
        written = write_down(person, EHR, ISO, rng, tally)
        found.append(_patient(written, unit, chart, rng))
        found.extend(_encounter(unit, chart, number, visit) for number, visit in enumerate(visits))
        if chance(rng, 0.6):
            found.append(_condition(unit, chart, visits[0], rng))
        mine = [each for each in screenings if each.unit == unit]
        for number, screening in enumerate(mine):
            found.extend(_screening(screening, chart, number, rng, tally))
    return found


def _meta(unit: str) -> Resource:
    return {"source": f"urn:unit:{unit}"}


def _patient(written: Written, unit: str, chart: str, rng: Random) -> Resource:
    identifiers: list[Resource] = [{"system": MRN, "value": chart}]
    if written.ssn:
        identifiers.append({"system": SSN, "value": written.ssn})
    names = [_name("official", written.first, written.middle, written.last, written.suffix)]
    if written.alias is not None and chance(rng, 0.4):
        names.append(_name("usual", written.alias[0], "", written.alias[1], ""))
    patient: Resource = {
        "resourceType": "Patient",
        "id": chart,
        "meta": _meta(unit),
        "identifier": identifiers,
        "name": names,
        "gender": _GENDERS.get(written.sex, "other"),
    }
    if written.born is not None:
        patient["birthDate"] = written.born.isoformat()
    if chance(rng, 0.6):
        patient["telecom"] = [{"system": "phone", "value": f"505-555-01{between(rng, 0, 99):02d}", "use": "mobile"}]
    if chance(rng, 0.6):
        street = f"{between(rng, 1, 999)} {pick(rng, STREETS)} Street"
        patient["address"] = [{"line": [street], "city": "Alder", "state": "CO", "postalCode": "80999"}]
    return patient


def _name(use: str, first: str, middle: str, last: str, suffix: str) -> Resource:
    name: Resource = {"use": use, "family": last, "given": [first, middle] if middle else [first]}
    if suffix:
        name["suffix"] = [suffix]
    return name


def _encounter(unit: str, chart: str, number: int, visit: Visit) -> Resource:
    return {
        "resourceType": "Encounter",
        "id": f"{chart}-e{number + 1}",
        "meta": _meta(unit),
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "type": [{"text": "Outpatient visit"}],
        "subject": {"reference": f"Patient/{chart}"},
        "period": {"start": visit.at.isoformat(), "end": (visit.at + timedelta(minutes=50)).isoformat()},
        "serviceProvider": {"reference": f"Organization/{unit}"},
    }


def _condition(unit: str, chart: str, visit: Visit, rng: Random) -> Resource:
    return {
        "resourceType": "Condition",
        "id": f"{chart}-c1",
        "meta": _meta(unit),
        "clinicalStatus": {"coding": [{"system": _CLINICAL, "code": "active"}]},
        "verificationStatus": {"coding": [{"system": _VERIFICATION, "code": "confirmed"}]},
        "category": [{"coding": [{"system": _CONDITION_CATEGORY, "code": "encounter-diagnosis"}]}],
        "code": {"coding": [{"system": ICD10, "code": pick(rng, _DIAGNOSES[unit == MAIN])}]},
        "subject": {"reference": f"Patient/{chart}"},
        "encounter": {"reference": f"Encounter/{chart}-e1"},
        "recordedDate": visit.at.date().isoformat(),
    }


def _screening(screening: Screening, chart: str, number: int, rng: Random, tally: Counter[str]) -> list[Resource]:
    found: list[Resource] = []
    stem = f"{chart}-s{number + 1}"
    if screening.shape != "observation":
        found.append(_response(screening, chart, stem))
    if screening.shape != "response":
        found.extend(_observations(screening, chart, stem, rng, tally))
    return found


def _response(screening: Screening, chart: str, stem: str) -> Resource:
    instrument = screening.instrument
    items: list[Resource] = [
        {"linkId": f"/{item}", "answer": [{"valueCoding": {"system": LOINC, "code": PHQ9_ANSWERS[answer]}}]}
        for item, answer in zip(instrument.items, screening.answers, strict=True)
    ]
    items.append({"linkId": f"/{instrument.result_code}", "answer": [{"valueDecimal": screening.score}]})
    return {
        "resourceType": "QuestionnaireResponse",
        "id": f"{stem}-q",
        "meta": _meta(screening.unit),
        "questionnaire": f"http://loinc.org/q/{instrument.panel}",
        "status": "completed",
        "subject": {"reference": f"Patient/{chart}"},
        "encounter": {"reference": f"Encounter/{chart}-e{screening.visit + 1}"},
        "authored": screening.effective,
        "item": items,
    }


def _observations(screening: Screening, chart: str, stem: str, rng: Random, tally: Counter[str]) -> list[Resource]:
    instrument = screening.instrument
    shared: Resource = {
        "meta": {"source": f"urn:unit:{screening.unit}", "profile": [_PROFILE]},
        "status": "final",
        "category": _SURVEY,
        "subject": {"reference": f"Patient/{chart}"},
        "encounter": {"reference": f"Encounter/{chart}-e{screening.visit + 1}"},
        "effectiveDateTime": screening.effective,
        "performer": [{"reference": f"Organization/{screening.unit}"}],
    }
    if screening.shape == "both":
        shared["derivedFrom"] = [{"reference": f"QuestionnaireResponse/{stem}-q"}]
    members = [
        {
            **_observation(f"{stem}-{place + 1}", item),
            **shared,
            "valueCodeableConcept": {"coding": [{"system": LOINC, "code": PHQ9_ANSWERS[answer]}]},
        }
        for place, (item, answer) in enumerate(zip(instrument.items, screening.answers, strict=True))
    ]
    total = {**_observation(f"{stem}-t", instrument.result_code), **shared, **_value(screening, rng, tally)}
    if chance(rng, WITH_NOTE):
        tally["note_on_total"] += 1
        total["note"] = [{"text": "Reviewed with the client; follow-up at the next visit."}]
    members.append(total)
    panel = {**_observation(f"{stem}-p", instrument.panel), **shared}
    panel["hasMember"] = [{"reference": f"Observation/{member['id']}"} for member in members]
    return [panel, *members]


def _observation(identifier: str, code: str) -> Resource:
    return {
        "resourceType": "Observation",
        "id": identifier,
        "code": {"coding": [{"system": LOINC, "code": code}]},
    }


def _value(screening: Screening, rng: Random, tally: Counter[str]) -> Resource:
    """The total as a quantity, and now and then as an integer or as text, as real senders do."""
    mark = rng.random()
    if mark < SCORE_AS_INTEGER:
        tally["score_as_integer"] += 1
        return {"valueInteger": screening.score}
    if mark < SCORE_AS_INTEGER + SCORE_AS_TEXT:
        tally["score_as_text"] += 1
        return {"valueString": str(screening.score)}
    unit = {"unit": "{score}", "system": "http://unitsofmeasure.org", "code": "{score}"}
    return {"valueQuantity": {"value": screening.score, **unit}}
