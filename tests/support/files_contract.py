"""What every inbox and ledger must do, whatever the database: subclassed once per implementation."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.errors import SallyportError
from adapter.store.shapes import LedgerEntry

RECEIPTS = itertools.count()
NOW = 1_700_000_000_000_000
pytestmark = pytest.mark.anyio


class FilesContract:
    """Give a ``store`` fixture: a migrated, empty store."""

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(pieces=st.lists(st.binary(max_size=300), max_size=5))
    async def test_the_inbox_gives_back_every_byte_and_knows_what_it_has(self, store, pieces):
        data = b"".join(pieces)
        inbox = store.inbox()
        first = await inbox.keep(receipt=f"r{next(RECEIPTS)}", feed="f", name="n", stream=io.BytesIO(data), at=NOW)
        again = await inbox.keep(receipt=f"r{next(RECEIPTS)}", feed="f", name="n", stream=io.BytesIO(data), at=NOW)
        assert again.id == first.id
        with inbox.open(first.id).stream as stream:
            assert stream.read() == data

    async def test_an_older_state_that_comes_back_is_news(self, store):
        inbox = store.inbox()
        for receipt, data in (("one", b"empty"), ("two", b"full"), ("three", b"empty"), ("four", b"empty")):
            kept = await inbox.keep(receipt=receipt, feed="f", name="roster", stream=io.BytesIO(data), at=NOW)
        assert kept.id == "three"
        assert [receipt.id for receipt in await inbox.receipts("f")] == ["one", "two", "three"]

    async def test_an_unfinished_receipt_does_not_exist(self, store):
        class Broken(io.BytesIO):
            def read(self, size=-1, /):
                if self.tell():
                    raise OSError
                return super().read(5)

        inbox = store.inbox()
        with pytest.raises(OSError):  # noqa: PT011 - any failure of the sender
            await inbox.keep(receipt="cut", feed="f", name="n", stream=Broken(b"0123456789"), at=NOW)
        assert await inbox.receipts() == []
        with pytest.raises(SallyportError):
            inbox.open("cut")
        await inbox.keep(receipt="cut", feed="f", name="n", stream=io.BytesIO(b"0123456789"), at=NOW)
        assert inbox.open("cut").stream.read() == b"0123456789"

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(pieces=st.lists(st.binary(max_size=300), max_size=6))
    async def test_bytes_that_arrive_in_pieces_are_one_receipt(self, store, pieces):
        inbox = store.inbox()
        arrival = inbox.arrive(receipt=f"r{next(RECEIPTS)}", feed="pieces", name="n", at=NOW)
        for piece in pieces:
            arrival.add(piece)
        kept = arrival.finish()
        data = b"".join(pieces)
        assert kept.size == len(data)
        whole = await inbox.keep(receipt=f"r{next(RECEIPTS)}", feed="pieces", name="n", stream=io.BytesIO(data), at=NOW)
        assert whole == kept == await inbox.receipt(kept.id)
        with inbox.open(kept.id).stream as stream:
            assert stream.read() == data

    async def test_large_receipts_arrive_beside_each_other(self, store):
        inbox = store.inbox()
        arrivals = [inbox.arrive(receipt=name, feed="f", name=name, at=NOW) for name in ("one", "two")]
        for number in range(20):
            for arrival, letter in zip(arrivals, (b"1", b"2"), strict=True):
                arrival.add(letter * 1_000_000 + b"%d" % number)
        kept = [arrival.finish() for arrival in arrivals]
        for receipt, letter in zip(kept, (b"1", b"2"), strict=True):
            expected = b"".join(letter * 1_000_000 + b"%d" % number for number in range(20))
            with inbox.open(receipt.id).stream as stream:
                assert stream.read() == expected

    async def test_without_a_name_the_same_bytes_are_one_receipt_whatever_came_between(self, store):
        inbox, kept = store.inbox(), []
        for receipt, data in (("one", b"a"), ("two", b"b"), ("three", b"a")):
            arrival = inbox.arrive(receipt=receipt, feed="f", name=None, at=NOW)
            arrival.add(data)
            kept.append(arrival.finish().id)
        assert kept == ["one", "two", "one"]
        assert [one.id for one in await inbox.receipts("f")] == ["one", "two"]
        assert await inbox.receipt("three") is None

    async def test_an_arrival_is_no_receipt_before_it_is_finished(self, store):
        inbox = store.inbox()
        for name, size in (("small", 10), ("large", 9 << 20)):
            arrival = inbox.arrive(receipt=name, feed="f", name="n", at=NOW)
            arrival.add(b"x" * size)
            assert await inbox.receipt(name) is None
            assert await inbox.receipts() == []
            arrival.abandon()
            assert await inbox.receipt(name) is None

    async def test_a_receipt_has_its_place_from_when_it_was_complete(self, store):
        inbox = store.inbox()
        slow = inbox.arrive(receipt="slow", feed="f", name="slow", at=NOW)
        slow.add(b"x" * (9 << 20))
        quick = await inbox.keep(receipt="quick", feed="f", name="quick", stream=io.BytesIO(b"y"), at=NOW)
        late = slow.finish()
        assert [one.id for one in await inbox.receipts("f")] == ["quick", "slow"]
        assert [one.id for one in await inbox.receipts("f", after=quick.seq)] == ["slow"]
        assert (await inbox.newest("f"), await inbox.newest("g")) == (late.seq, 0)

    async def test_the_ledger_keeps_entries_in_a_chain(self, store):
        ledger = store.ledger()
        entry = LedgerEntry(
            at=NOW,
            request_id="r1",
            client="c",
            context=1,
            purpose="TREAT",
            interaction="read",
            target="Observation/a",
            passed=[("Observation/a", "v", 1, 2)],
        )
        await ledger.append(entry)
        await ledger.append(entry)
        await store.ledger().append(entry)
        assert await ledger.of_request("r1") == [entry] * 3
        assert await ledger.verify() == 3

    async def test_the_ledger_keeps_what_was_refused_and_tells_what_came_since(self, store):
        ledger = store.ledger()
        plain = LedgerEntry(
            at=NOW,
            request_id="r1",
            client="c",
            context=1,
            purpose="TREAT",
            interaction="read",
            target="Observation",
            passed=[],
        )
        refused = replace(plain, at=NOW + 1, request_id="r2", outcome="404 malformed-id")
        for entry in (plain, refused):
            await ledger.append(entry)
        assert await ledger.of_request("r2") == [refused]
        assert [entry async for entry in ledger.since(NOW)] == [plain, refused]
        assert [entry async for entry in ledger.since(NOW + 1)] == [refused]
        assert await ledger.verify() == 2
