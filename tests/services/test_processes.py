"""Two processes on one site: what one adds, the other decides about rightly."""

from __future__ import annotations

import orjson
import pytest
import records
import worlds

pytestmark = pytest.mark.anyio
CALLER = ("cottonwood", "discharge-planning")
CHOICES = [{"partner": "cottonwood", "purposes": ["discharge-planning"], "classes": ["mental-health"]}]


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def total(world, patient):
    return orjson.loads((await world.ask(CALLER, f"/fhir/Observation?patient={patient}")).content)["total"]


async def test_a_server_sees_what_another_process_ingests(tmp_path):
    """The feed brings segments and the release a policy that the server has never heard of."""
    server = await worlds.open_site(tmp_path / "site")
    feeds = await worlds.open_site(tmp_path / "site")
    patient = feeds.patient("jail-medical-hl7", records.JAIL)
    assert await total(server, patient) == 0
    await feeds.deliver("jail-medical-hl7", records.hl7(records.admission(), records.phq9(14)))
    await feeds.deliver("releases", records.ndjson(records.release(*CHOICES)))
    assert await total(server, patient) == 1
    await feeds.close()
    await server.close()


async def test_a_context_that_began_elsewhere_bounds_segments_that_come_later(tmp_path):
    feeds = await worlds.open_site(tmp_path / "site")
    server = await worlds.open_site(tmp_path / "site")
    await total(server, "nobody")
    await feeds.deliver("jail-medical-hl7", records.hl7(records.admission(), records.phq9(14)))
    await feeds.deliver("releases", records.ndjson(records.release(*CHOICES)))
    assert await total(server, feeds.patient("jail-medical-hl7", records.JAIL)) == 1
    await feeds.close()
    await server.close()
