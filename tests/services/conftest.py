"""Sites for the tests of the services: one that all tests of a module may add people to, and fresh ones."""

from __future__ import annotations

import pytest
import worlds


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def world(tmp_path):
    made = await worlds.open_site(tmp_path / "site")
    yield made
    await made.close()
