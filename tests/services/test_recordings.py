"""What is asked for becomes exactly what is recorded: periods, facts, and what decisions read of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import RequestError
from adapter.services.recordings import (
    DAY,
    ORAL,
    Recording,
    hold,
    referral,
    restriction,
    subpoena,
    suspension,
    typed,
)
from adapter.store.shapes import END

instants = st.integers(1, 1000)


@given(
    at=instants,
    start=st.none() | instants,
    stop=st.none() | instants,
    longest=st.none() | instants,
    until=st.none() | instants,
)
def test_a_period_begins_no_earlier_than_now_and_lasts_no_longer_than_it_may(at, start, stop, longest, until):
    what = Recording(
        interaction="x", kind="x", fact=None, evidence={}, start=start, stop=stop, longest=longest, until=until
    )
    try:
        begins, ends = what.period(at)
    except RequestError:
        begins = max(at, start or at)
        ends = stop if stop is not None else min(until or END, END)
        assert ends <= begins or (longest is not None and ends > begins + longest)
        return
    assert begins == max(at, start or at) < ends
    assert longest is None or ends <= begins + longest
    assert stop is None or ends == stop
    assert stop is not None or until is None or ends <= until


def test_an_oral_request_lapses_after_thirty_days_and_a_written_one_says_until_when():
    assert suspension(agency="sheriff", oral=True, stop=None).period(5) == (5, 5 + 30 * DAY)
    assert suspension(agency="sheriff", oral=False, stop=90 * DAY).period(5) == (5, 90 * DAY)
    with pytest.raises(RequestError, match="until when"):
        suspension(agency="sheriff", oral=False, stop=None)
    with pytest.raises(RequestError, match="longer"):
        suspension(agency="sheriff", oral=True, stop=31 * DAY).period(5)


def test_what_no_decision_reads_has_no_fact():
    assert suspension(agency="sheriff", oral=True, stop=None).fact is None
    assert subpoena(by="attorney").fact is None


def test_facts_say_what_decisions_read_and_nothing_of_the_words():
    held = hold(ORAL, partner="Organization/a", words="she called", submission="r1")
    assert (held.fact.value, held.fact.recipient, held.evidence["submission"]) == ("oral", "Organization/a", "r1")
    agreed = restriction(source="Organization/s", partner="Organization/a", classes=["court", "booking", "court"])
    assert (agreed.fact.classes, agreed.fact.units) == (("booking", "court"), ("Organization/s",))
    sent = referral(to="Organization/a", how="referral", days=3, words="by telephone", start=7)
    assert (sent.fact.kind, sent.period(5)) == ("treatment", (7, 7 + 3 * DAY))
    assert not any("called" in str(part) or "telephone" in str(part) for part in (*held.fact.canonical(), sent.fact))


def test_words_of_yes_and_no_and_several_choices_are_read_as_the_law_reads_them():
    types = {"a": "yes-no", "b": "choices", "c": "text", "d": "yes-no", "e": "yes-no"}
    stated = [("a", "Yes"), ("b", "2.64"), ("b", "hipaa"), ("c", "yes"), ("d", False), ("e", "perhaps"), ("f", "x")]
    assert typed(stated, types) == {
        "a": True,
        "b": ["2.64", "hipaa"],
        "c": "yes",
        "d": False,
        "e": "perhaps",
        "f": "x",
    }


@pytest.mark.parametrize("kind", ["text", "yes-no", "choice", "instant"])
def test_a_fact_that_may_be_there_once_is_refused_twice(kind):
    with pytest.raises(RequestError, match="twice"):
        typed([("a", "yes"), ("a", "yes")], {"a": kind})
