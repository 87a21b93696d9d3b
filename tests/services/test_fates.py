"""What became of a message is told to its sender: answered, brought in, or waiting where; of others nothing."""

from __future__ import annotations

import io

import pytest
import records

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"
OWN = "Organization/jail-medical"


async def take(world, content, organisation=None):
    return await world.services.reception.taken(FEED, content, organisation=organisation)


async def fate(world, control, organisation=OWN):
    return (await world.services.intake.fate(FEED, control, organisation))["messages"]


async def test_a_message_is_followed_into_the_store(world):
    outcome = await take(world, records.hl7(records.phq9(4)))
    (before,) = await fate(world, "R1")
    assert (before["acknowledged"], before["state"], before["receipt"]) == ("AA", "received", outcome.kept.receipt.id)
    await world.services.intake.drain()
    (after,) = await fate(world, "R1")
    assert (after["state"], after["waiting"], after["fault"]) == ("processed", [], "")
    assert after["report"] == f"/feeds/{FEED}/receipts/{outcome.kept.receipt.id}"


async def test_what_waits_is_told_with_its_place_and_reason_and_nothing_of_it(world):
    broken = records.phq9(4).replace("|||20260302080000-0700", "|||soon").replace("||4|", "||many|")
    await take(world, records.hl7(records.phq9(5, control="R0"), broken.replace("OBX|1|NM", "PV1|1\rOBX|1|NM|")))
    await world.services.intake.drain()
    (whole,) = await fate(world, "R0")
    assert whole["state"] == "processed"
    (told,) = await fate(world, "R1")
    assert told["state"] == "quarantined"
    assert all(one["line"] >= told["line"] > whole["line"] for one in told["waiting"])
    assert {"line", "part", "code", "element", "expected"} == set(told["waiting"][0])
    assert "MARSH" not in repr(told)
    assert "soon" not in repr(told)


async def test_a_rejected_message_is_told_with_its_fault(world):
    await take(world, records.hl7(records.phq9(4).replace("ORU^R01^ORU_R01", "RDE^O11")))
    await world.services.intake.drain()
    (told,) = await fate(world, "R1")
    assert (told["acknowledged"], told["fault"], told["state"]) == ("AR", "200", "quarantined")
    assert told["waiting"][0]["part"] == "MSH-9"


async def test_who_only_delivers_a_feed_sees_what_it_delivered(world):
    await take(world, records.hl7(records.phq9(4)), "Organization/vendor")
    await take(world, records.hl7(records.phq9(5, control="R2")), "Organization/other")
    assert len(await fate(world, "R1", "Organization/vendor")) == 1
    foreign = await world.services.intake.fate(FEED, "R2", "Organization/vendor")
    unknown = await world.services.intake.fate(FEED, "R9", "Organization/vendor")
    assert foreign | {"control_id": ""} == unknown | {"control_id": ""}
    assert len(await fate(world, "R1")) == len(await fate(world, "R2")) == 1


async def test_a_feed_without_messages_and_an_empty_id_are_answered_alike(world):
    assert (await world.services.intake.fate("jail-roster", "R1", OWN))["messages"] == []
    await take(world, b"no header")
    assert await fate(world, "") == []


async def test_messages_of_a_file_can_be_asked_for_once_it_was_taken_up(world):
    content = b"BHS|^~\\&|J|A|||||||B7\r" + records.hl7(records.phq9(4), records.phq9(5, control="R2")) + b"BTS|2\r"
    receipt = await world.services.ingest.receive(FEED, "day.hl7", io.BytesIO(content))
    world.services.intake.accept(receipt)
    await world.services.intake.drain()
    for control in ("R1", "R2", "B7"):
        (told,) = await fate(world, control)
        assert (told["receipt"], told["state"]) == (receipt.id, "processed")


async def test_a_control_id_of_other_letters_is_found(world):
    for encoding, control in (("utf-8", "Ä1"), ("latin-1", "Ö2")):
        await take(world, records.phq9(4, control=control).encode(encoding))
        assert len(await fate(world, control)) == 1
