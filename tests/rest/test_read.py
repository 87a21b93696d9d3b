from __future__ import annotations

import pytest

from adapter.errors import NotAllowed, NotFound, Unavailable

pytestmark = pytest.mark.anyio


def _without_request_id(answer):
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}


async def test_a_read_serves_the_bytes_of_the_gate_with_version_and_time(client, gate):
    gate.put("Observation", "o1")
    answer = await client.get("/fhir/Observation/o1")
    assert answer.status_code == 200
    assert answer.content == gate.visible["Observation", "o1"].body
    assert answer.headers["etag"] == 'W/"v-o1"'
    assert answer.headers["last-modified"] == "Mon, 02 Mar 2026 15:00:00 GMT"
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-length"] == str(len(answer.content))


async def test_the_gate_is_told_who_asks_for_what_and_under_which_request(client, gate):
    gate.put("Patient", "p1")
    answer = await client.get("/fhir/Patient/p1")
    ((caller, kind, ident),) = gate.reads
    assert (kind, ident) == ("Patient", "p1")
    assert (caller.client, caller.purpose) == ("ehr-1", "TREAT")
    assert caller.request_id == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "error",
    [
        NotFound("Patient/p1 was deleted", expression="Patient/p1"),
        NotFound("withheld by Consent/c9", expression="Consent/c9"),
        NotFound(""),
    ],
)
async def test_absent_deleted_and_withheld_are_one_answer(client, gate, error):
    absent = await client.get("/fhir/Patient/never-was")
    gate.put("Patient", "p1")
    gate.raises = error
    hidden = await client.get("/fhir/Patient/p1")
    unwritable = await client.get("/fhir/Patient/no_such~form")
    assert absent.status_code == hidden.status_code == unwritable.status_code == 404
    assert absent.content == hidden.content == unwritable.content
    assert _without_request_id(absent) == _without_request_id(hidden) == _without_request_id(unwritable)
    assert "etag" not in absent.headers
    assert "last-modified" not in absent.headers


async def test_an_id_that_no_resource_can_have_never_reaches_the_gate(client, gate):
    for ident in ("a" * 65, "a%20b", "%C3%A9", "a%0A", "$everything", "%00"):
        assert (await client.get(f"/fhir/Patient/{ident}")).status_code == 404
    assert gate.reads == []


async def test_head_has_the_headers_of_get_and_no_body(client, gate):
    gate.put("Patient", "p1")
    got, head = await client.get("/fhir/Patient/p1"), await client.head("/fhir/Patient/p1")
    assert head.status_code == 200
    assert head.content == b""
    assert _without_request_id(head) == _without_request_id(got)
    missing = await client.head("/fhir/Patient/p2")
    assert (missing.status_code, missing.content) == (404, b"")


async def test_there_is_never_a_304(client, gate):
    gate.put("Patient", "p1")
    etag = (await client.get("/fhir/Patient/p1")).headers["etag"]
    again = await client.get(
        "/fhir/Patient/p1",
        headers={"if-none-match": etag, "if-modified-since": "Mon, 02 Mar 2026 15:00:00 GMT"},
    )
    assert again.status_code == 200
    assert again.content == gate.visible["Patient", "p1"].body


async def test_a_parameter_is_refused_before_the_gate_is_asked(client, gate, issue_of):
    gate.put("Patient", "p1")
    answers = [await client.get(f"/fhir/Patient/{ident}?_elements=id") for ident in ("p1", "p2")]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].content == answers[1].content
    assert issue_of(answers[0])["expression"] == ["_elements"]
    assert gate.reads == []


async def test_format_json_may_be_asked_for_in_every_spelling(client, gate):
    gate.put("Patient", "p1")
    for spelling in ("json", "application/json", "application/fhir+json", "application%2Ffhir%2Bjson"):
        assert (await client.get(f"/fhir/Patient/p1?_format={spelling}")).status_code == 200


async def test_a_right_that_is_missing_and_an_answer_that_cannot_be_given(client, gate, issue_of):
    gate.raises = NotAllowed("the agreement ended")
    refused = await client.get("/fhir/Patient/p1")
    assert (refused.status_code, issue_of(refused)["code"]) == (403, "forbidden")
    gate.raises = Unavailable("rule 7 for Patient/p1 cannot be filled")
    unavailable = await client.get("/fhir/Patient/p1")
    assert (unavailable.status_code, issue_of(unavailable)["code"]) == (503, "transient")
    assert "p1" not in unavailable.text
    assert unavailable.headers["retry-after"] == "5"
