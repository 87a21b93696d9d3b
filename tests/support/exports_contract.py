"""What every store must do for exports, groups and earlier versions."""

from __future__ import annotations

from dataclasses import replace

import pytest
import store_contract

from adapter.consent.bases import CONSENT, custody
from adapter.store.exports import ExportRow, PanelRow, Span
from adapter.store.shapes import BEGINNING, DENY, END, EXCEPTION, BoundRow, Gap, PolicySpan, RuleRow, row_key

pytestmark = pytest.mark.anyio
NOW = store_contract.NOW
write = store_contract.write
EVERYONE = [Span(0, 2**63 - 1)]
PATIENT = row_key("Patient", "p")
ROW = ExportRow(id="e", client="c", context=1, request="x", asked=b"{}", at=NOW, expires=NOW + 10)
PANEL = PanelRow(id="g", organisation="o", name="n", version="1", updated=NOW, members=[("p", NOW), ("q", NOW)])


async def furnish(store, *, effect=CONSENT):
    """One patient with five Observations of one segment under one policy, seen by one context."""
    async with store.transaction() as change:
        segment, policy = await change.intern("segment", b"s"), await change.intern("policy", b"p")
        other, context = await change.intern("policy", b"other"), await change.intern("context", b"c")
        await change.put([write("Patient", "p", "p", segment)], at=NOW, origin=None)
        for number, name in enumerate("abcde"):
            await change.put([write("Observation", name, "p", segment, low=NOW)], at=NOW + 1000 * number, origin=None)
        await change.set_policies([(PATIENT, [PolicySpan(BEGINNING, END, policy, ())])], at=NOW)
        bound = BoundRow(context=context, segment=segment, start=BEGINNING, stop=END, bases=CONSENT, agreement="a")
        await change.add_bounds([bound])
    await ruled(store, context, policy, segment, effect)
    return context, policy, other, segment


async def ruled(store, context, policy, segment, effect, **single):
    row = RuleRow(context=context, policy=policy, segment=segment, rid=None, effect=effect, obligation=0)
    await store.add_rules([replace(row, **single)])


async def names(store, context, spans, **asked):
    async with store.snapshot() as view:
        found = await view.exported(context, asked.pop("kind", "Observation"), spans, None, at=NOW + 10_000, limit=99)
    return {hit.id for hit in found.hits}, found.gaps


class ExportsContract:
    """Exports, groups and earlier versions."""

    async def test_an_export_is_kept_planned_counted_and_forgotten(self, store):
        async with store.transaction() as change:
            await change.add_export(ROW)
            await change.plan_export("e", b"[]")
            assert await change.open_exports("c", at=NOW) == 1
            assert await change.open_exports("c", at=NOW + 10) == await change.open_exports("d", at=NOW) == 0
        async with store.snapshot() as view:
            assert await view.export("e") == replace(ROW, files=b"[]")
            assert await view.export("f") is None
        async with store.transaction() as change:
            await change.add_export(replace(ROW, id="f", at=NOW + 10, expires=NOW + 20))
        async with store.snapshot() as view:
            assert await view.export("e") is None
        async with store.transaction() as change:
            await change.drop_export("f")
        async with store.snapshot() as view:
            assert await view.export("f") is None

    async def test_who_stays_in_a_group_keeps_when_it_came(self, store):
        async with store.transaction() as change:
            await change.put_panel(PANEL)
        later = replace(PANEL, version="2", name="m", updated=NOW + 5, members=[("q", NOW + 5), ("r", NOW + 5)])
        later = replace(later, people=[(b"x", NOW), (b"y", NOW)])
        async with store.transaction() as change:
            await change.put_panel(later)
        async with store.snapshot() as view:
            assert await view.panel("g") == replace(later, members=[("q", NOW), ("r", NOW + 5)])
        newest = replace(later, version="3", people=[(b"y", NOW + 9), (b"z", NOW + 9)])
        async with store.transaction() as change:
            await change.put_panel(newest)
        async with store.snapshot() as view:
            assert (await view.panel("g")).people == [(b"y", NOW), (b"z", NOW + 9)]
            assert await view.panel_version("g") == (PANEL.organisation, "3")
        async with store.transaction() as change:
            await change.drop_panel("g")
        async with store.snapshot() as view:
            assert await view.panel("g") is await view.panel_version("g") is None
            assert await view.panels() == []
        counts = await store.counts()
        assert counts["panel_member"] == counts["panel_person"] == 0

    async def test_a_group_that_changed_is_told_until_its_newcomers_were_marked(self, store):
        async with store.transaction() as change:
            await change.put_panel(PANEL)
        async with store.snapshot() as view:
            assert await view.changed_panels() == [("g", -1)]
        assert await store.stirring(at=NOW)
        async with store.transaction() as change:
            await change.spread_panel("g", "another version")
        async with store.snapshot() as view:
            assert await view.changed_panels() == [("g", -1)]
        async with store.transaction() as change:
            await change.spread_panel("g", PANEL.version)
        async with store.snapshot() as view:
            assert await view.changed_panels() == []
        assert not await store.stirring(at=NOW)

    async def test_rows_come_in_order_and_from_a_place_on(self, store):
        context, *_ = await furnish(store)
        found, place = [], None
        while True:
            async with store.snapshot() as view:
                page = await view.exported(context, "Observation", EVERYONE, place, at=NOW + 10, limit=2)
            found += [hit.rid for hit in page.hits]
            place = page.last
            if not page.more:
                break
        assert found == sorted(row_key("Observation", name) for name in "abcde")
        async with store.snapshot() as view:
            assert await view.weighed(context, "Observation", EVERYONE, at=NOW + 10) == ([(PATIENT, 5)], [])
            assert await view.weighed(context, "Patient", EVERYONE, at=NOW + 10) == ([(PATIENT, 1)], [])
            assert await view.weighed(context, "Observation", [Span(0, PATIENT)], at=NOW + 10) == ([], [])

    async def test_missing_decisions_are_told_and_nothing_is_taken_for_permitted(self, store):
        context, policy, _other, segment = await furnish(store, effect=EXCEPTION)
        async with store.snapshot() as view:
            found = await view.exported(context, "Observation", EVERYONE, None, at=NOW, limit=9)
            _weighed, gaps = await view.weighed(context, "Observation", EVERYONE, at=NOW)
        missing = {Gap(policy=policy, segment=segment, rid=row_key("Observation", name)) for name in "abcde"}
        assert set(found.gaps) == set(gaps) == missing
        for name, effect in zip("abcde", (CONSENT, DENY, CONSENT, DENY, DENY), strict=True):
            await ruled(store, context, policy, segment, effect, rid=row_key("Observation", name))
        assert await names(store, context, EVERYONE) == ({"a", "c"}, [])

    async def test_since_then_is_what_is_newer_or_was_not_permitted_as_it_was_known(self, store):
        context, policy, other, segment = await furnish(store)
        await ruled(store, context, other, segment, DENY)
        assert await names(store, context, [Span(0, 2**63 - 1, NOW + 2000)]) == (set("cde"), [])
        async with store.transaction() as change:
            await change.set_policies([(PATIENT, [PolicySpan(BEGINNING, END, other, ())])], at=NOW + 5000)
            await change.set_policies([(PATIENT, [PolicySpan(BEGINNING, END, policy, ())])], at=NOW + 7000)
        for since, seen in ((4500, ""), (5000, ""), (5500, "abcde"), (7000, "abcde"), (7500, "")):
            assert await names(store, context, [Span(0, 2**63 - 1, NOW + since)]) == (set(seen), [])
            patients = await names(store, context, [Span(0, 2**63 - 1, NOW + since)], kind="Patient")
            assert patients == ({"p"} if seen else set(), [])

    async def test_a_boundary_of_time_and_an_agreement_that_began_since_make_what_is_new(self, store):
        context, policy, other, segment = await furnish(store)
        await ruled(store, context, other, segment, DENY)
        spans = [PolicySpan(BEGINNING, NOW + 8000, other, ()), PolicySpan(NOW + 8000, END, policy, ())]
        async with store.transaction() as change:
            await change.set_policies([(PATIENT, spans)], at=NOW)
        assert await names(store, context, [Span(0, 2**63 - 1, NOW + 7000)]) == (set("abcde"), [])
        assert await names(store, context, [Span(0, 2**63 - 1, NOW + 8000)]) == (set(), [])
        begun = BoundRow(context=context, segment=segment, start=NOW + 9000, stop=END, bases=CONSENT, agreement="a")
        async with store.transaction() as change:
            await change.add_bounds([begun])
        assert await names(store, context, [Span(0, 2**63 - 1, NOW + 8500)]) == (set("abcde"), [])
        assert await names(store, context, [Span(0, 2**63 - 1, NOW + 9500)]) == (set(), [])

    async def test_custody_that_was_told_too_long_ago_then_permitted_nothing(self, store):
        async with store.transaction() as change:
            number = await change.freshen("roster", until=NOW + 5000, at=NOW)
        context, _policy, _other, segment = await furnish(store, effect=custody(number))
        async with store.transaction() as change:
            row = BoundRow(
                context=context, segment=segment, start=BEGINNING, stop=END, bases=custody(number), agreement="a"
            )
            await change.add_bounds([row])
            await change.freshen("roster", until=NOW + 20_000, at=NOW + 8000)
        for since, seen in ((4500, ""), (5000, "abcde"), (7000, "abcde"), (8500, "")):
            assert await names(store, context, [Span(0, 2**63 - 1, NOW + since)]) == (set(seen), [])

    async def test_decisions_of_then_are_missing_too(self, store):
        context, policy, other, segment = await furnish(store)
        async with store.transaction() as change:
            await change.set_policies([(PATIENT, [PolicySpan(BEGINNING, END, other, ())])], at=NOW + 5000)
            await change.set_policies([(PATIENT, [PolicySpan(BEGINNING, END, policy, ())])], at=NOW + 7000)
        gap = Gap(policy=other, segment=segment, rid=None)
        for kind in ("Observation", "Patient"):
            _, gaps = await names(store, context, [Span(0, 2**63 - 1, NOW + 6000)], kind=kind)
            assert gaps == [gap]
        await ruled(store, context, other, segment, EXCEPTION)
        _, gaps = await names(store, context, [Span(0, 2**63 - 1, NOW + 6000)])
        assert set(gaps) == {replace(gap, rid=row_key("Observation", name)) for name in "abcde"}

    async def test_earlier_versions_are_decided_each_by_its_segment_and_itself(self, store):
        context, policy, _other, segment = await furnish(store)
        rid = row_key("Observation", "a")
        async with store.transaction() as change:
            shut = await change.intern("segment", b"shut")
            bound = BoundRow(context=context, segment=shut, start=0, stop=END, bases=CONSENT, agreement="a")
            await change.add_bounds([bound])
            for number, into in enumerate((shut, segment, shut)):
                one = write("Observation", "a", "p", into, content=b"%d" % number)
                await change.put([one], at=NOW + 10 + number, origin=None)
        async with store.snapshot() as view:
            assert (await view.earlier(context, rid, at=NOW)).gaps == [Gap(policy=policy, segment=shut, rid=None)]
        await ruled(store, context, policy, shut, DENY)
        async with store.snapshot() as view:
            found = await view.earlier(context, rid, at=NOW)
        assert [hit.version for hit in found.hits] == ["a-3", "a-1"]
        await ruled(store, context, policy, shut, EXCEPTION)
        async with store.snapshot() as view:
            found = await view.earlier(context, rid, at=NOW)
        assert found.gaps == [Gap(policy=policy, segment=shut, rid=rid, version="a-2")]
        await ruled(store, context, policy, shut, CONSENT, rid=rid, version="a-2")
        async with store.snapshot() as view:
            assert [hit.version for hit in (await view.earlier(context, rid, at=NOW)).hits] == ["a-3", "a-2", "a-1"]
        async with store.transaction() as change:
            await change.clear_decisions()
        assert (await store.counts())["version_exception"] == 0
