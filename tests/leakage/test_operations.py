"""Operations: exports, groups, lists, checks, matches, reasons and accounts tell nothing of what is withheld."""

from __future__ import annotations

import re

import asserting
import bulk_requests
import orjson
import pytest
import worlds
from leaks import entries, hidden_patient

from adapter.services.page import markdown
from adapter.store.shapes import TYPE_NAMES

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "tail", ["/_history", "/_history?_count=0", "/_history/1", "/_history/{version}", "/$everything"]
)
async def test_other_ways_to_a_resource_lead_nowhere_either(world, case, tail):
    ((version,),) = world.rows("SELECT version FROM resource WHERE type = 3 AND id = ?", min(case["hidden"]))
    tail = tail.format(version=version)
    hidden = await world.ask(case["caller"], f"/fhir/Observation/{min(case['hidden'])}{tail}")
    absent = await world.ask(case["caller"], f"/fhir/Observation/absent{tail}")
    assert hidden.status_code == 404
    assert worlds.comparable(hidden) == worlds.comparable(absent)
    patient = hidden_patient(world, case)
    hidden, absent = [await world.ask(case["caller"], f"/fhir/Patient/{one}{tail}") for one in (patient, "absent")]
    assert hidden.status_code == 404
    assert worlds.comparable(hidden) == worlds.comparable(absent)


async def test_everything_of_a_person_holds_nothing_hidden_and_counts_none(world, case):
    pages = await world.pages(case["caller"], f"/fhir/Patient/{case['patient']}/$everything?_count=2")
    found = [item for page in pages for item in entries(page)]
    assert {item["id"] for item in found if item["resourceType"] == "Observation"} == case["seen"]
    assert {orjson.loads(page.content)["total"] for page in pages} == {len(found)}
    assert [len(entries(page)) for page in pages[:-1]] == [2] * (len(pages) - 1)
    for item in found:
        assert (await world.ask(case["caller"], f"/fhir/{item['resourceType']}/{item['id']}")).status_code == 200


async def test_an_export_holds_nothing_hidden_and_its_manifest_tells_of_nothing_hidden(world, case):
    token = await world.token(*case["caller"])
    found = await bulk_requests.export(world, token)
    names = bulk_requests.ids(found)
    assert case["seen"] <= {name.partition("/")[2] for name in names}
    assert not {f"Observation/{ident}" for ident in case["hidden"]} & names
    for name in sorted(names):
        assert (await world.ask(case["caller"], f"/fhir/{name}")).status_code == 200
    rows = world.rows("SELECT type, id FROM resource")
    for kind, ident in rows:
        if f"{TYPE_NAMES[kind]}/{ident}" not in names:
            assert (await world.ask(case["caller"], f"/fhir/{TYPE_NAMES[kind]}/{ident}")).status_code == 404
    assert all(found.values())


async def test_a_group_of_hidden_and_absent_people_holds_nobody(world, case):
    token = await world.token(*case["caller"])
    for members in ([hidden_patient(world, case)], ["absent"], [hidden_patient(world, case), "absent"]):
        entities = [{"entity": {"reference": f"Patient/{one}"}} for one in members]
        document = {"resourceType": "Group", "type": "person", "actual": True, "member": entities}
        made = await bulk_requests.get(world, token, "/fhir/Group", "POST", document)
        assert "member" not in made.json()
        told = await bulk_requests.manifest(
            world,
            token,
            await bulk_requests.kick_off(
                world, token, f"/fhir/Group/{made.json()['id']}/$export?_type=Patient,Observation"
            ),
        )
        assert told["output"] == []


async def test_a_list_of_hidden_seen_and_unknown_people_is_answered_and_followed_alike(world, case):
    """The upload tells nothing of anybody, and hidden people stay off what is read back and off what is followed."""
    token = await world.token(*case["caller"])
    rows = world.rows("SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE type = 1 ORDER BY rid")
    named = [one for one in (orjson.loads(body) for (body,) in rows) if one.get("birthDate") and one.get("name")]
    readable = {
        one["id"]: (await world.ask(case["caller"], f"/fhir/Patient/{one['id']}")).json().get("birthDate")
        for one in named
    }
    people = [
        (one["name"][0]["family"], one["name"][0]["given"][0], one["birthDate"])
        for one in named
        if "given" in one["name"][0]
    ]
    seen = [one for one in named if readable[one["id"]]]
    assert seen
    assert len(seen) < len(named)
    head = "family,given,birth_date\r\n"
    answers = [
        await bulk_requests.upload(world, token, f"{head}{','.join(row)}\r\n")
        for row in [*people[:20], ("Nemo", "Nora", "1980-01-01")]
    ]
    every = head + "".join(",".join(row) + "\r\n" for row in people)
    whole = (await bulk_requests.upload(world, token, every)).json()
    assert {(one.status_code, len(one.content), one.json()["rows"]) for one in answers} == {
        (201, len(answers[0].content), 1)
    }
    read = (await world.ask(case["caller"], f"/fhir/{whole['group']}")).json()
    told = {one["entity"]["reference"].removeprefix("Patient/") for one in read["member"]}
    assert {one["id"] for one in seen if "given" in one["name"][0]} <= told
    for ident in told:
        assert (await world.ask(case["caller"], f"/fhir/Patient/{ident}")).status_code == 200


@pytest.mark.parametrize("query", ["", "?mode=delete", "?mode=update"])
async def test_a_check_of_a_hidden_resource_answers_as_of_an_absent_one(world, case, query):
    body = {"resourceType": "Observation"} if "update" in query else None
    hidden, absent = [
        await world.ask(case["caller"], f"/fhir/Observation/{ident}/$validate{query}", method="POST", document=body)
        for ident in (min(case["hidden"]), "absent")
    ]
    assert hidden.status_code == 404
    assert worlds.comparable(hidden) == worlds.comparable(absent)
    seen = await world.ask(case["caller"], f"/fhir/Observation/{min(case['seen'])}/$validate", method="POST")
    assert (seen.status_code, orjson.loads(seen.content)["issue"][0]["code"]) == (200, "informational")


async def test_a_check_looks_up_no_reference(world, case):
    told = {"resourceType": "Encounter", "status": "finished", "class": {"code": "IMP"}}
    answers = [
        await world.ask(
            case["caller"],
            "/fhir/Encounter/$validate",
            method="POST",
            document={
                **told,
                "partOf": {"reference": f"Encounter/{ident}"},
                "subject": {"reference": f"Patient/{ident}"},
            },
        )
        for ident in (min(case["hidden"]), case["patient"], "absent")
    ]
    assert len({str(worlds.comparable(answer)) for answer in answers}) == 1


async def test_the_reasons_of_an_answer_are_for_privacy_officers_only(world, case):
    hidden = await world.ask(case["caller"], f"/fhir/Observation/{min(case['hidden'])}")
    shown = await world.ask(case["caller"], f"/fhir/Observation/{min(case['seen'])}")
    recipient, purpose = case["caller"]
    answers = [
        await world.why(case["caller"], request_id=hidden.headers["x-request-id"]),
        await world.why(case["caller"], request_id=shown.headers["x-request-id"]),
        await world.why(case["caller"], request_id="absent"),
        await world.why(case["caller"], recipient=recipient, purpose=purpose, resource="Observation/absent"),
        await world.why(case["caller"], recipient=recipient, purpose=purpose, resource=f"Patient/{case['patient']}"),
        await world.why(case["caller"], nothing="known"),
    ]
    answers += [
        await world.why(case["caller"], recipient=recipient, purpose=purpose, resource=f"Observation/{ident}")
        for ident in sorted(case["hidden"] | case["seen"])
    ]
    assert {one.status_code for one in answers} == {403}
    assert len({str(worlds.comparable(one)) for one in answers}) == 1
    (entry,) = await world.services.ledger.of_request(answers[0].headers["x-request-id"])
    assert (entry.interaction, entry.target, entry.outcome) == ("$explain", "", "403 forbidden")


async def test_a_match_finds_no_patient_that_a_search_does_not(world):
    """Whoever is described exactly as a hidden record says is as unknown as somebody who does not exist."""
    caller = ("cottonwood", "TREAT")
    nobody = {"resourceType": "Patient", "name": [{"family": "Nobody", "given": ["Here"]}], "birthDate": "1971-01-02"}
    absent = await matched(world, caller, nobody)
    hidden = seen = 0
    for (body,) in world.rows("SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE type = 1 ORDER BY rid"):
        person = orjson.loads(body)
        if "birthDate" not in person or "name" not in person:
            continue
        told = {key: person[key] for key in ("resourceType", "name", "birthDate")}
        answer = await matched(world, caller, told)
        for entry in orjson.loads(answer.content).get("entry", ()):
            seen += 1
            assert (await world.ask(caller, f"/fhir/Patient/{entry['resource']['id']}")).status_code == 200
        if orjson.loads(answer.content)["total"] == 0:
            hidden += 1
            assert worlds.comparable(answer) == worlds.comparable(absent)
    assert hidden > 20
    assert seen > 20


async def test_a_match_tells_nothing_by_a_number_that_is_never_served(world):
    """Neither the right number nor a wrong one changes an answer: recognition is not an oracle."""
    caller = ("cottonwood", "TREAT")
    for (body,) in world.rows("SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE type = 1 LIMIT 20"):
        person = orjson.loads(body)
        if "birthDate" not in person or "name" not in person:
            continue
        told = {key: person[key] for key in ("resourceType", "name", "birthDate")}
        system = "http://hl7.org/fhir/sid/us-ssn"
        numbered = {**told, "identifier": [{"system": system, "value": "433275914"}]}
        one, other = await matched(world, caller, told), await matched(world, caller, numbered)
        assert worlds.comparable(one) == worlds.comparable(other)


async def matched(world, caller, person):
    document = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": person}]}
    return await world.ask(caller, "/fhir/Patient/$match", method="POST", document=document)


async def test_asserting_a_basis_confirms_nobody(world, case):
    """Whoever guesses ids, or describes people, learns nothing: neither from the answer nor from how it repeats."""
    known, hidden = case["patient"], hidden_patient(world, case)
    for caller, basis, status in ((case["caller"], "K", 403), (("pretrial", "pretrial-release"), "E", 403)):
        answers = [await asserting.post(world, caller, asserting.body(one, basis=basis)) for one in (known, "absent")]
        assert [answer.status_code for answer in answers] == [status] * 2
        assert worlds.comparable(answers[0]) == worlds.comparable(answers[1])
    caller = ("jail-medical", "TREAT")
    for number, changed in enumerate(({}, {"facts": {}}, {"classes": ("everything",)})):
        sent = [asserting.body(one, request=f"{number}-{one}", **changed) for one in (known, hidden, "absent")]
        answers = [await asserting.post(world, caller, one) for one in sent for _ in range(2)]
        assert len({repr(worlds.comparable(answer)) for answer in answers}) == 1
    people = [
        {"resourceType": "Patient", "birthDate": born, "identifier": [{"system": "x", "value": "1"}]}
        for born in ("1980-04-02", "1911-01-01")
    ]
    answers = [await asserting.post(world, caller, asserting.body(person=one)) for one in people]
    assert worlds.comparable(answers[0]) == worlds.comparable(answers[1])


async def test_who_asserts_an_emergency_sees_only_what_it_permits(world, case):
    """A Patient that is not there is not there afterwards either, and others see what they saw."""
    other = ("defender", "diversion")
    before = await world.ask(other, f"/fhir/Observation?patient={case['patient']}")
    caller = ("cottonwood", "TREAT")
    for patient in (hidden_patient(world, case), "absent"):
        assert (await asserting.post(world, caller, asserting.body(patient))).status_code == 202
    assert (await world.ask(caller, "/fhir/Patient/absent")).status_code == 404
    assert worlds.comparable(await world.ask(other, f"/fhir/Observation?patient={case['patient']}")) == (
        worlds.comparable(before)
    )


async def test_audit_events_do_not_exist_but_for_privacy_officers(world, case):
    """Whatever is held, seen or hidden: the answer is that of a type that is not offered."""
    nowhere = worlds.comparable(await world.ask(case["caller"], "/fhir/Medication"))
    tails = ["", f"?patient={case['patient']}", "?patient=absent", f"?entity=Observation/{min(case['hidden'])}"]
    for tail in (*tails, "/absent", "/" + "ab" * 32):
        assert worlds.comparable(await world.ask(case["caller"], f"/fhir/AuditEvent{tail}")) == nowhere


async def test_an_accounting_tells_that_somebody_asked_and_never_what_is_held(world, case):
    """A look-up that met something hidden reads as one that met nothing, in everything the person is given."""
    for ident in (min(case["hidden"]), min(case["seen"])):
        await world.ask(("harbor-house", "TREAT"), f"/fhir/Observation/{ident}")
    await world.ask(("harbor-house", "TREAT"), f"/fhir/Observation?patient={case['patient']}")
    account = await world.services.accounting.of(case["patient"], since=0, until=world.clock.now + 1)
    asked = [one for one in account.asked if one.recipient == "Organization/harbor-house"]
    assert [one.result for one in asked] == ["nothing"] * 3
    page, zone = world.services.account_page, world.services.zone
    told = [markdown(page.blocks(account, zone)), page.rows(account)]
    told.append(orjson.dumps(list(world.services.audit.events(account, officer=False))).decode())
    bodies = [bytes(tail).decode() for (tail,) in world.rows("SELECT tail FROM resource WHERE type = 3")]
    values = {text for body in bodies for text in re.findall(r'"(?:text|display|valueString)":"([^"]{9,})"', body)}
    values -= set(world.services.site.partners)  # who asked is told
    assert values
    assert not [value for value in values for text in told if value in text]
    assert not any(ident in text for ident in case["hidden"] for text in told[:2])
