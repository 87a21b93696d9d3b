"""Buckets: what a minute holds, and no more, whatever the clock does."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.auth.limits import KEPT, MINUTE, SECOND, Limits


class Now:
    def __init__(self):
        self.at = 0

    def __call__(self):
        return self.at


def test_a_minute_holds_so_many_and_the_wait_is_told():
    now = Now()
    limits = Limits(now)
    assert [limits.take("a", 3) for _ in range(4)] == [0, 0, 0, 20]
    assert limits.take("b", 3) == 0
    now.at += 19 * SECOND
    assert limits.take("a", 3) == 1
    now.at += SECOND
    assert (limits.wait("a", 3), limits.take("a", 3), limits.wait("a", 3)) == (0, 0, 20)


def test_looking_takes_nothing():
    limits = Limits(Now())
    assert [limits.wait("a", 1) for _ in range(5)] == [0] * 5
    assert limits.take("a", 1) == 0


def test_a_clock_that_is_set_back_gives_nothing_away():
    now = Now()
    limits = Limits(now)
    now.at = 10 * MINUTE
    limits.take("a", 1)
    now.at = 0
    assert limits.take("a", 1) == 60


def test_memory_is_bounded():
    limits = Limits(Now())
    for number in range(KEPT + 50):
        limits.take(str(number), 5)
    assert len(limits._buckets) == KEPT


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 50), st.lists(st.integers(0, 20 * SECOND), max_size=200))
def test_never_more_than_two_minutes_worth_within_a_minute(per_minute, steps):
    now = Now()
    limits = Limits(now)
    taken = []
    for step in steps:
        now.at += step
        wait = limits.take("a", per_minute)
        assert wait >= 0
        if not wait:
            taken.append(now.at)
    for start in taken:
        assert sum(start <= at < start + MINUTE for at in taken) <= 2 * per_minute
