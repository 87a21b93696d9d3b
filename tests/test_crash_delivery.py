"""Those who tell subscribers and those who write are killed again and again: every permitted event arrives, in order.

Two processes tell, others write file by file what happens to people and what they sign and revoke, and a receiver in a
process of its own keeps on disk what it gets. `--kills 200` does it two hundred times (`make crash`); a usual run a
few. In the end two processes that nobody kills share the work, and then everything comes once.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import apsw
import crashing
import pytest
import records
import stored_content
import subscribers
import told_county
import worlds
from told_county import Told

from adapter.services import leases

RECEIVER = Path(__file__).parent / "support" / "recording_receiver.py"
JAIL = ("jail", "supervision")
LEASE = 2.0
"""Seconds for which a killed process keeps what it had claimed; a usual one, but shorter."""
PAUSE = 0.04
"""Seconds between keeping a notification and answering."""
SPEAKERS = 2
PEOPLE = 5
QUIET = """SELECT NOT EXISTS (SELECT 1 FROM stirred)
  AND NOT EXISTS (SELECT 1 FROM subscription_event WHERE accepted IS NULL)
  AND NOT EXISTS (SELECT 1 FROM subscription WHERE lease > 0 OR status <> 'active' OR sweep IS NOT NULL)"""


@pytest.fixture(scope="module")
def commands():
    with crashing.Commands() as started:
        started.lease(LEASE)
        yield started


@pytest.fixture
def receiver(tmp_path):
    """A receiver's port and the file of what it got."""
    kept = tmp_path / "received.ndjson"
    command = [sys.executable, str(RECEIVER), str(kept), str(PAUSE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        yield int(process.stdout.readline()), kept
        process.stdin.close()
        assert process.wait(30) == 0


class County:
    """A site on disk, those who tell, and what happened."""

    def __init__(self, commands, site, chance):
        self.commands, self.site, self.chance = commands, site, chance
        self.people = [told_county.Person(number) for number in range(PEOPLE)]
        self.speakers = []
        self.files = 0
        self.kills = {"speaker": 0, "writer": 0}

    def speak(self):
        """Start another process that tells subscribers."""
        self.speakers.append(self.commands.start(["subscriptions", "deliver", "--site", str(self.site)], batch=3))

    def hush(self, *, count=True):
        """Kill one of those who tell."""
        pid = self.speakers.pop(self.chance.randrange(len(self.speakers)))
        assert self.commands.kill(pid)
        self.kills["speaker"] += count

    def relieve(self, by=SPEAKERS):
        """Others tell from now on, who keep what they claim for as long as usual."""
        while self.speakers:
            self.hush(count=False)
        self.commands.lease(leases.LEASE / 1_000_000)
        for _ in range(by):
            self.speak()

    def write(self, feed, content, changed=(), *, kill=(), calm=False):
        """Bring one file in; the writer is killed after each of these seconds, if it still runs then."""
        path = self.site.parent / f"file{self.files}"
        self.files += 1
        path.write_bytes(content)
        arguments = ["ingest", "--site", str(self.site), feed, str(path), "--json"]
        begun = told_county.now()
        for seconds in kill:
            self.kills["writer"] += self.commands.kill_after(seconds, self.commands.start(arguments, batch=1))
        pid = self.commands.start(arguments, batch=1)
        meanwhile = self.chance.random() < 0.3 and not kill and not calm
        if meanwhile:
            self.disturb(0.6)
        assert self.commands.wait(pid) == 0
        for person, signed in changed:
            person.changes.append((begun, told_county.now(), signed))
        if not meanwhile and not kill and not calm:
            self.disturb(0.12)

    def disturb(self, seconds):
        """Kill some of those who tell at some moment, and start as many again."""
        time.sleep(self.chance.uniform(0, seconds))
        for _ in range(self.chance.randint(1, SPEAKERS)):
            self.hush()
        while len(self.speakers) < SPEAKERS:
            self.speak()

    def drained(self):
        """Wait until nothing is left to tell."""
        for _ in range(1200):
            db = apsw.Connection(str(self.site / "data" / "store.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
            ((quiet,),) = db.execute(QUIET)
            db.close()
            if quiet:
                return True
            time.sleep(0.05)
        return False


async def subscribed(site, port, people):
    """Register where the receiver listens, and subscribe; topic and content of each subscription, by its path."""

    def adjust(folder):
        for partner in ("cottonwood", "jail"):
            subscribers.register(folder, hosts=(f"127.0.0.1:{port}",), partner=partner)

    world = await worlds.open_site(site, adjust=adjust, now=told_county.now())
    everybody = ",".join(world.patient("jail-roster", person.key) for person in people)
    asked = {
        "/ids": (worlds.CALLERS[3], "screening-summary", {"content": "id-only", "most": 1}),
        "/whole": (worlds.CALLERS[3], "screening-summary", {"content": "full-resource", "most": 5}),
        "/booked": (JAIL, "booked", {"content": "id-only", "filters": [f"Encounter?patient={everybody}"]}),
        "/released": (JAIL, "released", {"content": "id-only", "filters": [f"Encounter?patient={everybody}"]}),
    }
    found = {}
    for path, (caller, topic, more) in asked.items():
        document = subscribers.subscription(topic, endpoint=f"http://127.0.0.1:{port}{path}", timeout=5, **more)
        found[path] = await subscribers.subscribe(world, document, caller=caller)
    await world.close()
    return found


@pytest.mark.server
def test_killed_at_random_every_permitted_event_arrives_in_order_and_none_that_is_not(
    commands, receiver, tmp_path, request
):
    kills = request.config.getoption("--kills")
    port, kept = receiver
    chance = random.Random(62)  # noqa: S311 - a test chooses its moments reproducibly
    site = stored_content.new_site(tmp_path / "site")
    county = County(commands, site, chance)
    idents = asyncio.run(subscribed(site, port, county.people))
    for _ in range(SPEAKERS):
        county.speak()
    signers = county.people[:-1]
    signed = records.ndjson(*(person.signed_or_revoked() for person in signers))
    county.write(told_county.RELEASES, signed, [(person, True) for person in signers], calm=True)
    while sum(county.kills.values()) < kills:
        following = told_county.next_file(county.people, chance)
        county.write(*following, kill=[chance.uniform(0, 0.6)] if chance.random() < 0.6 else ())
    assert county.drained()
    disturbed = len(kept.read_text().splitlines())
    county.relieve()
    county.write(told_county.HL7, records.hl7(*(person.screened() for person in county.people)), calm=True)
    assert county.drained()
    county.relieve(by=0)
    assert min(county.kills.values()) >= kills // 5
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    told = {path: Told([line for line in lines if line["path"] == path]) for path in idents}
    undisturbed = [line for line in lines[disturbed:] if "event-notification" in json.dumps(line)]
    assert sum(len(Told([line]).first()) for line in undisturbed) == 2 * sum(person.stands for person in county.people)
    for path, stream in told.items():
        assert (path, [number for number, _, _ in stream.first()]) == (path, list(range(1, len(stream.first()) + 1)))
    asyncio.run(compared(site, county, idents, told))
    assert commands.finish(["ledger", "verify", "--site", str(site)], batch=3)[0] == 0


async def compared(site, county, idents, told):
    """What arrived, against what may be read now, what happened, and the ledger."""
    world = await worlds.open_site(site, now=told_county.now(), first_id=10_000)
    owner = await owners(world, county.people)
    rows = {row.id: row for row in await world.services.store.subscriptions()}
    for path, ident in idents.items():
        assert rows[ident].events == len(told[path].first())
    readable = {
        f"Observation/{one['id']}"
        for one in await world.matches(worlds.CALLERS[3], "/fhir/Observation?category=survey&_count=500")
    }
    signed = {person.key for person in county.people if person.stands}
    assert {owner[name].key for name in readable} == signed
    for path in ("/ids", "/whole"):
        assert told[path].holds() == readable
        names = {focus for _, focus, _ in told[path].first() if focus is not None}
        assert county.people[-1] not in {owner[name] for name in names}
        # Whoever is permitted from the beginning is told of all, whatever was killed.
        always = [name for name in names if owner[name] is county.people[0]]
        assert len(always) == county.people[0].screenings
    booked = [focus for _, focus, _ in told["/booked"].first()]
    released = [focus for _, focus, _ in told["/released"].first()]
    assert len(booked) == len(set(booked)) == sum(len(person.bookings) for person in county.people)
    assert len(released) == len(set(released)) == sum(sum(person.bookings) for person in county.people)
    assert set(released) <= set(booked)
    await ledgered(world, county, idents, told, owner)
    await world.close()


async def owners(world, people):
    """Whose each summary is, by the record it is of."""
    keys = {}
    for person in people:
        for feed in (told_county.HL7, told_county.JAIL, told_county.RELEASES):
            keys[world.patient(feed, person.key)] = person
    sql = "SELECT o.id, p.id FROM resource o JOIN resource p ON p.rid = o.patient WHERE o.type = 3"
    return {f"Observation/{name}": keys[patient] for name, patient in world.rows(sql)}


async def ledgered(world, county, idents, told, owner):
    """Each delivery is in the ledger before it arrived, with what it told; nothing passed that was not permitted."""
    entries = [entry async for entry, *_ in world.services.ledger.entries()]
    for path, ident in idents.items():
        own = [
            (entry.at, range(*bounds(entry.target)), {name for name, *_ in entry.passed})
            for entry in entries
            if entry.interaction == "notification" and entry.target.startswith(f"Subscription/{ident} ")
        ]
        for arrived, events in told[path].bundles:
            numbers = [number for number, _, _ in events]
            focus = {name for _, name, notice in events if name is not None and not notice}
            assert any(
                at <= arrived and set(numbers) == set(told_numbers) and focus <= passed
                for at, told_numbers, passed in own
            )
        for at, _, passed in own:
            assert [name for name in passed if name in owner and path != "/booked" and owner[name].forbidden(at)] == []


def bounds(target):
    """The numbers of a ledger entry's events, as a range takes them."""
    low, _, high = target.partition(" ")[2].partition("-")
    return int(low), int(high) + 1
