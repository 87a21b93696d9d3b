"""The built-in registry, loaded once, and small builders of synthetic detail."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from adapter.summary.loinc import PinnedList
from adapter.summary.registry import Registry
from adapter.summary.vocabulary import LOINC

PROFILES = Path(__file__).parents[2] / "profiles"


@pytest.fixture(scope="session")
def loinc_document():
    return yaml.safe_load((PROFILES / "loinc.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def rows():
    return yaml.safe_load((PROFILES / "instruments.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def pinned(loinc_document):
    return PinnedList.load(loinc_document)


@pytest.fixture(scope="session")
def registry(rows, pinned):
    return Registry.load(rows, pinned)


@pytest.fixture(scope="session")
def observed():
    """An Observation of one code; keywords are further elements."""

    def build(code, system=LOINC, **elements):
        return {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": system, "code": code}]},
            "effectiveDateTime": "2026-03-02T08:15:30-07:00",
            **elements,
        }

    return build


@pytest.fixture(scope="session")
def responded():
    """A QuestionnaireResponse with answers by link id; keywords are further elements."""

    def build(answers, **elements):
        return {
            "resourceType": "QuestionnaireResponse",
            "status": "completed",
            "authored": "2026-03-02T08:15:30-07:00",
            "item": [{"linkId": name, "answer": [answer]} for name, answer in answers.items()],
            **elements,
        }

    return build
