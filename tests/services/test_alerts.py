"""A screen of suicide or withdrawal that waits is told to its sender, once, and nothing of what it says."""

from __future__ import annotations

import io
import logging

import pytest
import records

from adapter.services import alerts as service

pytestmark = pytest.mark.anyio
FEED = "riverside-ehr"
SECRET_WORDS = ("Marsh", "C-SSRS", "93374", "suicide", "high", "99")


def c_ssrs(ident="o1", **changes):
    """A C-SSRS risk level that cannot be read, unless it is changed."""
    found = records.clinic_result(ident, code="93374-7") | {"valueString": "99 nobody knows"} | changes
    del found["valueQuantity"]
    return found


async def told(world):
    said = []
    await world.services.alerts.tell(said.append)
    return said


async def test_it_is_told_once_with_whom_to_call_and_where_it_stands(world):
    patient = records.clinic_patient()
    report = await world.deliver(FEED, records.ndjson(patient, c_ssrs("o1"), records.clinic_result(), c_ssrs("o2")))
    assert report.quarantined.total() == 2
    (telling,) = await told(world)
    assert (telling.count, telling.line, telling.feed, telling.receipt) == (2, 2, FEED, report.receipt)
    assert (telling.organisation, telling.contact) == ("Riverside Behavioral Health", "health information office")
    line = str(telling)
    assert "tell health information office of Riverside Behavioral Health now" in line
    assert not [word for word in SECRET_WORDS if word.lower() in line.lower().replace(report.receipt, "")]
    assert await told(world) == []
    (alert, _) = (await world.services.intake.report(FEED, report.receipt))["alerts"]
    assert (alert["line"], alert["state"]) == (2, "waiting")
    assert alert["told"] is not None


async def test_another_screen_that_waits_is_not_told(world):
    await world.deliver(FEED, records.ndjson(records.clinic_result(score=99)))
    assert len(await world.services.store.quarantined(FEED)) == 1
    assert await told(world) == []


async def test_what_cannot_be_read_at_all_is_told_where_the_feed_says_so(world):
    await world.deliver(FEED, records.ndjson('{"resourceType":"Observation","id":'))
    assert await told(world) == []
    report = await world.deliver("jail-medical-hl7", b"MSH|^~\\&|JAILEHR\r")
    assert report.quarantined.total() == 1
    (telling,) = await told(world)
    assert telling.contact == "charge nurse"


async def test_a_test_message_is_nobodys_loss(world):
    message = records.phq9(4).replace("|P|2.5.1", "|T|2.5.1").replace("44261-6", "93374-7")
    report = await world.deliver("jail-medical-hl7", records.hl7(message))
    assert report.quarantined == {"not-production": 1}
    assert await told(world) == []


async def test_a_screen_of_a_unit_that_nobody_declared_is_told(world):
    held = records.clinic_result("o1", code="93374-7", unit="annex") | {"valueString": "high"}
    del held["valueQuantity"]
    report = await world.deliver(FEED, records.ndjson(held))
    assert (report.held, report.quarantined) == (1, {"undeclared-unit": 1})
    assert len(await told(world)) == 1


async def test_replaying_what_still_waits_tells_nothing_anew_and_mending_ends_it(world):
    receipt = (await world.deliver(FEED, records.ndjson(c_ssrs()))).receipt
    assert len(await told(world)) == 1
    await world.services.ingest.replay(FEED)
    assert await told(world) == []
    (waiting,) = await world.services.alerts.waiting()
    assert waiting.count == 1
    async with world.services.store.transaction() as change:
        for record in await world.services.store.quarantined(FEED):
            await change.release_quarantined(record.id)
    assert await world.services.alerts.waiting() == []
    (alert,) = await service.of_receipt(world.services.store, receipt)
    assert alert["state"] == "mended"


async def test_what_was_mended_before_it_was_told_is_not_told(world):
    await world.deliver(FEED, records.ndjson(c_ssrs()))
    async with world.services.store.transaction() as change:
        for record in await world.services.store.quarantined(FEED):
            await change.release_quarantined(record.id)
    assert await told(world) == []
    assert world.rows("SELECT count(*) FROM outbox WHERE channel = 'alert'") == [(0,)]


async def test_who_fails_while_telling_tells_again_after_the_lease(world):
    await world.deliver(FEED, records.ndjson(c_ssrs()))

    def fail(_):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        await world.services.alerts.tell(fail)
    # Somebody else may still be at it.
    assert await told(world) == []
    world.clock.forward(minutes=2)
    assert len(await told(world)) == 1


async def test_record_and_alert_are_written_together_or_not_at_all(world, monkeypatch):
    receipt = await world.services.ingest.receive(FEED, "x", io.BytesIO(records.ndjson(c_ssrs())))
    transaction = type(await anext(_one(world)))
    kept = transaction.raise_alerts

    async def fail(self, alerts, *, at):
        await kept(self, alerts, at=at)
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(transaction, "raise_alerts", fail)
        with pytest.raises(InterruptedError):
            await world.services.ingest.process(receipt)
    assert await world.services.store.quarantined(FEED) == []
    assert await told(world) == []
    await world.services.ingest.process(receipt)
    assert len(await told(world)) == 1


async def _one(world):
    async with world.services.store.transaction() as change:
        yield change


async def test_a_running_server_tells_its_log(world, caplog, monkeypatch):
    await world.deliver(FEED, records.ndjson(c_ssrs()))

    async def stop(_):
        raise InterruptedError

    monkeypatch.setattr(service.asyncio, "sleep", stop)
    with caplog.at_level(logging.ERROR), pytest.raises(InterruptedError):
        await world.services.alerts.run()
    assert "1 urgent screening waits" in caplog.text
    assert "nobody knows" not in caplog.text
    assert await told(world) == []


async def test_a_store_that_fails_does_not_end_the_watch(world, caplog, monkeypatch):
    async def fail(_):
        raise OSError("Marsh")

    async def stop(_):
        raise InterruptedError

    monkeypatch.setattr(world.services.alerts, "tell", fail)
    monkeypatch.setattr(service.asyncio, "sleep", stop)
    with pytest.raises(InterruptedError):
        await world.services.alerts.run()
    assert "OSError" in caplog.text
    assert "Marsh" not in caplog.text
