"""Resources that follow each of our profiles as little as it allows, for tests to break one rule at a time."""

from __future__ import annotations

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
OURS = "https://sallyport.example/fhir/StructureDefinition/"
CODES = "https://sallyport.example/fhir/CodeSystem/"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
LABELS = [{"system": ACT, "code": "MH"}]
ABSTRACTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "ABSTRED"}
SURVEY = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}
PATIENT = {"reference": "Patient/p1"}
SCOPE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}
SHARED_WITH = {
    "role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]},
    "reference": {"reference": "Organization/cottonwood"},
}
NPI = {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}
PHONE = {"system": "phone", "value": "555-0100"}


def claim(profile, kind, **content):
    """A resource that claims a profile, labelled as everything of people is."""
    url = profile if "://" in profile else f"{OURS}{profile}"
    return {"resourceType": kind, "id": "x1", "meta": {"profile": [url], "security": LABELS}, **content}


def concept(code, system="http://loinc.org"):
    return {"coding": [{"system": system, "code": code}]}


OBSERVED = {
    "status": "final",
    "category": [SURVEY],
    "code": concept("44261-6"),
    "subject": PATIENT,
    "effectiveDateTime": "2026-03-02",
}
DETAIL = {**OBSERVED, "valueInteger": 12}
CONSENT = {"status": "active", "scope": SCOPE, "category": [concept("59284-0")], "patient": PATIENT}
PERMIT = {"type": "permit", "actor": [SHARED_WITH]}
GIVEN = {
    "dateTime": "2026-03-02",
    "organization": [{"reference": "Organization/registry"}],
    "policy": [{"uri": "https://www.ecfr.gov/current/title-42/part-2"}],
}
ROLE = {
    "active": True,
    "practitioner": {"reference": "Practitioner/lee"},
    "organization": {"reference": "Organization/cottonwood"},
    "specialty": [concept("2084P0800X", "http://nucc.org/provider-taxonomy")],
    "telecom": [PHONE],
}
EVENT = {
    "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
    "subtype": [{"system": "http://hl7.org/fhir/restful-interaction", "code": "read"}],
    "action": "R",
    "recorded": "2026-03-02T15:00:00Z",
    "outcome": "0",
    "purposeOfEvent": [concept("TREAT", "http://terminology.hl7.org/CodeSystem/v3-ActReason")],
    "agent": [
        {"who": {"reference": "Organization/cottonwood"}, "requestor": True},
        {"who": {"display": "https://county.example/fhir"}, "requestor": False},
    ],
    "source": {"observer": {"display": "Sallyport"}},
    "entity": [
        {"what": {"identifier": {"value": "request"}}},
        {"what": PATIENT, "role": {"system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "1"}},
    ],
}


def summary():
    made = claim("screening-summary", "Observation", **OBSERVED)
    made["valueQuantity"] = {"value": 12, "unit": "{score}", "system": "http://unitsofmeasure.org", "code": "{score}"}
    made["meta"]["security"] = [*LABELS, ABSTRACTED]
    return made


def examples():
    """By profile, one resource that it accepts."""
    whole = {
        "screening-summary": summary(),
        "screening-detail": claim("screening-detail", "Observation", **DETAIL),
        "screening-panel": claim(
            "screening-panel", "Observation", **OBSERVED, component=[{"code": {"text": "1"}, "valueInteger": 2}]
        ),
        "source-patient": claim("source-patient", "Patient", identifier=[{"system": "urn:jail", "value": "J1"}]),
        "minimal-patient": claim("minimal-patient", "Patient", name=[{"family": "Nuñez"}], gender="female"),
        "booking-encounter": claim(
            "booking-encounter",
            "Encounter",
            identifier=[{"system": "urn:bookings", "value": "B1"}],
            status="finished",
            **{"class": {"system": ACT, "code": "IMP"}},
            subject=PATIENT,
        ),
        "care-encounter": claim(
            "care-encounter",
            "Encounter",
            status="finished",
            **{"class": {"system": ACT, "code": "IMP"}},
            subject=PATIENT,
        ),
        "release-of-information": claim(
            "release-of-information", "Consent", **CONSENT, **GIVEN, provision={"type": "deny", "provision": [PERMIT]}
        ),
        "consent-share": claim(
            "consent-share", "Consent", **CONSENT, **GIVEN, provision={"type": "deny", "provision": [PERMIT]}
        ),
        "ingest-provenance": claim(
            "ingest-provenance",
            "Provenance",
            target=[PATIENT],
            recorded="2026-03-02T15:00:00Z",
            agent=[{"who": {"reference": "Organization/jail"}}],
            entity=[{"role": "source", "what": {"identifier": {"value": "extract"}}}],
        ),
        "screening-response": claim(
            "screening-response",
            "QuestionnaireResponse",
            questionnaire="http://loinc.org/q/44249-1",
            status="completed",
            subject=PATIENT,
            authored="2026-03-02",
        ),
        "diagnosis": claim(
            "diagnosis", "Condition", code=concept("F32.1", "http://hl7.org/fhir/sid/icd-10-cm"), subject=PATIENT
        ),
        "directory-organization": claim("directory-organization", "Organization", active=True, name="Cottonwood"),
        "directory-location": claim(
            "directory-location",
            "Location",
            status="active",
            name="Main Street",
            address={"city": "Alder"},
            managingOrganization={"reference": "Organization/cottonwood"},
        ),
        "directory-practitioner": claim(
            "directory-practitioner", "Practitioner", identifier=[NPI], active=True, name=[{"family": "Lee"}]
        ),
        "directory-role": claim("directory-role", "PractitionerRole", **ROLE),
        "document": claim(
            "document",
            "DocumentReference",
            status="current",
            subject=PATIENT,
            content=[{"attachment": {"title": "Note"}}],
        ),
        "relative": claim("relative", "RelatedPerson", patient=PATIENT, name=[{"family": "Nuñez"}]),
        "contact-details": claim(
            "contact-details",
            "RelatedPerson",
            patient=PATIENT,
            relationship=[concept("ONESELF", "http://terminology.hl7.org/CodeSystem/v3-RoleCode")],
            telecom=[{"system": "phone", "value": "505-555-0100"}],
        ),
        "patient-list": claim(
            "patient-list", "Group", type="person", actual=True, managingEntity={"reference": "Organization/cottonwood"}
        ),
        "disclosure-event": claim("disclosure-event", "AuditEvent", **EVENT),
    }
    return {f"{OURS}{name}": made for name, made in whole.items()} | _of_us_core()


def _of_us_core():
    made = {
        "observation-screening-assessment": ("Observation", DETAIL),
        "simple-observation": ("Observation", DETAIL),
        "patient": (
            "Patient",
            {"identifier": [{"system": "urn:jail", "value": "J1"}], "name": [{"family": "Nuñez"}], "gender": "female"},
        ),
        "encounter": (
            "Encounter",
            {
                "status": "finished",
                "class": {"system": ACT, "code": "IMP"},
                "type": [{"text": "stay"}],
                "subject": PATIENT,
                "identifier": [{"system": "urn:bookings", "value": "B1"}],
            },
        ),
        "condition-problems-health-concerns": (
            "Condition",
            {
                "category": [concept("problem-list-item", "http://terminology.hl7.org/CodeSystem/condition-category")],
                "code": {"text": "x"},
                "subject": PATIENT,
            },
        ),
        "condition-encounter-diagnosis": (
            "Condition",
            {
                "category": [
                    concept("encounter-diagnosis", "http://terminology.hl7.org/CodeSystem/condition-category")
                ],
                "code": {"text": "x"},
                "subject": PATIENT,
            },
        ),
        "questionnaireresponse": (
            "QuestionnaireResponse",
            {"questionnaire": "urn:q", "status": "completed", "subject": PATIENT, "authored": "2026-03-02"},
        ),
        "organization": ("Organization", {"identifier": [NPI], "active": True, "name": "Cottonwood"}),
        "location": ("Location", {"name": "Main Street"}),
        "practitioner": ("Practitioner", {"identifier": [NPI], "name": [{"family": "Lee"}]}),
        "practitionerrole": ("PractitionerRole", ROLE),
        "provenance": (
            "Provenance",
            {
                "target": [PATIENT],
                "recorded": "2026-03-02T15:00:00Z",
                "agent": [{"who": {"reference": "Organization/jail"}}],
            },
        ),
        "documentreference": (
            "DocumentReference",
            {
                "status": "current",
                "type": concept("11506-3"),
                "category": [{"text": "note"}],
                "subject": PATIENT,
                "content": [{"attachment": {"url": "urn:d"}}],
            },
        ),
        "relatedperson": ("RelatedPerson", {"active": True, "patient": PATIENT, "name": [{"family": "Nuñez"}]}),
    }
    return {f"{US_CORE}{name}": claim(f"{US_CORE}{name}", kind, **content) for name, (kind, content) in made.items()}
