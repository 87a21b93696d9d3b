"""A client registers its patient, writes a screening, has both back, and a partner who may gets the summary."""

from __future__ import annotations

import pytest
import records
import worlds
import writers

pytestmark = pytest.mark.anyio
PRETRIAL = ("pretrial", "pretrial-release")
NARRATIVE = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Ada</div>'}


async def test_a_writer_has_back_what_it_wrote(world):
    body = writers.patient(text=NARRATIVE, telecom=[{"system": "phone", "value": "555-0100"}])
    answer = await writers.send(world, "POST", "/Patient", body)
    assert answer.status_code == 201
    made = answer.json()
    assert writers.content(made) == writers.content(body)
    assert answer.headers["location"] == f"{worlds.BASE}/Patient/{made['id']}/_history/{made['meta']['versionId']}"
    read = await writers.send(world, "GET", f"/Patient/{made['id']}")
    assert (read.status_code, read.content, read.headers["etag"]) == (200, answer.content, answer.headers["etag"])


async def test_decimals_and_extensions_stay_to_the_last_digit(world):
    subject = await writers.registered(world)
    raw = (
        b'{"resourceType":"Observation","id":"mine","status":"final","extension":[{"url":"https://x.example/e",'
        b'"valueDecimal":1.500}],"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-'
        b'category","code":"survey"}]}],"code":{"text":"weight"},"subject":{"reference":"Patient/%b"},'
        b'"valueQuantity":{"value":12345678901234567890.1200,"unit":"kg"}}' % subject.encode()
    )
    answer = await writers.send(world, "POST", "/Observation", content=raw)
    assert answer.status_code == 201
    assert b'"valueDecimal":1.500' in answer.content
    assert b'"value":12345678901234567890.1200' in answer.content
    assert answer.json()["id"] != "mine"


async def test_a_partner_who_may_gets_the_summary_and_nothing_of_the_rest(world):
    await world.deliver("releases", records.ndjson(records.release(records.choice("pretrial"))))
    ssn = [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": records.SSN.replace("-", "")}]
    ada = {"name": [{"family": "Marsh", "given": ["Ada"]}], "birthDate": "1980-04-02"}
    told = writers.patient()
    told = {**told, **ada, "identifier": told["identifier"] + ssn, "address": [{"city": "Alder"}]}
    subject = (await writers.written(world, told))["id"]
    note = [{"text": "said in confidence"}]
    detail = await writers.written(world, writers.phq9(subject, note=note, encounter={"display": "visit"}))
    found = await world.matches(PRETRIAL, f"/fhir/Observation?patient={subject}")
    assert [one["meta"]["profile"][0].rpartition("/")[2] for one in found] == ["screening-summary"]
    assert "confidence" not in str(found)
    assert (await world.ask(PRETRIAL, f"/fhir/Observation/{detail['id']}")).status_code == 404
    seen = (await world.ask(PRETRIAL, f"/fhir/Patient/{subject}")).json()
    assert {"identifier", "name", "birthDate"} <= seen.keys()
    assert not {"address", "telecom", "text"} & seen.keys()
    assert "us-ssn" not in str(seen)
    mine = await writers.send(world, "GET", f"/Observation?patient={subject}")
    listed = [entry["resource"] for entry in mine.json()["entry"] if entry["search"]["mode"] == "match"]
    assert {"said in confidence" in str(one) for one in listed} == {True, False}


async def test_what_only_its_writer_sees_changes_nothing_for_others(world):
    """Non-interference: a note, an address or a hidden version makes no byte of any other answer."""
    await world.deliver("releases", records.ndjson(records.release(records.choice("pretrial"))))
    ada = {"name": [{"family": "Marsh", "given": ["Ada"]}], "birthDate": "1980-04-02"}
    ssn = [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": records.SSN.replace("-", "")}]
    mine = await writers.written(world, writers.patient() | ada | {"identifier": ssn})
    detail = await writers.written(world, writers.phq9(mine["id"]))
    urls = [
        f"/fhir/Patient/{mine['id']}",
        f"/fhir/Observation?patient={mine['id']}&_sort=-_lastUpdated",
        f"/fhir/Patient?_id={mine['id']}&_lastUpdated=gt2026-11-22",
        f"/fhir/Observation?patient={mine['id']}&_revinclude=Provenance:target",
    ]
    before = [worlds.comparable(await world.ask(PRETRIAL, url)) for url in urls]
    world.clock.forward(minutes=30)
    for body in (mine | {"telecom": [{"system": "phone", "value": "555"}]}, detail | {"note": [{"text": "hidden"}]}):
        answer = await writers.send(world, "PUT", f"/{body['resourceType']}/{body['id']}", body)
        assert answer.status_code == 200
        assert answer.json()["meta"]["versionId"] != body["meta"]["versionId"]
    other = await writers.written(world, {**writers.phq9(mine["id"]), "code": {"text": "unscored"}})
    assert [worlds.comparable(await world.ask(PRETRIAL, url)) for url in urls] == before
    assert (await world.ask(PRETRIAL, f"/fhir/Observation/{other['id']}")).status_code == 404


async def test_holds_consents_and_agreements_bound_others_not_the_author(world):
    subject = await writers.registered(world)
    made = await writers.written(world, writers.phq9(subject))
    for purpose in ("TREAT", "discharge-planning"):
        answer = await writers.send(world, "GET", f"/Observation/{made['id']}", purpose=purpose)
        assert answer.json() == made
    refused = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]
        },
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": f"Patient/{subject}"},
        "policy": [{"uri": "https://county.example/policy"}],
        "provision": {"type": "deny"},
    }
    kept = await writers.written(world, refused)
    assert (await writers.send(world, "GET", f"/Consent/{kept['id']}")).json() == kept
    assert (await writers.send(world, "GET", f"/Observation/{made['id']}")).json() == made
