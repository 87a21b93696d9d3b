"""Worlds in which a client writes."""

from __future__ import annotations

import pytest
import worlds


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def world(tmp_path):
    made = await worlds.open_site(tmp_path / "site")
    yield made
    await made.close()
