"""What senders push: durable before anyone is told, brought in afterwards, and told back to its sender alone."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging

import pytest
import records
import worlds
import yaml

from adapter.errors import FeedClosed
from adapter.services import intake as module

pytestmark = pytest.mark.anyio


def push(world, feed, content, *, name=None):
    arrival = world.services.intake.arrive(feed, name)
    arrival.add(content)
    receipt = arrival.finish()
    world.services.intake.accept(receipt)
    return receipt


def patients(world):
    return world.rows("SELECT count(*) FROM resource WHERE type = 1")[0][0]


async def test_what_is_pushed_is_brought_in_by_the_server(world):
    receipt = push(world, "jail-medical-hl7", records.hl7(records.phq9(4)))
    assert patients(world) == 0
    await world.services.intake.drain()
    assert patients(world) == 1
    report = await world.services.intake.report("jail-medical-hl7", receipt.id)
    assert (report["state"], report["records"], report["bytes"]) == ("processed", 1, receipt.size)
    assert report["sha256"] == receipt.sha256.hex()


async def test_a_report_says_where_what_waits_stands_and_quotes_nothing(world):
    content = records.roster(records.roster_row(), '"RAGGED","ROW"\r\n')
    receipt = push(world, "jail-roster", content, name="pushed")
    before = await world.services.intake.report("jail-roster", receipt.id)
    assert (before["state"], before["records"], before["waiting"]) == ("waiting", 0, [])
    await world.services.intake.drain()
    report = await world.services.intake.report("jail-roster", receipt.id)
    assert [(one["line"], one["code"]) for one in report["waiting"]] == [(3, "ragged-row")]
    assert "RAGGED" not in repr(report)


async def test_a_report_is_for_the_feed_of_its_receipt(world):
    receipt = push(world, "jail-medical-hl7", records.hl7(records.phq9(4)))
    assert await world.services.intake.report("jail-roster", receipt.id) is None
    assert await world.services.intake.report("jail-medical-hl7", "nothing") is None


async def test_messages_are_one_receipt_however_often_they_come(world):
    first, other = records.hl7(records.phq9(4)), records.hl7(records.phq9(5, control="R2"))
    one = push(world, "jail-medical-hl7", first)
    push(world, "jail-medical-hl7", other)
    assert push(world, "jail-medical-hl7", first).id == one.id
    assert len(await world.services.inbox.receipts()) == 2
    await world.services.intake.drain()
    assert await world.services.ingest.pending() == []


async def test_a_roster_that_comes_back_is_news(world):
    first, other = records.roster(records.roster_row()), records.roster(records.roster_row("X", booking="X"))
    one = push(world, "jail-roster", first, name="pushed")
    assert push(world, "jail-roster", first, name="pushed").id == one.id
    push(world, "jail-roster", other, name="pushed")
    assert push(world, "jail-roster", first, name="pushed").id != one.id


async def test_a_start_takes_up_what_was_left(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    push(world, "jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.close()
    world = await worlds.open_site(tmp_path / "site", first_id=1000)
    assert await world.services.intake.take_up() == 1
    await world.services.intake.drain()
    assert patients(world) == 1
    assert await world.services.intake.take_up() == 0
    await world.close()


async def test_what_was_left_of_a_closed_feed_waits(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    push(world, "jail-medical-hl7", records.hl7(records.phq9(4)))
    push(world, "court-cases", records.court(records.court_case()), name="pushed")
    await world.close()
    path = tmp_path / "site" / "agreements" / "hosting_contract.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"end": "2026-11-21"}))
    world = await worlds.open_site(tmp_path / "site", first_id=1000)
    assert await world.services.intake.take_up() == 1
    with pytest.raises(FeedClosed):
        world.services.intake.admit("jail-medical-hl7")
    await world.close()


async def running(world, until):
    """Run the background work until something holds."""
    work = asyncio.create_task(world.services.intake.run())
    try:
        async with asyncio.timeout(20):
            while not until():  # noqa: ASYNC110 - what is waited for is in the store
                await asyncio.sleep(0.005)
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work


async def test_the_background_work_starts_with_what_was_left_and_goes_on(world):
    await world.services.ingest.receive("jail-medical-hl7", "x", io.BytesIO(records.hl7(records.phq9(4))))
    await running(world, lambda: patients(world) == 1)
    push(world, "court-cases", records.court(records.court_case()), name="pushed")
    await running(world, lambda: patients(world) == 2)


async def test_a_failure_is_told_without_content_stops_nothing_and_is_tried_again(world, monkeypatch, caplog):
    monkeypatch.setattr(module, "RETRY_AFTER", 0.01)
    process, failures = world.services.ingest.process, [RuntimeError("Marsh, Ada")]

    async def failing(receipt, **options):
        if failures and receipt.feed == "jail-medical-hl7":
            raise failures.pop()
        return await process(receipt, **options)

    monkeypatch.setattr(world.services.ingest, "process", failing)
    push(world, "jail-medical-hl7", records.hl7(records.phq9(4)))
    push(world, "court-cases", records.court(records.court_case()), name="pushed")
    with caplog.at_level(logging.ERROR):
        await running(world, lambda: patients(world) == 2)
    assert "jail-medical-hl7" in caplog.text
    assert "RuntimeError" in caplog.text
    assert "Marsh" not in caplog.text


def keep(world, feed, content, *, name=None):
    """Make something durable, for the next start to take up."""
    arrival = world.services.intake.arrive(feed, name)
    arrival.add(content)
    return arrival.finish()


def failing_once(world, monkeypatch, *, times, only):
    """Have a receipt fail so many times; the ids of receipts in the order they were tried."""
    process, tried = world.services.ingest.process, []

    async def process_or_fail(receipt, **options):
        tried.append(receipt.id)
        if receipt.id == only() and tried.count(receipt.id) <= times:
            raise OSError
        return await process(receipt, **options)

    monkeypatch.setattr(world.services.ingest, "process", process_or_fail)
    return tried


async def test_what_came_later_waits_for_what_failed_before_it(world, monkeypatch):
    monkeypatch.setattr(module, "RETRY_AFTER", 0.05)
    first, second = (records.hl7(records.phq9(4, control=control)) for control in ("R1", "R2"))
    pushed = []
    tried = failing_once(world, monkeypatch, times=2, only=lambda: pushed[0].id)
    pushed += [keep(world, "jail-medical-hl7", first), keep(world, "jail-medical-hl7", second)]
    other = keep(world, "court-cases", records.court(records.court_case()), name="pushed")
    await running(world, lambda: tried.count(pushed[1].id) == 1)
    assert [one for one in tried if one != other.id] == [pushed[0].id] * 3 + [pushed[1].id]
    assert tried.index(other.id) < tried.index(pushed[1].id)


async def test_what_fails_again_and_again_lets_the_others_go_first_and_is_tried_on(world, monkeypatch):
    monkeypatch.setattr(module, "RETRY_AFTER", 0.02)
    pushed = []
    tried = failing_once(world, monkeypatch, times=4, only=lambda: pushed[0].id)
    messages = [records.hl7(records.phq9(4, control=control)) for control in ("R1", "R2", "R3")]
    pushed += [keep(world, "jail-medical-hl7", message) for message in messages]
    await running(world, lambda: world.rows("SELECT count(*) FROM ingest_progress WHERE done = 1") == [(3,)])
    assert tried[: module.TRIES] == [pushed[0].id] * module.TRIES
    assert tried.count(pushed[0].id) == 5
    assert tried.index(pushed[2].id) < len(tried) - 1
    assert await world.services.ingest.pending() == []


async def test_a_start_looks_only_at_what_came_after_everything_was_done(tmp_path, monkeypatch):
    world = await worlds.open_site(tmp_path / "site")
    push(world, "jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.services.intake.drain()
    assert await world.services.ingest.pending() == []
    looked = []
    progress = world.services.store.progress

    async def counted(receipt):
        looked.append(receipt)
        return await progress(receipt)

    monkeypatch.setattr(world.services.store, "progress", counted)
    new = push(world, "jail-medical-hl7", records.hl7(records.phq9(5, control="R2")))
    assert [one.id for one in await world.services.ingest.pending()] == [new.id]
    assert looked == [new.id]
    await world.close()


async def test_an_inbox_of_another_time_is_looked_through_whole(world):
    receipt = push(world, "jail-medical-hl7", records.hl7(records.phq9(4)))
    async with world.services.store.transaction() as change:
        await change.set_setting("done:jail-medical-hl7", b"another 7")
    assert [one.id for one in await world.services.ingest.pending()] == [receipt.id]


async def test_a_start_that_cannot_look_through_what_was_received_tries_again(world, monkeypatch, caplog):
    monkeypatch.setattr(module, "RETRY_AFTER", 0.01)
    pending, failures = world.services.ingest.pending, [OSError("busy")]

    async def failing():
        if failures:
            raise failures.pop()
        return await pending()

    monkeypatch.setattr(world.services.ingest, "pending", failing)
    await world.services.ingest.receive("jail-medical-hl7", "x", io.BytesIO(records.hl7(records.phq9(4))))
    with caplog.at_level(logging.ERROR):
        await running(world, lambda: patients(world) == 1)
    assert "OSError" in caplog.text


async def test_answers_pass_while_a_long_extract_is_brought_in(world):
    rows = [records.roster_row(f"P{n}", booking=f"B{n}", ssn="") for n in range(300)]
    push(world, "jail-roster", records.roster(*rows), name="pushed")
    turns, done = 0, False

    async def others():
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    await world.services.intake.drain()
    done = True
    await beside
    assert patients(world) == 300
    assert turns >= 300


async def test_an_abandoned_arrival_leaves_nothing(world):
    arrival = world.services.intake.arrive("jail-roster", "pushed")
    arrival.add(b"x" * (9 << 20))
    arrival.abandon()
    assert await world.services.inbox.receipts() == []
    assert await world.services.intake.take_up() == 0


@pytest.mark.parametrize(
    ("organisation", "rights", "feed", "may"),
    [
        ("Organization/jail", (), "jail-roster", True),
        ("Organization/court", (), "jail-roster", False),
        ("Organization/vendor", ("feed:jail-roster",), "jail-roster", True),
        ("Organization/vendor", ("feed:jail-roster",), "court-cases", False),
        ("Organization/vendor", ("feed:",), "", False),
        ("Organization/jail", ("feed:fax",), "fax", False),
        ("jail", (), "jail-roster", False),
    ],
)
async def test_who_may_push_a_feed(world, organisation, rights, feed, may):
    assert world.services.intake.may_push(organisation, rights, feed) is may
