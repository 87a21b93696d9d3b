"""A feed fetched by bulk export from a real server: files, what is gone, what could not be given, being cut short."""

from __future__ import annotations

from functools import partial

import orjson
import pytest
import records
import worlds
from partner_server import Partner

from adapter.errors import SallyportError

pytestmark = pytest.mark.anyio
FEED = "riverside-ehr"


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture
def partner():
    with Partner() as started:
        yield started


@pytest.fixture
async def world(tmp_path, partner):
    adjust = partial(partner.adjust, export="group/alder-county", longest_wait_seconds=1)
    made = await worlds.open_site(tmp_path / "site", adjust=adjust)
    yield made
    await made.close()


def results(*numbers):
    return [records.clinic_result(f"o{n}", score=n, at=f"2026-03-03T09:{n:02d}:00-07:00") for n in numbers]


def held(world):
    """Status and value of every Observation, details before summaries."""
    rows = world.rows("SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE type = 3")
    return [orjson.loads(body) for (body,) in rows]


async def waiting(world):
    return [record.code for record in await world.services.store.quarantined(FEED)]


async def test_files_come_once_and_the_next_export_asks_for_what_changed(world, partner):
    partner.order(put=[records.clinic_patient(), *results(1, 2, 3)])
    told = []
    await world.services.pulls.run(FEED, progress=lambda kept, total: told.append((kept, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert len(held(world)) == 6
    # What the server could not give is seen by somebody.
    assert await waiting(world) == ["server-outcome"]
    log = partner.order(clear=True)["log"]
    (kick_off,) = [path for path in log if "$export" in path]
    assert kick_off.startswith("/fhir/Group/alder-county/$export?")
    assert "_type=Patient%2CEncounter%2CQuestionnaireResponse%2CObservation" in kick_off
    assert "_since" not in kick_off
    assert log[-1] == "DELETE /job/1"
    partner.order(put=results(4))
    await world.services.pulls.run(FEED)
    assert len(held(world)) == 8
    (kick_off,) = [path for path in partner.order()["log"] if "$export" in path]
    assert "_since=2026-11-22T18%3A00%3A0" in kick_off


async def test_what_is_gone_is_retracted_with_its_summary(world, partner):
    partner.order(put=[records.clinic_patient(), *results(1, 12)])
    await world.services.pulls.run(FEED)
    partner.order(delete=["Observation/o12", "Observation/never-sent"])
    await world.services.pulls.run(FEED)
    gone = [one for one in held(world) if one["status"] == "entered-in-error"]
    assert len(gone) == 2
    (summary,) = [one for one in gone if "ABSTRED" in str(one["meta"])]
    assert "valueCodeableConcept" not in summary
    assert summary["dataAbsentReason"]["coding"][0]["code"] == "error"
    assert len([one for one in held(world) if one["status"] == "final"]) == 2
    # Nobody knows what was never sent, and an older record waits that it may be about.
    assert "deletion-waits" in await waiting(world)


async def test_a_patient_and_a_condition_that_are_gone(world):
    condition = {
        "resourceType": "Condition",
        "id": "c1",
        "meta": {"source": "urn:unit:riverside-main"},
        "clinicalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
        },
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F32.9"}]},
        "subject": {"reference": f"Patient/{records.CLINIC}"},
    }
    await world.deliver(FEED, records.ndjson(records.clinic_patient(), condition))
    names = ["Condition/c1", f"Patient/{records.CLINIC}", "Observation/never-sent", "Consent/x"]
    entries = [{"request": {"method": "DELETE", "url": name}} for name in names]
    report = await world.deliver(FEED, records.ndjson({"resourceType": "Bundle", "entry": entries}), "deleted")
    assert (report.records, report.quarantined.total(), report.written) == (4, 0, {"Condition": 1, "Patient": 1})
    rows = world.rows("SELECT type, CAST(head || ']' || tail AS TEXT) FROM resource WHERE type IN (1, 4)")
    bodies = {number: orjson.loads(body) for number, body in rows if "Marsh" in body or number == 4}
    assert bodies[1]["active"] is False
    assert bodies[4]["verificationStatus"]["coding"][0]["code"] == "entered-in-error"
    assert "clinicalStatus" not in bodies[4]


async def test_a_deletion_waits_for_the_record_that_it_may_be_about(world):
    broken = records.clinic_result("o7") | {"valueQuantity": {"value": 99}}
    await world.deliver(FEED, records.ndjson(records.clinic_patient(), broken))
    entry = {"request": {"method": "DELETE", "url": "Observation/o7"}}
    await world.deliver(FEED, records.ndjson({"resourceType": "Bundle", "entry": [entry]}), "deleted")
    assert await waiting(world) == ["out-of-range", "deletion-waits"]
    # Somebody lets the range of the instrument go; then both go through, the deletion last.
    line = world.services.ingest._lines[FEED]
    scale = line.assembly._registry.instruments["phq-9"].scales[0]
    object.__setattr__(scale, "high", 100)
    await world.services.ingest.replay(FEED)
    object.__setattr__(scale, "high", 27)
    assert await waiting(world) == []
    assert {one["status"] for one in held(world)} == {"entered-in-error"}


async def test_an_export_that_is_cut_goes_on_with_the_file_where_it_stopped(world, partner):
    partner.order(put=[records.clinic_patient(), *results(1, 2)])

    def stop(count, total):
        if count == 1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await world.services.pulls.run(FEED, progress=stop)
    asked = partner.order(clear=True)["log"]
    assert asked[-1] == "/files/1/Patient"
    await world.services.pulls.run(FEED)
    log = partner.order()["log"]
    assert not [path for path in log if "$export" in path or "Patient" in path]
    assert len(held(world)) == 4


async def test_an_export_that_the_server_forgot_is_asked_for_again(world, partner):
    partner.order(put=[records.clinic_patient(), *results(1, 2)])

    def stop(count, total):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        await world.services.pulls.run(FEED, progress=stop)
    partner.order(faults=["410"])
    await world.services.pulls.run(FEED)
    assert [path for path in partner.order()["log"] if "$export" in path][1:]
    assert len(held(world)) == 4


async def test_a_file_that_breaks_off_is_no_receipt(world, partner):
    partner.order(put=[records.clinic_patient(), *results(1, 2)])
    # Kick-off, two answers that it is not ready, the manifest, then the first file.
    order = partner.order
    order(faults=[])
    reports = []

    def cut(count, total):
        reports.append(count)
        if count == 1:
            order(faults=["cut"])

    with pytest.raises(SallyportError, match="no answer"):
        await world.services.pulls.run(FEED, progress=cut)
    assert len(await world.services.inbox.receipts()) == 1
    await world.services.pulls.run(FEED)
    assert len(held(world)) == 4
