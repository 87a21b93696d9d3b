"""Every hit of random searches on random stores, and every resource that was no hit, is checked by an oracle."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
import search_worlds
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from search_oracle import PARAMETERS
from search_worlds import BASE

from adapter.fhir.parameters import PARAMETERS as OFFERED
from adapter.fhir.results import offered_includes, offered_revincludes, sorts

RANDOM = settings(max_examples=10, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
QUESTIONS = 80


def entries(bundle, mode):
    return [entry["resource"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == mode]


def names(bundle, mode):
    return [f"{one['resourceType']}/{one['id']}" for one in entries(bundle, mode)]


def onward(bundle):
    """The cursor of the next page, if there is one."""
    for link in bundle["link"]:
        if link["relation"] == "next":
            return link["url"].rpartition("_cursor=")[2]
    return None


async def pages(world, kind, pairs):
    """Every page of a search."""
    got, cursor = [], None
    while True:
        got.append(await world.ask(kind, [*pairs, *([("_cursor", cursor)] if cursor else [])]))
        cursor = onward(got[-1])
        if cursor is None:
            return got


def plain(resource):
    """A resource as it was put: without what the store and the gate add."""
    return {key: value for key, value in resource.items() if key not in {"meta", "link"}}


@pytest.mark.anyio
@RANDOM
@given(seed=st.integers(0, 2**32))
async def test_searches_find_what_the_oracle_finds(tmp_path_factory, seed):
    random = Random(seed)  # noqa: S311 - no secret
    oracle = search_worlds.draw_held(random, 45)
    world = await search_worlds.open_world(tmp_path_factory.mktemp("oracle"), oracle)
    hits = 0
    for _ in range(QUESTIONS):
        kind = random.choice(list(PARAMETERS))
        pairs = search_worlds.draw_query(random, kind, oracle)
        expected = {one.name: one.resource for one in oracle.found(kind, pairs)}
        sort = [key if random.random() < 0.5 else f"-{key}" for key in random.sample(sorts(kind), random.randint(0, 2))]
        shaped = [("_count", str(random.choice([1, 2, 7, 200])))] + ([("_sort", ",".join(sort))] if sort else [])
        got = await pages(world, kind, [*pairs, *shaped])
        told = search_worlds.shown([kind, pairs, sort])
        found = [one for page in got for one in entries(page, "match")]
        assert {page["total"] for page in got} == {len(expected)}, told
        assert [plain(one) for one in sorted(found, key=lambda one: one["id"])] == sorted(
            expected.values(), key=lambda one: one["id"]
        ), told
        in_order(oracle, [f"{kind}/{one['id']}" for one in found], sort, told)
        counted = await world.ask(kind, [*pairs, random.choice([("_summary", "count"), ("_count", "0")])])
        assert (counted["total"], entries(counted, "match")) == (len(expected), []), told
        hits += len(expected)
    await world.close()
    assert hits > 0


def in_order(oracle, found, sort, told):
    """Each hit is at or behind the one before it, by the first key that tells them apart."""
    held = {one.name: one for one in oracle.held}
    for before, after in pairwise(found):
        for key in sort:
            one, other = oracle.place(held[before], key), oracle.place(held[after], key)
            if one != other:
                assert (one > other) is key.startswith("-"), told
                break


@pytest.mark.anyio
@RANDOM
@given(seed=st.integers(0, 2**32))
async def test_what_comes_along_is_what_the_oracle_brings(tmp_path_factory, seed):
    random = Random(seed)  # noqa: S311 - no secret
    oracle = search_worlds.draw_held(random, 60)
    world = await search_worlds.open_world(tmp_path_factory.mktemp("oracle"), oracle)
    held, brought = {one.name: one for one in oracle.held}, 0
    for _ in range(QUESTIONS // 2):
        kind = random.choice(list(PARAMETERS))
        offered = [("_include", one) for one in offered_includes(kind)]
        offered += [("_revinclude", one) for one in offered_revincludes(kind)]
        includes = random.sample(offered, min(len(offered), random.randint(1, 3)))
        pairs = [*search_worlds.draw_query(random, kind, oracle)[:1], ("_count", random.choice(["2", "200"]))]
        for page in await pages(world, kind, pairs + includes):
            hits = [held[name] for name in names(page, "match")]
            expected = set()
            for key, value in includes:
                expected |= oracle.along(hits, (key, *value.split(":"), ""))
            along = entries(page, "include")
            told = search_worlds.shown([kind, pairs, includes])
            assert sorted(names(page, "include")) == sorted(expected), told
            assert all(plain(one) == held[f"{one['resourceType']}/{one['id']}"].resource for one in along), told
            brought += len(along)
        assert await world.passed() == sorted(names(page, "match") + names(page, "include"))
    await world.close()
    assert brought > 0


@pytest.mark.anyio
@RANDOM
@given(seed=st.integers(0, 2**32))
async def test_without_what_is_withheld_every_answer_is_the_same(tmp_path_factory, seed):
    random = Random(seed)  # noqa: S311 - no secret
    oracle = search_worlds.draw_held(random, 45)
    worlds = [
        await search_worlds.open_world(tmp_path_factory.mktemp("oracle"), oracle, hidden=hidden)
        for hidden in (True, False)
    ]
    for _ in range(QUESTIONS):
        kind = random.choice(list(PARAMETERS))
        pairs = search_worlds.draw_query(random, kind, oracle)
        offered = [("_include", one) for one in offered_includes(kind)]
        offered += [("_revinclude", one) for one in offered_revincludes(kind)]
        pairs += random.sample(offered, min(len(offered), 2))
        pairs += [("_count", random.choice(["1", "3", "200"])), ("_sort", random.choice(sorts(kind)))]
        pairs += random.choice([[], [("_summary", "true")], [("_summary", "data")], [("_total", "none")]])
        whole, less = [await pages(world, kind, pairs) for world in worlds]
        assert whole == less, search_worlds.shown([kind, pairs])
    for world in worlds:
        await world.close()


def test_the_parameters_of_the_oracle_are_those_on_offer():
    assert {kind: {*table, "_id", "_lastUpdated"} for kind, table in PARAMETERS.items()} == {
        kind: set(table) for kind, table in OFFERED.items()
    }
    assert BASE == search_worlds.BASE
