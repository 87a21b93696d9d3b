"""A county with registered clients and people in it, for tests of the whole way from a key to an answer."""

from __future__ import annotations

import pytest
import registered_clients
import worlds


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authorization")
    made = await worlds.open_site(folder / "site", adjust=registered_clients.register_all)
    await worlds.ingest_all(made, worlds.extracts(folder / "extracts", people=40, seed=7))
    await registered_clients.sign(made, "ana", "Organization/police-triage")
    await registered_clients.sign(made, "bo", "Organization/police")
    yield made
    await made.close()
