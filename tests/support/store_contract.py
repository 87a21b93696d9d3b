"""What every store must do, whatever the database: subclassed once per implementation."""

from __future__ import annotations

import pytest

from adapter.consent.bases import CONSENT
from adapter.errors import SallyportError
from adapter.fhir.search import Alternative, Filter, IndexRow, Query
from adapter.store.shapes import (
    BEGINNING,
    DENY,
    END,
    BoundRow,
    IdentityFacts,
    PolicySpan,
    QuarantinedRecord,
    ResourceWrite,
    RuleRow,
    ScreeningPlace,
    row_key,
)
from adapter.store.survey import Join

PERMIT = CONSENT
PATIENTS = (row_key("Patient", "p"),)
NOW = 1_700_000_000_000_000
pytestmark = pytest.mark.anyio


def write(kind, ident, patient, segment, *, content=b"one", low=NOW, codes=(), names=(), screening=None, seed=False):
    index = [IndexRow(param="code", value=f"http://loinc.org|{code}") for code in codes]
    index += [IndexRow(param="family", value=name, exact=name.title()) for name in names]
    if kind == "Observation":
        index.append(IndexRow(param="date", value="", low=low, high=low + 86_400_000_000))
    return ResourceWrite(
        type=kind,
        id=ident,
        rid=row_key(kind, ident),
        patient=row_key("Patient", patient),
        segment=segment,
        digest=content,
        opening=b'{"resourceType":"%s","meta":{' % kind.encode(),
        head=b'"security":[{"code":"N"}',
        tail=b'},"note":"%s"}' % content,
        index=lambda: index,
        screening=screening,
        seed=seed,
    )


def query(kind="Observation", *filters, count=20, sort=(), summary=None):
    return Query(type=kind, filters=tuple(filters), sort=sort, count=count, cursor=None, summary=summary)


def code_is(*codes):
    return Filter(param="code", kind="token", alternatives=tuple(Alternative(value=f"*|{code}") for code in codes))


class StoreContract:
    """Give a ``store`` fixture: a migrated, empty store."""

    async def fill(self, store, *, effect=PERMIT, bases=CONSENT, rules=True):
        """One patient with two Observations in segment and policy 1, seen by context 1."""
        async with store.transaction() as change:
            segment = await change.intern("segment", b"segment")
            policy = await change.intern("policy", b"policy")
            context = await change.intern("context", b"context")
            await change.put(
                [
                    write("Patient", "p", "p", segment, names=["oak"]),
                    write("Observation", "a", "p", segment, codes=["1-8"], low=NOW),
                    write("Observation", "b", "p", segment, codes=["2-6"], low=NOW + 10),
                ],
                at=NOW,
                origin=("receipt", 1),
            )
            always = [PolicySpan(start=BEGINNING, stop=END, policy=policy, sources=["c"])]
            await change.set_policies([(row_key("Patient", "p"), always)], at=NOW)
            await change.add_bounds(
                [BoundRow(context=context, segment=segment, start=0, stop=END, bases=bases, agreement="mou")]
            )
        if rules:
            await store.add_rules(
                [RuleRow(context=context, policy=policy, segment=segment, rid=None, effect=effect, obligation=0)]
            )
        return context, policy, segment

    async def search(self, store, context, asked, patients=PATIENTS, after=None, at=NOW):
        async with store.snapshot() as view:
            return await view.search(context, asked, patients, after, at=at)

    async def test_same_content_is_no_new_version_and_other_content_is(self, store):
        context, _, segment = await self.fill(store)
        async with store.transaction() as change:
            assert await change.put(
                [write("Observation", "a", "p", segment, codes=["1-8"])], at=NOW + 5, origin=None
            ) == [False]
            assert await change.put(
                [write("Observation", "a", "p", segment, content=b"x", codes=["9-1"])],
                at=NOW + 6,
                origin=None,
            ) == [True]
        assert (await self.search(store, context, query("Observation", code_is("1-8")))).total == 0
        assert (await self.search(store, context, query("Observation", code_is("9-1")))).total == 1
        assert (await store.counts())["resource_history"] == 1

    async def test_index_rows_are_replaced_in_batches_and_nothing_else_changes(self, store):
        context, _, _ = await self.fill(store)
        before = await store.counts()

        def coded(resource):
            return [IndexRow(param="code", value=f"http://loinc.org|new-{resource.id}")]

        seen, after = [], -1
        while True:
            async with store.transaction() as change:
                batch = await change.index_anew(coded, after=after, limit=2)
            if not batch:
                break
            assert len(batch) <= 2
            seen, after = seen + batch, batch[-1]
        assert seen == sorted(row_key(*name) for name in (("Patient", "p"), ("Observation", "a"), ("Observation", "b")))
        counts = await store.counts()
        assert [counts[name] for name in ("resource", "resource_history")] == [before["resource"], 0]
        assert (await self.search(store, context, query("Observation", code_is("1-8")))).total == 0
        found = await self.search(store, context, query("Observation", code_is("new-a")))
        assert [hit.id for hit in found.hits] == ["a"]

    async def test_a_page_follows_another_by_every_key_of_its_order(self, store):
        context, _, segment = await self.fill(store)
        many = [write("Observation", f"n{i}", "p", segment, low=NOW + i % 3) for i in range(11)]
        async with store.transaction() as change:
            await change.put(many, at=NOW, origin=None)
        seen, after = [], None
        while True:
            found = await self.search(store, context, query(sort=("-date", "_id"), count=2), after=after)
            seen += [(hit.id, found.last) for hit in found.hits]
            after = found.last
            if not found.more:
                break
        ids = [ident for ident, _ in seen]
        dates = {"a": NOW, "b": NOW + 10} | {f"n{i}": NOW + i % 3 for i in range(11)}
        assert ids == sorted(dates, key=lambda ident: (-dates[ident], ident))

    async def test_what_a_later_record_brought_is_known_by_receipt_and_line(self, store):
        await self.fill(store)
        rid = row_key("Observation", "a")
        async with store.transaction() as change:
            for receipt, line, later, expected in (
                ("receipt", 1, [], False),
                ("receipt", 0, [], True),
                ("earlier", 9, ["receipt"], True),
                ("later", 9, [], False),
            ):
                assert await change.outdated(rid, receipt=receipt, line=line, later=later) is expected
            assert not await change.outdated(row_key("Observation", "x"), receipt="earlier", line=0, later=["receipt"])

    async def test_a_seed_never_replaces(self, store):
        _, _, segment = await self.fill(store)
        async with store.transaction() as change:
            assert await change.put(
                [write("Patient", "p", "p", segment, content=b"stub", seed=True)], at=NOW, origin=None
            ) == [False]
            assert await change.put(
                [write("Patient", "q", "q", segment, content=b"stub", seed=True)], at=NOW, origin=None
            ) == [True]

    async def test_the_consents_of_a_person_are_found(self, store):
        _, _, segment = await self.fill(store)
        async with store.transaction() as change:
            await change.put(
                [write("Consent", "c", "p", segment), write("Consent", "d", "q", segment)],
                at=NOW,
                origin=None,
            )
            assert [row.id for row in await change.consents({row_key("Patient", "p")})] == ["c"]

    async def test_what_replaces_a_seed_shows_nothing_of_it(self, store):
        _, _, segment = await self.fill(store)
        stub, real = (
            write("Patient", "q", "q", segment, content=b"stub", seed=True),
            write("Patient", "q", "q", segment, content=b"real"),
        )
        async with store.transaction() as change:
            assert await change.put([stub], at=NOW, origin=("receipt", 9)) == [True]
            assert await change.put([real], at=NOW, origin=("receipt", 10)) == [True]
        async with store.snapshot() as view:
            after_seed = await view.resource("Patient", "q")
        assert b"stub" not in after_seed.head + after_seed.tail
        assert (await store.counts())["resource_history"] == 0

    async def test_a_resource_that_takes_the_place_of_a_seed_like_it_is_named_as_if_that_had_not_been(self, store):
        _, _, segment = await self.fill(store)
        async with store.transaction() as change:
            for seed in (True, False):
                one = write("Patient", "q", "q", segment, content=b"same", seed=seed)
                assert await change.put([one], at=NOW, origin=None) == [True]
        async with store.snapshot() as view:
            assert (await view.resource("Patient", "q")).version == "q-1"

    async def test_what_comes_back_within_an_instant_has_a_name_of_its_own(self, store):
        _, _, segment = await self.fill(store)
        contents = [b"a", b"b", b"a", b"b", b"a"]
        for several in (contents[:3], contents[3:]):
            async with store.transaction() as change:
                for content in several:
                    one = write("Observation", "back", "p", segment, content=content)
                    assert await change.put([one], at=NOW, origin=None) == [True]
        async with store.snapshot() as view:
            found = [await view.version("Observation", "back", f"back-{number}") for number in range(1, 7)]
        assert [None if one is None else one.tail for one in found] == [
            *(write("Observation", "back", "p", segment, content=content).tail for content in contents),
            None,
        ]

    async def test_pages_hold_every_hit_once_in_order(self, store):
        context, _, segment = await self.fill(store)
        many = [write("Observation", f"n{i}", "p", segment, codes=["1-8"], low=NOW + i % 3) for i in range(23)]
        async with store.transaction() as change:
            await change.put(many, at=NOW, origin=None)
        seen, after, totals = [], None, set()
        while True:
            found = await self.search(store, context, query("Observation", code_is("1-8"), count=5), after=after)
            seen += [(hit.id, hit.rid) for hit in found.hits]
            totals.add(found.total)
            if not found.more:
                break
            after = found.last
        assert len(seen) == len(set(seen)) == 24
        assert totals == {24}

    async def test_population_search_counts_a_resource_once(self, store):
        context, _, segment = await self.fill(store)
        async with store.transaction() as change:
            await change.put([write("Observation", "two", "p", segment, codes=["1-8", "2-6"])], at=NOW, origin=None)
        found = await self.search(store, context, query("Observation", code_is("1-8", "2-6")), patients=None)
        assert (found.total, len(found.hits)) == (3, 3)

    async def test_a_failed_change_leaves_no_trace(self, store):
        async def fail():
            async with store.transaction() as change:
                await change.intern("policy", b"lost")
                await change.put([write("Observation", "lost", "p", 1)], at=NOW, origin=None)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await fail()
        assert (await store.counts())["resource"] == 0
        first = await store.intern("policy", b"kept")
        assert (await store.interned("policy")) == {first: b"kept"}

    async def test_policies_must_cover_all_time(self, store):
        for spans in ([(BEGINNING, 5)], [(BEGINNING, 5), (6, END)], [(0, END)], []):
            with pytest.raises(SallyportError):
                async with store.transaction() as change:
                    await change.set_policies(
                        [(1, [PolicySpan(start=a, stop=b, policy=1, sources=()) for a, b in spans])], at=NOW
                    )

    async def test_the_policy_of_the_moment_decides(self, store):
        context, policy, segment = await self.fill(store)
        async with store.transaction() as change:
            other = await change.intern("policy", b"other")
            spans = [
                PolicySpan(start=BEGINNING, stop=NOW, policy=policy, sources=["c"]),
                PolicySpan(start=NOW, stop=END, policy=other, sources=()),
            ]
            await change.set_policies([(row_key("Patient", "p"), spans)], at=NOW)
        await store.add_rules(
            [RuleRow(context=context, policy=other, segment=segment, rid=None, effect=DENY, obligation=0)]
        )
        assert (await self.search(store, context, query(), at=NOW - 1)).total == 2
        assert (await self.search(store, context, query(), at=NOW)).total == 0

    async def test_repeats_of_one_day_are_marked(self, store):
        _, _, segment = await self.fill(store)
        place = {"instrument": "phq-9", "day": "2026-03-02", "risk": 1}
        async with store.transaction() as change:
            await change.put(
                [write("Observation", "s1", "p", segment, screening=ScreeningPlace(instant=1, **place))],
                at=NOW,
                origin=None,
            )
            assert not (await self.read_row(store, change)).repeats
            await change.put(
                [write("Observation", "s2", "p", segment, screening=ScreeningPlace(instant=None, **place))],
                at=NOW,
                origin=None,
            )
        async with store.snapshot() as view:
            rows = await view.siblings(row_key("Observation", "s1"))
            hits = (await view.search(1, query(), [row_key("Patient", "p")], None, at=NOW)).hits
        assert {row[1:] for row in rows} == {(1, 1), (None, 1)}
        assert {hit.id for hit in hits if hit.repeats} == {"s1", "s2"}

    async def read_row(self, store, change):
        del change
        async with store.snapshot() as view:
            found = await view.search(1, query(), [row_key("Patient", "p")], None, at=NOW)
        return found.hits[0]

    async def test_identity_links_are_symmetric_and_can_be_taken_back(self, store):
        one = IdentityFacts(patient=1, source="jail", keys=[b"k"], facts={"ssn": "x"})
        two = IdentityFacts(patient=2, source="ehr", keys=[b"k", b"l"], facts={})
        async with store.transaction() as change:
            assert await change.identify(one) == []
            assert await change.identify(two) == [one]
            assert await change.identify(two) is None
            await change.link(2, 1, rule="deterministic", at=NOW)
            assert await change.components([2, 1, 9]) == [{1, 2}, {9}]
            assert await change.linked(1) == [two]
            await change.unlink(1, 2, at=NOW + 5)
            assert await change.components([2]) == [{2}]
            await change.link(1, 2, rule="deterministic", at=NOW + 9)
        async with store.snapshot() as view:
            assert await view.joins(1) == [Join(2, NOW, NOW + 5), Join(2, NOW + 9, END)]
            assert [join.other for join in await view.joins(2)] == [1, 1]
            assert await view.joins(9) == []

    async def test_quarantine_keeps_position_and_reason(self, store):
        record = QuarantinedRecord(
            feed="f",
            receipt="r",
            ordinal=3,
            line=4,
            part="PID",
            code="bad-date",
            element="DOB",
            expected="a date",
            raw=b"\xff",
        )
        async with store.transaction() as change:
            await change.quarantine([record], at=NOW)
            await change.quarantine([record], at=NOW)
        (waiting,) = await store.quarantined("f")
        assert (waiting.line, waiting.part, waiting.code, waiting.raw) == (4, "PID", "bad-date", b"\xff")
        async with store.transaction() as change:
            await change.release_quarantined(waiting.id)
        assert await store.quarantined(None) == []

    async def test_progress_and_settings_come_back(self, store):
        async with store.transaction() as change:
            await change.set_progress("r", records=5, report=b"{}", done=False)
            await change.set_setting("s", b"v")
        assert await store.progress("r") == (5, b"{}", False)
        assert await store.setting("s") == b"v"
        assert await store.progress("x") is None
        assert await store.setting("x") is None
