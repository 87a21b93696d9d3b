"""Killed at any moment: nothing that was acknowledged is lost, nothing is doubled, and the rest can be finished.

For each file, `sallyport ingest` is killed with SIGKILL somewhere between its start and its end, twice, and so is
`sallyport replay`; then the sender sends again what nobody acknowledged. At the end the store has to be what it is
without any of that.
"""

from __future__ import annotations

import io
import random
import socket
import time

import apsw
import crashing
import httpx2
import pytest
import records
import worlds
from stored_content import content, new_site

from adapter import bootstrap
from adapter.cli.feeds import files_of
from adapter.fictional.county import write_county
from adapter.settings import load_site

BATCH = 7


def inbox(site):
    """Feed, size and digest of every complete receipt."""
    db = apsw.Connection(str(site / "data" / "inbox.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    found = list(db.execute("SELECT feed, bytes, sha256 FROM receipt WHERE complete = 1 ORDER BY feed, bytes, sha256"))
    db.close()
    return found


def deliveries(folder):
    """Files of every feed: those of a small county, cut into two days each, and one with broken records."""
    write_county(folder, people=14, seed=5, as_of=worlds.AS_OF)
    site = load_site(new_site(folder / "names"))
    found = [
        (feed.feed, path)
        for feed in site.feeds.values()
        if not feed.is_written
        for path in files_of([folder / feed.extract])
    ]
    broken = folder / "broken.csv"
    rows = [records.roster_row(f"X{n}", booking=f"X{n}", ssn="") for n in range(40)]
    broken.write_bytes(records.roster(*(row for each in rows for row in (each, '"RAGGED","ROW"\r\n'))))
    changed = folder / "changed.csv"
    rows = [records.roster_row(f"X{n}", booking=f"X{n}", ssn="", released="2026-03-09 10:00:00") for n in range(40)]
    changed.write_bytes(records.roster(*rows))
    return [*found, ("jail-roster", broken), ("jail-roster", changed)]


def ingest_command(site, feed, path):
    return ["ingest", "--site", str(site), feed, str(path), "--json"]


@pytest.fixture(scope="module")
def commands():
    with crashing.Commands() as started:
        yield started


def finish(commands, arguments):
    """Run a command to its end; how long that took."""
    code, took = commands.finish(arguments, batch=BATCH)
    assert code == 0
    return took


@pytest.fixture(scope="module")
def undisturbed(commands, tmp_path_factory):
    """What the store is when nobody kills anything, and how long each file took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    files = deliveries(folder / "extracts")
    site = new_site(folder / "site")
    times = [finish(commands, ingest_command(site, feed, path)) for feed, path in files]
    return files, times, content(site), inbox(site)


def killed(commands, arguments, took, chance, *, times):
    """Start a command until it was killed so many times before its end; how many times that was."""
    count = 0
    while count < times:
        if commands.kill_after(chance.uniform(0, took), commands.start(arguments, batch=BATCH)):
            count += 1
        else:
            took *= 0.7
    return count


def test_killed_at_random_moments_the_store_ends_as_if_nothing_had_happened(commands, undisturbed, tmp_path):
    files, times, expected, received = undisturbed
    chance = random.Random(20261122)  # noqa: S311 - a test chooses its moments reproducibly
    site = new_site(tmp_path / "site")
    finish(commands, ["migrate", "--site", str(site)])
    replay = ["replay", "--site", str(site), "--json"]
    kills = 0
    for (feed, path), took in zip(files, times, strict=True):
        arguments = ingest_command(site, feed, path)
        kills += killed(commands, arguments, took, chance, times=2)
        kept = inbox(site)
        kills += killed(commands, replay, took, chance, times=1)
        assert not kept or inbox(site) == kept
        # Nobody was told that the file had arrived, so the sender sends it again.
        finish(commands, arguments)
    finish(commands, replay)
    assert kills == 3 * len(files) >= 20
    assert inbox(site) == received
    found = content(site)
    assert {name: found[name] == rows for name, rows in expected.items()} == dict.fromkeys(expected, True)


def test_a_receipt_that_is_complete_is_finished_by_replay_alone(commands, undisturbed, tmp_path):
    """What was acknowledged needs nothing more from its sender."""
    feed, path = max(undisturbed[0], key=lambda pair: pair[1].stat().st_size)
    whole, cut = new_site(tmp_path / "whole"), new_site(tmp_path / "cut")
    finish(commands, ingest_command(whole, feed, path))
    pid = commands.start(ingest_command(cut, feed, path), batch=1)
    while not acknowledged(cut):
        time.sleep(0.001)
    assert commands.kill_after(0.01, pid)
    assert len(inbox(cut)) == 1
    assert content(cut) != content(whole)
    finish(commands, ["replay", "--site", str(cut)])
    assert content(cut) == content(whole)


def acknowledged(site):
    try:
        return bool(inbox(site))
    except apsw.Error:
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Served:
    """A server of a site in a process of its own, for one sender."""

    def __init__(self, commands, site, token):
        self.port = free_port()
        self.pid = commands.start(["serve", "--no-ways-in", "--site", str(site), "--port", str(self.port)], batch=1)
        self._commands, self._token = commands, token
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20)
        for _ in range(400):
            try:
                self.client.get("/health/ready")
                break
            except httpx2.TransportError:
                time.sleep(0.02)

    def __enter__(self):
        return self

    def ask(self, method, url, **more):
        return self.client.request(method, url, headers={"Authorization": f"Bearer {self._token}"}, **more)

    def processed(self, report):
        """Wait until the sender is told that its receipt is in the store; whether it was."""
        for _ in range(400):
            if self.ask("GET", report).json()["state"] == "processed":
                return True
            time.sleep(0.05)
        return False

    def kill(self, seconds=0.0):
        """SIGKILL; whether it was still running."""
        return self._commands.kill_after(seconds, self.pid)

    def __exit__(self, *exception):
        self.client.close()


async def sender_token(site, feed):
    services = await bootstrap.build(load_site(site))
    organisation = services.site.feeds[feed].organization
    token = await services.tokens.issue(
        client="sender",
        organisation=f"Organization/{organisation}",
        purposes=[],
        rights=[f"feed:{feed}"],
        lifetime=3600,
    )
    await services.store.close()
    return token


@pytest.mark.anyio
@pytest.mark.server
@pytest.mark.parametrize("feed", ["jail-medical-hl7", "jail-roster"])
async def test_what_a_server_answered_for_is_never_lost(commands, undisturbed, tmp_path, feed):
    """Killed right after its answer and again while it works, a server ends where the file ends undisturbed."""
    path = max((path for name, path in undisturbed[0] if name == feed), key=lambda one: one.stat().st_size)
    whole, cut = new_site(tmp_path / "whole"), new_site(tmp_path / "cut")
    finish(commands, ingest_command(whole, feed, path))
    token = await sender_token(cut, feed)
    with Served(commands, cut, token) as server:
        answer = server.ask("POST", f"/feeds/{feed}", content=path.read_bytes())
        assert server.kill()
    assert answer.status_code == 202
    told = answer.json()
    (kept,) = inbox(cut)
    assert told["bytes"] == path.stat().st_size
    assert content(cut) != content(whole)
    for seconds in (0.0, 0.05):
        with Served(commands, cut, token) as server:
            assert server.kill(seconds)
        assert inbox(cut) == [kept]
    with Served(commands, cut, token) as server:
        again = server.ask("POST", f"/feeds/{feed}", content=path.read_bytes())
        assert again.json() == told
        assert server.processed(told["report"])
        assert server.kill()
    assert inbox(cut) == [kept]
    assert content(cut) == content(whole)


@pytest.mark.anyio
async def test_bytes_that_did_not_all_arrive_are_no_receipt(tmp_path):
    world = await worlds.open_site(tmp_path / "site")

    class CutShort(io.BytesIO):
        def read(self, size=-1):
            data = super().read(4)
            if not data:
                raise ConnectionError
            return data

    with pytest.raises(ConnectionError):
        await world.services.ingest.receive("jail-roster", "x", CutShort(records.roster(records.roster_row())))
    assert await world.services.inbox.receipts() == []
    assert await world.services.ingest.pending() == []
    report = await world.deliver("jail-roster", records.roster(records.roster_row()))
    assert report.written["Patient"] == 1
    await world.close()


@pytest.fixture
def anyio_backend():
    return "asyncio"
