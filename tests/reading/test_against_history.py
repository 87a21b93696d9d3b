"""Versions, `$everything` and exports against a slow account of the same history, at every moment of it."""

from __future__ import annotations

import asyncio
from random import Random

import orjson
import pytest
import reading_worlds as rw
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adapter.errors import NotFound
from adapter.services.bulk_files import Order
from adapter.services.everything import Wanted
from adapter.services.versions import Window

pytestmark = pytest.mark.anyio
HISTORIES = settings(
    max_examples=12, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), derandomize=True
)


async def still():
    """The token holds."""


async def history_of(world, name, window, caller):
    """Every page of a history: total and version ids."""
    found, after, totals = [], None, set()
    while True:
        page = await world.versions.history(caller(), *name, window, after)
        totals.add(page.total)
        found += [served.version for served in page.served]
        assert await world.passed() == [("/".join(name), served.version) for served in page.served]
        after = page.next
        if after is None:
            (total,) = totals
            return total, found


@HISTORIES
@given(seed=st.integers(0, 10_000))
async def test_a_history_holds_the_versions_that_may_be_given_and_no_other(tmp_path_factory, seed):
    random = Random(seed)  # noqa: S311 - a drawn example
    history = rw.draw_history(random)
    world = await rw.open_history(tmp_path_factory.mktemp("history"), history)
    for moment in (10, 12):
        world.at = rw.instant(moment)
        for name, chain in history.versions.items():
            seen = history.seen_versions(name, moment)
            window = Window(count=random.choice([1, 2, 50]))
            if seen:
                expected = [rw.version_id(name, one) for one in seen]
                assert await history_of(world, name, window, world.caller) == (len(seen), expected)
            else:
                with pytest.raises(NotFound):
                    await world.versions.history(world.caller(), *name, window, None)
                assert await world.passed() == []
            for version in chain:
                if version in seen:
                    served = await world.versions.vread(world.caller(), *name, rw.version_id(name, version))
                    assert orjson.loads(served.body)["language"] == f"n{version.number}"
                else:
                    with pytest.raises(NotFound):
                        await world.versions.vread(world.caller(), *name, rw.version_id(name, version))
                    assert await world.passed() == []
    await world.close()


@HISTORIES
@given(seed=st.integers(0, 10_000))
async def test_versions_are_wanted_by_time_as_if_the_others_had_never_been(tmp_path_factory, seed):
    random = Random(seed)  # noqa: S311 - a drawn example
    history = rw.draw_history(random)
    world = await rw.open_history(tmp_path_factory.mktemp("history"), history)
    world.at = rw.instant(12)
    for name in history.versions:
        seen = history.seen_versions(name, 12)
        low, high = sorted([random.randrange(12), random.randrange(12)])
        since = random.randrange(12)
        window = Window(since=rw.instant(since), low=rw.instant(low), high=rw.instant(high) + 1, count=50)
        wanted, until = [], 99
        for one in seen:
            if one.moment >= since and one.moment <= high and until > low:
                wanted.append(rw.version_id(name, one))
            until = one.moment
        if seen:
            page = await world.versions.history(world.caller(), *name, window, None)
            assert [served.version for served in page.served] == wanted
    await world.close()


@HISTORIES
@given(seed=st.integers(0, 10_000))
async def test_everything_of_a_person_is_what_is_permitted_of_its_visible_records(tmp_path_factory, seed):
    random = Random(seed)  # noqa: S311 - a drawn example
    history = rw.draw_history(random)
    world = await rw.open_history(tmp_path_factory.mktemp("history"), history)
    world.at = rw.instant(12)
    for person in rw.PEOPLE:
        since = random.choice([None, None, random.randrange(12)])
        types = random.choice([(), (), ("Observation",), ("Encounter", "Patient")])
        wanted = Wanted(
            types=types, since=None if since is None else rw.instant(since), count=random.choice([1, 3, 50])
        )
        if not history.sees(person, 12):
            with pytest.raises(NotFound):
                await world.everything.of(world.caller(), person, wanted, None)
            continue
        reached = history.reach(person, 12)
        expected = {
            name
            for name, whose in history.whose.items()
            if whose in reached and history.readable(name, 12) and (not types or name[0] in types)
            if since is None or history.versions[name][-1].moment >= since
        }
        found, after = [], None
        while True:
            page = await world.everything.of(world.caller(), person, wanted, after)
            assert page.total == len(expected)
            assert len(page.served) == wanted.count or page.next is None
            assert [one for one, _ in await world.passed()] == [f"{one.type}/{one.id}" for one in page.served]
            found += [(one.type, one.id) for one in page.served]
            after = page.next
            if after is None:
                break
        assert len(found) == len(set(found))
        assert set(found) == expected
        order = ["Patient", "Encounter", "Observation"]
        assert [name[0] for name in found] == sorted((name[0] for name in found), key=order.index)
    await world.close()


async def exported(world, order, **changed):
    """The ids of each type of an export, each once, and that the ledger has them."""
    ident = await world.bulk.kick_off(world.caller(**changed), order)
    while (manifest := await world.bulk.status(world.caller(**changed), ident)) is None:  # noqa: ASYNC110 - as clients do
        await asyncio.sleep(0)
    found = {}
    for number, file in enumerate(manifest.files):
        chunks = world.bulk.download(world.caller(**changed), ident, number, still)
        lines = [line for chunk in [one async for one in chunks] for line in chunk.splitlines()]
        ids = [orjson.loads(line)["id"] for line in lines]
        assert [name for name, _ in await world.passed()] == [f"{file.kind}/{ident}" for ident in ids]
        found.setdefault(file.kind, []).extend(ids)
    return found


def sets(found):
    for ids in found.values():
        assert len(ids) == len(set(ids))
    return {kind: set(ids) for kind, ids in found.items() if ids}


def expected_of(history, moment, since=None, members=None):
    found = {kind: history.exported(kind, moment, since, members) for kind in ("Patient", "Observation", "Encounter")}
    return {kind: ids for kind, ids in found.items() if ids}


@HISTORIES
@given(seed=st.integers(0, 10_000))
async def test_an_export_holds_what_is_permitted_and_since_then_also_what_became_so(tmp_path_factory, seed):
    history = rw.draw_history(Random(seed))  # noqa: S311 - a drawn example
    world = await rw.open_history(tmp_path_factory.mktemp("history"), history)
    for moment in (10, 12):
        world.at = rw.instant(moment)
        assert sets(await exported(world, Order(request="x"))) == expected_of(history, moment)
        for since in range(0, moment + 1, 2):
            found = await exported(world, Order(request="x", since=rw.instant(since)))
            assert sets(found) == expected_of(history, moment, since)
    await world.close()


@HISTORIES
@given(seed=st.integers(0, 10_000))
async def test_a_group_is_its_members_and_the_records_that_are_seen_to_be_the_same(tmp_path_factory, seed):
    random = Random(seed)  # noqa: S311 - a drawn example
    history = rw.draw_history(random)
    world = await rw.open_history(tmp_path_factory.mktemp("history"), history)
    members = {person: random.choice([2, 6]) for person in random.sample(rw.PEOPLE, 2)}
    ident = ""
    for moment in (2, 6):
        world.at = rw.instant(moment)
        there = [person for person, came in members.items() if came <= moment]
        made = await (
            world.groups.update(world.caller(), ident, "", [*there, "absent"])
            if ident
            else world.groups.create(world.caller(), "", [*there, "absent"])
        )
        ident = made.id
    world.at = rw.instant(12)
    shown = (await world.groups.group(world.caller(), ident)).members
    assert set(shown) == {person for person in members if history.sees(person, 12)}
    for since in (None, 1, 4, 7, 11):
        order = Order(request="x", group=ident, since=None if since is None else rw.instant(since))
        found = await exported(world, order, rights=frozenset())
        assert sets(found) == expected_of(history, 12, since, list(members.items()))
    await world.close()


def chain_of(signed, links):
    """Three people, each with a Patient and a record; each signed at a moment, and links at theirs."""
    made = rw.History()
    for number, person in enumerate(rw.PEOPLE[:3]):
        for name in (("Patient", person), ("Observation", f"o{number}")):
            made.whose[name] = person
            made.versions[name] = [rw.Version(0, "s0", number)]
            made.events.append((0, "put", (name, made.versions[name][0])))
    for person, moment in zip(rw.PEOPLE, signed, strict=False):
        made.spans[person] = [(moment, [(0, "some")])]
        made.events.append((moment, "sign", (person, [(0, "some")])))
    for moment, one, other in links:
        made.links.append((moment, one, other))
        made.events.append((moment, "link", (one, other)))
    made.events.sort(key=lambda event: event[0])
    return made


@pytest.mark.parametrize(
    ("signed", "links", "whole"),
    [
        ((1, 1, 1), [(2, "p0", "p1"), (2, "p1", "p2")], ()),
        ((1, 1, 1), [(2, "p0", "p1"), (6, "p1", "p2")], ("p2",)),
        ((1, 1, 1), [(6, "p0", "p1"), (2, "p1", "p2")], ("p1", "p2")),
        ((1, 6, 1), [(2, "p0", "p1"), (2, "p1", "p2")], ("p1", "p2")),
        ((6, 1, 1), [(2, "p0", "p1"), (2, "p1", "p2")], ("p0", "p1", "p2")),
    ],
)
async def test_whom_a_group_came_to_reach_since_is_there_in_full(tmp_path, signed, links, whole):
    history = chain_of(signed, links)
    world = await rw.open_history(tmp_path, history)
    world.at = rw.instant(2)
    made = await world.groups.create(world.caller(), "", ["p0"])
    world.at = rw.instant(12)
    found = await exported(world, Order(request="x", group=made.id, since=rw.instant(4)))
    numbers = [rw.PEOPLE.index(person) for person in whole]
    assert sets(found).get("Observation", set()) == {f"o{number}" for number in numbers}
    assert sets(found).get("Patient", set()) == set(whole)
    assert sets(found) == expected_of(history, 12, 4, [("p0", 2)])
    await world.close()


@HISTORIES
@given(seed=st.integers(0, 10_000))
async def test_withheld_versions_change_nothing(tmp_path_factory, seed):
    """Without them, with the decision's inputs as they are, every answer is the same."""
    random = Random(seed)  # noqa: S311 - a drawn example
    history = rw.draw_history(random)
    answers = []
    for only in (None, lambda name, one: one in history.seen_versions(name, 12)):
        world = await rw.open_history(tmp_path_factory.mktemp("history"), history, only=only)
        world.at = rw.instant(12)
        got = {}
        for name in history.versions:
            try:
                page = await world.versions.history(world.caller(), *name, Window(count=2), None)
                got[name] = (page.total, page.served, page.next)
                got["read", name] = await world.versions.read(world.caller(), *name)
            except NotFound:
                got[name] = None
            for version in history.versions[name]:
                try:
                    asked = rw.version_id(name, version)
                    got["vread", name, asked] = await world.versions.vread(world.caller(), *name, asked)
                except NotFound:
                    got["vread", name, rw.version_id(name, version)] = None
        for person in rw.PEOPLE:
            try:
                page = await world.everything.of(world.caller(), person, Wanted(count=3), None)
                got["everything", person] = (page.total, page.served, page.next)
            except NotFound:
                got["everything", person] = None
        for since in (None, 3, 8):
            order = Order(request="x", since=None if since is None else rw.instant(since))
            got["export", since] = await exported(world, order)
        answers.append(got)
        await world.close()
    assert answers[0] == answers[1]
