"""Versions, `$everything`, exports and groups give nothing that the scopes of a token do not hold."""

from __future__ import annotations

import asyncio
from random import Random

import orjson
import pytest
import reading_worlds as rw
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adapter.errors import NotFound, OutOfScope
from adapter.fhir.scopes import Scopes, read_scopes
from adapter.services.bulk_files import Order
from adapter.services.everything import Wanted
from adapter.services.versions import Window

pytestmark = pytest.mark.anyio
TYPES = {"Patient", "Observation", "Encounter", "Group"}
FEW = settings(
    max_examples=6, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), derandomize=True
)


def scopes(text):
    return Scopes(read_scopes(text, TYPES), base_url="https://gate.example/fhir", zone=rw.ZONE)


@pytest.fixture
async def world(tmp_path):
    history = rw.draw_history(Random(3))  # noqa: S311 - a drawn example
    made = await rw.open_history(tmp_path, history)
    made.at = rw.instant(12)
    yield made
    await made.close()


async def refused(world, asking):
    with pytest.raises(OutOfScope):
        await asking
    entries = await world.ledger.of_request(f"q{world._asked}")
    assert [entry.outcome for entry in entries] == ["403 scope"]


async def test_each_interaction_needs_its_letter(world):
    search, read = scopes("system/*.s"), scopes("system/*.r")
    await refused(world, world.versions.vread(world.caller(scopes=search), "Observation", "o0", "v"))
    await refused(
        world, world.versions.history(world.caller(scopes=search), "Observation", "o0", Window(count=1), None)
    )
    await refused(world, world.everything.of(world.caller(scopes=read), "p0", Wanted(count=1), None))
    for narrow in (search, read):
        await refused(world, world.bulk.kick_off(world.caller(scopes=narrow), Order(request="x")))
    both = scopes("system/Patient.rs system/Observation.rs")
    named = Order(request="x", types=("Observation", "Encounter"))
    await refused(world, world.bulk.kick_off(world.caller(scopes=both), named))
    await refused(
        world, world.everything.of(world.caller(scopes=both), "p0", Wanted(types=("Encounter",), count=1), None)
    )
    await refused(world, world.groups.create(world.caller(scopes=both), "", []))
    keeper = scopes("system/Group.cr")
    made = await world.groups.create(world.caller(scopes=keeper), "", ["p0", "p1"])
    assert made.members == ()
    await refused(world, world.groups.update(world.caller(scopes=keeper), made.id, "", []))
    await refused(world, world.groups.delete(world.caller(scopes=keeper), made.id))
    await refused(world, world.bulk.kick_off(world.caller(scopes=both), Order(request="x", group=made.id)))


async def still():
    """The token holds."""


@FEW
@given(seed=st.integers(0, 10_000))
async def test_what_a_scope_narrows_is_narrowed_version_by_version(tmp_path_factory, seed):
    history = rw.draw_history(Random(seed))  # noqa: S311 - a drawn example
    world = await rw.open_history(tmp_path_factory.mktemp("scopes"), history)
    world.at = rw.instant(12)
    narrow = scopes("system/Patient.rs system/Observation.rs?status=final")

    def held(name):
        return rw.status(history.versions[name][-1]) == "final" and history.readable(name, 12)

    observations = [name for name in history.versions if name[0] == "Observation"]
    for name in observations:
        asking = world.versions.history(world.caller(scopes=narrow), *name, Window(count=50), None)
        if not held(name):
            with pytest.raises(NotFound):
                await asking
            continue
        seen = [one for one in history.seen_versions(name, 12) if rw.status(one) == "final"]
        page = await asking
        assert [one.version for one in page.served] == [rw.version_id(name, one) for one in seen]
        assert page.total == len(seen)
    expected = {name[1] for name in observations if held(name)}
    ident = await world.bulk.kick_off(world.caller(scopes=narrow), Order(request="x"))
    while (manifest := await world.bulk.status(world.caller(scopes=narrow), ident)) is None:  # noqa: ASYNC110 - as clients
        await asyncio.sleep(0)
    got = set()
    for number, file in enumerate(manifest.files):
        assert file.kind in {"Patient", "Observation"}
        chunks = [one async for one in world.bulk.download(world.caller(scopes=narrow), ident, number, still)]
        if file.kind == "Observation":
            got |= {orjson.loads(line)["id"] for chunk in chunks for line in chunk.splitlines()}
    assert got == expected
    for person in rw.PEOPLE:
        if history.sees(person, 12):
            page = await world.everything.of(world.caller(scopes=narrow), person, Wanted(count=100), None)
            mine = {name[1] for name in observations if held(name) and history.whose[name] in history.reach(person, 12)}
            assert {one.id for one in page.served if one.type == "Observation"} == mine
            assert page.total == len(page.served)
    await world.close()
