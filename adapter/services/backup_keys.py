"""The keys of the backups of a site: one file beside `site.key`, never in a backup; without it none is opened.

Each record is sealed in every backup under a key of its own. Destroying it destroys that key here, and with that the
record in every backup that was ever taken. What stays in the file tells which record, and who destroyed it under which
order: no content. The generation rises with every destruction; a copy of an earlier one still opens what was destroyed
since, and has to be replaced.

A file is replaced as a whole and the one before it written over. A file system or a disk that keeps what is written
over (snapshots, wear levelling) keeps that too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import orjson

from adapter.errors import SallyportError
from adapter.services.key_tree import SEED, KeyTree
from adapter.store.sealing import SealingRow, Tombstone, address_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

KEYS: Final = "backup.keys"
_MAGIC: Final = b"sallyport backup keys 1\n"
_DIGEST: Final = 32
_START: Final = 8
NOBODY: Final = 0
"""The address of what belongs to no record; it is never destroyed."""


@dataclass(slots=True, kw_only=True)
class BackupKeys:
    """The keys as they are in memory; ``keep`` makes a change last.

    ``site`` is a random name that backups and copies of the file share. ``gone`` tells what is left of destroyed
    records, ``acts`` who destroyed them, under which order.
    """

    site: str
    generation: int
    tree: KeyTree
    gone: dict[int, Tombstone] = field(default_factory=dict)
    acts: dict[str, SealingRow] = field(default_factory=dict)

    @classmethod
    def made(cls, random: Callable[[int], bytes]) -> BackupKeys:
        """Keys for a site that has none."""
        return cls(site=random(16).hex(), generation=0, tree=KeyTree.grown(random(SEED)))

    def nobody(self) -> bytes:
        """The key of what belongs to no record."""
        key = self.tree.key(NOBODY)
        if key is None:
            raise SallyportError("the keys of backups have lost the one that belongs to no record; take another copy")
        return key

    def address(self, first: int) -> int:
        """Where a record is sealed now: its own address, or the next once that was destroyed and the record came back.

        Only the Patient of a destroyed record comes back, with a record that is new.
        """
        address, times = first, 0
        while self.tree.key(address) is None:
            times += 1
            address = address_of("again", str(first), str(times))
        return address

    def destroy(self, records: Mapping[int, Tombstone], lines: Iterable[int], acts: Iterable[SealingRow] = ()) -> None:
        """Destroy the keys of records, with what is left of each, and of lines, by their addresses."""
        self.tree.destroy({self.address(one) for one in {*records, *lines} if one != NOBODY})
        self.gone.update(records)
        self.acts.update((row.id, row) for row in acts)
        self.generation += 1

    def written(self) -> bytes:
        """As they stand in the file."""
        told = {
            "site": self.site,
            "generation": self.generation,
            "acts": [tuple(row) for row in self.acts.values()],
            "gone": [(rid, *left) for rid, left in self.gone.items()],
            "seeds": len(self.tree),
        }
        head = orjson.dumps(told)
        body = b"".join((_MAGIC, len(head).to_bytes(4, "big"), head, *self.tree.parts()))
        return body + _digest(body)

    @classmethod
    def read(cls, path: Path) -> BackupKeys:
        """Those of a file; ``SallyportError`` if it is not there, or is not whole."""
        part, old = _beside(path)
        # Nothing is mended here: somebody may be replacing it at this moment.
        try:
            data = (part if old.exists() and not path.exists() else path).read_bytes()
        except FileNotFoundError:
            raise SallyportError(
                f"`{path}` is not there: no backup is made or opened without the keys; put a copy of them in its place"
            ) from None
        return cls._of(data, path)

    @classmethod
    def _of(cls, data: bytes, path: Path) -> BackupKeys:
        body, digest = data[:-_DIGEST], data[-_DIGEST:]
        if not data.startswith(_MAGIC):
            raise SallyportError(f"`{path}` is no file of keys of backups of this version")
        if _digest(body) != digest:
            raise SallyportError(f"`{path}` is not whole; take another copy of the keys of backups")
        at = len(_MAGIC) + 4
        stop = at + int.from_bytes(body[len(_MAGIC) : at], "big")
        told = orjson.loads(body[at:stop])
        depths = stop + told["seeds"] * _START
        seeds = depths + told["seeds"]
        acts = [SealingRow(*row) for row in told["acts"]]
        return cls(
            site=told["site"],
            generation=told["generation"],
            tree=KeyTree.of_parts(body[stop:depths], body[depths:seeds], body[seeds:]),
            gone={rid: Tombstone(*left) for rid, *left in told["gone"]},
            acts={row.id: row for row in acts},
        )

    def keep(self, path: Path) -> None:
        """Make this what the file holds, durably and whole, and write over what it held before."""
        recover(path)
        part, old = _beside(path)
        _write(part, self.written())
        if path.exists():
            path.replace(old)
        part.replace(path)
        _sync_folder(path)
        _write_over(old)


def recover(path: Path) -> None:
    """Finish what a crash cut short while the file was replaced; nobody else may be at it."""
    part, old = _beside(path)
    if old.exists() and not path.exists():
        # The old one is moved away only once the new one is whole on the disk.
        part.replace(path)
        _sync_folder(path)
    _write_over(part)
    _write_over(old)


def remove(path: Path) -> None:
    """Write over a file of keys and remove it."""
    recover(path)
    _write_over(path)


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.old")


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=_DIGEST, person=b"keys").digest()


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _write_over(path: Path) -> None:
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return
    with file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
