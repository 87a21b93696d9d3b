"""AuditEvent over REST: for privacy officers; a type that does not exist for everyone else."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import explained
import orjson
import pytest
import records
import worlds
from asserting import COTTONWOOD, assert_for
from explained import COURT, PRETRIAL
from fhir.resources.R4B.bundle import Bundle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.services.explain import PRIVACY_OFFICER

pytestmark = pytest.mark.anyio
OFFICER = ("registry", "HCOMPL")
URL = "/fhir/AuditEvent"


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def world(tmp_path_factory):
    """Ada, about whom four questions were asked on two days, and an officer."""
    made = await worlds.open_site(tmp_path_factory.mktemp("audit") / "site")
    await explained.furnish(made)
    made.ada = explained.jail(made)
    made.tokens[OFFICER] = await made.services.tokens.issue(
        client="officer",
        organisation="Organization/registry",
        purposes=["HCOMPL"],
        rights=[PRIVACY_OFFICER],
        lifetime=10**6,
    )
    made.summary = await explained.summary_of(made)
    made.clock.set("2026-11-23T09:00:00-07:00")
    made.tokens = {OFFICER: made.tokens[OFFICER]}
    await assert_for(made, made.ada)
    await made.ask(COURT, f"/fhir/{made.summary}")
    await made.ask(COTTONWOOD, f"/fhir/Observation?patient={made.ada}")
    await made.ask(PRETRIAL, f"/fhir/{made.summary}")
    yield made
    await made.close()


async def search(world, query, **how):
    answer = await world.ask(OFFICER, f"{URL}{query}", **how)
    assert answer.status_code == 200, answer.content
    bundle = orjson.loads(answer.content)
    Bundle.model_validate(bundle)
    return bundle


def found(bundle):
    return [entry["resource"] for entry in bundle.get("entry", ())]


async def test_every_question_about_a_person_is_found_the_newest_first(world):
    bundle = await search(world, f"?patient={world.ada}")
    events = found(bundle)
    assert bundle["total"] == len(events) == 4
    assert [event["recorded"] for event in events] == sorted((one["recorded"] for one in events), reverse=True)
    assert sorted(event["outcome"] for event in events) == ["0", "0", "0", "4"]
    for form in (f"?patient=Patient/{world.ada}", f"?patient={worlds.BASE}/Patient/{world.ada}&_format=json"):
        assert found(await search(world, form)) == events
    posted = await search(world, "/_search", method="POST", form={"patient": world.ada})
    assert found(posted) == events


async def test_it_is_searched_by_reference(world):
    events = found(await search(world, f"?entity={world.summary}"))
    assert len(events) == 4
    assert all(world.summary in orjson.dumps(event).decode() for event in events)
    assert found(await search(world, f"?patient={world.ada}&entity={world.summary},Observation/x")) == events
    assert found(await search(world, "?entity=Observation/absent")) == []
    assert found(await search(world, "?patient=absent")) == []


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2026-11-22", 1),
        ("2026-11-23", 3),
        ("2026-11-24", 0),
        ("ge2026-11-23", 3),
        ("gt2026-11-22", 3),
        ("lt2026-11-23", 1),
        ("le2026-11-23", 4),
        ("eb2026-11-23", 1),
        ("2026", 4),
        ("ge2026-11-23T16:00:00Z", 3),
    ],
)
async def test_it_is_searched_by_date_in_the_zone_of_the_site(world, date, expected):
    assert len(found(await search(world, f"?patient={world.ada}&date={date}"))) == expected


async def test_two_dates_are_a_period(world):
    assert len(found(await search(world, f"?patient={world.ada}&date=ge2026-11-22&date=lt2026-11-23"))) == 1


@pytest.mark.parametrize("count", [1, 3, 4, 50])
async def test_pages_are_exact_and_end(world, count):
    whole, query, met = found(await search(world, f"?patient={world.ada}")), f"?patient={world.ada}&_count={count}", []
    while query:
        bundle = await search(world, query)
        assert bundle["total"] == 4
        met += found(bundle)
        query = next((f"?{urlsplit(one['url']).query}" for one in bundle["link"] if one["relation"] == "next"), "")
        assert not query or parse_qs(query[1:])["_count"] == [str(count)]
    assert met == whole


async def test_an_event_is_read_by_its_id(world):
    for event in found(await search(world, f"?patient={world.ada}")):
        answer = await world.ask(OFFICER, f"{URL}/{event['id']}")
        assert orjson.loads(answer.content) == event
        assert answer.headers["cache-control"] == "no-store"
    for ident in ("absent", "ab" * 32, "x~y"):
        assert (await world.ask(OFFICER, f"{URL}/{ident}")).status_code == 404


async def test_an_officer_is_in_the_ledger_before_the_answer(world):
    answer = await world.ask(OFFICER, f"{URL}?patient={world.ada}")
    (entry,) = await world.services.ledger.of_request(answer.headers["x-request-id"])
    assert (entry.interaction, entry.target) == ("accounting", f"AuditEvent?patient=Patient/{world.ada}")
    # It is about the accounting, so it is not in it.
    assert (await search(world, f"?patient={world.ada}"))["total"] == 4
    (told,) = await world.services.explain.request(answer.headers["x-request-id"])
    assert told.effect == "FOUND"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?date=2026",
        "?patient=a&patient=b",
        "?patient=a&name=x",
        "?entity=x",
        "?patient=a&date=soon",
        "?patient=a%20b",
        "?patient=a&_count=-1",
        "?patient=a&_offset=x",
        "?patient=a&date=ne2026x",
    ],
)
async def test_what_cannot_be_honoured_is_refused_by_name(world, query):
    answer = await world.ask(OFFICER, URL + query)
    assert answer.status_code == 400
    assert "AuditEvent takes" in orjson.loads(answer.content)["issue"][0]["diagnostics"]


async def test_only_reading_is_offered(world):
    assert (await world.ask(OFFICER, URL, method="PUT")).status_code == 405
    assert (await world.ask(OFFICER, f"{URL}/_search")).status_code == 405


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tail=st.sampled_from(["", "/x", "/_search", "?patient=a", "?oops=1", "?%", "/" + "ab" * 32]),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"]),
    purpose=st.sampled_from([{}, {"X-Purpose-Of-Use": "TREAT"}, {"X-Purpose-Of-Use": "HCOMPL"}]),
    credentials=st.sampled_from([None, "Bearer nothing", "Basic x", "partner"]),
)
async def test_to_anyone_else_the_type_does_not_exist(world, tail, method, purpose, credentials):
    from httpx2 import ASGITransport, AsyncClient  # noqa: PLC0415 - one client for two requests

    headers = dict(purpose)
    if credentials is not None:
        partner = f"Bearer {await world.token('pretrial', 'pretrial-release')}"
        headers["Authorization"] = partner if credentials == "partner" else credentials
    async with AsyncClient(transport=ASGITransport(app=world.app), base_url="http://127.0.0.1:8080") as client:
        here = await client.request(method, URL + tail, headers=headers)
        nowhere = await client.request(method, "/fhir/Medication" + tail, headers=headers)
    assert here.status_code == 404
    assert worlds.comparable(here) == worlds.comparable(nowhere)


async def test_the_capabilities_do_not_tell_of_it(world):
    assert b"AuditEvent" not in (await world.ask(PRETRIAL, "/fhir/metadata")).content


async def test_a_search_that_named_somebody_else_as_well_tells_the_officer_nothing_of_them(world):
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient(ssn=records.OTHER_SSN)), "other")
    other = world.patient("riverside-ehr", records.CLINIC)
    await world.ask(PRETRIAL, f"/fhir/Observation?patient={world.ada},{other}")
    text = orjson.dumps(await search(world, f"?patient={world.ada}")).decode()
    assert other not in text
