"""A client that writes over FHIR REST in a world of tests, and resources it may write."""

from __future__ import annotations

import itertools

import httpx2
import orjson
import yaml

from adapter.services.writing_rules import NEEDED

SURVEY = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}
WRITTEN = frozenset(NEEDED)
CHART = "https://chart.example/patient"
CLIENT = "cottonwood-chart"
COTTONWOOD = ("cottonwood", "TREAT")
_numbers = itertools.count(1)


async def token(world, *, client=CLIENT, organisation="cottonwood", purpose="TREAT", rights=("population-search",)):
    """A token that the county issued in the name of a client."""
    key = (client, organisation, purpose)
    if key not in world.tokens:
        world.tokens[key] = await world.services.tokens.issue(
            client=client, organisation=f"Organization/{organisation}", purposes=[purpose], rights=rights, lifetime=3600
        )
    return world.tokens[key]


async def send(world, method, url, body=None, *, headers=None, content=None, media="application/fhir+json", **who):
    """The answer to one request of the client."""
    sent = {"Authorization": f"Bearer {await token(world, **who)}", "Content-Type": media} | (headers or {})
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        data = content if content is not None else None if body is None else orjson.dumps(body)
        return await client.request(method, f"/fhir{url}", headers=sent, content=data)


def patient(number=None, **more):
    """A person whom nobody else knows."""
    number = number or f"P{next(_numbers)}"
    return {
        "resourceType": "Patient",
        "identifier": [{"system": CHART, "value": number}],
        "name": [{"family": "Quillan", "given": ["Ada", f"N{number}"]}],
        "gender": "female",
        "birthDate": "1984-03-09",
        **more,
    }


def phq9(subject, *, score="14", when="2026-11-02T10:00:00-07:00", **more):
    """A PHQ-9 total."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [SURVEY],
        "code": {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]},
        "subject": {"reference": f"Patient/{subject}"},
        "effectiveDateTime": when,
        "valueQuantity": {"value": int(score), "system": "http://unitsofmeasure.org", "code": "{score}"},
        **more,
    }


async def registered(world, **more):
    """The id of a Patient that the client registered."""
    answer = await send(world, "POST", "/Patient", patient(**more))
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def written(world, body):
    """A resource that was created, as its writer has it back."""
    answer = await send(world, "POST", f"/{body['resourceType']}", body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def content(resource):
    """A resource without what the server says of it."""
    return {name: value for name, value in resource.items() if name not in {"id", "meta"}}


def said(answer):
    """The diagnostics and places of an OperationOutcome."""
    return [(one.get("diagnostics", ""), one.get("expression", [""])[0]) for one in answer.json()["issue"]]


def urn(number):
    """An address inside one transaction."""
    return f"urn:uuid:00000000-0000-4000-8000-{number:012d}"


def entry(method, url, resource=None, *, full_url=None, **request):
    """One entry of a Bundle."""
    found = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        found["resource"] = resource
    return found | ({"fullUrl": full_url} if full_url else {})


def bundle(*entries, kind="transaction"):
    """A batch or transaction."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


async def transact(world, *entries, kind="transaction", **how):
    """The answer to a batch or transaction."""
    return await send(world, "POST", "", bundle(*entries, kind=kind), **how)


def answered(link, *values, **one):
    """An item of a form with its answers: texts, or a value by its FHIR element."""
    told = [{"valueString": value} for value in values] + [{name: value} for name, value in one.items()]
    return {"linkId": link, "answer": told}


def choice(partner="pretrial", purposes=("pretrial-release",), classes=("mental-health",)):
    """A partner ticked on the form."""
    return {
        "linkId": "choices",
        "item": [
            answered("choices.partner", partner),
            answered("choices.purposes", *purposes),
            answered("choices.classes", *classes),
        ],
    }


SIGNATURE = {
    "linkId": "signature",
    "item": [answered("signature.name", valueBoolean=True), answered("signature.method", "ink")],
}
FORM = (
    answered("signed", valueDateTime="2026-11-20T10:00:00-07:00"),
    answered("expires", valueDate="2027-11-20"),
    answered("copy_given", valueBoolean=True),
    SIGNATURE,
)


def release(subject, *items, form="universal-release|2026-1", lacking=(), status="active", more=()):
    """The entries of a signed release of a Patient reference; ``lacking`` leaves types out."""
    told = {"reference": subject}
    response = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"https://sallyport.example/fhir/Questionnaire/release/{form}",
        "status": "completed",
        "subject": told,
        "authored": "2026-11-20T10:00:00-07:00",
        "item": [*(items or (*FORM, choice()))],
    }
    scan = {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": told,
        "content": [{"attachment": {"contentType": "application/pdf", "data": "JVBERi0xLjQK"}}],
        "context": {"related": [{"reference": urn(901)}]},
    }
    consent = {
        "resourceType": "Consent",
        "status": status,
        "scope": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]
        },
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": told,
        "dateTime": "2026-11-20T10:00:00-07:00",
        "policy": [{"uri": "https://www.ecfr.gov/current/title-45/section-164.508"}],
        "sourceReference": {"reference": urn(901)},
    }
    trace = {
        "resourceType": "Provenance",
        "target": [{"reference": urn(903)}, {"reference": urn(901)}],
        "recorded": "2026-11-20T17:00:00Z",
        "agent": [{"who": {"reference": "Organization/cottonwood"}}, *more],
    }
    every = ((901, response), (902, scan), (903, consent), (904, trace))
    return [
        entry("POST", one["resourceType"], one, full_url=urn(number))
        for number, one in every
        if one["resourceType"] not in lacking
    ]


def may_send_releases(folder):
    """Let the clinic send releases, under the memorandum of the county."""
    path = folder / "agreements" / "memorandum.yaml"
    document = yaml.safe_load(path.read_text())
    for one in document["directions"]:
        if "consent-share" in one["classes"] and "cottonwood" not in one["senders"]:
            one["senders"].append("cottonwood")
    path.write_text(yaml.safe_dump(document, sort_keys=False))
