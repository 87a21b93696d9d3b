"""What every store must keep of who is who: sealed traits under their blocks, pairs both ways, decisions for good."""

from __future__ import annotations

import pytest
import store_contract

from adapter.store.pairs import PairDecision, PairRow, Portrait
from adapter.store.shapes import END

pytestmark = pytest.mark.anyio
NOW = store_contract.NOW


def portrait(patient, source="jail", blocks=(1, 2), *, told=b"t", sealed=b"s", doubted=False):
    return Portrait(patient, source, told, sealed, blocks, doubted)


def pair(patient, other, state=2, *, band=2, since=NOW):
    return PairRow(patient, other, 1234, band, state, since)


class MatchingContract:
    async def test_what_is_kept_of_a_record_is_found_again_and_replaced(self, store):
        async with store.transaction() as change:
            await change.put_portrait(portrait(7))
            await change.put_portrait(portrait(9, "clinic"))
        async with store.transaction() as change:
            assert await change.portraits([7, 8]) == {7: portrait(7)}
            await change.put_portrait(portrait(7, blocks=(2, 3), told=b"u", sealed=b"v", doubted=True))
            assert await change.every_portrait() == [7, 9]
            assert await change.doubted() == [7]
        async with store.transaction() as change:
            assert (await change.portraits([7]))[7] == portrait(7, blocks=(2, 3), told=b"u", sealed=b"v", doubted=True)
            assert [one.patient for one in await change.sample(-1, 1)] == [7]
            assert [one.patient for one in await change.sample(7, 5)] == [9]

    async def test_neighbours_share_a_block_and_are_of_other_sources(self, store):
        async with store.transaction() as change:
            for patient, source, blocks in ((1, "jail", (1,)), (2, "clinic", (1, 5)), (3, "court", (6,))):
                await change.put_portrait(portrait(patient, source, blocks))
        async with store.transaction() as change:
            assert await change.neighbours(1, "jail", (1, 6)) == [
                portrait(2, "clinic", (1, 5)),
                portrait(3, "court", (6,)),
            ]
            assert await change.neighbours(9, "clinic", (1,)) == [portrait(1, "jail", (1,))]
            await change.put_portrait(portrait(2, "clinic", (5,)))
            assert await change.neighbours(1, "jail", (1,)) == []

    async def test_a_block_that_a_crowd_shares_recognises_nobody(self, store):
        async with store.transaction() as change:
            for patient in range(1, 201):
                await change.put_portrait(portrait(patient, f"s{patient}", (1,)))
            assert len(await change.neighbours(900, "jail", (1,))) == 200
            await change.put_portrait(portrait(201, "more", (1,)))
            assert await change.neighbours(900, "jail", (1,)) == []

    async def test_pairs_are_kept_both_ways_and_counted_once(self, store):
        async with store.transaction() as change:
            await change.put_pairs([pair(1, 2), pair(1, 3, 1), pair(2, 3, 3, since=NOW + 5)])
        async with store.transaction() as change:
            assert await change.pairs([2]) == [pair(2, 1), pair(2, 3, 3, since=NOW + 5)]
            assert await change.pair_counts() == {1: 1, 2: 1, 3: 1}
            assert await change.pairs_in(2, 10) == [pair(1, 2)]
            await change.drop_pairs([(2, 1)])
            assert await change.pairs([1]) == [pair(1, 3, 1)]
            assert await change.pairs([2]) == [pair(2, 3, 3, since=NOW + 5)]
            assert await change.pairs([]) == []

    async def test_links_are_told_from_either_end(self, store):
        async with store.transaction() as change:
            await change.link(2, 1, rule="confirmed", at=NOW)
            assert await change.links([1]) == {(1, 2)}
            assert await change.links([1, 2]) == {(1, 2), (2, 1)}
            assert await change.links([]) == set()

    async def test_who_leans_on_whom_is_told_by_instant(self, store):
        async with store.transaction() as change:
            await change.put_pairs([pair(1, 2, since=NOW + 10), pair(1, 3, 1)])
            assert await change.leaning([1, 2, 3], at=END) == {1: {2}, 2: {1}}
        async with store.snapshot() as view:
            assert await view.leaning([1], at=NOW + 9) == {}
            assert await view.leaning([1], at=NOW + 10) == {1: {2}}
            assert await view.persons([1, 2]) == [{1}, {2}]

    async def test_decisions_stay_in_order_whoever_is_asked_for(self, store):
        said = [
            PairDecision(1, 2, "same", (), "R. Desk", "photo", NOW),
            PairDecision(1, 2, "different", ("sex", "ssn"), "N. Hale", "sisters", NOW + 1),
            PairDecision(2, 2, "accepted", (), "N. Hale", "fingerprints", NOW + 2),
        ]
        async with store.transaction() as change:
            for one in said:
                await change.decide_pair(one)
        async with store.transaction() as change:
            assert await change.decisions([2]) == said
            assert await change.decisions([1]) == said[:2]
            assert await change.decisions([]) == []
