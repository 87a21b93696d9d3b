"""What one client, or one address, may ask of the server within a minute."""

from __future__ import annotations

import pytest
import registered_clients as rc
import smart_clients as sc
import worlds

from adapter.auth.endpoints import FAILURES

pytestmark = pytest.mark.anyio


@pytest.fixture
async def small(tmp_path):
    def adjust(folder):
        rc.register_all(folder)
        sc.register(
            folder,
            clinic_chart=sc.spec(
                scopes=["system/Patient.rs"], tokens_per_minute=3, requests_per_minute=4, body_kilobytes=1
            ),
        )

    world = await worlds.open_site(tmp_path / "site", adjust=adjust)
    yield world
    await world.close()


async def test_a_client_that_asks_too_often_waits(small):
    answers = [await rc.ask_token(small, sc.EC_KEY, "clinic-chart") for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert (answers[3].headers["retry-after"], answers[3].json()) == ("20", {"error": "temporarily_unavailable"})
    token = answers[0].json()["access_token"]
    answers = [await rc.get(small, token, "/fhir/Patient/absent") for _ in range(5)]
    assert [one.status_code for one in answers] == [404] * 4 + [429]
    assert answers[4].headers["retry-after"] == "15"
    assert answers[4].json()["issue"][0]["code"] == "throttled"
    small.clock.forward(seconds=15)
    assert (await rc.get(small, token, "/fhir/Patient/absent")).status_code == 404


async def test_a_body_is_as_long_as_the_client_may_send(small):
    token = (await rc.ask_token(small, sc.EC_KEY, "clinic-chart")).json()["access_token"]
    for length, status in ((900, 200), (1100, 413)):
        answer = await rc.post(small, "/fhir/Patient/_search", {"identifier": "x" * length}, token)
        assert answer.status_code == status


async def test_an_address_that_only_guesses_waits_and_fills_no_ledger(small):
    for _ in range(FAILURES):
        assert (await rc.ask_token(small, sc.OTHER_KEY, "clinic-chart")).status_code == 401
    entries = [entry async for entry, *_ in small.services.ledger.entries()]
    for _ in range(3):
        answer = await rc.ask_token(small, sc.OTHER_KEY, "clinic-chart")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert [entry async for entry, *_ in small.services.ledger.entries()] == entries
    small.clock.forward(seconds=1)
    assert (await rc.ask_token(small, sc.EC_KEY, "clinic-chart")).status_code == 200
