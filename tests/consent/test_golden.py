"""What stands to the letter in `golden`: the words of every fault, and whole Consents made from signed forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from consent_builders import consent, permit
from signed_forms import CONDITION, PART2, PROCEEDINGS, RELEASE, authored

from adapter.consent.directive import read
from adapter.consent.share import recipients, share

GOLDEN = Path(__file__).parent / "golden"
FAULTS = yaml.safe_load((GOLDEN / "faults.yaml").read_text(encoding="utf-8"))
PAPERS = {
    "release": (RELEASE, {"part2": PART2}),
    "refusals": (RELEASE, {"refusals": [{"partner": "probation"}, {"classes": ["substance-use"]}]}),
    "condition": (CONDITION, {}),
    "proceedings": (PROCEEDINGS, {}),
    "revoked": (RELEASE, {"revocations": [{"at": "2026-04-01", "partners": ["pretrial"]}]}),
    "withdrawn": (RELEASE, {"revocations": [{"at": "2026-04-01", "partners": "all"}]}),
    "refused": (RELEASE, {"refused": True, "choices": []}),
}


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: json.dumps(case["given"]))
def test_a_fault_says_where_it_is_and_what_was_expected(case):
    made = {**consent(permit()), **case["given"]}
    made = {name: value for name, value in made.items() if value is not None or name == "text"}
    body = read(made).body
    assert (body.fault, body.typed) == (case["fault"], case.get("typed", False))


@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_and_its_shares_are_these_consents(name):
    document, given = PAPERS[name]
    made = authored(document, **given)
    shares = {recipient: share(made, recipient) for recipient in recipients(made)}
    assert json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8")) == {"consent": made, "shares": shares}


def test_nothing_is_kept_that_nobody_asks_for():
    assert {path.stem for path in GOLDEN.iterdir()} == {"faults", *PAPERS}
