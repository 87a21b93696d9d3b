"""What people record, written by hand: assertions as partners send them, and as the custodian's staff records them."""

from __future__ import annotations

import itertools

import httpx2

from adapter.services import recordings
from adapter.services.authorities import Author, Whom
from adapter.services.recordings import Assertion

JAIL_MEDICAL, COTTONWOOD, JAIL = ("jail-medical", "TREAT"), ("cottonwood", "TREAT"), ("jail", "supervision")
SUMMARY = ("screening-summary", "identity")
FACTS = {
    "K": {"official": "Sgt. Ortiz", "representation": "needed to keep her safe", "purpose_letter": "B"},
    "J": {
        "facts": "said what she plans",
        "imminence": "tonight",
        "ability": "can take her to a bed",
        "supervisor": "Lt. Bell",
    },
    "E": {
        "recipient_name": "Dr. Wren",
        "recipient_facility": "Cottonwood",
        "discloser": "N. Hale",
        "disclosed_at": "2026-11-22T12:00:00-07:00",
        "nature": "found unconscious",
    },
    "O": {
        "court": "District Court",
        "order": "2026-77",
        "scope": "screening results",
        "authority": ("hipaa",),
        "notes": False,
        "mandate": True,
        "expires": "2027-01-31T00:00:00-07:00",
        "reviewer": "counsel",
    },
    "X": {
        "proceeding": "2026CR1",
        "scope": "screening results",
        "counsel_consulted": True,
        "consent_date": "2026-11-20",
    },
}
_KEYS = itertools.count(1)


def staff(name="R. Desk", request=None):
    number = next(_KEYS)
    return Author(name=name, request=request or f"staff-{number}", request_id=f"act-{number}")


def flat(facts):
    """Facts as pairs: one for each of several values."""
    return tuple(
        (name, one) for name, value in facts.items() for one in (value if isinstance(value, tuple) else (value,))
    )


def assertion(basis="E", recipient="cottonwood", purpose="TREAT", *, facts=None, classes=SUMMARY, units=(), **period):
    return Assertion(
        basis=basis,
        recipient=f"Organization/{recipient}",
        purpose=purpose,
        classes=tuple(classes),
        units=tuple(f"Organization/{unit}" for unit in units),
        facts=flat(FACTS[basis] | (facts or {})),
        **period,
    )


async def assert_for(world, patient, *, by=None, **asked):
    """The custodian's staff records an assertion; its id."""
    return await world.services.authorities.assert_basis(assertion(**asked), Whom(patient=patient), by or staff())


async def record(world, patient, what, *, by=None):
    """The custodian's staff records something; its id."""
    return await world.services.authorities.record(what, Whom(patient=patient), by or staff())


def _value(value):
    return {"valueBoolean": value} if isinstance(value, bool) else {"valueString": value}


def body(patient="p1", *, basis="E", request=None, person=None, classes=SUMMARY, facts=None, more=()):
    """The Parameters of `$assert-basis`."""
    whom = (
        {"name": "person", "resource": person}
        if person
        else {"name": "patient", "valueReference": {"reference": f"Patient/{patient}"}}
    )
    stated = FACTS[basis] if facts is None else facts
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "request", "valueString": request or f"request-{next(_KEYS)}"},
            whom,
            {"name": "basis", "valueCode": basis},
            *({"name": "class", "valueCode": one} for one in classes),
            *(
                {"name": "fact", "part": [{"name": "name", "valueCode": name}, {"name": "value", **_value(value)}]}
                for name, value in flat(stated)
            ),
            *more,
        ],
    }


async def post(world, caller, document, *, url="/fhir/Patient/$assert-basis", headers=None, content=None):
    """Send the operation."""
    sent = {"Authorization": f"Bearer {await world.token(*caller)}", "Content-Type": "application/fhir+json"}
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        if content is not None:
            return await client.post(url, headers=sent | (headers or {}), content=content)
        return await client.post(url, headers=sent | (headers or {}), json=document)


async def summaries(world, caller, patient):
    """How many Observations of a patient the caller finds."""
    return len(await world.matches(caller, f"/fhir/Observation?patient={patient}"))


def oral():
    """A hold after a revocation by word of mouth."""
    return recordings.hold(recordings.ORAL)
