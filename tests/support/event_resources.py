"""Resources written by hand as they leave the gate, and the events that tell them."""

from __future__ import annotations

import orjson

from adapter.subscription.notification import Event

AT = 1_772_460_000_000_000
NOTICE = {
    "url": "https://sallyport.example/fhir/StructureDefinition/disclosure-notice",
    "extension": [
        {"url": "statement", "valueString": "42 CFR part 2 prohibits | unauthorized use"},
        {"url": "scope", "valueString": "until 2026-12-31"},
        {"url": "authority", "valueUri": "https://www.ecfr.gov/current/title-42/section-2.32"},
    ],
}
SECURITY = [
    {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"},
    {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"},
]
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"use": "official", "family": "Marsh", "given": ["Ada", "Joy"]}],
    "gender": "female",
    "birthDate": "1980-04-02",
    "identifier": [
        {"system": "https://a.example/x", "value": "A1"},
        {"system": "https://jail.example/n", "value": "J1"},
    ],
}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "meta": {"lastUpdated": "2026-03-02T15:00:00.000Z", "security": SECURITY, "extension": [NOTICE]},
    "status": "final",
    "code": {
        "coding": [{"system": "https://sallyport.example/fhir/CodeSystem/jbh-result-code", "code": "phq-9-level"}]
    },
    "effectiveDateTime": "2026-03-02",
    "valueCodeableConcept": {
        "coding": [{"system": "https://sallyport.example/fhir/CodeSystem/jbh-result-category", "code": "severe"}],
        "text": "Severe",
    },
    "subject": {"reference": "Patient/p1"},
}
ENCOUNTER = {
    "resourceType": "Encounter",
    "id": "e1",
    "meta": {"security": SECURITY[1:], "extension": [NOTICE]},
    "identifier": [
        {"system": "https://x.example", "value": "other"},
        {"type": {"coding": [{"code": "VN"}]}, "system": "https://jail.example/b", "value": "B1"},
    ],
    "status": "finished",
    "class": {"code": "IMP"},
    "type": [{"text": "custody"}],
    "period": {"start": "2026-03-01T08:10:00-07:00", "end": "2026-03-20T09:00:00-06:00"},
    "location": [
        {"status": "completed", "location": {"display": "Intake"}},
        {"location": {"reference": "Location/pod-a", "display": "Pod A"}},
    ],
    "hospitalization": {"dischargeDisposition": {"text": "Posted bond"}},
}
CONSENT = {
    "resourceType": "Consent",
    "id": "c1",
    "status": "inactive",
    "dateTime": "2026-02-05",
    "provision": {"type": "deny", "period": {"start": "2026-02-05", "end": "2027-02-05"}},
}


def event(resource, **more):
    focus = f"{resource['resourceType']}/{resource['id']}"
    return Event(**{"number": 7, "at": AT, "focus": focus, "body": orjson.dumps(resource)} | more)
