"""Interned bodies: segments, policies, contexts and obligations have small numbers inside the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.store.sqlite.connection import row_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import apsw

TABLES = ("segment", "policy", "context", "obligation")


class InternTable:
    """The numbers known to this process; what a rolled-back transaction added is forgotten with it."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], int] = {}
        self._pending: list[tuple[str, bytes]] = []

    def number(self, connection: apsw.Connection, table: str, body: bytes) -> int:
        """The number of ``body``, added inside the current transaction if it is new."""
        known = self._known.get((table, body))
        if known is not None:
            return known
        if table not in TABLES:
            raise KeyError(table)
        row = connection.execute(f"SELECT id FROM {table} WHERE body = ?", (body,)).fetchone()
        if row is None:
            row = row_of(connection.execute(f"INSERT INTO {table} (body) VALUES (?) RETURNING id", (body,)))
        number = int(row[0])
        self._known[table, body] = number
        self._pending.append((table, body))
        return number

    def committed(self) -> None:
        """The transaction holds."""
        self._pending.clear()

    def rolled_back(self) -> None:
        """The transaction left no trace."""
        for entry in self._pending:
            self._known.pop(entry, None)
        self._pending.clear()


def bodies(connection: apsw.Connection, table: str) -> Mapping[int, bytes]:
    """Every body of one table by its number."""
    if table not in TABLES:
        raise KeyError(table)
    return {int(number): bytes(body) for number, body in connection.execute(f"SELECT id, body FROM {table}")}
