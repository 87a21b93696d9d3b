"""What a backup reads of a store: records one by one with all their rows, everything else, the bytes of receipts.

Nothing is written into the store while the views are begun, so that its receipts are in the view of the inbox and its
recordings in the copy of the ledger. Then answers and feeds go on while the views are read.

What finds records is left out: it is made again of them. https://sqlite.org/isolation.html
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import apsw

from adapter.errors import SallyportError
from adapter.store.queries import load
from adapter.store.sqlite.connection import connect, migrate, row_of
from adapter.store.sqlite.sealing import ERASED, ERASED_OF_PATIENT, KEPT

if TYPE_CHECKING:
    from collections.abc import Iterator

SQL = load("backup")
FAMILIES: Final = {"store.sqlite": "", "inbox.sqlite": "inbox", "ledger.sqlite": "ledger"}
PAGES: Final = 2_000
"""Pages copied at a time."""
MADE_AGAIN: Final = frozenset(
    {"term", "indexed", *(name for name, why in KEPT.items() if why.startswith("index rows"))}
)
"""Tables that are made again of the records."""
_LINES: Final = frozenset({"origin", "quarantine", "unowned"})
"""Tables that belong to raw lines; they are read with these."""
OWNED: Final = {
    table: columns
    for table, columns in (ERASED | ERASED_OF_PATIENT).items()
    if table not in MADE_AGAIN and table not in _LINES
}
"""Tables whose rows belong to records; the first column tells to which."""
BATCH: Final = 500


class Views(NamedTuple):
    """The three files as of one moment."""

    store: apsw.Connection
    inbox: apsw.Connection
    ledger: apsw.Connection


class Record(NamedTuple):
    """A record with all its rows by table. ``named`` is type, id, patient, segment; None where it has no resource."""

    rid: int
    named: tuple[int, str, int, int] | None
    rows: dict[str, list[tuple[Any, ...]]]


@contextmanager
def opened(folder: Path) -> Iterator[Views]:
    """Connections to the files of the store in ``folder``, up to date; ``SallyportError`` if one is not there."""
    missing = [name for name in FAMILIES if not (folder / name).exists()]
    if missing:
        raise SallyportError(f"the store folder has no {' and no '.join(missing)}; nothing was ever brought in here")
    views = Views(*(connect(folder / name, cache_mb=16) for name in FAMILIES))
    try:
        for view, family in zip(views, FAMILIES.values(), strict=True):
            migrate(view, family)
            # What has to be sorted does not have to fit into memory.
            list(view.execute("PRAGMA temp_store = FILE"))
        yield views
    finally:
        for view in views:
            view.close()


@contextmanager
def begun(views: Views) -> Iterator[apsw.Connection]:
    """Begin to read all files at one moment; meanwhile only the block writes into the first, and it commits."""
    with closing(connect(Path(views.store.filename), cache_mb=4)) as writer:
        writer.set_busy_timeout(60_000)
        writer.execute("BEGIN IMMEDIATE")
        try:
            for view in views:
                view.execute("BEGIN")
                row_of(view.execute("SELECT count(*) FROM sqlite_schema"))
            yield writer
        except BaseException:
            writer.execute("ROLLBACK")
            raise
        writer.execute("COMMIT")


def unowned(views: Views) -> Iterator[tuple[str, int]]:
    """Lines whose records are not known yet: receipts that are not brought in (line 0), lines that are to be erased."""
    done = (receipt for (receipt,) in views.store.execute(SQL["done"]))
    reached = next(done, None)
    for receipt, _, _ in views.inbox.execute(SQL["receipts"]):
        while reached is not None and reached < receipt:
            reached = next(done, None)
        if reached != receipt:
            yield receipt, 0
    yield from views.store.execute(SQL["erasures"])


def schema(view: apsw.Connection) -> dict[str, Any]:
    """How a file is made anew: its version and page size, and its tables, indexes and triggers in order."""
    return {
        "version": row_of(view.execute("PRAGMA user_version"))[0],
        "page": row_of(view.execute("PRAGMA page_size"))[0],
        "made": list(view.execute(SQL["schema"])),
    }


def records(view: apsw.Connection) -> Iterator[Record]:
    """Everything that belongs to a record, record by record."""
    groups = {table: _grouped(view, table, columns[0]) for table, columns in OWNED.items()}
    heads = {table: found for table, group in groups.items() if (found := next(group, None)) is not None}
    while heads:
        rid = min(found for found, _ in heads.values())
        rows = {}
        for table in [table for table, (found, _) in heads.items() if found == rid]:
            rows[table] = heads[table][1]
            following = next(groups[table], None)
            if following is None:
                del heads[table]
            else:
                heads[table] = following
        yield Record(rid, view.execute(SQL["kinds"], (rid,)).fetchone(), rows)


def _grouped(view: apsw.Connection, table: str, column: str) -> Iterator[tuple[int, list[tuple[Any, ...]]]]:
    place = [name for name, _ in view.execute(SQL["columns"], (table,))].index(column)
    rows = view.execute(f'SELECT * FROM "{table}" ORDER BY "{column}"')
    return ((rid, list(found)) for rid, found in groupby(rows, key=itemgetter(place)))


def kept(view: apsw.Connection) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """The rows of every table that belongs neither to records nor to raw lines, some at a time."""
    apart = MADE_AGAIN | OWNED.keys() | _LINES | {"chunk"}
    for kind, table, _ in list(view.execute(SQL["schema"])):
        if kind != "table" or table in apart:
            continue
        cursor = view.execute(f'SELECT * FROM "{table}"')
        while rows := list(islice(cursor, BATCH)):
            yield table, rows


class Lines(NamedTuple):
    """A receipt that is whole, and the records that came of its lines."""

    receipt: str
    feed: str
    size: int
    origins: dict[int, list[int]]


def receipts(views: Views) -> Iterator[Lines | tuple[str, int, int]]:
    """Receipts with what came of their lines; of a receipt that is not held, its origins: receipt, line, record."""
    origins = groupby(views.store.execute(SQL["origins"]), key=itemgetter(0))
    waiting = next(origins, None)
    for receipt, feed, size in views.inbox.execute(SQL["receipts"]):
        while waiting is not None and waiting[0] < receipt:
            yield from waiting[1]
            waiting = next(origins, None)
        found: dict[int, list[int]] = {}
        if waiting is not None and waiting[0] == receipt:
            for _, line, rid in waiting[1]:
                found.setdefault(line, []).append(rid)
            waiting = next(origins, None)
        yield Lines(receipt, feed, size, found)
    while waiting is not None:
        yield from waiting[1]
        waiting = next(origins, None)


def quarantined(view: apsw.Connection) -> Iterator[tuple[tuple[Any, ...], list[int]]]:
    """Rows of the quarantine, with the records that came of the same line."""
    for receipt, rows in groupby(view.execute(SQL["quarantine"]), key=itemgetter(2)):
        found: dict[int, list[int]] = {}
        for line, rid in view.execute(SQL["origins_of_quarantined"], (receipt,)):
            found.setdefault(line, []).append(rid)
        for row in rows:
            yield row, found.get(row[4], [])


def copy_ledger(view: apsw.Connection, path: Path) -> Iterator[int]:
    """Copy the ledger page by page and see whether the copy is whole; tells how many pages are there."""
    with closing(apsw.Connection(str(path))) as copy:
        with copy.backup("main", view, "main") as backup:
            while not backup.done:
                backup.step(PAGES)
                yield backup.page_count - backup.remaining
        # A copy is one file: nothing of it stands in a log beside it.
        list(copy.execute("PRAGMA journal_mode = DELETE"))
        (whole,) = row_of(copy.execute("PRAGMA quick_check(1)"))
        if whole != "ok":
            raise SallyportError(f"the copy of `{path.name}` is damaged; look at the disk and take another")


def schema_of(path: Path) -> int:
    """The number of the last migration that a file has."""
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as file:
        return int(row_of(file.execute("PRAGMA user_version"))[0])
