"""Versions, `$everything` and exports of what a client wrote: as it wrote it, under the versions it was told."""

from __future__ import annotations

import bulk_requests
import orjson
import pytest
import writers

pytestmark = pytest.mark.anyio


def bundle(answer):
    assert answer.status_code == 200, answer.text
    return orjson.loads(answer.content)


async def test_a_writer_reads_every_version_that_it_wrote(world):
    subject = await writers.registered(world)
    first = await writers.written(world, writers.phq9(subject, note=[{"text": "one"}]))
    place = f"/Observation/{first['id']}"
    world.clock.forward(minutes=1)
    changed = {**first, "note": [{"text": "two"}]}
    second = (await writers.send(world, "PUT", place, changed)).json()
    assert second["meta"]["versionId"] != first["meta"]["versionId"]
    told = bundle(await writers.send(world, "GET", f"{place}/_history"))
    assert [entry["resource"] for entry in told["entry"]] == [second, first]
    assert told["total"] == 2
    for one in (first, second):
        answer = await writers.send(world, "GET", f"{place}/_history/{one['meta']['versionId']}")
        assert bundle(answer) == one
        (entry,) = await world.services.ledger.of_request(answer.headers["x-request-id"])
        ((name, version, *_),) = entry.passed
        assert (name, version) == (f"Observation/{one['id']}", one["meta"]["versionId"])
    since = first["meta"]["lastUpdated"]
    later = bundle(await writers.send(world, "GET", f"{place}/_history?_since={since}&_count=1"))
    assert (later["total"], later["entry"][0]["resource"]) == (2, second)
    everything = bundle(await writers.send(world, "GET", f"/Patient/{subject}/$everything?_type=Observation"))
    assert second in [entry["resource"] for entry in everything["entry"]]


async def test_what_was_taken_back_has_no_versions_and_its_readers_are_told_by_an_export(world):
    subject = await writers.registered(world)
    made = await writers.written(world, writers.phq9(subject))
    place = f"/Observation/{made['id']}"
    token = await writers.token(world)
    world.clock.forward(minutes=1)
    found = await bulk_requests.export(world, token, "/fhir/Patient/$export?_type=Observation")
    assert f"Observation/{made['id']}" in bulk_requests.ids(found)
    since = "2026-11-22T19:00:30Z"
    assert (await writers.send(world, "DELETE", place)).status_code in {200, 204}
    for tail in ("", "/_history", f"/_history/{made['meta']['versionId']}"):
        assert (await writers.send(world, "GET", place + tail)).status_code == 404
    told = await bulk_requests.manifest(
        world,
        token,
        await bulk_requests.kick_off(world, token, f"/fhir/Patient/$export?_type=Observation&_since={since}"),
    )
    names = []
    for one in told["deleted"]:
        answer = await bulk_requests.get(world, token, one["url"])
        lines = [orjson.loads(line) for line in answer.content.splitlines()]
        names += [entry["request"]["url"] for line in lines for entry in line["entry"]]
    assert f"Observation/{made['id']}" in names
