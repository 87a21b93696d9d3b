"""Destroys the keys of destroyed records, so that every backup that was ever taken has lost them too.

The keys are a file of their own, so a crash may come between: what is to be destroyed waits in the store until it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapter.errors import SallyportError
from adapter.services.backup_keys import BackupKeys, recover

if TYPE_CHECKING:
    from pathlib import Path

    from adapter.store.port import Store
    from adapter.store.sealing import KeyCopy, LostKeys

SETTING: Final = "backup-keys"
"""Under which the store remembers whose keys its backups are sealed with."""


def destroy_keys(keys: BackupKeys, lost: LostKeys, path: Path) -> None:
    """Destroy keys and make that last; nothing where none is lost."""
    if lost.records or lost.lines:
        keys.destroy(lost.records, lost.lines, lost.acts)
        keys.keep(path)


def put_copy(keys: BackupKeys, place: Path) -> None:
    """Put a copy of the keys in a place, instead of an older one; ``SallyportError`` if something else is there."""
    if place.exists() and BackupKeys.read(place).site != keys.site:
        raise SallyportError(f"`{place}` holds the keys of another site; name another place")
    keys.keep(place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """The generation of the keys, and the copies that somebody made of them; None where no backup was ever taken."""

    generation: int | None
    known: tuple[KeyCopy, ...]

    @property
    def outdated(self) -> tuple[KeyCopy, ...]:
        """Copies that still open what was destroyed since."""
        return tuple(one for one in self.known if self.generation is not None and one.generation < self.generation)


class Shredding:
    """The keys of the backups of a site, as destruction needs them."""

    def __init__(self, store: Store, path: Path) -> None:
        self._store, self._path = store, path

    async def run(self) -> int:
        """Destroy the keys that wait for it; how many. ``SallyportError`` where the file of keys is not there."""
        async with self._store.transaction() as change:
            lost = await change.lost_keys()
            count = len(lost.records) + len(lost.lines)
            if count and await change.setting(SETTING) is not None:
                destroy_keys(self._keys(await change.setting(SETTING)), lost, self._path)
            await change.keys_lost()
        return count

    async def copies(self) -> Copies:
        """How old the keys and their copies are."""
        async with self._store.transaction() as change:
            if await change.setting(SETTING) is None:
                return Copies(generation=None, known=())
            keys, known = self._keys(await change.setting(SETTING)), await change.key_copies()
        return Copies(generation=keys.generation, known=tuple(known))

    async def copy(self, place: Path, *, at: int) -> BackupKeys:
        """Copy the keys to another place, instead of an older copy; it is remembered where they are."""
        async with self._store.transaction() as change:
            if await change.setting(SETTING) is None:
                raise SallyportError("no backup was taken of this site yet; the first one makes the keys")
            keys = self._keys(await change.setting(SETTING))
            put_copy(keys, place)
            await change.add_key_copy(str(place), keys.generation, at)
        return keys

    def _keys(self, known: bytes | None) -> BackupKeys:
        """The keys as they are, inside a transaction: nobody else replaces them."""
        recover(self._path)
        keys = BackupKeys.read(self._path)
        if known is not None and known.decode() != keys.site:
            raise SallyportError(f"`{self._path.name}` belongs to another site; put the one of this site in its place")
        return keys
