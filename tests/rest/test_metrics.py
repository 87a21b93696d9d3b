"""`/metrics` for a token with its right alone, and the OpenAPI of what is beside `/fhir/`."""

from __future__ import annotations

import pytest

from adapter.services.measures import RIGHT

pytestmark = pytest.mark.anyio


async def test_the_counts_are_for_a_token_with_the_right(services, client_of, gate):
    gate.put("Patient", "p1")
    async with client_of(services) as client:
        headers = await services.headers("HSYSADMIN", rights=(RIGHT,))
        await client.get("/fhir/Patient/p1", headers=await services.headers())
        await client.get("/fhir/Patient/p2", headers=await services.headers())
        answer = await client.get("/metrics", headers=headers)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert 'answers_total{method="GET",route="/fhir/Patient/{id}",status="404"} 1' in answer.text
        assert 'answers_total{method="GET",route="/fhir/Patient/{id}",status="200"} 1' in answer.text
        again = await client.get("/metrics", headers=headers)
        assert 'route="/metrics",status="200"} 1' in again.text


async def test_to_everyone_else_the_address_is_not_offered(services, client_of):
    async with client_of(services) as client:
        nowhere = await client.get("/nowhere")
        for headers in ({}, {"authorization": "Bearer nothing"}, await services.headers(rights=("privacy-officer",))):
            answer = await client.get("/metrics", headers=headers)
            assert (answer.status_code, answer.content) == (nowhere.status_code, nowhere.content)


async def test_a_token_for_the_counts_opens_no_record(services, client_of, gate):
    gate.put("Patient", "p1")
    headers = await services.headers("HSYSADMIN", rights=(RIGHT,))
    async with client_of(services) as client:
        assert (await client.get("/fhir/AuditEvent?patient=x", headers=headers)).status_code == 404


async def test_the_description_is_of_the_addresses_beside_fhir(services, client_of):
    async with client_of(services) as client:
        described = (await client.get("/openapi.json")).json()
    assert described["openapi"].startswith("3.")
    paths = described["paths"]
    assert {"/health/live", "/health/ready", "/metrics", "/feeds/{feed}"} <= paths.keys()
    assert not [path for path in paths if path.startswith("/fhir")]
    for methods in paths.values():
        for told in methods.values():
            assert len(told["summary"]) > 20
            assert told["responses"]
