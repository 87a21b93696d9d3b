"""The index rows of resources: written with each version, removed with the version they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from adapter.fhir.search import PARAMETERS
from adapter.store.queries import load
from adapter.store.shapes import BEGINNING, CLINICAL_DATE, OF_PATIENT, TYPES
from adapter.store.sqlite.connection import row_of

if TYPE_CHECKING:
    import apsw

    from adapter.store.shapes import ResourceWrite

SQL = load("write")
_KEY = {"clinical": 4, "token": 5, "string": 5, "date": 5, "reference": 4}
"""How many leading columns are the key of each index table."""


class IndexWriter:
    """Writes the wide clinical index and the generic tables of one transaction.

    Rows wait until somebody has to see them, because one statement for many rows costs a fraction of many statements;
    whoever reads an index inside the transaction, or ends it, calls ``flush`` first.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self._terms: dict[tuple[str, str], int] = {}
        self._waiting: dict[str, list[tuple[Any, ...]]] = {}
        self._owners: set[int] = set()

    def put(self, rid: int, write: ResourceWrite) -> None:
        """Index one version of a resource; a Patient is found through its own row, everything else by patient too."""
        kind, rows = TYPES[write.type], write.index()
        clinical_date = CLINICAL_DATE.get(write.type)
        dated = next((row for row in rows if row.param == clinical_date), None)
        low, high = (BEGINNING, BEGINNING) if dated is None else (dated.low, dated.high)
        owned: dict[str, list[tuple[Any, ...]]] = {}
        if write.type != "Patient":
            owned["clinical"] = [(write.patient, kind, low, rid, high, write.segment)]
        parameters = PARAMETERS[write.type]
        for row in rows:
            form = parameters[row.param].kind
            if form == "token":
                system, _, code = row.value.partition("|")
                key = (kind, row.param, self._term(system, code), write.patient, rid)
                owned.setdefault("token", []).append((*key, write.segment, low, high))
            elif form == "string":
                owned.setdefault("string", []).append((kind, row.param, row.value, rid, row.exact))
            elif form == "date":
                if row.param != clinical_date:
                    owned.setdefault("date", []).append((kind, row.param, row.low, rid, row.high))
            elif row.param not in OF_PATIENT:
                owned.setdefault("reference", []).append((kind, row.param, row.value, rid))
        keys = {table: [entry[: _KEY[table]] for entry in entries] for table, entries in owned.items()}
        owned["indexed"] = [(rid, orjson.dumps(keys))]
        for table, entries in owned.items():
            self._waiting.setdefault(table, []).extend(entries)
        self._owners.add(rid)

    def flush(self) -> None:
        """Write what waits."""
        for table, entries in self._waiting.items():
            self._db.executemany(SQL[f"put_{table}"], entries)
        self._waiting.clear()
        self._owners.clear()

    def drop(self, rid: int) -> None:
        """Remove every index row of the current version."""
        if rid in self._owners:
            self.flush()
        row = self._db.execute(SQL["indexed"], (rid,)).fetchone()
        if row is not None:
            for table, keys in orjson.loads(row[0]).items():
                self._db.executemany(SQL[f"drop_{table}"], keys)

    def _term(self, system: str, code: str) -> int:
        known = self._terms.get((system, code))
        if known is None:
            row = self._db.execute(SQL["find_term"], (code, system)).fetchone()
            if row is None:
                row = row_of(self._db.execute(SQL["add_term"], (system, code)))
            known = self._terms[system, code] = int(row[0])
        return known
