"""Versions of written records: what is in place, what changes it, what is left when it is gone."""

from __future__ import annotations

import pytest
import records
import worlds
import writers

from adapter.fhir.codec import parse

pytestmark = pytest.mark.anyio
PATCH = "application/json-patch+json"
PRETRIAL = ("pretrial", "pretrial-release")


async def summaries(world, subject):
    """The derived summaries of a patient, as they stand in the index."""
    found = await writers.send(world, "GET", f"/Observation?patient={subject}")
    listed = [entry["resource"] for entry in found.json()["entry"] if entry["search"]["mode"] == "match"]
    return [one for one in listed if "screening-summary" in str(one["meta"].get("profile"))]


async def test_an_update_makes_a_version_and_a_repeat_makes_none(world):
    made = await writers.written(world, writers.patient())
    changed = made | {"active": True}
    answer = await writers.send(world, "PUT", f"/Patient/{made['id']}", changed)
    assert answer.status_code == 200
    now = answer.json()
    assert writers.content(now) == writers.content(changed)
    assert now["meta"]["versionId"] != made["meta"]["versionId"]
    again = await writers.send(world, "PUT", f"/Patient/{made['id']}", now)
    assert (again.status_code, again.json()) == (200, now)
    assert len(world.rows("SELECT * FROM written_history")) == 1


async def test_if_match_takes_the_current_version_alone(world):
    made = await writers.written(world, writers.patient())
    url, tag = f"/Patient/{made['id']}", f'W/"{made["meta"]["versionId"]}"'
    first = await writers.send(world, "PUT", url, made | {"active": True}, headers={"If-Match": tag})
    assert first.status_code == 200
    for method, body in (("PUT", made | {"active": False}), ("DELETE", None)):
        late = await writers.send(world, method, url, body, headers={"If-Match": tag})
        assert late.status_code == 412
    broken = await writers.send(world, "PUT", url, made, headers={"If-Match": "3"})
    assert (broken.status_code, broken.json()["issue"][0]["expression"]) == (400, ["http.If-Match"])
    assert (await writers.send(world, "DELETE", url, headers={"If-Match": first.headers["etag"]})).status_code == 204


async def test_prefer_says_what_comes_back(world):
    for wanted, seen in (
        ("minimal", b""),
        ("representation", b'"Patient"'),
        ("OperationOutcome", b'"OperationOutcome"'),
    ):
        answer = await writers.send(
            world, "POST", "/Patient", writers.patient(), headers={"Prefer": f"return={wanted}; handling=lenient"}
        )
        assert answer.status_code == 201
        assert seen in answer.content if seen else answer.content == b""
        assert answer.headers["etag"]


async def test_update_as_create_is_refused_and_conditional_update_creates(world):
    body = writers.patient("U1")
    assert (await writers.send(world, "PUT", "/Patient/mine", body | {"id": "mine"})).status_code == 404
    url = f"/Patient?identifier={writers.CHART}|U1"
    first = await writers.send(world, "PUT", url, body)
    second = await writers.send(world, "PUT", url, body | {"active": True})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert second.json()["active"] is True


async def test_criteria_that_fit_several_are_refused(world):
    one = await writers.registered(world)
    for when in ("2026-11-02", "2026-11-03"):
        await writers.written(world, writers.phq9(one, when=when))
    url = f"/Observation?patient={one}&code=44261-6"
    assert (await writers.send(world, "PUT", url, writers.phq9(one))).status_code == 412
    narrowed = await writers.send(world, "PUT", f"{url}&date=2026-11-02", writers.phq9(one, when="2026-11-02", score=3))
    assert narrowed.status_code == 200
    for criteria in ("code=44261-6", "patient=x&_sort=date", "patient=x&_lastUpdated=gt2020", "oops=1"):
        assert (await writers.send(world, "PUT", f"/Observation?{criteria}", writers.phq9(one))).status_code == 400


async def test_two_patients_of_one_writer_never_share_a_number(world):
    await writers.written(world, writers.patient("same"))
    answer = await writers.send(world, "POST", "/Patient", writers.patient("same"))
    assert answer.status_code == 409
    shared = [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "433275914"}]
    for _ in range(2):
        await writers.written(world, writers.patient(identifier=shared))


async def test_a_patch_changes_what_it_names_and_keeps_every_digit(world):
    subject = await writers.registered(world)
    raw = writers.phq9(subject)
    made = await writers.written(world, raw)
    patch = (
        b'[{"op":"test","path":"/status","value":"final"},'
        b'{"op":"add","path":"/referenceRange","value":[{"low":{"value":1.50}}]}]'
    )
    answer = await writers.send(world, "PATCH", f"/Observation/{made['id']}", content=patch, media=PATCH)
    assert answer.status_code == 200
    assert b'"low":{"value":1.50}' in answer.content
    assert str(parse(answer.content)["referenceRange"][0]["low"]["value"]) == "1.50"
    for content, status, media in (
        (b'[{"op":"test","path":"/status","value":"draft"}]', 412, PATCH),
        (b'[{"op":"remove","path":"/nothing"}]', 422, PATCH),
        (b'[{"op":"replace","path":"/status","value":"bogus"}]', 422, PATCH),
        (b'[{"op":"replace","path":"/id","value":"other"}]', 400, PATCH),
        (b"{}", 422, PATCH),
        (b"[", 400, PATCH),
        (b"[]", 415, "application/fhir+json"),
    ):
        refused = await writers.send(world, "PATCH", f"/Observation/{made['id']}", content=content, media=media)
        assert refused.status_code == status, content
    assert (await writers.send(world, "GET", f"/Observation/{made['id']}")).content == answer.content


async def test_a_delete_takes_along_what_was_derived(world):
    await world.deliver("releases", records.ndjson(records.release(records.choice("pretrial"))))
    ada = {"name": [{"family": "Marsh", "given": ["Ada"]}], "birthDate": "1980-04-02"}
    ssn = [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": records.SSN.replace("-", "")}]
    subject = (await writers.written(world, writers.patient() | ada | {"identifier": ssn}))["id"]
    made = await writers.written(world, writers.phq9(subject))
    (summary,) = await world.matches(PRETRIAL, f"/fhir/Observation?patient={subject}")
    assert (await writers.send(world, "DELETE", f"/Patient/{subject}")).status_code == 409
    assert (await writers.send(world, "DELETE", f"/Observation/{made['id']}")).status_code == 204
    assert await world.matches(PRETRIAL, f"/fhir/Observation?patient={subject}") == []
    gone = await world.ask(PRETRIAL, f"/fhir/Observation/{summary['id']}")
    assert worlds.comparable(gone) == worlds.comparable(await world.ask(PRETRIAL, "/fhir/Observation/absent"))
    for method in ("GET", "DELETE"):
        own = await writers.send(world, method, f"/Observation/{made['id']}")
        assert worlds.comparable(own) == worlds.comparable(await writers.send(world, method, "/Observation/absent"))
    again = await writers.written(world, writers.phq9(subject))
    (back,) = await world.matches(PRETRIAL, f"/fhir/Observation?patient={subject}")
    assert back["id"] == summary["id"]
    assert again["id"] != made["id"]
    assert (await writers.send(world, "DELETE", f"/Observation/{again['id']}")).status_code == 204
    assert (await writers.send(world, "DELETE", f"/Patient/{subject}")).status_code == 204
    assert world.rows("SELECT count(*) FROM patient_link") == [(0,)]
    account = await world.services.accounting.of(subject, since=0, until=2**60)
    assert any(one.given for one in account.asked)  # what was disclosed stays in the account


async def test_a_summary_that_another_record_still_tells_stays(world):
    subject = await writers.registered(world)
    one = await writers.written(world, writers.phq9(subject))
    other = await writers.written(world, writers.phq9(subject, note=[{"text": "the same result"}]))
    (before,) = await summaries(world, subject)
    await writers.send(world, "DELETE", f"/Observation/{other['id']}")
    (after,) = await summaries(world, subject)
    assert (after["id"], after["valueQuantity" if "valueQuantity" in after else "status"]) == (
        before["id"],
        before["valueQuantity" if "valueQuantity" in before else "status"],
    )
    await writers.send(world, "DELETE", f"/Observation/{one['id']}")
    assert await summaries(world, subject) == []


async def test_a_corrected_date_moves_the_summary(world):
    subject = await writers.registered(world)
    made = await writers.written(world, writers.phq9(subject, when="2026-11-02"))
    (before,) = await summaries(world, subject)
    moved = made | {"effectiveDateTime": "2026-11-05", "status": "corrected"}
    assert (await writers.send(world, "PUT", f"/Observation/{made['id']}", moved)).status_code == 200
    (after,) = await summaries(world, subject)
    assert (before["effectiveDateTime"], after["effectiveDateTime"]) == ("2026-11-02", "2026-11-05")


async def test_references_of_any_kind_protect_what_they_name_but_not_itself_nor_its_trace(world):
    subject = await writers.registered(world)
    first = await writers.written(world, writers.phq9(subject))
    second = await writers.written(
        world, writers.phq9(subject, hasMember=[{"reference": f"Observation/{first['id']}"}])
    )
    own = second | {"derivedFrom": [{"reference": f"Observation/{second['id']}"}]}
    assert (await writers.send(world, "PUT", f"/Observation/{second['id']}", own)).status_code == 200
    version = f"Observation/{second['id']}/_history/{second['meta']['versionId']}"
    trace = {
        "resourceType": "Provenance",
        "target": [{"reference": version}],
        "recorded": "2026-11-22T10:00:00Z",
        "agent": [{"who": {"reference": "Organization/cottonwood"}}],
    }
    kept = await writers.written(world, trace)
    assert kept["target"] == trace["target"]
    assert (await writers.send(world, "DELETE", f"/Observation/{first['id']}")).status_code == 409
    assert (await writers.send(world, "DELETE", f"/Observation/{second['id']}")).status_code == 204
    assert (await writers.send(world, "DELETE", f"/Observation/{first['id']}")).status_code == 204


async def test_xml_goes_in_and_comes_out(world):
    xml = (
        '<Patient xmlns="http://hl7.org/fhir"><identifier><system value="urn:x"/><value value="X1"/></identifier>'
        '<name><family value="Quillan"/></name><birthDate value="1984-03-09"/></Patient>'
    )
    answer = await writers.send(
        world, "POST", "/Patient?_format=xml", content=xml.encode(), media="application/fhir+xml"
    )
    assert answer.status_code == 201
    assert b'<family value="Quillan"/>' in answer.content
    ident = answer.headers["location"].rpartition("/_history/")[0].rpartition("/")[2]
    put = xml.replace("<identifier>", f'<id value="{ident}"/><identifier>', 1).replace("1984", "1985")
    changed = await writers.send(world, "PUT", f"/Patient/{ident}", content=put.encode(), media="application/fhir+xml")
    assert (changed.status_code, changed.json()["birthDate"]) == (200, "1985-03-09")
