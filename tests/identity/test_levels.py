"""How far two traits agree."""

from __future__ import annotations

import pytest
from told import MATCHER

from adapter.identity import levels
from adapter.identity.traits import Traits


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("marsh", "marsh", "exact"),
        ("oneill smith", "oneillsmith", "exact"),
        ("garcia lopez", "lopez", "part"),
        ("de la cruz", "de la torre", "different"),
        ("archuleta", "archuelta", "close"),
        ("marsh", "oak", "different"),
        ("", "oak", "unknown"),
    ],
)
def test_surnames(one, other, level):
    assert levels.family(one, other) == levels.family(other, one) == level


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("william", "bill", "nickname"),
        ("bill", "will", "nickname"),
        ("mary jo", "maryjo", "exact"),
        ("w", "william", "initial"),
        ("w", "ada", "different"),
        ("jonathan", "jonathon", "close"),
        ("ada", "bert", "different"),
        ("", "bert", "unknown"),
    ],
)
def test_given_names(one, other, level):
    forms = MATCHER.nicknames
    assert levels.given(one, other, forms) == levels.given(other, one, forms) == level


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("1980-04-02", "1980-04-02", "exact"),
        ("1980-04-02", "1980-02-04", "swapped"),
        ("1980-04-12", "1980-04-21", "slip"),
        ("1980-04-12", "1980-04-13", "slip"),
        ("1980-04", "1980-04-02", "partial"),
        ("1980", "1980", "partial"),
        ("1980-05", "1980-04-02", "different"),
        ("1980-04-02", "1980-11-30", "year"),
        ("1980-04-02", "1975-11-30", "different"),
        ("", "1975-11-30", "unknown"),
    ],
)
def test_birth_dates(one, other, level):
    assert levels.birth_date(one, other) == levels.birth_date(other, one) == level


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("433276001", "433276001", "exact"),
        ("433276001", "433276010", "swapped"),
        ("433276001", "433276002", "different"),
        ("433276001", "6001", "last4"),
        ("433276001", "6010", "different"),
        ("", "6010", "unknown"),
    ],
)
def test_a_single_digit_of_a_number_is_no_slip(one, other, level):
    left, right = (Traits(ssn=text if len(text) == 9 else "", ssn_last4=text[-4:]) for text in (one, other))
    assert levels.ssn(left, right) == levels.ssn(right, left) == level


def test_middle_names_may_be_told_by_one_record_alone():
    assert levels.middle("lee", "lee") == "exact"
    assert levels.middle("lee", "l") == "initial"
    assert levels.middle("lee", "") == "one-sided"
    assert levels.middle("lee", "ann") == "different"
    assert levels.middle("", "") == "unknown"


def test_agencies_numbers_agree_or_say_nothing():
    assert levels.number(("jail|1", "jail|2"), ("jail|2",)) == "exact"
    assert levels.number(("jail|1",), ("jail|2",)) == "unknown"
