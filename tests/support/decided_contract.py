"""What every store must do with filled decisions: rules, bounds, freshness and exceptions decide every answer."""

from __future__ import annotations

import pytest
import store_contract
from store_contract import NOW, PATIENTS, PERMIT, query, write

from adapter.consent.bases import CONSENT, EMERGENCY, custody
from adapter.fhir.search import Alternative, Filter
from adapter.store.shapes import DENY, END, EXCEPTION, BoundRow, RuleRow, row_key

pytestmark = pytest.mark.anyio


class DecidedContract:
    """Give a ``store`` fixture: a migrated, empty store."""

    fill = store_contract.StoreContract.fill
    search = store_contract.StoreContract.search

    async def test_a_permitted_resource_is_read_with_its_version(self, store):
        context, policy, _ = await self.fill(store)
        async with store.snapshot() as view:
            found = await view.read(context, row_key("Observation", "a"), at=NOW)
        (hit,) = found.hits
        assert (hit.type, hit.id, hit.policy, found.gaps) == ("Observation", "a", policy, ())
        assert hit.version.encode() in hit.head

    async def test_denied_unbounded_and_absent_are_equal(self, store):
        context, _, _ = await self.fill(store, effect=DENY)
        async with store.snapshot() as view:
            denied = await view.read(context, row_key("Observation", "a"), at=NOW)
            unbounded = await view.read(context, row_key("Observation", "a"), at=-1)
            absent = await view.read(context, row_key("Observation", "zzz"), at=NOW)
            other = await view.read(context + 1, row_key("Observation", "a"), at=NOW)
        assert denied == unbounded == absent == other
        assert not denied.hits

    @pytest.mark.parametrize(("effect", "passes"), [(CONSENT, True), (EMERGENCY, False), (CONSENT | EMERGENCY, True)])
    async def test_a_ground_passes_only_where_agreements_allow_it(self, store, effect, passes):
        context, _, _ = await self.fill(store, effect=effect)
        async with store.snapshot() as view:
            found = await view.read(context, row_key("Observation", "a"), at=NOW)
            seen, _ = await view.seen(context, PATIENTS, at=NOW)
        assert bool(found.hits) is passes
        assert bool(seen) is passes
        assert (await self.search(store, context, query())).total == 2 * passes

    async def test_custody_that_nobody_confirmed_lately_is_no_ground(self, store):
        async with store.transaction() as change:
            number = await change.freshen("roster", until=NOW, at=NOW)
            assert await change.freshen("other", until=NOW + 9, at=NOW) != number
        context, _, _ = await self.fill(store, effect=custody(number), bases=custody(number))
        assert (await self.search(store, context, query(), at=NOW - 1)).total == 2
        assert (await self.search(store, context, query(), at=NOW)).total == 0
        async with store.transaction() as change:
            assert await change.freshen("roster", until=NOW + 9, at=NOW) == number
            assert await change.freshen("roster", until=NOW - 9, at=NOW) == number
        assert (await self.search(store, context, query(), at=NOW)).total == 2

    async def test_bounds_are_put_in_place_of_those_before(self, store):
        context, _, segment = await self.fill(store)
        later = BoundRow(context=context, segment=segment, start=5, stop=9, bases=CONSENT, agreement="moa")
        async with store.transaction() as change:
            await change.add_bounds([later])
        async with store.snapshot() as view:
            assert await view.bounds(context, segment) == [later]

    async def test_a_missing_rule_is_a_gap_and_never_an_answer(self, store):
        context, policy, segment = await self.fill(store, rules=False)
        found = await self.search(store, context, query())
        assert not found.hits
        assert found.total == 0
        assert [(gap.policy, gap.segment, gap.rid) for gap in found.gaps] == [(policy, segment, None)]
        counted = await self.search(store, context, query(count=0))
        assert counted.gaps == found.gaps

    async def test_an_exception_is_decided_resource_by_resource(self, store):
        context, policy, segment = await self.fill(store, effect=EXCEPTION)
        found = await self.search(store, context, query())
        assert sorted(gap.rid for gap in found.gaps) == sorted(
            [row_key("Observation", "a"), row_key("Observation", "b")]
        )
        rows = [
            RuleRow(
                context=context,
                policy=policy,
                segment=segment,
                rid=row_key("Observation", name),
                effect=effect,
                obligation=0,
            )
            for name, effect in (("a", DENY), ("b", PERMIT))
        ]
        await store.add_rules(rows)
        found = await self.search(store, context, query())
        assert (found.total, [hit.id for hit in found.hits]) == (1, ["b"])

    async def test_a_new_version_forgets_what_was_decided_of_the_old(self, store):
        context, policy, segment = await self.fill(store, effect=EXCEPTION)
        rid = row_key("Observation", "a")
        await store.add_rules(
            [RuleRow(context=context, policy=policy, segment=segment, rid=rid, effect=PERMIT, obligation=0)]
        )
        async with store.transaction() as change:
            await change.put([write("Observation", "a", "p", segment, content=b"two")], at=NOW + 1, origin=None)
        async with store.snapshot() as view:
            found = await view.read(context, rid, at=NOW)
        assert [gap.rid for gap in found.gaps] == [rid]

    async def test_a_patient_is_seen_through_a_permitted_record(self, store):
        context, policy, _ = await self.fill(store, rules=False)
        async with store.transaction() as change:
            hidden = await change.intern("segment", b"hidden")
            await change.put([write("Patient", "p", "p", hidden, content=b"two", names=["oak"])], at=NOW, origin=None)
            await change.add_bounds(
                [BoundRow(context=context, segment=hidden, start=0, stop=END, bases=CONSENT, agreement="mou")]
            )
        await store.add_rules(
            [RuleRow(context=context, policy=policy, segment=hidden, rid=None, effect=DENY, obligation=0)]
        )
        async with store.snapshot() as view:
            assert (await view.read_patient(context, row_key("Patient", "p"), at=NOW)).gaps
        await store.add_rules(
            [RuleRow(context=context, policy=policy, segment=1, rid=None, effect=PERMIT, obligation=7)]
        )
        async with store.snapshot() as view:
            (hit,) = (await view.read_patient(context, row_key("Patient", "p"), at=NOW)).hits
            by_name = Filter(param="family", kind="string", alternatives=(Alternative(value="oa"),))
            found = await view.search(context, query("Patient", by_name), None, None, at=NOW)
        assert (hit.id, hit.obligation) == ("p", 7)
        assert (found.total, [item.id for item in found.hits]) == (1, ["p"])
