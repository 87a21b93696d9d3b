"""Backups and what is kept apart from them: their keys, older copies of these, older backups, whoever tampers."""

from __future__ import annotations

import asyncio
import io
import shutil

import apsw
import asserting
import backed_up
import orjson
import pytest
import records
import worlds
from backed_up import rows

from adapter.backup.restoring import Wanted, restore
from adapter.backup.taking import back_up
from adapter.errors import SallyportError
from adapter.services import backups
from adapter.services.backup_keys import KEYS, BackupKeys
from adapter.services.backups import Manifest
from adapter.settings import load_site
from adapter.store.sealing import CAME_BACK, DESTROYED

MARK = b"QUISLINGTON"


class County:
    """A site on the disk that is opened for each thing that is done there."""

    def __init__(self, folder):
        self.folder, self._times = folder, 0

    def on(self, work):
        async def main():
            self._times += 1
            world = await worlds.open_site(self.folder, first_id=self._times * 10_000)
            try:
                return await work(world)
            finally:
                await world.close()

        return asyncio.run(main())

    def deliver(self, *rows, name="extract"):
        return self.on(lambda world: world.deliver("jail-roster", records.roster(*rows), name))

    def destroy(self, person="QUIS9"):
        async def work(world):
            what = f"Patient/{world.patient('jail-roster', person)}"
            made = await world.services.sealing.seal(what, asserting.staff(), authority="order", expunge=True)
            return await world.services.sealing.confirm(made.row.id, asserting.staff("P. Officer"))

        return self.on(work)

    def back_up(self, place):
        folder = self.folder.with_name(place)
        back_up(load_site(self.folder), folder, with_key=True, progress=lambda *_: None)
        return folder

    def restore(self, backup, place, keys=None, **wanted):
        target = self.folder.with_name(place)
        return restore(Wanted(folder=backup, target=target, keys=keys or self.folder / KEYS, **wanted)), target


def row(booking="QUISB9", **changed):
    return records.roster_row("QUIS9", last=MARK.decode(), ssn="433-27-7777", booking=booking, **changed)


def told(folder):
    return any(MARK in data or MARK.title() in data for data in backed_up.everything(folder / "data").values())


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    county = County(tmp_path_factory.mktemp("marked") / "site")
    county.deliver(row(), records.roster_row("J8"))
    (county.folder / "site.key").write_bytes(worlds.SECRET)
    return county.folder


@pytest.fixture
def county(marked, tmp_path):
    shutil.copytree(marked, tmp_path / "site")
    return County(tmp_path / "site")


def states(folder):
    return sorted(rows(folder, "store", "SELECT state, times FROM set_apart"))


def test_a_person_who_came_back_is_in_later_backups_until_destroyed_again(county):
    first = county.back_up("first")
    county.destroy()
    county.deliver(row("QUISB10", booked="2026-05-01 08:10:00"), name="again")
    assert states(county.folder) == [(DESTROYED, 1), (CAME_BACK, 1)]
    back = county.back_up("back")
    made, folder = county.restore(back, "r1")
    assert (made.records, told(folder), states(folder)) == (0, True, states(county.folder))
    made, folder = county.restore(first, "r2")
    assert (made.records, told(folder)) == (2, False)
    county.destroy()
    assert not told(county.folder)
    for place, backup in enumerate((first, back)):
        made, folder = county.restore(backup, f"s{place}")
        assert (made.records, told(folder)) == (2, False)
        assert (DESTROYED, 2) in states(folder)


def test_a_line_that_waited_while_a_backup_was_taken_is_lost_to_it_too(county):
    """Its record came of it only once the mapping was mended and it was replayed."""
    county.destroy()
    mapping = county.folder / "mappings" / "jail_roster.yaml"
    right = mapping.read_text()
    mapping.write_text(right.replace("person: [PatientID]", "person: [Middle]"))
    county.deliver(row("QUISB11"), records.roster_row("J7", last="OTHERWISE", booking="B7"), name="unable")
    assert len(rows(county.folder, "store", "SELECT 1 FROM quarantine")) == 2
    backup = county.back_up("waiting")
    assert told(county.restore(backup, "r1")[1])
    mapping.write_text(right)
    county.on(lambda world: world.services.ingest.replay())
    county.destroy()
    assert not told(county.folder)
    made, folder = county.restore(backup, "r2")
    assert (told(folder), made.raw) == (False, 1)
    assert [b"OTHERWISE" in raw for (raw,) in rows(folder, "store", "SELECT raw FROM quarantine")] == [True]


def test_a_receipt_that_was_not_brought_in_yet_is_lost_line_by_line(county):
    extract = records.roster(row("QUISB12"), records.roster_row("J7", last="OTHERWISE", booking="B7"))
    county.destroy()

    async def receive(world):
        return await world.services.ingest.receive("jail-roster", "early", io.BytesIO(extract))

    receipt = county.on(receive)
    backup = county.back_up("early")
    county.on(lambda world: world.services.ingest.process(receipt))
    county.destroy()
    assert not told(county.folder)
    _, folder = county.restore(backup, "r1")
    assert not told(folder)
    raw = b"".join(bytes(data) for (data,) in rows(folder, "inbox", "SELECT data FROM chunk"))
    assert b"OTHERWISE" in raw
    again = County(folder)
    again.on(lambda world: world.services.ingest.process(receipt))
    assert not told(folder)
    assert (
        rows(folder, "store", "SELECT 1 FROM resource WHERE rid IN (SELECT rid FROM set_apart WHERE state = 1)") == []
    )


def test_keys_of_before_a_destruction_open_it_and_a_list_destroys_it_again(county):
    backup = county.back_up("backup")
    copy = county.folder.with_name("copy.keys")
    shutil.copyfile(county.folder / KEYS, copy)
    county.destroy()
    later = county.back_up("later")
    made, folder = county.restore(backup, "r1", keys=copy)
    assert (made.records, made.older, told(folder)) == (0, False, True)
    # The later backup never held it, knows that it is gone, and takes the keys of it away.
    made, folder = county.restore(later, "r2", keys=copy)
    assert (made.older, told(folder)) == (True, False)
    made, folder = county.restore(backup, "r3", keys=folder / KEYS)
    assert (made.records, told(folder)) == (2, False)
    listed = [one._asdict() | {"state": "destroyed"} for one in BackupKeys.read(county.folder / KEYS).acts.values()]
    made, folder = county.restore(backup, "r4", keys=copy, destroyed=listed)
    assert (made.again, told(folder)) == (2, False)


def test_a_destruction_without_the_keys_is_finished_once_they_are_there(county):
    backup = county.back_up("backup")
    away = (county.folder / KEYS).rename(county.folder.with_name("away"))
    with pytest.raises(SallyportError, match="is not there"):
        county.destroy()
    assert not told(county.folder)
    with pytest.raises(SallyportError, match="is not there"):
        county.back_up("none")
    county.on(lambda world: world.services.sealing.resume())  # a server starts all the same
    away.rename(county.folder / KEYS)
    county.on(lambda world: world.services.sealing.resume())
    made, folder = county.restore(backup, "restored")
    assert (made.records, told(folder)) == (2, False)


def changed(folder, change):
    """Change a backup and its manifest with it, as somebody who has no keys can."""
    change(folder)
    manifest = orjson.loads((folder / backups.MANIFEST).read_bytes())
    manifest["files"] = backups.files_of(folder)
    (folder / backups.MANIFEST).write_bytes(orjson.dumps(manifest))


def test_whoever_changes_a_backup_and_its_manifest_is_noticed(county):
    backup = county.back_up("backup")
    other = county.back_up("other")

    def cut(folder):
        path = folder / "store" / "store.sealed"
        path.write_bytes(path.read_bytes()[:-1])

    def older(folder):
        shutil.copyfile(other / "store" / "inbox.sealed", folder / "store" / "inbox.sealed")

    def document(folder):
        (folder / "documents" / "partners.yaml").write_text("partners: {}\n")

    for place, change in enumerate((cut, older, document)):
        shutil.copytree(backup, county.folder.with_name(f"b{place}"))
        changed(county.folder.with_name(f"b{place}"), change)
        with pytest.raises(SallyportError, match=r"manifest\.json of this backup is not as it was written"):
            county.restore(county.folder.with_name(f"b{place}"), f"r{place}")
        assert not county.folder.with_name(f"r{place}").exists()


def test_without_the_right_keys_nothing_is_restored(county, tmp_path):
    backup = county.back_up("backup")
    with pytest.raises(SallyportError, match="name the keys of backups"):
        restore(Wanted(folder=backup, target=tmp_path / "none"))
    BackupKeys.made(bytes).keep(tmp_path / "others")
    with pytest.raises(SallyportError, match="not the keys of the site"):
        county.restore(backup, "none", keys=tmp_path / "others")
    (tmp_path / "broken").write_bytes((county.folder / KEYS).read_bytes()[:-1])
    with pytest.raises(SallyportError, match="is not whole"):
        county.restore(backup, "none", keys=tmp_path / "broken")
    assert not (tmp_path / "none").exists()


def in_the_clear(county, place):
    """A backup as earlier versions made them."""
    folder = county.folder.with_name(place)
    (folder / "store").mkdir(parents=True)
    for name in ("store", "inbox", "ledger"):
        source = apsw.Connection(str(county.folder / "data" / f"{name}.sqlite"))
        source.execute("VACUUM INTO ?", (str(folder / "store" / f"{name}.sqlite"),))
        source.close()
    backups.copy_documents(county.folder, folder / "documents", without=county.folder / "data")
    head = county.on(lambda world: world.services.ledger.head())
    told = {"taken": "2026-11-22T12:00:00Z", "version": "1", "secret": backups.fingerprint(worlds.SECRET), "format": 1}
    told |= {"entries": head.entries, "head": head.digest.hex(), "schemas": {}, "files": backups.files_of(folder)}
    (folder / backups.MANIFEST).write_bytes(orjson.dumps(told))
    return folder


def test_a_backup_of_an_earlier_version_is_restored_and_what_the_keys_know_destroyed_again(county):
    older = in_the_clear(county, "older")
    assert not Manifest.read(older).sealed
    county.back_up("first")
    county.destroy()
    key = county.folder / "site.key"
    made = restore(Wanted(folder=older, target=county.folder.with_name("r1"), key=key))
    assert (made.again, told(county.folder.with_name("r1"))) == (0, True)
    made, folder = county.restore(older, "r2", key=key)
    assert (made.again, told(folder)) == (2, False)
    assert County(folder).back_up("of-r2").exists()


def test_a_receipt_of_a_feed_that_the_site_has_no_more_goes_as_a_whole(county):
    """Nobody can tell its records apart; whether it was brought in or not."""
    county.destroy()
    extract = records.roster(row("QUISB13"))
    receipt = county.on(lambda world: world.services.ingest.receive("jail-roster", "early", io.BytesIO(extract)))
    feed = county.folder / "feeds" / "jail_roster.yaml"
    assert feed.exists()
    away = feed.rename(county.folder.with_name("feed"))
    backup = county.back_up("without")
    away.rename(feed)
    county.on(lambda world: world.services.ingest.process(receipt))
    later = county.back_up("later")
    county.destroy()
    for place, one in enumerate((backup, later)):
        assert not told(county.restore(one, f"r{place}")[1])
