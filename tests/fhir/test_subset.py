"""Part of a resource: what always stays, what `_summary` marks, and that a part says it is one."""

from __future__ import annotations

import json

import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapter.errors import NotSupported
from adapter.fhir.codec import dump, parse
from adapter.fhir.parameters import PARAMETERS
from adapter.fhir.subset import SUBSETTED, Subsets


@pytest.fixture(scope="session")
def subsets(facts):
    return Subsets(facts)


@pytest.fixture
def full(observation):
    notice = [{"url": "https://x.example/notice", "valueString": "no further disclosure"}]
    return observation | {
        "meta": observation["meta"] | {"extension": notice},
        "text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>x</div>"},
        "implicitRules": "http://x.example/rules",
        "_status": {"extension": [{"url": "http://x.example/e", "valueCode": "x"}]},
        "note": [{"text": "said"}],
        "component": [
            {"code": {"text": "part"}, "valueInteger": 3, "interpretation": [{"text": "high"}], "id": "1"},
        ],
    }


def names(body):
    return set(body) - {"resourceType", "id", "meta"}


def cut(subsets, full, **how):
    return parse(subsets.cut(dump(full), **how))


STAY = {"status", "_status", "code", "implicitRules"}


@pytest.mark.parametrize(
    ("how", "left"),
    [
        ({"elements": ("note",)}, {"note"}),
        ({"elements": ("value", "subject")}, {"valueQuantity", "subject"}),
        ({"summary": "text"}, {"text"}),
        ({"summary": "true"}, {"subject", "effectiveDateTime", "valueQuantity", "component"}),
    ],
)
def test_what_is_left_is_what_was_asked_for_and_what_must_stay(subsets, full, how, left):
    assert names(cut(subsets, full, **how)) == left | STAY


def test_data_is_all_but_the_narrative(subsets, full):
    assert names(cut(subsets, full, summary="data")) == names(full) - {"text"}


def test_a_summary_is_one_inside_backbones_too(subsets, full):
    (component,) = cut(subsets, full, summary="true")["component"]
    assert component == {"code": {"text": "part"}, "valueInteger": 3, "id": "1"}


@pytest.mark.parametrize("how", [{"elements": ("id",)}, {"summary": "true"}, {"summary": "text"}, {"summary": "data"}])
def test_a_part_says_so_and_keeps_what_it_is_obliged_to_say(subsets, full, how):
    meta = cut(subsets, full, **how)["meta"]
    assert meta.pop("tag") == [SUBSETTED]
    assert meta == full["meta"]


def test_decimals_stay_as_they_are(subsets, full):
    full["valueQuantity"] = {"value": parse(b'{"n":1.50}')["n"]}
    assert b'"value":1.50}' in subsets.cut(dump(full), summary="true")


def test_what_the_type_does_not_have_is_refused(subsets):
    subsets.check("Observation", ("value", "code"))
    with pytest.raises(NotSupported) as caught:
        subsets.check("Observation", ("code", "colour"))
    assert caught.value.expression == "_elements"
    assert "colour" not in str(caught.value)


@pytest.mark.parametrize("kind", sorted(PARAMETERS))
def test_the_marks_are_those_of_the_models(facts, kind):
    """The models of fhir.resources carry the same marks, taken from the definitions by others."""
    model = get_fhir_model_class(kind)
    marked = {name.partition("__ext")[0] for name in model.summary_elements_sequence()}
    structure = facts.types[kind]
    ours = {form for element in structure.elements if element.name in structure.summary for form in element.forms}
    assert {one.removesuffix("_fhir") for one in marked} - {"fhir_comments"} == ours, json.dumps(sorted(marked ^ ours))
