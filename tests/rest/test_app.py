from __future__ import annotations

import pytest
from fastapi import APIRouter
from starlette.exceptions import HTTPException

from adapter.errors import NotAllowed
from adapter.rest.app import application

pytestmark = pytest.mark.anyio


async def test_the_server_lives_and_says_whether_it_is_ready(client, services, issue_of):
    live = await client.get("/health/live")
    assert (live.status_code, live.json()) == (200, {"status": "live"})
    ready = await client.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})

    async def not_yet():
        return False

    services.ready = not_yet
    unready = await client.get("/health/ready")
    assert (unready.status_code, issue_of(unready)["code"]) == (503, "transient")


async def test_health_needs_no_token(services, client_of):
    async with client_of(services) as stranger:
        assert (await stranger.get("/health/live")).status_code == 200


async def test_every_answer_has_a_request_id_of_its_own_and_is_not_stored(client, gate):
    gate.put("Patient", "p1")
    seen = set()
    paths = ("/fhir/Patient/p1", "/fhir/Patient/p2", "/fhir/metadata", "/fhir/Patient", "/health/live", "/x")
    for path in paths:
        answer = await client.get(path, headers={"x-request-id": "chosen-by-caller"})
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        seen.add(answer.headers["x-request-id"])
    assert len(seen) == len(paths)
    assert "chosen-by-caller" not in seen


async def _routed(services, client_of, path, **more):
    router = APIRouter()

    @router.get("/page")
    async def page() -> str:
        return "words"

    @router.get("/refused")
    async def refused() -> str:
        raise NotAllowed("only partners may push feeds")

    @router.get("/teapot")
    async def teapot() -> str:
        raise HTTPException(418, detail="Jane Doe")

    @router.get("/defect")
    async def defect() -> str:
        raise RuntimeError("Jane Doe")

    @router.get("/number")
    async def number(count: int) -> int:
        return count

    async with client_of(services, routers=[router]) as caller:
        return await caller.get(path, **more)


async def test_further_routers_share_headers(services, client_of):
    answer = await _routed(services, client_of, "/page")
    assert answer.json() == "words"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"].startswith("request-")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/refused", 403, "forbidden"),
        ("/teapot", 418, "processing"),
        ("/defect", 500, "exception"),
        ("/number?count=Jane", 400, "invalid"),
        ("/number", 400, "invalid"),
    ],
)
async def test_further_routers_share_errors(services, client_of, issue_of, path, status, code):
    answer = await _routed(services, client_of, path)
    assert answer.status_code == status
    assert issue_of(answer)["code"] == code
    assert "Jane" not in answer.text


def _asked(path, method="GET"):
    return {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}


async def test_a_failure_before_any_answer_is_answered(services):
    async def broken(scope, receive, send):
        raise RuntimeError("Jane Doe")

    front = application(services)
    front._rest = broken
    sent = []

    async def send(message):
        sent.append(message)

    await front(_asked("/page"), None, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] == 500
    assert b"Jane" not in sent[1]["body"]


async def test_nobody_is_answered_who_has_hung_up(services):
    headers = await services.headers()
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = _asked("/fhir/Patient/_search", "POST")
    scope["headers"] = [(name.encode(), value.encode()) for name, value in headers.items()]
    await application(services)(scope, receive, send)
    assert sent == []


async def test_an_answer_that_fails_half_way_is_not_answered_twice(services):
    sent = []
    router = APIRouter()

    @router.get("/page")
    async def page() -> str:
        return "words"

    async def send(message):
        sent.append(message["type"])
        if message["type"] == "http.response.body":
            raise ConnectionResetError

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    await application(services, routers=[router])(_asked("/page"), receive, send)
    assert sent.count("http.response.start") == 1


async def test_the_lifespan_of_the_server_is_answered(services):
    received = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent = []

    async def receive():
        return next(received)

    async def send(message):
        sent.append(message["type"])

    await application(services)({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
