"""`sallyport subscriptions` from the command line."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import subscribers
import worlds


@pytest.fixture
def ident(folder):
    """A subscription whose endpoint is not there."""

    async def ask():
        (folder / "site.key").write_bytes(worlds.SECRET)
        world = await worlds.open_site(folder, adjust=subscribers.register)
        found = await subscribers.subscribe(world)
        await world.close()
        return found

    # In a thread of its own: a loop may be open in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, ask()).result()


def test_subscriptions_are_listed_told_of_and_replayed(sallyport, folder, ident):
    (listed,) = [
        json.loads(line) for line in sallyport("subscriptions", "list", "--site", folder, "--json").out.splitlines()
    ]
    assert (listed["id"], listed["status"], listed["organization"]) == (ident, "requested", "Organization/cottonwood")
    assert listed["channel"] == "rest-hook"
    assert (
        f"{ident}  Organization/cottonwood  screening-summary  rest-hook  requested"
        in sallyport("subscriptions", "list", "--site", folder).out
    )
    status = sallyport("subscriptions", "status", "--site", folder, ident)
    assert "requested" in status.out
    assert "0 events" in sallyport("subscriptions", "replay", "--site", folder, ident).out
    for command in ("status", "replay"):
        absent = sallyport("subscriptions", command, "--site", folder, "absent")
        assert absent.code == 1
        assert "there is no subscription `absent`" in absent.err


def test_what_is_due_is_told_once_and_what_cannot_be_reached_is_tried_again(sallyport, folder, ident):
    ran = sallyport("subscriptions", "deliver", "--site", folder, "--once")
    assert "0 notifications taken, 1 refused" in ran.out
    status = json.loads(sallyport("subscriptions", "status", "--site", folder, ident, "--json").out)
    assert status["status"] == "requested"
    assert status["reason"].startswith("no answer")
