"""OperationOutcomes say what is wrong and where."""

from __future__ import annotations

import pytest

from adapter.errors import Issue
from adapter.fhir.codec import parse
from adapter.fhir.outcome import outcome


def test_one_entry_for_each_issue(validator):
    issues = [
        Issue(path="Patient.gender", code="code-invalid", message="expected male"),
        Issue(path="", code="structure", message="expected an object"),
    ]
    body = parse(outcome(issues))
    assert validator.issues(body) == []
    assert body["issue"] == [
        {
            "severity": "error",
            "code": "code-invalid",
            "diagnostics": "expected male",
            "expression": ["Patient.gender"],
        },
        {"severity": "error", "code": "structure", "diagnostics": "expected an object"},
    ]


def test_the_codes_of_our_own_issues_are_issue_types(validator, facts):
    resource = {"resourceType": "Observation", "status": "zzz", "x": 1, "issued": "x", "subject": {}}
    codes = {issue.code for issue in validator.issues(resource)}
    assert codes == {"required", "code-invalid", "structure", "value", "invariant"}
    assert codes | {"too-long", "not-supported"} <= set(facts.listed("issue-type"))
    assert validator.valid(parse(outcome(validator.issues(resource), "fatal")))


def test_no_issue_is_no_outcome():
    with pytest.raises(ValueError, match="at least one"):
        outcome([])
