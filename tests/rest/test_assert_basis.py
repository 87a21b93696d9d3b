"""`$assert-basis`: read strictly, one answer, and nothing of a person in any of it."""

from __future__ import annotations

import asserting
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.errors import Conflict, NotAllowed, RequestError, TooMany, Unavailable

pytestmark = pytest.mark.anyio
URL = "/fhir/Patient/$assert-basis"
JSON = {"content-type": "application/fhir+json"}


@pytest.fixture
def send(client):
    async def post(document, **changed):
        return await client.post(URL, **({"json": document, "headers": JSON} | changed))

    return post


def without(name):
    document = asserting.body()
    return document | {"parameter": [one for one in document["parameter"] if one["name"] != name]}


def with_part(**part):
    return asserting.body(more=(part,))


async def test_what_is_sent_is_what_is_asserted(send, services):
    more = (
        {"name": "source", "valueReference": {"reference": "https://county.example/fhir/Organization/clinic"}},
        {"name": "start", "valueDateTime": "2026-11-22T12:00:00-07:00"},
        {"name": "stop", "valueInstant": "2026-11-22T20:00:00Z"},
        {"name": "purpose", "valueCode": "TREAT"},
        {"name": "fact", "part": [{"name": "value", "valueBoolean": False}, {"name": "name", "valueCode": "notes"}]},
    )
    answer = await send(asserting.body("p7", request="k1", more=more))
    assert (answer.status_code, answer.headers["cache-control"]) == (202, "no-store")
    ((caller, asking),) = services.assertions.asked
    assert (caller.organisation, caller.purpose) == ("Organization/cottonwood", "TREAT")
    assert (asking.request, asking.whom.patient, asking.purpose) == ("k1", "p7", "TREAT")
    assert asking.assertion.basis == "E"
    assert asking.assertion.classes == asserting.SUMMARY
    assert asking.assertion.units == ("Organization/clinic",)
    assert asking.assertion.facts == (*asserting.flat(asserting.FACTS["E"]), ("notes", False))
    assert asking.assertion.stop - asking.assertion.start == 3_600_000_000
    assert (asking.assertion.recipient, asking.assertion.purpose) == ("", "")


async def test_of_a_person_only_what_recognises_them_is_taken(send, services):
    known = {
        "resourceType": "Patient",
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "433-27-5914"}],
        "name": [{"family": "Marsh", "given": ["Ada"]}],
        "birthDate": "1980-04-02",
        "gender": "female",
    }
    assert (await send(asserting.body(person=known | {"address": [{"city": "x"}]}))).status_code == 202
    ((_, asking),) = services.assertions.asked
    assert asking.whom.person == {name: value for name, value in known.items() if name != "resourceType"}


async def test_the_answer_is_one_constant(send):
    answers = [await send(asserting.body(patient)) for patient in ("p1", "p2")]
    assert answers[0].content == answers[1].content
    assert b"p1" not in answers[0].content
    assert set(answers[0].headers) - {"x-request-id"} == set(answers[1].headers) - {"x-request-id"}


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (without("request"), "request"),
        (without("basis"), "basis"),
        (without("patient"), "patient"),
        (asserting.body(request="no spaces"), "request"),
        (asserting.body("../Observation"), "patient"),
        (asserting.body("p1/_history/1"), "patient"),
        (with_part(name="patient", valueReference={"reference": "Patient/p2"}), "patient"),
        (with_part(name="person", resource={"resourceType": "Patient"}), "patient"),
        (with_part(name="basis", valueCode="J"), "basis"),
        (with_part(name="start", valueDateTime="yesterday"), "start"),
        (with_part(name="start", valueDateTime=7), "start"),
        (with_part(name="stop", valueString="2026-11-22"), "stop"),
        (with_part(name="source", valueReference={"reference": "Patient/p2"}), "source"),
        (with_part(name="source", valueReference="Organization/x"), "source"),
        (with_part(name="class", valueCode=7), "class"),
        (with_part(name="class", valueCode="a", extra=1), "class"),
        (with_part(name="fact", part=[]), "fact"),
        (with_part(name="fact", part="x"), "fact"),
        (with_part(name="fact", part=[{"name": "name", "valueCode": "a"}] * 2), "fact"),
        (
            with_part(name="fact", part=[{"name": "name", "valueCode": "A B"}, {"name": "value", "valueCode": "b"}]),
            "fact",
        ),
        (
            with_part(name="fact", part=[{"name": "name", "valueCode": "a"}, {"name": "value", "valueString": 5}]),
            "fact",
        ),
        (asserting.body(person={"resourceType": "Person"}), "person"),
        (asserting.body(person={"resourceType": "Patient", "birthDate": 5}), "person"),
        (asserting.body(person={"resourceType": "Patient", "identifier": [5]}), "person"),
        (asserting.body(person={"resourceType": "Patient", "identifier": {"value": "1"}}), "person"),
        (asserting.body(person={"resourceType": "Patient", "identifier": [{"value": 5}]}), "person"),
        (asserting.body(person={"resourceType": "Patient", "name": [{"given": "Ada"}]}), "person"),
        (asserting.body(person={"resourceType": "Patient", "name": [{"given": [5]}]}), "person"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_asserted(send, services, issue_of, document, named):
    answer = await send(document)
    assert answer.status_code == 400
    assert issue_of(answer)["expression"] == [named]
    assert services.assertions.asked == []


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'"x"', b'{"resourceType":"Parameters"}', b'{"resourceType":"Patient","parameter":[]}',
     b'{"resourceType":"Parameters","parameter":[5]}', b'{"resourceType":"Parameters","parameter":[{"name":"other"}]}',
     b'{"resourceType":"Parameters","parameter":[{"name":["basis"]}]}', b'{"parameter":"\\ud800"}', b"\xff"],
)  # fmt: skip
async def test_a_body_that_is_no_parameters_is_refused(send, services, issue_of, content):
    answer = await send(None, json=None, content=content)
    assert answer.status_code == 400
    assert "expression" not in issue_of(answer)
    assert services.assertions.asked == []


@pytest.mark.parametrize("media", ["application/x-www-form-urlencoded", "text/plain", "application/pdf", ""])
async def test_another_media_type_is_refused(client, issue_of, media):
    answer = await client.post(URL, content=b"{}", headers={"content-type": media} if media else {})
    assert answer.status_code == 415
    issue_of(answer)


async def test_a_compressed_or_large_body_is_refused(send):
    document = asserting.body()
    assert (await send(document, headers=JSON | {"content-encoding": "gzip"})).status_code == 415
    assert (await send(with_part(name="class", valueCode="x" * 70_000))).status_code == 413


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_only_posting_asserts(client, method):
    answer = await client.request(method, URL)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "url", ["/fhir/$assert-basis", "/fhir/Patient/p1/$assert-basis", "/fhir/Observation/$assert-basis"]
)
async def test_it_is_an_operation_on_the_type_patient_alone(client, services, url):
    answer = await client.post(url, json=asserting.body(), headers=JSON)
    assert answer.status_code in {404, 405}
    assert services.assertions.asked == []


async def test_parameters_in_the_url_are_refused(client, issue_of):
    answer = await client.post(f"{URL}?basis=E", json=asserting.body(), headers=JSON)
    assert (answer.status_code, issue_of(answer)["expression"]) == (400, ["basis"])
    assert (await client.post(f"{URL}?_format=json", json=asserting.body(), headers=JSON)).status_code == 202
    assert (await client.post(URL, json=asserting.body(), headers=JSON | {"accept": "text/csv"})).status_code == 406


async def test_a_token_is_needed(client_of, services):
    async with client_of(services) as nobody:
        assert (await nobody.post(URL, json=asserting.body(), headers=JSON)).status_code == 401


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (NotAllowed("no"), 403),
        (Conflict("key used", expression="request"), 409),
        (TooMany("too many"), 429),
        (RequestError("a fact is missing", expression="fact"), 400),
        (Unavailable("locked"), 503),
    ],
)
async def test_a_refusal_has_its_status(send, services, issue_of, raised, status):
    services.assertions.raises = raised
    answer = await send(asserting.body())
    assert answer.status_code == status
    issue_of(answer)
    assert ("retry-after" in answer.headers) is (status in {429, 503})


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["request", "patient", "person", "basis", "class", "source", "start", "fact", "other"])
VALUES = st.sampled_from(["valueString", "valueCode", "valueReference", "valueDateTime", "resource", "part"])
PARTS = st.builds(lambda name, element, value: {"name": name, element: value}, NAMES, VALUES, JSON_VALUES)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(PARTS, max_size=4), keep=st.booleans())
async def test_no_body_is_a_defect(send, parts, keep):
    document = asserting.body()
    document["parameter"] = [*(document["parameter"] if keep else ()), *parts]
    assert (await send(document)).status_code in {202, 400}
