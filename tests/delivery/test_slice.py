"""From a Subscription to the first notification, and what follows when something changes."""

from __future__ import annotations

import pytest
import subscribers
import worlds
from subscribers import COTTONWOOD

pytestmark = pytest.mark.anyio


async def readable(world, caller=COTTONWOOD):
    """What the caller finds of summaries."""
    found = await world.matches(caller, "/fhir/Observation?category=survey&_count=200")
    return {f"Observation/{one['id']}" for one in found}


async def test_what_becomes_true_is_told_and_what_was_is_not(world):
    receiver = subscribers.attach(world)
    ident = await subscribers.subscribe(world)
    await subscribers.settle(world)
    (handshake,) = receiver.bundles()
    assert handshake["type"] == "history"
    assert receiver.got[0].kind == "handshake"
    answer = await subscribers.send(world, COTTONWOOD, "GET", f"/fhir/Subscription/{ident}")
    assert answer.json()["status"] == "active"
    await worlds.ingest_all(world, world.source)
    await subscribers.settle(world)
    told = receiver.events()
    assert [number for number, _, _ in told] == list(range(1, len(told) + 1))
    expected = await readable(world)
    assert expected
    assert {focus for _, focus, _ in told} == expected
    again = await subscribers.subscribe(world)
    receiver.got.clear()
    await subscribers.settle(world)
    assert [one.kind for one in receiver.got] == ["handshake"]
    assert receiver.got[0].row.id == again
