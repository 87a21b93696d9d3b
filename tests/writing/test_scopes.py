"""What scopes hold of writing: letter by letter, type by type, and narrowed to what a resource says."""

from __future__ import annotations

import httpx2
import orjson
import pytest
import registered_clients
import smart_clients as sc
import worlds
import writers

pytestmark = pytest.mark.anyio
SURVEYS = f"?category={registered_clients.CATEGORY}|survey"


async def opened(tmp_path, *scopes):
    def registered(folder):
        sc.register(folder, cottonwood_chart=sc.spec(scopes=list(scopes), tokens_per_minute=600, bundle_entries=2))

    world = await worlds.open_site(tmp_path / "site", adjust=registered)
    granted = await registered_clients.ask_token(world, sc.EC_KEY, "cottonwood-chart", scope=" ".join(scopes))
    assert granted.status_code == 200, granted.text
    return world, granted.json()["access_token"]


async def send(world, token, method, url, body=None, **headers):
    sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"} | headers
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        return await client.request(method, f"/fhir{url}", headers=sent, content=orjson.dumps(body) if body else None)


async def test_each_letter_is_needed_for_its_interaction(tmp_path):
    world, token = await opened(tmp_path, "system/Patient.cr", "system/Observation.r")
    made = await send(world, token, "POST", "/Patient", writers.patient())
    assert made.status_code == 201
    ident = made.json()["id"]
    for method, url, body in (
        ("PUT", f"/Patient/{ident}", made.json()),
        ("PUT", "/Patient?identifier=x", writers.patient()),
        ("DELETE", f"/Patient/{ident}", None),
        ("POST", "/Observation", writers.phq9(ident)),
        ("POST", "", writers.bundle(writers.entry("DELETE", f"Patient/{ident}"))),
    ):
        answer = await send(world, token, method, url, body)
        assert answer.status_code == 403, url
        assert "insufficient_scope" in answer.headers["www-authenticate"]
        (entry,) = await world.services.ledger.of_request(answer.headers["x-request-id"])
        assert entry.outcome.startswith("403")
    await world.close()


async def test_a_narrowed_scope_holds_what_is_written_and_what_was_there(tmp_path):
    world, token = await opened(tmp_path, "system/Patient.c", f"system/Observation.cud{SURVEYS}")
    body = writers.patient("n1")
    criteria = {"If-None-Exist": f"identifier={writers.CHART}|n1"}
    made = await send(world, token, "POST", "/Patient", body, **criteria)
    ident = made.json()["id"]
    again = await send(world, token, "POST", "/Patient", body, **criteria)
    assert (again.status_code, again.content) == (200, b"")  # what was there is for those who may read
    kept = await send(world, token, "POST", "/Observation", writers.phq9(ident))
    assert kept.status_code == 201
    other = writers.phq9(ident) | {"category": [{"text": "vital signs"}]}
    assert (await send(world, token, "POST", "/Observation", other)).status_code == 403
    moved = kept.json() | {"category": [{"text": "vital signs"}]}
    assert (await send(world, token, "PUT", f"/Observation/{kept.json()['id']}", moved)).status_code == 403
    several = [writers.entry("POST", "Observation", writers.phq9(ident)) for _ in range(3)]
    assert (await send(world, token, "POST", "", writers.bundle(*several))).status_code == 400
    assert (await send(world, token, "DELETE", f"/Observation/{kept.json()['id']}")).status_code == 204
    await world.close()
