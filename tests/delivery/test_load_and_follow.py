"""Loading once by `$export` and following from the number in its manifest: nothing is missed."""

from __future__ import annotations

import bulk_requests
import pytest
import records
import subscribers
import worlds
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from subscribers import COTTONWOOD, send, settle, subscribe

from adapter.delivery.resthook import Received
from adapter.rest.bulk import CURRENT

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"
RELEASE = records.choice("cottonwood", purposes=("TREAT",))
REVOKED = [{"at": "2026-03-05T10:00:00-07:00", "partners": "all"}]
HISTORIES = settings(max_examples=1, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
STEPS = st.sampled_from(["screen", "amend", "sign", "revoke", "settle", "settle", "refuse", "export"])


class Follower:
    """A county, a subscription, and a partner that loads once and follows."""

    def __init__(self, world):
        self.world, self.day, self.signed = world, 1, 0
        self.receiver = subscribers.attach(world)

    async def step(self, what):
        world = self.world
        world.clock.forward(seconds=1)
        if what in {"screen", "amend"}:
            self.day += what == "screen"
            at, status = f"202603{self.day:02d}080000-0700", "C" if what == "amend" else "F"
            message = records.phq9(4, control=f"R{self.day}", at=at, status=status)
            await world.deliver(FEED, records.hl7(message), f"{world.clock.now}")
        elif what in {"sign", "revoke"}:
            self.signed += what == "sign"
            changed = {"revocations": REVOKED} if what == "revoke" else {}
            release = records.release(RELEASE, submission=f"r{self.signed}", **changed)
            await world.deliver("releases", records.ndjson(release), f"{world.clock.now}")
        elif what == "refuse":
            self.receiver.answers = [Received(taken=False, why="status 500")]
        elif what == "settle":
            await settle(world)

    async def load(self, url="/fhir/Patient/$export?_type=Observation&_type=Patient"):
        """What an export holds, by name with its version, and its numbers."""
        token = await self.world.token(*COTTONWOOD)
        told = await bulk_requests.manifest(self.world, token, await bulk_requests.kick_off(self.world, token, url))
        found = await bulk_requests.files(self.world, token, told)
        held = {
            f"Observation/{one['id']}": one["meta"]["versionId"]
            for one in found.get("Observation", ())
            if one["valueCodeableConcept"]
        }
        return held, {one["subscription"]: one["eventNumber"] for one in told.get("extension", {}).get(CURRENT, ())}


def followed(held, receiver, number):
    """What a partner holds who loaded this and took every event above the number, in order."""
    held = dict(held)
    seen = set()
    for bundle in receiver.bundles("event-notification"):
        bodies = {entry["request"]["url"]: entry for entry in bundle["entry"][1:]}
        for own, focus, notice in subscribers.events(bundle):
            if own <= number or own in seen:
                continue
            seen.add(own)
            if notice:
                held.pop(focus, None)
            elif focus is not None:
                held[focus] = bodies[focus]["resource"]["meta"]["versionId"]
    return held


async def now(world):
    found = await world.matches(COTTONWOOD, "/fhir/Observation?category=survey&_count=200")
    return {f"Observation/{one['id']}": one["meta"]["versionId"] for one in found}


@HISTORIES
@given(data=st.data())
async def test_whoever_loads_and_follows_from_the_number_holds_what_is_true(tmp_path_factory, pytestconfig, data):
    for _ in range(2 * pytestconfig.getoption("--histories")):
        steps = st.lists(STEPS, max_size=8)
        await load_and_follow(tmp_path_factory, data.draw(steps), data.draw(steps))


async def load_and_follow(tmp_path_factory, before, after):
    world = await worlds.open_site(tmp_path_factory.mktemp("follow") / "site", adjust=subscribers.register)
    follower = Follower(world)
    ident = await subscribe(world, subscribers.subscription(content="full-resource"))
    await settle(world)
    for what in before:
        await follower.step(what)
    held, numbers = await follower.load()
    (number,) = numbers.values()
    for what in after:
        await follower.step(what)
    world.clock.forward(hours=1)
    world.tokens.clear()
    await settle(world)
    assert {*numbers} == {f"{worlds.BASE}/Subscription/{ident}"}
    assert followed(held, follower.receiver, number) == await now(world)
    # Told by number afterwards it is the same.
    answer = await send(world, COTTONWOOD, "GET", f"/fhir/Subscription/{ident}/$events?eventsSinceNumber={number + 1}")
    told = {one for one, _, _ in subscribers.events(answer.json())}
    assert told == {one for one, _, _ in follower.receiver.events() if one > number}
    await world.close()


async def test_what_was_told_before_the_export_is_not_told_again_behind_its_number(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=subscribers.register)
    follower = Follower(world)
    await subscribe(world)
    await settle(world)
    for what in ("sign", "screen", "settle", "screen", "settle"):
        await follower.step(what)
    held, numbers = await follower.load()
    assert [*numbers.values()] == [2]
    assert len(held) == 2
    await follower.step("settle")
    assert [number for number, _, _ in follower.receiver.events() if number > 2] == []
    await world.close()


async def test_a_subscription_that_still_learns_has_no_number_yet(tmp_path):
    """What becomes true while it learns is not told, and need not be in an export that was asked for before."""
    world = await worlds.open_site(tmp_path / "site", adjust=subscribers.register)
    follower = Follower(world)
    ident = await subscribe(world)
    assert (await follower.load())[1] == {}
    await settle(world)
    assert (await follower.load())[1] == {f"{worlds.BASE}/Subscription/{ident}": 0}
    await send(
        world, COTTONWOOD, "PUT", f"/fhir/Subscription/{ident}", subscribers.subscription(id=ident, status="off")
    )
    assert (await follower.load())[1] == {}
    await world.close()


async def test_an_export_names_the_subscriptions_of_its_own_client_alone(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=subscribers.register)
    follower = Follower(world)
    await subscribe(world)
    await settle(world)
    world.tokens[COTTONWOOD] = await world.services.tokens.issue(
        client="another",
        organisation="Organization/cottonwood",
        purposes=["TREAT"],
        rights=worlds.RIGHTS["cottonwood"],
        lifetime=3600,
    )
    assert (await follower.load())[1] == {}
    await world.close()
