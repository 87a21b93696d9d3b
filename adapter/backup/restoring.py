"""Makes a site of a backup, whole or not at all; of what was destroyed since, only that it was."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from adapter.backup.taking import INBOX, LEDGER, STORE, context_of, verified
from adapter.bootstrap import build
from adapter.connected import CONNECTORS
from adapter.errors import SallyportError
from adapter.machine import SECRET_FILE, new_id
from adapter.services import backups
from adapter.services.backup_keys import KEYS, BackupKeys
from adapter.services.envelopes import envelopes
from adapter.services.reindex import reindex
from adapter.services.shredding import SETTING
from adapter.settings import load_site
from adapter.source import ExtractOptions
from adapter.store.sqlite import sealing
from adapter.store.sqlite.inbox import CHUNK, FILLER, SqliteInbox
from adapter.store.sqlite.rebuild import SQL, Rebuilt, leave_tombstones
from adapter.store.sqlite.sealing import lost_keys
from adapter.store.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from adapter.services.backups import Manifest
    from adapter.services.envelopes import Envelope
    from adapter.settings import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to restore: the folder of a backup, the site to make of it, and what was kept apart from it.

    ``destroyed`` is what `record sealed --json` told last, ``key`` the secret of the site, ``keys`` those of backups.
    """

    folder: Path
    target: Path
    key: Path | None = None
    keys: Path | None = None
    destroyed: Iterable[Mapping[str, Any]] = ()


@dataclass(slots=True, kw_only=True)
class Restored:
    """What was restored, and how much of it was not because it was destroyed since: records, and pieces of raw bytes.

    ``again`` counts what a list or the keys had destroyed again, ``lost_place`` records of the quarantine whose raw
    bytes are no longer where they were received, ``older`` tells that the keys are older than the backup.
    """

    manifest: Manifest
    records: int = 0
    raw: int = 0
    again: int = 0
    lost_place: int = 0
    older: bool = False


def restore(wanted: Wanted, *, progress: Callable[[int, int], None] = lambda *_: None) -> Restored:
    """Lay a backup out as a site, whole or not at all; ``SallyportError`` says what does not fit."""
    folder, target = wanted.folder, wanted.target
    manifest = backups.check(folder)
    secret = _secret(wanted, manifest)
    keys = _keys(wanted, manifest)
    site = load_site(folder / backups.DOCUMENTS)
    store = target / site.site.store
    backups.free_for_restore(target, store, keep=frozenset({SECRET_FILE, KEYS}))
    restored = Restored(manifest=manifest)
    told = list(wanted.destroyed)
    if manifest.sealed:
        assert keys is not None  # noqa: S101 - or it was refused
        restored.older = keys.generation < manifest.generation
        part = backups.empty_beside(store)
        making = _Making(folder / backups.STORE, part, manifest, keys, site)
        making.run(restored, progress)
    else:
        part = backups.lay_out(folder, store)
        told += _acts(keys)
    asyncio.run(verified(part / LEDGER, head=bytes.fromhex(manifest.head)))
    backups.lay_out_documents(folder, target, secret)
    if keys is not None:
        keys.keep(target / KEYS)
    if told:
        restored.again = asyncio.run(_destroyed_again(target, part, told))
    backups.finish(part, store)
    return restored


def _secret(wanted: Wanted, manifest: Manifest) -> bytes:
    places = (wanted.key, wanted.target / SECRET_FILE, wanted.folder / backups.KEY)
    found = next((path for path in places if path and path.exists()), None)
    if found is None:
        raise SallyportError(
            f"this backup was taken without the secret of its site; name its `{SECRET_FILE}` with --key"
        )
    secret = found.read_bytes()
    if backups.fingerprint(secret) != manifest.secret:
        raise SallyportError(f"`{found.name}` is not the secret of the site this backup was taken of")
    return secret


def _keys(wanted: Wanted, manifest: Manifest) -> BackupKeys | None:
    """The newest keys there are; None for a backup of an earlier version that is restored without any."""
    places = [path for path in (wanted.keys, wanted.target / KEYS) if path]
    found = [BackupKeys.read(path) for path in places if path is wanted.keys or path.exists()]
    if not manifest.sealed:
        return max(found, key=lambda one: one.generation, default=None)
    if not found:
        raise SallyportError(
            f"the records in this backup are sealed; name the keys of backups of its site (`{KEYS}`) with --keys"
        )
    # All of them: those that lie in the site folder are replaced.
    if {one.site for one in found} != {manifest.keys}:
        raise SallyportError("these are not the keys of the site this backup was taken of")
    keys = max(found, key=lambda one: one.generation)
    if manifest.authenticated(keys.nobody()) != manifest.mac:
        raise SallyportError(f"the {backups.MANIFEST} of this backup is not as it was written; nothing of it is used")
    return keys


def _acts(keys: BackupKeys | None) -> list[dict[str, Any]]:
    """What the keys know of destructions, as `record sealed --json` tells it."""
    acts = [] if keys is None else list(keys.acts.values())
    return [row._asdict() | {"state": "destroyed"} for row in acts]


async def _destroyed_again(target: Path, part: Path, told: list[Mapping[str, Any]]) -> int:
    """Destroy what a list tells before the store stands where it belongs."""
    site = load_site(target)
    place = Path(site.site.store).with_name(part.name)
    services = await build(site.model_copy(update={"site": site.site.model_copy(update={"store": str(place)})}))
    try:
        return await services.sealing.again(told, new_id())
    finally:
        await services.store.close()


class _Making:
    """A store in the making, of the sealed files of a backup."""

    def __init__(self, folder: Path, part: Path, manifest: Manifest, keys: BackupKeys, site: Site) -> None:
        self._folder, self._part, self._manifest, self._keys, self._site = folder, part, manifest, keys, site
        self._files: dict[str, Rebuilt] = {}
        self._lost: list[int] = []
        self._raw = _RawBytes()
        self._cut: set[str] = set()

    def run(self, restored: Restored, progress: Callable[[int, int], None]) -> None:
        """Make the three files."""
        done, total = 0, sum((self._folder / name).stat().st_size for name in (STORE, INBOX))
        for name in (STORE, INBOX):
            context = context_of(self._manifest.backup, name)
            for envelope in envelopes(self._folder / name, context, self._keys.tree.key):
                self._take(name, envelope)
                done += envelope.size
                progress(done, total)
        self._raw.finish()
        shutil.copyfile(self._folder / LEDGER, self._part / LEDGER)
        store, inbox = self._files[STORE], self._files[INBOX]
        leave_tombstones(store.db, self._lost, self._keys.gone, self._keys.acts.values())
        inbox.db.execute(SQL["drop_incomplete"])
        restored.lost_place = self._find_again()
        self._settle_keys()
        for file in self._files.values():
            file.finish()
        asyncio.run(self._index())
        restored.records, restored.raw = len(self._lost), self._raw.lost

    def _take(self, name: str, envelope: Envelope) -> None:
        (kind, *note), content = envelope.note, envelope.content
        if kind == "schema":
            self._files[name] = Rebuilt(self._part / f"{Path(name).stem}.sqlite", orjson.loads(content or b""))
        elif kind == "kept":
            self._files[name].put(note[0], orjson.loads(content or b""))
        elif kind == "record" and content is None:
            self._lost.append(note[0])
        elif kind == "record":
            for table, rows in orjson.loads(content or b"").items():
                self._files[STORE].put(table, rows)
        elif kind == "line" and content is not None:
            self._files[STORE].put("quarantine", orjson.loads(content))
        elif kind == "origin":
            receipt, line, rid = note
            self._files[STORE].put("origin", [(rid, receipt, line)])
        elif kind == "raw":
            self._take_raw(note, content)

    def _take_raw(self, note: list[Any], content: bytes | None) -> None:
        receipt, size, ends, origins = note
        self._files[STORE].put("origin", [(rid, receipt, line) for line, rids in origins for rid in rids])
        if content is None:
            self._cut.add(receipt)
        self._raw.add(self._files[INBOX], receipt, content, size, ends)

    def _find_again(self) -> int:
        """Give what waits in quarantine its place among what is left of its receipt; how many have none."""
        count, inbox = 0, SqliteInbox(self._files[INBOX].db)
        for ident in sorted(self._cut):
            waiting = list(self._files[STORE].db.execute(SQL["quarantined"], (ident,)))
            receipt = asyncio.run(inbox.receipt(ident))
            feed = None if receipt is None else self._site.feeds.get(receipt.feed)
            if not waiting or feed is None or feed.is_written:
                continue
            options = ExtractOptions(encoding=feed.encoding, settings=feed.settings)
            with inbox.open(ident).stream as stream:
                places, left = _places(CONNECTORS[feed.connector].records(stream, options), waiting)
            count += left
            for table in ("quarantine", "alert"):
                move = SQL[f"move_{table}"]
                # First out of each other's way.
                self._files[STORE].db.executemany(move, [(ident, before, -1 - now) for before, now in places])
                self._files[STORE].db.executemany(move, [(ident, -1 - now, now) for _, now in places])
        return count

    def _settle_keys(self) -> None:
        """What the backup knows to be destroyed loses its keys too: the keys may be older than the backup."""
        db = self._files[STORE].db
        known = {rid: left.times for rid, left in self._keys.gone.items()}
        for rid, times in list(db.execute(sealing.SQL["destroyed"])):
            if known.get(rid, 0) < times:
                db.execute(sealing.SQL["put_key_erasure"], (rid,))
        lost = lost_keys(db)
        new = {rid: left for rid, left in lost.records.items() if known.get(rid, 0) < left.times}
        if new or lost.lines:
            self._keys.destroy(new, lost.lines, lost.acts)
        db.execute(sealing.SQL["keys_erased"])
        db.execute(SQL["forget_index"])
        # The first backup of a site makes its keys after its view of the store has begun.
        db.execute(SQL["put_setting"], (SETTING, self._keys.site.encode()))

    async def _index(self) -> None:
        """Make what finds the records, as this program does it."""
        store = SqliteStore(self._part, stamp=_no_stamp, chain=b"")
        try:
            await store.migrate()
            await reindex(store, self._site.zone)
        finally:
            await store.close()


def _no_stamp(*_: object) -> tuple[str, bytes]:
    raise SallyportError("nothing is written while a backup is restored")


def _places(records: Iterable[Any], waiting: list[tuple[str, int, bytes]]) -> tuple[list[tuple[int, int]], int]:
    """Old and new places of what waits, in its order; and how many are not found."""
    places: list[tuple[int, int]] = []
    for number, one in enumerate(records):
        if len(places) < len(waiting) and one.raw == waiting[len(places)][2]:
            places.append((waiting[len(places)][1], number))
    return places, len(waiting) - len(places)


class _RawBytes:
    """Puts the pieces of receipts together; where one is gone stands what stands there after a destruction."""

    def __init__(self) -> None:
        self._receipt, self._waiting, self._seq = "", bytearray(), 0
        self._inbox: Rebuilt | None = None
        self.lost = 0

    def add(
        self, inbox: Rebuilt, receipt: str, content: bytes | None, size: int, ends: Iterable[tuple[int, int]]
    ) -> None:
        """Add the next piece."""
        if receipt != self._receipt:
            self.finish()
            self._receipt, self._seq, self._inbox = receipt, 0, inbox
        if content is None:
            self.lost += 1
            content = _filler(size, ends)
        self._waiting += content
        while len(self._waiting) >= CHUNK:
            self._put(CHUNK)

    def finish(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._put(len(self._waiting))

    def _put(self, size: int) -> None:
        assert self._inbox is not None  # noqa: S101 - it came with the first piece
        self._inbox.db.execute(SQL["put_chunk"], (self._receipt, self._seq, bytes(self._waiting[:size])))
        del self._waiting[:size]
        self._seq += 1


def _filler(size: int, ends: Iterable[tuple[int, int]]) -> bytes:
    """What an erased piece holds: its line ends, and nothing else. Compare `SqliteInbox.erase`."""
    filled = bytearray(FILLER * size)
    for place, end in ends:
        filled[place] = end
    return bytes(filled)
