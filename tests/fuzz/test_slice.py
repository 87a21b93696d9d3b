"""A slice of the fuzzing with every test run: a seed that never changes and one that does."""

import pytest
from fuzz_block import Block, Tally
from fuzz_rows import missed, table
from hypothesis import given, settings
from hypothesis import strategies as st
from saved_cases import smaller

BLOCKS = 36
"""Some 26,000 triples in the long slice."""


def fuzzed(seed, blocks):
    tally = Tally()
    for number in range(blocks):
        tally.add(Block(seed, number).run())
    return tally


def test_a_glance():
    """Enough to find most slips at once; the long slice finds the rest."""
    tally = fuzzed(7, 2)
    assert not tally.found, tally.found[0]["check"]


def test_the_long_slice_agrees_and_reaches_every_row():
    tally = fuzzed(1, BLOCKS)
    assert not tally.found, smaller(tally.found[0])
    assert not missed(tally.rows), table(tally.rows)
    assert tally.permits > tally.triples // 20
    assert min(tally.compiled, tally.lines, tally.changed) > 0


@settings(max_examples=1, deadline=None)
@given(st.integers(0, 2**32))
def test_a_slice_of_another_seed_agrees(seed):
    tally = fuzzed(seed, 4)
    assert not tally.found, smaller(tally.found[0])


def test_a_row_that_nothing_reached_is_missed():
    tally = Tally()
    assert missed(tally.rows)[:2] == ["1", "2"]
    assert "type of the root" in table(tally.rows)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_gives_the_same_triples(seed):
    first, second = Block(seed, 0).run(), Block(seed, 0).run()
    assert (first.rows, first.permits) == (second.rows, second.permits)
    assert Block(seed, 1).run().rows != first.rows
