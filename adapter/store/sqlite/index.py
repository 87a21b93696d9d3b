"""The index rows of resources: written with each version, removed with the version they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from adapter.fhir.search import PARAMETERS
from adapter.store.port import CLINICAL_DATE, OF_PATIENT, TYPES
from adapter.store.queries import load

if TYPE_CHECKING:
    import apsw

    from adapter.store.port import ResourceWrite

SQL = load("write")
_DROP = {"token": "drop_token", "string": "drop_string", "date": "drop_date", "reference": "drop_reference"}


class IndexWriter:
    """Writes the wide clinical index and the generic tables. Terms are interned for as long as it lives."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection
        self._terms: dict[tuple[str, str], int] = {}

    def put(self, rid: int, write: ResourceWrite) -> None:
        """Index one version of a resource; a Patient is found through its own row, everything else by patient too."""
        kind = TYPES[write.type]
        owned: list[list[Any]] = []
        if write.type != "Patient":
            self._db.execute(
                SQL["put_clinical"], (write.patient, kind, write.low, write.high, rid, write.segment)
            )
            owned.append(["clinical", write.patient, kind, write.low, rid])
        parameters = PARAMETERS[write.type]
        for row in write.index:
            form = parameters[row.param].kind
            if form == "token":
                if row.value.startswith("*|") or row.value.endswith("|"):
                    # Any system and any code are asked of the term table instead of being stored per resource.
                    continue
                term = self._term(*row.value.rsplit("|", 1))
                self._db.execute(
                    SQL["put_token"],
                    (kind, row.param, term, write.patient, rid, write.segment, write.low, write.high),
                )
                owned.append(["token", kind, row.param, term, write.patient, rid])
            elif form == "string":
                self._db.execute(SQL["put_string"], (kind, row.param, row.value, row.exact, rid))
                owned.append(["string", kind, row.param, row.value, rid, row.exact])
            elif form == "date":
                if CLINICAL_DATE.get(write.type) == row.param:
                    continue
                self._db.execute(SQL["put_date"], (kind, row.param, row.low, row.high, rid))
                owned.append(["date", kind, row.param, row.low, rid, row.high])
            elif row.param not in OF_PATIENT:
                self._db.execute(SQL["put_reference"], (kind, row.param, row.value, rid))
                owned.append(["reference", kind, row.param, row.value, rid])
        self._db.execute(SQL["put_indexed"], (rid, orjson.dumps(owned)))

    def drop(self, rid: int) -> None:
        """Remove every index row of the current version."""
        row = self._db.execute(SQL["indexed"], (rid,)).fetchone()
        if row is None:
            return
        for table, *key in orjson.loads(row[0]):
            self._db.execute(SQL["drop_clinical" if table == "clinical" else _DROP[table]], key)

    def _term(self, system: str, code: str) -> int:
        known = self._terms.get((system, code))
        if known is None:
            row = self._db.execute(SQL["find_term"], (code, system)).fetchone()
            if row is None:
                row = self._db.execute(SQL["add_term"], (system, code)).fetchone()
            known = self._terms[system, code] = int(row[0])
        return known
