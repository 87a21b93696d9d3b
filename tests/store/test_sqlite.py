"""The SQLite store keeps the contract, and its files keep their promises."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import alerts_contract
import apsw
import decided_contract
import events_contract
import exports_contract
import files_contract
import legal_contract
import matching_contract
import messages_contract
import orjson
import pytest
import store_contract as contract
import subscriptions_contract
import survey_contract
import tokens_contract
import work_contract
import written_contract

from adapter.consent.segment import Segment
from adapter.errors import LedgerBroken, SallyportError
from adapter.store import sqlite
from adapter.store.shapes import LedgerEntry
from adapter.store.sqlite.connection import connect, migrate
from adapter.store.sqlite.ledger import SqliteLedger
from adapter.store.sqlite.store import SqliteStore

pytestmark = pytest.mark.anyio
MIGRATIONS = Path(sqlite.__file__).parents[1] / "migrations" / "sqlite"
ENTRY = LedgerEntry(
    at=1,
    request_id="r",
    client="c",
    context=1,
    purpose="TREAT",
    interaction="read",
    target="Patient/x",
    passed=[],
)


NUMBERED = {}
"""The versions of each resource, in the order they were made: what a test calls the first of `a` is `a-1`."""


def stamp(write, at, again):
    made = NUMBERED.setdefault(write.id, [])
    if (write.digest, at, again) not in made:
        made.append((write.digest, at, again))
    version = f"{write.id}-{1 + made.index((write.digest, at, again))}"
    return version, write.opening + f'"versionId":"{version}","lastUpdated":"{at}",'.encode() + write.head


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def store(tmp_path):
    NUMBERED.clear()
    made = SqliteStore(tmp_path / "data", stamp=stamp, chain=b"chain")
    await made.migrate()
    yield made
    await made.close()


class TestSqlite(
    contract.StoreContract,
    decided_contract.DecidedContract,
    tokens_contract.TokensContract,
    events_contract.EventsContract,
    exports_contract.ExportsContract,
    files_contract.FilesContract,
    legal_contract.LegalContract,
    matching_contract.MatchingContract,
    survey_contract.SurveyContract,
    work_contract.WorkContract,
    alerts_contract.AlertsContract,
    subscriptions_contract.SubscriptionsContract,
    messages_contract.MessagesContract,
    written_contract.WrittenContract,
):
    """Every promise of the contract."""


async def test_migrations_apply_once(tmp_path):
    first = SqliteStore(tmp_path, stamp=stamp, chain=b"a")
    assert len(await first.migrate()) == len(list(MIGRATIONS.glob("*.sql")))
    assert await first.migrate() == []
    await first.close()
    second = SqliteStore(tmp_path, stamp=stamp, chain=b"b")
    assert await second.migrate() == []
    await second.close()


async def test_ledger_entries_of_one_moment_share_a_commit(store):
    ledger = store.ledger()
    await asyncio.gather(*(ledger.append(ENTRY) for _ in range(50)))
    assert await ledger.verify() == 50


async def test_the_ledger_refuses_change_and_tells_of_tampering(store, tmp_path):
    ledger = store.ledger()
    await ledger.append(ENTRY)
    await ledger.append(ENTRY)
    raw = apsw.Connection(str(tmp_path / "data" / "ledger.sqlite"))
    with pytest.raises(apsw.ConstraintError):
        raw.execute("UPDATE entry SET target = 'Patient/y'")
    with pytest.raises(apsw.ConstraintError):
        raw.execute("DELETE FROM entry")
    raw.execute("DROP TRIGGER entry_never_changes")
    raw.execute("UPDATE entry SET target = 'Patient/y' WHERE seq = 1")
    with pytest.raises(SallyportError, match="entry 1"):
        await ledger.verify()
    raw.close()


async def test_the_ledger_tells_of_an_outcome_put_in_later(store, tmp_path):
    ledger = store.ledger()
    await ledger.append(ENTRY)
    await ledger.append(ENTRY)
    raw = apsw.Connection(str(tmp_path / "data" / "ledger.sqlite"))
    raw.execute("DROP TRIGGER entry_never_changes")
    raw.execute("UPDATE entry SET outcome = '403 forbidden' WHERE seq = 2")
    raw.close()
    with pytest.raises(SallyportError, match="entry 2"):
        await ledger.verify()


async def test_a_reader_sees_a_commit_at_its_next_answer(store):
    async with store.snapshot() as view:
        assert await view.resource("Patient", "p") is None
        async with store.transaction() as change:
            await change.put([contract.write("Patient", "p", "p", 1)], at=1, origin=None)
        assert await view.resource("Patient", "p") is None
    async with store.snapshot() as view:
        assert (await view.resource("Patient", "p")).id == "p"


async def test_chains_of_two_processes_interleave_and_verify(store, tmp_path):
    other = SqliteStore(tmp_path / "data", stamp=stamp, chain=b"other")
    for ledger in (store.ledger(), other.ledger(), store.ledger(), other.ledger()):
        await ledger.append(ENTRY)
    assert await store.ledger().verify() == 4
    await other.close()


@pytest.mark.parametrize("cut", range(1, 9))
async def test_every_chain_holds_every_other(store, tmp_path, cut):
    """Whatever is taken out, of whichever chain, breaks what stands behind it: but for the very end."""
    stores = [store, *(SqliteStore(tmp_path / "data", stamp=stamp, chain=name) for name in (b"one", b"two"))]
    for place in (0, 1, 1, 2, 0, 2, 1, 0, 0):
        await stores[place].ledger().append(ENTRY)
    head = await store.ledger().head()
    assert await store.ledger().verify(head=head.digest) == 9
    raw = apsw.Connection(str(tmp_path / "data" / "ledger.sqlite"))
    raw.execute("DROP TRIGGER entry_never_leaves")
    raw.execute("DELETE FROM entry WHERE seq = ?", (cut,))
    with pytest.raises(LedgerBroken) as broken:
        await store.ledger().verify()
    assert broken.value.entry in {cut, cut + 1, cut + 2}
    raw.execute("DELETE FROM entry WHERE seq > ?", (cut,))
    raw.close()
    with pytest.raises(LedgerBroken):
        await store.ledger().verify(head=head.digest)
    for one in stores[1:]:
        await one.close()


async def test_a_ledger_of_an_earlier_version_still_follows(tmp_path):
    """Chains that began from all heads and did not hold each other afterwards are verified as they were written."""
    db = connect(tmp_path / "ledger.sqlite")
    scripts = [MIGRATIONS / f"{name}.ledger.sql" for name in ("0001_first_schema", "0002_outcomes")]
    for script in scripts:
        list(db.execute(script.read_text()))
    list(db.execute("PRAGMA user_version = 2"))
    body = (1, "r", "c", 1, "TREAT", "read", "Patient/x")
    heads = {}
    for number, chain in enumerate((b"one", b"two", b"one", b"two", b"one")):
        before = heads.get(chain) or sha256(b"".join(sorted(heads.values()))).digest()
        digest = heads[chain] = sha256(before + orjson.dumps([*body[:-1], f"Patient/{number}"]) + b"[]").digest()
        row = (chain, *body[:-1], f"Patient/{number}", b"[]", "", before, digest)
        places = ",".join("?" * len(row))
        columns = (
            "chain, at, request_id, client, context, purpose, interaction, target, passed, outcome, previous, digest"
        )
        db.execute(f"INSERT INTO entry ({columns}) VALUES ({places})", row)
    migrate(db, "ledger")
    ledger = SqliteLedger(db, chain=b"three")
    assert await ledger.verify() == 5
    await ledger.append(ENTRY)
    assert await ledger.verify() == 6
    ledger.close()


async def test_a_store_of_the_first_schema_is_brought_up_to_date(tmp_path):
    script = files("adapter.store").joinpath("migrations", "sqlite", "0001_first_schema.sql")
    old = apsw.Connection(str(tmp_path / "store.sqlite"))
    list(old.execute(script.read_text(encoding="utf-8")))
    segment = ["Observation", [], "summary", [["urn:s", "MH"]], "hipaa", "mh", "Organization/jail"]
    old.execute("INSERT INTO segment (body) VALUES (?)", (orjson.dumps(segment),))
    old.execute("INSERT INTO policy (body) VALUES (?)", (b"[]",))
    old.execute("INSERT INTO setting (name, value) VALUES ('decisions', x'00')")
    old.execute("PRAGMA user_version = 1")
    old.close()
    store = SqliteStore(tmp_path, stamp=stamp, chain=b"a")
    assert "0002_legal_bases" in await store.migrate()
    (body,) = (await store.interned("segment")).values()
    read = Segment.parse(body)
    assert (read.unit, read.audience, read.labels) == ("Organization/jail", "", (("urn:s", "MH"),))
    assert await store.interned("policy") == {}
    assert await store.setting("decisions") is None
    await store.close()


async def test_what_arrived_in_odd_pieces_is_erased_where_it_stands(store):
    """What waited was committed in the middle of a piece, so that not every stored piece is as long."""
    await store.migrate()
    inbox = store.inbox()
    arrival = inbox.arrive(receipt="r1", feed="f", name="n", at=0)
    data = b"".join(b"%08d" % number for number in range(1_400_000))
    for start in range(0, len(data), 999_983):
        arrival.add(data[start : start + 999_983])
    arrival.finish()
    spans = [(8_388_600, 8_388_620), (10_900_003, 10_900_013), (0, 3)]
    await inbox.erase("r1", spans)
    wanted = bytearray(data)
    for start, stop in spans:
        wanted[start:stop] = b"x" * (stop - start)
    with inbox.open("r1").stream as stream:
        assert stream.read() == bytes(wanted)
