"""The walk's own corner: arrays of primitives beside arrays of their extensions."""

from __future__ import annotations

import pytest

from adapter.fhir.structure import aligned, structure_issues

E = {"extension": [{"url": "u", "valueCode": "x"}]}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ({"given": ["A", "B"]}, True),
        ({"given": ["A", None], "_given": [None, E]}, True),
        ({"_given": [E]}, True),
        ({"given": ["A", "B"], "_given": [E, E]}, True),
        ({"given": ["A", None]}, False),
        ({"given": ["A"], "_given": [None]}, True),
        ({"given": ["A", None], "_given": [E, None]}, False),
        ({"given": ["A"], "_given": [E, E]}, False),
        ({"_given": [E, None]}, False),
    ],
)
def test_nulls_stand_where_the_other_array_says_something(facts, name, answer):
    patient = {"resourceType": "Patient", "name": [name]}
    assert aligned(patient) == answer
    assert (structure_issues(facts, patient) == []) == answer


def test_large_value_sets_are_named_and_small_ones_listed(facts):
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "x", "code": "x"}]}
    severity, code = structure_issues(facts, outcome)
    assert "fatal" in severity.message
    assert code.message.endswith("a code of value set issue-type")


def test_null_is_no_element(facts):
    for patient in ({"active": None}, {"name": None}, {"name": [{"given": None, "_given": [E]}]}):
        assert structure_issues(facts, {"resourceType": "Patient", **patient})
