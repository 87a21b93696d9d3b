"""A store that was written by an earlier schema holds the same after its migration as one that was written now."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import apsw
import pytest
from store_contract import NOW, write

from adapter.fhir.search import IndexRow
from adapter.store import sqlite
from adapter.store.shapes import IdentityFacts, row_key
from adapter.store.sqlite.connection import migrate
from adapter.store.sqlite.store import SqliteStore

pytestmark = pytest.mark.anyio
SCRIPTS = files(sqlite.__package__.rpartition(".")[0]).joinpath("migrations", "sqlite")
TABLES = ("identity", "identity_key", "origin", "indexed", "clinical", "token", "string", "date", "term")
PLACES = {"clinical": (2,), "token": (1, 2), "string": (1, 2, 4), "date": (1, 2, 4), "reference": (1, 2)}
"""Which columns of a whole key `indexed` keeps now."""


def stamp(write, at, again):
    version = f"{write.id}-{write.digest.hex()}-{at}-{again}"
    return version, write.opening + f'"versionId":"{version}","lastUpdated":"{at}",'.encode() + write.head


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def written_now(folder):
    """A person with a name, a birth date, a code and two match keys, as the store writes them now."""
    store = SqliteStore(folder, stamp=stamp, chain=b"chain")
    await store.migrate()
    born = IndexRow(param="birthdate", value="", low=5, high=6)
    patient = write("Patient", "p", "p", 1, names=["oak", "ash"])
    rows = [*patient.index(), born]
    facts = [
        IdentityFacts(patient=row_key("Patient", "p"), source="jail", keys=[b"\xfe", b"\x01"], facts={"ssn": "x"}),
        IdentityFacts(patient=row_key("Patient", "q"), source="court", keys=[], facts={}),
    ]
    async with store.transaction() as change:
        writes = [replace(patient, index=lambda: rows), write("Observation", "o", "p", 1, codes=["1", "2"])]
        await change.put(writes, at=NOW, origin=("receipt", 7))
        for one in facts:
            await change.identify(one)
    await store.close()


def held(db):
    return {table: sorted(db.execute(f"SELECT * FROM {table}")) for table in TABLES}


def whole_keys(rid, rows, kind, patient):
    """What `indexed` held before: every column of every key, and no quantities."""
    whole = {
        "clinical": lambda low: [patient, kind, low, rid],
        "token": lambda param, term: [kind, param, term, patient, rid],
        "string": lambda param, value, exact: [kind, param, value, rid, exact],
        "date": lambda param, low, high: [kind, param, low, rid, high],
        "reference": lambda param, target: [kind, param, target, rid],
    }
    found = {name: [whole[name](*key) for key in keys] for name, keys in zip(PLACES, rows, strict=False)}
    return {name: keys for name, keys in found.items() if keys}


def rewrite(new, old):
    """Write into a file of the first four migrations what an earlier program would have written."""
    for script in sorted(SCRIPTS.iterdir(), key=lambda one: one.name):
        if script.name[:4] <= "0004" and script.name.count(".") == 1:
            list(old.execute(script.read_text(encoding="utf-8")))
    list(old.execute("PRAGMA user_version = 4"))
    copied = held(new)
    for table in ("identity_key", "origin", "clinical", "token", "string", "date", "term"):
        for row in copied[table]:
            old.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    for patient, source, _, facts in copied["identity"]:
        old.execute("INSERT INTO identity VALUES (?, ?, ?, ?)", (patient, source, facts, b"digest"))
    kinds = {rid: (kind, patient) for rid, kind, patient in new.execute("SELECT rid, type, patient FROM resource")}
    for rid, rows in copied["indexed"]:
        before = json.dumps(whole_keys(rid, json.loads(rows), *kinds[rid]))
        old.execute("INSERT INTO indexed VALUES (?, ?)", (rid, before.encode()))


async def test_keys_and_places_survive_the_change_of_their_form(tmp_path):
    await written_now(tmp_path / "new")
    new, old = apsw.Connection(str(tmp_path / "new" / "store.sqlite")), apsw.Connection(str(tmp_path / "old.db"))
    rewrite(new, old)
    applied = migrate(old)
    assert applied[0] == "0005_batched_writes"
    assert held(old) == held(new)
    assert all(held(new)[table] for table in TABLES)
    new.close()
    old.close()
