"""What every store must do with events: remember since when a resource says what it says, and merges."""

from __future__ import annotations

from store_contract import NOW, write


class EventsContract:
    """Mixed into the tests of a store; ``store`` is an empty one."""

    async def test_what_tells_of_an_event_is_remembered_with_it(self, store):
        first, seed = write("Patient", "p", "p", 1), write("Patient", "q", "q", 1, seed=True)
        async with store.transaction() as change:
            assert await change.told([first.rid]) == {}
            await change.put([first, seed], at=NOW, origin=None)
            await change.tell([(first.rid, NOW - 1, {"gone": {"period.end": 7}})])
        async with store.transaction() as change:
            told = await change.told([first.rid, seed.rid])
            assert told[first.rid][1:5] == (1, False, NOW - 1, {"gone": {"period.end": 7}})
            assert (told[seed.rid].seeded, told[seed.rid].at < NOW - 1, told[seed.rid].times) == (True, True, {})
            assert told[first.rid].tail == first.tail
            await change.tell([(first.rid, NOW, {})])
            assert (await change.told([first.rid]))[first.rid][3:5] == (NOW, {})

    async def test_a_merge_is_seen_from_both_ends(self, store):
        prior, survivor = write("Patient", "old", "old", 1), write("Patient", "new", "new", 1)
        survivor.relations = (("replaces", prior.rid),)
        async with store.transaction() as change:
            await change.put([prior, survivor], at=NOW, origin=None)
        async with store.snapshot() as view:
            assert await view.merged(survivor.rid) == {prior.rid: "replaces"}
            assert await view.merged(prior.rid) == {survivor.rid: "replaced-by"}
            assert await view.linked(survivor.rid) == []
