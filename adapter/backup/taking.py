"""Takes a backup of a site while it is in use, each record sealed under a key that goes when it is destroyed."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, BinaryIO, Final

import apsw
import orjson

from adapter.connected import CONNECTORS
from adapter.errors import SallyportError
from adapter.fhir.instants import instant_text
from adapter.machine import clock, new_id, random_bytes, site_secret
from adapter.services import backups
from adapter.services.backup_keys import KEYS, BackupKeys, recover
from adapter.services.backups import Manifest
from adapter.services.envelopes import EnvelopeWriter
from adapter.services.raw_units import RawUnit, raw_units
from adapter.services.shredding import SETTING, destroy_keys
from adapter.source import ExtractOptions
from adapter.store.sealing import line_address
from adapter.store.sqlite import backup as reading
from adapter.store.sqlite import sealing
from adapter.store.sqlite.backup import Lines, Views
from adapter.store.sqlite.connection import connect, migrate, row_of
from adapter.store.sqlite.inbox import CHUNK, SqliteInbox
from adapter.store.sqlite.ledger import SqliteLedger
from adapter.store.sqlite.rebuild import Columns
from adapter.store.sqlite.sealing import lost_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from adapter.settings import Feed, Site
    from adapter.store.shapes import LedgerHead

SQL, SEALING = reading.SQL, sealing.SQL
STORE, INBOX, LEDGER = "store.sealed", "inbox.sealed", "ledger.sqlite"
_ENDS: Final = re.compile(rb"[\r\n]")
_KILOBYTE: Final = 1024


def back_up(site: Site, folder: Path, *, with_key: bool, progress: Callable[[int, int], None]) -> Manifest:
    """Take a backup of a site into ``folder`` while it is in use; its manifest, written last."""
    secret = site_secret(site.folder)
    backups.free_for_backup(folder)
    store = folder / backups.STORE
    store.mkdir()
    ident = new_id()
    try:
        with reading.opened(site.store_folder) as views:
            taking = _Taking(site, views, ident, progress)
            taking.seal_store(store / STORE)
            taking.seal_inbox(store / INBOX)
            taking.copy_ledger(store / LEDGER)
            schemas = {
                name: row_of(view.execute("PRAGMA user_version"))[0]
                for name, view in zip(reading.FAMILIES, views, strict=True)
            }
    except apsw.CorruptError as error:
        raise SallyportError(f"the store is damaged ({error}); restore it from an earlier backup") from error
    keys = taking.keys
    backups.copy_documents(site.folder, folder / backups.DOCUMENTS, without=site.store_folder)
    if with_key:
        (folder / backups.KEY).touch(mode=0o600)
        (folder / backups.KEY).write_bytes(secret)
    head = asyncio.run(verified(store / LEDGER))
    manifest = Manifest(
        taken=instant_text(clock()),
        version=version("sallyport"),
        secret=backups.fingerprint(secret),
        entries=head.entries,
        head=head.digest.hex(),
        schemas=schemas,
        files=backups.files_of(folder),
        backup=ident,
        keys=keys.site,
        generation=keys.generation,
    )
    manifest = replace(manifest, mac=manifest.authenticated(keys.nobody()))
    backups.seal(folder, manifest)
    return manifest


class _Taking:
    """One backup on its way: the views it reads and the keys it seals with."""

    def __init__(self, site: Site, views: Views, ident: str, progress: Callable[[int, int], None]) -> None:
        self._site, self._views, self._ident = site, views, ident
        with reading.begun(views) as writer:
            self.keys = _keys(writer, site.folder / KEYS)
            # Known before anything of it is destroyed: whatever is erased of these from now on loses its keys too.
            self._unowned = list(reading.unowned(views))
            writer.executemany(SQL["put_unowned"], self._unowned)
        self._done, self._progress = 0, progress
        self._all = (
            row_of(views.store.execute(SQL["size"]))[0]
            + row_of(views.inbox.execute(SQL["raw_size"]))[0] // _KILOBYTE
            + row_of(views.ledger.execute("PRAGMA page_count"))[0]
        )

    def _advance(self, count: int) -> None:
        self._done += count
        self._progress(min(self._done, self._all), self._all)

    def _writer(self, path: Path) -> EnvelopeWriter:
        return EnvelopeWriter(path, context_of(self._ident, path.name), self.keys.tree.key)

    def seal_store(self, path: Path) -> None:
        """Seal every record by itself, and everything else of the store under the key of nobody."""
        view, columns = self._views.store, Columns(self._views.store)
        with self._writer(path) as file:
            file.add((), ["schema"], orjson.dumps(reading.schema(view)))
            self._seal_kept(file, view)
            file.add((), ["kept", "unowned"], orjson.dumps(self._unowned))
            for row, rids in reading.quarantined(view):
                written = columns.written("quarantine", [row])
                line = line_address(row[2], row[4])
                file.add(self._addresses([*rids, line]), ["line"], orjson.dumps(written))
            for done, one in enumerate(reading.records(view), 1):
                rows = {table: columns.written(table, found) for table, found in one.rows.items()}
                file.add((self.keys.address(one.rid),), ["record", one.rid, one.named], orjson.dumps(rows))
                if not done % reading.BATCH:
                    self._advance(reading.BATCH)

    @staticmethod
    def _seal_kept(file: EnvelopeWriter, view: apsw.Connection) -> None:
        columns = Columns(view)
        for table, rows in reading.kept(view):
            file.add((), ["kept", table], orjson.dumps(columns.written(table, rows)))

    def seal_inbox(self, path: Path) -> None:
        """Seal what was received, each piece under the keys of all records that came of it."""
        view, inbox = self._views.inbox, SqliteInbox(self._views.inbox)
        with self._writer(path) as file:
            file.add((), ["schema"], orjson.dumps(reading.schema(view)))
            self._seal_kept(file, view)
            for found in reading.receipts(self._views):
                if not isinstance(found, Lines):
                    file.add((), ["origin", *found], b"")
                    continue
                seals = _Seals(file, found, self._addresses)
                with inbox.open(found.receipt).stream as stream:
                    for unit in self._units(found, stream):
                        seals.add(unit)
                seals.finish()
                self._advance(found.size // _KILOBYTE)

    def _addresses(self, names: Iterable[int]) -> tuple[int, ...]:
        return tuple(sorted({self.keys.address(name) for name in names}))

    def _units(self, found: Lines, stream: BinaryIO) -> Iterator[RawUnit]:
        feed = self._site.feeds.get(found.feed)
        if feed is None or feed.is_written:
            return _whole(stream, frozenset(found.origins) or frozenset({0}))
        return raw_units(stream, CONNECTORS[feed.connector], _options(feed))

    def copy_ledger(self, path: Path) -> None:
        """Copy the disclosure ledger: it holds no content, and the law has it kept."""
        before = 0
        for copied in reading.copy_ledger(self._views.ledger, path):
            self._advance(copied - before)
            before = copied


class _Seals:
    """Seals the pieces of one receipt, and what came of their lines with the first of each line."""

    def __init__(
        self, file: EnvelopeWriter, found: Lines, addresses: Callable[[Iterable[int]], tuple[int, ...]]
    ) -> None:
        self._file, self._found, self._addresses = file, found, addresses
        self._told: set[int] = set()
        self._last: tuple[frozenset[int], tuple[int, ...]] = frozenset(), ()

    def add(self, unit: RawUnit) -> None:
        """Seal one piece under the keys of every record that came of its lines; a line without one has its own."""
        if unit.lines != self._last[0]:
            self._last = unit.lines, self._addresses(self._names(unit.lines)) if unit.lines else ()
        needed = self._last[1]
        new = sorted(unit.lines - self._told)
        self._told.update(new)
        origins = [(line, rids) for line in new if (rids := self._found.origins.get(line))]
        ends = [(place.start(), ord(place[0])) for place in _ENDS.finditer(unit.data)] if needed else []
        self._file.add(needed, ["raw", self._found.receipt, len(unit.data), ends, origins], unit.data)

    def _names(self, lines: frozenset[int]) -> Iterator[int]:
        for line in lines:
            yield from self._found.origins.get(line) or (line_address(self._found.receipt, line),)

    def finish(self) -> None:
        """Keep what came of lines that are no record's, as far as its connector tells."""
        for line, rids in self._found.origins.items():
            if line not in self._told:
                for rid in rids:
                    self._file.add((), ["origin", self._found.receipt, line, rid], b"")


def context_of(ident: str, name: str) -> bytes:
    """What the envelopes of a file of a backup are bound to."""
    return bytes.fromhex(ident) + name.encode()


def _whole(stream: BinaryIO, lines: frozenset[int]) -> Iterator[RawUnit]:
    """A receipt of a feed that the site has no more: nobody can tell its records apart, so they go together."""
    start = 0
    while data := stream.read(CHUNK):
        yield RawUnit(start, data, lines)
        start += len(data)


def _options(feed: Feed) -> ExtractOptions:
    return ExtractOptions(encoding=feed.encoding, settings=feed.settings)


def _keys(writer: apsw.Connection, path: Path) -> BackupKeys:
    """The keys of the backups of a site, made with its first; what was destroyed has lost its own before they are used.

    ``writer`` is in a transaction, so that nobody else changes them.
    """
    recover(path)
    known = writer.execute("SELECT value FROM setting WHERE name = ?", (SETTING,)).fetchone()
    if known is None and not path.exists():
        keys = BackupKeys.made(random_bytes)
        keys.keep(path)
    else:
        keys = BackupKeys.read(path)
    if known is not None and bytes(known[0]).decode() != keys.site:
        raise SallyportError(f"`{path.name}` belongs to another site; put the one of this site in its place")
    writer.execute(SQL["put_setting"], (SETTING, keys.site.encode()))
    destroy_keys(keys, lost_keys(writer), path)
    writer.execute(SEALING["keys_erased"])
    return keys


async def verified(path: Path, *, head: bytes | None = None) -> LedgerHead:
    """The head of a copy of the ledger, once it is known to be whole."""
    connection = connect(path, cache_mb=4)
    ledger = SqliteLedger(connection, chain=b"")
    try:
        if row_of(connection.execute("PRAGMA user_version"))[0]:
            migrate(connection, "ledger")
        await ledger.verify(head=head or None)
        return await ledger.head()
    finally:
        list(connection.execute("PRAGMA journal_mode = DELETE"))
        ledger.close()
