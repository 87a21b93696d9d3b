"""Topics: when a resource is an event, and what tells one event from the next."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import ConfigurationError
from adapter.fhir.dates import interval
from adapter.services.topics import read_topics
from adapter.settings import check
from adapter.subscription.topic import TopicSpec, ready

DENVER = ZoneInfo("America/Denver")
ELEMENTS = st.sampled_from(["class", "note", "priority"])
TOPICS = {topic.spec.topic: topic for topic in read_topics({}, DENVER).values()}
PROFILE = "https://sallyport.example/fhir/StructureDefinition"
NOW = interval("2026-06-01T12:00:00Z", DENVER)[0]


def booking(**changed):
    return {
        "resourceType": "Encounter",
        "id": "e1",
        "meta": {"profile": [f"{PROFILE}/booking-encounter"], "versionId": "v1"},
        "status": "in-progress",
        "class": {"code": "IMP"},
        "period": {"start": "2026-05-01"},
        "subject": {"reference": "Patient/p1"},
    } | changed


def summary(**changed):
    return {
        "resourceType": "Observation",
        "id": "o1",
        "meta": {"profile": [f"{PROFILE}/screening-summary"], "versionId": "v1"},
        "status": "final",
    } | changed


def state(topic, resource, at=NOW):
    return TOPICS[topic].state(resource, at=at, zone=DENVER)


def key(topic, resource, at=NOW):
    return state(topic, resource, at).key


def test_every_version_of_a_summary_is_an_event_and_a_detail_is_none():
    other = summary(meta={"profile": [f"{PROFILE}/screening-summary"], "versionId": "v2"})
    assert key("screening-summary", summary()) != key("screening-summary", other)
    detail = summary(meta={"profile": [f"{PROFILE}/screening-detail"], "versionId": "v1"})
    assert state("screening-summary", detail) is None
    assert state("screening-summary", booking()) is None


def test_somebody_is_booked_once_and_released_at_one_time():
    elsewhere = booking(
        location=[{"location": {"reference": "Location/b"}}], meta=booking()["meta"] | {"versionId": "2"}
    )
    assert key("booked", booking()) == key("booked", elsewhere)
    assert key("released", booking()) is None
    out = booking(status="finished", period={"start": "2026-05-01", "end": "2026-05-02"})
    later = booking(status="finished", period={"start": "2026-05-01", "end": "2026-05-03"})
    assert key("booked", out) is None
    assert None not in {key("released", out), key("released", later)}
    assert key("released", out) != key("released", later)


def test_somebody_moves_only_from_somewhere():
    first = state("moved", booking())
    assert first.key is not None
    assert not first.first
    elsewhere = booking(location=[{"location": {"reference": "Location/b"}}])
    assert key("moved", elsewhere) != first.key


def test_what_was_entered_in_error_is_no_event_and_says_so():
    for topic, resource in (("screening-summary", summary()), ("booked", booking())):
        found = state(topic, resource | {"status": "entered-in-error"})
        assert (found.key, found.error) == (None, True)


@settings(max_examples=50, deadline=None)
@given(days=st.integers(-400, 400))
def test_a_consent_expires_within_thirty_days_of_its_last(days):
    ends = interval("2026-06-01", DENVER)[1]
    consent = {
        "resourceType": "Consent",
        "id": "c1",
        "meta": {"profile": [f"{PROFILE}/consent-share"]},
        "status": "active",
        "provision": {"period": {"start": "2025-06-01", "end": "2026-06-01"}},
    }
    at = ends + days * 86_400_000_000
    found = state("consent-expiring", consent, at)
    assert (found.key is not None) is (days >= -30)
    assert found.due == (ends - 30 * 86_400_000_000 if days < -30 else None)
    assert state("consent-expiring", consent | {"status": "inactive"}, at).key is None
    assert state("consent-expiring", consent | {"provision": {}}, at).key is None


@settings(max_examples=100, deadline=None)
@given(
    one=st.dictionaries(ELEMENTS, st.text(max_size=2), max_size=3),
    other=st.dictionaries(ELEMENTS, st.text(max_size=2), max_size=3),
)
def test_two_states_are_one_event_exactly_if_the_key_elements_are_the_same(one, other):
    document = {
        "topic": "t",
        "title": "T",
        "description": "T",
        "triggers": [{"resource": "Encounter", "key": ["class", "note"]}],
    }
    topic = ready(TopicSpec.model_validate(document), DENVER)
    states = [
        topic.state({"resourceType": "Encounter", "id": "e"} | each, at=NOW, zone=DENVER).key for each in (one, other)
    ]
    same = [one.get(name) for name in ("class", "note")] == [other.get(name) for name in ("class", "note")]
    assert (states[0] == states[1]) is same


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"triggers": []}, "triggers"),
        ({"triggers": [{"resource": "Patient"}]}, "triggers[0].resource"),
        ({"triggers": [{"resource": "Weather"}]}, "triggers[0].resource"),
        ({"triggers": [{"resource": "Encounter", "where": ["colour=red"]}]}, "triggers[0].where[0]"),
        (
            {"triggers": [{"resource": "Encounter", "ahead": {"element": "period.end", "days": 0}}]},
            "triggers[0].ahead.days",
        ),
        ({"filters": ["colour"]}, "filters[0]"),
        ({"topic": "Not A Name"}, "topic"),
        ({"more": 1}, "more"),
    ],
)
def test_a_topic_that_is_wrong_is_told_by_its_path(changed, path):
    document = {"topic": "t", "title": "T", "description": "T", "triggers": [{"resource": "Encounter"}]} | changed
    assert path in [problem.path for problem in check(TopicSpec, document, "topics/t.yaml")]


def test_two_topics_of_one_name_are_refused():
    document = {"topic": "booked", "title": "T", "description": "T", "triggers": [{"resource": "Encounter"}]}
    with pytest.raises(ConfigurationError, match="name of another topic"):
        read_topics({"topics/booked.yaml": document}, DENVER)


OURS = {
    "topic": "ours",
    "title": "Ours",
    "description": "What is ours.",
    "triggers": [{"resource": "Observation", "where": ["category=survey"], "key": ["meta.versionId"]}],
    "filters": ["_in", "patient", "result"],
}


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"filters": ["_in", "colour"]}, "filters[1]"),
        ({"filters": ["facility", "value-nonsense"]}, "filters[1]"),
        (
            {"triggers": [{"resource": "Observation", "where": ["category=survey", "nothing=1"]}]},
            "triggers[0].where[1]",
        ),
        ({"triggers": [{"resource": "Device"}]}, "triggers[0].resource"),
        ({"triggers": [{"resource": "Consent", "ahead": {"element": "a b", "days": 3}}]}, "triggers[0].ahead.element"),
        (
            {"triggers": [{"resource": "Consent", "ahead": {"element": "dateTime", "days": 0}}]},
            "triggers[0].ahead.days",
        ),
        ({"triggers": []}, "triggers"),
        ({"topic": "Not A Key"}, "topic"),
        ({"topic": "booked"}, "topic"),
        ({"colour": "red"}, "colour"),
        ({"title": ""}, "title"),
    ],
)
def test_what_is_wrong_with_a_topic_of_a_county_is_told_by_file_and_key(changed, path):
    with pytest.raises(ConfigurationError) as refused:
        read_topics({"topics/ours.yaml": OURS | changed}, DENVER)
    assert {one.where for one in refused.value.problems} == {"topics/ours.yaml"}
    (problem, *_) = refused.value.problems
    assert problem.path == path
    assert problem.expected or problem.message
