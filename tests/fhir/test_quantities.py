"""Decimals compare as text exactly as they do as numbers, and what a number searched for stands for."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.fhir.quantities import LARGEST, LEAST, MOST, asked, measured, order_key

NUMBERS = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(digits), exponent)),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=6),
    st.integers(-8, 8),
)


@settings(max_examples=600, deadline=None)
@given(one=NUMBERS, other=NUMBERS)
def test_keys_sort_as_numbers_do(one, other):
    assert (order_key(one) < order_key(other)) is (one < other)
    assert (order_key(one) == order_key(other)) is (one == other)
    assert LEAST < order_key(one) < MOST


@settings(max_examples=600, deadline=None)
@given(one=NUMBERS, other=NUMBERS)
def test_the_places_beside_a_number_hold_nothing_else(one, other):
    below, at, above = (order_key(one, edge) for edge in (-1, 0, 1))
    assert below < at < above
    if other != one:
        assert (order_key(other) < below) is (other < one)
        assert (order_key(other) > above) is (other > one)


def test_what_is_beyond_any_measurement_is_refused():
    with pytest.raises(ValueError, match="beyond"):
        order_key(Decimal(f"1e{LARGEST + 1}"))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("5.4", "5.35", "5.45"),
        ("100", "99.5", "100.5"),
        ("100.00", "99.995", "100.005"),
        ("1e2", "95", "105"),
        ("-7", "-7.5", "-6.5"),
        ("0", "-0.5", "0.5"),
        ("5.40e-3", "0.0053995", "0.0054005"),
    ],
)
def test_a_number_stands_for_what_rounds_to_it(text, low, high):
    assert asked(text, "eq") == (order_key(Decimal(low)), order_key(Decimal(high), -1))


def test_with_a_prefix_it_is_what_it_says_and_about_is_a_tenth():
    exact = order_key(Decimal("5.4"))
    assert {asked("5.4", prefix) for prefix in ("gt", "ge", "lt", "le", "sa", "eb")} == {(exact, exact)}
    assert asked("-50", "ap") == (order_key(Decimal(-55)), order_key(Decimal(-45)))


@pytest.mark.parametrize(
    "text", ["", "x", "1.", ".5", "+1", "01", "1e99999", "NaN", "Infinity", "1_0", "\u0661", "9" * 102]
)
def test_other_text_is_no_number(text):
    with pytest.raises(ValueError, match="expected a number"):
        asked(text, "eq")


def test_a_comparator_opens_one_side():
    five = order_key(Decimal(5))
    assert measured(Decimal(5), "") == (five, five)
    assert measured(Decimal(5), "<") == (LEAST, order_key(Decimal(5), -1))
    assert measured(Decimal(5), "<=") == (LEAST, five)
    assert measured(Decimal(5), ">") == (order_key(Decimal(5), 1), MOST)
    assert measured(Decimal(5), ">=") == (five, MOST)
