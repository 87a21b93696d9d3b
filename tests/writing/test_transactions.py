"""Batch and transaction: whole or not at all, entry by entry, with references that are rewritten."""

from __future__ import annotations

import base64

import orjson
import pytest
import worlds
import writers
from writers import entry, urn

pytestmark = pytest.mark.anyio


def visit(number=1, **more):
    """A Patient, a screening of it, and a form that the screening was derived from."""
    subject = {"reference": urn(number)}
    form = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "subject": subject,
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{urn(number)}">A</a></div>',
        },
    }
    total = writers.phq9("x", derivedFrom=[{"reference": urn(number + 2)}]) | {"subject": subject} | more
    return [
        entry("POST", "Observation", total, full_url=urn(number + 1)),
        entry("POST", "QuestionnaireResponse", form, full_url=urn(number + 2)),
        entry("POST", "Patient", writers.patient(), full_url=urn(number)),
    ]


async def test_a_transaction_rewrites_references_in_any_order(world):
    answer = await writers.transact(world, *visit(), headers={"Prefer": "return=representation"})
    assert answer.status_code == 200, answer.text
    bundle = answer.json()
    assert bundle["type"] == "transaction-response"
    assert [one["response"]["status"] for one in bundle["entry"]] == ["201 Created"] * 3
    total, form, patient = (one["resource"] for one in bundle["entry"])
    assert total["subject"] == form["subject"] == {"reference": f"Patient/{patient['id']}"}
    assert total["derivedFrom"] == [{"reference": f"QuestionnaireResponse/{form['id']}"}]
    assert f'href="Patient/{patient["id"]}"' in form["text"]["div"]
    assert b"urn:uuid" not in answer.content
    for one in bundle["entry"]:
        read = await writers.send(world, "GET", "/" + one["fullUrl"].removeprefix(worlds.BASE + "/"))
        assert read.json() == one["resource"]
        assert read.headers["etag"] == one["response"]["etag"]


async def test_a_transaction_with_one_error_leaves_nothing(world):
    before = world.rows("SELECT count(*) FROM resource")
    answer = await writers.transact(world, *visit(), *visit(11, status="bogus"))
    assert answer.status_code == 422
    assert writers.said(answer)[0][1] == "Bundle.entry[3].resource.status"
    dangling = await writers.transact(world, *visit()[:2])
    assert [place for _, place in writers.said(dangling)] == [
        "Bundle.entry[0].resource.subject.reference",
        "Bundle.entry[1].resource.subject.reference",
    ]
    assert world.rows("SELECT count(*) FROM resource") == before
    assert world.rows("SELECT * FROM written") == []


async def test_every_broken_entry_is_named_by_its_place(world):
    broken = [
        entry("POST", "Organization", {"resourceType": "Organization", "name": "x"}),
        entry("PUT", "Patient/a", writers.patient() | {"id": "b"}),
        entry("BREW", "Patient"),
        entry("POST", "Patient", writers.phq9("x")),
        {"resource": writers.patient()},
        entry("PATCH", "Patient/a", writers.patient()),
    ]
    answer = await writers.transact(world, *broken)
    assert answer.status_code == 422
    assert [place.partition("]")[0] for _, place in writers.said(answer)] == [f"Bundle.entry[{n}" for n in range(6)]
    for document in ({"resourceType": "Bundle", "type": "searchset"}, writers.patient()):
        assert (await writers.send(world, "POST", "", document)).status_code == 400
    assert (await writers.send(world, "GET", "")).status_code == 405


async def test_a_batch_answers_each_entry_by_itself(world):
    subject = await writers.registered(world)
    made = await writers.written(world, writers.phq9(subject))
    patch = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": base64.b64encode(b'[{"op":"replace","path":"/status","value":"amended"}]').decode(),
    }
    answer = await writers.transact(
        world,
        entry("GET", f"Observation/{made['id']}"),
        entry("POST", "Observation", writers.phq9("absent")),
        entry("PATCH", f"Observation/{made['id']}", patch),
        entry("GET", f"Observation?patient={subject}&_summary=count"),
        entry("GET", "Observation/absent"),
        entry("DELETE", f"Observation/{made['id']}", ifMatch='W/"old"'),
        entry("BREW", "Patient"),
        entry("DELETE", f"Observation/{made['id']}"),
        entry("GET", "Observation/absent/_history"),
        kind="batch",
    )
    bundle = answer.json()
    statuses = [one["response"]["status"].partition(" ")[0] for one in bundle["entry"]]
    assert statuses == ["200", "422", "200", "200", "404", "412", "422", "204", "404"]
    assert bundle["entry"][0]["resource"] == made
    assert bundle["entry"][3]["resource"]["total"] == 2
    direct = (await writers.send(world, "GET", "/Observation/absent")).json()
    assert bundle["entry"][4]["response"]["outcome"] == direct
    entries = await world.services.ledger.of_request(answer.headers["x-request-id"])
    assert [one.interaction for one in entries] == [
        "read",
        "create",
        "patch",
        "search-type",
        "read",
        "delete",
        "delete",
    ]
    assert [one.outcome[:3] for one in entries] == ["", "422", "", "", "", "412", ""]


async def test_conditional_entries_and_references_find_own_records(world):
    known = await writers.registered(world, number="C1")
    mine = f"identifier={writers.CHART}|C1"
    body = writers.patient("C2")
    answer = await writers.transact(
        world,
        entry("POST", "Patient", writers.patient("C1"), full_url=urn(1), ifNoneExist=mine),
        entry("POST", "Patient", body, full_url=urn(2), ifNoneExist=f"identifier={writers.CHART}|C2"),
        entry("POST", "Patient", body, full_url=urn(3), ifNoneExist=f"identifier={writers.CHART}|C2"),
        entry("POST", "Observation", writers.phq9("x") | {"subject": {"reference": urn(1)}}),
        entry("POST", "Observation", writers.phq9("x") | {"subject": {"reference": urn(3)}}),
        entry("POST", "Observation", writers.phq9("x") | {"subject": {"reference": f"Patient?{mine}"}}),
        headers={"Prefer": "return=representation"},
    )
    assert answer.status_code == 200, answer.text
    made = answer.json()["entry"]
    assert [one["response"]["status"][:3] for one in made] == ["200", "201", "200", "201", "201", "201"]
    ids = [one["resource"]["id"] for one in made[:3]]
    assert ids == [known, ids[1], ids[1]]
    subjects = [one["resource"]["subject"]["reference"] for one in made[3:]]
    assert subjects == [f"Patient/{known}", f"Patient/{ids[1]}", f"Patient/{known}"]
    for reference in ("Patient?identifier=nobody", "Patient?oops=1", "Patient?name=Quillan", "Nothing?x=1"):
        lost = await writers.transact(
            world, entry("POST", "Observation", writers.phq9("x") | {"subject": {"reference": reference}})
        )
        assert (lost.status_code, writers.said(lost)[0][1]) == (422, "Bundle.entry[0].resource.subject.reference")


async def test_a_record_and_what_refers_to_it_go_together(world):
    subject = await writers.registered(world)
    made = await writers.written(world, writers.phq9(subject))
    both = [entry("DELETE", f"Patient/{subject}"), entry("DELETE", f"Observation/{made['id']}")]
    twice = await writers.transact(world, *both, both[1])
    assert twice.status_code == 422
    late = await writers.transact(world, *both, entry("POST", "Observation", writers.phq9(subject)))
    assert late.status_code == 422
    answer = await writers.transact(world, *both)
    assert answer.status_code == 200
    assert [one["response"]["status"] for one in answer.json()["entry"]] == ["204 No Content"] * 2
    assert world.rows("SELECT * FROM written") == []
    assert world.rows("SELECT * FROM identity") == []


async def test_bundles_are_bounded(world):
    answer = await writers.transact(world, *(entry("GET", "Patient/x") for _ in range(501)), kind="batch")
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (400, ["Bundle.entry"])
    large = orjson.dumps(writers.bundle()) + b" " * 70_000
    assert (await writers.send(world, "POST", "", content=large)).status_code == 413


async def test_a_relative_reference_is_read_at_the_address_of_its_entry(world):
    subject = writers.patient()
    total = writers.phq9("77")
    answer = await writers.transact(
        world,
        entry("POST", "Patient", subject, full_url="https://ehr.example/fhir/Patient/77"),
        entry("POST", "Observation", total, full_url="https://ehr.example/fhir/Observation/78"),
        headers={"Prefer": "return=representation"},
    )
    assert answer.status_code == 200, answer.text
    patient, made = (one["resource"] for one in answer.json()["entry"])
    assert made["subject"]["reference"] == f"Patient/{patient['id']}"
