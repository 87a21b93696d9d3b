"""Killed between any two statements of a write over FHIR: whole or not there at all, and there once if sent again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal

import pytest
import worlds
import writers
from writers import entry, urn

ADDRESS = "https://chart.example/result"
STATES = {
    "written": "SELECT type, count(*) FROM written w JOIN resource r ON r.rid = w.rid GROUP BY type ORDER BY type",
    "resources": "SELECT type, count(*) FROM resource WHERE patient <> 0 GROUP BY type ORDER BY type",
    "found": "SELECT type, count(*) FROM clinical GROUP BY type ORDER BY type",
    "numbers": "SELECT count(*) FROM written_identifier",
    "in force": "SELECT count(DISTINCT patient) FROM patient_policy WHERE patient <> 0",
    "known": "SELECT count(*) FROM identity",
}
POINTS = (2, 12, 27)
"""Statements of the writer at which it is killed; the last are those around its commit."""


def visit():
    number = {"system": ADDRESS, "value": "r1"}
    result = writers.phq9("x", identifier=[number]) | {"subject": {"reference": urn(1)}}
    return [
        entry("POST", "Patient", writers.patient("c1"), full_url=urn(1), ifNoneExist=f"identifier={writers.CHART}|c1"),
        entry("POST", "Observation", result, full_url=urn(2), ifNoneExist=f"identifier={ADDRESS}|r1"),
    ]


async def sent(folder, prepare=lambda _: None):
    """Open a site, send the visit; how it was answered, and what is held afterwards."""
    world = await worlds.open_site(folder, first_id=int.from_bytes(os.urandom(6), "big"))
    await writers.token(world)
    prepare(world)
    answer = await writers.transact(world, *visit())
    state = {name: world.rows(sql) for name, sql in STATES.items()}
    entries = await world.services.ledger.of_request(answer.headers["x-request-id"])
    await world.close()
    assert answer.status_code == 200
    assert len(entries) == 2
    return state


def killed_at(point):
    """What kills this process when the writer comes to its ``point``-th statement, where 0 is after the last."""

    def prepare(world):
        left = point

        def count(*_):
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return True

        world.services.store._writer.exec_trace = count

    return prepare


def run_and_die(folder, point):
    """In a process of its own; whether it was killed."""
    pid = os.fork()
    if not pid:
        try:
            asyncio.run(sent(folder, killed_at(point)))
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A site with nothing in it, and what it holds after one visit."""
    folder = tmp_path_factory.mktemp("site")

    async def opened():
        await (await worlds.open_site(folder / "empty")).close()

    asyncio.run(opened())
    shutil.copytree(folder / "empty", folder / "whole")
    return folder / "empty", asyncio.run(sent(folder / "whole"))


def statements(empty, tmp_path):
    """How many statements the writer runs for the visit."""
    made = []

    def prepare(world):
        world.services.store._writer.exec_trace = lambda *_: made.append(1) or True

    shutil.copytree(empty, tmp_path / "counted")
    asyncio.run(sent(tmp_path / "counted", prepare))
    return len(made)


def test_a_write_is_there_whole_or_not_at_all_and_once_when_it_is_sent_again(empty, tmp_path):
    site, whole = empty
    total = statements(site, tmp_path)
    assert total > POINTS[-1] + 2
    for point in (*POINTS, total - 1, total):
        folder = tmp_path / f"at-{point}"
        shutil.copytree(site, folder)
        assert run_and_die(folder, point)
        left = asyncio.run(held(folder))
        assert left["written"] in ([], whole["written"]), point
        assert left == whole or left["resources"] == [], point
        assert asyncio.run(sent(folder)) == whole, point


async def held(folder):
    world = await worlds.open_site(folder, first_id=10_000)
    state = {name: world.rows(sql) for name, sql in STATES.items()}
    await world.close()
    return state
