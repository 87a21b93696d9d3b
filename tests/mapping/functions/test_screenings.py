"""Screenings of a table: what is stated where, and nothing stated twice."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from adapter.mapping.functions import screenings
from adapter.mapping.mapped import Environment
from adapter.mapping.scope import Remarks, Scope
from adapter.summary.loinc import PinnedList
from adapter.summary.registry import Registry

ROOT = Path(__file__).parents[3]
SCORE, RESULT = {"system": "s", "code": "phq-9-score"}, {"system": "s", "code": "phq-9-level"}


@pytest.fixture
def noted():
    scope = Scope({}, Environment(zone="America/Denver"))
    return Remarks(scope, ("code", "score", "result", "answers")), scope


def codes(scope):
    return [(warning.code, warning.column) for warning in scope.warnings or ()]


@pytest.mark.parametrize(
    ("code", "score", "result", "expected"),
    [
        (SCORE, "12", None, {"quantity": Decimal(12)}),
        (SCORE, "1.50", "high", {"quantity": Decimal("1.50"), "component": "high"}),
        (SCORE, "refused", None, {"text": "refused"}),
        (None, None, "refer", {"concept": "refer"}),
        (None, "high", None, {"concept": "high"}),
        (None, "high", "low", {"concept": "low"}),
        (None, "2", "refer", {"concept": "refer"}),
        (SCORE, None, "high", {"component": "high"}),
    ],
)
def test_each_statement_has_one_place(noted, code, score, result, expected):
    remarks, _ = noted
    quantity = screenings.score_quantity(remarks, code, score)
    concept = screenings.result_concept(code, result, score)
    components = screenings.screening_components(remarks, code, RESULT, result)
    found = {
        "quantity": quantity and quantity["value"],
        "text": screenings.score_text(code, score),
        "concept": concept and concept["text"],
        "component": components and components[0]["valueCodeableConcept"]["text"],
    }
    assert {name: value for name, value in found.items() if value is not None} == expected


def test_a_number_where_the_instrument_has_no_score_is_told(noted):
    remarks, scope = noted
    assert screenings.score_quantity(remarks, None, "2") is None
    assert codes(scope) == [("score-without-code", "score")]


def test_a_result_without_a_code_beside_a_score_is_told(noted):
    remarks, scope = noted
    assert screenings.screening_components(remarks, SCORE, None, "high") is None
    assert codes(scope) == [("result-without-code", "result")]


def test_answers_by_name_or_in_order(noted):
    remarks, scope = noted
    found = screenings.screening_components(
        remarks, SCORE, RESULT, None, "1=2; 10a: Y|3=no;x=LA6568-5;;what is this?", "urn:i"
    )
    assert [(one["code"]["coding"][0]["code"], {**one, "code": 0}) for one in found] == [
        ("1", {"code": 0, "valueInteger": 2}),
        ("10a", {"code": 0, "valueBoolean": True}),
        ("3", {"code": 0, "valueBoolean": False}),
    ]
    assert codes(scope) == [("bad-answer", "answers")]
    ordered = screenings.screening_components(remarks, SCORE, RESULT, None, "2;0;n", "urn:i")
    assert [one["code"]["coding"][0] for one in ordered] == [{"system": "urn:i", "code": str(n)} for n in (1, 2, 3)]


def load(*path):
    return yaml.safe_load(ROOT.joinpath(*path).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def registry():
    return Registry.load(load("profiles", "instruments.yaml"), PinnedList.load(load("profiles", "loinc.yaml")))


@pytest.mark.parametrize("kind", ["score", "result"])
def test_the_tables_name_every_instrument_with_its_code(registry, kind):
    table = load("mappings", "tables", f"screening-{kind}.yaml")["codes"]
    targets = {str(name): None if isinstance(target, dict) else target for name, target in table.items()}
    for row in registry.instruments.values():
        for scale in row.scales:
            code = scale.score if kind == "score" else scale.level
            name = (row.name if len(row.scales) == 1 else scale.key).upper()
            assert targets[name] == (code.local if code else None)
    known = {code.local for row in registry.instruments.values() for code in row.result_codes}
    assert {target for target in targets.values() if target} <= known


def test_panels_of_documents_have_the_totals_of_the_registry(registry):
    table = load("mappings", "tables", "assessment-total.yaml")["codes"]
    expected = {}
    for row in registry.instruments.values():
        totals = [
            code for result in row.result_codes for system, code in result.codings if system == "http://loinc.org"
        ]
        for total in totals[:1]:
            expected |= dict.fromkeys((*row.panels, total), total)
    assert table == expected
