from __future__ import annotations

import pytest

from adapter.fhir.codec import parse
from adapter.fhir.xml_parse import XmlReader

pytestmark = pytest.mark.anyio
PLACE = "/fhir/Observation/o1/_history"


@pytest.fixture(autouse=True)
def one(gate):
    gate.put("Observation", "o1")
    return gate.visible["Observation", "o1"]


async def test_a_vread_is_the_version_with_its_tag(client, one):
    answer = await client.get(f"{PLACE}/v-o1")
    assert (answer.status_code, answer.content) == (200, one.body)
    assert answer.headers["etag"] == 'W/"v-o1"'
    assert answer.headers["last-modified"] == "Mon, 02 Mar 2026 15:00:00 GMT"
    assert answer.headers["cache-control"] == "no-store"


async def test_unknown_withheld_and_malformed_versions_are_one_answer(client, services):
    answers = [
        await client.get(f"/fhir/Observation/{path}")
        for path in ("o1/_history/v-2", "absent/_history/v-o1", "o1/_history/no~version", "a~b/_history/v-o1")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert [row[1:] for row in services.disclosure.refused] == [("vread", "Observation", "404 malformed-id")] * 2


async def test_a_history_is_a_bundle_that_the_validator_takes(client, one, services):
    answer = await client.get(f"{PLACE}?_count=5")
    bundle = parse(answer.content)
    (entry,) = bundle["entry"]
    assert (bundle["type"], bundle["total"]) == ("history", 1)
    assert entry["request"] == {"method": "PUT", "url": "Observation/o1"}
    assert entry["response"] == {"status": "200", "etag": 'W/"v-o1"', "lastModified": one.last_updated}
    assert one.body in answer.content
    written = await client.get(f"{PLACE}?_format=xml")
    assert XmlReader(services.facts).parse(written.content)["total"] == 1


async def test_pages_are_followed_by_cursors_of_the_same_question_alone(client):
    first = (await client.get(f"{PLACE}?_count=1&_since=2026-01-01T00:00:00Z")).json()
    link = {one["relation"]: one["url"] for one in first["link"]}["next"]
    second = (await client.get(link)).json()
    assert "entry" not in second
    assert [one["relation"] for one in second["link"]] == ["self"]
    cursor = link.rpartition("_cursor=")[2]
    for other in (
        f"{PLACE}?_cursor={cursor}",
        f"/fhir/Observation/o2/_history?_since=2026-01-01T00:00:00Z&_cursor={cursor}",
    ):
        assert (await client.get(other)).status_code == 400


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("_since=2026", "_since"),
        ("_since=yesterday", "_since"),
        ("_at=26-1-1", "_at"),
        ("_count=many", "_count"),
        ("_list=x", "_list"),
        ("_sort=_lastUpdated", "_sort"),
        ("_cursor=", "_cursor"),
        ("_cursor=x", "_cursor"),
        ("_count=1&_count=2", "_count"),
    ],
)
async def test_what_a_history_does_not_take_is_refused_by_name(client, issue_of, gate, query, named):
    answer = await client.get(f"{PLACE}?{query}")
    assert answer.status_code == 400
    assert issue_of(answer)["expression"] == [named]
    assert gate.reads == []


async def test_a_history_is_only_read(client, issue_of):
    for path in (PLACE, f"{PLACE}/v-o1"):
        answer = await client.delete(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
        assert issue_of(answer)["code"] == "not-supported"
    assert (await client.head(PLACE)).content == b""


# Conditional read


async def conditional(client, gate, kind="Encounter", *, obligation=0, **headers):
    gate.put(kind, "x")
    gate.visible[kind, "x"] = gate.visible[kind, "x"]._replace(obligation=obligation)
    return await client.get(f"/fhir/{kind}/x", headers={name.replace("_", "-"): text for name, text in headers.items()})


@pytest.mark.parametrize("tags", ['W/"v-x"', '"v-x"', '"a", W/"v-x"', "*"])
async def test_what_the_caller_holds_is_not_sent_again(client, gate, tags):
    answer = await conditional(client, gate, if_none_match=tags)
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == 'W/"v-x"'
    assert answer.headers["cache-control"] == "no-store"
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("tags", ['W/"v-y"', "v-x", '"v-x', 'W/"v-x" and more', '""'])
async def test_another_version_and_what_is_no_tag_get_the_resource(client, gate, tags):
    assert (await conditional(client, gate, if_none_match=tags)).status_code == 200


@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("Mon, 02 Mar 2026 15:00:00 GMT", 304),
        ("Tue, 03 Mar 2026 15:00:00 GMT", 304),
        ("Mon, 02 Mar 2026 14:59:59 GMT", 200),
        ("yesterday", 200),
        ("Mon, 02 Mar 2026 15:00:00", 200),
    ],
)
async def test_a_date_is_a_condition_too(client, gate, since, status):
    assert (await conditional(client, gate, if_modified_since=since)).status_code == status


async def test_a_tag_counts_before_a_date(client, gate):
    later = "Tue, 03 Mar 2026 15:00:00 GMT"
    assert (await conditional(client, gate, if_none_match='"other"', if_modified_since=later)).status_code == 200


@pytest.mark.parametrize("kind", ["Encounter", "Patient", "Observation"])
async def test_what_carries_obligations_or_says_more_than_its_version_is_sent_every_time(client, gate, kind):
    obligation = 1 if kind == "Encounter" else 0
    answer = await conditional(client, gate, kind, obligation=obligation, if_none_match="*")
    assert answer.status_code == 200


async def test_nothing_there_is_a_404_whatever_the_condition(client):
    answer = await client.get("/fhir/Encounter/absent", headers={"if-none-match": "*"})
    assert answer.status_code == 404
