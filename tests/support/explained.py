"""Ada's records and release in a site, and what explanations say about them."""

from __future__ import annotations

import records

PRETRIAL, COURT = ("pretrial", "pretrial-release"), ("treatment-court", "diversion")


async def furnish(world, *choices, **changed):
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.deliver("releases", records.ndjson(records.release(*(choices or (records.choice(),)), **changed)))
    world.clock.forward(minutes=1)


def jail(world):
    return world.patient("jail-medical-hl7", records.JAIL)


async def summary_of(world):
    (item,) = await world.matches(PRETRIAL, f"/fhir/Observation?patient={jail(world)}")
    return f"Observation/{item['id']}"


def summaries(world):
    """The names of the summaries held, whoever may see them."""
    rows = world.rows("SELECT r.id, s.body FROM resource r JOIN segment s ON s.id = r.segment WHERE r.type = 3")
    return [f"Observation/{ident}" for ident, body in rows if b'"summary"' in body]


async def by_request(world, answer):
    return await world.services.explain.request(answer.headers["x-request-id"])


def said(explanation, topic):
    return [finding.says for finding in explanation.findings if finding.topic == topic]


def outcomes(explanation, topic):
    return [finding.outcome for finding in explanation.findings if finding.topic == topic]


async def now(world, target, caller=PRETRIAL):
    return await world.services.explain.resource(f"Organization/{caller[0]}", caller[1], target)
