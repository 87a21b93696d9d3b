"""Searches page by page: where the next one may lead, what a checkpoint holds, what is asked for again."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from scripted_exchange import Scripted

from connectors.behavioral_health.fhir_search import FhirSearch, FhirServer
from connectors.transport.exchange import Unanswered
from connectors.transport.patience import Patience

pytestmark = pytest.mark.anyio
BASE = "https://clinic.example/fhir"


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Token:
    def __init__(self):
        self.fresh = 0

    async def header(self, *, fresh=False):
        self.fresh += fresh
        return {"authorization": f"Bearer {self.fresh}"}


async def no_wait(_):
    return None


def search(answer, *, kinds=("Patient",), token=None):
    server = FhirServer(
        exchange=Scripted(answer),
        smart=token or Token(),
        patience=Patience(sleep=no_wait, clock=lambda: 0, attempts=3),
        base_url=BASE,
        limit=1_000_000,
    )
    searches = {kind: {"active": "true"} if kind == "Patient" else {} for kind in kinds}
    return FhirSearch(server, searches=searches, count=50, overlap=timedelta(minutes=5))


def bundle(*entries, follow=None, at="2026-11-22T12:00:00+00:00", **changes):
    link = [{"relation": "next", "url": follow}] if follow else []
    body = {"resourceType": "Bundle", "type": "searchset", "link": link, "meta": {"lastUpdated": at}, **changes}
    return httpx2.Response(200, json={**body, "entry": [{"resource": one} for one in entries]})


async def run(puller, checkpoint=None):
    found = []
    async for fetched in puller.fetch(checkpoint or {}):
        body = None if fetched.chunks is None else b"".join([chunk async for chunk in fetched.chunks])
        found.append((fetched.name, body, fetched.checkpoint))
    return found


def scripted(*answers):
    asked, waiting = [], list(answers)

    def answer(request):
        asked.append(str(request.url))
        return waiting.pop(0)

    return answer, asked


async def test_the_first_round_asks_for_everything_and_the_next_for_what_changed_since():
    answer, asked = scripted(bundle({"id": "a"}), bundle(at="2026-11-22T13:00:00+00:00"))
    first = search(answer)
    ((name, body, state),) = await run(first)
    assert name == "Patient"
    assert json.loads(body)["entry"] == [{"resource": {"id": "a"}}]
    assert state == {"since": {"Patient": "2026-11-22T11:55:00+00:00"}, "done": []}
    ((_, nothing, state),) = await run(first, json.loads(json.dumps(state)))
    assert nothing is None
    assert state["since"] == {"Patient": "2026-11-22T12:55:00+00:00"}
    parameters = [dict(parse_qsl(urlsplit(url).query)) for url in asked]
    assert parameters[0] == {"active": "true", "_count": "50"}
    assert parameters[1] == parameters[0] | {"_lastUpdated": "ge2026-11-22T11:55:00+00:00"}


async def test_the_clock_is_the_servers_own_by_its_date_where_the_bundle_has_none():
    answer, _ = scripted(
        httpx2.Response(200, json={"resourceType": "Bundle"}, headers={"Date": "Sun, 22 Nov 2026 12:00:00 GMT"})
    )
    ((_, _, state),) = await run(search(answer))
    assert state["since"] == {"Patient": "2026-11-22T11:55:00+00:00"}


async def test_a_server_that_tells_no_time_is_read_whole_each_time():
    answer, _ = scripted(httpx2.Response(200, json={"resourceType": "Bundle", "meta": {"lastUpdated": "soon"}}))
    ((_, _, state),) = await run(search(answer))
    assert state["since"] == {}


async def test_pages_and_types_are_resumed_where_the_checkpoint_stands():
    pages = [
        bundle({"id": "a"}, follow=f"{BASE}/Patient?p=2"),
        bundle({"id": "b"}, at="2026-11-22T12:30:00+00:00"),
        bundle({"id": "c"}),
    ]
    answer, asked = scripted(*pages)
    states = [state for _, _, state in await run(search(answer, kinds=("Patient", "Observation")))]
    assert states[0]["going"]["next"] == f"{BASE}/Patient?p=2"
    assert states[1]["done"] == ["Patient"]
    assert states[2]["done"] == []
    # The round of a type began with its first page.
    assert states[1]["since"]["Patient"] == "2026-11-22T11:55:00+00:00"
    for place, state in enumerate(states[:2], 1):
        resumed, again = scripted(*pages[place:])
        assert [one for _, _, one in await run(search(resumed, kinds=("Patient", "Observation")), state)] == states[
            place:
        ]
        assert again == asked[place:]


@pytest.mark.parametrize(
    "follow",
    [
        "https://elsewhere.example/fhir/Patient?p=2",
        "https://clinic.example:8443/fhir/Patient?p=2",
        "//elsewhere.example/x",
        "file:///etc/passwd",
        "http://clinic.example.elsewhere.example/",
    ],
)
async def test_a_next_link_to_another_host_is_not_followed(follow):
    answer, asked = scripted(bundle({"id": "a"}, follow=follow))
    with pytest.raises(Unanswered, match="another host"):
        await run(search(answer))
    assert len(asked) == 1


@pytest.mark.parametrize("follow", ["Patient?p=2", "/fhir/Patient?p=2", "http://clinic.example/fhir/Patient?p=2"])
async def test_a_next_link_of_the_server_is_followed_with_tls(follow):
    answer, asked = scripted(bundle({"id": "a"}, follow=follow), bundle({"id": "b"}))
    assert len(await run(search(answer))) == 2
    assert asked[1] == f"{BASE}/Patient?p=2"


async def test_pages_that_lead_in_a_circle_end():
    answer, _ = scripted(*(bundle({"id": "a"}, follow=f"{BASE}/Patient?p=2") for _ in range(9)))
    with pytest.raises(Unanswered, match="lead back"):
        await run(search(answer))


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_link_that_expired_over_a_break_starts_the_type_again(status):
    answer, asked = scripted(httpx2.Response(status), bundle({"id": "a"}))
    going = {"type": "Patient", "next": f"{BASE}/Patient?p=7", "started": "2026-11-20T00:00:00+00:00"}
    since = {"Patient": "2026-11-19T00:00:00+00:00"}
    ((_, _, state),) = await run(search(answer), {"since": since, "done": [], "going": going})
    assert [urlsplit(url).query.startswith("p=7") for url in asked] == [True, False]
    assert "2026-11-19" in asked[1]
    assert state["since"]["Patient"] == "2026-11-22T11:55:00+00:00"


async def test_a_link_that_fails_within_a_run_is_a_failure():
    answer, _ = scripted(bundle({"id": "a"}, follow=f"{BASE}/Patient?p=2"), httpx2.Response(410))
    with pytest.raises(Unanswered, match="410"):
        await run(search(answer))


async def test_a_token_that_is_no_longer_good_is_renewed_once():
    token = Token()
    answer, _ = scripted(httpx2.Response(401), bundle({"id": "a"}))
    assert len(await run(search(answer, token=token))) == 1
    assert token.fresh == 1
    answer, asked = scripted(httpx2.Response(401), httpx2.Response(401))
    with pytest.raises(Unanswered, match="401"):
        await run(search(answer))
    assert len(asked) == 2


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"resourceType":"OperationOutcome"}', b"[" * 100_000])
async def test_an_answer_that_is_no_bundle_is_refused(body):
    answer, _ = scripted(httpx2.Response(200, content=body))
    with pytest.raises(Unanswered, match="no Bundle"):
        await run(search(answer))


async def test_a_type_that_was_taken_out_of_the_settings_is_forgotten():
    answer, _ = scripted(bundle({"id": "a"}))
    checkpoint = {"since": {}, "done": ["Condition"], "going": {"type": "Condition", "next": f"{BASE}/x"}}
    assert [name for name, _, _ in await run(search(answer), checkpoint)] == ["Patient"]
