"""`sallyport explain`: the trace of an answer or a resource; exit code 3 when it is a denial."""

from __future__ import annotations

import asyncio
import json

import pytest
import records
import worlds

from adapter.machine import clock


@pytest.fixture(scope="module")
def asked(county):
    """Two answers that were given, by request id, and the resource they were about."""

    async def ask():
        world = await worlds.open_site(county, first_id=5000, now=clock())
        patient = world.patient("jail-medical-hl7", records.JAIL)
        caller = ("pretrial", "pretrial-release")
        (item,) = await world.matches(caller, f"/fhir/Observation?patient={patient}")
        yes = await world.ask(caller, f"/fhir/Observation/{item['id']}")
        no = await world.ask(("probation", "supervision"), f"/fhir/Observation/{item['id']}")
        empty = await world.ask(("probation", "supervision"), f"/fhir/Observation?patient={patient}")
        await world.close()
        ids = [answer.headers["x-request-id"] for answer in (yes, no, empty)]
        return f"Observation/{item['id']}", *ids

    return asyncio.run(ask())


def test_a_permitted_resource_is_exit_code_0_and_a_denied_one_3(sallyport, county, asked):
    target = asked[0]
    yes = sallyport("explain", "--site", county, "--recipient", "pretrial", "--purpose", "pretrial-release", target)
    no = sallyport("explain", "--site", county, "--recipient", "probation", "--purpose", "supervision", target)
    assert (yes.code, no.code) == (0, 3)
    asked = f"{target} for Alder County Pretrial Services (pretrial), purpose pretrial-release, on 22 November 2026"
    assert yes.out.startswith(f"PERMIT  {asked}".partition(", on ")[0])
    assert "  - It is given on a written consent.\n" in yes.out
    assert no.out.startswith("DENY  ")
    assert "\n  - " in no.out


def test_an_answer_given_is_explained_by_its_request_id(sallyport, county, asked):
    codes = [sallyport("explain", "--site", county, "--request", request).code for request in asked[1:]]
    assert codes == [0, 3, 0]


def test_json_is_a_list_of_decisions(sallyport, county, asked):
    ran = sallyport("explain", "--site", county, "--request", asked[2], "--json")
    (told,) = json.loads(ran.out)
    assert (ran.code, told["effect"]) == (3, "DENY")
    assert set(told) == {"question", "effect", "resources", "findings", "now"}
    assert set(told["findings"][0]) == {"topic", "outcome", "says", "source", "citation"}
    assert told["resources"] == [asked[0]]


def test_an_officer_gets_a_token_that_asks_why_and_nothing_else(sallyport, county, asked):
    ran = sallyport("officer", "--site", county, "--recipient", "registry", "--minutes", "5")
    assert ran.code == 0

    async def ask():
        world = await worlds.open_site(county, first_id=9000, now=clock())
        world.tokens["registry", "HCOMPL"] = ran.out.strip()
        told = await world.why(("registry", "HCOMPL"), request_id=asked[1])
        read = await world.ask(("registry", "HCOMPL"), f"/fhir/{asked[0]}")
        await world.close()
        return told, read

    told, read = asyncio.run(ask())
    assert (told.status_code, read.status_code) == (200, 404)
    (decision,) = told.json()["parameter"]
    assert {part["name"] for part in decision["part"]} >= {"question", "effect", "finding"}


def test_an_officer_works_for_a_partner(sallyport, county):
    ran = sallyport("officer", "--site", county, "--recipient", "nobody")
    assert (ran.code, "no partner `nobody`" in ran.err) == (4, True)


def test_an_officer_whose_organisation_signs_has_to_have_signed(sallyport, county):
    ran = sallyport("officer", "--site", county, "--recipient", "police", "--user", "c.reyes")
    assert (ran.code, "sallyport user-agreement sign" in ran.err) == (4, True)


def test_an_unknown_request_is_a_failure_that_says_what_to_compare(sallyport, county):
    ran = sallyport("explain", "--site", county, "--request", "nobody")
    assert ran.code == 1
    assert "X-Request-Id" in ran.err


def test_half_a_question_is_wrong_usage(sallyport, county):
    ran = sallyport("explain", "--site", county, "--recipient", "pretrial", "Observation/x")
    assert ran.code == 2
    assert "--purpose" in ran.err
