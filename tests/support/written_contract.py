"""What a store keeps of what clients wrote: subclassed once per implementation."""

from __future__ import annotations

import pytest
import store_contract as contract

from adapter.store.shapes import row_key
from adapter.store.written import Written, WrittenVersion

pytestmark = pytest.mark.anyio
NOBODYS = 9


def version(ident, *, kind="Observation", revision=1, source="chart", patient="p", numbers=(), refers=(), body=b"{}"):
    written = Written(
        rid=row_key(kind, ident),
        type=kind,
        id=ident,
        source=source,
        patient=row_key("Patient", patient),
        unit="clinic",
        revision=revision,
        version=f"{ident}.{revision}",
        updated=contract.NOW,
        body=body,
    )
    return WrittenVersion(written=written, identifiers=numbers, refers={row_key(*one) for one in refers})


class WrittenContract:
    async def hold(self, store, *versions, source="chart"):
        async with store.transaction() as change:
            writes = [contract.write(one.written.type, one.written.id, "p", 1) for one in versions]
            await change.put(writes, at=contract.NOW, origin=None)
            await change.put_written(source, versions)

    async def test_a_version_is_there_as_it_was_written_and_raises_the_mark_of_its_source(self, store):
        one = version("o1", body=b'{"value":1.50}')
        await self.hold(store, one)
        async with store.snapshot() as view:
            assert await view.written([one.written.rid, 5]) == {one.written.rid: one.written}
            assert await view.written_mark("chart") == 1
            assert await view.written_mark("other") == 0
            assert await view.written_of("chart", row_key("Patient", "p")) == [one.written.rid]
            assert await view.written_of("other", row_key("Patient", "p")) == []

    async def test_a_later_version_takes_the_place_with_all_that_finds_it(self, store):
        first = version("o1", numbers=[("s", "1"), ("", "2")], refers=[("Patient", "p"), ("Observation", "o2")])
        await self.hold(store, first)
        async with store.snapshot() as view:
            assert await view.written_as("chart", "Observation", "s", "1") == [first.written.rid]
            assert await view.written_as("chart", "Observation", "", "1") == []
            assert await view.written_as("chart", "Observation", None, "2") == [first.written.rid]
            assert await view.written_as("chart", "Patient", "s", "1") == []
            assert await view.written_as("other", "Observation", "s", "1") == []
            target = row_key("Observation", "o2")
            assert await view.referring([target]) == {target: {first.written.rid: "Observation"}}
        await self.hold(store, version("o1", revision=2, numbers=[("s", "3")]))
        async with store.snapshot() as view:
            assert (await view.written([first.written.rid]))[first.written.rid].version == "o1.2"
            assert await view.written_as("chart", "Observation", "s", "1") == []
            assert await view.written_as("chart", "Observation", "s", "3") == [first.written.rid]
            assert await view.referring([target]) == {}
            assert await view.written_mark("chart") == 2

    async def test_what_is_derived_is_told_with_all_it_was_derived_from(self, store):
        rids = [row_key("Observation", name) for name in ("o1", "o2", "s1")]
        await self.hold(store, version("o1"), version("o2"), version("s1"))
        async with store.transaction() as change:
            await change.rederive([], [(rids[2], rids[0]), (rids[2], rids[1]), (rids[2], rids[1])])
            assert await change.derived([rids[0]]) == {rids[2]: frozenset(rids[:2])}
            await change.rederive([(rids[2], rids[0])], [])
            assert await change.derived([rids[0]]) == {}
            assert await change.derived(rids[:2]) == {rids[2]: frozenset({rids[1]})}

    async def test_what_is_taken_back_is_in_no_answer_and_its_versions_stay(self, store):
        one = version("o1", numbers=[("s", "1")], refers=[("Patient", "p")])
        await self.hold(store, one)
        rid = one.written.rid
        async with store.transaction() as change:
            assert await change.take_back({rid: NOBODYS}, at=contract.NOW) == set()
        async with store.snapshot() as view:
            assert await view.written([rid]) == {}
            assert await view.written_as("chart", "Observation", "s", "1") == []
            assert await view.referring([row_key("Patient", "p")]) == {}
            stored = await view.row(rid)
            assert (stored.segment, stored.version) == (NOBODYS, "o1-1")
            assert await view.records([row_key("Patient", "p")], "Observation") == []
            (theirs,) = await view.theirs([row_key("Patient", "p")])
            assert (theirs.rid, theirs.segment) == (rid, 1)
        async with store.transaction() as change:
            assert await change.index_anew(lambda _: [], after=0, limit=10) == [rid]
        async with store.snapshot() as view:
            assert await view.records([row_key("Patient", "p")], "Observation") == []
        async with store.transaction() as change:
            assert rid in await change.belonging(row_key("Patient", "p")) or not await change.belonging(rid) - {rid}
            await change.put([contract.write("Observation", "o1", "p", 1)], at=contract.NOW, origin=None)
            await change.rederive([], [(rid, 5)])
            await change.index_anew(lambda _: [], after=0, limit=10)
        async with store.snapshot() as view:
            assert len(await view.records([row_key("Patient", "p")], "Observation")) == 1
            assert (await view.row(rid)).version == "o1-2"
            (theirs,) = await view.theirs([row_key("Patient", "p")])
            assert (theirs.rid, theirs.segment) == (rid, 1)

    async def test_a_patient_that_is_taken_back_is_linked_to_nobody(self, store):
        one, other = row_key("Patient", "p"), row_key("Patient", "q")
        await self.hold(store, version("p", kind="Patient"))
        async with store.transaction() as change:
            await change.link(one, other, rule="r", at=contract.NOW)
            assert await change.take_back({one: NOBODYS}, at=contract.NOW + 1) == {other}
            assert await change.components([other]) == [frozenset({other})]
        async with store.snapshot() as view:
            assert [join.until for join in await view.joins(other)] == [contract.NOW + 1]

    async def test_nothing_is_kept_of_a_change_that_fails(self, store):
        async def fails():
            async with store.transaction() as change:
                await change.put_written("chart", [version("o1")])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fails()
        async with store.snapshot() as view:
            assert await view.written_mark("chart") == 0
