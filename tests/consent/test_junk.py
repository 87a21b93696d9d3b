"""No JSON at all may raise, or permit by accident, and what is said about it names where it stands."""

import copy
import random
import re

import orjson
import pytest
from consent_builders import X, answered, case, consent, deny, effect, observation, part2_consent, permit
from consent_strategies import by_seed
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_evaluator import TooMuchUnknown, judged

from adapter.consent.cases import answer
from adapter.consent.decide import record
from adapter.consent.directive import read
from adapter.consent.names import AtHand
from adapter.consent.patients import patients
from adapter.consent.recipient import close

SEEDS = 150
starts = st.integers(0, 2**32)
words = st.sampled_from(
    [
        "Consent",
        "active",
        "patient-privacy",
        "permit",
        "deny",
        "Patient/a",
        "Group/g",
        "Organization/x",
        "2026",
        "reference",
        "identifier",
        "actor",
        "provision",
        "type",
        "scope",
        "coding",
        "system",
        "code",
        "role",
        "security",
        "meta",
        "R",
        "SUD",
        "period",
        "start",
        "subject",
        "patient",
        "value",
        "42CFRPart2",
    ]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | words | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=120, deadline=None)
@given(anything)
def test_any_json_as_a_consent_denies_alone(value):
    directive = read(value)
    assert directive.source.startswith("Consent")
    assert effect(value) == "DENY"


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(consent(permit()))), anything)
def test_any_json_as_an_element_of_a_permit_is_no_exception(name, value):
    whole = consent(permit())
    made = {**whole, name: value}
    harmless = name in {"id", "dateTime", "category", "provision"} or value == whole[name]
    assert effect(made) in {"DENY", "PERMIT" if harmless else "DENY"}


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(["period", "actor", "action", "securityLabel", "purpose", "class", "code", "dataPeriod", "data"]),
    anything,
)
def test_any_json_as_a_criterion_of_a_permit_permits_only_what_it_says(name, value):
    inner = {"type": "permit", name: value}
    if effect(consent(deny(inner))) == "PERMIT":
        readable = {"period": dict, "dataPeriod": dict, "securityLabel": list}
        assert isinstance(value, readable[name])
        assert value


@settings(max_examples=120, deadline=None)
@given(st.lists(anything, max_size=3), anything)
def test_any_json_as_context_and_resource_is_no_exception(context, resource):
    at_hand = AtHand(context)
    assert close([X], at_hand, at=0).actors >= {X}
    if isinstance(resource, dict):
        named, unread = patients(resource, at_hand)
        assert unread is None or isinstance(unread, str)
        read_record = record(resource, at_hand)
        assert read_record.patients == named
        assert effect(consent(permit()), resource=resource, context=context) in {"PERMIT", "DENY"}


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.dictionaries(words, anything, max_size=5), max_size=3),
    st.dictionaries(words, anything, max_size=6),
)
def test_a_denied_patient_stays_denied_whatever_else_is_said(context, elements):
    resource = {**elements, "resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/a"}}
    assert effect(consent(deny()), resource=resource, context=context) == "DENY"


@settings(max_examples=120, deadline=None)
@given(anything | st.dictionaries(st.sampled_from(["id", "consents", "context", "request", "resource"]), anything))
def test_any_line_is_answered(value):
    told, read_as_case = answer(orjson.dumps(value))
    assert ("error" in orjson.loads(told)) is not read_as_case


@given(st.binary(max_size=40))
def test_any_bytes_are_answered(line):
    told, _ = answer(line)
    assert "error" in orjson.loads(told)


NAMED = re.compile(r"[A-Za-z_][\w…]*(\[\d+\]|[. …]+[\w]+)*: expected .+")
"""An element path and what was expected there."""


def nodes(value):
    """Every (container, name) in a value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield value, name
        yield from nodes(part)


def retyped(value):
    """The same value as another type of JSON."""
    return {"x": value} if isinstance(value, list) else str(value) if isinstance(value, bool | int) else [value]


def mutate(rng, whole):
    """Delete, replace, repeat or retype one node."""
    places = list(nodes(whole))
    if not places:
        return
    container, name = rng.choice(places)
    match rng.randrange(4):
        case 0:
            del container[name]
        case 1:
            container[name] = copy.deepcopy(rng.choice([None, 0, True, "", "x", [], {}, [None], {"": None}]))
        case 2 if isinstance(container, list):
            container.append(copy.deepcopy(container[name]))
        case 2:
            container["again"] = copy.deepcopy(container[name])
        case _:
            container[name] = retyped(container[name])


def mutated(start, part):
    """Random cases with up to three nodes of one part broken."""
    for seed in range(start * SEEDS, (start + 1) * SEEDS):
        rng, line = random.Random(seed), by_seed(seed).line()  # noqa: S311  # test data
        for _ in range(rng.randrange(1, 4)):
            mutate(rng, line[part])
        yield line


@settings(max_examples=1, deadline=None)
@given(start=starts)
def test_a_mutated_consent_permits_what_the_slow_evaluator_permits(start):
    for line in mutated(start, "consents"):
        verdict = answered(line)
        try:
            assert verdict["effect"] == judged(line)[0], orjson.dumps(line)
        except TooMuchUnknown:
            continue


@settings(max_examples=1, deadline=None)
@given(start=starts)
def test_what_caps_a_mutated_consent_is_named(start):
    seen = set()
    for line in mutated(start, "consents"):
        capped = [one for one in answered(line)["reasons"] if one["outcome"] == "cap"]
        assert all(NAMED.fullmatch(one["because"]) for one in capped), capped
        seen |= {one["because"] for one in capped}
    assert len(seen) > SEEDS // 20


@pytest.mark.parametrize("part", ["request", "resource", "context"])
@settings(max_examples=1, deadline=None)
@given(start=starts)
def test_any_mutation_of_a_case_is_answered(part, start):
    for line in mutated(start, part):
        told, is_case = answer(orjson.dumps(line))
        said = orjson.loads(told)
        if is_case:
            assert said["effect"] in {"PERMIT", "DENY"}
        else:
            assert said["error"].startswith(f"expected {part}")


@settings(max_examples=100, deadline=None)
@given(anything)
def test_any_json_as_a_label_releases_nothing_it_may_mean(label):
    """It may be the label of a Part 2 record unless it can be read."""
    resource = {**observation(), "meta": {"security": [label]}}
    verdict = answered(case(consent(permit()), resource=resource))
    readable = isinstance(label, dict) and all(isinstance(label.get(name), str) for name in ("system", "code"))
    if not readable:
        assert verdict["effect"] == "DENY"
        assert ": expected" in verdict["reasons"][-1]["because"]
    assert effect(consent(permit(deny(labels=["SEX"]))), resource=resource) == "DENY"


@settings(max_examples=100, deadline=None)
@given(anything)
def test_any_json_as_the_labels_of_a_resource_is_no_exception(labels):
    resource = {**observation(), "meta": {"security": labels}}
    assert effect(part2_consent(permit(actors=[X])), resource=resource) in {"PERMIT", "DENY"}
    if not isinstance(labels, list):
        assert effect(consent(permit()), resource=resource) == "DENY"
