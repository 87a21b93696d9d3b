"""Who may write what, and that hidden, sealed, deleted and absent records are one and the same to a writer."""

from __future__ import annotations

import asyncio

import asserting
import pytest
import records
import worlds
import writers
import yaml

pytestmark = pytest.mark.anyio


async def hidden_ones(world):
    """Ids of a Patient and an Observation of the jail's own that the clinic sees nothing of."""
    await world.deliver("jail-medical-hl7", records.hl7(records.admission(), records.phq9(9)))
    rows = "SELECT id FROM resource WHERE type = ? AND rid NOT IN (SELECT rid FROM written)"
    patient, observation = (world.rows(rows, kind)[0][0] for kind in (1, 3))
    return patient, observation


async def test_a_client_without_a_feed_writes_nothing(world):
    for who in ({"client": "test"}, {"organisation": "pretrial", "purpose": "pretrial-release"}):
        answer = await writers.send(world, "POST", "/Patient", writers.patient(), **who)
        assert answer.status_code == 403
        assert "feeds/" in writers.said(answer)[0][0]
    assert world.rows("SELECT * FROM written") == []


async def test_a_contract_that_ended_closes_the_feed(tmp_path):
    def closed(folder):
        path = folder / "agreements" / "hosting_contract.yaml"
        document = yaml.safe_load(path.read_text())
        document["feeds"].append("cottonwood-chart")
        document["sources"].append("cottonwood")
        document["signatories"].append(
            {"name": "Wren Castellan", "role": "director", "organisation": "cottonwood", "date": "2025-12-12"}
        )
        document["end"] = "2026-11-01"
        path.write_text(yaml.safe_dump(document))

    world = await worlds.open_site(tmp_path / "site", adjust=closed)
    answer = await writers.send(world, "POST", "/Patient", writers.patient())
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    await world.close()


async def test_an_agreement_has_to_direct_what_is_sent(tmp_path):
    def silent(folder):
        path = folder / "agreements" / "memorandum.yaml"
        document = yaml.safe_load(path.read_text())
        for one in document["directions"]:
            one["senders"] = [name for name in one["senders"] if name != "cottonwood"]
        path.write_text(yaml.safe_dump(document, sort_keys=False))

    world = await worlds.open_site(tmp_path / "site", adjust=silent)
    answer = await writers.send(world, "POST", "/Patient", writers.patient())
    assert answer.status_code == 403
    assert "`directions`" in writers.said(answer)[0][0]
    await world.close()


async def test_hidden_targets_answer_as_absent_ones(world):
    mine = await writers.registered(world)
    patient, observation = await hidden_ones(world)
    bodies = {
        "update": lambda ident: ("PUT", f"/Observation/{ident}", writers.phq9(mine) | {"id": ident}, {}),
        "match": lambda ident: (
            "PUT",
            f"/Observation/{ident}",
            writers.phq9(mine) | {"id": ident},
            {"If-Match": 'W/"1"'},
        ),
        "delete": lambda ident: ("DELETE", f"/Observation/{ident}", None, {}),
        "delete match": lambda ident: ("DELETE", f"/Observation/{ident}", None, {"If-Match": 'W/"1"'}),
        "criteria": lambda ident: ("PUT", f"/Observation?_id={ident}", writers.phq9(mine) | {"id": ident}, {}),
    }
    for name, ask in bodies.items():
        method, url, body, headers = ask(observation)
        hidden = await writers.send(world, method, url, body, headers=headers)
        method, url, body, headers = ask("absent")
        absent = await writers.send(world, method, url, body, headers=headers)
        assert worlds.comparable(hidden) == worlds.comparable(absent), name
        assert hidden.status_code in {404, 422}
        entries = [(await world.services.ledger.of_request(one.headers["x-request-id"])) for one in (hidden, absent)]
        assert [(e.interaction, e.target, e.outcome) for e in entries[0]] == [
            (e.interaction, e.target, e.outcome) for e in entries[1]
        ]
    patches = [
        await writers.send(
            world,
            "PATCH",
            f"/Observation/{ident}",
            [{"op": "remove", "path": "/note"}],
            media="application/json-patch+json",
        )
        for ident in (observation, "absent")
    ]
    assert worlds.comparable(patches[0]) == worlds.comparable(patches[1])
    subjects = [await writers.send(world, "POST", "/Observation", writers.phq9(one)) for one in (patient, "absent")]
    assert worlds.comparable(subjects[0]) == worlds.comparable(subjects[1])
    assert subjects[0].status_code == 422
    for place in ("encounter", "derivedFrom", "performer"):
        kind = {"encounter": "Encounter", "derivedFrom": "Observation", "performer": "Patient"}[place]
        answers = []
        for ident in (observation if kind == "Observation" else patient, "absent"):
            told = {"reference": f"{kind}/{ident}"}
            body = writers.phq9(mine, **{place: told if place == "encounter" else [told]})
            answers.append(await writers.send(world, "POST", "/Observation", body))
        assert worlds.comparable(answers[0]) == worlds.comparable(answers[1])
        assert answers[0].status_code == 422
        assert place in writers.said(answers[0])[0][1]


async def test_identifiers_of_others_are_nothing_to_a_conditional_write(world):
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient()))
    number = {"system": "http://hl7.org/fhir/sid/us-ssn", "value": records.SSN.replace("-", "")}
    for criteria in (f"identifier={number['system']}|{number['value']}", "identifier=urn:x|absent"):
        body = writers.patient(identifier=[number])
        answer = await writers.send(world, "POST", "/Patient", body, headers={"If-None-Exist": criteria})
        assert answer.status_code == 201


async def test_a_reference_to_the_directory_or_to_own_records_of_the_person_is_kept(world):
    one, other = await writers.registered(world), await writers.registered(world)
    first = await writers.written(world, writers.phq9(one))
    staff = {"reference": "Organization/cottonwood"}
    kept = writers.phq9(one, performer=[staff], derivedFrom=[{"reference": f"{worlds.BASE}/Observation/{first['id']}"}])
    made = await writers.written(world, kept)
    assert made["derivedFrom"] == [{"reference": f"Observation/{first['id']}"}]
    strange = writers.phq9(other, derivedFrom=[{"reference": f"Observation/{first['id']}"}])
    answer = await writers.send(world, "POST", "/Observation", strange)
    assert (answer.status_code, writers.said(answer)[0][1]) == (422, "Observation.derivedFrom[0].reference")


async def test_a_written_record_stays_with_its_patient(world):
    one, other = await writers.registered(world), await writers.registered(world)
    made = await writers.written(world, writers.phq9(one))
    moved = made | {"subject": {"reference": f"Patient/{other}"}}
    assert (await writers.send(world, "PUT", f"/Observation/{made['id']}", moved)).status_code == 409


async def test_what_cannot_be_honoured_is_refused_with_its_place(world):
    subject = await writers.registered(world)
    profiles = "https://sallyport.example/fhir/StructureDefinition/"
    for change, place in (
        ({"status": "bogus"}, "Observation.status"),
        ({"implicitRules": "https://x.example/rules"}, "Observation.implicitRules"),
        ({"modifierExtension": [{"url": "https://x.example", "valueBoolean": True}]}, "Observation.modifierExtension"),
        ({"meta": {"profile": [profiles + "screening-summary"]}}, "Observation"),
        ({"meta": {"profile": [profiles + "ingest-provenance"]}}, "Observation.meta.profile"),
        ({"subject": {"display": "somebody"}}, "Observation.subject"),
        ({"valueQuantity": {"value": 99}}, "Observation.value"),
    ):
        answer = await writers.send(world, "POST", "/Observation", writers.phq9(subject) | change)
        assert answer.status_code == 422, change
        assert writers.said(answer)[0][1].startswith(place), (change, writers.said(answer))
    for method, url, status in (("POST", "/Organization", 405), ("PUT", "/Patient", 400), ("POST", "/Patient/x", 405)):
        assert (await writers.send(world, method, url, writers.patient())).status_code == status


async def test_sealed_records_are_as_absent_to_their_writer(world):
    subject = await writers.registered(world, number="S1")
    await world.services.sealing.seal(f"Patient/{subject}", asserting.staff(), authority="order 7")
    assert (await writers.send(world, "GET", f"/Patient/{subject}")).status_code == 404
    sealed = await writers.send(world, "PUT", f"/Patient/{subject}", writers.patient("S2") | {"id": subject})
    absent = await writers.send(world, "PUT", "/Patient/absent", writers.patient("S2") | {"id": "absent"})
    assert worlds.comparable(sealed) == worlds.comparable(absent)
    again = await writers.send(
        world, "POST", "/Patient", writers.patient("S1"), headers={"If-None-Exist": f"identifier={writers.CHART}|S1"}
    )
    assert again.status_code == 201


async def test_64_conditional_creates_at_once_make_one(world):
    body = writers.patient("once")
    headers = {"If-None-Exist": f"identifier={writers.CHART}|once"}
    answers = await asyncio.gather(*(writers.send(world, "POST", "/Patient", body, headers=headers) for _ in range(64)))
    assert sorted(one.status_code for one in answers) == [200] * 63 + [201]
    assert len({one.json()["id"] for one in answers}) == 1
    assert len(world.rows("SELECT rid FROM written")) == 1
