"""Async tests run on asyncio; a county of a few people, subscribed to."""

from __future__ import annotations

import pytest
import subscribers
import worlds


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def world(tmp_path):
    """A county in which nothing is ingested yet."""
    opened = await worlds.open_site(tmp_path / "site", adjust=subscribers.register)
    opened.source = worlds.extracts(tmp_path / "extracts", people=24, seed=7)
    yield opened
    await opened.close()
