"""What users complain about in the writes of other servers, each as a test that has to hold here.

The numbers are those of the list that the tests of searches follow; after them, what probing others side by side found.
"""

from __future__ import annotations

import asyncio

import pytest
import writers

pytestmark = pytest.mark.anyio
ARMS = 16


async def test_19_conditional_creates_at_once_make_one(world):
    """HAPI #3141, Microsoft #1382, Medplum #4878, LinuxForHealth #2051; 16 made two elsewhere."""
    body = writers.patient("once")
    headers = {"If-None-Exist": f"identifier={writers.CHART}|once"}
    asked = [writers.send(world, "POST", "/Patient", body, headers=headers) for _ in range(ARMS)]
    answers = await asyncio.gather(*asked)
    assert sorted(one.status_code for one in answers) == [200] * (ARMS - 1) + [201]
    assert len({one.json()["id"] for one in answers}) == 1


@pytest.mark.parametrize("element", ["derivedFrom", "hasMember", "focus", "specimen"])
async def test_20_a_reference_without_a_search_parameter_protects_what_it_names(world, element):
    """HAPI #6162; and what does not exist is not referred to (a dangling reference was accepted elsewhere)."""
    mine = await writers.registered(world)
    named = await writers.written(world, writers.phq9(mine))
    several = {"reference": f"Observation/{named['id']}"}
    absent = {"reference": "Observation/absent" if element != "specimen" else "Specimen/absent"}
    refused = await writers.send(
        world, "POST", "/Observation", writers.phq9(mine, **{element: absent if element == "specimen" else [absent]})
    )
    assert refused.status_code == 422
    if element == "specimen":
        return
    holder = await writers.written(world, writers.phq9(mine, **{element: [several]}))
    assert (await writers.send(world, "DELETE", f"/Observation/{named['id']}")).status_code == 409
    assert (await writers.send(world, "DELETE", f"/Observation/{holder['id']}")).status_code == 204
    assert (await writers.send(world, "DELETE", f"/Observation/{named['id']}")).status_code == 204


async def test_20_a_reference_to_itself_and_a_trace_keep_nothing_from_being_deleted(world):
    """HAPI #6817 lets a resource that others name go when it names itself; #7160 keeps what a Provenance names."""
    mine = await writers.registered(world)
    made = await writers.written(world, writers.phq9(mine))
    itself = {"reference": f"Observation/{made['id']}"}
    answer = await writers.send(world, "PUT", f"/Observation/{made['id']}", made | {"focus": [itself]})
    assert answer.status_code == 200
    other = await writers.written(world, writers.phq9(mine, derivedFrom=[itself]))
    assert (await writers.send(world, "DELETE", f"/Observation/{made['id']}")).status_code == 409
    assert (await writers.send(world, "DELETE", f"/Observation/{other['id']}")).status_code == 204
    version = answer.json()["meta"]["versionId"]
    trace = {
        "resourceType": "Provenance",
        "target": [itself, {"reference": f"Observation/{made['id']}/_history/{version}"}],
        "recorded": "2026-11-20T17:00:00Z",
        "agent": [{"who": {"reference": "Organization/cottonwood"}}],
    }
    assert (await writers.send(world, "POST", "/Provenance", trace)).status_code == 201
    assert (await writers.send(world, "DELETE", f"/Observation/{made['id']}")).status_code == 204


async def test_a_code_that_is_none_is_refused(world):
    """`status: bogus` was accepted elsewhere, with validation on."""
    mine = await writers.registered(world)
    answer = await writers.send(world, "POST", "/Observation", writers.phq9(mine, status="bogus"))
    assert answer.status_code == 422
    assert "Observation.status" in writers.said(answer)[0][1]


async def test_a_decimal_is_kept_to_its_last_digit(world):
    """`1.50` came back as `1.5` elsewhere."""
    mine = await writers.registered(world)
    text = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/%b"},'
    body = text % mine.encode() + b'"valueQuantity":{"value":12345678901234567890.1200}}'
    answer = await writers.send(world, "POST", "/Observation", content=body)
    assert answer.status_code == 201
    again = await writers.send(world, "GET", f"/Observation/{answer.json()['id']}")
    assert b'"value":12345678901234567890.1200' in again.content.replace(b" ", b"")


async def test_a_patient_that_is_referred_to_stays(world):
    """Deleted with 204 elsewhere, and what named it left behind."""
    mine = await writers.registered(world)
    made = await writers.written(world, writers.phq9(mine))
    assert (await writers.send(world, "DELETE", f"/Patient/{mine}")).status_code == 409
    assert (await writers.send(world, "DELETE", f"/Observation/{made['id']}")).status_code == 204
    assert (await writers.send(world, "DELETE", f"/Patient/{mine}")).status_code == 204
