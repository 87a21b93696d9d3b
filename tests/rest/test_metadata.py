from __future__ import annotations

import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from adapter.fhir.search import PARAMETERS
from adapter.rest.offered import CONFORMANCE, OPERATIONS, ROLES
from adapter.services.writing_rules import NEEDED as WRITTEN

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
    kept = declared.pop("Group")
    assert {each["code"] for each in kept["interaction"]} == {"create", "read", "update", "delete"}
    assert "export" in [each["name"] for each in kept["operation"]]
    assert set(declared) == OFFERED | set(CONFORMANCE)
    for kind in OFFERED:
        resource = declared[kind]
        reading = {"read", "vread", "history-instance", "search-type"}
        writing = {"create", "update", "patch"}
        expected = reading | writing | {"delete"} if kind in WRITTEN else reading
        expected -= {"delete"} if kind == "Consent" else set()
        assert {each["code"] for each in resource["interaction"]} == expected
        assert resource["conditionalCreate"] is resource["conditionalUpdate"] is (kind in WRITTEN)
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


async def test_the_statement_of_each_role_is_served_and_named(services, client_of):
    async with client_of(services) as stranger:
        named = (await stranger.get("/fhir/metadata")).json()["instantiates"]
        named.remove("http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data")
        assert len(named) == len(ROLES) == 4
        for url in named:
            found = (await stranger.get(f"/fhir/CapabilityStatement?url={url}")).json()
            (entry,) = found["entry"]
            assert entry["resource"]["kind"] == "requirements"
            assert (await stranger.get(f"/fhir/CapabilityStatement/{entry['resource']['id']}")).status_code == 200


async def test_each_role_is_told_what_it_uses(services, client_of):
    async with client_of(services) as stranger:
        told = {role: (await stranger.get(f"/fhir/CapabilityStatement/{role}")).json()["rest"][0] for role in ROLES}
    types = {role: {one["type"] for one in rest["resource"]} for role, rest in told.items()}
    assert types["ehr-reader"] == types["exchange-subscriber"] == OFFERED
    assert "Patient" in types["ehr-writer"]
    assert types["privacy-officer"] == {"AuditEvent"}
    assert [one["name"] for one in told["privacy-officer"]["operation"]] == ["explain"]


async def test_every_operation_has_a_definition_that_is_served(services, client_of):
    async with client_of(services) as stranger:
        for operation in (one for one in OPERATIONS if not one.hl7):
            found = (await stranger.get(f"/fhir/OperationDefinition?url={operation.definition}")).json()
            definition = found["entry"][0]["resource"]
            assert definition["code"] == operation.name
            assert definition["system"] is (not operation.on and not operation.everywhere)


async def test_what_the_statement_points_at_is_served(services, client_of):
    async with client_of(services) as stranger:
        (rest,) = (await stranger.get("/fhir/metadata")).json()["rest"]
        for resource in rest["resource"]:
            for url in resource.get("supportedProfile", ()):
                assert (await stranger.get(f"/fhir/StructureDefinition?url={url}")).json()["total"] == 1
            for one in resource.get("searchParam", ()):
                if "definition" in one:
                    found = (await stranger.get(f"/fhir/SearchParameter?url={one['definition']}")).json()
                    assert found["entry"][0]["resource"]["type"] == one["type"]
