"""How many records a server brings in at a time: as many as are written while hardly anyone waits."""

from __future__ import annotations

import asyncio
import gc

import pytest

from adapter.services.feed_line import seldom_collected, set_aside
from adapter.services.pace import FEWEST, HELD, MOST, GivingWay, Steady

pytestmark = pytest.mark.anyio


class Ticks:
    """A clock that goes on by what the test says a record takes."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def paced(seconds, *, fixed=0.0, times=50):
    """The sizes of the transactions where a record takes so long, and a transaction ``fixed`` besides."""
    ticks, sizes = Ticks(), []
    pace = GivingWay(ticks)
    for _ in range(times):
        with pace.writing(pace.records):
            ticks.now += fixed + seconds * pace.records
        sizes.append(pace.records)
    return sizes


@pytest.mark.parametrize("seconds", [0.00022, 0.0004, 0.0009])
def test_a_transaction_is_about_as_long_as_answers_may_wait(seconds):
    for size in paced(seconds)[20:]:
        assert HELD / 2 < size * seconds <= HELD + seconds


def test_a_fast_machine_takes_no_more_than_many_and_a_slow_one_no_fewer_than_few():
    assert paced(0.000001)[-1] == MOST
    assert paced(0.5)[-1] == FEWEST
    assert min(paced(0.0001, fixed=0.003)[20:]) >= FEWEST


def test_what_was_not_a_full_transaction_teaches_nothing_of_larger_ones():
    ticks = Ticks()
    pace = GivingWay(ticks)
    before = pace.records
    with pace.writing(1):
        pass
    assert pace.records == before


async def test_answers_pass_after_each_record_of_a_server_and_of_no_command():
    turns = []

    async def other():
        turns.append("other")

    for pace, expected in ((GivingWay(Ticks()), ["other"]), (Steady(1), [])):
        turns.clear()
        task = asyncio.ensure_future(other())
        await pace.between()
        assert turns == expected
        await task


def test_what_a_server_set_aside_stays_so_when_a_feed_was_brought_in():
    usual = gc.get_threshold()
    gc.unfreeze()
    with seldom_collected():
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold()[0] > usual[0]
    assert (gc.get_freeze_count(), gc.get_threshold()) == (0, usual)
    with set_aside():
        held = gc.get_freeze_count()
        with seldom_collected():
            pass
        assert gc.get_freeze_count() == held > 0
    assert gc.get_freeze_count() == 0
