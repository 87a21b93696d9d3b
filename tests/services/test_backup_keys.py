"""The file of keys: whole or refused, replaced as a whole at whatever moment it is cut short, written over."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from adapter.errors import SallyportError
from adapter.services.backup_keys import KEYS, BackupKeys, recover, remove
from adapter.services.key_tree import SEED
from adapter.store.sealing import SealingRow, Tombstone, line_address

ACT = SealingRow("s1", "Patient/x", "expunge", "order 2026-77", "", "staff R. Desk", 1, "staff P. Officer", 2)
LEFT = Tombstone(1, "x", 7, "s1", 1)


def made():
    return BackupKeys.made(lambda count: bytes(range(count)))


def destroyed(keys):
    keys.destroy({7: LEFT}, [line_address("r1", 3)], [ACT])
    return keys


def test_they_come_back_as_they_were(tmp_path):
    keys, path = destroyed(made()), tmp_path / KEYS
    keys.keep(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = BackupKeys.read(path)
    assert (found.site, found.generation, found.gone, found.acts) == (keys.site, 1, {7: LEFT}, {"s1": ACT})
    assert (found.tree.key(7), found.tree.key(line_address("r1", 3))) == (None, None)
    assert found.tree.key(8) == made().tree.key(8)
    assert found.nobody() == made().nobody()


def test_a_record_that_came_back_has_another_address():
    keys = made()
    assert keys.address(7) == 7
    destroyed(keys)
    second = keys.address(7)
    assert second not in {0, 7}
    assert keys.tree.key(second) is not None
    destroyed(keys)
    assert keys.address(7) not in {7, second}
    assert keys.generation == 2


def test_the_key_of_what_belongs_to_nobody_is_never_destroyed():
    keys = made()
    keys.destroy({}, [0])
    assert keys.nobody() == made().nobody()


@pytest.mark.parametrize("harm", ["cut", "byte", "other", "empty"])
def test_what_is_not_whole_is_refused(tmp_path, harm):
    path = tmp_path / KEYS
    made().keep(path)
    data = bytearray(path.read_bytes())
    if harm == "byte":
        data[len(data) // 2] ^= 1
    path.write_bytes({"cut": data[:-9], "byte": data, "other": b"SQLite format 3", "empty": b""}[harm])
    with pytest.raises(SallyportError, match=r"backup\.keys"):
        BackupKeys.read(path)
    with pytest.raises(SallyportError, match="is not there"):
        BackupKeys.read(tmp_path / "absent")


class Cut(Exception):
    """The machine stops here."""


def test_cut_short_at_any_moment_the_file_is_the_old_or_the_new_one(tmp_path, monkeypatch):
    """And what it held before is left in no file once it is read again."""
    old, new = made().written(), destroyed(made()).written()
    root = bytes(range(SEED))
    assert root in old
    assert root not in new
    seen, moment = set(), 0
    while True:
        folder = tmp_path / str(moment)
        folder.mkdir()
        path = folder / KEYS
        made().keep(path)
        with monkeypatch.context() as patch:
            cut_at(patch, moment)
            try:
                destroyed(made()).keep(path)
            except Cut:
                pass
            else:
                break
        recover(path)
        data = path.read_bytes()
        assert data in {old, new}
        seen.add(data)
        assert [one.name for one in folder.iterdir()] == [KEYS]
        moment += 1
    assert seen == {old, new}
    assert moment > 6


def cut_at(patch, moment):
    """Let the nth step that touches the disk fail, before it is done."""
    left = [moment]

    def failing(step):
        def run(*arguments, **named):
            if not left[0]:
                raise Cut
            left[0] -= 1
            return step(*arguments, **named)

        return run

    for owner, name in ((os, "open"), (os, "fsync"), (Path, "replace"), (Path, "unlink"), (Path, "open")):
        patch.setattr(owner, name, failing(getattr(owner, name)))


def test_what_is_replaced_or_removed_is_written_over(tmp_path):
    """Seen through a second name of the same bytes on the disk."""
    path = tmp_path / KEYS
    made().keep(path)
    os.link(path, tmp_path / "first")
    destroyed(made()).keep(path)
    os.link(path, tmp_path / "second")
    remove(path)
    for name in ("first", "second"):
        data = (tmp_path / name).read_bytes()
        assert data == bytes(len(data))
    assert not path.exists()
