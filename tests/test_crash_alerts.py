"""Killed at any moment between quarantine and alert: every urgent record that waits is told, none is recorded twice."""

from __future__ import annotations

import json
import random

import apsw
import crashing
import pytest
import records
import worlds

from adapter.assets import copy_fictional_county

FEED, URGENT = "riverside-ehr", 30


def extract(path):
    """Urgent records that cannot be read, between others of both kinds."""
    lines = []
    for number in range(URGENT):
        broken = records.clinic_result(f"u{number}", code="93374-7", score=7) | {"valueString": "?"}
        del broken["valueQuantity"]
        lines += [records.clinic_result(f"o{number}", score=99), broken, records.clinic_result(f"g{number}", score=3)]
    path.write_bytes(records.ndjson(*lines))
    return path


def alerts(site):
    db = apsw.Connection(str(site / "data" / "store.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    found = list(db.execute("SELECT line, told FROM alert ORDER BY line"))
    waiting = {line for (line,) in db.execute("SELECT line FROM quarantine")}
    (left,) = next(db.execute("SELECT count(*) FROM outbox WHERE channel = 'alert'"))
    db.close()
    return found, waiting, left


@pytest.fixture(scope="module")
def commands():
    with crashing.Commands() as started:
        yield started


def test_nothing_urgent_is_lost_between_quarantine_and_alert(commands, tmp_path):
    site = tmp_path / "site"
    copy_fictional_county(site)
    (site / "site.key").write_bytes(worlds.SECRET)
    path = extract(tmp_path / "extract.ndjson")
    chance = random.Random(20261122)  # noqa: S311 - a test chooses its moments reproducibly
    ingest = ["ingest", "--site", str(site), FEED, str(path), "--json"]
    replay = ["replay", "--site", str(site), "--json"]
    tell = ["alerts", "--site", str(site), "--json"]
    code, _ = commands.finish(["migrate", "--site", str(site)], batch=3)
    assert code == 0
    kills = 0
    for order in (ingest, tell, ingest, replay, tell, ingest, tell, replay, tell):
        kills += commands.kill_after(chance.uniform(0, 0.5), commands.start(order, batch=3))
        found, waiting, _ = alerts(site)
        # Whatever waits and is urgent has its alert at every moment.
        assert {line for line in waiting if line % 3 == 2} == {line for line, _ in found}
    assert kills
    for order in (ingest, replay):
        code, _ = commands.finish(order, batch=3)
        assert code == 0
    found, waiting, left = alerts(site)
    assert [line for line, _ in found] == [3 * number + 2 for number in range(URGENT)]
    assert len(waiting) == 2 * URGENT
    # Who was killed while telling holds the lease for a minute: it is told after that.
    db = apsw.Connection(str(site / "data" / "store.sqlite"))
    db.execute("UPDATE outbox SET lease = 0")
    db.close()
    assert left == len([line for line, told in found if not told])
    code, _ = commands.finish(tell, batch=3)
    assert code == 0
    found, _, left = alerts(site)
    assert left == 0
    assert all(told for _, told in found)
    assert json.dumps(found)
