"""Files and drop folders: what is read, in which order, and what is left alone."""

import io

import pytest

from adapter.errors import ConfigurationError
from connectors.transport.files import chunks, extracts


def test_a_file_is_its_own_feed(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_bytes(b"abc")
    (extract,) = extracts(path)
    assert (extract.name, extract.size) == ("roster.csv", 3)
    with extract.open() as stream:
        assert stream.read() == b"abc"


def test_a_folder_gives_its_finished_files_in_order(tmp_path):
    for name in ("b.csv", "a.csv", ".hidden.csv", "c.csv.part", "d.CSV.TMP", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.csv").mkdir()
    assert [extract.name for extract in extracts(tmp_path, "*.csv")] == ["a.csv", "b.csv"]
    assert [extract.name for extract in extracts(tmp_path)] == ["a.csv", "b.csv", "notes.txt"]


def test_a_link_in_a_drop_folder_is_not_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "roster.csv").symlink_to(secret)
    assert list(extracts(folder)) == []


def test_nothing_there_is_said_with_the_path(tmp_path):
    with pytest.raises(ConfigurationError, match=r"gone\.csv: there is no file or folder"):
        list(extracts(tmp_path / "gone.csv"))


def test_chunks_are_the_stream():
    assert list(chunks(io.BytesIO(b"abcdefg"), 3)) == [b"abc", b"def", b"g"]
    assert list(chunks(io.BytesIO(b""))) == []
