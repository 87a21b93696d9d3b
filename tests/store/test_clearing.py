"""The write-ahead log of the store is moved into its file beside the loop, and stays bounded."""

from __future__ import annotations

from contextlib import closing

import apsw
import pytest

from adapter.store.sqlite import clearing
from adapter.store.sqlite.clearing import LogClearing
from adapter.store.sqlite.connection import connect

pytestmark = pytest.mark.anyio
ROWS = 300


@pytest.fixture
def writer(tmp_path, monkeypatch):
    """A writer of a file whose log is short after so many pages."""
    monkeypatch.setattr(clearing, "PAGES", 50)
    with closing(connect(tmp_path / "one.sqlite")) as opened:
        opened.execute("CREATE TABLE t (x TEXT)")
        yield opened


def grow(writer, rows=ROWS):
    with writer:
        writer.executemany("INSERT INTO t VALUES (?)", [("x" * 4000,)] * rows)


def moved(writer):
    """How many pages of the log are in the file, of how many."""
    pages, done = writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
    return done, pages


async def test_a_log_that_has_grown_is_moved_on_a_thread(writer, tmp_path):
    clear = LogClearing(writer, tmp_path / "one.sqlite")
    grow(writer)
    assert clear._running is not None
    await clear.end()
    done, pages = moved(writer)
    assert done == pages > 50
    assert writer.execute("SELECT count(*) FROM t").get == ROWS


async def test_a_short_log_is_left_alone(writer, tmp_path):
    clear = LogClearing(writer, tmp_path / "one.sqlite")
    grow(writer, 1)
    await clear.end()
    assert clear._running is None


async def test_a_log_that_grows_faster_than_it_is_moved_is_moved_in_the_commit(writer, tmp_path, monkeypatch):
    monkeypatch.setattr(clearing, "MOST", 100)
    clear = LogClearing(writer, tmp_path / "one.sqlite")
    grow(writer)
    assert clear._running is None
    done, pages = moved(writer)
    assert done == pages


def test_without_a_loop_it_is_moved_in_the_commit(writer, tmp_path):
    LogClearing(writer, tmp_path / "one.sqlite")
    grow(writer)
    done, pages = moved(writer)
    assert done == pages > 50


async def test_what_cannot_be_moved_now_is_moved_later(writer, tmp_path):
    clear = LogClearing(writer, tmp_path / "one.sqlite")
    with closing(connect(tmp_path / "one.sqlite")) as reader:
        reader.execute("BEGIN")
        list(reader.execute("SELECT count(*) FROM t"))
        grow(writer)
        await clear.end()
        done, pages = moved(writer)
        assert done < pages
        reader.execute("COMMIT")
    grow(writer)
    await clear.end()
    done, pages = moved(writer)
    assert done == pages
