"""The benchmarks are scripts beside each other; their tests import them as they import one another."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))


@pytest.fixture(autouse=True)
def documents_read_fast(monkeypatch):
    """The same documents by the C parser: every test here opens sites of its own."""
    monkeypatch.setattr(yaml, "safe_load", lambda text: yaml.load(text, Loader=yaml.CSafeLoader))
