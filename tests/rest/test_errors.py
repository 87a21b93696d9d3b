from __future__ import annotations

import logging

import pytest

from adapter.errors import InvalidResource, Issue, NotSupported, RequestError
from adapter.rest.errors import DEFECT, NO_TOKEN, answer_to

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "path",
    [
        "/fhir/Medication/m1",
        "/fhir/Medication",
        "/fhir/patient/p1",
        "/fhir/Patient/",
        "/fhir/Patient/p1/",
        "/fhir/Patient/p1/_history/",
        "/fhir/Patient/p1/_history/1/2",
        "/fhir/Patient/p1/$export",
        "/fhir/Observation/o1/$everything",
        "/fhir/Group/g1/_history",
        "/fhir/exports/e1/1.json",
        "/fhir/metadata/x",
        "/fhir//Patient",
        "/",
        "/nowhere",
        "/health",
        "/docs",
    ],
)
async def test_an_address_that_is_not_offered_is_a_404_that_says_so(client, gate, issue_of, path):
    answer = await client.get(path)
    assert answer.status_code == 404
    assert issue_of(answer)["code"] == "not-supported"
    assert gate.reads == gate.searches == []


async def test_an_unknown_type_is_one_constant(client):
    first, second = await client.get("/fhir/Medication/m1"), await client.get("/fhir/Media?code=x")
    assert first.content == second.content


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/fhir/Organization", "GET, HEAD"),
        ("PUT", "/fhir/Organization/p1", "GET, HEAD"),
        ("PATCH", "/fhir/Location/p1", "GET, HEAD"),
        ("DELETE", "/fhir/Appointment/p1", "GET, HEAD"),
        ("OPTIONS", "/fhir/Patient/p1", "GET, HEAD, PUT, PATCH, DELETE"),
        ("POST", "/fhir/Patient/p1", "GET, HEAD, PUT, PATCH, DELETE"),
        ("DELETE", "/fhir/Patient", "GET, HEAD, POST, PUT"),
        ("GET", "/fhir", "POST"),
        ("PUT", "/fhir/", "POST"),
        ("GET", "/fhir/Patient/_search", "POST"),
        ("POST", "/fhir/metadata", "GET, HEAD"),
        ("POST", "/health/live", "GET"),
    ],
)
async def test_a_method_that_is_not_offered_names_those_that_are(client, gate, issue_of, method, path, allowed):
    answer = await client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert issue_of(answer)["code"] == "not-supported"
    assert gate.reads == gate.searches == []


async def test_no_token_is_a_401_with_a_challenge(client, services, client_of, issue_of):
    async with client_of(services) as stranger:
        for path in ("/fhir/Patient/p1", "/fhir/Patient?name=x", "/fhir/Patient/no_such~form"):
            answer = await stranger.get(path)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert issue_of(answer)["code"] == "login"
            assert answer.content == NO_TOKEN.body
        assert (await stranger.post("/fhir/Patient/_search", data={"name": "x"})).status_code == 401


async def test_a_revoked_token_is_refused_by_the_next_request(client, gate, services):
    gate.put("Patient", "p1")
    assert (await client.get("/fhir/Patient/p1")).status_code == 200
    services.store.revoke_all()
    assert (await client.get("/fhir/Patient/p1")).status_code == 401


async def test_the_purpose_of_use_is_chosen_by_header(services, gate, client_of, issue_of):
    gate.put("Patient", "p1")
    async with client_of(services) as two:
        two.headers.update(await services.headers("TREAT", "discharge-planning"))
        unchosen = await two.get("/fhir/Patient/p1")
        assert unchosen.status_code == 400
        assert "X-Purpose-Of-Use" in issue_of(unchosen)["diagnostics"]
        ungranted = [
            await two.get("/fhir/Patient/p1", headers={"X-Purpose-Of-Use": purpose})
            for purpose in ("BTG", "supervision")
        ]
        assert [answer.status_code for answer in ungranted] == [403, 403]
        assert ungranted[0].content == ungranted[1].content
        chosen = await two.get("/fhir/Patient/p1", headers={"X-Purpose-Of-Use": "discharge-planning"})
        assert chosen.status_code == 200
        assert [caller.purpose for caller, _, _ in gate.reads] == ["discharge-planning"]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Patient/p1 Doe, Jane"),
        KeyError("Jane"),
        InvalidResource([Issue(path="Patient.name", code="structure", message="Jane")]),
    ],
)
async def test_a_defect_is_a_500_that_quotes_nothing_in_answer_or_log(client, gate, issue_of, caplog, error):
    gate.raises = error
    with caplog.at_level(logging.ERROR):
        answer = await client.get("/fhir/Patient/p1")
    assert answer.status_code == 500
    assert answer.content == DEFECT.body
    assert issue_of(answer)["code"] == "exception"
    assert answer.headers["x-request-id"] in caplog.text
    assert type(error).__name__ in caplog.text
    assert "conftest.py" in caplog.text
    assert "Jane" not in caplog.text + answer.text
    assert "p1" not in caplog.text + answer.text


async def test_every_issue_says_what_is_wrong_and_where():
    said = answer_to(RequestError("expected a date", expression="birthdate"), "request-1")
    assert said.status == 400
    assert b'"expression":["birthdate"]' in said.body
    assert b"expected a date" in said.body
    unsupported = answer_to(NotSupported("not offered"), "request-1")
    assert unsupported.status == 400
    assert b'"not-supported"' in unsupported.body
    assert b"expression" not in unsupported.body


async def test_a_parameter_name_too_strange_to_be_one_is_not_repeated():
    said = answer_to(RequestError("unknown parameter", expression="Jane Doe 1990-01-02"), "request-1")
    assert b"Jane" not in said.body
