"""Short ways to write the consents, resources and requests of the tests. All people are made up."""

from zoneinfo import ZoneInfo

import orjson

from adapter.consent.cases import answer

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
LEVEL = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
ACTION = "http://terminology.hl7.org/CodeSystem/consentaction"
SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
TYPES = "http://hl7.org/fhir/resource-types"
LOCAL = "https://sallyport.example/fhir/CodeSystem/purpose-of-use"
LOINC = "http://loinc.org"
PCF = "https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consentAdvanced"

DENVER = ZoneInfo("America/Denver")
NOW = "2026-11-22T12:00:00-07:00"
X = "Organization/x"
HEMOGLOBIN = "718-7"
DRINKS = "74013-4"

ORGANISATIONS = [
    {"resourceType": "Organization", "id": "x"},
    {"resourceType": "Organization", "id": "y"},
]


def concept(system, *codes):
    return {"coding": [{"system": system, "code": code} for code in codes]}


def actor(reference, role="IRCP"):
    return {"role": concept(PARTICIPATION, role), "reference": {"reference": reference}}


def label(code):
    system = LEVEL if code in {"U", "L", "M", "N", "R", "V"} else ACT
    return {"system": system, "code": code}


def purpose(code):
    return {"system": REASON if code.isupper() else LOCAL, "code": code}


def rule(kind, *children, **elements):
    """A provision. Keywords take short forms: labels, purposes, actors, actions, classes, codes, data."""
    provision = {"type": kind} if kind else {}
    for name, value in elements.items():
        match name:
            case "labels":
                provision["securityLabel"] = [label(code) for code in value]
            case "purposes":
                provision["purpose"] = [purpose(code) for code in value]
            case "actors":
                provision["actor"] = [actor(one) for one in value]
            case "actions":
                provision["action"] = [concept(ACTION, code) for code in value]
            case "classes":
                provision["class"] = [{"system": TYPES, "code": code} for code in value]
            case "codes":
                provision["code"] = [concept(LOINC, code) for code in value]
            case "data":
                provision["data"] = [
                    {"meaning": meaning, "reference": {"reference": reference}} for meaning, reference in value
                ]
            case _:
                provision[name] = value
    if children:
        provision["provision"] = list(children)
    return provision


def permit(*children, **elements):
    return rule("permit", *children, **elements)


def deny(*children, **elements):
    return rule("deny", *children, **elements)


def consent(provision=None, **elements):
    made = {
        "resourceType": "Consent",
        "id": "c",
        "status": "active",
        "scope": concept(SCOPE, "patient-privacy"),
        "category": [concept(LOINC, "59284-0")],
        "patient": {"reference": "Patient/a"},
        "dateTime": "2026-01-05",
    }
    if provision is not None:
        made["provision"] = provision
    made.update(elements)
    return {name: value for name, value in made.items() if value is not None}


def part2_consent(provision=None, **elements):
    return consent(provision, **{"category": [concept(ACT, "42CFRPart2CD")], **elements})


def observation(*labels, identity="o", **elements):
    made = {
        "resourceType": "Observation",
        "id": identity,
        "meta": {"security": [label(code) for code in labels or ("N",)]},
        "status": "final",
        "code": concept(LOINC, HEMOGLOBIN),
        "subject": {"reference": "Patient/a"},
        "effectiveDateTime": "2022-06-15",
    }
    made.update(elements)
    return {name: value for name, value in made.items() if value is not None}


def case(*consents, resource=None, actors=(X,), purposes=("TREAT",), context=None, at=NOW, **elements):
    return {
        "id": "case",
        "consents": list(consents),
        "context": [*ORGANISATIONS, *(context or ())],
        "request": {
            "actors": list(actors),
            "purposes": [purpose(code) for code in purposes],
            "action": "access",
            "at": at,
            "timezone": "America/Denver",
        },
        "resource": observation() if resource is None else resource,
        **elements,
    }


def answered(line):
    """The verdict line of a case, as an object."""
    told, read = answer(orjson.dumps(line))
    verdict = orjson.loads(told)
    assert read == ("error" not in verdict)
    return verdict


def effect(*consents, **keywords):
    """PERMIT or DENY for these consents and the request and resource of `case`."""
    return answered(case(*consents, **keywords))["effect"]
