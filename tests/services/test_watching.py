"""Watched folders: a file is durable before it is set aside, taken once whatever stops in between, never deleted."""

from __future__ import annotations

import logging

import pytest
import records
import worlds
import yaml

from adapter.services.watching import Watched
from connectors.transport.finished import Finished
from connectors.transport.folders import DropFolder, WatchedFolder

pytestmark = pytest.mark.anyio
FEED = "jail-roster"
ROSTER = records.roster(records.roster_row())


@pytest.fixture
def drop(tmp_path):
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


def watched(folder, *, set_aside=True, feed=FEED):
    place = WatchedFolder(DropFolder(folder), Finished(), clock=lambda: 0.0, set_aside=set_aside)
    return Watched(feed=feed, place=place, every=1)


def watching(world):
    return world.services.ways_in._watching


async def receipts(world):
    return [(one.name, one.size) for one in await world.services.inbox.receipts()]


def done(folder):
    return sorted(path.name for path in (folder / "done").iterdir()) if (folder / "done").exists() else []


async def test_a_file_is_kept_set_aside_and_brought_in(world, drop):
    (drop / "roster.csv").write_bytes(ROSTER)
    assert await watching(world).look(watched(drop)) == 1
    assert await receipts(world) == [("roster.csv", len(ROSTER))]
    assert done(drop) == ["roster.csv"]
    assert not (drop / "roster.csv").exists()
    await world.services.intake.drain()
    assert world.rows("SELECT count(*) FROM resource WHERE type = 1") == [(1,)]
    assert await watching(world).look(watched(drop)) == 0


async def test_a_file_that_is_left_is_taken_once_and_again_when_it_is_written_anew(world, drop):
    place = watched(drop, set_aside=False)
    (drop / "roster.csv").write_bytes(ROSTER)
    assert [await watching(world).look(place) for _ in range(3)] == [1, 0, 0]
    (drop / "roster.csv").write_bytes(records.roster(records.roster_row("X", booking="X")))
    assert [await watching(world).look(place) for _ in range(2)] == [1, 0]
    assert len(await receipts(world)) == 2


@pytest.mark.parametrize("step", ["receive", "watched", "taken"])
async def test_stopped_between_any_two_steps_a_file_is_taken_once(tmp_path, drop, monkeypatch, step):
    class Stop(BaseException):
        pass

    world = await worlds.open_site(tmp_path / "site")
    (drop / "roster.csv").write_bytes(ROSTER)
    place = watched(drop)
    inner = watching(world)
    holder, name = {
        "receive": (inner._ingest, "receive"),
        "watched": (inner._messages, "watched"),
        "taken": (place.place, "taken"),
    }[step]
    original = getattr(holder, name)

    async def stops(*arguments):
        await original(*arguments)
        raise Stop

    def stops_at_once(*arguments, **named):
        raise Stop

    monkeypatch.setattr(holder, name, stops_at_once if step == "watched" else stops)
    with pytest.raises(Stop):
        await inner.look(place)
    assert (drop / "roster.csv").exists() or done(drop) == ["roster.csv"]
    await world.close()
    world = await worlds.open_site(tmp_path / "site", first_id=1000)
    await watching(world).look(watched(drop))
    await world.services.intake.take_up()
    await world.services.intake.drain()
    assert len(await receipts(world)) == 1
    assert done(drop) == ["roster.csv"]
    assert world.rows("SELECT count(*) FROM resource WHERE type = 1") == [(1,)]
    await world.close()


async def test_a_file_that_cannot_be_read_holds_up_no_other_and_its_name_is_not_told(world, drop, caplog, monkeypatch):
    for name in ("a-MARSH-ADA.csv", "b.csv"):
        (drop / name).write_bytes(ROSTER)
    place = watched(drop)
    original = place.place.open

    async def refusing(file):
        if file.name.startswith("a"):
            raise PermissionError(13, "denied", file.name)
        return await original(file)

    monkeypatch.setattr(place.place, "open", refusing)
    with caplog.at_level(logging.WARNING):
        assert await watching(world).look(place) == 1
        world.services.channels.flush()
    assert done(drop) == ["b.csv"]
    assert "PermissionError" in caplog.text
    assert "MARSH" not in caplog.text
    assert [each.kind for each in world.services.channels.events(FEED)] == ["watch-PermissionError"]
    monkeypatch.setattr(place.place, "open", original)
    assert await watching(world).look(place) == 1


async def test_a_folder_that_is_gone_is_told_and_looked_at_again(world, drop):
    place = watched(drop / "gone")
    assert await watching(world).look(place) == 0
    (drop / "gone").mkdir()
    (drop / "gone" / "roster.csv").write_bytes(ROSTER)
    assert await watching(world).look(place) == 1
    assert [each.kind for each in world.services.channels.events(FEED)] == ["watch-FileNotFoundError"]


async def test_a_file_that_changes_while_it_is_read_is_not_kept(world, drop, monkeypatch):
    path = drop / "roster.csv"
    path.write_bytes(ROSTER)
    place = watched(drop)
    original = place.place.open

    async def grown(file):
        stream = await original(file)
        path.write_bytes(ROSTER + records.roster_row("X", booking="X").encode())
        return stream

    monkeypatch.setattr(place.place, "open", grown)
    assert await watching(world).look(place) == 0
    assert await receipts(world) == []
    assert world.services.store._inbox_db.execute("SELECT count(*) FROM chunk").fetchone() == (0,)
    monkeypatch.setattr(place.place, "open", original)
    assert await watching(world).look(place) == 1


async def test_a_closed_feed_leaves_its_files_where_they_are(tmp_path, drop):
    def lapse(folder):
        path = folder / "agreements" / "hosting_contract.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"end": "2026-11-21"}))

    world = await worlds.open_site(tmp_path / "site", adjust=lapse)
    (drop / "roster.csv").write_bytes(ROSTER)
    assert await watching(world).look(watched(drop)) == 0
    assert (drop / "roster.csv").exists()
    assert await receipts(world) == []
    await world.close()
