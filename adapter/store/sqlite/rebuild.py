"""Makes the files of a store anew of the rows that a backup holds, and takes out of them what was destroyed since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.errors import SallyportError
from adapter.store.queries import load
from adapter.store.sqlite.connection import connect, row_of
from adapter.store.sqlite.sealing import ERASED, ERASED_OF_PATIENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import apsw

    from adapter.store.sealing import SealingRow, Tombstone


SQL = load("rebuild")
_REPEATED: Final = frozenset({"unowned"})
"""Tables of which a backup may hold a row twice."""


class Columns:
    """The columns of the tables of a file, and how rows are written as JSON: bytes as text of as many characters."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self._bytes: dict[str, tuple[int, ...]] = {}

    def _of(self, table: str) -> tuple[int, ...]:
        found = self._bytes.get(table)
        if found is None:
            types = [kind for _, kind in self._db.execute(SQL["columns"], (table,))]
            found = self._bytes[table] = tuple(place for place, kind in enumerate(types) if kind == "BLOB")
        return found

    def written(self, table: str, rows: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
        """Rows as JSON holds them."""
        places = self._of(table)
        return [_changed(row, places, _as_text) for row in rows] if places else list(rows)

    def read(self, table: str, rows: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
        """Rows as the store holds them."""
        places = self._of(table)
        return [_changed(row, places, _as_bytes) for row in rows] if places else list(rows)


def _changed(row: Sequence[Any], places: tuple[int, ...], change: Any) -> list[Any]:
    changed = list(row)
    for place in places:
        if changed[place] is not None:
            changed[place] = change(changed[place])
    return changed


def _as_text(value: bytes) -> str:
    return value.decode("latin-1")


def _as_bytes(value: str) -> bytes:
    return value.encode("latin-1")


class Rebuilt:
    """One file in the making. Nothing else knows of it before it is finished."""

    def __init__(self, path: Path, schema: Mapping[str, Any]) -> None:
        self.db = connect(path, durable=False, page_size=schema["page"])
        # It is thrown away unless it is finished.
        list(self.db.execute("PRAGMA journal_mode = OFF"))
        self._schema = schema
        self._columns = Columns(self.db)
        self._puts: dict[str, str] = {}
        self.db.execute("BEGIN")
        self._make("table")

    def _make(self, *kinds: str) -> None:
        for kind, _, sql in self._schema["made"]:
            if kind in kinds:
                self.db.execute(sql)

    def put(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Put rows as JSON holds them."""
        put = self._puts.get(table)
        if put is None:
            count = len(list(self.db.execute(SQL["columns"], (table,))))
            verb = "INSERT OR IGNORE" if table in _REPEATED else "INSERT"
            put = self._puts[table] = f'{verb} INTO "{table}" VALUES ({", ".join("?" * count)})'
        self.db.executemany(put, self._columns.read(table, rows))

    def finish(self) -> None:
        """Make what finds the rows, and see whether the file is whole."""
        self._make("index", "trigger")
        self.db.execute("COMMIT")
        list(self.db.execute(f"PRAGMA user_version = {int(self._schema['version'])}"))
        (whole,) = row_of(self.db.execute("PRAGMA quick_check(1)"))
        if whole != "ok":
            raise SallyportError("what was made of this backup is damaged; look at the disk and restore it again")
        list(self.db.execute("PRAGMA synchronous = FULL"))
        list(self.db.execute("PRAGMA journal_mode = DELETE"))
        self.db.close()


def leave_tombstones(
    store: apsw.Connection, lost: Iterable[int], gone: Mapping[int, Tombstone], acts: Iterable[SealingRow]
) -> None:
    """Of records whose keys are gone leave what is left of destroyed ones, and nothing in which they are named.

    What was destroyed and is not in this backup at all is known to be so as well: it is refused when it is sent again.
    """
    lost = list(lost)
    store.execute("CREATE TEMP TABLE lost (rid INTEGER PRIMARY KEY)")
    store.executemany("INSERT INTO lost VALUES (?)", [(rid,) for rid in lost])
    for table, columns in (ERASED | ERASED_OF_PATIENT).items():
        for column in columns:
            store.execute(f'DELETE FROM "{table}" WHERE "{column}" IN (SELECT rid FROM temp.lost)')
    store.executemany(SQL["tombstone"], [(rid, *left) for rid, left in gone.items()])
    store.executemany(SQL["put_act"], [tuple(row) for row in acts])
    if lost:
        # What is in force for others may rest on what is gone: it is computed anew when the store is opened.
        store.execute(SQL["forget_in_force"])
    store.execute("DROP TABLE temp.lost")
