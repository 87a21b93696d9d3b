"""What software writes over FHIR REST is told like anything else, and recalled when it is taken back."""

from __future__ import annotations

import pytest
import subscribers
import worlds
import writers

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path):
    def adjust(folder):
        writers.may_send_releases(folder)
        subscribers.register(folder)

    made = await worlds.open_site(tmp_path / "site", adjust=adjust)
    made.receiver = subscribers.attach(made)
    yield made
    await made.close()


async def test_a_result_that_its_writer_deletes_is_recalled(world):
    subject = await writers.registered(world)
    await subscribers.subscribe(world)
    await subscribers.settle(world)
    made = await writers.written(world, writers.phq9(subject))
    await subscribers.settle(world)
    told = [one for one in world.receiver.events() if not one[2]]
    assert len(told) == 1
    assert (await writers.send(world, "DELETE", f"/Observation/{made['id']}")).status_code == 204
    await subscribers.settle(world)
    (number, focus, reason) = world.receiver.events()[-1]
    assert (number, focus, reason) == (2, told[0][1], "entered-in-error")
