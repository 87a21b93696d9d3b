"""`$match`: candidates the caller sees, scored by what they show it, graded; nothing else has any part in it."""

from __future__ import annotations

import orjson
import pytest
import records
import worlds

pytestmark = pytest.mark.anyio
COTTONWOOD, PRETRIAL = ("cottonwood", "TREAT"), ("pretrial", "pretrial-release")
ADA = {"resourceType": "Patient", "name": [{"family": "Marsh", "given": ["Ada"]}], "birthDate": "1980-04-02"}
JAIL = "https://alder-jail.example/person"


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def county(tmp_path_factory):
    """Ada, whose roster record and screening cottonwood and pretrial services may see by her release."""
    made = await worlds.open_site(tmp_path_factory.mktemp("match") / "site")
    await made.deliver("jail-roster", records.roster(records.roster_row()))
    await made.deliver("jail-medical-hl7", records.hl7(records.admission(), records.phq9(4)))
    await made.deliver("releases", records.ndjson(records.release(records.choice())))
    yield made
    await made.close()


async def match(world, caller, person, **more):
    parameters = [{"name": "resource", "resource": person}]
    parameters += [{"name": name, **value} for name, value in more.items()]
    document = {"resourceType": "Parameters", "parameter": parameters}
    return await world.ask(caller, "/fhir/Patient/$match", method="POST", document=document)


def graded(answer):
    assert answer.status_code == 200
    bundle = orjson.loads(answer.content)
    assert bundle["total"] == len(bundle.get("entry", ()))
    return [
        (entry["resource"]["id"], entry["search"]["extension"][0]["valueCode"], entry["search"]["score"])
        for entry in bundle.get("entry", ())
    ]


async def test_a_name_and_birth_date_are_probable_and_a_number_makes_it_certain(county):
    found = graded(await match(county, PRETRIAL, ADA))
    assert found
    assert {grade for _, grade, _ in found} == {"probable"}
    assert all(0.99 < score < 1.0001 for _, _, score in found)
    numbered = {**ADA, "identifier": [{"system": JAIL, "value": "J1"}]}
    assert ("certain") in {grade for _, grade, _ in graded(await match(county, PRETRIAL, numbered))}


async def test_the_wrong_person_is_not_found(county):
    for other in (
        {**ADA, "name": [{"family": "Nguyen", "given": ["Bert"]}]},
        {**ADA, "birthDate": "1944-11-30"},
    ):
        assert graded(await match(county, PRETRIAL, other)) == []


async def test_a_slip_in_the_birth_date_is_found_and_less_sure(county):
    slipped = {**ADA, "birthDate": "1980-02-04", "gender": "female"}
    assert {grade for _, grade, _ in graded(await match(county, PRETRIAL, slipped))} == {"possible"}


async def test_numbers_that_serve_recognition_only_change_nothing(county):
    plain = (await match(county, PRETRIAL, ADA)).content
    for number in (records.SSN, records.OTHER_SSN):
        told = {**ADA, "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": number}]}
        assert (await match(county, PRETRIAL, told)).content == plain
    alone = {"resourceType": "Patient", "identifier": told["identifier"]}
    assert (await match(county, PRETRIAL, alone)).status_code == 400


async def test_only_certain_matches_are_of_one_person_or_none(county):
    certain = {"onlyCertainMatches": {"valueBoolean": True}}
    numbered = {**ADA, "identifier": [{"system": JAIL, "value": "J1"}]}
    found = graded(await match(county, PRETRIAL, numbered, **certain))
    assert {grade for _, grade, _ in found} == {"certain"}
    assert graded(await match(county, PRETRIAL, ADA, **certain)) == []


async def test_count_bounds_the_answer_and_the_best_come_first(county):
    every = graded(await match(county, PRETRIAL, ADA))
    assert graded(await match(county, PRETRIAL, ADA, count={"valueInteger": 1})) == every[:1]
    assert [score for _, _, score in every] == sorted((score for _, _, score in every), reverse=True)


async def test_who_sees_no_record_of_the_person_finds_nobody(county):
    assert graded(await match(county, ("riverside-main", "TREAT"), ADA)) == []


async def test_it_takes_the_right_and_is_in_the_ledger_either_way(county):
    refused = await match(county, ("defender", "diversion"), ADA)
    assert refused.status_code == 403
    (entry,) = await county.services.ledger.of_request(refused.headers["x-request-id"])
    assert (entry.interaction, entry.outcome) == ("$match", "403 patient-match")
    given = await match(county, PRETRIAL, ADA)
    (entry,) = await county.services.ledger.of_request(given.headers["x-request-id"])
    assert (entry.interaction, entry.target) == ("$match", "Patient?name&birthdate")
    assert {name for name, *_ in entry.passed} == {f"Patient/{ident}" for ident, _, _ in graded(given)}


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ([], "resource"),
        ([{"name": "resource", "resource": {"resourceType": "Group"}}], "resource"),
        ([{"name": "resource", "resource": ADA}, {"name": "count", "valueInteger": 0}], "count"),
        ([{"name": "resource", "resource": ADA}, {"name": "count", "valueInteger": 51}], "count"),
        ([{"name": "resource", "resource": ADA}, {"name": "onlyCertainMatches", "valueBoolean": "x"}], "onlyCert"),
        ([{"name": "resource", "resource": {"resourceType": "Patient", "gender": "female"}}], "resource"),
        ([{"name": "else", "valueString": "x"}], ""),
    ],
)
async def test_a_question_that_cannot_be_read_is_refused_by_name(county, body, parameter):
    document = {"resourceType": "Parameters", "parameter": body}
    answer = await county.ask(PRETRIAL, "/fhir/Patient/$match", method="POST", document=document)
    assert answer.status_code == 400
    assert parameter in orjson.dumps(orjson.loads(answer.content)["issue"][0].get("expression", "")).decode()
