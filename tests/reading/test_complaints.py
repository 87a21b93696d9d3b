"""What users of other servers complain of, asked of histories, `$everything` and exports.

The numbers are those of the list of complaints that the tests of searches follow: paging that repeats, loses or ends
early, totals that change from page to page or count what is hidden, and ways around the gate on a next page.
"""

from __future__ import annotations

from random import Random

import bulk_requests
import orjson
import pytest
import reading_worlds as rw
import records
import worlds

from adapter.services.versions import Window

pytestmark = pytest.mark.anyio
CLINIC = ("cottonwood", "TREAT")
CHOICES = (records.choice("cottonwood", purposes=("TREAT",), classes=(records.MENTAL_HEALTH,)),)


@pytest.fixture
async def world(tmp_path):
    made = await worlds.open_site(tmp_path / "site")
    for score in range(5, 12):
        result = records.phq9(score, control=f"R{score}")
        await made.deliver("jail-medical-hl7", records.hl7(result), name=f"results-{score}")
        made.clock.forward(minutes=1)
    await sign(made)
    yield made
    await made.close()


async def sign(world, **changed):
    await world.deliver("releases", records.ndjson(records.release(*CHOICES) | changed))
    world.clock.forward(minutes=1)


def bundle(answer):
    assert answer.status_code == 200
    return orjson.loads(answer.content)


def entries(page):
    return [entry["resource"] for entry in bundle(page).get("entry", ())]


async def test_8_and_11_a_history_is_paged_to_its_end_without_repeating_or_losing(tmp_path):
    """More versions than a page, all of one record, with every size of page."""
    random = Random(7)  # noqa: S311 - a drawn example
    made = rw.History()
    name = ("Observation", "o0")
    for kind, ident in (("Patient", "p0"), name):
        made.whose[kind, ident] = "p0"
    for number in range(60):
        version = rw.Version(number, random.choice(["s0", "s1"]), number)
        for one in (("Patient", "p0"), name) if not number else (name,):
            made.versions.setdefault(one, []).append(version)
            made.events.append((number, "put", (one, version)))
    last = rw.Version(60, "s0", 60)
    made.versions[name].append(last)
    made.events += [(60, "put", (name, last)), (60, "sign", ("p0", [(0, "some")]))]
    made.spans["p0"] = [(60, [(0, "some")])]
    world = await rw.open_history(tmp_path, made)
    world.at = rw.instant(70)
    expected = [rw.version_id(name, one) for one in made.seen_versions(name, 70)]
    assert 20 < len(expected) < 61
    for count in (1, 7, 20, 200):
        found, after = [], None
        for _ in range(100):
            page = await world.versions.history(world.caller(), *name, Window(count=count), after)
            assert page.total == len(expected)
            found += [one.version for one in page.served]
            after = page.next
            if after is None:
                break
        assert found == expected
    await world.close()


async def test_9_and_10_a_total_is_that_of_all_pages_on_every_page(world):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    for url in (f"/fhir/Patient/{patient}/$everything?_count=2", f"/fhir/Patient/{patient}/_history?_count=1"):
        pages = await world.pages(CLINIC, url)
        found = [item for page in pages for item in entries(page) if item["resourceType"] != "OperationOutcome"]
        names = [(item["resourceType"], item["id"], item["meta"]["versionId"]) for item in found]
        assert {bundle(page)["total"] for page in pages} == {len(found)}
        assert len(set(names)) == len(names)


async def test_12_an_export_ends_where_the_permitted_end_and_not_at_a_round_number(world):
    found = await bulk_requests.export(world, await world.token(*CLINIC), "/fhir/Patient/$export?_type=Observation")
    patient = world.patient("jail-medical-hl7", records.JAIL)
    searched = await world.matches(CLINIC, f"/fhir/Observation?patient={patient}&_count=200")
    assert bulk_requests.ids(found) == {f"Observation/{one['id']}" for one in searched} != set()
    for line in found["Observation"]:
        assert line in searched


async def test_13_the_largest_page_is_an_answer(world):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    for count in (0, 200, 999_999_999):
        everything = bundle(await world.ask(CLINIC, f"/fhir/Patient/{patient}/$everything?_count={count}"))
        assert everything["total"] > 1
        assert bundle(await world.ask(CLINIC, f"/fhir/Patient/{patient}/_history?_count={count}"))["total"] == 1


async def test_24_what_is_revoked_between_two_pages_is_not_on_the_second(world):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    first = bundle(await world.ask(CLINIC, f"/fhir/Patient/{patient}/$everything?_count=1"))
    onward = next(link["url"] for link in first["link"] if link["relation"] == "next").removeprefix(bulk_requests.BASE)
    await sign(world, revocations=[{"at": "2026-11-22T11:00:00-07:00", "partners": ["cottonwood"]}])
    assert (await world.ask(CLINIC, onward)).status_code == 404
    assert (await world.ask(CLINIC, f"/fhir/Patient/{patient}/_history")).status_code == 404


async def test_25_a_cursor_of_another_caller_or_purpose_opens_nothing(world):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    first = bundle(await world.ask(CLINIC, f"/fhir/Patient/{patient}/$everything?_count=1"))
    onward = next(link["url"] for link in first["link"] if link["relation"] == "next").removeprefix(bulk_requests.BASE)
    for other in (("cottonwood", "discharge-planning"), ("pretrial", "pretrial-release"), ("jail-medical", "TREAT")):
        assert (await world.ask(other, onward)).status_code == 400


async def test_officers_are_told_of_versions_and_of_everything(world):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    answer = await world.ask(CLINIC, f"/fhir/Patient/{patient}/_history")
    version = entries(answer)[0]["meta"]["versionId"]
    for one in (answer, await world.ask(CLINIC, f"/fhir/Patient/{patient}/_history/{version}")):
        (told,) = await world.services.explain.request(one.headers["x-request-id"])
        assert (told.effect, told.targets) == ("PERMIT", (f"Patient/{patient}",))
    absent = await world.ask(CLINIC, "/fhir/Patient/absent/_history")
    (told,) = await world.services.explain.request(absent.headers["x-request-id"])
    assert told.lines == ("No such resource is stored.",)
    everything = await world.ask(CLINIC, f"/fhir/Patient/{patient}/$everything?_count=200")
    overview, *groups = await world.services.explain.request(everything.headers["x-request-id"])
    given = bundle(everything)["total"]
    assert overview.lines[0] == f"{given} resources were given on this page."
    assert "withheld" in overview.lines[1]
    assert sum(len(one.targets) for one in groups if one.effect == "PERMIT") == given
    account = await world.services.accounting.of(patient, since=0, until=world.clock.now + 1)
    assert {one.interaction for one in account.asked} >= {"vread", "history-instance", "$everything"}
    events = list(world.services.audit.events(account, officer=True))
    codes = {event["subtype"][0]["code"] for event in events}
    assert codes >= {"vread", "history-instance", "operation"}
