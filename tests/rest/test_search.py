from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from adapter.errors import Unavailable
from adapter.rest.search import CAUTION

pytestmark = pytest.mark.anyio

FORM = {"content-type": "application/x-www-form-urlencoded"}


def _links(answer):
    return {link["relation"]: link["url"] for link in answer.json()["link"]}


def _pairs(url):
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


def _matches(answer):
    return [entry for entry in answer.json()["entry"] if entry["search"]["mode"] == "match"]


def _outcomes(answer):
    return [entry["resource"] for entry in answer.json()["entry"] if entry["search"]["mode"] == "outcome"]


def _without_request_id(answer):
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}


async def test_a_page_carries_exact_total_full_urls_and_the_bytes_of_the_gate(client, gate, services):
    gate.put("Observation", "o1", "o2")
    answer = await client.get("/fhir/Observation?patient=p1&category=survey")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/fhir+json"
    bundle = answer.json()
    assert (bundle["resourceType"], bundle["type"], bundle["total"]) == ("Bundle", "searchset", 2)
    assert [entry["fullUrl"] for entry in _matches(answer)] == [
        f"{services.base_url}/Observation/o1",
        f"{services.base_url}/Observation/o2",
    ]
    for entry in gate.visible.values():
        assert entry.body in answer.content


async def test_the_caution_is_said_to_everyone_hit_or_none(client, gate):
    empty = await client.get("/fhir/Observation?patient=p1")
    gate.put("Observation", "o1")
    hit = await client.get("/fhir/Observation?patient=p1")
    counted = await client.get("/fhir/Observation?patient=p1&_summary=count")
    for answer in (empty, hit, counted):
        (said,) = _outcomes(answer)
        assert said["resourceType"] == "OperationOutcome"
        (issue,) = said["issue"]
        assert issue["severity"] == "information"
        assert CAUTION in json.dumps(issue)


async def test_a_notice_of_the_gate_is_added_and_loses_nothing(client, gate):
    notice = {
        "resourceType": "OperationOutcome",
        "meta": {"tag": [{"code": "NORDSCLCD"}]},
        "issue": [{"severity": "information", "code": "informational", "diagnostics": "42 CFR part 2 prohibits"}],
    }
    gate.notice = json.dumps(notice).encode()
    said = _outcomes(await client.get("/fhir/Observation?patient=p1"))
    assert notice["issue"][0] in [issue for each in said for issue in each["issue"]]
    assert CAUTION in json.dumps(said)
    assert notice["meta"] in [each.get("meta") for each in said]


async def test_same_request_same_bytes(client, gate):
    gate.put("Observation", "o1", "o2", "o3")
    first, second = [await client.get("/fhir/Observation?patient=p1&_count=2") for _ in range(2)]
    assert first.content == second.content
    assert _without_request_id(first) == _without_request_id(second)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
async def test_following_next_visits_everything_once_with_one_total(client, gate, count):
    idents = [f"o{number}" for number in range(7)]
    gate.put("Observation", *idents)
    visited, totals = [], set()
    url = f"/fhir/Observation?patient=p1&_count={count}&_sort=date"
    while url:
        answer = await client.get(url)
        assert answer.status_code == 200
        visited += [entry["resource"]["id"] for entry in _matches(answer)]
        totals.add(answer.json()["total"])
        url = _links(answer).get("next")
    assert visited == idents
    assert totals == {7}


async def test_there_is_no_next_when_there_is_no_more(client, gate):
    gate.put("Observation", "o1", "o2")
    assert set(_links(await client.get("/fhir/Observation?patient=p1&_count=2"))) == {"self"}
    assert set(_links(await client.get("/fhir/Observation?patient=p1&_count=1"))) == {"self", "next"}


async def test_self_tells_the_query_as_understood(client, services):
    asked = "patient=Patient/p1&code=http://loinc.org|44249-1,x&date=ge2026-01-01&_count=9999"
    answer = await client.get(f"/fhir/Observation?{asked}")
    link = _links(answer)["self"]
    assert link.startswith(f"{services.base_url}/Observation?")
    assert _pairs(link) == [
        ("patient", "Patient/p1"),
        ("code", "http://loinc.org|44249-1,x"),
        ("date", "ge2026-01-01"),
        ("_count", "200"),
    ]
    assert _links(await client.get("/fhir/Organization")) == {"self": f"{services.base_url}/Organization"}


async def test_a_cursor_serves_only_who_was_given_it_and_for_what(services, gate, client_of, issue_of):
    gate.put("Observation", *[f"o{number}" for number in range(4)])
    one = await services.headers("TREAT", "discharge-planning")
    other = await services.headers("TREAT", client="ehr-2")
    async with client_of(services) as caller:
        treating = one | {"x-purpose-of-use": "TREAT"}
        first = await caller.get("/fhir/Observation?patient=p1&code=a&_count=2", headers=treating)
        onward = _links(first)["next"]
        assert (await caller.get(onward, headers=treating)).status_code == 200
        foreign = [
            await caller.get(onward, headers=other),
            await caller.get(onward, headers=one | {"x-purpose-of-use": "discharge-planning"}),
            await caller.get(onward.replace("code=a", "code=b"), headers=treating),
            await caller.get(onward.replace("patient=p1", "patient=p2"), headers=treating),
            await caller.get(onward.replace("code=a", "code=a&status=final"), headers=treating),
            await caller.get(onward.replace("/Observation?", "/Condition?"), headers=treating),
            await caller.get(onward[:-1] + ("A" if onward[-1] != "A" else "B"), headers=treating),
            await caller.get(onward[:-9], headers=treating),
            await caller.get("/fhir/Observation?patient=p1&code=a&_cursor=" + "A" * 3000, headers=treating),
            await caller.get("/fhir/Observation?patient=p1&code=a&_cursor=%21%C3%A9", headers=treating),
        ]
    assert [answer.status_code for answer in foreign] == [400] * len(foreign)
    assert {issue_of(answer)["expression"][0] for answer in foreign} == {"_cursor"}
    assert len({answer.content for answer in foreign}) == 1


async def test_another_page_size_or_order_of_parameters_is_the_same_search(client, gate):
    gate.put("Observation", *[f"o{number}" for number in range(6)])
    first = await client.get("/fhir/Observation?patient=p1&code=a,b&_count=2")
    cursor = dict(_pairs(_links(first)["next"]))["_cursor"]
    second = await client.get(f"/fhir/Observation?_count=3&code=b,a&patient=p1&_cursor={cursor}&_format=json")
    assert [entry["resource"]["id"] for entry in _matches(second)] == ["o2", "o3", "o4"]


async def test_a_posted_search_is_the_same_search(client, gate):
    gate.put("Observation", "o1", "o2", "o3")
    got = await client.get("/fhir/Observation?patient=p1&code=a&_count=2")
    posted = await client.post("/fhir/Observation/_search", data={"patient": "p1", "code": "a", "_count": "2"})
    assert posted.status_code == 200
    assert posted.content == got.content


async def test_parameters_of_url_and_form_both_count_and_a_repeat_counts_once(client, gate):
    both = await client.post(
        "/fhir/Observation/_search?patient=p1&_count=2&code=a", data={"code": ["a", "b"], "_count": "2"}
    )
    assert both.status_code == 200
    assert _pairs(_links(both)["self"]) == [("patient", "p1"), ("_count", "2"), ("code", "a"), ("code", "b")]
    ((_, query, _),) = gate.searches
    assert [each.param for each in query.filters].count("code") == 2


async def test_a_form_may_be_empty_when_the_url_says_it_all(client):
    assert (await client.post("/fhir/Observation/_search?patient=p1")).status_code == 200


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content-type": "application/json"}, b"{}", 415),
        ({"content-type": "application/fhir+json"}, b"{}", 415),
        ({"content-type": "application/x-www-form-urlencoded; charset=latin-1"}, b"patient=p1", 415),
        ({}, b"patient=p1", 415),
        (FORM | {"content-encoding": "gzip"}, b"patient=p1", 415),
        (FORM, b"patient=" + b"p" * 64 * 1024, 413),
        (FORM, b"patient=%ff", 400),
        (FORM, b"patient=\xff", 400),
        (FORM, b"patient=%zz", 400),
        (FORM, b"patient", 400),
        (FORM, b"patient=p1%00", 400),
        (FORM, b"&".join([b"patient=p1"] * 129), 400),
    ],
)
async def test_a_form_that_cannot_be_read_is_refused(client, gate, issue_of, headers, body, status):
    answer = await client.post("/fhir/Observation/_search", content=body, headers=headers)
    assert answer.status_code == status
    assert issue_of(answer)["code"] in {"invalid", "not-supported", "too-long"}
    assert gate.searches == []


async def test_a_large_form_is_refused_however_it_arrives(client, gate, issue_of):
    async def chunks():
        for _ in range(80):
            yield b"p" * 1024

    answer = await client.post("/fhir/Observation/_search", content=chunks(), headers=FORM)
    assert (answer.status_code, issue_of(answer)["code"]) == (413, "too-long")
    assert gate.searches == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("patient=%ff", 400),
        ("patient=%zz", 400),
        ("patient", 400),
        ("patient=p1%0a", 400),
        ("patient=" + "p" * 17_000, 414),
        ("&".join(["code=a"] * 129), 400),
    ],
)
async def test_a_query_string_that_cannot_be_read_is_refused(client, gate, issue_of, query, status):
    answer = await client.get(f"/fhir/Observation?{query}")
    assert answer.status_code == status
    issue_of(answer)
    assert gate.searches == []


@pytest.mark.parametrize(
    "query",
    ["colour=red", "patient:above=x", "_include=Observation:code", "_has:Observation:patient:code=x", "patient.name=x"],
)
async def test_what_is_not_understood_is_refused_by_name_and_never_dropped(client, gate, issue_of, query):
    answer = await client.get(f"/fhir/Observation?patient=p1&{query}")
    assert answer.status_code == 400
    issue = issue_of(answer)
    assert query.partition("=")[0].partition(":")[0] in json.dumps(issue)
    assert gate.searches == []


async def test_a_search_of_everyone_needs_the_right(services, gate, client_of, issue_of):
    async with client_of(services) as narrow:
        narrow.headers.update(await services.headers())
        answer = await narrow.get("/fhir/Observation")
    assert (answer.status_code, issue_of(answer)["code"]) == (403, "forbidden")


async def test_an_answer_that_cannot_be_given_is_never_a_shorter_one(client, gate, issue_of):
    gate.put("Observation", "o1")
    gate.raises = Unavailable("a rule cannot be filled")
    answer = await client.get("/fhir/Observation?patient=p1")
    assert (answer.status_code, issue_of(answer)["code"]) == (503, "transient")


async def test_head_of_a_search_has_no_body(client, gate):
    gate.put("Observation", "o1")
    head = await client.head("/fhir/Observation?patient=p1")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 0
