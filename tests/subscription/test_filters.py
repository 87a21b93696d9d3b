"""Filters: what of a topic a subscription is told of."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from adapter.errors import RequestError
from adapter.services.topics import read_topics
from adapter.subscription.filters import read_filters

DENVER = ZoneInfo("America/Denver")
TOPICS = {topic.spec.topic: topic for topic in read_topics({}, DENVER).values()}
BASE = "https://county.example/fhir"
HIGH = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]},
    "valueCodeableConcept": {"coding": [{"system": "s", "code": "high"}]},
}


def filters(*texts, topic="screening-summary"):
    groups = []
    for text in texts:
        kind, mark, query = text.partition("?")
        groups.append((kind if mark else "", tuple(tuple(one.split("=", 1)) for one in (query or kind).split("&"))))
    return read_filters(groups, TOPICS[topic], base_url=BASE, zone=DENVER)


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ((), True),
        (("result=high",), True),
        (("result=s|high",), True),
        (("result=low,high",), True),
        (("result=low",), False),
        (("result=high", "result=low"), False),
        (("Observation?code=44261-6",), True),
        (("Observation?code=44261-6&status=final",), True),
        (("code=93374-7",), False),
        (("code=44261-6", "status=amended"), False),
    ],
)
def test_all_filters_have_to_hold_and_one_of_their_values(texts, told):
    assert filters(*texts).resource(HIGH, "", DENVER) is told


def test_a_person_is_anyone_of_the_records_that_are_the_same():
    asked = filters(f"patient=p1,{BASE}/Patient/p2")
    assert asked.of_persons
    assert asked.person({"Patient/p2", "Patient/p9"})
    assert not asked.person({"Patient/p9"})
    both = filters("patient=p1", "patient=p9")
    assert not both.person({"Patient/p1"})


def test_an_agency_is_compared_where_it_may_be_known():
    asked = filters("agency=Organization/jail", topic="booked")
    encounter = {"resourceType": "Encounter", "id": "e1"}
    assert asked.resource(encounter, "Organization/jail", DENVER)
    assert not asked.resource(encounter, "Organization/court", DENVER)
    assert not asked.resource(encounter, "", DENVER)


def test_a_facility_is_a_place_by_its_reference_its_name_or_a_part_of_its_number():
    number = {"value": "POD-A^1^1^ALDERJAIL"}
    here = {"location": {"identifier": number, "display": "POD-A"}, "status": "active"}
    before = {"location": {"reference": "Location/intake"}, "status": "completed"}
    encounter = {"resourceType": "Encounter", "id": "e1", "location": [before, here]}
    for text, fits in {
        "ALDERJAIL": True,
        "POD-A": True,
        "POD-A^1^1^ALDERJAIL": True,
        "BIRCH,ALDERJAIL": True,
        "Location/intake": False,
        "ALDER": False,
        "Organization/jail": True,
    }.items():
        asked = filters(f"facility={text}", topic="booked")
        assert asked.resource(encounter, "Organization/jail", DENVER) is fits
    at = filters(f"facility={BASE}/Location/intake", topic="moved")
    assert at.resource({**encounter, "location": [before | {"status": "active"}]}, "", DENVER)


def test_a_group_is_named_once():
    assert filters(f"_in=Group/g,{BASE}/Group/h").panels == ("g", "h")
    assert filters("_in=g").of_persons
    with pytest.raises(RequestError):
        filters("_in=Group/g", "_in=Group/h")


@pytest.mark.parametrize(
    "text", ["_in=Patient/x", "facility=", "patient=a/b", "patient=", "date=never", "agency=Patient/x"]
)
def test_a_value_that_cannot_be_read_is_refused(text):
    with pytest.raises(RequestError) as refused:
        filters(text, topic="booked" if text.startswith("facility") else "screening-summary")
    assert refused.value.expression == "Subscription.criteria"
