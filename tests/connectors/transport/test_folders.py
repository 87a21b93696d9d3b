"""A folder that others write to: only its own regular files, none that changes, and nothing is overwritten."""

from __future__ import annotations

import os

import pytest

from connectors.transport.finished import Finished
from connectors.transport.folders import ChangedWhileReadError, DropFolder, WatchedFolder

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


def one(folder):
    (found,) = folder.listed()
    return found


def test_regular_files_are_listed_and_nothing_else(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"abc")
    (tmp_path / "done").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a.csv")
    os.mkfifo(tmp_path / "pipe")
    found = one(DropFolder(tmp_path))
    assert (found.name, found.size, found.modified) == ("a.csv", 3, (tmp_path / "a.csv").stat().st_mtime_ns)


def test_a_file_is_read_as_it_was_found(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"abc" * 1000)
    folder = DropFolder(tmp_path)
    with folder.open(one(folder)) as stream:
        assert stream.read() == b"abc" * 1000


def test_a_file_that_changes_is_not_taken(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"abc")
    folder = DropFolder(tmp_path)
    found = one(folder)
    with folder.open(found) as stream:
        path.write_bytes(b"abcdef")
        with pytest.raises(ChangedWhileReadError):
            stream.read()
    with pytest.raises(ChangedWhileReadError):
        folder.open(found)


def test_a_link_that_takes_the_place_of_a_file_is_not_followed(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"abc")
    folder = DropFolder(tmp_path)
    found = one(folder)
    path.rename(tmp_path / "b.csv")
    path.symlink_to(tmp_path / "b.csv")
    with pytest.raises(OSError, match=r"(?i)symbolic|loop|links"):
        folder.open(found)


def test_what_is_set_aside_overwrites_nothing(tmp_path):
    folder = DropFolder(tmp_path)
    for content in (b"1", b"2", b"3"):
        (tmp_path / "a.csv").write_bytes(content)
        folder.set_aside(one(folder))
    assert {path.name: path.read_bytes() for path in (tmp_path / "done").iterdir()} == {
        "a.csv": b"1",
        "a.csv.2": b"2",
        "a.csv.3": b"3",
    }
    assert folder.listed() == []


def test_a_marker_is_set_aside_with_its_file(tmp_path):
    folder = DropFolder(tmp_path, marker=".done")
    (tmp_path / "a.csv").write_bytes(b"1")
    found = one(folder)
    (tmp_path / "a.csv.done").write_bytes(b"")
    folder.set_aside(found)
    assert sorted(path.name for path in (tmp_path / "done").iterdir()) == ["a.csv", "a.csv.done"]


@pytest.mark.parametrize("set_aside", [True, False])
async def test_a_watched_folder_leaves_files_or_sets_them_aside(tmp_path, set_aside):
    (tmp_path / "a.csv").write_bytes(b"1")
    place = WatchedFolder(DropFolder(tmp_path), Finished(), clock=lambda: 0.0, set_aside=set_aside)
    (found,) = await place.finished()
    with await place.open(found) as stream:
        assert stream.read() == b"1"
    await place.taken(found)
    assert (tmp_path / "a.csv").exists() != set_aside
    assert place.name == str(tmp_path)
