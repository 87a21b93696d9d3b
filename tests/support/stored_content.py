"""What a store holds in the end, for tests that compare how it came to that."""

from __future__ import annotations

import re

import apsw
import worlds

from adapter.assets import copy_fictional_county

CONTENT = {
    "resources": "SELECT type, id, revision, segment_body(segment), head, tail FROM resource ORDER BY rid",
    "history": "SELECT rid, revision, head, tail FROM resource_history ORDER BY rid, revision",
    "links": "SELECT patient, other, rule FROM patient_link ORDER BY patient, other",
    "policies": "SELECT patient, start, stop FROM patient_policy ORDER BY patient, start",
    "sources": "SELECT patient, start, sources FROM patient_policy_source ORDER BY patient, start",
    "screenings": "SELECT patient, instrument, day, rid, instant, risk FROM screening ORDER BY rid",
    "waiting": "SELECT feed, ordinal, line, part, code, element, raw FROM quarantine ORDER BY feed, line, code",
    "origins": "SELECT o.rid, o.line, count(*) FROM origin o GROUP BY o.rid, o.line ORDER BY o.rid, o.line",
    "search": "SELECT type, param, target, rid FROM reference ORDER BY type, param, target, rid",
    "clinical": "SELECT patient, type, low, high, rid FROM clinical ORDER BY patient, type, low, rid",
    "people": "SELECT patient, source, facts FROM identity ORDER BY patient",
}
WHEN = re.compile(rb'"(lastUpdated|recorded|versionId)":"[^"]*"')
"""What tells the moment of the run: instants, and the ids of versions, which follow from them."""


def content(site):
    """What a store holds, without the moments at which it was written."""
    db = apsw.Connection(str(site / "data" / "store.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    bodies = dict(db.execute("SELECT id, body FROM segment"))
    db.create_scalar_function("segment_body", bodies.__getitem__, 1)
    found = {name: [plain(row) for row in db.execute(sql)] for name, sql in CONTENT.items()}
    versions = "SELECT id, revision FROM resource WHERE type <> 7 ORDER BY rid"
    found["versions"] = list(db.execute(versions))
    found["progress"] = list(db.execute("SELECT records, done FROM ingest_progress ORDER BY records"))
    db.close()
    return found


def plain(row):
    return tuple(WHEN.sub(b"", cell) if isinstance(cell, bytes) else cell for cell in row)


def new_site(folder):
    copy_fictional_county(folder)
    (folder / "site.key").write_bytes(worlds.SECRET)
    return folder
