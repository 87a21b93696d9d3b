"""Outcome sets and families of them against what they mean: a set of possibilities, each combined with each."""

import itertools

import pytest

from adapter.consent.outcome import (
    DEFERRED,
    DENY,
    NA,
    NOTHING,
    PERMIT,
    TRUE,
    UNKNOWN,
    join,
    join_families,
    masks,
    settle,
    verdicts,
)

OUTCOMES = (NA, PERMIT, DENY)
MASKS = range(1, 8)
FAMILIES = [1 << one | 1 << other for one, other in itertools.combinations_with_replacement(MASKS, 2)]


def parts(mask):
    return [outcome for outcome in OUTCOMES if mask & outcome]


def together(one, other):
    """Two outcomes that hold at once: a denial overrides, silence yields."""
    return max(one, other)


def union(outcomes):
    mask = 0
    for one in outcomes:
        mask |= one
    return mask


@pytest.mark.parametrize(("left", "right"), list(itertools.product(MASKS, MASKS)))
def test_joined_sets_hold_every_pair(left, right):
    assert join(left, right) == union(together(one, other) for one in parts(left) for other in parts(right))


@pytest.mark.parametrize("left", FAMILIES)
def test_joined_families_hold_every_pair_of_sets(left):
    assert masks(left) == [mask for mask in MASKS if left & 1 << mask]
    for right in FAMILIES:
        expected = union(1 << join(one, other) for one in masks(left) for other in masks(right))
        assert join_families(left, right) == join_families(left, right) == expected


@pytest.mark.parametrize("children", FAMILIES)
@pytest.mark.parametrize("kind", [PERMIT, DENY])
def test_a_provision_has_its_type_where_its_exceptions_are_silent(kind, children):
    met = {union(kind if one == NA else one for one in parts(mask)) for mask in masks(children)}
    doubted = {mask | NA for mask in met}
    assert settle(kind, TRUE, children) == settle(kind, TRUE, children) == union(1 << mask for mask in met)
    assert settle(kind, UNKNOWN, children) == union(1 << mask for mask in doubted)
    assert settle(kind, DEFERRED, children) == union(1 << mask for mask in met | doubted) | NOTHING


@pytest.mark.parametrize("family", [*FAMILIES, NOTHING])
def test_a_consent_permits_only_where_nothing_else_is_possible(family):
    said = {DENY if mask & DENY else PERMIT if mask == PERMIT else NA for mask in masks(family)}
    assert verdicts(family) == verdicts(family) == union(said)
