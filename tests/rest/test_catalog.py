"""What describes the server is public, valid, searchable, and the same for everyone."""

from __future__ import annotations

from importlib import import_module

import pytest

from adapter.rest.catalog import FILTERS
from adapter.rest.offered import CONFORMANCE
from adapter.rest.statements import capabilities, of_roles

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stranger(services, client_of):
    """Somebody without a token."""
    async with client_of(services) as client:
        yield client


@pytest.fixture
def everything(services):
    return [*services.conformance, *of_roles("0.1.0"), capabilities(base_url=services.base_url, version="0.1.0")]


def test_all_of_it_is_valid_by_our_validator_and_by_another(services, everything):
    assert {one["resourceType"] for one in everything} == set(CONFORMANCE)
    for resource in everything:
        assert services.validator.issues(resource) == [], resource["id"]
        kind = resource["resourceType"]
        model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
        assert model.model_validate(resource).url == resource["url"]
    assert len({(one["resourceType"], one["id"]) for one in everything}) == len(everything)
    assert len({one["url"] for one in everything}) == len(everything)


async def test_each_is_read_by_its_id_in_either_format(stranger, everything):
    for resource in everything:
        answer = await stranger.get(f"/fhir/{resource['resourceType']}/{resource['id']}")
        assert (answer.status_code, answer.json()) == (200, resource)
    xml = await stranger.get("/fhir/ValueSet/legal-regime?_format=xml")
    assert '<ValueSet xmlns="http://hl7.org/fhir"><id value="legal-regime"/>' in xml.text


async def test_a_search_without_criteria_pages_through_a_type(stranger, everything):
    found, url = [], "/fhir/SearchParameter?_count=30"
    while url:
        bundle = (await stranger.get(url)).json()
        found += [entry["resource"]["id"] for entry in bundle["entry"]]
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    assert found == sorted(one["id"] for one in everything if one["resourceType"] == "SearchParameter")
    assert bundle["total"] == len(found)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("ValueSet?_id=legal-regime", ["legal-regime"]),
        ("ValueSet?url=https://sallyport.example/fhir/ValueSet/legal-regime", ["legal-regime"]),
        ("ValueSet?name=legal", ["legal-regime"]),
        ("ValueSet?name:exact=legalregime", []),
        ("ValueSet?name:exact=LegalRegime", ["legal-regime"]),
        ("ValueSet?title:contains=REGIME", ["legal-regime"]),
        ("ValueSet?name=legal&status=draft", []),
        ("ValueSet?_id=legal-regime,court-event", ["court-event", "legal-regime"]),
        ("ValueSet?reference=https://sallyport.example/fhir/CodeSystem/court-event", ["court-event"]),
        ("CodeSystem?code=part2", ["legal-regime"]),
        ("CodeSystem?system=https://sallyport.example/fhir/CodeSystem/legal-regime", ["legal-regime"]),
        ("ConceptMap?target-system=http://loinc.org", ["jbh-result-code-to-loinc"]),
        ("OperationDefinition?code=validate", ["validate"]),
        ("StructureDefinition?type=RelatedPerson", ["contact-details", "relative"]),
        (
            "StructureDefinition?base=https://sallyport.example/fhir/StructureDefinition/screening-detail",
            ["screening-panel"],
        ),
        ("SearchParameter?base=Provenance", ["Provenance-target"]),
        (
            "SearchParameter?derived-from=http://hl7.org/fhir/us/core/SearchParameter/us-core-encounter-discharge-disposition",
            ["Encounter-discharge-disposition"],
        ),
        ("CapabilityStatement?resource=AuditEvent", ["privacy-officer"]),
        ("StructureDefinition?status=http://hl7.org/fhir/publication-status|active&type=Group", ["patient-list"]),
    ],
)
async def test_a_search_finds_by_what_is_declared(stranger, query, ids):
    bundle = (await stranger.get(f"/fhir/{query}")).json()
    assert [entry["resource"]["id"] for entry in bundle.get("entry", ())] == ids
    assert bundle["total"] == len(ids)
    kind, _, form = query.partition("?")
    posted = await stranger.post(
        f"/fhir/{kind}/_search", content=form, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert posted.json() == bundle


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ("ValueSet?colour=red", 400, "colour"),
        ("ValueSet?url:below=http://x", 400, "url:below"),
        ("ValueSet?name:missing=true", 400, "name:missing"),
        ("ValueSet?name=", 400, "name"),
        ("ValueSet?name=a,,b", 400, "name"),
        ("ValueSet?_count=many", 400, "_count"),
        ("ValueSet?_format=ttl", 406, "_format"),
        ("ValueSet/legal-regime?name=x", 400, "name"),
    ],
)
async def test_what_is_not_understood_is_refused_by_name(stranger, issue_of, query, status, named):
    answer = await stranger.get(f"/fhir/{query}")
    assert answer.status_code == status
    assert issue_of(answer)["expression"] == [named]


async def test_what_is_not_there_and_other_methods(stranger):
    assert (await stranger.get("/fhir/ValueSet/nothing")).status_code == 404
    assert (await stranger.get("/fhir/ValueSet/a/b")).status_code == 404
    assert (await stranger.get("/fhir/ValueSet/")).status_code == 404
    assert (await stranger.post("/fhir/ValueSet", content=b"{}")).status_code == 405
    assert (await stranger.get("/fhir/ValueSet/_search")).status_code == 405
    assert (await stranger.head("/fhir/ValueSet/legal-regime")).content == b""


async def test_nothing_is_asked_of_the_gate_and_the_answer_holds_no_clock(stranger, gate):
    first, second = [await stranger.get("/fhir/StructureDefinition") for _ in range(2)]
    assert first.content == second.content
    assert (gate.reads, gate.searches, gate.refused, gate.noted) == ([], [], [], [])


async def test_what_is_declared_of_them_is_what_is_offered(stranger):
    (rest,) = (await stranger.get("/fhir/metadata")).json()["rest"]
    declared = {one["type"]: one for one in rest["resource"] if one["type"] in CONFORMANCE}
    for kind, resource in declared.items():
        assert {one["name"] for one in resource["searchParam"]} == set(FILTERS[kind])
        for one in resource["searchParam"]:
            assert (await stranger.get(f"/fhir/{kind}?{one['name']}=x")).status_code == 200
