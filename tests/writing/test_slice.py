"""A client registers its patient, writes a screening, has both back, and a partner who may gets the summary."""

from __future__ import annotations

import pytest
import worlds
import writers

pytestmark = pytest.mark.anyio


async def test_a_writer_has_back_what_it_wrote(world):
    body = writers.patient(text={"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">A</div>'})
    answer = await writers.send(world, "POST", "/Patient", body)
    assert answer.status_code == 201
    made = answer.json()
    assert writers.content(made) == writers.content(body)
    assert answer.headers["location"] == f"{worlds.BASE}/Patient/{made['id']}/_history/{made['meta']['versionId']}"
    read = await writers.send(world, "GET", f"/Patient/{made['id']}")
    assert (read.status_code, read.content, read.headers["etag"]) == (200, answer.content, answer.headers["etag"])


async def test_an_observation_is_kept_whole_and_its_summary_is_derived(world):
    subject = await writers.registered(world)
    body = writers.phq9(subject, note=[{"text": "said in confidence"}], encounter={"display": "visit"})
    made = await writers.written(world, body)
    assert writers.content(made) == writers.content(body)
    found = await writers.send(world, "GET", f"/Observation?patient={subject}")
    listed = [entry["resource"] for entry in found.json()["entry"] if entry["search"]["mode"] == "match"]
    assert {"said in confidence" in str(one) for one in listed} == {True, False}
    assert len(listed) == 2
