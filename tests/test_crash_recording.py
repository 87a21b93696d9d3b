"""Killed at any moment, or by two at once: nothing that was acknowledged to staff is lost, and nothing counts twice."""

from __future__ import annotations

import random

import apsw
import asserting
import crashing
import orjson
import pytest
import records
import worlds

from adapter.assets import copy_fictional_county
from adapter.store.sqlite.connection import migrate
from adapter.store.sqlite.ledger import SqliteLedger

BATCH = 7
KILLS = 3
ADA = f"jail-medical-hl7:{records.JAIL}"
RECORDED = {
    "facts": "SELECT patient, kind, fact, author FROM legal_fact ORDER BY kind, fact",
    "acts": "SELECT act, author, words FROM legal_act ORDER BY act",
    "revocations": "SELECT feed, submission, person FROM revocation ORDER BY seq",
    "consents": "SELECT id, tail FROM resource WHERE type = 6 ORDER BY rid",
    "in force": "SELECT p.patient, q.body FROM patient_policy p JOIN policy q ON q.id = p.policy "
    "WHERE p.stop > (unixepoch() + 60) * 1000000 ORDER BY p.patient, q.body",
}


@pytest.fixture(scope="module")
def commands():
    with crashing.Commands() as started:
        yield started


def new_site(folder, commands):
    """A site that knows Ada and two forms of hers, one that was signed and one on its way on paper."""
    copy_fictional_county(folder / "site")
    (folder / "site" / "site.key").write_bytes(worlds.SECRET)
    extracts = {
        "jail-medical-hl7": records.hl7(records.phq9(4)),
        "releases": records.ndjson(records.release(records.choice("defender", purposes=("diversion",)))),
    }
    for feed, content in extracts.items():
        (folder / feed).write_bytes(content)
        finish(commands, ["ingest", "--site", str(folder / "site"), feed, str(folder / feed), "--json"])
    (folder / "paper.json").write_bytes(orjson.dumps(records.release(records.choice(), submission="r2")))
    return folder / "site"


def recordings(site):
    """What staff records one after another; every command carries its key, as somebody does who tries again."""
    by = ("--by", "R. Desk")
    facts = [part for name, value in asserting.FACTS["E"].items() for part in ("--fact", f"{name}={value}")]
    emergency = ("--basis", "E", "--recipient", "cottonwood", "--purpose", "TREAT", "--class", "screening-summary")
    asked = [
        ("record", "basis", ADA, *emergency, *facts, "--request", "k1"),
        ("record", "hold", ADA, "--oral", "--partner", "pretrial", "--request", "k2"),
        ("record", "restriction", ADA, "--source", "jail-medical", "--request", "k3"),
        ("consent", "record", "--form", "universal-release", str(site.parent / "paper.json")),
        ("consent", "revoke", "r1", "--all", "--oral", "--request", "k4"),
        ("consent", "revoke", "r1", "--partner", "defender"),
    ]
    return [[group, name, "--site", str(site), *rest, *by] for group, name, *rest in asked]


def finish(commands, arguments):
    code, took = commands.finish(arguments, batch=BATCH)
    assert code == 0
    return took


def held(site, queries=RECORDED):
    db = apsw.Connection(str(site / "data" / "store.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    found = {name: list(db.execute(sql)) for name, sql in queries.items()}
    db.close()
    return found


def ledgered(site):
    db = apsw.Connection(str(site / "data" / "ledger.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    found = "\n".join(target for (target,) in db.execute("SELECT target FROM entry"))
    db.close()
    return found


def untold(site):
    """Recorded facts of which the ledger knows nothing."""
    told = ledgered(site)
    return [ident for (ident,) in held(site, {"ids": "SELECT id FROM legal_fact"})["ids"] if ident not in told]


async def verified(site):
    db = apsw.Connection(str(site / "data" / "ledger.sqlite"))
    migrate(db, "ledger")
    count = await SqliteLedger(db, chain=b"test").verify()
    db.close()
    return count


@pytest.mark.anyio
async def test_killed_at_random_moments_everything_ends_as_if_nothing_had_happened(commands, tmp_path):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    whole = new_site(tmp_path / "whole", commands)
    times = [finish(commands, arguments) for arguments in recordings(whole)]
    expected = held(whole)
    assert len(expected["facts"]) == 4
    site = new_site(tmp_path / "killed", commands)
    chance = random.Random(20261122)  # noqa: S311 - a test chooses its moments reproducibly
    kills = 0
    for arguments, took in zip(recordings(site), times, strict=True):
        before, longest = held(site), took
        for _ in range(KILLS):
            if commands.kill_after(chance.uniform(0, longest), commands.start(arguments, batch=BATCH)):
                kills += 1
            else:
                longest *= 0.7
            # What was acknowledged earlier is all there, and nothing counts that the ledger does not tell.
            assert set(before["facts"]) <= set(held(site)["facts"])
            assert untold(site) == []
        finish(commands, arguments)
    assert kills >= KILLS * len(times) // 2
    finish(commands, ["replay", "--site", str(site), "--json"])
    found = held(site)
    assert {name: found[name] == rows for name, rows in expected.items()} == dict.fromkeys(expected, True)
    assert await verified(site) > len(times)


def test_two_processes_record_at_once(commands, tmp_path):
    """Each command is a process of its own; the two of each round write at the same moment."""
    site = new_site(tmp_path, commands)
    rounds = 6
    with crashing.Commands() as others:
        for number in range(rounds):
            for where, key in ((commands, "a"), (others, "b")):
                hold = ["record", "hold", "--site", str(site), ADA, "--oral", "--by", key, "--request"]
                where.start([*hold, f"same-{number}" if number % 2 else f"{key}-{number}"], batch=BATCH)
            assert [where.wait() for where in (commands, others)] == [0, 0]
    counted = held(site, {"authors": "SELECT author, count(*) FROM legal_fact GROUP BY author ORDER BY author"})
    assert counted["authors"] == [("staff a", rounds), ("staff b", rounds)]
    assert untold(site) == []


@pytest.fixture
def anyio_backend():
    return "asyncio"
