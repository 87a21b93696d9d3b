"""Killed at any moment, writer and deliverer: every permitted event arrives, in order, repeats with the same number."""

from __future__ import annotations

import random

import pytest
import records
import subscribers
import worlds
from subscribers import subscribe

from adapter.store.sqlite.subscriptions import SqliteSubscriptionRecords
from adapter.store.sqlite.transaction import SqliteTransaction

pytestmark = pytest.mark.anyio
STEPS = ("claim_stirred", "settle_stirred", "claim_subscriptions", "number_events", "release", "accepted")


class Killed(BaseException):
    """The process is gone."""


class Fragile:
    """Kills the process at the n-th of the steps between a change and its notification."""

    def __init__(self, monkeypatch):
        self.left = None
        for name in STEPS:
            inner = getattr(SqliteSubscriptionRecords, name)
            monkeypatch.setattr(SqliteTransaction, name, self._around(inner), raising=False)

    def _around(self, inner):
        async def step(*given, **named):
            self.strike()
            result = await inner(*given, **named)
            self.strike()
            return result

        return step

    def strike(self):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed


async def drive(world):
    """What the outbox does, one after the other, so that a kill falls where it falls."""
    outbox = world.services.notifying.outbox
    for _ in range(100):
        busy = await outbox._announcements.step()
        claimed = await outbox._notifications.claim(8)
        for row in claimed:
            sending = await outbox._notifications.prepare(row)
            if sending is not None:
                await outbox._send(sending)
        if not busy and not claimed:
            return


async def test_nothing_is_lost_and_order_is_kept_whenever_it_is_killed(tmp_path, monkeypatch):
    chance = random.Random(20261122)  # noqa: S311 - a test chooses its moments reproducibly
    fragile, receiver = Fragile(monkeypatch), subscribers.Receiver()
    folder, number = tmp_path / "site", 1
    world = await worlds.open_site(folder, adjust=subscribers.register)
    subscribers.attach(world, receiver)
    release = records.release(records.choice("cottonwood", purposes=("TREAT",)))
    await world.deliver("releases", records.ndjson(release), "release")
    await subscribe(world)
    await drive(world)
    kills = 0
    for day in range(1, 26):
        message = records.phq9(4, control=f"R{day}", at=f"202603{day:02d}080000-0700")
        await world.deliver("jail-medical-hl7", records.hl7(message), f"day {day}")
        fragile.left = chance.randrange(24)
        try:
            await drive(world)
        except Killed:
            kills += 1
        fragile.left = None
        number += 1_000
        now = world.clock.now
        await world.close()
        world = await worlds.open_site(folder, now=now + 150_000_000, first_id=number)
        subscribers.attach(world, receiver)
    await drive(world)
    world.clock.forward(minutes=10)
    await drive(world)
    told = receiver.events()
    first = list(dict.fromkeys(number for number, _, _ in told))
    assert first == list(range(1, 26))
    assert kills > 10
    assert len({focus for _, focus, _ in told}) == 25
    # A number is one event, however often it came.
    assert len({(number, focus) for number, focus, _ in told}) == 25
    await world.close()
