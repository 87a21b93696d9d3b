"""What goes wrong on channels is counted by day, told once in the log, and costs a row however often it happens."""

from __future__ import annotations

import logging

import pytest

from adapter.services.channels import MOST

pytestmark = pytest.mark.anyio


async def test_events_add_up_and_are_told_without_content(world, caplog):
    channels = world.services.channels
    with caplog.at_level(logging.WARNING):
        for _ in range(1000):
            channels.note("jail-medical-hl7", "junk", peer="10.1.1.1", size=7)
            channels.note("jail-medical-hl7", "padding", peer="10.1.1.1", size=1)
        channels.flush()
    assert [record.getMessage() for record in caplog.records] == [
        "feed jail-medical-hl7 from 10.1.1.1: junk, 1000 times, 7000 bytes"
    ]
    assert [(each.kind, each.times, each.size) for each in channels.events()] == [
        ("junk", 1000, 7000),
        ("padding", 1000, 1000),
    ]


async def test_a_flood_from_many_places_is_written_before_it_fills_the_memory(world):
    for number in range(3 * MOST):
        world.services.channels.note("f", "junk", peer=f"10.0.{number // 256}.{number % 256}")
        assert len(world.services.channels._counts) < MOST
    assert len(world.services.channels.events("f")) == 3 * MOST


async def test_counts_that_cannot_be_written_are_written_later(world, monkeypatch):
    channels = world.services.channels
    note = channels._messages.note

    def failing(events):
        raise OSError

    monkeypatch.setattr(channels._messages, "note", failing)
    channels.note("f", "junk", size=3)
    channels.flush()
    monkeypatch.setattr(channels._messages, "note", note)
    channels.note("f", "no-frame")
    assert [(each.kind, each.times) for each in channels.events("f")] == [("junk", 1), ("no-frame", 1)]
