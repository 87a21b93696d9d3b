"""Exports: where files may be, who gets the token, manifests that cannot be read, waits."""

from __future__ import annotations

import httpx2
import pytest
from scripted_exchange import Scripted

from connectors.behavioral_health.bulk_export import BulkExport, export_path
from connectors.behavioral_health.fhir_search import FhirServer
from connectors.transport.exchange import Unanswered
from connectors.transport.patience import Patience

pytestmark = pytest.mark.anyio
BASE = "https://clinic.example/fhir"
STATUS = "https://clinic.example/jobs/1"
KICKED_OFF = httpx2.Response(202, headers={"Content-Location": STATUS})


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Server:
    """Gives the answers of a script, and remembers what it was asked and how long the client slept."""

    def __init__(self, *answers):
        self.answers, self.asked, self.slept = list(answers), [], []

    def __call__(self, request):
        self.asked.append(request)
        return httpx2.Response(202) if request.method == "DELETE" else self.answers.pop(0)

    async def header(self, *, fresh=False):
        return {"authorization": "Bearer fresh" if fresh else "Bearer abc"}

    async def sleep(self, time):
        self.slept.append(time)

    def export(self, hosts=(), limit=1_000):
        server = FhirServer(
            exchange=Scripted(self),
            smart=self,
            patience=Patience(sleep=self.sleep, clock=lambda: 0, attempts=3, longest=20.0),
            base_url=BASE,
            limit=1_000_000,
        )
        searches = {"Patient": {}, "Observation": {"status": "final,amended"}}
        return BulkExport(server, path="$export", searches=searches, limit=limit, hosts=hosts)


def manifest(*urls, token=True, **changes):
    body = {
        "transactionTime": "2026-11-22T12:00:00Z",
        "requiresAccessToken": token,
        "output": [{"type": "Observation", "url": url} for url in urls],
    }
    return httpx2.Response(200, json=body | changes)


async def run(puller, checkpoint=None):
    found = []
    async for fetched in puller.fetch(checkpoint or {}):
        body = None if fetched.chunks is None else b"".join([chunk async for chunk in fetched.chunks])
        found.append((fetched.name, body, fetched.checkpoint))
    return found


def file(content=b"{}\n", status=200, **headers):
    return httpx2.Response(status, content=content, headers=headers)


async def test_patients_come_first_and_every_step_is_noted():
    server = Server(
        KICKED_OFF,
        manifest(
            f"{BASE}/f/o",
            output=[{"type": "Observation", "url": f"{BASE}/f/o"}, {"type": "Patient", "url": f"{BASE}/f/p"}],
            deleted=[{"type": "Bundle", "url": f"{BASE}/f/d"}],
            error=[{"type": "OperationOutcome", "url": f"{BASE}/f/e"}],
        ),
        *(file(name) for name in (b"p", b"o", b"d", b"e")),
    )
    found = await run(server.export())
    assert [(name, body) for name, body, _ in found if body] == [
        ("Patient", b"p"), ("Observation", b"o"), ("deleted", b"d"), ("error", b"e"),
    ]  # fmt: skip
    assert found[0][2] == {"job": {"status": STATUS}}
    assert [state["job"]["done"] for _, _, state in found[1:-1]] == [0, 1, 2, 3, 4]
    assert found[-1][2] == {"since": "2026-11-22T12:00:00Z"}
    assert server.asked[-1].method == "DELETE"
    query = str(server.asked[0].url)
    assert "_typeFilter=Observation%3Fstatus%3Dfinal%252Camended" in query
    assert server.asked[0].headers["prefer"] == "respond-async"


@pytest.mark.parametrize("place", range(5))
async def test_every_step_can_be_gone_on_from(place):
    def script():
        return [KICKED_OFF, manifest(f"{BASE}/f/1", f"{BASE}/f/2"), file(b"1"), file(b"2")]

    whole = await run(Server(*script()).export())
    left = script()[place + 1 :] if place < 4 else script()
    resumed = await run(Server(*left).export(), whole[place][2])
    expected = whole[place + 1 :] if place < 4 else whole
    assert [(name, body) for name, body, _ in resumed] == [(name, body) for name, body, _ in expected]


async def test_the_server_is_asked_again_when_it_says():
    waiting = [httpx2.Response(202, headers=headers) for headers in ({"Retry-After": "7"}, {"Retry-After": "900"}, {})]
    server = Server(KICKED_OFF, *waiting, manifest())
    await run(server.export())
    assert server.slept == [7.0, 20.0, 10.0]


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/f/1",
        "http://files.example/f/1",
        "https://files.example:444/f/1",
        "https://files.example.elsewhere.example/f/1",
        "file:///etc/passwd",
    ],
)
async def test_files_on_hosts_that_nobody_named_are_not_fetched(url):
    server = Server(KICKED_OFF, manifest(url))
    with pytest.raises(Unanswered, match="another host"):
        await run(server.export(hosts=("files.example",)))
    assert len(server.asked) == 2


@pytest.mark.parametrize(("token", "sent"), [(True, "Bearer abc"), (False, None), ("true", None), (None, None)])
async def test_the_token_goes_with_files_only_where_the_server_says_so(token, sent):
    server = Server(KICKED_OFF, manifest("https://files.example/f/1?signature=x", token=token), file())
    await run(server.export(hosts=("files.example",)))
    assert server.asked[2].headers.get("authorization") == sent


async def test_a_file_is_asked_for_again_while_its_failure_passes():
    server = Server(KICKED_OFF, manifest(f"{BASE}/f/1"), file(status=503), file(status=401), file(b"x"))
    found = await run(server.export())
    assert [body for _, body, _ in found if body] == [b"x"]
    assert server.asked[4].headers["authorization"] == "Bearer fresh"


async def test_a_file_that_is_too_long_is_refused():
    server = Server(KICKED_OFF, manifest(f"{BASE}/f/1"), file(b"x" * 1_001))
    with pytest.raises(Unanswered, match="larger than 1000"):
        await run(server.export())


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"transactionTime":"x","output":[{}]}', b'{"transactionTime":"x","output":7}', b"[" * 99_999],
)
async def test_a_manifest_that_cannot_be_read_is_refused(body):
    with pytest.raises(Unanswered, match="manifest"):
        await run(Server(KICKED_OFF, httpx2.Response(200, content=body)).export())


@pytest.mark.parametrize("answer", [httpx2.Response(202), httpx2.Response(200, headers={"Content-Location": STATUS})])
async def test_an_export_that_is_not_taken_up_is_refused(answer):
    with pytest.raises(Unanswered, match="Content-Location"):
        await run(Server(answer).export())


async def test_a_server_that_fails_to_export_is_told():
    with pytest.raises(Unanswered, match="status 422"):
        await run(Server(KICKED_OFF, httpx2.Response(422)).export())


async def test_a_job_that_is_gone_is_begun_anew_once():
    job = {"since": "2026-11-01T00:00:00Z", "job": {"status": STATUS}}
    server = Server(httpx2.Response(404), KICKED_OFF, manifest())
    assert (await run(server.export(), job))[-1][2] == {"since": "2026-11-22T12:00:00Z"}
    assert "_since=2026-11-01" in str(server.asked[1].url)
    with pytest.raises(Unanswered):
        await run(Server(httpx2.Response(404), httpx2.Response(404)).export(), job)


def test_what_is_exported():
    assert [export_path(name) for name in ("system", "patient", "group/a-1")] == [
        "$export", "Patient/$export", "Group/a-1/$export",
    ]  # fmt: skip
