"""Repeats on one day: the later is current, else the higher risk; the withheld leave no trace."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.summary.order import Place, Screened, extensions, order
from adapter.summary.vocabulary import SCREENING_ORDER


def screened(rid, instant, risk):
    return Screened(rid=rid, instant=instant, risk=risk)


MEMBERS = st.lists(
    st.builds(
        Screened,
        rid=st.text("abcdef", min_size=1, max_size=4),
        instant=st.none() | st.integers(0, 3),
        risk=st.integers(0, 9),
    ),
    max_size=6,
    unique_by=lambda member: member.rid,
)


def current(group):
    return [rid for rid, place in order(group).items() if place.current]


def test_the_later_is_current_even_with_lower_risk():
    places = order([screened("late", 20, 0), screened("early", 10, 9)])
    assert places == {
        "late": Place(sequence=2, of=2, current=True),
        "early": Place(sequence=1, of=2, current=False),
    }


def test_the_higher_risk_is_current_while_the_order_is_unknown():
    places = order([screened("negative", 10, 0), screened("positive", None, 7)])
    assert places["positive"] == Place(sequence=None, of=2, current=True)
    assert places["negative"] == Place(sequence=None, of=2, current=False)


def test_what_is_known_to_be_earlier_is_not_current_however_high():
    group = [screened("early", 10, 9), screened("late", 20, 0), screened("some-time", None, 1)]
    assert current(group) == ["some-time"]


def test_the_same_time_is_an_unknown_order():
    places = order([screened("first", 5, 3), screened("a", 10, 2), screened("b", 10, 7)])
    assert places["first"].sequence == 1
    assert places["a"].sequence is None
    assert places["b"] == Place(sequence=None, of=3, current=True)


def test_equal_risks_are_decided_by_id():
    assert current([screened("a", None, 7), screened("b", None, 7)]) == ["b"]


def test_a_single_screening_is_first_of_one_and_says_nothing():
    (place,) = order([screened("only", None, 0)]).values()
    assert place == Place(sequence=1, of=1, current=True)
    assert extensions(place) == ()


def test_no_screening_has_no_order():
    assert order([]) == {}


@pytest.mark.parametrize(("sequence", "urls"), [(2, ["sequence", "of", "current"]), (None, ["of", "current"])])
def test_the_extension_leaves_out_what_is_unknown(sequence, urls):
    (extension,) = extensions(Place(sequence=sequence, of=3, current=False))
    assert extension["url"] == SCREENING_ORDER
    assert [part["url"] for part in extension["extension"]] == urls


@given(MEMBERS)
@settings(max_examples=200, deadline=None)
def test_exactly_one_is_current(group):
    assert len(current(group)) == min(1, len(group))


@given(MEMBERS, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_the_order_of_arrival_does_not_matter(group, random):
    shuffled = list(group)
    random.shuffle(shuffled)
    assert order(shuffled) == order(group)


@given(MEMBERS)
@settings(max_examples=200, deadline=None)
def test_sequences_ascend_with_time_and_stay_within_the_count(group):
    places = order(group)
    numbered = [member for member in group if places[member.rid].sequence is not None and len(group) > 1]
    numbered.sort(key=lambda member: places[member.rid].sequence)
    instants = [member.instant for member in numbered]
    assert instants == sorted(instants)
    assert len({places[member.rid].sequence for member in numbered}) == len(numbered)
    assert all(place.of == len(group) for place in places.values())


@given(MEMBERS)
@settings(max_examples=200, deadline=None)
def test_nothing_that_could_be_later_has_a_higher_risk_than_the_current_one(group):
    chosen = {member.rid: member for member in group}
    for rid in current(group):
        now = chosen[rid]
        for member in group:
            could_be_later = member.instant is None or now.instant is None or member.instant >= now.instant
            known_earlier = any(
                other.instant is not None and member.instant is not None and other.instant > member.instant
                for other in group
            )
            if could_be_later and not known_earlier:
                assert member.risk <= now.risk


@given(MEMBERS, st.data())
@settings(max_examples=200, deadline=None)
def test_a_withheld_sibling_leaves_no_trace(group, data):
    permitted = [member for member in group if data.draw(st.booleans())]
    places = order(permitted)
    assert set(places) == {member.rid for member in permitted}
    assert all(place.of == len(permitted) for place in places.values())
    if permitted and len({m.instant for m in permitted}) == len(permitted) and all(m.instant for m in permitted):
        assert sorted(place.sequence for place in places.values()) == list(range(1, len(permitted) + 1))
