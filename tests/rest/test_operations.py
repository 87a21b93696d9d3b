"""`$explain`: for privacy officers; one constant for everyone else; refusals in the ledger; a request id everywhere."""

from __future__ import annotations

import json

import pytest
from fhir.resources.R4B.parameters import Parameters

from adapter.consent.explain import Finding
from adapter.services.explain import PRIVACY_OFFICER, Question
from adapter.services.trace import Explanation

pytestmark = pytest.mark.anyio
URL = "/fhir/$explain"
JSON = {"content-type": "application/fhir+json"}
FINDING = Finding(topic="law", outcome="deny", says="Nothing may pass.", citation="42 CFR 2.31")
THEN = Explanation(
    question="Observation/o for X",
    effect="PERMIT",
    findings=(FINDING, Finding(topic="consent", outcome="permit", says="It permits this.", source="Consent/c#p")),
    targets=("Observation/o",),
    now=Explanation(question="the same now", effect="DENY"),
)


def body(*pairs, kind="valueString"):
    return {"resourceType": "Parameters", "parameter": [{"name": name, kind: value} for name, value in pairs]}


RESOURCE = body(("recipient", "pretrial"), ("purpose", "TREAT"), ("resource", "Observation/o"))


@pytest.fixture
async def officer(services, client_of):
    services.explain.requests["r1"] = THEN
    headers = await services.headers("HCOMPL", client="officer", rights=(PRIVACY_OFFICER,))
    async with client_of(services) as caller:
        caller.headers.update(headers)
        yield caller


async def test_an_officer_gets_the_trace_as_parameters(officer, services):
    answer = await officer.post(URL, json=body(("request-id", "r1")), headers=JSON)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    Parameters.model_validate(told)
    assert services.explain.asked == [Question(request="r1")]
    (decision,) = told["parameter"]
    names = [part["name"] for part in decision["part"]]
    assert names == ["question", "effect", "resource", "finding", "finding", "now"]
    assert decision["part"][1] == {"name": "effect", "valueCode": "PERMIT"}
    assert decision["part"][3]["part"] == [
        {"name": "topic", "valueCode": "law"},
        {"name": "outcome", "valueCode": "deny"},
        {"name": "says", "valueString": "Nothing may pass."},
        {"name": "citation", "valueString": "42 CFR 2.31"},
    ]
    assert decision["part"][5]["part"][1] == {"name": "effect", "valueCode": "DENY"}


@pytest.mark.parametrize("kind", ["valueString", "valueCode", "valueId", "valueUri"])
async def test_a_resource_is_asked_for_a_recipient_and_a_purpose(officer, services, kind):
    pairs = [("recipient", "pretrial"), ("purpose", "TREAT"), ("resource", "Observation/o")]
    await officer.post(URL, json=body(*pairs, kind=kind), headers=JSON)
    assert services.explain.asked == [Question(recipient="pretrial", purpose="TREAT", resource="Observation/o")]
    assert str(services.explain.asked[0]) == "Observation/o for pretrial, TREAT"


async def test_a_request_that_the_ledger_does_not_have_is_told_to_the_officer(officer, issue_of):
    answer = await officer.post(URL, json=body(("request-id", "other")), headers=JSON)
    assert answer.status_code == 404
    assert "the ledger has no request with this id" in issue_of(answer)["diagnostics"]


ODD = [
    {},
    {"resourceType": "Parameters"},
    {"resourceType": "Parameters", "parameter": {}},
    {"resourceType": "Bundle", "parameter": []},
    {"resourceType": "Parameters", "parameter": ["request-id"]},
    {"resourceType": "Parameters", "parameter": [{"name": 1}]},
    {"resourceType": "Parameters", "parameter": [{"name": "request-id"}]},
    {"resourceType": "Parameters", "parameter": [{"name": "request-id", "valueString": 1}]},
    {"resourceType": "Parameters", "parameter": [{"name": "request-id", "valueString": "a", "valueCode": "a"}]},
    {"resourceType": "Parameters", "parameter": [{"name": "request-id", "valueString": "a", "odd": 1}]},
    body(),
    body(("person", "Jane Doe")),
    body(("request-id", "a b")),
    body(("request-id", "a"), ("request-id", "a")),
    body(("request-id", "a"), ("purpose", "TREAT")),
    body(("recipient", "pretrial"), ("purpose", "TREAT")),
    body(("recipient", "Pretrial!"), ("purpose", "TREAT"), ("resource", "Observation/o")),
    body(("recipient", "pretrial"), ("purpose", "TREAT"), ("resource", "Jane Doe")),
]


@pytest.mark.parametrize("sent", ODD)
async def test_what_is_no_question_is_refused_by_its_parameter(officer, services, gate, issue_of, sent):
    answer = await officer.post(URL, json=sent, headers=JSON)
    assert answer.status_code == 400
    assert "Jane" not in answer.text
    assert "expected `request-id`, or" in issue_of(answer)["diagnostics"]
    assert services.explain.asked == []
    ((caller, interaction, target, refused),) = gate.refused
    assert (caller.client, interaction, target, refused) == ("officer", "$explain", "", "400 invalid")


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", JSON, 400),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {}, 415),
        (b"{}", {"content-type": "application/fhir+json; charset=latin-1"}, 415),
        (b"{}", JSON | {"content-encoding": "gzip"}, 415),
        (b" " * (64 * 1024 + 1), JSON, 413),
        (json.dumps(body(("request-id", "r1"))).encode(), {"content-type": "application/json; charset=utf-8"}, 200),
    ],
)
async def test_the_body_is_json_of_a_bounded_size(officer, content, headers, status):
    assert (await officer.post(URL, content=content, headers=headers)).status_code == status


async def test_other_methods_tails_and_formats_are_refused(officer):
    assert (await officer.get(URL)).status_code == 405
    assert (await officer.get(URL)).headers["allow"] == "POST"
    assert (await officer.post(URL + "/x", json=RESOURCE, headers=JSON)).status_code == 404
    assert (await officer.post(URL + "?_format=ttl", json=RESOURCE, headers=JSON)).status_code == 406


async def test_without_the_right_one_constant_whatever_is_sent_and_whatever_exists(services, client_of, gate):
    services.explain.requests["r1"] = THEN
    gate.put("Observation", "o")
    headers = await services.headers(rights=("population-search",))
    sent = [
        json.dumps(one).encode() for one in (body(("request-id", "r1")), body(("request-id", "no")), RESOURCE, *ODD)
    ]
    answers = set()
    async with client_of(services) as caller:
        caller.headers.update(headers)
        for content in [*sent, b"", b"{", b"x" * 200_000]:
            for more in (JSON, {"content-type": "text/plain"}, JSON | {"accept": "text/html"}):
                answer = await caller.post(URL, content=content, headers=more)
                kept = {key: value for key, value in answer.headers.items() if key != "x-request-id"}
                answers.add((answer.status_code, answer.content, tuple(sorted(kept.items()))))
    ((status, content, _),) = answers
    assert status == 403
    assert b"privacy-officer" in content
    assert services.explain.asked == []
    assert {(target, refused) for _, _, target, refused in gate.refused} == {("", "403 forbidden")}


async def test_without_a_token_nobody_is_told_anything(services, client_of):
    async with client_of(services) as stranger:
        assert (await stranger.post(URL, json=body(("request-id", "r1")), headers=JSON)).status_code == 401


async def test_the_statement_declares_the_operation(officer):
    (rest,) = (await officer.get("/fhir/metadata")).json()["rest"]
    (operation,) = rest["operation"]
    assert operation["name"] == "explain"
    assert operation["definition"].endswith("/OperationDefinition/explain")


REFUSED = [
    ("GET", "/fhir/Observation?date=x", {}, "search-type", "400 invalid date"),
    ("GET", "/fhir/Observation?jane=doe", {}, "search-type", "400 not-supported"),
    ("GET", "/fhir/Observation?_count=x", {}, "search-type", "400 invalid _count"),
    ("GET", "/fhir/Observation?%zz", {}, "search-type", "400 invalid"),
    ("GET", "/fhir/Observation?_cursor=abc", {}, "search-type", "400 invalid _cursor"),
    ("GET", "/fhir/Observation?x=" + "y" * 20_000, {}, "search-type", "414 refused"),
    ("GET", "/fhir/Observation", {"accept": "text/html"}, "search-type", "406 not-supported"),
    ("POST", "/fhir/Observation/_search", {"content-type": "text/plain"}, "search-type", "415 refused"),
    ("GET", "/fhir/Observation/Jane~Doe", {}, "read", "404 malformed-id"),
    ("GET", "/fhir/Observation/x?colour=red", {}, "read", "400 not-supported"),
    ("HEAD", "/fhir/Observation/x", {"accept": "text/html"}, "read", "406 not-supported"),
]


@pytest.mark.parametrize(("method", "url", "headers", "interaction", "outcome"), REFUSED)
async def test_what_is_refused_before_the_gate_is_in_the_ledger(
    client, gate, method, url, headers, interaction, outcome
):
    answer = await client.request(method, url, headers=headers)
    ((caller, said, target, refused),) = gate.refused
    assert (said, target, refused) == (interaction, "Observation", outcome)
    assert caller.request_id == answer.headers["x-request-id"]
    assert gate.reads == gate.searches == []


async def test_what_the_gate_answers_is_not_entered_twice(client, gate):
    gate.put("Patient", "p1")
    await client.get("/fhir/Patient/p1")
    await client.get("/fhir/Patient/p2")
    await client.get("/fhir/Patient?_id=p1")
    assert gate.refused == []


async def test_every_answer_of_every_kind_carries_its_request_id_and_no_body_holds_it(services, client_of, gate):
    headers = await services.headers(rights=("population-search", PRIVACY_OFFICER))
    gate.put("Patient", "p1")
    asked = [
        ("GET", "/fhir/Patient/p1", {}, 200),
        ("HEAD", "/fhir/Patient/p1", {}, 200),
        ("GET", "/fhir/Patient", {}, 200),
        ("GET", "/fhir/metadata", {}, 200),
        ("GET", "/health/live", {}, 200),
        ("GET", "/health/ready", {}, 200),
        ("GET", "/fhir/Patient?x=1", {}, 400),
        ("GET", "/fhir/Patient/p1", {"authorization": "Bearer wrong"}, 401),
        ("GET", "/fhir/Patient/p1", {"x-purpose-of-use": "BTG"}, 403),
        ("GET", "/fhir/Patient/p2", {}, 404),
        ("GET", "/fhir/Nothing/x", {}, 404),
        ("GET", "/fhir", {}, 405),
        ("GET", "/", {}, 404),
        ("PUT", "/fhir/Patient/p1", {}, 403),
        ("PUT", "/fhir/Organization/p1", {}, 405),
        ("DELETE", "/health/live", {}, 405),
        ("GET", "/fhir/Patient", {"accept": "text/html"}, 406),
        ("POST", "/fhir/Patient/_search", {"content-type": "application/x-www-form-urlencoded"}, 413),
        ("GET", "/fhir/Patient?x=" + "y" * 20_000, {}, 414),
        ("POST", "/fhir/Patient/_search", {"content-type": "text/plain"}, 415),
        ("POST", "/fhir/$explain", {"content-type": "text/plain"}, 415),
    ]
    seen = set()
    async with client_of(services) as caller:
        for method, url, more, status in asked:
            content = b"x" * 70_000 if method == "POST" else None
            answer = await caller.request(method, url, headers=headers | more, content=content)
            seen.add(check(answer, status))
        gate.raises = RuntimeError("Jane Doe")
        seen.add(check(await caller.get("/fhir/Patient/p1", headers=headers), 500))
    assert len(seen) == len(asked) + 1


def check(answer, status):
    request = answer.headers["x-request-id"]
    assert (answer.status_code, len(answer.headers.get_list("x-request-id"))) == (status, 1)
    assert request not in answer.text
    return request
