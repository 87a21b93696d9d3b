"""Small changes in one commit, and leases that are renewed while others let go."""

from __future__ import annotations

import asyncio

import pytest
import subscribers
import worlds
from subscribers import settle, subscribe

from adapter.services import leases
from adapter.services.together import Together

pytestmark = pytest.mark.anyio


@pytest.fixture
async def county(tmp_path):
    opened = await worlds.open_site(tmp_path / "site", adjust=subscribers.register)
    opened.receiver = subscribers.attach(opened)
    yield opened
    await opened.close()


async def test_what_is_ready_together_is_committed_together_and_in_order(county):
    commits, together = [], Together(county.services.store)
    county.services.store.on_commit(lambda: commits.append(1))

    async def work(number, change):
        await change.set_setting("order", (await change.setting("order") or b"") + bytes([number]))
        return number

    got = await asyncio.gather(*(together(lambda change, n=n: work(n, change)) for n in range(20)))
    assert got == list(range(20))
    assert len(commits) == 1
    assert await county.services.store.setting("order") == bytes(range(20))


async def test_what_fails_takes_back_itself_alone(county):
    together = Together(county.services.store)

    async def good(change):
        await change.set_setting("good", b"1")
        return "kept"

    async def bad(change):
        await change.set_setting("bad", b"1")
        raise ValueError("no")

    first, second, third = await asyncio.gather(together(good), together(bad), together(good), return_exceptions=True)
    assert (first, third) == ("kept", "kept")
    assert isinstance(second, ValueError)
    assert await county.services.store.setting("good") == b"1"
    assert await county.services.store.setting("bad") is None


async def test_a_lease_is_renewed_while_its_process_lives_and_whoever_finishes_meanwhile_lets_go(county):
    await subscribe(county)
    await settle(county)
    await subscribe(county)
    notifications = county.services.notifying.notifications
    await county.services.notifying.announcements.step()
    (claimed,) = await notifications.claim(8)
    sending = await notifications.prepare(claimed)
    for _ in range(8):
        county.clock.now += leases.RENEWED
        await notifications.leases.renew()
    # Long after the first lease would have ended nobody else gets it.
    assert county.clock.now > claimed.lease
    assert await notifications.claim(8) == []
    county.clock.now += leases.RENEWED
    await asyncio.gather(notifications.leases.renew(), notifications.accepted(sending))
    assert county.rows("SELECT count(*), max(lease) FROM subscription WHERE status = 'active'") == [(2, 0)]


async def test_a_lease_nobody_renews_ends_by_time(county):
    await subscribe(county)
    await county.services.notifying.announcements.step()
    notifications = county.services.notifying.notifications
    (claimed,) = await notifications.claim(8)
    notifications.leases.ended(claimed)
    county.clock.now += leases.RENEWED
    await notifications.leases.renew()
    assert await notifications.claim(8) == []
    county.clock.now += leases.LEASE
    (again,) = await notifications.claim(8)
    assert again.id == claimed.id


async def test_one_receiver_takes_no_more_than_its_share_and_the_ailing_not_all(county):
    """Forty subscriptions of one place do not keep those of another from being claimed."""
    subscribers.register(county.services.site.folder, hosts=("dead.example", "well.example"))
    await county.close()
    world = await worlds.open_site(county.services.site.folder, first_id=100)
    county.close = world.close
    subscribers.attach(world)
    for number in range(40):
        await subscribe(world, subscribers.subscription(endpoint=f"https://dead.example/{number}"))
    await subscribe(world, subscribers.subscription(endpoint="https://well.example/"))
    notifications = world.services.notifying.notifications
    while await world.services.notifying.announcements.step():
        pass
    claimed = await notifications.claim(256)
    assert len(claimed) == 33
    assert [b"well.example" in row.wish for row in claimed].count(True) == 1
    # Those it holds count as well: nothing more of that place.
    assert await notifications.claim(223, claimed) == []
    world.rows("UPDATE subscription SET lease = 0, attempts = (place LIKE '%dead%')")
    few = await notifications.claim(8)
    assert [b"well.example" in row.wish for row in few].count(True) == 1
    assert len(few) == 1 + 8 // 2
