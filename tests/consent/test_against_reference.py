"""The evaluator against the slow one, on random cases."""

import reference_evaluator
from consent_builders import answered
from consent_strategies import by_seed, lines
from hypothesis import assume, given, settings
from hypothesis import strategies as st

MOST_UNKNOWN = 9
SEEDS = 2500


def unknowns(line):
    """How many criteria one consent leaves unknown: the slow evaluator takes two to that power."""
    request = reference_evaluator.Request(line)
    most = 0
    for consent in line["consents"]:
        try:
            roots = reference_evaluator.roots_of(consent, request, line["resource"])
        except reference_evaluator.Unintelligible:
            continue
        most = max(most, len(list(reference_evaluator.places(roots))))
    return most


@settings(max_examples=100, deadline=None)
@given(lines())
def test_both_evaluators_agree(line):
    assume(unknowns(line) <= MOST_UNKNOWN)
    assert answered(line)["effect"] == reference_evaluator.decide(line)


@settings(max_examples=1, deadline=None)
@given(st.integers(0, 2**32).map(lambda start: start * SEEDS))
def test_both_evaluators_agree_on_many_seeds(start):
    effects = {"PERMIT": 0, "DENY": 0}
    for seed in range(start, start + SEEDS):
        line = by_seed(seed).line()
        if unknowns(line) <= MOST_UNKNOWN:
            expected = reference_evaluator.decide(line)
            assert answered(line)["effect"] == expected, f"seed {seed}"
            effects[expected] += 1
    assert min(effects.values()) > SEEDS // 50
