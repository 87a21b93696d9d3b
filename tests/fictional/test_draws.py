"""Draws repeat, and scattered numbers never meet."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.fictional.draws import between, chance, keys, pick, scatter, stream, weighted
from adapter.fictional.people import local_number

SEEDS = st.integers(min_value=0, max_value=2**64)


@given(seed=SEEDS, number=st.integers(min_value=1, max_value=10**9))
@settings(max_examples=50, deadline=None)
def test_a_stream_hangs_on_seed_and_number_alone(seed, number):
    assert stream(seed, number).random() == stream(seed, number).random()
    assert stream(seed, number).random() != stream(seed, number + 1).random()
    assert stream(seed, number).random() != stream(seed + 1, number).random()


@given(rows=st.integers(1, 60), columns=st.integers(1, 60), seed=SEEDS)
@settings(max_examples=100, deadline=None)
def test_scatter_sends_no_two_indexes_to_one_cell(rows, columns, seed):
    secret = keys(seed, "test")
    cells = {scatter(index, rows, columns, secret) for index in range(rows * columns)}
    assert cells == {(row, column) for row in range(rows) for column in range(columns)}


def test_scatter_separates_neighbours():
    secret = keys(1, "identity")
    cells = [scatter(index, 60_000, 21_000, secret) for index in range(2_000)]
    assert len({row // 600 for row, _ in cells}) == 100
    assert len({column // 210 for _, column in cells}) == 100


def test_a_grid_that_is_too_small_is_refused_in_words():
    with pytest.raises(ValueError, match="at most 12 people"):
        scatter(12, 3, 4, keys(1, "test"))


@given(seed=SEEDS, first=st.integers(0, 10**8 - 1), second=st.integers(0, 10**8 - 1))
@settings(max_examples=200, deadline=None)
def test_local_numbers_are_one_to_one(seed, first, second):
    numbers = local_number(seed, "jail", first), local_number(seed, "jail", second)
    assert (numbers[0] == numbers[1]) == (first == second)
    assert all(len(number) == 8 and number.isdigit() for number in numbers)


@given(seed=SEEDS, low=st.integers(-50, 50), width=st.integers(0, 50))
@settings(max_examples=50, deadline=None)
def test_between_keeps_its_bounds(seed, low, width):
    rng = stream(seed, 1)
    assert all(low <= between(rng, low, low + width) <= low + width for _ in range(100))


def test_shares_are_met():
    rng = stream(5, 1)
    found = Counter(weighted(rng, (("a", 0.5), ("b", 0.3), ("c", 0.2))) for _ in range(20_000))
    assert found["a"] == pytest.approx(10_000, rel=0.05)
    assert found["c"] == pytest.approx(4_000, rel=0.1)
    assert sum(chance(rng, 0.25) for _ in range(20_000)) == pytest.approx(5_000, rel=0.1)
    assert set(Counter(pick(rng, "xyz") for _ in range(200))) == set("xyz")


def test_what_is_left_over_goes_to_the_last_option():
    rng = stream(5, 2)
    assert {weighted(rng, (("a", 0.0), ("b", 0.0))) for _ in range(50)} == {"b"}
