"""The leak rows of searches: no parameter, modifier, include or format shows what is withheld."""

from __future__ import annotations

import httpx2
import leaks
import orjson
import pytest
import worlds
from leaks import along, entries, outcomes

from adapter.fhir.codec import parse
from adapter.fhir.xml_parse import XmlReader

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("leaks")
    made = await worlds.open_site(folder / "site")
    await worlds.ingest_all(made, worlds.extracts(folder / "extracts", people=90, seed=7))
    yield made
    await made.close()


@pytest.fixture(scope="module")
async def case(world):
    """A patient of whom cottonwood sees some summaries and not others, with both kinds at hand."""
    return await leaks.partly_seen(world, ("cottonwood", "TREAT"))


@pytest.mark.parametrize(
    "query",
    [
        "patient.name=Smith",
        "_has:Observation:patient:code=44261-6",
        "_include=Observation:derived-from",
        "_include:iterate=Observation:patient",
        "_include=*",
        "_revinclude=Consent:data",
        "_revinclude:iterate=Provenance:target",
        "_filter=code eq 1",
        "_text=x",
        "_content=x",
        "_security=R",
        "_tag=x",
        "code:in=x",
        "_sort=code",
        "_elements=nothing",
        "oops=1",
    ],
)
async def test_parameters_that_could_infer_are_refused_by_name(world, case, query):
    answer = await world.ask(case["caller"], f"/fhir/Observation?patient={case['patient']}&{query}")
    assert answer.status_code == 400
    (issue,) = orjson.loads(answer.content)["issue"]
    assert issue["expression"] == [query.partition("=")[0]]


async def test_lenient_handling_widens_nothing(world, case):
    token = await world.token(*case["caller"])
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        for wanted in ("lenient", "strict"):
            headers = {"Authorization": f"Bearer {token}", "Prefer": f"handling={wanted}"}
            answer = await client.get(f"/fhir/Observation?patient={case['patient']}&oops=1", headers=headers)
            assert (answer.status_code, orjson.loads(answer.content)["issue"][0]["expression"]) == (400, ["oops"])


@pytest.mark.parametrize(
    "criterion",
    [
        "code:not=absent",
        "code:missing=false",
        "value-quantity:missing=true",
        "value-quantity:missing=false",
        "value-quantity=ge0",
        "_lastUpdated=ge2020",
        "performer:missing=true",
        "date:missing=false",
    ],
)
async def test_new_criteria_find_none_of_the_withheld(world, case, criterion):
    answer = await world.ask(case["caller"], f"/fhir/Observation?patient={case['patient']}&{criterion}&_count=200")
    found = {item["id"] for item in entries(answer)}
    assert found <= case["seen"]
    assert orjson.loads(answer.content)["total"] == len(found)


async def test_what_is_withheld_neither_comes_along_nor_brings_anything_along(world, case):
    caller, hidden = case["caller"], case["hidden"]
    url = f"/fhir/Patient?_id={case['patient']}&_revinclude=Observation:patient&_revinclude=Consent:patient"
    answer = await world.ask(caller, url)
    came = {item["id"] for item in along(answer)}
    assert case["seen"] <= came
    assert not hidden & came
    for ident in came:
        kind = next(item["resourceType"] for item in along(answer) if item["id"] == ident)
        assert (await world.ask(caller, f"/fhir/{kind}/{ident}")).status_code == 200
    hidden_hits = f"/fhir/Observation?_id={','.join(sorted(hidden))}&_include=Observation:patient"
    nothing = await world.ask(caller, hidden_hits + "&_revinclude=Provenance:target")
    assert along(nothing) == entries(nothing) == []


async def test_what_comes_along_is_in_the_ledger(world, case):
    url = f"/fhir/Observation?patient={case['patient']}&_include=Observation:patient&_revinclude=Provenance:target"
    answer = await world.ask(case["caller"], url)
    (entry,) = await world.services.ledger.of_request(answer.headers["x-request-id"])
    given = {f"{item['resourceType']}/{item['id']}" for item in entries(answer) + along(answer)}
    assert {name for name, *_ in entry.passed} == given
    assert f"Patient/{case['patient']}" in given


async def test_part_of_a_resource_carries_what_the_whole_is_obliged_to_say(world):
    found = 0
    for caller in (("cottonwood", "TREAT"), ("riverside-main", "TREAT")):
        whole = await world.ask(caller, "/fhir/Observation?category=survey&_count=200")
        metas = {item["id"]: item["meta"] for item in entries(whole)}
        for shape in ("_summary=true", "_summary=data", "_summary=text", "_elements=code", "_elements=subject"):
            part = await world.ask(caller, f"/fhir/Observation?category=survey&_count=200&{shape}")
            for item in entries(part):
                tag = item["meta"].pop("tag")
                assert [one["code"] for one in tag] == ["SUBSETTED"]
                assert item["meta"] == metas[item["id"]]
                found += "extension" in item["meta"]
            (said,) = (one for one in outcomes(part))
            assert [said] == outcomes(whole)
    assert found > 10


async def test_xml_says_all_that_json_says_and_nothing_else(world, case):
    read = XmlReader(world.services.facts).parse
    patient = case["patient"]
    for path in (
        f"Observation?patient={patient}&_include=Observation:patient&_count=200",
        f"Observation/{min(case['seen'])}",
        f"Observation/{min(case['hidden'])}",
        "Observation/absent",
        f"Observation?_id={min(case['hidden'])}",
    ):
        mark = "&" if "?" in path else "?"
        plain, marked = [await world.ask(case["caller"], f"/fhir/{path}{mark}_format={one}") for one in ("json", "xml")]
        assert marked.status_code == plain.status_code
        assert read(marked.content.replace(b"_format=xml", b"_format=json")) == parse(plain.content)
        assert "content-encoding" not in marked.headers


async def test_a_modifier_is_no_way_round_the_right_to_search_everyone(world):
    caller = ("pretrial", "pretrial-release")
    for query in (
        "Patient?identifier:missing=false",
        "Patient?identifier:not=x|y",
        "Patient?identifier=http://x|",
        "Patient?birthdate=ge1900&name=a",
        "Patient?birthdate=1980&name=a",
        "Observation?patient:missing=false",
        "Observation?performer:missing=true",
        "Encounter?service-provider=Organization/jail",
        "QuestionnaireResponse?questionnaire=http://x",
        "Condition?_lastUpdated=ge2020",
    ):
        answer = await world.ask(caller, f"/fhir/{query}")
        assert answer.status_code == 403, query
    assert (await world.ask(caller, "/fhir/Patient?birthdate=1980-04-02&name=a")).status_code == 200
