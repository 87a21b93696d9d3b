"""What no change may do: release more than before. And no JSON at all may raise, or permit by accident."""

import copy
import random
from dataclasses import replace

import orjson
import pytest
from consent_builders import X, answered, case, consent, deny, effect, observation, part2_consent, permit
from consent_strategies import by_seed
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.consent import cases
from adapter.consent.cases import answer
from adapter.consent.decide import decide, record
from adapter.consent.directive import read
from adapter.consent.evaluate import Effect
from adapter.consent.explain import explain
from adapter.consent.names import AtHand
from adapter.consent.patients import patients
from adapter.consent.recipient import close

SEEDS = 200
NOBODY = AtHand()
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


def permits(line):
    return answered(line)["effect"] == "PERMIT"


def random_lines(start):
    for seed in range(start * SEEDS, (start + 1) * SEEDS):
        yield random.Random(seed), by_seed(seed).line()  # noqa: S311  # test data


def provisions(line):
    pending = [one["provision"] for one in line["consents"] if "provision" in one]
    while pending:
        provision = pending.pop()
        yield provision
        pending += provision.get("provision", [])


def objects(value):
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from objects(part)
    elif isinstance(value, list):
        for part in value:
            yield from objects(part)


def add_deny(rng, line):
    """A deny on its own, or as one more exception of any provision."""
    made = by_seed(rng.random()).provision(("deny",), 3)
    made["type"] = "deny"
    parents = list(provisions(line))
    if parents and rng.random() < 0.7:
        rng.choice(parents).setdefault("provision", []).append(made)
    else:
        line["consents"].append(consent(made, id="added"))


def narrow_permit(rng, line):
    """One more criterion on a permit with no deny below it.

    Naming the recipient of a Part 2 record is no narrowing: it is what the law asks for.
    """
    maker = by_seed(rng.random())
    leaves = [one for one in provisions(line) if one.get("type") == "permit" and "provision" not in one]
    names = ["period", "purpose", "class", "code", "dataPeriod", "data", "securityLabel"]
    if "42CFRPart2" not in str(line["resource"]) and line["labeller"] == "on":
        names.append("actor")
    if leaves:
        leaf = rng.choice(leaves)
        name = rng.choice(names)
        leaf.setdefault(name, maker.element(name))


def remove_permit(rng, line):
    """A permit with no deny below it is gone; one inside a permit had capped its consent and stays."""
    parents = [one for one in provisions(line) if one.get("provision") and one.get("type") == "deny"]
    for parent in parents:
        leaves = [one for one in parent["provision"] if one.get("type") == "permit" and "provision" not in one]
        if leaves:
            parent["provision"].remove(leaves[0])
            if not parent["provision"]:
                del parent["provision"]
            return


def lose_labeller(rng, line):
    line["labeller"] = "unavailable"


def inject(rng, line):
    """An unknown element anywhere in the consents."""
    places = list(objects(line["consents"]))
    rng.choice(places)["unheardOf"] = rng.choice(["x", 1, {"a": [1]}])


def rename_patient(rng, line):
    rng.choice(line["consents"])["patient"] = {"reference": "Patient/somebody-else"}


def comparable(change, line):
    """A consent given to another patient no longer denies; a capped one denies what its root covers."""
    if change is rename_patient:
        return len(line["consents"]) == 1
    if change is narrow_permit:
        return "cap" not in {one["outcome"] for one in answered(line)["reasons"]}
    return True


def name_another(rng, line):
    """The resource names one more patient, who has no consent."""
    line["resource"]["note"] = [{"authorReference": {"reference": "Patient/stranger"}}]


CHANGES = [add_deny, narrow_permit, remove_permit, lose_labeller, inject, rename_patient, name_another]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@settings(max_examples=1, deadline=None)
@given(start=starts)
def test_this_never_releases_more(change, start):
    for rng, line in random_lines(start):
        changed = copy.deepcopy(line)
        change(rng, changed)
        if not comparable(change, line):
            continue
        assert not permits(changed) or permits(line), orjson.dumps(line)


@settings(max_examples=1, deadline=None)
@given(start=starts)
def test_order_and_repetition_change_nothing(start):
    for rng, line in random_lines(start):
        changed = copy.deepcopy(line)
        changed["consents"] += copy.deepcopy(rng.sample(line["consents"], 1))
        for many in (
            changed["consents"],
            changed["context"],
            *(one.get("provision", []) for one in provisions(changed)),
        ):
            rng.shuffle(many)
        assert permits(changed) == permits(line), orjson.dumps(line)


@settings(max_examples=1, deadline=None)
@given(start=starts)
def test_a_verdict_can_always_be_explained(start):
    for _, line in random_lines(start):
        verdict = answered(line)
        assert verdict["reasons"]
        assert all(one["outcome"] in {"permit", "deny", "not-applicable", "cap"} for one in verdict["reasons"])
        assert bool(verdict["obligations"]) <= (verdict["effect"] == "PERMIT")


@settings(max_examples=120, deadline=None)
@given(anything)
def test_any_json_as_a_consent_denies_alone(value):
    directive = read(value)
    assert directive.source.startswith("Consent")
    assert effect(value) == "DENY"


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(consent(permit()))), anything)
def test_any_json_as_an_element_of_a_permit_is_no_exception(name, value):
    made = {**consent(permit()), name: value}
    expected = "PERMIT" if name in {"id", "dateTime", "category", "provision"} else "DENY"
    assert effect(made) in {"DENY", expected}


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
        assert isinstance(unread, bool)
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


def nested(levels):
    provision = permit()
    for depth in range(levels):
        provision = (deny if depth % 2 == 0 else permit)(provision)
    return consent(provision)


def decided(made, resource=None):
    asked = cases.case_of(case())
    return decide(replace(asked, directives=(read(made),), record=record(resource or observation(), NOBODY)))


@pytest.mark.parametrize("levels", [66, 900])
def test_provisions_nested_without_end_are_capped(levels):
    verdict = decided(nested(levels))
    assert verdict.effect is Effect.DENY
    assert verdict.reasons[0].outcome == "cap"


def test_sixty_levels_are_read():
    assert decided(nested(60)).effect is Effect.PERMIT


def test_a_resource_nested_without_end_is_decided():
    value = {"reference": "Patient/a"}
    for _ in range(5000):
        value = {"part": [value]}
    assert decided(consent(permit()), {**observation(), "extra": value}).effect is Effect.PERMIT


def test_two_resources_too_deep_to_compare_stand_for_neither():
    def deep():
        value = {}
        for _ in range(5000):
            value = {"part": value}
        return {"resourceType": "Organization", "id": "x", "part": value}

    assert AtHand([deep(), deep()]).get("Organization/x") is None


def test_explanations_name_losing_rules_too():
    lines = explain(decided(part2_consent(permit(deny(labels=["SUD"])))))
    assert lines == [
        "Permitted.",
        (
            "Consent/c: a part of it does not apply, because it is about records of another sensitivity. "
            "[Consent/c#provision[0].provision[0]]"
        ),
        "Consent/c: a part of it permits this. [Consent/c#provision[0]]",
        "Consent/c as a whole permits this. [Consent/c]",
    ]
