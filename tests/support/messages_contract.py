"""What must hold of messages beside the inbox, whatever the database: subclassed once per implementation."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from hashlib import sha256

import pytest

from adapter.store.messages import ChannelEvent, Delivered, MessageRow
from adapter.store.shapes import Receipt

NUMBERS = itertools.count()
NOW = 1_700_000_000_000_000
pytestmark = pytest.mark.anyio


def row(control, raw, **more):
    values = {
        "organisation": "Organization/o",
        "sender": "A|B",
        "control": control,
        "sha256": sha256(raw).digest(),
        "line": 1,
        "stop": 3,
        "code": "AA",
        "fault": "",
        "answer": b"ack " + control.encode(),
    }
    return MessageRow(**values | more)


def delivered(content, *rows, feed="f"):
    digest = sha256(content).digest()
    receipt = Receipt(
        id=f"m{next(NUMBERS):05d}", feed=feed, name="message", size=len(content), sha256=digest, received=NOW
    )
    return Delivered(receipt=receipt, content=content, messages=rows or (row(content.decode()[:2], content),))


class MessagesContract:
    """Give a ``store`` fixture: a migrated, empty store."""

    async def test_a_group_is_kept_in_its_order(self, store):
        messages, inbox = store.messages(), store.inbox()
        group = [delivered(b"c%d body" % n) for n in range(5)]
        kept = await messages.keep(group)
        assert [one.answers for one in kept] == [(b"ack c%d" % n,) for n in range(5)]
        assert all(one.is_new for one in kept)
        receipts = await inbox.receipts("f")
        assert receipts == [one.receipt for one in kept]
        assert [one.seq for one in receipts] == sorted({one.seq for one in receipts})
        for one in group:
            with inbox.open(one.receipt.id).stream as stream:
                assert stream.read() == one.content

    async def test_a_message_that_comes_again_has_its_answer_of_then(self, store):
        messages = store.messages()
        (first,) = await messages.keep([delivered(b"c1 body")])
        again = delivered(b"c1 body", row("c1", b"c1 body", answer=b"another"))
        kept = await messages.keep([again, delivered(b"c2 x"), delivered(b"c2 x")])
        assert [(one.is_new, one.answers) for one in kept] == [
            (False, (b"ack c1",)),
            (True, (b"ack c2",)),
            (False, (b"ack c2",)),
        ]
        assert kept[0].receipt == first.receipt
        assert kept[2].receipt == kept[1].receipt
        assert len(await store.inbox().receipts()) == 2

    @pytest.mark.parametrize("changed", [{"sender": "A|C"}, {"control": "c2"}, {"sha256": b"other"}])
    async def test_another_sender_control_id_or_body_is_another_message(self, store, changed):
        messages = store.messages()
        kept = await messages.keep(
            [delivered(b"c1 body"), delivered(b"c1 body", row(**{"control": "c1", "raw": b"c1 body"} | changed))]
        )
        assert [one.is_new for one in kept] == [True, True]
        assert [one.reused for one in kept] == [0, int("sha256" in changed)]

    async def test_another_feed_is_another_message(self, store):
        kept = await store.messages().keep([delivered(b"c1 x"), delivered(b"c1 x", feed="g")])
        assert [(one.is_new, one.reused) for one in kept] == [(True, 0), (True, 0)]

    async def test_without_control_id_the_bytes_tell(self, store):
        messages = store.messages()
        one, other = (delivered(raw, row("", raw)) for raw in (b"x", b"y"))
        kept = await messages.keep([one, other, delivered(b"x", row("", b"x"))])
        assert [(each.is_new, each.reused) for each in kept] == [(True, 0), (True, 0), (False, 0)]

    async def test_a_batch_is_one_receipt_and_comes_again_as_one(self, store):
        messages = store.messages()
        rows = (
            row("", b"ab", is_batch=True, answer=b""),
            row("a", b"a", line=1, stop=2),
            row("b", b"b", line=2, stop=4),
        )
        (kept,) = await messages.keep([delivered(b"ab", *rows)])
        assert kept.answers == (b"ack a", b"ack b")
        (again,) = await messages.keep([delivered(b"ab", *rows)])
        assert (again.is_new, again.answers, again.receipt) == (False, kept.answers, kept.receipt)
        assert [each.control for each in messages.of_receipt(kept.receipt.id)] == ["", "a", "b"]

    async def test_a_batch_answered_as_one_comes_again_as_one(self, store):
        messages = store.messages()
        rows = (row("B", b"ab", is_batch=True, answer=b"all"), row("a", b"a", answer=b""))
        for is_new in (True, False):
            (kept,) = await messages.keep([delivered(b"ab", *rows)])
            assert (kept.is_new, kept.answers) == (is_new, (b"all",))

    async def test_a_message_of_a_batch_that_came_before_is_marked_and_answered_as_then(self, store):
        messages, inbox = store.messages(), store.inbox()
        await messages.keep([delivered(b"a", row("a", b"a"))])
        rows = (
            row("", b"ab", is_batch=True, answer=b""),
            row("a", b"a", line=1, stop=3, answer=b"new"),
            row("b", b"b", line=3, stop=4),
            row("b", b"b", line=4, stop=5),
        )
        (kept,) = await messages.keep([delivered(b"ab", *rows)])
        assert kept.answers == (b"ack a", b"ack b", b"ack b")
        assert await inbox.repeated(kept.receipt.id) == {1, 2, 4}
        assert await inbox.repeated("other") == set()

    async def test_a_group_that_fails_leaves_nothing(self, store):
        messages = store.messages()
        twice = delivered(b"c1 x")
        with pytest.raises(Exception, match=r"(?i)unique|constraint"):
            await messages.keep([twice, delivered(b"c2 y"), replace(twice, messages=(row("c3", b"c3 z"),))])
        assert await store.inbox().receipts() == []
        assert messages.of_control("f", "c1", None) == []
        (kept,) = await messages.keep([delivered(b"c1 x")])
        assert kept.is_new

    async def test_a_large_message_is_kept_in_pieces(self, store):
        content = bytes(range(256)) * 20_000
        (kept,) = await store.messages().keep([delivered(content, row("c", content))])
        with store.inbox().open(kept.receipt.id).stream as stream:
            assert stream.read() == content

    async def test_messages_are_found_by_control_id_for_who_delivered_them(self, store):
        messages = store.messages()
        await messages.keep(
            [
                delivered(b"c1 x"),
                delivered(b"c1 y", row("c1", b"c1 y", organisation="Organization/p")),
                delivered(b"c1 z", feed="g"),
            ]
        )
        assert [each.reused for each in messages.of_control("f", "c1", None)] == [False, True]
        assert [each.sha256 for each in messages.of_control("f", "c1", "Organization/p")] == [sha256(b"c1 y").digest()]
        assert messages.of_control("f", "c1", "Organization/q") == messages.of_control("f", "c9", None) == []

    async def test_the_second_acknowledgement_comes_with_the_first(self, store):
        messages = store.messages()
        (kept,) = await messages.keep([delivered(b"c1 x", row("c1", b"c1 x", apply="AL"))])
        messages.applied(kept.receipt.id, 1, b"applied")
        (found,) = messages.of_receipt(kept.receipt.id)
        assert (found.apply, found.applied) == ("AL", b"applied")
        (again,) = await messages.keep([delivered(b"c1 x")])
        assert again.answers == (b"ack c1", b"applied")

    async def test_messages_of_a_file_are_remembered(self, store):
        messages, inbox = store.messages(), store.inbox()
        receipt = await inbox.keep(receipt="file", feed="f", name="n", stream=io.BytesIO(b"ab"), at=NOW)
        assert not messages.is_indexed("file")
        messages.index(receipt, [row("a", b"a"), row("b", b"b", line=2)])
        assert messages.is_indexed("file")
        assert [each.receipt for each in messages.of_control("f", "b", None)] == ["file"]

    async def test_what_went_wrong_adds_up_by_day(self, store):
        messages = store.messages()

        def event(day, times, size, last):
            return ChannelEvent(feed="f", day=day, peer="10.1.1.1", kind="junk", times=times, size=size, last=last)

        messages.note([event("2026-01-01", 1, 5, 10), event("2026-01-02", 1, 1, 30)])
        messages.note([event("2026-01-01", 2, 7, 20)])
        assert messages.events("f") == [event("2026-01-01", 3, 12, 20), event("2026-01-02", 1, 1, 30)]
        assert messages.events("g") == []
        assert len(messages.events()) == 2
