"""What every store must tell explanations and rehearsals: undecided, and as it was held at an instant."""

from __future__ import annotations

import pytest
import store_contract

from adapter.consent.bases import custody
from adapter.store.shapes import BEGINNING, END, LIVE, PolicySpan, RuleRow, row_key

pytestmark = pytest.mark.anyio
NOW = store_contract.NOW
write = store_contract.write
A, B, C = (row_key("Patient", name) for name in "abc")


async def furnish(store):
    """Two people under two policies; the first has two versions of a Consent and a link that came later."""
    async with store.transaction() as change:
        people = [write("Patient", name, name, 1) for name in "abc"]
        await change.put([*people, write("Consent", "k", "a", 3, content=b"one")], at=NOW, origin=None)
        await change.put([write("Observation", name, "a", 2, low=NOW) for name in "xy"], at=NOW, origin=None)
        await change.put([write("Observation", "z", "b", 2, low=NOW)], at=NOW + 5, origin=None)
        await change.put([write("Consent", "k", "a", 3, content=b"two")], at=NOW + 10, origin=None)
        await change.link(A, B, rule="test", at=NOW + 10)
        for number in range(3):
            await change.intern("policy", b"%d" % number)
        spans = [PolicySpan(start=BEGINNING, stop=NOW, policy=3, sources=())]
        first = [*spans, PolicySpan(start=NOW, stop=END, policy=1, sources=())]
        second = [*spans, PolicySpan(start=NOW, stop=END, policy=2, sources=())]
        await change.set_policies([(A, first), (B, second), (C, second)], at=NOW)


class SurveyContract:
    """The undecided side of a snapshot."""

    async def test_a_consent_is_told_in_the_version_that_was_held(self, store):
        await furnish(store)
        async with store.snapshot() as view:
            before = await view.consents_known([A, B], at=NOW - 1)
            then = await view.consents_known([A], at=NOW + 9)
            (now,) = await view.consents_known([A], at=NOW + 10)
            (current,) = await view.consents([A])
        assert before == []
        assert [(row.id, row.version) for row in then] == [("k", "k-1")]
        assert (now.version, now.tail) == (current.version, current.tail) == ("k-2", b'},"note":"two"}')

    async def test_links_and_arrivals_are_told_by_instant(self, store):
        await furnish(store)
        async with store.snapshot() as view:
            assert await view.component(A, at=NOW + 9) == {A}
            assert await view.component(A, at=NOW + 10) == await view.component(B, at=END) == {A, B}
            rids = {row_key("Observation", name) for name in "xyz"} | {row_key("Consent", "k"), 5}
            assert await view.held(rids, at=NOW - 1) == set()
            assert await view.held(rids, at=NOW + 4) == rids - {row_key("Observation", "z"), 5}

    async def test_any_version_can_be_read_again(self, store):
        await furnish(store)
        async with store.snapshot() as view:
            old = await view.version("Consent", "k", "k-1")
            new = await view.version("Consent", "k", "k-2")
            assert (old.tail, new.tail) == (b'},"note":"one"}', b'},"note":"two"}')
            assert (old.type, old.id, old.patient) == ("Consent", "k", A)
            assert await view.version("Consent", "k", "k-3") is None
            assert await view.version("Consent", "other", "k-1") is None

    async def test_records_of_people_are_listed_with_the_people(self, store):
        await furnish(store)
        async with store.snapshot() as view:
            every = {f"{row.type}/{row.id}" for row in await view.records([A])}
            assert every == {"Patient/a", "Consent/k", "Observation/x", "Observation/y"}
            assert {row.id for row in await view.records([A, B], "Observation")} == {"x", "y", "z"}
            assert [row.id for row in await view.records([B], "Patient")] == ["b"]
            names = await view.names([A, row_key("Observation", "x"), 7])
        assert names == {A: "Patient/a", row_key("Observation", "x"): "Observation/x"}

    async def test_what_decides_is_counted_and_placed(self, store):
        await furnish(store)
        async with store.snapshot() as view:
            counted = {tuple(one) for one in await view.decided(at=NOW)}
            assert counted == {(1, 1, 1), (1, 2, 2), (1, 3, 1), (2, 1, 2), (2, 2, 1)}
            assert {tuple(one) for one in await view.decided(at=NOW, patients={B})} == {(2, 1, 1), (2, 2, 1)}
            assert {one.policy for one in await view.decided(at=NOW - 1)} == {3}
            placed = await view.placed([1], at=NOW)
            assert {(one.policy, one.segment, one.patient) for one in placed} == {(1, 2, A), (1, 3, A)}
            assert await view.placed([1], at=NOW, patients={B}) == []
            assert {one.rid for one in await view.people([2], at=NOW)} == {B, C}
            assert {one.rid for one in await view.people([1, 2], at=NOW, patients={A})} == {A}

    async def test_effects_of_one_context_are_told(self, store):
        await store.add_rules(
            [
                RuleRow(context=context, policy=policy, segment=4, rid=None, effect=effect, obligation=0)
                for context, policy, effect in ((1, 1, 2), (1, 9, 0), (2, 1, 1))
            ]
        )
        async with store.snapshot() as view:
            assert await view.ruled(1) == {(1, 4): 2, (9, 4): 0}
            assert await view.ruled(2) == {(1, 4): 1}
            assert await view.ruled(3) == {}

    async def test_custody_data_is_live_until_it_is_too_old(self, store):
        async with store.transaction() as change:
            old = await change.freshen("old", until=NOW, at=NOW)
            new = await change.freshen("new", until=NOW + 9, at=NOW)
        async with store.snapshot() as view:
            assert await view.freshness() == {old: ("old", NOW), new: ("new", NOW + 9)}
            assert await view.live(at=NOW - 1) == LIVE
            assert await view.live(at=NOW) == LIVE & ~custody(old)
            assert await view.live(at=NOW + 9) == LIVE & ~custody(old) & ~custody(new)
