"""Reports count; they survive storage and quote nothing."""

from __future__ import annotations

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.services.report import FeedReport

COUNTS = st.dictionaries(st.text(max_size=8), st.integers(0, 2**40), max_size=4)


@settings(max_examples=60, deadline=None)
@given(
    numbers=st.tuples(*[st.integers(0, 2**50)] * 4),
    written=COUNTS,
    leaves=COUNTS,
    quarantined=COUNTS,
    unmapped=COUNTS,
    warnings=COUNTS,
)
def test_a_stored_report_comes_back_as_it_was(numbers, **counts):
    report = FeedReport(feed="jail-roster", receipt="r")
    report.records, report.unchanged, report.held, report.links = numbers
    for name, values in counts.items():
        getattr(report, name).update(values)
    again = FeedReport.from_json(report.to_json())
    assert again == report
    assert again.as_dict() == orjson.loads(report.to_json())


def test_a_new_report_is_all_zero():
    empty = FeedReport(feed="x").as_dict()
    assert {value for value in empty.values() if isinstance(value, int)} == {0}
    assert [value for value in empty.values() if isinstance(value, dict)] == [{}] * 5
