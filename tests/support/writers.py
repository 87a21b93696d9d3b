"""A client that writes over FHIR REST in a world of tests, and resources it may write."""

from __future__ import annotations

import itertools

import httpx2
import orjson

SURVEY = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}
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
