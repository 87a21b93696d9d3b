"""Notifications as bytes, read back by the R4B models as an oracle."""

from __future__ import annotations

import orjson
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.subscription.notification import Event, Heading, notification

BASE = "https://county.example/fhir"
BODY = b'{"resourceType":"Patient","id":"p1"}'
EVENTS = st.builds(
    Event,
    number=st.integers(1, 10**6),
    at=st.integers(0, 2 * 10**15),
    notice=st.sampled_from(["event", "recall", "stop"]),
    focus=st.sampled_from([None, "Observation/a", "Observation/b", "Patient/p1"]),
    body=st.sampled_from([None, BODY]),
)
HEADINGS = st.builds(
    Heading,
    subscription=st.just("s1"),
    topic=st.sampled_from([None, "https://sallyport.example/fhir/SubscriptionTopic/booked"]),
    status=st.sampled_from(["requested", "active", "error", "off"]),
    events=st.integers(0, 10**6),
    errors=st.sampled_from([(), ("status 500",)]),
)


@settings(max_examples=100, deadline=None)
@given(heading=HEADINGS, events=st.lists(EVENTS, max_size=4))
def test_a_notification_is_a_history_whose_first_entry_is_the_status(heading, events):
    body = notification(heading, "event-notification", events, at=0, base_url=BASE)
    bundle = orjson.loads(body)
    Bundle.model_validate_json(body)
    first, *others = bundle["entry"]
    names = [one["name"] for one in first["resource"]["parameter"]]
    assert names.count("notification-event") == len(events)
    assert names.count("topic") == (heading.topic is not None)
    assert {entry["fullUrl"] for entry in others} == {f"{BASE}/{one.focus}" for one in events if one.focus}
    last = {one.focus: one for one in events if one.focus}
    for entry in others:
        event = last[entry["fullUrl"].removeprefix(f"{BASE}/")]
        assert ("resource" in entry) is (event.body is not None and event.notice == "event")
        assert entry["request"]["method"] == ("PUT" if event.notice == "event" else "DELETE")


def test_what_has_no_focus_says_nothing_of_what_it_was():
    heading = Heading(subscription="s1", topic=None, status="active", events=3)
    body = notification(heading, "event-notification", [Event(number=3, at=0)], at=0, base_url=BASE)
    assert b"Observation" not in body
    assert b'"valueString":"3"' in body
