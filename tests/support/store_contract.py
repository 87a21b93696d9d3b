"""What every store must do, whatever the database: subclassed once per implementation."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from adapter.consent.bases import CONSENT, EMERGENCY, custody
from adapter.errors import SallyportError
from adapter.fhir.search import Alternative, Filter, IndexRow, Query
from adapter.store.clients import ClientEvent
from adapter.store.shapes import (
    BEGINNING,
    DENY,
    END,
    EXCEPTION,
    NOTHING_SAID,
    BoundRow,
    IdentityFacts,
    LastWord,
    PolicySpan,
    QuarantinedRecord,
    ResourceWrite,
    RuleRow,
    ScreeningPlace,
    TokenRow,
    UserEvent,
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
        assert after_seed.version == "q-1"
        assert (await store.counts())["resource_history"] == 0

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

    async def test_tokens_are_found_by_digest(self, store):
        row = TokenRow(
            digest=b"d",
            client="c",
            organisation="Organization/o",
            purposes=("a", "b"),
            rights=("r",),
            expires=NOW,
        )
        await store.add_token(row)
        assert await store.token(b"d") == row
        assert await store.token(b"e") is None

    async def test_tokens_are_listed_in_the_order_of_their_issue_and_revoked_once(self, store):
        rows = [
            TokenRow(
                digest=bytes([n]),
                client=f"c{n}",
                organisation="Organization/o",
                purposes=(),
                rights=("feed:x",),
                expires=NOW,
                user="u" if n else "",
                issued=NOW - n,
            )
            for n in range(3)
        ]
        for row in rows:
            await store.add_token(row)
        assert await store.tokens() == rows[::-1]
        async with store.transaction() as change:
            assert await change.revoke_token(b"\x01")
            assert not await change.revoke_token(b"\x01")
            assert not await change.revoke_token(b"\x09")
        assert [row.revoked for row in await store.tokens()] == [False, True, False]
        assert (await store.token(b"\x01")).revoked

    async def test_an_assertion_is_spent_once_and_remembered_until_it_expires(self, store):
        spend = {"expires": NOW + 10, "tokens_until": 0}
        found = await asyncio.gather(*(store.spend_assertion(b"a", at=NOW, **spend) for _ in range(64)))
        assert sorted(found) == [False] * 63 + [True]
        assert await store.spend_assertion(b"b", at=NOW, **spend)
        assert not await store.spend_assertion(b"a", at=NOW + 9, **spend)
        assert await store.spend_assertion(b"a", at=NOW + 10, expires=NOW + 20, tokens_until=0)

    async def test_expired_tokens_of_registered_clients_are_forgotten_and_no_others(self, store):
        row = TokenRow(digest=b"", client="c", organisation="Organization/o", purposes=("a",), rights=(), expires=NOW)
        await store.add_token(replace(row, digest=b"own"))
        for digest, expires in ((b"old", NOW), (b"new", NOW + 1)):
            assert await store.add_client_token(replace(row, digest=digest, expires=expires, scopes="system/*.r"))
        await store.spend_assertion(b"a", expires=NOW, at=NOW, tokens_until=NOW)
        assert {one.digest for one in await store.tokens()} == {b"own", b"new"}
        assert (await store.token(b"new")).scopes == "system/*.r"

    async def test_a_client_that_is_shut_out_gets_no_token_until_it_is_let_in_again(self, store):
        row = TokenRow(
            digest=b"d", client="c", organisation="Organization/o", purposes=(), rights=(), expires=NOW, scopes="-"
        )
        said = [
            ClientEvent(client=client, kind=kind, author="a", words="w", at=NOW)
            for client, kind in (("c", "stopped"), ("d", "restored"), ("c", "restored"))
        ]
        kept = []
        for event in said:
            async with store.transaction() as change:
                await change.add_client_event(event)
            kept.append((await store.client_stopped("c"), await store.add_client_token(row)))
        assert kept == [(True, False), (True, False), (False, True)]
        assert await store.client_events() == said
        assert not await store.client_stopped("never heard of")

    async def test_a_token_comes_with_the_last_word_of_its_user_in_its_organisation(self, store):
        row = TokenRow(
            digest=b"d", client="c", organisation="Organization/o", purposes=("a",), rights=(), expires=NOW, user="u"
        )
        await store.add_token(row)
        said = [
            UserEvent(kind="signed", user="u", organisation="Organization/o", at=NOW, text_hash=b"\x00 one"),
            UserEvent(kind="signed", user="u", organisation="Organization/p", at=NOW + 1, text_hash=b"other place"),
            UserEvent(kind="signed", user="v", organisation="Organization/o", at=NOW + 2, text_hash=b"other user"),
            UserEvent(kind="departed", user="u", organisation="Organization/o", at=NOW - 5),
        ]
        words = [await self._last_word(store)]
        for event in said:
            async with store.transaction() as change:
                await change.add_user_event(event)
            words.append(await self._last_word(store))
        first = LastWord(kind="signed", text_hash=b"\x00 one", at=NOW)
        assert words == [NOTHING_SAID, first, first, first, LastWord(kind="departed", text_hash=b"", at=NOW - 5)]
        assert await store.user_events() == said
        assert await store.user_events("v") == [said[2]]

    async def _last_word(self, store):
        return (await store.token(b"d")).last_word

    async def test_what_a_user_signed_is_kept_whole_and_survives_nothing_else(self, store):
        event = UserEvent(
            kind="signed",
            user="c.reyes",
            organisation="Organization/police",
            at=NOW,
            name="Cam Reyes",
            role="officer",
            client="car-7",
            agreement="users",
            version="1",
            text_hash=bytes(range(32)),
            certified=("one", "two"),
        )

        async def interrupted():
            async with store.transaction() as change:
                await change.add_user_event(event)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await interrupted()
        assert await store.user_events() == []
        async with store.transaction() as change:
            await change.add_user_event(event)
        assert await store.user_events() == [event]
