"""A pull killed at any moment: what was fetched is kept once, and at the end nothing is missing and nothing doubled."""

from __future__ import annotations

import random

import apsw
import crashing
import pytest
import records
import worlds
from partner_server import Partner

from adapter.assets import copy_fictional_county

FEED, RESULTS, KILLS = "riverside-ehr", 12, 3


def content(site):
    """What the store holds, without the moments at which it was written."""
    db = apsw.Connection(str(site / "data" / "store.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    found = list(db.execute("SELECT type, id, revision FROM resource WHERE type <> 8 ORDER BY rid"))
    (waiting,) = next(db.execute("SELECT count(*) FROM quarantine"))
    db.close()
    return found, waiting


def received(site):
    db = apsw.Connection(str(site / "data" / "inbox.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    found = list(db.execute("SELECT name, sha256 FROM receipt WHERE complete = 1 ORDER BY seq"))
    db.close()
    return found


def new_site(folder, partner, **changes):
    copy_fictional_county(folder)
    (folder / "site.key").write_bytes(worlds.SECRET)
    partner.adjust(folder, **changes)
    return folder


@pytest.mark.parametrize("export", [None, "system"])
def test_nothing_that_was_fetched_is_lost_or_doubled(tmp_path, export):
    results = [records.clinic_result(f"o{n}", score=n, at=f"2026-03-03T09:{n:02d}:00-07:00") for n in range(RESULTS)]
    chance = random.Random(20261122)  # noqa: S311 - a test chooses its moments reproducibly
    with Partner() as partner, crashing.Commands() as commands:
        partner.order(put=[records.clinic_patient(), *results])
        whole = new_site(tmp_path / "whole", partner, export=export)
        code, took = commands.finish(["pull", "--site", str(whole), FEED, "--json"], batch=3)
        assert code == 0
        cut = new_site(tmp_path / "cut", partner, export=export)
        assert commands.finish(["migrate", "--site", str(cut)], batch=3)[0] == 0
        pull = ["pull", "--site", str(cut), FEED, "--json"]
        kills, before = 0, []
        for _ in range(KILLS):
            kills += commands.kill_after(chance.uniform(took * 0.1, took * 0.8), commands.start(pull, batch=3))
            now = received(cut)
            assert now[: len(before)] == before
            before = now
        assert kills
        code, _ = commands.finish(pull, batch=3)
        assert code == 0
        assert content(cut) == content(whole)
        assert len(content(cut)[0]) > 2 * RESULTS
