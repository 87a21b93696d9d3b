from __future__ import annotations

import pytest

from adapter.errors import Issue
from adapter.fhir.codec import dump, parse
from adapter.fhir.outcome import outcome
from adapter.rest.search import CAUTION

pytestmark = pytest.mark.anyio
PLACE = "/fhir/Patient/p1/$everything"


@pytest.fixture(autouse=True)
def one(gate):
    gate.put("Patient", "p1")
    return gate.visible["Patient", "p1"]


async def test_it_is_a_searchset_with_the_sentence_of_every_searchset(client, one):
    bundle = parse((await client.get(PLACE)).content)
    assert (bundle["type"], bundle["total"]) == ("searchset", 1)
    assert [entry["search"]["mode"] for entry in bundle["entry"]] == ["match", "outcome"]
    assert dump(bundle["entry"][0]["resource"]) == one.body
    assert [issue["diagnostics"] for issue in bundle["entry"][1]["resource"]["issue"]] == [CAUTION]


async def test_what_is_due_is_said_once_more_for_the_bundle(client, gate):
    gate.notice = outcome([Issue(path="", code="business-rule", message="redisclosure is prohibited")], "information")
    bundle = (await client.get(PLACE)).json()
    told = [issue["diagnostics"] for issue in bundle["entry"][-1]["resource"]["issue"]]
    assert told == [CAUTION, "redisclosure is prohibited"]


async def test_pages_are_followed_by_cursors_of_the_same_question_alone(client):
    first = (await client.get(f"{PLACE}?_count=1&_type=Patient,Observation")).json()
    link = {one["relation"]: one["url"] for one in first["link"]}["next"]
    assert "_type=Patient,Observation" in link
    second = (await client.get(link)).json()
    assert [one["relation"] for one in second["link"]] == ["self"]
    cursor = link.rpartition("_cursor=")[2]
    assert (await client.get(f"{PLACE}?_cursor={cursor}")).status_code == 400


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("start=2026-01-01", "start"),
        ("end=2026-01-01", "end"),
        ("_type=Organization", "_type"),
        ("_type=Nothing", "_type"),
        ("_type=", "_type"),
        ("_since=2026-01-01", "_since"),
        ("_count=-1", "_count"),
        ("_type=Patient&_type=Observation", "_type"),
        ("_cursor=", "_cursor"),
        ("_include=x", "_include"),
    ],
)
async def test_what_it_does_not_take_is_refused_by_name(client, issue_of, gate, query, named):
    answer = await client.get(f"{PLACE}?{query}")
    assert answer.status_code == 400
    assert issue_of(answer)["expression"] == [named]
    assert gate.reads == []


async def test_absent_and_malformed_are_the_404_of_any_id(client):
    answers = [await client.get(f"/fhir/Patient/{ident}/$everything") for ident in ("absent", "a~b")]
    plain = await client.get("/fhir/Patient/absent")
    assert {answer.content for answer in answers} == {plain.content}


async def test_it_is_only_read(client):
    assert (await client.post(PLACE)).status_code == 405
