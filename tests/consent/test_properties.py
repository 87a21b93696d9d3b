"""What no change may do: release more than before. And no JSON at all may raise, or permit by accident."""

import copy
import random
from dataclasses import replace

import orjson
import pytest
from changes import NEVER_MORE, reorder
from consent_builders import answered, case, deny, observation, part2_consent, permit
from consent_strategies import by_seed
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.consent import cases
from adapter.consent.decide import decide, record
from adapter.consent.directive import read
from adapter.consent.explain import explain
from adapter.consent.names import AtHand

SEEDS = 200
NOBODY = AtHand()
starts = st.integers(0, 2**32)


def permits(line):
    return answered(line)["effect"] == "PERMIT"


def random_lines(start):
    for seed in range(start * SEEDS, (start + 1) * SEEDS):
        yield random.Random(seed), by_seed(seed).line()  # noqa: S311  # test data


def rename_patient(rng, line):
    rng.choice(line["consents"])["patient"] = {"reference": "Patient/somebody-else"}


def is_capped(line):
    return "cap" in {one["outcome"] for one in answered(line)["reasons"]}


def comparable(change, line):
    """A consent given to another patient no longer denies; a capped one denies what its root covers."""
    return len(line["consents"]) == 1 if change is rename_patient else not is_capped(line)


@pytest.mark.parametrize("change", [*NEVER_MORE, rename_patient], ids=lambda change: change.__name__)
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
        reorder(rng, changed)
        assert permits(changed) == permits(line), orjson.dumps(line)


@settings(max_examples=1, deadline=None)
@given(start=starts)
def test_a_verdict_can_always_be_explained(start):
    for _, line in random_lines(start):
        verdict = answered(line)
        assert verdict["reasons"]
        assert all(one["outcome"] in {"permit", "deny", "not-applicable", "cap"} for one in verdict["reasons"])
        assert bool(verdict["obligations"]) <= (verdict["effect"] == "PERMIT")


def decided(made, resource=None):
    asked = cases.case_of(case())
    return decide(replace(asked, directives=(read(made),), record=record(resource or observation(), NOBODY)))


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
