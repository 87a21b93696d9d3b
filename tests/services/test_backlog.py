"""What is left to do is found without looking at everything, and what runs late knows what came after it."""

from __future__ import annotations

import io

import pytest
import records

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"


async def keep(world, control):
    content = records.hl7(records.admission(control))
    return await world.services.ingest.receive(FEED, control, io.BytesIO(content))


async def later(world, receipt):
    async with world.services.store.transaction() as change:
        return await world.services.ingest._backlog.later(change, receipt)


async def test_in_order_nothing_comes_after_what_is_brought_in(world):
    one, two = await keep(world, "A1"), await keep(world, "A2")
    await world.services.ingest.process(one)
    assert await later(world, two) == []
    assert await later(world, two) == []


async def test_what_is_brought_in_late_knows_the_later_ones_that_were_begun(world):
    await world.services.ingest.process(await keep(world, "A0"))
    one, two, three = [await keep(world, control) for control in ("A1", "A2", "A3")]
    await world.services.ingest.process(two)
    assert await later(world, one) == [two.id]
    await world.services.ingest.process(three)
    assert await later(world, one) == [two.id, three.id]
    assert await later(world, two) == [three.id]


async def test_a_store_that_never_remembered_takes_every_later_one_for_begun(world):
    one, two = await keep(world, "A1"), await keep(world, "A2")
    assert await later(world, one) == [two.id]
    assert await later(world, two) == []


async def test_what_is_done_is_not_looked_at_again_and_what_is_not_holds_the_place(world, monkeypatch):
    one, two, three = [await keep(world, control) for control in ("A1", "A2", "A3")]
    for receipt in (one, three):
        await world.services.ingest.process(receipt)
    looked = []
    progress = world.services.store.progress

    async def counted(receipt):
        looked.append(receipt)
        return await progress(receipt)

    monkeypatch.setattr(world.services.store, "progress", counted)
    assert [each.id for each in await world.services.ingest.pending()] == [two.id]
    assert looked == [one.id, two.id, three.id]
    assert [each.id for each in await world.services.ingest.pending()] == [two.id]
    assert looked[3:] == [two.id, three.id]
    await world.services.ingest.process(two)
    assert await world.services.ingest.pending() == []
    assert await world.services.ingest.pending(FEED) == []
    assert await world.services.ingest.pending("fax") == []
