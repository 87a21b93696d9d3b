"""What every inbox and ledger must do, whatever the database: subclassed once per implementation."""

from __future__ import annotations

import asyncio
import io
import itertools
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.errors import LedgerBroken, SallyportError
from adapter.store.shapes import LedgerEntry, row_key

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

    async def test_the_ledger_finds_what_names_a_person_or_a_record(self, store):
        ledger = store.ledger()
        entries = [
            told(target="Observation/a", passed=[("Observation/a", "v", 1, 2)]),
            told(target="Observation?patient=Patient/p&code", passed=[("Observation/b", "v", 1, 2)]),
            told(target="Observation?_id=a,c", outcome="403 population-search"),
            told(target="Patient/p 5c0f", interaction="hold"),
            told(target="Observation?code"),
            told(target="Patient/other", at=NOW + 5),
        ]
        for entry in entries:
            await ledger.append(entry)
        keys = {
            name: row_key(*name.split("/")) for name in ("Patient/p", "Observation/a", "Observation/b", "Patient/other")
        }

        async def found(*names, since=NOW, until=NOW + 10):
            rids = [keys[name] for name in names]
            return [one.entry for one in await ledger.about(rids, since=since, until=until)]

        assert await found("Patient/p") == [entries[1], entries[3]]
        assert await found("Observation/a") == [entries[0], entries[2]]
        assert await found("Observation/b", "Patient/p") == [entries[1], entries[3]]
        assert await found("Patient/other", until=NOW + 5) == []
        assert await found("Patient/other") == [entries[5]]
        await ledger.append(entries[0])
        assert len(await found("Observation/a")) == 3
        for one in await ledger.about(keys.values(), since=0, until=NOW + 10):
            assert await ledger.of_number(one.number) == one.entry
        assert await ledger.of_number(999) is None

    async def test_a_head_that_was_kept_tells_that_the_end_is_still_there(self, store):
        ledger = store.ledger()
        assert (await ledger.head()).entries == 0
        heads = []
        for _ in range(3):
            await ledger.append(told())
            heads.append(await ledger.head())
        assert [head.entries for head in heads] == [1, 2, 3]
        for head in heads:
            assert await ledger.verify(head=head.digest) == 3
        with pytest.raises(LedgerBroken, match="entry 4"):
            await ledger.verify(head=b"another")

    async def test_what_waits_is_written_before_the_end(self, store):
        ledger = store.ledger()
        appended = [asyncio.ensure_future(ledger.append(told())) for _ in range(3)]
        await asyncio.sleep(0)
        assert ledger.waiting == 3
        await ledger.flush()
        assert ledger.waiting == 0
        await asyncio.gather(*appended)
        await ledger.flush()
        assert await ledger.verify() == 3


def told(**changed):
    """An entry of the ledger."""
    entry = LedgerEntry(
        at=NOW,
        request_id="r1",
        client="c",
        context=1,
        purpose="TREAT",
        interaction="read",
        target="Observation/absent",
        passed=[],
    )
    return replace(entry, **changed)
