"""When a file is whole: by its last name, by a marker, or because nothing about it changes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.source import ListedFile
from connectors.transport.finished import Finished


def file(name="roster.csv", size=10, modified=100):
    return ListedFile(name=name, size=size, modified=modified)


def test_a_file_that_does_not_change_for_a_while_is_whole():
    finished = Finished(settle=60)
    assert finished.of([file()], 0) == []
    assert finished.of([file()], 59) == []
    assert finished.of([file()], 60) == [file()]
    assert finished.of([file(size=11)], 61) == []
    assert finished.of([file(size=11, modified=101)], 121) == []
    assert finished.of([], 150) == []
    assert finished.of([file(size=11, modified=101)], 190) == []
    assert finished.of([file(size=11, modified=101)], 250) == [file(size=11, modified=101)]


def test_without_a_while_a_file_is_whole_at_once():
    assert Finished().of([file()], 0) == [file()]


@pytest.mark.parametrize("name", [".roster.csv", "roster.csv.part", "roster.csv.TMP", "roster.txt", "x.csv.filepart"])
def test_unfinished_transfers_and_other_names_are_passed_over(name):
    assert Finished(pattern="*.csv").of([file(name)], 0) == []


def test_a_marker_tells_that_its_file_is_whole():
    finished = Finished(marker=".done", settle=60)
    assert finished.of([file()], 0) == []
    assert finished.of([file(), file("roster.csv.done", 0, 100)], 0) == [file()]
    assert finished.of([file("other.csv"), file("roster.csv.done", 0, 100)], 0) == []


def test_a_marker_left_from_the_file_before_says_nothing():
    finished = Finished(marker=".done")
    assert finished.of([file(modified=200), file("roster.csv.done", 0, 100)], 0) == []
    assert finished.of([file(modified=200), file("roster.csv.done", 0, 201)], 0) == [file(modified=200)]


def test_the_oldest_comes_first():
    files = [file("a", modified=3), file("b", modified=1), file("c", modified=1)]
    assert [each.name for each in Finished().of(files, 0)] == ["b", "c", "a"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.sampled_from([1, 2, 3])), min_size=1, max_size=12))
def test_what_is_whole_was_the_same_for_as_long_as_asked(steps):
    """Against a plain history: the size at every look and when that was."""
    finished, now, history = Finished(settle=50), 0.0, []
    for pause, size in steps:
        now += pause
        history.append((now, size))
        same_since = now
        for when, other in reversed(history):
            if other != size:
                break
            same_since = when
        assert bool(finished.of([file(size=size)], now)) == (now - same_since >= 50)
