"""People are unique where they should be, alike where they are meant to be, and all invented."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.fictional.draws import stream
from adapter.fictional.names import FEMALE, LAST, MALE, NICKNAMES
from adapter.fictional.people import PRINTED_SAMPLES, person, person_id, social_security_number

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def people():
    return [person(7, number, stream(7, number), TODAY) for number in range(1, 12_001)]


@given(seed=st.integers(0, 2**32), number=st.integers(1, 10_000_000))
@settings(max_examples=300, deadline=None)
def test_social_security_numbers_are_well_formed_and_no_printed_sample(seed, number):
    text = social_security_number(seed, number)
    assert len(text) == 9
    assert 100 <= int(text[:3]) <= 665
    assert text[3:5] != "00"
    assert text[5:] != "0000"
    assert text not in PRINTED_SAMPLES
    assert len(set(text)) > 1


def test_nobody_shares_a_number(people):
    assert len({one.ssn for one in people}) == len(people)
    assert len({one.state_id for one in people}) == len(people)


def test_only_namesakes_share_name_and_birth_date(people):
    named = Counter((one.first, one.last, one.born) for one in people)
    shared = [one for one in people if named[one.first, one.last, one.born] > 1]
    assert shared
    for one in shared:
        like = [
            each.look_alike for each in shared if (each.first, each.last, each.born) == (one.first, one.last, one.born)
        ]
        assert len([who for who in like if who]) == 1


def test_look_alikes_differ_in_their_numbers(people):
    by_id = {one.id: one for one in people}
    alike = [one for one in people if one.look_alike]
    names = Counter(one.first == by_id[one.look_alike].first for one in alike)
    assert names[True] > names[False] > 0
    for one in alike:
        model = by_id[one.look_alike]
        assert (one.last, one.born) == (model.last, model.born)
        assert one.ssn != model.ssn
        assert one.state_id != model.state_id
        assert model.look_alike is None


def test_some_look_alikes_lack_their_number_somewhere(people):
    assert all(one.look_alike for one in people if one.faint)
    assert 0.2 < sum(bool(one.faint) for one in people) / sum(bool(one.look_alike) for one in people) < 0.6


def test_nearly_everybody_is_of_age(people):
    young = [one for one in people if one.born > date(2008, 11, 22)]
    assert 0 < len(young) < 0.03 * len(people)
    assert all(date(1940, 1, 1) < one.born < date(2010, 11, 22) for one in people)


def test_ids_sort_like_their_numbers():
    assert person_id(1) == "p0000001"
    assert sorted(map(person_id, (999_999, 12, 1_000_000))) == ["p0000012", "p0999999", "p1000000"]


def test_names_fit_every_character_set_in_use():
    for name in (*MALE, *FEMALE, *LAST):
        assert name.encode("cp1252").decode("cp1252") == name
        assert name.upper().encode("latin-1")
    assert len(set(MALE + FEMALE)) == len(MALE + FEMALE) >= 200
    assert len(set(LAST)) == len(LAST) >= 300
    assert set(NICKNAMES) <= set(MALE + FEMALE)
    assert any(not name.isascii() for name in LAST)
