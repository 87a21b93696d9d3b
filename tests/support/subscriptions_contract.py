"""What every store does about subscriptions: marks, leases, what is known, numbers without gaps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapter.store.subscriptions import Known, NewEvent, SubscriptionRow

NOW = 1_700_000_000_000_000
pytestmark = pytest.mark.anyio
ROW = SubscriptionRow(
    id="s1",
    client="c",
    user="",
    organisation="Organization/o",
    purpose="TREAT",
    rights=("a", "b"),
    scopes="",
    topic="t",
    wish=b"{}",
    secret=b"x",
    status="active",
    reason="",
    revision=1,
    created=NOW,
    updated=NOW,
    until=NOW + 10**12,
    due=NOW,
)


async def put(store, *rows):
    async with store.transaction() as change:
        for row in rows or (ROW,):
            await change.put_subscription(row)


def event(number, notice="event"):
    return NewEvent(number, 7, f"Observation/{number}", notice, NOW)


class SubscriptionsContract:
    """Give a ``store`` fixture: a migrated, empty store."""

    async def test_a_subscription_is_kept_changed_and_removed_with_all_that_is_its(self, store):
        await put(store)
        assert await store.subscription("s1") == ROW
        await put(store, replace(ROW, status="off", revision=2))
        assert [row.status for row in await store.subscriptions()] == ["off"]
        async with store.transaction() as change:
            await change.learn("s1", [Known(1, 7, "Observation/1", b"k", sent=False)])
            await change.add_events("s1", [event(1)])
            await change.drop_subscription("s1")
        assert await store.subscriptions() == []
        assert await store.waiting_events("s1", 9) == []
        async with store.transaction() as change:
            assert await change.known([7]) == []

    async def test_nobody_is_marked_while_nobody_has_subscribed(self, store):
        async with store.transaction() as change:
            await change.stir([7])
        assert not await store.stirring(at=NOW)
        await put(store)
        async with store.transaction() as change:
            await change.stir([7, 8])
        assert await store.stirring(at=NOW)

    async def test_who_changes_while_being_looked_at_is_looked_at_again(self, store):
        await put(store)
        async with store.transaction() as change:
            await change.stir([7, 8])
            claimed = await change.claim_stirred(at=NOW, lease=NOW + 10, most=9)
            assert [one.patient for one in claimed] == [7, 8]
            assert await change.claim_stirred(at=NOW + 9, lease=NOW + 20, most=9) == []
            await change.stir([8])
            assert await change.settle_stirred(claimed, lease=NOW + 10) == {7, 8}
            (again,) = await change.claim_stirred(at=NOW, lease=NOW + 10, most=9)
            assert again.patient == 8

    async def test_a_lease_that_another_has_taken_over_settles_nothing(self, store):
        await put(store)
        async with store.transaction() as change:
            await change.stir([7])
            late = await change.claim_stirred(at=NOW, lease=NOW + 10, most=9)
            await change.claim_stirred(at=NOW + 10, lease=NOW + 20, most=9)
            assert await change.settle_stirred(late, lease=NOW + 10) == set()

    async def test_boundaries_that_are_due_are_claimed_with_the_whole_person(self, store):
        await put(store)
        async with store.transaction() as change:
            await change.link(7, 8, rule="test", at=NOW)
            await change.settle_stirred(await change.claim_stirred(at=NOW, lease=NOW + 1, most=9), lease=NOW + 1)
            await change.mark_boundaries([(NOW + 5, 7)])
        async with store.transaction() as change:
            claimed = await change.claim_stirred(at=NOW, lease=NOW + 1, most=9)
            await change.settle_stirred(claimed, lease=NOW + 1)
        assert not await store.stirring(at=NOW + 4)
        async with store.transaction() as change:
            assert [one.patient for one in await change.claim_stirred(at=NOW + 5, lease=NOW + 9, most=9)] == [7, 8]

    async def test_numbers_are_given_once_in_order_and_without_gaps(self, store):
        await put(store)
        async with store.transaction() as change:
            await change.add_events("s1", [event(1), event(2), event(2), event(3), event(2, "stop")])
        waiting = await store.waiting_events("s1", 9)
        assert [(one.name, one.notice) for one in waiting] == [
            ("Observation/1", "event"),
            ("Observation/2", "event"),
            ("Observation/3", "event"),
            ("Observation/2", "stop"),
        ]
        first, second, third, stop = (one.seq for one in waiting)
        async with store.transaction() as change:
            assert await change.number_events("s1", [first]) == 1
            await change.drop_events([first, second])
            assert await change.number_events("s1", [first, third, stop]) == 3
            await change.accepted("s1", [first], at=NOW)
        assert [one.number for one in await store.waiting_events("s1", 9)] == [2, 3]
        assert [one.name for one in await store.told_events("s1", 1, 2)] == ["Observation/1", "Observation/3"]
        assert (await store.subscription("s1")).events == 3

    async def test_what_was_numbered_counts_as_sent_and_stays_so(self, store):
        await put(store)
        async with store.transaction() as change:
            await change.learn("s1", [Known(1, 7, "Observation/1", b"k", sent=False)])
            await change.add_events("s1", [event(1)])
        (waiting,) = await store.waiting_events("s1", 9)
        async with store.transaction() as change:
            await change.number_events("s1", [waiting.seq])
            await change.learn("s1", [Known(1, 7, "Observation/1", b"l", sent=False)])
            assert await change.known([7, 9]) == [("s1", Known(1, 7, "Observation/1", b"l", sent=True))]
            await change.forget("s1", {1})
            assert await change.known([7]) == []
        assert len(await store.waiting_events("s1", 9)) == 1

    async def test_a_subscriber_is_claimed_by_one_and_let_go_by_whoever_claimed_it(self, store):
        await put(store)
        async with store.transaction() as change:
            (mine,) = await change.claim_subscriptions(at=NOW, lease=NOW + 10, most=9)
            assert await change.claim_subscriptions(at=NOW + 9, lease=NOW + 20, most=9) == []
            (theirs,) = await change.claim_subscriptions(at=NOW + 10, lease=NOW + 20, most=9)
            assert not await change.holds("s1", revision=1, lease=mine.lease)
            await change.release(replace(mine, status="error"), due=NOW + 99)
            assert await change.holds("s1", revision=1, lease=theirs.lease)
            await change.release(replace(theirs, reason="seen"), due=NOW + 50)
        row = await store.subscription("s1")
        assert (row.status, row.reason, row.due, row.lease) == ("active", "seen", NOW + 50, 0)
        assert not await store.anything_due(at=NOW + 49)
        assert await store.anything_due(at=NOW + 50)

    async def test_what_is_given_up_waits_again_when_revived_and_what_is_old_is_forgotten(self, store):
        await put(store)
        async with store.transaction() as change:
            await change.add_events("s1", [event(1), event(2)])
        seqs = [one.seq for one in await store.waiting_events("s1", 9)]
        async with store.transaction() as change:
            await change.number_events("s1", seqs[:1])
            assert await change.give_up("s1", at=NOW) == 1
        assert (await store.backlogs())["s1"] == (1, NOW, 1)
        async with store.transaction() as change:
            assert await change.revive("s1") == 1
            await change.number_events("s1", seqs)
            await change.accepted("s1", seqs, at=NOW)
            await change.forget_accepted(before=NOW)
        assert len(await store.told_events("s1", 1, 9)) == 2
        async with store.transaction() as change:
            await change.forget_accepted(before=NOW + 1)
        assert await store.told_events("s1", 1, 9) == []

    async def test_learning_goes_on_only_where_it_stands_and_nobody_was_looked_at(self, store):
        row = replace(ROW, sweep=-1, due=NOW + 99)
        await put(store, row)
        async with store.transaction() as change:
            assert await change.sweeping(["s1", "other"]) == {"s1": -1}
            assert await change.sweep_step(row, until=7, at=NOW)
            assert not await change.sweep_step(row, until=8, at=NOW)
            await change.passed_over(["s1"])
            assert not await change.sweep_step(replace(row, sweep=7), until=8, at=NOW)
            assert await change.sweep_step(replace(row, sweep=7, looks=1), until=None, at=NOW)
            assert await change.sweeping(["s1"]) == {}
        assert await store.anything_due(at=NOW)
