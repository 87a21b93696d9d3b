"""A record that is corrected takes with it what followed from it before: a summary of another instrument, or day."""

from __future__ import annotations

from io import BytesIO

import pytest
import records
import subscribers
import worlds
from subscribers import settle, subscribe

pytestmark = pytest.mark.anyio
FEED = "riverside-ehr"
PHQ9, DAST10 = "44261-6", "82667-7"
RELEASE = records.choice("cottonwood", purposes=("TREAT",), classes=("mental-health", "substance-use"))


@pytest.fixture
async def ada(tmp_path):
    """Somebody whose release opens her clinic's summaries to a partner who follows them."""
    world = await worlds.open_site(tmp_path / "site", adjust=subscribers.register)
    world.receiver = subscribers.attach(world)
    await world.deliver(FEED, records.ndjson(records.clinic_patient()), "patient")
    await world.deliver("releases", records.ndjson(records.release(RELEASE)), "release")
    yield world
    await world.close()


async def send(world, name, *results):
    return await world.deliver(FEED, records.ndjson(*results), name)


async def codes(world):
    """The summaries that the partner finds, by their codes, each with its day."""
    url = f"/fhir/Observation?patient=Patient/{world.patient(FEED, records.CLINIC)}"
    found = await world.matches(subscribers.COTTONWOOD, url)
    return sorted((one["code"]["coding"][0]["code"], one["effectiveDateTime"][:10]) for one in found)


async def test_a_record_corrected_to_another_instrument_leaves_no_summary_of_the_first(ada):
    await send(ada, "first", records.clinic_result("o1", code=DAST10, score=8))
    assert await codes(ada) == [("dast-10-level", "2026-03-03")]
    await send(ada, "corrected", records.clinic_result("o1", code=PHQ9, score=8))
    assert await codes(ada) == [("phq-9-level", "2026-03-03")]


async def test_a_record_corrected_to_another_day_leaves_no_summary_of_the_first(ada):
    await send(ada, "first", records.clinic_result("o1", score=8))
    await send(ada, "corrected", records.clinic_result("o1", score=8, at="2026-03-04T09:00:00-07:00"))
    assert await codes(ada) == [("phq-9-level", "2026-03-04")]


async def test_corrected_back_it_is_there_again(ada):
    first, second = (records.clinic_result("o1", code=code, score=8) for code in (DAST10, PHQ9))
    for name, result in (("a", first), ("b", second), ("c", first | {"status": "corrected"})):
        await send(ada, name, result)
    assert await codes(ada) == [("dast-10-level", "2026-03-03")]


async def test_one_file_may_hold_a_record_and_its_correction(ada):
    await send(ada, "both", records.clinic_result("o1", code=DAST10), records.clinic_result("o1", code=PHQ9))
    assert await codes(ada) == [("phq-9-level", "2026-03-03")]


async def test_a_file_that_runs_after_its_correction_brings_nothing_back(ada):
    ingest = ada.services.ingest
    first, corrected = [
        await ingest.receive(FEED, name, BytesIO(records.ndjson(records.clinic_result("o1", code=code, score=8))))
        for name, code in (("first", DAST10), ("corrected", PHQ9))
    ]
    await ingest.process(corrected)
    await ingest.process(first)
    assert await codes(ada) == [("phq-9-level", "2026-03-03")]


async def test_a_summary_that_another_record_tells_too_stays(ada):
    twice = [records.clinic_result(ident, score=8) for ident in ("o1", "o2")]
    await send(ada, "two", *twice)
    before = await codes(ada)
    await send(ada, "one", records.clinic_result("o1", code=DAST10, score=8))
    assert set(before) < set(await codes(ada))


async def test_whoever_was_told_of_it_is_told_that_it_is_no_more(ada):
    await subscribe(ada, caller=subscribers.COTTONWOOD)
    await settle(ada)
    await send(ada, "first", records.clinic_result("o1", code=DAST10, score=8))
    await settle(ada)
    await send(ada, "corrected", records.clinic_result("o1", code=PHQ9, score=8))
    await settle(ada)
    told = [(focus, notice) for _, focus, notice in ada.receiver.events()]
    assert sorted(notice for _, notice in told) == ["", "", "entered-in-error"]
    ((recalled, _),) = [one for one in told if one[1]]
    assert (recalled, "") in told
