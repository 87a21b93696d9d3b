"""What every store must do with what people record: subclassed once per database."""

from __future__ import annotations

import apsw
import pytest
from store_contract import write

from adapter.store.shapes import END, Awaited, IdentityFacts, LegalAct, LegalFact, Revoked, row_key

NOW = 1_700_000_000_000_000
pytestmark = pytest.mark.anyio


def fact(ident="f1", *, patient=7, kind="K", start=NOW, stop=END, author="records desk", recorded=NOW):
    return LegalFact(
        id=ident,
        patient=patient,
        kind=kind,
        start=start,
        stop=stop,
        fact=b"{}",
        evidence=b'{"official":"warden"}',
        author=author,
        recorded=recorded,
        request=b"digest",
    )


class LegalContract:
    """Give a ``store`` fixture: a migrated, empty store."""

    async def test_what_was_recorded_of_a_person_ends_and_stays(self, store):
        async with store.transaction() as change:
            await change.record(fact())
            assert await change.recorded([7, 8]) == [fact()]
            assert await change.recorded_fact("f1") == fact()
            assert await change.recorded_fact("f2") is None
            assert await change.having_recorded("K", at=NOW) == {7}
            assert await change.end_recorded("f1", at=NOW + 5)
            assert not await change.end_recorded("f1", at=NOW + 5)
            assert not await change.end_recorded("f2", at=NOW + 5)
            assert [one.stop for one in await change.recorded([7])] == [NOW + 5]
            assert await change.having_recorded("K", at=NOW + 5) == set()

    async def test_what_has_not_begun_ends_before_it_begins(self, store):
        async with store.transaction() as change:
            await change.record(fact(start=NOW + 9))
            assert await change.end_recorded("f1", at=NOW)
            (one,) = await change.recorded([7])
        assert (one.start, one.stop) == (NOW + 9, NOW + 9)

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM legal_fact",
            "UPDATE legal_fact SET stop = stop + 1",
            "UPDATE legal_fact SET stop = stop - 1, author = 'another'",
            "UPDATE legal_fact SET evidence = x''",
            "DELETE FROM legal_act",
            "UPDATE legal_act SET words = ''",
            "DELETE FROM revocation",
            "UPDATE revocation SET body = x''",
        ],
    )
    async def test_nothing_of_it_is_ever_changed_or_removed(self, store, statement):
        async with store.transaction() as change:
            await change.record(fact(stop=NOW + 9))
            await change.add_act(LegalAct(fact="f1", act="reviewed", author="a", at=NOW, words="w"))
            await change.revoke(Revoked(feed="f", submission="s", person="p", body=b"{}", author="a", at=NOW))
        with pytest.raises(apsw.ConstraintError):
            store._writer.execute(statement)

    async def test_the_same_id_is_never_recorded_twice(self, store):
        async with store.transaction() as change:
            await change.record(fact())
            with pytest.raises(apsw.ConstraintError):
                await change.record(fact(patient=8))

    async def test_facts_of_a_kind_and_of_an_author_are_found(self, store):
        async with store.transaction() as change:
            await change.record(fact("f1", kind="J", recorded=NOW + 1))
            await change.record(fact("f2", kind="E", author="clinic"))
            await change.record(fact("f3", kind="J"))
            await change.record(fact("f4"))
            assert [one.id for one in await change.recorded_kinds(("E", "J"))] == ["f2", "f3", "f1"]
            assert await change.recordings("records desk", since=NOW - 1) == 3
            await change.record(fact("f5", author="clinic for jo"))
            await change.record(fact("f6", author="clinic forest"))
            assert await change.recordings("clinic", since=NOW - 1) == 2
            assert await change.recordings("records desk", since=NOW) == 1

    async def test_what_was_done_about_a_fact_is_told_in_order(self, store):
        acts = [LegalAct(fact="f1", act=act, author="a", at=NOW, words="w") for act in ("emergency:justified", "ended")]
        async with store.transaction() as change:
            for act in acts:
                await change.add_act(act)
            assert await change.acts("f1") == acts
            assert await change.acts("f2") == []

    async def test_an_awaited_person_is_recognised_by_any_key_and_joins_nothing(self, store):
        awaited = IdentityFacts(patient=99, source="awaited", keys=[b"k", b"l"], facts={"ssn": "x"})
        async with store.transaction() as change:
            await change.await_person(awaited)
            await change.await_person(awaited)
            assert await change.sharing(99) == []
            assert await change.awaited([1, 2]) == []
            for patient, key in ((1, b"k"), (2, b"l"), (3, b"m")):
                one = IdentityFacts(patient=patient, source="jail", keys=[key], facts={"ssn": "y"})
                assert await change.identify(one)
            assert await change.sharing(99) == [1, 2]
            assert await change.awaited([1, 2, 3]) == [
                Awaited(1, 99, {"ssn": "x"}, {"ssn": "y"}),
                Awaited(2, 99, {"ssn": "x"}, {"ssn": "y"}),
            ]
            assert await change.components([1, 2]) == [frozenset({1}), frozenset({2})]

    async def test_a_revocation_is_kept_once_for_its_form_and_person(self, store):
        def revoked(feed="f", person="p", body=b"{}"):
            return Revoked(feed=feed, submission="s", person=person, body=body, author="a", at=NOW)

        async with store.transaction() as change:
            for one in (revoked(), revoked(), revoked(body=b"[]"), revoked(person="q"), revoked(feed="g")):
                await change.revoke(one)
            assert await change.revocations("f") == {("s", "p"): [b"{}", b"[]"], ("s", "q"): [b"{}"]}
            assert await change.revocations("h") == {}

    async def test_the_segment_before_the_current_version_is_known(self, store):
        rid = row_key("Observation", "o")
        async with store.transaction() as change:
            first, second = [await change.intern("segment", body) for body in (b"one", b"two")]
            await change.put([write("Observation", "o", "p", first)], at=NOW, origin=None)
            assert await change.former_segments([rid]) == {}
            await change.put([write("Observation", "o", "p", second, content=b"new")], at=NOW, origin=None)
            assert await change.former_segments([rid]) == {rid: {first}}
