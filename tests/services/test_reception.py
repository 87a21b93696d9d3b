"""Messages in: one commit for those that come together, the same answer again, and AE where nothing was kept."""

from __future__ import annotations

import asyncio

import apsw
import pytest
import records
import worlds
import yaml

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"


def message(control="R1", score=4, **changed):
    text = records.phq9(score, control=control)
    for old, new in changed.items():
        text = text.replace(old, new)
    return records.hl7(text)


def take(world, content, **more):
    """The outcomes that will be told, in order."""
    told = []
    world.services.reception.take(FEED, content, told.append, **more)
    return told


async def settled(world):
    await world.services.reception.settled()


def code_of(answer):
    return answer.split(b"\r")[1].split(b"|")[1]


async def test_messages_that_come_together_are_one_commit_and_answered_in_order(world, monkeypatch):
    groups = []
    keep = world.services.reception._messages.keep

    async def counted(group):
        groups.append(len(group))
        return await keep(group)

    monkeypatch.setattr(world.services.reception._messages, "keep", counted)
    order = []
    for number in range(20):
        world.services.reception.take(FEED, message(f"R{number}"), lambda _, number=number: order.append(number))
    assert order == []
    await settled(world)
    assert (groups, order) == ([20], list(range(20)))
    assert len(await world.services.inbox.receipts()) == 20


async def test_nothing_is_told_before_it_is_durable(world, monkeypatch):
    reception = world.services.reception
    gate = asyncio.Event()
    keep = reception._messages.keep

    async def slow(group):
        kept = await keep(group)
        await gate.wait()
        return kept

    monkeypatch.setattr(reception._messages, "keep", slow)
    told = take(world, message())
    for _ in range(20):
        await asyncio.sleep(0)
    assert told == []
    gate.set()
    await settled(world)
    assert code_of(told[0].answers[0]) == b"AA"


async def test_a_message_sent_again_is_answered_with_the_same_bytes_and_brought_in_once(world):
    first = take(world, message())
    await settled(world)
    world.clock.forward(hours=5)
    again = take(world, message())
    await settled(world)
    assert again[0].answers == first[0].answers
    assert not again[0].kept.is_new
    await world.services.intake.drain()
    assert len(await world.services.inbox.receipts()) == 1
    assert world.rows("SELECT count(*) FROM resource WHERE type = 1") == [(1,)]


async def test_the_same_control_id_with_another_body_is_kept_and_told(world):
    first, other = take(world, message(score=4)), take(world, message(score=9))
    await settled(world)
    assert [code_of(told[0].answers[0]) for told in (first, other)] == [b"AA", b"AA"]
    assert first[0].kept.receipt != other[0].kept.receipt
    (event,) = world.services.channels.events(FEED)
    assert (event.kind, event.times) == ("control-id-reused", 1)
    warned = (await world.services.intake.fate(FEED, "R1", "Organization/jail-medical"))["messages"]
    assert [each["warnings"] for each in warned] == [[], ["control-id-reused"]]


@pytest.mark.parametrize("error", [apsw.FullError("full"), apsw.BusyError("busy"), OSError("gone")])
async def test_a_failing_store_is_told_as_ae_and_leaves_nothing(world, monkeypatch, caplog, error):
    reception = world.services.reception
    keep = reception._messages.keep

    async def failing(group):
        raise error

    monkeypatch.setattr(reception._messages, "keep", failing)
    told = [take(world, message(f"R{n}")) for n in range(3)]
    await settled(world)
    answers = [one[0].answers[0] for one in told]
    assert [code_of(answer) for answer in answers] == [b"AE"] * 3
    assert [answer.split(b"\r")[1].split(b"|")[2] for answer in answers] == [b"R0", b"R1", b"R2"]
    assert await world.services.inbox.receipts() == []
    assert "MARSH" not in caplog.text
    monkeypatch.setattr(reception._messages, "keep", keep)
    retried = take(world, message("R1"))
    await settled(world)
    assert code_of(retried[0].answers[0]) == b"AA"
    assert len(await world.services.inbox.receipts()) == 1


async def test_a_commit_that_fails_keeps_nothing_and_the_next_goes_through(world):
    messages = world.services.reception._messages
    await messages.keep([])
    messages._groups.execute("PRAGMA query_only = 1")
    told = take(world, message())
    await settled(world)
    assert code_of(told[0].answers[0]) == b"AE"
    messages._groups.execute("PRAGMA query_only = 0")
    again = take(world, message())
    await settled(world)
    assert code_of(again[0].answers[0]) == b"AA"


def lapse(folder):
    path = folder / "agreements" / "hosting_contract.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"end": "2026-11-21"}))


async def test_a_closed_feed_answers_ae_and_keeps_nothing(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=lapse)
    told = take(world, message())
    await settled(world)
    assert code_of(told[0].answers[0]) == b"AE"
    assert told[0].kept is None
    assert await world.services.inbox.receipts() == []
    await world.close()


async def test_a_sender_that_may_not_speak_here_is_rejected_and_nothing_is_kept(world):
    told = take(world, message(), senders={("OTHER", "ALDERJAIL")})
    allowed = take(world, message("R2"), senders={("JAILEHR", "ALDERJAIL")})
    await settled(world)
    assert [code_of(one[0].answers[0]) for one in (told, allowed)] == [b"AR", b"AA"]
    assert len(await world.services.inbox.receipts()) == 1


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"MSH|^~\\&|\r", "101"),
        (b"nothing of a message", "101"),
        (message(**{"ORU^R01^ORU_R01": "RDE^O11"}), "200"),
        (message(**{"ORU^R01^ORU_R01": "ORU^R99"}), "201"),
        (message(**{"|P|2.5.1": "|T|2.5.1"}), "202"),
        (message(**{"|P|2.5.1": "|P|3.9"}), "203"),
    ],
)
async def test_what_cannot_be_used_is_rejected_kept_and_never_brought_in(world, content, fault):
    told = take(world, content)
    await settled(world)
    assert code_of(told[0].answers[0]) == b"AR"
    assert f"|{fault}^".encode() in told[0].answers[0]
    (receipt,) = await world.services.inbox.receipts()
    with world.services.inbox.open(receipt.id).stream as stream:
        assert stream.read() == content
    await world.services.intake.drain()
    assert world.rows("SELECT count(*) FROM resource WHERE type = 1") == [(0,)]
    assert len(await world.services.store.quarantined(FEED)) == 1


async def test_refusals_keep_their_place_among_the_answers(world):
    order = []
    reception = world.services.reception
    reception.take(FEED, message("R1"), lambda _: order.append("one"))
    reception.refuse(FEED, message("R2"), "too-long", lambda _: order.append("two"))
    reception.take(FEED, message("R3"), lambda _: order.append("three"))
    await settled(world)
    assert order == ["one", "two", "three"]


async def test_a_message_of_a_batch_that_came_alone_before_is_not_brought_in_again(world):
    """A batch of the day repeats what was sent live: its older messages must not undo the newer ones."""
    early, late, other = (
        records.hl7(records.admission(control, person=person).replace("^ADA", f"^{name}"))
        for control, person, name in (("A1", "J1", "ADA"), ("A2", "J1", "ZOE"), ("A3", "J9", "IDA"))
    )
    for content in (early, late):
        take(world, content)
        await settled(world)
        await world.services.intake.drain()
    told = take(world, early + other)
    await settled(world)
    assert [code_of(answer) for answer in told[0].answers] == [b"AA", b"AA"]
    await world.services.intake.drain()
    report = await world.services.intake.report(FEED, told[0].kept.receipt.id)
    assert report["warnings"]["repeated-message"] == 1
    patients = [body.upper() for (body,) in world.rows("SELECT tail FROM resource WHERE type = 1")]
    found = sorted([name in body for name in (b"ADA", b"ZOE", b"IDA")] for body in patients)
    assert found == [[False, False, True], [False, True, False]]


async def test_the_application_acknowledgement_comes_when_the_message_was_brought_in(world):
    wanted = message(**{"|P|2.5.1": "|P|2.5.1|||AL|AL"})
    told = take(world, wanted)
    await settled(world)
    assert [code_of(one.answers[0]) for one in told] == [b"CA"]
    await world.services.intake.drain()
    assert [code_of(one.answers[0]) for one in told] == [b"CA", b"AA"]
    again = take(world, wanted)
    await settled(world)
    assert again[0].answers == (told[0].answers[0], told[1].answers[0])


async def test_the_application_acknowledgement_says_that_something_waits(world):
    wanted = message(**{"|P|2.5.1": "|P|2.5.1|||NE|ER", "OBX|1|NM|44261-6^PHQ-9 total^LN||4|": "PV1|1\rOBX|"})
    told = take(world, wanted)
    await settled(world)
    assert told[0].answers == ()
    await world.services.intake.drain()
    assert [code_of(answer) for one in told for answer in one.answers] == [b"AE"]


async def test_answers_that_nobody_waits_for_any_more_stop_nothing(world):
    waiting = asyncio.create_task(world.services.reception.taken(FEED, message("R1")))
    await asyncio.sleep(0)
    waiting.cancel()
    outcome = await world.services.reception.taken(FEED, message("R2"))
    assert code_of(outcome.answers[0]) == b"AA"
    assert len(await world.services.inbox.receipts()) == 2
