"""Killed while it copies, seals or destroys, or asked to stop while it answers: nothing is half done or lost."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import socket
import threading
import time

import apsw
import crashing
import httpx2
import pytest
import records
import worlds

from adapter import bootstrap, inspection
from adapter.assets import copy_fictional_county
from adapter.services import backups
from adapter.services.backup_keys import KEYS, BackupKeys
from adapter.settings import load_site

BATCH = 50
KILLS = 4
ROWS = 40
PERSON = "jail-roster:J7"
BY = ("--by", "R. Desk")


@pytest.fixture(scope="module")
def commands():
    with crashing.Commands() as started:
        yield started


@pytest.fixture
def anyio_backend():
    return "asyncio"


def finish(commands, *arguments):
    code, took = commands.finish([str(argument) for argument in arguments], batch=BATCH)
    assert code == 0
    return took


@pytest.fixture(scope="module")
def furnished(commands, tmp_path_factory):
    """A site that received two rosters of some people."""
    folder = tmp_path_factory.mktemp("furnished")
    copy_fictional_county(folder / "site")
    (folder / "site" / "site.key").write_bytes(worlds.SECRET)
    for number in range(2):
        rows = [
            records.roster_row(
                f"J{place}", last=f"NAME{place}X", ssn=f"433-27-{6000 + place}", booking=f"B{number}-{place}"
            )
            for place in range(ROWS)
        ]
        (folder / "roster").write_bytes(records.roster(*rows))
        finish(commands, "ingest", "--site", folder / "site", "jail-roster", folder / "roster", "--json")
    return folder / "site"


@pytest.fixture
def site(furnished, tmp_path):
    shutil.copytree(furnished, tmp_path / "site")
    return tmp_path / "site"


def rows(site, name, sql):
    db = apsw.Connection(str(site / "data" / f"{name}.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    found = list(db.execute(sql))
    db.close()
    return found


async def verified(site):
    ledger = inspection.open_ledger(load_site(site))
    try:
        return await ledger.verify()
    finally:
        ledger.close()


@pytest.mark.anyio
async def test_a_backup_that_was_cut_short_is_none_and_the_site_is_as_it_was(commands, site, tmp_path):
    def resources():
        return rows(site, "store", "SELECT rid, version, head, tail FROM resource ORDER BY rid")

    before = resources()
    took = finish(commands, "backup", tmp_path / "whole", "--site", site)
    chance = random.Random(20261122)  # noqa: S311 - a test chooses its moments reproducibly
    folder, kills = tmp_path / "cut", 0
    while kills < KILLS:
        pid = commands.start(["backup", str(folder), "--site", str(site)], batch=BATCH)
        if not commands.kill_after(chance.uniform(0.3 * took, took), pid):
            shutil.rmtree(folder)
            took *= 0.9
            continue
        kills += 1
        if (folder / backups.MANIFEST).exists():
            backups.check(folder)  # it was killed after its end: it is a backup, and whole
            shutil.rmtree(folder)
        assert resources() == before
    finish(commands, "backup", folder, "--site", site)
    restored, keys = tmp_path / "restored", ("--key", site / "site.key", "--keys", site / "backup.keys")
    command = [str(one) for one in ("restore", folder, "--site", restored, *keys)]
    took = finish(commands, *command[:3], tmp_path / "first", *keys)
    for _ in range(KILLS):
        pid = commands.start(command, batch=BATCH)
        if commands.kill_after(chance.uniform(0.3 * took, took), pid):
            assert not (restored / "data").exists()
        else:
            shutil.rmtree(restored)
    finish(commands, *command)
    assert rows(restored, "store", "SELECT rid, version, head, tail FROM resource ORDER BY rid") == before
    assert await verified(restored) == len(rows(restored, "ledger", "SELECT 1 FROM entry"))


@pytest.mark.anyio
async def test_killed_while_it_seals_and_destroys_it_ends_as_if_nothing_had_happened(commands, site, tmp_path):
    """All of a person is sealed or nothing is; what was confirmed is gone in the end, raw lines included."""
    chance = random.Random(20261123)  # noqa: S311 - as above

    def cut(longest, *arguments):
        pid = commands.start([str(argument) for argument in arguments], batch=BATCH)
        return commands.kill_after(chance.uniform(0.2 * longest, longest), pid)

    def sealed():
        return rows(site, "store", "SELECT count(*), sum(state) FROM set_apart")[0]

    asked = ("record", "expunge", "--site", site, PERSON, "--authority", "order 2026-77", *BY)
    other = ("record", "seal", "--site", site, "jail-roster:J8", "--authority", "order 2026-78", *BY)
    longest = finish(commands, *other)
    count = sealed()[0]
    assert count == 3
    for _ in range(KILLS):
        cut(longest, *asked)
        assert sealed()[0] in {count, 2 * count}
        told = {target.split()[-1] for (target,) in rows(site, "ledger", "SELECT target FROM entry")}
        assert {ident for (ident,) in rows(site, "store", "SELECT id FROM sealing")} <= told
    if sealed()[0] == count:
        finish(commands, *asked)
    (ident,) = [ident for (ident,) in rows(site, "store", "SELECT id FROM sealing WHERE kind = 'expunge'")]
    confirmed = ("record", "destroy", "--site", site, ident, "--by", "P. Officer")
    finish(commands, "backup", tmp_path / "backup", "--site", site, "--with-key")
    patient = rows(site, "store", f"SELECT rid FROM set_apart WHERE sealing = '{ident}' AND type = 1")[0][0]
    for _ in range(KILLS):
        cut(longest, *confirmed)
        waiting = rows(site, "store", "SELECT count(*) FROM key_erasure")[0][0]
        if (site / KEYS).exists() and not waiting:
            known = BackupKeys.read(site / KEYS).tree.key(patient)
            assert (known is None) == bool(rows(site, "store", "SELECT 1 FROM set_apart WHERE state = 1"))
        # Destroyed or not, all of it together; and what is not erased yet is known to be left.
        gone = rows(site, "store", f"SELECT count(*) FROM set_apart WHERE sealing = '{ident}' AND state = 1")[0][0]
        assert gone in {0, count}
        left = rows(site, "store", "SELECT count(*) FROM erasure")[0][0]
        raw = b"".join(bytes(data) for (data,) in rows(site, "inbox", "SELECT data FROM chunk"))
        assert not gone or left or b"NAME7X" not in raw
    finish(commands, *confirmed)
    raw = b"".join(bytes(data) for (data,) in rows(site, "inbox", "SELECT data FROM chunk"))
    assert b"NAME7X" not in raw
    assert raw.count(b"NAME6X") == 2
    assert all(b"NAME7X" not in path.read_bytes() for path in (site / "data").iterdir())
    assert rows(site, "store", "SELECT count(*) FROM erasure") == [(0,)]
    restored = tmp_path / "restored"
    finish(commands, "restore", tmp_path / "backup", "--site", restored, "--keys", site / KEYS)
    assert all(b"NAME7X" not in path.read_bytes() for path in (restored / "data").iterdir())
    assert rows(restored, "store", "SELECT rid, version, head, tail FROM resource ORDER BY rid") == rows(
        site, "store", "SELECT rid, version, head, tail FROM resource ORDER BY rid"
    )
    assert await verified(site) > 0


async def sender_token(site):
    services = await bootstrap.build(load_site(site))
    token = await services.tokens.issue(
        client="sender",
        organisation="Organization/jail",
        purposes=["supervision"],
        rights=["feed:jail-roster"],
        lifetime=3600,
    )
    await services.store.close()
    return token


@pytest.mark.server
def test_asked_to_stop_a_server_ends_what_it_answers_and_takes_nothing_new(commands, site):
    token = asyncio.run(sender_token(site))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    pid = commands.start(["serve", "--site", str(site), "--port", str(port)], batch=BATCH)
    headers, base = {"Authorization": f"Bearer {token}"}, f"http://127.0.0.1:{port}"
    for _ in range(400):
        try:
            httpx2.get(f"{base}/health/ready")
            break
        except httpx2.TransportError:
            time.sleep(0.02)
    request_id = httpx2.get(f"{base}/fhir/Patient/absent", headers=headers).headers["x-request-id"]
    sending, stopped = threading.Event(), threading.Event()

    def body():
        yield records.roster(records.roster_row("J99", booking="B99"))
        sending.set()
        stopped.wait(10)
        yield b"\r\n"

    answers = []
    sender = threading.Thread(
        target=lambda: answers.append(
            httpx2.post(f"{base}/feeds/jail-roster", content=body(), headers=headers, timeout=20)
        )
    )
    sender.start()
    assert sending.wait(10)
    time.sleep(0.2)
    os.kill(pid, signal.SIGTERM)
    time.sleep(0.5)
    with pytest.raises(httpx2.TransportError):
        httpx2.get(f"{base}/health/live")
    stopped.set()
    sender.join(20)
    assert [answer.status_code for answer in answers] == [202]
    assert commands.wait() in {0, -signal.SIGTERM}
    assert (request_id,) in rows(site, "ledger", "SELECT request_id FROM entry")
    receipt = answers[0].json()["receipt"]
    assert (receipt, 1) in rows(site, "inbox", "SELECT id, complete FROM receipt")
    assert asyncio.run(verified(site)) > 0
