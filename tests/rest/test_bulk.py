from __future__ import annotations

import asyncio

import orjson
import pytest

from adapter.errors import NotFound, Unavailable
from adapter.rest.app import application

pytestmark = pytest.mark.anyio
KICK_OFF = "/fhir/Patient/$export"
ASYNC = {"prefer": "respond-async"}
STATUS = "/fhir/exports/job-1"


async def kicked_off(client, path=KICK_OFF):
    answer = await client.get(path, headers=ASYNC)
    assert answer.status_code == 202
    return answer


async def test_a_kick_off_names_the_address_of_the_export(client, services):
    answer = await kicked_off(client, KICK_OFF + "?_type=Observation,Patient&_since=2026-03-01T00:00:00.123456-07:00")
    assert answer.headers["content-location"] == "https://county.example/fhir/exports/job-1"
    assert (answer.content, answer.headers["cache-control"]) == (b"", "no-store")
    order = services.bulk.open["job-1"]
    assert (order.types, order.group) == (("Observation", "Patient"), "")
    assert order.since % 1_000_000 == 123_000
    assert order.request.endswith("/Patient/$export?_type=Observation,Patient&_since=2026-03-01T00:00:00.123456-07:00")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("_typeFilter=Observation%3Fstatus%3Dfinal", "_typeFilter"),
        ("_elements=id", "_elements"),
        ("includeAssociatedData=LatestProvenanceResources", "includeAssociatedData"),
        ("patient=Patient/x", "patient"),
        ("_outputFormat=application/fhir%2Bparquet", "_outputFormat"),
        ("_type=Nothing", "_type"),
        ("_since=2026", "_since"),
        ("_since=2026-01-01T00:00:00Z&_since=2026-01-01T00:00:00Z", "_since"),
    ],
)
async def test_what_an_export_does_not_take_is_refused_by_name(client, issue_of, services, query, named):
    answer = await client.get(f"{KICK_OFF}?{query}", headers=ASYNC)
    assert answer.status_code == 400
    assert issue_of(answer)["expression"] == [named]
    assert services.bulk.open == {}


@pytest.mark.parametrize(
    "form", ["ndjson", "application/ndjson", "application/fhir+ndjson", "application/fhir%2Bndjson"]
)
async def test_every_name_of_the_format_is_taken(client, form):
    await kicked_off(client, f"{KICK_OFF}?_outputFormat={form}")


@pytest.mark.parametrize("prefer", ["", "handling=lenient", "respond-asynchronously"])
async def test_without_asking_for_a_later_answer_there_is_none(client, issue_of, prefer):
    answer = await client.get(KICK_OFF, headers={"prefer": prefer})
    assert answer.status_code == 400
    assert issue_of(answer)["expression"] == ["http.Prefer"]
    several = await client.get(KICK_OFF, headers={"prefer": "handling=lenient, Respond-Async; wait=5"})
    assert several.status_code == 202


async def test_the_status_is_waited_for_and_then_the_manifest(client, services):
    await kicked_off(client)
    waiting = await client.get(STATUS)
    assert (waiting.status_code, waiting.content) == (202, b"")
    assert waiting.headers["retry-after"] == "2"
    assert 0 < len(waiting.headers["x-progress"]) < 100
    services.bulk.ready = True
    done = await client.get(STATUS, headers={"accept": "application/fhir+xml"})
    assert (done.status_code, done.headers["content-type"]) == (200, "application/json")
    assert done.headers["expires"].endswith("GMT")
    assert done.json() == {
        "transactionTime": "2026-03-08T20:00:00.000Z",
        "request": "https://county.example/fhir/Patient/$export",
        "requiresAccessToken": True,
        "output": [
            {"type": "Patient", "url": "https://county.example/fhir/exports/job-1/0.ndjson"},
            {"type": "Observation", "url": "https://county.example/fhir/exports/job-1/1.ndjson"},
        ],
        "deleted": [],
        "error": [],
    }


async def test_an_export_that_was_deleted_is_as_unknown_as_one_that_never_was(client, issue_of):
    await kicked_off(client)
    assert (await client.delete(STATUS)).status_code == 202
    answers = [await client.get(path) for path in (STATUS, "/fhir/exports/absent", f"{STATUS}/0.ndjson")]
    answers.append(await client.delete(STATUS))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert issue_of(answers[0])["code"] == "not-found"


async def test_a_file_is_lines_as_the_gate_makes_them(client, services):
    await kicked_off(client)
    services.bulk.chunks = [b'{"a":1}\n{"a":2}\n', b'{"a":3}\n']
    answer = await client.get(f"{STATUS}/0.ndjson", headers={"accept": "application/fhir+ndjson"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+ndjson")
    assert "content-length" not in answer.headers
    assert [orjson.loads(line)["a"] for line in answer.content.splitlines()] == [1, 2, 3]
    services.bulk.chunks = []
    empty = await client.get(f"{STATUS}/1.ndjson")
    assert (empty.status_code, empty.content) == (200, b"")


async def test_what_is_refused_before_the_first_piece_is_an_answer_of_its_own(client, services, issue_of):
    await kicked_off(client)
    services.bulk.chunks = [Unavailable("not now")]
    answer = await client.get(f"{STATUS}/0.ndjson")
    assert answer.status_code == 503
    assert issue_of(answer)["code"] == "transient"
    assert (await client.get(f"{STATUS}/2.ndjson")).status_code == 404


async def sent(services, path, receive=None):
    """The messages of one GET, with nobody who hangs up unless `receive` does."""
    messages = []
    never = asyncio.get_running_loop().create_future()

    async def forever():
        return await never

    async def send(message):
        messages.append(message)

    headers = [(name.encode(), text.encode()) for name, text in (await services.headers()).items()]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
    await application(services)(scope, receive or forever, send)
    never.cancel()
    return messages


@pytest.mark.parametrize("error", [NotFound("cancelled"), Unavailable("the ledger"), ValueError("a defect of ours")])
async def test_an_answer_that_breaks_off_has_no_end(client, services, caplog, error):
    await kicked_off(client)
    services.bulk.chunks = [b"{}\n", b"{}\n", error, b"{}\n"]
    messages = await sent(services, f"{STATUS}/0.ndjson")
    assert [message.get("body") for message in messages] == [None, b"{}\n", b"{}\n"]
    assert all(message["more_body"] for message in messages[1:])
    assert ("ValueError" in caplog.text) == isinstance(error, ValueError)
    assert "defect of ours" not in caplog.text


async def test_nothing_more_is_made_for_a_caller_that_hung_up(client, services):
    await kicked_off(client)
    services.bulk.chunks = [b"{}\n"] * 5

    async def hangs_up():
        return {"type": "http.disconnect"}

    messages = await sent(services, f"{STATUS}/0.ndjson", hangs_up)
    assert len(messages) < 4
    assert all(message["more_body"] for message in messages[1:])


async def test_a_token_that_is_revoked_ends_what_it_downloads(client, services):
    await kicked_off(client)

    class Revoking(list):
        def __iter__(self):
            yield b"{}\n"
            services.store.revoke_all()
            yield b"{}\n"

    services.bulk.chunks = Revoking()
    messages = await sent(services, f"{STATUS}/0.ndjson")
    assert [message.get("body") for message in messages] == [None, b"{}\n"]


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD"])
async def test_an_export_takes_no_other_method(client, method):
    for path in (KICK_OFF, STATUS, f"{STATUS}/0.ndjson", "/fhir/Group/g/$export"):
        assert (await client.request(method, path, headers=ASYNC)).status_code == 405


async def test_an_export_needs_a_token(services, client_of):
    async with client_of(services) as stranger:
        for path in (KICK_OFF, STATUS, f"{STATUS}/0.ndjson", "/fhir/Group/g/$export", "/fhir/Group/g"):
            assert (await stranger.get(path, headers=ASYNC)).status_code == 401


# Groups


def group(*members, **changed):
    entities = [{"entity": {"reference": f"Patient/{ident}"}} for ident in members]
    return {"resourceType": "Group", "type": "person", "actual": True, "member": entities} | changed


async def test_a_group_is_created_read_replaced_exported_and_deleted(client, services):
    made = await client.post("/fhir/Group", json=group("a", "b", name="Mondays"))
    assert made.status_code == 201
    assert made.headers["location"] == "https://county.example/fhir/Group/group-1/_history/v-1"
    read = await client.get("/fhir/Group/group-1")
    assert (read.json(), read.headers["etag"]) == (made.json(), 'W/"v-1"')
    assert [one["entity"]["reference"] for one in read.json()["member"]] == ["Patient/a", "Patient/b"]
    assert (await client.put("/fhir/Group/group-1", json=group())).json().keys() & {"member", "name"} == set()
    await kicked_off(client, "/fhir/Group/group-1/$export")
    assert services.bulk.open["job-1"].group == "group-1"
    assert (await client.delete("/fhir/Group/group-1")).status_code == 204
    answers = [
        await client.get("/fhir/Group/group-1"),
        await client.put("/fhir/Group/group-1", json=group()),
        await client.delete("/fhir/Group/group-1"),
        await client.get("/fhir/Group/group-1/$export", headers=ASYNC),
        await client.get("/fhir/Group/a~b/$export", headers=ASYNC),
        await client.get("/fhir/Group/a~b"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (group(characteristic=[]), "Group.characteristic"),
        (group(type="animal"), "Group.type"),
        (group(actual=False), "Group.type"),
        (group(name=["x"]), "Group.name"),
        (group(member={}), "Group.member"),
        (group(member=[{"entity": {"reference": "Device/d"}}]), "Group.member.entity"),
        (group(member=[{"entity": {"reference": "Patient/d"}, "inactive": True}]), "Group.member.entity"),
        (group(member=[{"entity": {"reference": "https://else.example/fhir/Patient/d"}}]), "Group.member.entity"),
        ({"resourceType": "Patient"}, "resourceType"),
    ],
)
async def test_a_group_of_another_form_is_refused_by_element(client, issue_of, services, document, named):
    answer = await client.post("/fhir/Group", json=document)
    assert answer.status_code == 400
    assert issue_of(answer)["expression"] == [named]
    assert services.groups.groups == {}


async def test_groups_are_not_searched(client):
    assert (await client.get("/fhir/Group")).status_code == 405
    assert (await client.get("/fhir/Group/g1/_history")).status_code == 404
