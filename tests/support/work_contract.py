"""What every store must do with the work that feeds leave: subclassed once per database."""

from __future__ import annotations

import apsw
import pytest
import store_contract

from adapter.store.shapes import row_key
from adapter.store.work import UnmappedCode, WorkItem

NOW = store_contract.NOW
pytestmark = pytest.mark.anyio


def item(ident="w1", *, feed="jail", kind="held-releases", since=NOW):
    return WorkItem(
        id=ident, feed=feed, kind=kind, receipt="r1", about="", number=3, why="three are absent", since=since
    )


class WorkContract:
    """Give a ``store`` fixture: a migrated, empty store."""

    async def test_a_booking_is_of_the_receipt_that_named_it_last(self, store):
        async with store.transaction() as change:
            await change.name_bookings("jail", "r1", [1, 2, 3], late=False)
            await change.name_bookings("other", "r1", [1], late=False)
            await change.name_bookings("jail", "r2", [2], late=False)
            await change.name_bookings("jail", "r0", [2, 4], late=True)
        async with store.transaction() as change:
            assert await change.unnamed_bookings("jail", ["r2"]) == [1, 3, 4]
            assert await change.unnamed_bookings("jail", ["r1", "r2"]) == [4]
            assert await change.roster_size("jail") == 4
            await change.drop_bookings("jail", [1, 9])
            assert await change.unnamed_bookings("jail", []) == [2, 3, 4]
            assert await change.unnamed_bookings("other", []) == [1]

    async def test_work_is_open_until_it_is_closed_once(self, store):
        async with store.transaction() as change:
            await change.add_work([item("w2", since=NOW + 1), item()])
            await change.add_work([item(), item("w3", feed="court")._replace(why="other")])
            assert [one.id for one in await change.open_work()] == ["w1", "w3", "w2"]
            assert (await change.open_work())[0] == item()
            assert await change.close_work("w1", at=NOW, author="desk", finding="seen")
            assert not await change.close_work("w1", at=NOW + 1, author="other", finding="seen again")
            assert not await change.close_work("w9", at=NOW, author="desk", finding="")
            await change.add_work([item()])
            assert [one.id for one in await change.open_work()] == ["w3", "w2"]

    async def test_what_is_held_is_listed_with_its_work(self, store):
        async with store.transaction() as change:
            await change.hold_releases("w1", [5, 3])
            assert await change.held_releases("w1") == [3, 5]
            assert await change.held_releases("w2") == []

    async def test_codes_are_counted_by_sender_table_and_column(self, store):
        race, sex = ("race", "Race", "XX"), ("sex", "Sex", "Q")
        async with store.transaction() as change:
            await change.count_codes("jail", {race: 2, sex: 1}, at=NOW)
            await change.count_codes("jail", {race: 3}, at=NOW + 5)
            await change.count_codes("court", {sex: 1}, at=NOW)
        async with store.transaction() as change:
            mine = await change.unmapped_codes("jail")
            assert mine == [
                UnmappedCode("jail", *race, number=5, first=NOW, last=NOW + 5),
                UnmappedCode("jail", *sex, number=1, first=NOW, last=NOW),
            ]
            assert [one.feed for one in await change.unmapped_codes(None)] == ["court", "jail", "jail"]
            await change.forget_codes(mine[:1])
            assert await change.unmapped_codes("jail") == mine[1:]

    async def test_resources_are_read_as_this_change_has_written_them(self, store):
        one = store_contract.write("Encounter", "e1", "p1", 1)
        async with store.transaction() as change:
            await change.put([one], at=NOW, origin=None)
            (found,) = await change.stored([one.rid, row_key("Encounter", "none")])
            assert (found.type, found.id, found.rid) == ("Encounter", "e1", one.rid)

    async def test_work_can_be_neither_changed_nor_removed(self, store):
        async with store.transaction() as change:
            await change.add_work([item()])
        for statement in (
            "UPDATE work_item SET why = 'x', closed = 1",
            "DELETE FROM work_item",
        ):
            with pytest.raises(apsw.ConstraintError):
                store._writer.execute(statement)
