from __future__ import annotations

import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from adapter.fhir.search import PARAMETERS

pytestmark = pytest.mark.anyio

OFFERED = {
    "Patient",
    "Encounter",
    "Observation",
    "Consent",
    "Condition",
    "QuestionnaireResponse",
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Location",
    "Provenance",
    "RelatedPerson",
    "AllergyIntolerance",
    "DocumentReference",
    "Appointment",
}


async def test_the_statement_needs_no_token_and_holds_no_clock(services, client_of):
    async with client_of(services) as stranger:
        first, second = await stranger.get("/fhir/metadata"), await stranger.get("/fhir/metadata?mode=full")
    assert first.status_code == 200
    assert first.headers["content-type"] == "application/fhir+json"
    assert first.content == second.content


async def test_the_statement_is_a_valid_resource(client, services):
    body = (await client.get("/fhir/metadata")).json()
    CapabilityStatement.model_validate(body)
    assert body["fhirVersion"] == "4.0.1"
    assert body["implementation"]["url"] == services.base_url


async def test_what_is_declared_is_what_is_offered(client):
    (rest,) = (await client.get("/fhir/metadata")).json()["rest"]
    declared = {resource["type"]: resource for resource in rest["resource"]}
    assert {"Basic", "Subscription"} <= set(declared)
    for kind in ("Basic", "Subscription"):
        # No records of people; tests/delivery asks for them.
        del declared[kind]
    assert set(declared) == OFFERED
    for kind, resource in declared.items():
        assert {each["code"] for each in resource["interaction"]} == {"read", "search-type"}
        assert {each["name"] for each in resource["searchParam"]} == set(PARAMETERS[kind])
        assert {each["type"] for each in resource["searchParam"]} <= {
            "token",
            "string",
            "date",
            "reference",
            "quantity",
        }
        for one in resource.get("searchInclude", ()):
            assert (await client.get(f"/fhir/{kind}?_include={one}")).status_code == 200
        for one in resource.get("searchRevInclude", ()):
            assert (await client.get(f"/fhir/{kind}?_revinclude={one}")).status_code == 200
        for each in resource.get("extension", ()):
            combined = {part["valueString"] for part in each["extension"] if part["url"] == "required"}
            assert combined <= set(PARAMETERS[kind])
        assert (await client.get(f"/fhir/{kind}")).status_code == 200
        assert (await client.get(f"/fhir/{kind}/x")).status_code == 404


async def test_another_mode_format_or_parameter_is_refused(client, issue_of):
    for query, status in (("mode=terminology", 400), ("_format=ttl", 406), ("colour=red", 400)):
        answer = await client.get(f"/fhir/metadata?{query}")
        assert answer.status_code == status
        assert issue_of(answer)["expression"] == [query.partition("=")[0]]
    assert (await client.get("/fhir/metadata?_format=json&mode=normative")).status_code == 200
    assert (await client.get("/fhir/metadata", headers={"accept": "text/turtle"})).status_code == 406
