"""Options of the test run."""

from __future__ import annotations

import pytest
from fastapi.dependencies import models


def pytest_addoption(parser):
    parser.addoption("--histories", type=int, default=2, help="random histories of which subscribers are told")
    parser.addoption("--kills", type=int, default=4, help="how often a server is killed under a live MLLP sender")


@pytest.fixture(scope="module", autouse=True)
def _forgotten_applications():
    """FastAPI remembers the routes of every application ever made, and with them whole sites of earlier tests."""
    yield
    for remembered in vars(models).values():
        if hasattr(remembered, "cache_clear"):
            remembered.cache_clear()
