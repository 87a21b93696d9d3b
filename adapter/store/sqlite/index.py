"""The index rows of resources: written with each version, removed with the version they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from adapter.fhir.parameters import IDENTIFIER, OF_TYPE, PARAMETERS
from adapter.store.queries import load
from adapter.store.shapes import CLINICAL_DATE, OF_PATIENT, TYPES, UNDATED
from adapter.store.sqlite.connection import row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import apsw

    from adapter.fhir.parameters import SearchParameter
    from adapter.fhir.search import IndexRow
    from adapter.store.shapes import ResourceWrite

SQL = load("write")
_TABLES = ("clinical", "token", "string", "date", "reference", "quantity", "indexed")
"""The last holds, for each of the others in this order, what of the keys of a resource's rows is not its own."""
_PATIENT = TYPES["Patient"]
KEPT_AT: Mapping[str, str] = {table: f"$[{place}]" for place, table in enumerate(_TABLES[:-1])}
"""Where in the rows of `indexed` the keys of each table are, as a JSON path; a key begins with its parameter."""


def _home(kind: str, name: str, parameter: SearchParameter) -> dict[str, str]:
    """The generic tables of a parameter; a patient and the clinical date stand in the wide index alone."""
    found = {} if name in OF_PATIENT or name == CLINICAL_DATE.get(kind) else {name: parameter.kind}
    if parameter.kind == "reference" and not parameter.canonical:
        found[f"{name}:{IDENTIFIER}"] = "token"
    if parameter.typed:
        found[f"{name}:{OF_TYPE}"] = "token"
    return found


_HOME = {
    TYPES[kind]: {
        key: table for name, parameter in parameters.items() for key, table in _home(kind, name, parameter).items()
    }
    for kind, parameters in PARAMETERS.items()
}
_DATES = {TYPES[kind]: name for kind, name in CLINICAL_DATE.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """A version whose index rows are written anew."""

    rid: int
    patient: int
    segment: int
    index: Callable[[], Sequence[IndexRow]]


class IndexWriter:
    """Writes the wide clinical index and the generic tables of one transaction; all that waits for ``flush`` together.

    A Patient is found through its own row, everything else by patient too.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self._terms: dict[str, int] = {}
        self._waiting: dict[int, tuple[int, ResourceWrite | Indexed]] = {}

    def put(self, kind: int, write: ResourceWrite | Indexed) -> None:
        """Index one version of a resource, instead of one that still waits."""
        self._waiting[write.rid] = kind, write

    def flush(self) -> None:
        """Write what waits."""
        found = [(kind, write, write.index()) for kind, write in self._waiting.values()]
        self._waiting.clear()
        tokens: dict[str, None] = {}
        for kind, _, rows in found:
            home = _HOME[kind]
            tokens.update([(row[1], None) for row in rows if home.get(row[0]) == "token"])
        self._intern(tokens)
        tables: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _TABLES}
        for kind, write, rows in found:
            self._place(tables, kind, write, rows)
        for table, entries in tables.items():
            self._db.executemany(SQL[f"put_{table}"], entries)

    def _place(
        self,
        tables: dict[str, list[tuple[Any, ...]]],
        kind: int,
        write: ResourceWrite | Indexed,
        rows: Sequence[IndexRow],
    ) -> None:
        """Add the rows of one version to the tables they go to, and to `indexed` what of their keys drops them."""
        rid, patient, segment = write.rid, write.patient, write.segment
        home, clinical_date = _HOME[kind], _DATES.get(kind)
        dated = () if clinical_date is None else ((row.low, row.high) for row in rows if row.param == clinical_date)
        low, high = next(iter(dated), UNDATED)
        keys: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _TABLES[:-1]}
        if kind != _PATIENT:
            tables["clinical"].append((patient, kind, low, rid, high, segment))
            keys["clinical"].append((low,))
        key: tuple[Any, ...]
        for param, value, since, until, exact in rows:
            table = home.get(param)
            if table == "token":
                key = param, self._terms[value]
                tables[table].append((kind, *key, patient, rid, segment, low, high))
            elif table == "string":
                key = param, value, exact
                tables[table].append((kind, *key, rid))
            elif table == "date":
                key = param, since, until
                tables[table].append((kind, *key, rid))
            elif table == "reference":
                key = param, value
                tables[table].append((kind, *key, rid))
            elif table == "quantity":
                key = param, *value.split(" "), *exact.split("|", 2)
                tables[table].append((kind, *key, rid))
            else:
                continue
            keys[table].append(key)
        tables["indexed"].append((rid, orjson.dumps(list(keys.values()))))

    def drop(self, kind: int, patient: int, rid: int) -> None:
        """Remove every index row of a version that is written."""
        row = self._db.execute(SQL["indexed"], (rid,)).fetchone()
        if row is not None:
            for table, keys in zip(_TABLES, orjson.loads(row[0]), strict=False):
                self._db.executemany(SQL[f"drop_{table}"], [(kind, patient, rid, *key) for key in keys])

    def _intern(self, tokens: Collection[str]) -> None:
        """Learn the terms of ``system|code`` tokens; new ones are added."""
        unknown = [token.partition("|")[::2] for token in tokens if token not in self._terms]
        for system, code, number in self._db.executemany(SQL["find_term"], unknown):
            self._terms[f"{system}|{code}"] = number
        new = [(system, code) for system, code in unknown if f"{system}|{code}" not in self._terms]
        if new:
            (last,) = row_of(self._db.execute(SQL["last_term"]))
            rows = [(system, code, number) for number, (system, code) in enumerate(new, last + 1)]
            self._db.executemany(SQL["put_term"], rows)
            self._terms.update((f"{system}|{code}", number) for system, code, number in rows)
