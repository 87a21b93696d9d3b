"""Opening SQLite files, and the migrations that bring them up to date.

apsw bundles its own SQLite, newer than the interpreter's, which matters: versions before 3.51.3 can corrupt a
write-ahead log under two writers (https://sqlite.org/wal.html#walresetbug).
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import apsw

from adapter.errors import SallyportError

if TYPE_CHECKING:
    from pathlib import Path

_STEP = re.compile(r"^(\d{4})_\w+?(?:\.(\w+))?\.sql$")


def connect(path: Path, *, durable: bool = True, cache_mb: int = 64, page_size: int = 4096) -> apsw.Connection:
    """Open one file with a page cache of up to ``cache_mb`` megabytes; a new file gets pages of ``page_size`` bytes.

    Commits are on disk when they return, unless a test that never loses power says otherwise.
    """
    try:
        connection = apsw.Connection(str(path), statementcachesize=400)
        # Before anything is read: another process may be mending the file of one that was killed.
        connection.set_busy_timeout(10_000)
        list(connection.execute("PRAGMA schema_version"))
    except apsw.Error as error:
        told = f"`{path.name}` cannot be opened as a database ({error}); restore it from a backup"
        raise SallyportError(told) from error
    # Without this promise of stable plans a new value for an instant recompiles the statement: 58 µs a read, not 5.
    # https://sqlite.org/queryplanner-ng.html#qpsg
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    for pragma in (
        f"page_size = {page_size}",
        "journal_mode = WAL",
        f"synchronous = {'FULL' if durable else 'OFF'}",
        "foreign_keys = ON",
        f"cache_size = {-1024 * cache_mb}",
        "temp_store = MEMORY",
        # What is deleted or replaced is overwritten in the pages that are written anyway.
        "secure_delete = FAST",
    ):
        list(connection.execute(f"PRAGMA {pragma}"))
    return connection


def row_of(cursor: apsw.Cursor) -> tuple[Any, ...]:
    """The first row of a statement that always has one."""
    return next(iter(cursor))


def migrate(connection: apsw.Connection, family: str = "") -> list[str]:
    """Apply every migration of ``family`` ("", "inbox", "ledger") that this file does not have yet, each atomically."""
    (version,) = next(iter(connection.execute("PRAGMA user_version")))
    applied = []
    folder = files("adapter.store").joinpath("migrations", "sqlite")
    for script in sorted(folder.iterdir(), key=lambda item: item.name):
        match = _STEP.match(script.name)
        if match is None or (match[2] or "") != family or int(match[1]) <= version:
            continue
        with connection:
            list(connection.execute(script.read_text(encoding="utf-8")))
            list(connection.execute(f"PRAGMA user_version = {int(match[1])}"))
        applied.append(script.name.removesuffix(".sql"))
    return applied
