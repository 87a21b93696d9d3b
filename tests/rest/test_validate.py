"""`$validate`: what is told, in which form it is asked, and that it looks at nothing the caller may not read."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.anyio
PROFILE = "https://sallyport.example/fhir/StructureDefinition/"
GOOD = {"resourceType": "Patient", "id": "p1", "identifier": [{"system": "urn:jail", "value": "J1"}]}
BAD = {"resourceType": "Patient", "gender": "unkown", "name": [{"given": ["A"], "use": "x"}, {"colour": "red"}]}
JSON = {"content-type": "application/fhir+json"}


def issues(answer):
    assert answer.status_code == 200
    return [
        (one["severity"], one["code"], *one.get("expression", ("",)))
        for one in answer.json()["issue"]
        if one["diagnostics"]
    ]


WELL = [("information", "informational", "")]


async def ask(client, url, body=None, **headers):
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    return await client.post(f"/fhir/{url}", content=content, headers=JSON | headers)


def parameters(**given):
    listed = []
    for name, value in given.items():
        kind = {"resource": "resource", "mode": "valueCode", "profile": "valueUri"}[name]
        listed.append({"name": name, kind: value})
    return {"resourceType": "Parameters", "parameter": listed}


async def test_nothing_wrong_is_told_as_information(client):
    assert issues(await ask(client, "Patient/$validate", GOOD)) == WELL
    assert issues(await ask(client, "Patient/$validate", parameters(resource=GOOD))) == WELL


async def test_every_issue_has_its_place(client):
    assert issues(await ask(client, "Patient/$validate", BAD)) == [
        ("error", "code-invalid", "Patient.name[0].use"),
        ("error", "structure", "Patient.name[1]"),
        ("error", "code-invalid", "Patient.gender"),
    ]


async def test_the_profiles_that_are_claimed_and_those_that_are_asked_for(client):
    claimed = {**GOOD, "meta": {"profile": [f"{PROFILE}source-patient"]}}
    assert issues(await ask(client, "Patient/$validate", claimed)) == [("error", "required", "Patient.meta.security")]
    asked = f"Patient/$validate?profile={PROFILE}source-patient"
    assert issues(await ask(client, asked, GOOD)) == [("error", "required", "Patient.meta")]
    in_body = parameters(resource=GOOD, mode="profile", profile=f"{PROFILE}source-patient")
    assert issues(await ask(client, "Patient/$validate", in_body)) == [("error", "required", "Patient.meta")]
    of_another = await ask(client, f"Patient/$validate?profile={PROFILE}relative", GOOD)
    assert issues(of_another) == [("error", "structure", "Patient.meta.profile")]


async def test_any_type_whose_structure_is_known_is_checked(client):
    assert (
        issues(await ask(client, "Group/$validate", {"resourceType": "Group", "type": "person", "actual": True}))
        == WELL
    )
    assert (await ask(client, "Nothing/$validate", GOOD)).status_code == 404
    assert issues(await ask(client, "Parameters/$validate", {"resourceType": "Parameters"})) == WELL


async def test_a_resource_of_another_type_is_told_as_such(client):
    assert issues(await ask(client, "Observation/$validate", GOOD)) == [("error", "structure", "resourceType")]
    assert issues(await ask(client, "Patient/$validate", {"resourceType": "Medication"}))[0] == (
        "error",
        "structure",
        "resourceType",
    )


async def test_a_mode_tells_whether_the_server_offers_it(client, gate):
    told = issues(await ask(client, "Location/$validate?mode=create", {"resourceType": "Location", "status": "x"}))
    assert told == [("error", "not-supported", ""), ("error", "code-invalid", "Location.status")]
    gate.put("Consent", "x")
    # A Consent decides what may be released, so it is kept.
    assert issues(await ask(client, "Consent/x/$validate?mode=delete")) == [("error", "not-supported", "")]
    assert issues(await ask(client, "Patient/$validate?mode=create", GOOD)) == WELL


async def test_one_resource_is_read_through_the_gate(client, gate):
    gate.put("Patient", "p1")
    assert issues(await ask(client, "Patient/p1/$validate")) == WELL
    assert [(kind, ident) for _, kind, ident in gate.reads] == [("Patient", "p1")]
    assert gate.noted[-1][1:] == ("$validate", "Patient")
    update = await ask(client, "Patient/p1/$validate?mode=update", {**GOOD, "id": "other"})
    assert ("error", "value", "Patient.id") in issues(update)


@pytest.mark.parametrize("suffix", ["", "?mode=delete", "?mode=update", f"?profile={PROFILE}source-patient"])
async def test_a_hidden_resource_answers_as_an_absent_one(client, gate, suffix):
    gate.put("Patient", "seen")
    body = GOOD if "update" in suffix else None
    answers = [await ask(client, f"Patient/{ident}/$validate{suffix}", body) for ident in ("hidden", "absent")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


async def test_a_type_level_question_looks_at_no_record(client, gate):
    for body in (GOOD, BAD, parameters(resource=GOOD)):
        await ask(client, "Patient/$validate", body)
    assert (gate.reads, gate.searches) == ([], [])
    assert {note[1:] for note in gate.noted} == {("$validate", "Patient")}


@pytest.mark.parametrize(
    ("url", "body", "status", "named"),
    [
        ("Patient/$validate", None, 400, "resource"),
        ("Patient/$validate", b"{", 400, None),
        ("Patient/$validate?mode=sideways", GOOD, 400, "mode"),
        ("Patient/$validate?mode=update", GOOD, 400, "mode"),
        ("Patient/$validate?mode=delete", GOOD, 400, "mode"),
        ("Patient/p1/$validate?mode=create", GOOD, 400, "mode"),
        ("Patient/p1/$validate?mode=update", None, 400, "resource"),
        ("Patient/$validate?mode=profile", GOOD, 400, "profile"),
        ("Patient/$validate?mode=create&mode=profile", GOOD, 400, "mode"),
        ("Patient/$validate?mode=create", parameters(resource=GOOD, mode="profile"), 400, "mode"),
        ("Patient/$validate?profile=http://example.org/unknown", GOOD, 400, "profile"),
        ("Patient/$validate?colour=red", GOOD, 400, "colour"),
        ("Patient/$validate?_format=ttl", GOOD, 406, "_format"),
        ("Patient/$validate", {"resourceType": "Parameters"}, 400, "resource"),
        ("Patient/$validate", {"resourceType": "Parameters", "parameter": [{"name": "x"}]}, 400, None),
        ("Patient/$validate", {"resourceType": "Parameters", "parameter": [{"name": "mode"}]}, 400, "mode"),
        (
            "Patient/$validate",
            {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": GOOD}] * 2},
            400,
            "resource",
        ),
    ],
)
async def test_what_makes_no_sense_is_refused_and_in_the_ledger(client, gate, issue_of, url, body, status, named):
    answer = await ask(client, url, body)
    assert answer.status_code == status
    assert issue_of(answer).get("expression") == ([named] if named else None)
    assert [entry[1:3] for entry in gate.refused] == [("$validate", "Patient")]


async def test_other_ways_to_ask(client, services, client_of):
    assert (await client.get("/fhir/Patient/$validate")).status_code == 405
    assert (await ask(client, "Patient/a/b/$validate", GOOD)).status_code == 404
    assert (await ask(client, "Patient//$validate", GOOD)).status_code == 404
    assert (await ask(client, "Patient/x$validate", GOOD)).status_code == 404
    assert (await ask(client, "Patient/not~an~id/$validate")).status_code == 404
    assert (await ask(client, "Patient/$validate", b"x=1", **{"content-type": "text/plain"})).status_code == 415
    assert (await ask(client, "Patient/$validate", b"[" * 70_000)).status_code == 413
    async with client_of(services) as stranger:
        assert (await ask(stranger, "Patient/$validate", GOOD)).status_code == 401


async def test_xml_is_taken_and_given(client):
    body = b'<Patient xmlns="http://hl7.org/fhir"><gender value="unkown"/></Patient>'
    answer = await ask(
        client, "Patient/$validate", body, **{"content-type": "application/fhir+xml", "accept": "application/fhir+xml"}
    )
    assert answer.status_code == 200
    assert '<expression value="Patient.gender"/>' in answer.text
