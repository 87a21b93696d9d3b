"""What amends: the order of arrival says nothing, what is unsaid stays, what is taken back stays away."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.mapping.amend import Known, after, first

RACE, ETHNICITY = "urn:race", "urn:ethnicity"


def amended(before, told, cleared=()):
    return after(Known(body=before, at=1), told, cleared, 2).body


def replay(events):
    """The body after events (time, told, cleared) that arrive in this order."""
    known = None
    for time, told, cleared in events:
        known = first(dict(told), cleared, time) if known is None else after(known, told, cleared, time)
    return known.body


def test_what_is_unsaid_stays_and_what_is_said_takes_its_place():
    before = {"gender": "female", "birthDate": "1980", "period": {"start": "2026-03-01", "end": "2026-03-04"}}
    found = amended(before, {"gender": "male", "period": {"end": "2026-03-05"}})
    assert found == {"gender": "male", "birthDate": "1980", "period": {"start": "2026-03-01", "end": "2026-03-05"}}


def test_lists_of_several_fields_merge_by_what_their_entries_are_about():
    before = {
        "extension": [{"url": RACE, "valueString": "a"}, {"url": ETHNICITY, "valueString": "b"}],
        "identifier": [{"system": "urn:a", "value": "1"}, {"value": "x"}],
        "name": [{"family": "A"}, {"family": "B"}],
    }
    told = {
        "extension": [{"url": RACE, "valueString": "c"}],
        "identifier": [{"system": "urn:a", "value": "2"}, {"value": "y"}],
        "name": [{"family": "C"}],
    }
    found = amended(before, told)
    assert {one["url"]: one["valueString"] for one in found["extension"]} == {RACE: "c", ETHNICITY: "b"}
    assert sorted(one["value"] for one in found["identifier"]) == ["2", "x", "y"]
    assert found["name"] == [{"family": "C"}]


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("birthDate", {"period": {"start": "s", "end": "e"}, "extension": [{"url": RACE}]}),
        ("period.end", {"birthDate": "1980", "period": {"start": "s"}, "extension": [{"url": RACE}]}),
        (f"extension|{RACE}", {"birthDate": "1980", "period": {"start": "s", "end": "e"}}),
        (f"extension|{ETHNICITY}", None),
        ("location[-1]", None),
    ],
)
def test_what_is_taken_back_goes(path, left):
    body = {"birthDate": "1980", "period": {"start": "s", "end": "e"}, "extension": [{"url": RACE}]}
    assert amended(body, {}, [path]) == (body if left is None else left)
    assert body["period"] == {"start": "s", "end": "e"}


def test_a_value_that_says_nothing_never_takes_the_place_of_one_that_does():
    unknown = {"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "UNK"}
    before = {"status": "finished", "class": {"system": "urn:x", "code": "IMP"}}
    assert amended(before, {"status": "unknown", "class": unknown}) == before
    assert amended({"status": "unknown", "class": unknown}, before) == before


FIELDS = {
    "gender": st.sampled_from(["male", "female"]),
    "birthDate": st.sampled_from(["1980", "1981"]),
    "period": st.dictionaries(st.sampled_from(["start", "end"]), st.sampled_from(["a", "b"]), min_size=1),
    "extension": st.lists(
        st.fixed_dictionaries({"url": st.sampled_from([RACE, ETHNICITY]), "valueString": st.sampled_from("ab")}),
        min_size=1,
        max_size=2,
        unique_by=lambda one: one["url"],
    ),
}
PATHS = st.lists(st.sampled_from(["gender", "birthDate", "period.end", f"extension|{RACE}"]), max_size=2, unique=True)
EVENTS = st.lists(st.tuples(st.fixed_dictionaries({}, optional=FIELDS), PATHS), min_size=1, max_size=4)


def _plain(body):
    return {name: sorted(value, key=str) if isinstance(value, list) else value for name, value in body.items() if value}


def _contradicts(told, path):
    name, _, inner = path.partition(".")
    name, _, about = name.partition("|")
    if about:
        return any(one["url"] == about for one in told.get(name, ()))
    return name in told and (not inner or inner in told[name])


@given(EVENTS)
@settings(max_examples=150, deadline=None)
def test_the_order_of_arrival_changes_nothing(events):
    timed = [
        (time, told, tuple(path for path in cleared if not _contradicts(told, path)))
        for time, (told, cleared) in enumerate(events, 1)
    ]
    in_order = _plain(replay(timed))
    for order in permutations(timed):
        assert _plain(replay(order)) == in_order


@given(EVENTS)
@settings(max_examples=100, deadline=None)
def test_the_same_again_changes_nothing(events):
    timed = [(time, told, ()) for time, (told, _) in enumerate(events, 1)]
    assert replay([*timed, *timed]) == replay(timed)
