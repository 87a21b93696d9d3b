"""Backups and destruction: whatever is destroyed is gone from every backup that was ever taken, and nothing else is."""

from __future__ import annotations

import asyncio
import random
import shutil

import asserting
import backed_up
import orjson
import pytest
import records
import worlds
from backed_up import rows, tables

from adapter.backup.restoring import Wanted, restore
from adapter.backup.taking import back_up
from adapter.fhir.served import Parts, join
from adapter.fictional.county import write_county
from adapter.services.backup_keys import KEYS
from adapter.services.keys import SiteKeys
from adapter.settings import load_site
from adapter.store.shapes import TYPE_NAMES, row_key
from adapter.store.sqlite.sealing import ERASED, ERASED_OF_PATIENT

MARK = "QUISLINGTON"
IN_FORCE = {"patient_policy", "patient_policy_past", "patient_policy_source", "boundary", "setting"}
"""What is computed again when a restored site is opened."""


def on_site(folder, work, first_id=1):
    """Open a site, work on it, close it."""

    async def main():
        world = await worlds.open_site(folder, first_id=first_id)
        try:
            return await work(world)
        finally:
            await world.close()

    return asyncio.run(main())


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A small county, and one person of whom nobody else shares a value."""
    folder = tmp_path_factory.mktemp("furnished")
    write_county(folder / "extracts", people=5, seed=11, as_of=worlds.AS_OF)

    async def furnish(world):
        await worlds.ingest_all(world, folder / "extracts")
        rows = [records.roster_row("QUIS9", last=MARK, ssn="433-27-7777", booking="QUISB9"), records.roster_row("J8")]
        await world.deliver("jail-roster", records.roster(*rows, '"RAGGED","ROW"\r\n'), "marked")

    on_site(folder / "site", furnish)
    (folder / "site" / "site.key").write_bytes(worlds.SECRET)
    return folder / "site"


@pytest.fixture
def site(furnished, tmp_path):
    shutil.copytree(furnished, tmp_path / "site")
    return tmp_path / "site"


def take(site, folder):
    return back_up(load_site(site), folder, with_key=True, progress=lambda *_: None)


def destroy(site, whats, number):
    """Destroy each in turn, unless it went with one before."""

    async def work(world):
        for what in whats:
            if world.rows("SELECT 1 FROM set_apart WHERE rid = ?", row_key(*what.split("/"))):
                continue
            made = await world.services.sealing.seal(what, asserting.staff(), authority="order 2026-77", expunge=True)
            await world.services.sealing.confirm(made.row.id, asserting.staff("P. Officer"))

    on_site(site, work, first_id=number * 10_000)


def destroyable(site):
    """Records that may be destroyed: Type/id, whole source records of a person among them."""
    kept = {rid for (rid,) in rows(site, "store", "SELECT patient FROM resource WHERE type = 6")}
    held = rows(site, "store", "SELECT rid, type, id FROM resource WHERE patient <> 0 AND type NOT IN (6, 7)")
    apart = {rid for (rid,) in rows(site, "store", "SELECT rid FROM set_apart")}
    return [f"{TYPE_NAMES[kind]}/{ident}" for rid, kind, ident in held if rid not in kept | apart]


def gone(site):
    return [rid for (rid,) in rows(site, "store", "SELECT rid FROM set_apart WHERE state = 1")]


@pytest.mark.parametrize("seed", range(1))
def test_whatever_is_destroyed_every_earlier_backup_has_lost_and_nothing_else(site, tmp_path, seed):
    chance = random.Random(seed)  # noqa: S311 - a test chooses reproducibly
    for step in range(2):
        take(site, tmp_path / f"backup{step}")
        destroy(site, chance.sample(destroyable(site), 3), 1 + step)
        assert gone(site)
    live = tables(site)
    for step in range(2):
        restored = tmp_path / f"restored{step}"
        made = restore(Wanted(folder=tmp_path / f"backup{step}", target=restored, keys=site / KEYS))
        found = tables(restored)
        assert made.records > 0
        for rid in gone(site):
            for table, columns in (ERASED | ERASED_OF_PATIENT).items():
                for column in columns:
                    assert rows(restored, "store", f"SELECT 1 FROM {table} WHERE {column} = ?", rid) == [], table
        different = backed_up.differences(live, found)
        assert {table for file, table in different if file != "ledger"} <= IN_FORCE | {"set_apart", "segment"}
        assert apart(live) == apart(found)
        # Opened, it is in force as in the site it was taken of.
        on_site(restored, lambda world: world.services.store.counts(), first_id=90_000)
        for table in ("patient_policy", "boundary"):
            assert tables(restored)["store", table] == live["store", table], table
    on_site(tmp_path / "restored0", lambda world: world.services.ledger.verify(), first_id=95_000)


def apart(found):
    """Tombstones without where a record stood before: that is for opening a seal."""
    return [row[:5] + row[7:] for row in found["store", "set_apart"]]


def values(node):
    if isinstance(node, dict):
        for one in node.values():
            yield from values(one)
    elif isinstance(node, list):
        for one in node:
            yield from values(one)
    elif isinstance(node, str):
        yield node


def test_no_byte_of_a_backup_tells_of_anybody(site, tmp_path):
    """Neither names nor numbers nor birth dates nor scores nor raw lines, in no file of it, the documents apart."""
    take(site, tmp_path / "backup")
    data = b"\0".join(
        content for path, content in backed_up.everything(tmp_path / "backup").items() if path.parts[0] == "store"
    )
    told = set()
    for head, tail in rows(site, "store", "SELECT head, tail FROM resource WHERE type IN (1, 2, 3, 5)"):
        told.update(one for one in values(orjson.loads(join(Parts(head=head, tail=tail)))) if len(one) > 5)
    told -= {"Patient", "Encounter", "Observation", "QuestionnaireResponse", "active", "official"}
    assert MARK.title() in told or MARK in told
    told = {one for one in told if not one.startswith(("http", "urn:"))}
    assert len(told) > 50
    raw = b"".join(bytes(chunk) for (chunk,) in rows(site, "inbox", "SELECT data FROM chunk"))
    lines = [line for line in raw.splitlines() if len(line) > 12]
    assert [one for one in told if one.encode() in data] == []
    assert [line for line in lines if line in data] == []
    for (value,) in rows(site, "store", "SELECT code FROM term WHERE length(code) > 5"):
        assert value.encode() not in data


def test_nothing_of_a_destroyed_record_is_left_in_what_is_restored(site, tmp_path):
    take(site, tmp_path / "backup")
    destroy(site, [f"Patient/{patient(site)}"], 1)
    restore(Wanted(folder=tmp_path / "backup", target=tmp_path / "restored", keys=site / KEYS))
    for folder in (site, tmp_path / "restored"):
        for name, data in backed_up.everything(folder / "data").items():
            for word in (MARK, MARK.title(), "433-27-7777", "QUIS9", "QUISB9"):
                assert word.encode() not in data, (folder.name, name, word)
    # What waits beside its raw line is where it was.
    assert rows(tmp_path / "restored", "store", "SELECT ordinal, raw FROM quarantine") == rows(
        site, "store", "SELECT ordinal, raw FROM quarantine"
    )


def patient(site):
    return SiteKeys(worlds.SECRET).resource_id("jail-roster", "Patient", "QUIS9")
