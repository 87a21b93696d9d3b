"""Files put in a folder: whole under their name, replaced by the same name, nothing left of what failed."""

from __future__ import annotations

import os

import pytest

from connectors.transport.placing import PlacedFolder


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.anyio
async def test_a_file_appears_whole_and_what_was_left_of_it_goes(tmp_path, monkeypatch):
    place = PlacedFolder(tmp_path)
    (tmp_path / "a.csv.1.part").write_bytes(b"half")
    await place.put("a.csv", b"one")
    await place.put("a.csv", b"two")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.csv", b"two")]
    assert (tmp_path / "a.csv").stat().st_mode & 0o007 == 0

    def full(_descriptor):
        assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.csv", f"b.csv.{os.getpid()}.part"]
        raise OSError(28, "no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        await place.put("b.csv", b"three")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.anyio
async def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        await PlacedFolder(tmp_path / "nowhere").put("a.csv", b"one")
