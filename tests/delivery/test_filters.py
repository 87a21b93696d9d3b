"""Every filter on offer, from the Subscription to what is told: one that fits and one that does not, of each."""

from __future__ import annotations

import bulk_requests
import pytest
import records
import subscribers
import worlds
import yaml
from subscribers import COTTONWOOD, send, settle, subscribe, subscription

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"
JAIL = ("jail", "supervision")
RELEASE = records.choice("cottonwood", purposes=("TREAT",))
LIST = "family,given,birth_date\r\n{},Ada,1980-04-02\r\n"


@pytest.fixture
async def county(tmp_path):
    def adjust(folder):
        subscribers.register(folder)
        subscribers.register(folder, partner="jail")
        # The medical feed of this jail tells where somebody is.
        path = folder / "mappings" / "jail_hl7.yaml"
        lines = path.read_text().replace("          location: null\n", "", 1).splitlines()
        path.write_text("\n".join(one for one in lines if not one.strip().startswith("PV1-3:")) + "\n")

    world = await worlds.open_site(tmp_path / "site", adjust=adjust)
    world.receiver = subscribers.attach(world)
    await world.deliver("releases", records.ndjson(records.release(RELEASE)), "release")
    yield world
    await world.close()


async def group_of(world, family):
    made = await bulk_requests.upload(world, await world.token(*COTTONWOOD), LIST.format(family))
    return made.json()["group"]


async def told(world, topic, filters, happens, *, caller=COTTONWOOD):
    """Which of some filters were told of what happens."""
    idents = {}
    for text in filters:
        idents[await subscribe(world, subscription(topic, filters=text.split("&&")), caller=caller)] = text
    await settle(world)
    await happens()
    await settle(world)
    return {idents[one.row.id] for one in world.receiver.got if one.kind == "event-notification"}


async def test_filters_of_a_screening_summary(county):
    patient = county.patient(FEED, records.JAIL)
    category = "https://sallyport.example/fhir/CodeSystem/jbh-result-category"
    fits = {
        f"patient=Patient/{patient}",
        f"Observation?subject={worlds.BASE}/Patient/{patient}",
        "code=phq-9-level",
        "category=survey",
        "status=final",
        "date=ge2026-03-01",
        "result=negative",
        f"result={category}|negative,{category}|high",
        f"_in={await group_of(county, 'Marsh')}",
        f"result=negative&&Observation?code=phq-9-level&_in={await group_of(county, 'Marsh')}",
    }
    others = {
        "patient=absent",
        "code=c-ssrs-level",
        "category=imaging",
        "status=amended",
        "date=ge2027",
        "result=high",
        f"_in={await group_of(county, 'Nemo')}",
        f"result=high&&_in={await group_of(county, 'Marsh')}",
    }
    got = await told(
        county, "screening-summary", fits | others, lambda: county.deliver(FEED, records.hl7(records.phq9(4)), "s")
    )
    assert got == fits


async def test_filters_of_a_booking(county):
    patient = county.patient("jail-roster", records.JAIL)
    whom = f"Encounter?patient={patient}"
    fits = {
        f"{whom}&&agency=jail",
        f"{whom}&&agency=Organization/court,Organization/jail",
        f"{whom}&&facility=Organization/jail",
        whom,
    }
    others = {f"{whom}&&agency=birch-jail", f"{whom}&&facility=Organization/birch-jail", "Encounter?patient=absent"}
    got = await told(
        county,
        "booked",
        fits | others,
        lambda: county.deliver("jail-roster", records.roster(records.roster_row()), "r"),
        caller=JAIL,
    )
    assert got == fits


async def test_filters_of_a_facility_that_the_sender_names(county):
    patient = county.patient(FEED, records.JAIL)
    whom = f"Encounter?patient={patient}"
    caller = ("jail-medical", "discharge-planning")
    world = county
    world.services.site.partners["jail-medical"].__dict__["notify_hosts"] = ("listen.cottonwood.example",)
    fits = {f"{whom}&&facility=ALDERJAIL", f"{whom}&&facility=POD-A,POD-B"}
    others = {f"{whom}&&facility=BIRCH", f"{whom}&&facility=POD-C"}
    got = await told(
        world,
        "booked",
        fits | others,
        lambda: world.deliver(FEED, records.hl7(records.admission()), "a"),
        caller=caller,
    )
    assert got == fits


async def test_filters_of_a_consent(county):
    registry = county.patient("releases", records.REGISTRY)
    fits = {f"patient={registry}", "status=active", f"_in={await group_of(county, 'Marsh')}"}
    others = {"status=inactive", f"_in={await group_of(county, 'Nemo')}"}
    again = records.release(RELEASE, submission="r2", signed="2026-04-01T10:00:00-07:00")
    got = await told(county, "consent", fits | others, lambda: county.deliver("releases", records.ndjson(again), "r2"))
    assert got == fits


async def test_the_filters_that_are_told_are_those_that_are_taken(county):
    """What `canFilterBy` says of a topic is taken, and everything else is refused by name."""
    bundle = (await send(county, COTTONWOOD, "GET", "/fhir/Basic?code=SubscriptionTopic")).json()
    (topic,) = [entry["resource"] for entry in bundle["entry"] if entry["resource"]["id"] == "booked"]
    told = {
        part["valueString"]
        for one in topic["extension"]
        if one["url"].endswith(".canFilterBy")
        for part in one["extension"]
        if part["url"] == "filterParameter"
    }
    assert {"_in", "patient", "agency", "facility", "location", "service-provider", "type"} <= told
    refused = await send(
        county, COTTONWOOD, "POST", "/fhir/Subscription", subscription("booked", filters=["date=2026"])
    )
    assert refused.json()["issue"][0]["diagnostics"].count("_in") == 1


TOPIC = {
    "topic": "ours",
    "title": "Ours",
    "description": "What is ours.",
    "triggers": [{"resource": "Observation", "where": ["category=survey"], "key": ["meta.versionId"]}],
    "filters": ["_in", "patient", "result"],
}


async def test_a_topic_of_the_county_is_followed_by_a_list(tmp_path):
    def adjust(folder):
        subscribers.register(folder)
        (folder / "topics" / "ours.yaml").write_text(yaml.safe_dump(TOPIC))

    world = await worlds.open_site(tmp_path / "site", adjust=adjust)
    world.receiver = subscribers.attach(world)
    fits = {f"_in={await group_of(world, 'Marsh')}"}
    await world.deliver("releases", records.ndjson(records.release(RELEASE)), "release")
    got = await told(
        world,
        "ours",
        fits | {f"_in={await group_of(world, 'Nemo')}"},
        lambda: world.deliver(FEED, records.hl7(records.phq9(4)), "s"),
    )
    assert got == fits
    await world.close()
