"""A county of 2,000 people, written once for all tests that look into its files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from adapter.fictional.county import write_county
from adapter.fictional.truth import read

if TYPE_CHECKING:
    from pathlib import Path

    from adapter.fictional.county import Summary
    from adapter.fictional.truth import TruePerson

AS_OF = datetime.fromisoformat("2026-11-22T12:00:00-07:00")
SEED = 20261122


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A county on disk with what its generator says of it."""

    folder: Path
    summary: Summary
    truth: list[TruePerson]


@pytest.fixture(scope="session")
def county(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alder")
    summary = write_county(folder, people=2_000, seed=SEED, as_of=AS_OF)
    return Written(folder=folder, summary=summary, truth=list(read(folder / "truth.ndjson")))


@pytest.fixture(scope="session")
def as_of():
    return AS_OF


@pytest.fixture(scope="session")
def seed():
    return SEED
