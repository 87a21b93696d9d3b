"""Sealed and destroyed records: out of every answer at the next request, and of a destroyed one nothing is left."""

from __future__ import annotations

import io

import asserting
import explained
import orjson
import pytest
import records
import worlds
from asserting import staff
from explained import PRETRIAL

from adapter.errors import Conflict, NotFound, RequestError
from adapter.store.sealing import CAME_BACK, DESTROYED
from adapter.store.shapes import row_key
from adapter.store.sqlite import sealing as rows

pytestmark = pytest.mark.anyio
ORDER = "order 2026-77"
OFFICER = "P. Officer"


@pytest.fixture
async def ada(world):
    """Ada: booked, screened at the jail, with a release for pretrial services."""
    await world.deliver("jail-roster", records.roster(records.roster_row()), "roster-1")
    await explained.furnish(world)
    world.ada = explained.jail(world)
    world.booked = world.patient("jail-roster", records.JAIL)
    return world


async def every_answer(world):
    """What every caller gets of everything of Ada's, request ids and instants apart."""
    found = []
    for caller in worlds.CALLERS:
        for patient in (world.ada, world.booked):
            for url in ("Observation?patient=", "Encounter?patient=", "Patient?_id=", "Provenance?target=Patient/"):
                answer = await world.ask(caller, f"/fhir/{url}{patient}")
                found.append(worlds.comparable(answer))
    return found


async def seal(world, what, **how):
    return await world.services.sealing.seal(what, staff(), authority=ORDER, **how)


async def expunge(world, what):
    asked = await seal(world, what, expunge=True)
    return await world.services.sealing.confirm(asked.row.id, staff(OFFICER))


def files(world):
    """Every byte of the files of the store, logs beside them included."""
    folder = world.services.site.store_folder
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# -- sealing ----------------------------------------------------------------------------------------------


async def test_a_sealed_record_answers_as_if_it_had_never_been(ada):
    """Byte for byte what a site answers that never received it; then as before, once the seal is opened."""
    summary = await explained.summary_of(ada)
    before = await every_answer(ada)
    made = await seal(ada, summary)
    assert made.records == 3  # the detail it was derived from, and where it came from
    assert (await ada.ask(PRETRIAL, f"/fhir/{summary}")).status_code == 404
    sealed = await every_answer(ada)
    assert sealed != before
    never = await worlds.open_site(ada.services.site.folder.parent / "never")
    await never.deliver("jail-roster", records.roster(records.roster_row()), "roster-1")
    await never.deliver("releases", records.ndjson(records.release(records.choice())))
    await never.deliver("jail-medical-hl7", records.hl7(records.admission()))
    never.ada, never.booked = ada.ada, ada.booked
    observations = [f"/fhir/Observation?patient={ada.ada}", "/fhir/Observation?code=44261-6", f"/fhir/{summary}"]
    for caller in worlds.CALLERS:
        for url in observations:
            here, there = await ada.ask(caller, url), await never.ask(caller, url)
            assert worlds.comparable(here) == worlds.comparable(there)
    await never.close()
    await ada.services.sealing.open(made.row.id, staff(), because="vacated")
    assert len(await ada.matches(PRETRIAL, f"/fhir/Observation?patient={ada.ada}")) == 1
    assert (await ada.ask(PRETRIAL, f"/fhir/{summary}")).status_code == 200


async def test_versions_from_before_a_seal_stay_under_it_when_it_is_opened(ada):
    """Their own segments are not kept; one of them may have been a stricter one than that of the last."""
    summary = await explained.summary_of(ada)
    rid = row_key(*summary.split("/"))
    made = await seal(ada, summary)
    await ada.services.sealing.open(made.row.id, staff(), because="vacated")
    ((segment,),) = ada.rows("SELECT segment FROM resource WHERE rid = ?", rid)
    earlier = ada.rows("SELECT segment FROM resource_history WHERE rid = ?", rid)
    assert earlier
    assert (segment,) not in earlier


async def test_nobody_has_a_right_to_a_sealed_record(ada):
    """Neither the unit that made it nor who has an emergency or an order."""
    summary = await explained.summary_of(ada)
    await seal(ada, summary)
    await asserting.assert_for(ada, ada.ada)
    await asserting.assert_for(ada, ada.ada, basis="O", recipient="court", purpose="HLEGAL")
    for caller in (("jail-medical", "TREAT"), ("cottonwood", "TREAT"), ("court", "HLEGAL")):
        assert (await ada.ask(caller, f"/fhir/{summary}")).status_code == 404
        assert await ada.matches(caller, f"/fhir/Observation?patient={ada.ada}") == []


async def test_what_a_source_sends_of_a_sealed_record_is_sealed_with_it(ada):
    summary = await explained.summary_of(ada)
    made = await seal(ada, summary)
    await ada.deliver("jail-medical-hl7", records.hl7(records.phq9(4, status="C", control="R1")), "again")
    await ada.deliver("jail-medical-hl7", records.hl7(records.phq9(17, status="C", control="R1")), "corrected")
    assert await ada.matches(PRETRIAL, f"/fhir/Observation?patient={ada.ada}") == []
    await ada.services.sealing.open(made.row.id, staff(), because="vacated")
    (found,) = await ada.matches(PRETRIAL, f"/fhir/Observation?patient={ada.ada}")
    assert found["id"] == summary.partition("/")[2]


async def test_all_that_a_feed_holds_of_a_person_is_sealed_together(ada):
    made = await seal(ada, f"Patient/{ada.booked}")
    held = ada.rows("SELECT rid FROM set_apart")
    assert made.records == len(held) == 2
    for caller in worlds.CALLERS:
        assert (await ada.ask(caller, f"/fhir/Patient/{ada.booked}")).status_code == 404
        assert await ada.matches(caller, f"/fhir/Encounter?patient={ada.booked}") == []
    # Custody that only a sealed booking tells is no ground any more.
    assert ada.rows("SELECT count(*) FROM clinical WHERE patient = ?", row_key("Patient", ada.booked)) == [(0,)]
    assert await ada.matches(PRETRIAL, f"/fhir/Observation?patient={ada.ada}") != []


async def test_the_office_is_told_why(ada):
    summary = await explained.summary_of(ada)
    made = await seal(ada, summary, words="first offence")
    told = await explained.now(ada, summary)
    assert told.effect == "DENY"
    assert ORDER in " ".join(told.lines)
    await ada.services.sealing.open(made.row.id, staff(), because="vacated")
    assert (await explained.now(ada, summary)).effect == "PERMIT"


async def test_what_cannot_be_sealed_is_said_and_nothing_changes(ada):
    before = await every_answer(ada)
    (consent,) = [ident for (ident,) in ada.rows("SELECT id FROM resource WHERE type = 6 LIMIT 1")]
    registry = ada.patient("releases", records.REGISTRY)
    summary = await explained.summary_of(ada)
    for what in (f"Consent/{consent}", f"Patient/{registry}", "Organization/jail", "Observation/absent", "nothing"):
        with pytest.raises(RequestError):
            await seal(ada, what)
    with pytest.raises(RequestError, match="authority"):
        await ada.services.sealing.seal(summary, staff(), authority=" ")
    assert await every_answer(ada) == before
    assert ada.rows("SELECT count(*) FROM set_apart") == [(0,)]
    made = await seal(ada, summary)
    with pytest.raises(Conflict):
        await seal(ada, summary)
    await ada.services.sealing.open(made.row.id, staff(), because="x")
    with pytest.raises(Conflict):
        await ada.services.sealing.open(made.row.id, staff(), because="x")
    with pytest.raises(NotFound):
        await ada.services.sealing.open("nothing", staff(), because="x")


async def test_sealings_are_in_the_ledger_and_in_no_accounting(ada):
    summary = await explained.summary_of(ada)
    made = await seal(ada, summary)
    await ada.services.sealing.open(made.row.id, staff(), because="vacated")
    acts = [entry async for entry, *_ in ada.services.ledger.entries() if made.row.id in entry.target]
    assert [entry.interaction for entry in acts] == ["seal", "unseal"]
    account = await ada.services.accounting.of(ada.ada, since=0, until=ada.clock.now + 1)
    assert {one.interaction for one in account.asked} == {"search-type"}


# -- destruction ------------------------------------------------------------------------------------------


async def test_destruction_takes_two(ada):
    summary = await explained.summary_of(ada)
    asked = await seal(ada, summary, expunge=True)
    assert (await ada.ask(PRETRIAL, f"/fhir/{summary}")).status_code == 404
    for name in ("R. Desk", " r.  DESK"):
        with pytest.raises(RequestError, match="somebody else"):
            await ada.services.sealing.confirm(asked.row.id, staff(name))
    sealed = await seal(ada, f"Patient/{ada.booked}")
    with pytest.raises(RequestError, match="nobody asked"):
        await ada.services.sealing.confirm(sealed.row.id, staff(OFFICER))
    with pytest.raises(NotFound):
        await ada.services.sealing.confirm("nothing", staff(OFFICER))
    done = await ada.services.sealing.confirm(asked.row.id, staff(OFFICER))
    assert done.records == 3
    with pytest.raises(Conflict):
        await ada.services.sealing.open(asked.row.id, staff(), because="too late")
    one = next(one for one in await ada.services.sealing.listed() if one.row.id == asked.row.id)
    assert (one.row.second, one.row.kind, one.records) == (OFFICER, "expunge", 3)


async def test_nothing_of_a_destroyed_record_is_left_in_any_file(ada):
    """Neither in tables nor in free pages nor in the logs: two versions, index rows, match keys and raw lines."""
    marked = records.roster_row("J9", last="QUISLINGTON", ssn="433-27-7777", booking="B9")
    changed = records.roster_row(
        "J9", last="QUISLINGTON", ssn="433-27-7777", booking="B9", booked="2026-03-01 09:00:00"
    )
    other = records.roster_row("J8", last="OTHERWISE", ssn="433-27-7778", booking="B8")
    for name, row in (("one", marked), ("two", changed)):
        await ada.deliver("jail-roster", records.roster(row, other), name)
    patient = ada.patient("jail-roster", "J9")
    assert any(b"QUISLINGTON" in data for data in files(ada).values())
    done = await expunge(ada, f"Patient/{patient}")
    assert done.records == 2
    for name, data in files(ada).items():
        assert b"QUISLINGTON" not in data, name
        assert b"uislington" not in data, name
        assert b"433-27-7777" not in data, name
    rid = row_key("Patient", patient)
    for table, columns in (rows.ERASED | rows.ERASED_OF_PATIENT).items():
        for column in columns:
            assert ada.rows(f"SELECT count(*) FROM {table} WHERE {column} = ?", rid) == [(0,)], table
    # The other row of the same extracts is as it was received.
    raw = b"".join(bytes(data) for (data,) in ada.services.inbox._db.execute("SELECT data FROM chunk"))
    assert raw.count(b"OTHERWISE") == 2
    assert raw.count(b"xxxx") >= 2


async def test_every_place_that_names_a_record_is_erased_or_kept_for_a_reason(ada):
    """A new table that names records or persons has to say what becomes of it."""
    known = rows.ERASED.keys() | rows.ERASED_OF_PATIENT.keys() | rows.KEPT.keys()
    found = {(table, column) for table, column in ada.rows(rows.SQL["tables"])}
    assert {table for table, _ in found} <= known
    for table, columns in (rows.ERASED | rows.ERASED_OF_PATIENT).items():
        assert {(table, column) for column in columns} <= found
        named = {column for name, column in found if name == table}
        assert named - set(columns) <= {"patient", "rid"}


async def test_an_accounting_still_tells_that_something_was_disclosed(ada):
    summary = await explained.summary_of(ada)
    account = await ada.services.accounting.of(ada.ada, since=0, until=ada.clock.now + 1)
    await expunge(ada, summary)
    after = await ada.services.accounting.of(ada.ada, since=0, until=ada.clock.now + 1)
    assert [(one.request_id, one.result) for one in after.asked] == [
        (one.request_id, one.result) for one in account.asked
    ]
    assert [one.given[0].kind for one in after.asked if one.given] == ["screening-summary"]
    assert await ada.services.ledger.verify() > 0


async def test_what_was_destroyed_does_not_come_back(ada):
    """Sent again, it is refused and told, its raw line goes as well; what is new of the person is taken."""
    row = records.roster_row()
    await expunge(ada, f"Patient/{ada.booked}")
    report = await ada.deliver("jail-roster", records.roster(row, records.roster_row("J7", booking="B7")), "again")
    assert report.warnings["destroyed record"] == 2
    assert (await ada.ask(("jail", "supervision"), f"/fhir/Patient/{ada.booked}")).status_code == 404
    assert ada.rows("SELECT count(*) FROM identity WHERE patient = ?", row_key("Patient", ada.booked)) == [(0,)]
    assert await ada.services.sealing.waiting() == 1
    assert await ada.services.sealing.resume() == 1
    raw = b"".join(bytes(data) for (data,) in ada.services.inbox._db.execute("SELECT data FROM chunk"))
    assert raw.count(b'"B7"') == 1
    assert b'"B1"' not in raw
    await ada.deliver("jail-roster", records.roster(records.roster_row(booking="B2")), "arrested again")
    states = dict(ada.rows("SELECT rid, state FROM set_apart"))
    assert states[row_key("Patient", ada.booked)] == CAME_BACK
    assert list(states.values()).count(DESTROYED) == 1
    (booking,) = await ada.matches(("jail", "supervision"), f"/fhir/Encounter?patient={ada.booked}")
    assert "B2" in orjson.dumps(booking).decode()
    await ada.deliver("jail-roster", records.roster(row), "the old one again")
    assert len(await ada.matches(("jail", "supervision"), f"/fhir/Encounter?patient={ada.booked}")) == 1


async def test_what_waits_beside_an_erased_line_is_still_found(ada):
    extract = records.roster(records.roster_row("J5", booking="B5"), '"RAGGED","ROW"\r\n')
    await ada.deliver("jail-roster", extract, "mixed")
    waiting = [one.raw for one in await ada.services.store.quarantined("jail-roster")]
    await expunge(ada, f"Patient/{ada.patient('jail-roster', 'J5')}")
    assert await ada.services.sealing.waiting() == 0
    assert [one.raw for one in await ada.services.store.quarantined("jail-roster")] == waiting
    replayed = await ada.services.ingest.replay("jail-roster")
    assert replayed["jail-roster"].records == 1


async def test_a_line_waits_while_erasing_it_would_lose_what_waits_beside_it(ada, caplog):
    """Where a case becomes no record at all the ones behind it move up, and what waits would be taken for another."""
    broken = records.court_case("2026CR2", party="D2").replace("<PartyID>D2</PartyID>", "")
    await ada.deliver("court-cases", records.court(records.court_case("2026CR1"), broken), "cases")
    assert len(await ada.services.store.quarantined("court-cases")) > 0
    done = await expunge(ada, f"Patient/{ada.patient('court-cases', 'D1')}")
    assert done.records > 0
    assert await ada.services.sealing.waiting() == 1
    assert "erased once its records left quarantine" in caplog.text
    async with ada.services.store.transaction() as change:
        for one in await ada.services.store.quarantined("court-cases"):
            await change.release_quarantined(one.id)
    assert await ada.services.sealing.resume() == 1
    raw = b"".join(bytes(data) for (data,) in ada.services.inbox._db.execute("SELECT data FROM chunk"))
    assert b"2026CR1" not in raw
    assert b"2026CR2" in raw


async def test_a_line_that_came_too_late_is_erased_with_the_record_it_tells_of(ada):
    """Nothing of it was written: what a later file told was known by then."""
    late = await ada.services.ingest.receive(
        "jail-roster", "early", io.BytesIO(records.roster(records.roster_row("J9", last="QUISLINGTON", booking="B9")))
    )
    again = records.roster(records.roster_row("J9", last="QUISLINGTON", booking="B9", booked="2026-03-01 09:00:00"))
    await ada.deliver("jail-roster", again, "later")
    report = await ada.services.ingest.process(late)
    assert not report.written
    await expunge(ada, f"Patient/{ada.patient('jail-roster', 'J9')}")
    assert all(b"QUISLINGTON" not in data for data in files(ada).values())
