"""The engine against the slow evaluator: random cases that can shrink, and cases on which they once disagreed.

The bulk of random cases is fuzzed in `tests/fuzz`.
"""

import json

import reference_evaluator
from consent_builders import answered, case, consent, deny, permit
from consent_strategies import lines
from hypothesis import given, reject, settings
from saved_cases import FOLDER, disagreement, smaller


@settings(max_examples=100, deadline=None)
@given(lines())
def test_both_evaluators_agree(line):
    try:
        expected = reference_evaluator.decide(line)
    except reference_evaluator.TooMuchUnknown:
        reject()
    assert answered(line)["effect"] == expected


def test_what_once_disagreed_agrees():
    for path in sorted(FOLDER.glob("*.json")):
        assert disagreement(json.loads(path.read_text(encoding="utf-8"))) == "", path.name


def test_a_disagreement_is_found_and_made_smaller(monkeypatch):
    """With a slow evaluator that lets everyone in."""
    line = case(consent(permit(deny(labels=["SUD"]), purposes=["TREAT"])), consent(deny(), id="d"))
    assert disagreement({"check": "reference", "line": line}) == ""
    monkeypatch.setattr("saved_cases.judged", lambda _: ("PERMIT", False))
    found = {"check": "reference", "line": line}
    assert "the slow evaluator says PERMIT" in disagreement(found)
    left = smaller(found)["line"]
    assert left["consents"] == []
    assert set(left["request"]) == {"at", "timezone"}
