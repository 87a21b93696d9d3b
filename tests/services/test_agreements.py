"""What agreements give a partner, and that every mistake in them is told."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import yaml

from adapter.assets import copy_fictional_county
from adapter.errors import ConfigurationError
from adapter.services.agreements import purposes_of, read_agreements, rights_of

ZONE = ZoneInfo("America/Denver")
PARTNERS = ("jail", "pretrial", "cottonwood")


def document(**changed):
    return {
        "agreement": "mou",
        "title": "Memorandum",
        "authority": "resolution 1",
        "parties": list(PARTNERS),
        "start": "2026-01-01",
        "end": "2026-12-31",
        "contact": "privacy officer",
        "grants": [
            {
                "recipient": "pretrial",
                "purposes": ["pretrial-release"],
                "classes": ["screening-summary"],
                "regimes": ["hipaa"],
            },
            {
                "recipient": "cottonwood",
                "purposes": ["TREAT"],
                "classes": ["screening-summary"],
                "regimes": ["hipaa"],
                "rights": ["population-search"],
            },
        ],
    } | changed


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1_000_000)


def read(**changed):
    return read_agreements({"agreements/mou.yaml": document(**changed)}, PARTNERS)


def mistakes(*documents):
    with pytest.raises(ConfigurationError) as caught:
        read_agreements({f"agreements/{n}.yaml": one for n, one in enumerate(documents)}, PARTNERS)
    return caught.value.problems


def test_purposes_and_rights_are_those_of_the_grants():
    found = read()
    assert purposes_of(found, "pretrial", at=at("2026-06-01"), zone=ZONE) == {"pretrial-release"}
    assert rights_of(found, "pretrial", at=at("2026-06-01"), zone=ZONE) == set()
    assert rights_of(found, "cottonwood", at=at("2026-06-01"), zone=ZONE) == {"population-search"}
    assert purposes_of(found, "jail", at=at("2026-06-01"), zone=ZONE) == set()


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("2025-12-31T23:59:59", False),
        ("2026-01-01T00:00:00", True),
        ("2026-12-31T23:59:59", True),
        ("2027-01-01T00:00:00", False),
    ],
)
def test_an_agreement_holds_from_its_first_day_through_its_last(when, holds):
    assert bool(purposes_of(read(), "pretrial", at=at(when), zone=ZONE)) is holds


def test_an_agreement_without_an_end_goes_on():
    assert purposes_of(read(end=None), "pretrial", at=at("2090-01-01"), zone=ZONE)


def test_every_mistake_of_every_agreement_is_told_at_once():
    found = mistakes(document(parties=[*PARTNERS, "nobody"]), document(authority="", grants=[]))
    told = {(problem.where, problem.path) for problem in found}
    assert told == {
        ("agreements/0.yaml", "parties"),
        ("agreements/1.yaml", "authority"),
        ("agreements/1.yaml", "grants"),
    }
    (stranger,) = [problem for problem in found if problem.path == "parties"]
    assert "nobody" in stranger.message
    assert stranger.expected == "cottonwood, jail, pretrial"


def test_the_agreement_of_the_fictional_county_is_sound(tmp_path):
    copy_fictional_county(tmp_path)
    partners = yaml.safe_load((tmp_path / "partners.yaml").read_text())["partners"]
    body = yaml.safe_load((tmp_path / "agreements" / "memorandum.yaml").read_text())
    (found,) = read_agreements({"agreements/memorandum.yaml": body}, partners)
    assert purposes_of([found], "probation", at=at("2026-06-01"), zone=ZONE) == {"supervision"}
