"""Sending: numbers, order, retries, dead letters, states, leases; and what the subscriber can ask for afterwards."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
import records
import subscribers
import worlds
from subscribers import COTTONWOOD, send, settle, subscribe, subscription

from adapter.delivery.outbox import Outbox
from adapter.delivery.ways import Received

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"
RELEASE = records.choice("cottonwood", purposes=("TREAT",))
REVOKED = [{"at": "2026-03-05T10:00:00-07:00", "partners": "all"}]
BROKEN = Received(taken=False, why="status 500")


@pytest.fixture
async def ada(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=subscribers.register)
    world.receiver = subscribers.attach(world)
    await world.deliver("releases", records.ndjson(records.release(RELEASE)), "release")
    yield world
    await world.close()


async def screen(world, score):
    """A screening of its own: each score on another day."""
    message = records.phq9(score, control=f"R{score}", at=f"202603{score:02d}080000-0700")
    await world.deliver(FEED, records.hl7(message), f"screening {score}")


async def test_a_subscription_that_was_deleted_keeps_no_server_from_starting(tmp_path):
    """HAPI #3234, with an event of it that waits."""
    world = await worlds.open_site(tmp_path / "site", adjust=subscribers.register)
    world.receiver = subscribers.attach(world)
    await world.deliver("releases", records.ndjson(records.release(RELEASE)), "release")
    gone, kept = await subscribe(world), await subscribe(world)
    await settle(world)
    world.receiver.answers = [BROKEN, BROKEN]
    await screen(world, 4)
    await settle(world)
    assert (await send(world, COTTONWOOD, "DELETE", f"/fhir/Subscription/{gone}")).status_code in {200, 204}
    await world.close()
    world = await worlds.open_site(tmp_path / "site", first_id=10_000)
    world.receiver = subscribers.attach(world)
    world.clock.forward(minutes=1)
    await settle(world)
    assert (await send(world, COTTONWOOD, "GET", f"/fhir/Subscription/{gone}")).status_code == 404
    assert (await status(world, kept))["status"] == "active"
    assert [number for number, _, _ in world.receiver.events()] == [1]
    await world.close()


async def status(world, ident):
    return (await send(world, COTTONWOOD, "GET", f"/fhir/Subscription/{ident}")).json()


async def test_until_the_handshake_is_accepted_nothing_is_told_and_then_everything_since(ada):
    """HAPI #675: a subscription must not stay `requested` for ever, nor lose what came while it was."""
    ada.receiver.answers = [BROKEN, Received(taken=False, why="no answer within 10 seconds")]
    ident = await subscribe(ada)
    await settle(ada)
    await screen(ada, 4)
    await settle(ada)
    assert [one.kind for one in ada.receiver.got] == ["handshake"]
    assert (await status(ada, ident))["status"] == "requested"
    for _ in range(2):
        ada.clock.forward(seconds=10)
        await settle(ada)
    assert (await status(ada, ident))["status"] == "active"
    assert [number for number, _, _ in ada.receiver.events()] == [1]


async def test_a_refused_notification_is_sent_again_with_its_number_before_anything_else(ada):
    """HAPI PR #4733: an event is not lost when handing it over fails."""
    ident = await subscribe(ada)
    await settle(ada)
    ada.receiver.answers = [BROKEN]
    await screen(ada, 4)
    await settle(ada)
    told = await status(ada, ident)
    assert (told["status"], told["error"]) == ("error", "status 500")
    await screen(ada, 5)
    await settle(ada)
    assert [number for number, _, _ in ada.receiver.events()] == [1]
    ada.clock.forward(seconds=2)
    await settle(ada)
    assert [number for number, _, _ in ada.receiver.events()] == [1, 1, 2]
    assert (await status(ada, ident))["status"] == "active"


async def test_waits_grow_with_jitter_and_honour_retry_after_until_the_age_is_reached(ada):
    """HAPI #6002: it does not give up after a minute."""
    await subscribe(ada)
    await settle(ada)
    await screen(ada, 4)
    ada.receiver.answers = [Received(taken=False, why="status 429", wait=300.0)] + [BROKEN] * 200
    await settle(ada)
    (due,) = ada.rows("SELECT due FROM subscription")[0]
    assert due >= ada.clock.now + 300_000_000
    waits = []
    for _ in range(40):
        ((before,),) = ada.rows("SELECT due FROM subscription")
        ada.clock.now = before
        await settle(ada)
        ((after,),) = ada.rows("SELECT due FROM subscription")
        waits.append((after - before) / 1_000_000)
    assert waits[0] <= 2
    assert max(waits) <= 900
    assert len({round(one, 3) for one in waits[-10:]}) > 5
    assert all(later <= 4.1 * earlier + 0.1 for earlier, later in pairwise(waits))
    assert ada.rows("SELECT count(*) FROM subscription_event WHERE dead IS NULL") == [(1,)]


async def test_what_is_given_up_is_dead_until_it_is_replayed_and_keeps_its_number(ada):
    ident = await subscribe(ada)
    await settle(ada)
    ada.receiver.answers = [BROKEN, BROKEN]
    await screen(ada, 4)
    await settle(ada)
    ada.clock.forward(days=3, seconds=1)
    await settle(ada)
    assert ada.rows("SELECT number FROM subscription_event WHERE dead IS NOT NULL") == [(1,)]
    ada.tokens.clear()
    assert (await status(ada, ident))["status"] == "error"
    await screen(ada, 5)
    await settle(ada)
    assert [number for number, _, _ in ada.receiver.events()] == [1, 1, 2]
    assert await ada.services.notifying.notifications.replay(ident) == 1
    await settle(ada)
    assert [number for number, _, _ in ada.receiver.events()] == [1, 1, 2, 1]
    assert (await status(ada, ident))["status"] == "active"


async def test_an_event_that_is_not_permitted_any_more_keeps_its_number_and_has_no_focus(ada):
    ident = await subscribe(ada, subscription(content="full-resource"))
    await settle(ada)
    ada.receiver.answers = [BROKEN]
    await screen(ada, 4)
    await settle(ada)
    await ada.deliver("releases", records.ndjson(records.release(RELEASE, revocations=REVOKED)), "revoked")
    ada.clock.forward(seconds=2)
    await settle(ada)
    (_, focus, _) = ada.receiver.events()[0]
    assert ada.receiver.events()[1:] == [(1, None, ""), (2, focus, "no-longer-permitted")]
    answer = await send(ada, COTTONWOOD, "GET", f"/fhir/Subscription/{ident}/$events")
    assert subscribers.events(answer.json()) == [(1, None, ""), (2, focus, "no-longer-permitted")]
    assert b"Negative" not in answer.content


async def test_events_are_told_again_by_number_and_decided_again(ada):
    """Medplum #4586: what was missed can be asked for."""
    ident = await subscribe(ada, subscription(content="full-resource"))
    await settle(ada)
    for score in (4, 5, 6):
        await screen(ada, score)
        await settle(ada)
    url = f"/fhir/Subscription/{ident}/$events"
    answer = await send(ada, COTTONWOOD, "GET", f"{url}?eventsSinceNumber=2&eventsUntilNumber=3&content=id-only")
    bundle = answer.json()
    assert [number for number, _, _ in subscribers.events(bundle)] == [2, 3]
    assert all("resource" not in entry for entry in bundle["entry"][1:])
    whole = (await send(ada, COTTONWOOD, "GET", url)).json()
    assert [number for number, _, _ in subscribers.events(whole)] == [1, 2, 3]
    assert {entry["resource"]["resourceType"] for entry in whole["entry"][1:]} == {"Observation"}
    asked, told = await ada.services.ledger.of_request(answer.headers["x-request-id"])
    assert (asked.interaction, told.interaction, len(told.passed)) == ("$events", "events", 2)
    ada.clock.forward(days=31)
    ada.tokens.clear()
    await settle(ada)
    assert subscribers.events((await send(ada, COTTONWOOD, "GET", url)).json()) == []


async def test_more_is_never_told_by_events_than_was_agreed_on(ada):
    ident = await subscribe(ada, subscription(content="empty"))
    await settle(ada)
    await screen(ada, 4)
    await settle(ada)
    url = f"/fhir/Subscription/{ident}/$events?content=full-resource"
    bundle = (await send(ada, COTTONWOOD, "GET", url)).json()
    assert subscribers.events(bundle) == [(1, None, "")]
    assert len(bundle["entry"]) == 1


async def test_every_notification_is_in_the_ledger_with_what_it_tells(ada):
    ident = await subscribe(ada)
    await settle(ada)
    await screen(ada, 4)
    await settle(ada)
    entries = [entry async for entry in ada.services.ledger.since(0)]
    handshake, event = [one for one in entries if one.interaction.startswith("notification")]
    assert (handshake.interaction, handshake.target, handshake.passed) == (
        "notification-handshake",
        f"Subscription/{ident}",
        [],
    )
    (_, focus, _) = ada.receiver.events()[0]
    assert event.target == f"Subscription/{ident} 1-1"
    assert [name for name, *_ in event.passed] == [focus]
    assert event.purpose == "TREAT"


async def test_a_heartbeat_tells_that_nothing_happened_and_counts_no_event(ada):
    await subscribe(ada, subscription(heartbeat=60))
    await settle(ada)
    ada.clock.forward(seconds=59)
    await settle(ada)
    assert [one.kind for one in ada.receiver.got] == ["handshake"]
    ada.clock.forward(seconds=2)
    await settle(ada)
    await settle(ada)
    assert [one.kind for one in ada.receiver.got] == ["handshake", "heartbeat"]


async def test_a_subscription_ends_with_its_end_and_with_what_it_rested_on(ada):
    ident = await subscribe(ada, subscription(end="2026-11-23T12:00:00-07:00"))
    await settle(ada)
    ada.clock.forward(days=1)
    ada.tokens.clear()
    await settle(ada)
    told = await status(ada, ident)
    assert (told["status"], told["error"]) == ("off", "it has reached its end")
    await screen(ada, 4)
    await settle(ada)
    assert ada.receiver.events() == []


async def test_one_slow_subscriber_delays_nobody(ada):
    """HAPI #7492 as well: each gets its own, at its own address."""
    slow, quick = asyncio.Event(), []

    async def answer(sending):
        if "slow" in sending.endpoint:
            await slow.wait()
        else:
            quick.append(sending.kind)
        return Received(taken=True)

    ada.receiver.answers = [answer] * 100
    first = subscription(endpoint="https://listen.cottonwood.example/slow")
    await subscribe(ada, first)
    await subscribe(ada, subscription(endpoint="https://listen.cottonwood.example/quick"))
    outbox = ada.services.notifying.outbox
    for _ in range(20):
        await outbox.step()
        await asyncio.sleep(0)
    await screen(ada, 4)
    for _ in range(20):
        await outbox.step()
        await asyncio.sleep(0)
    assert quick == ["handshake", "event-notification"]
    slow.set()
    await settle(ada)
    addresses = {one.endpoint for one in ada.receiver.got if one.kind == "event-notification"}
    assert len(addresses) == 2


async def test_several_workers_send_each_event_once_and_in_order(ada):
    await subscribe(ada, subscription(most=1))
    await settle(ada)
    notifying = ada.services.notifying
    workers = [Outbox(notifying.announcements, notifying.notifications, ada.receiver, version=int) for _ in range(3)]
    for score in range(1, 8):
        await screen(ada, score)
        await asyncio.gather(*(worker.step() for worker in workers))
    for _ in range(60):
        await asyncio.gather(*(worker.step() for worker in workers))
        for worker in workers:
            await worker.settled()
    assert [number for number, _, _ in ada.receiver.events()] == list(range(1, 8))
    assert len({focus for _, focus, _ in ada.receiver.events()}) == 7


async def test_a_lease_that_ended_is_taken_over_and_the_late_answer_changes_nothing(ada):
    await subscribe(ada)
    await settle(ada)
    await screen(ada, 4)
    notifying = ada.services.notifying
    await notifying.announcements.step()
    (claimed,) = await notifying.notifications.claim(1)
    first = await notifying.notifications.prepare(claimed)
    ada.clock.forward(seconds=121)
    (again,) = await notifying.notifications.claim(1)
    second = await notifying.notifications.prepare(again)
    assert (first.seqs, second.seqs) == ((1,), (1,))
    await notifying.notifications.refused(first, "too late")
    await notifying.notifications.accepted(second)
    assert ada.rows("SELECT status, reason, events FROM subscription") == [("active", "", 1)]
