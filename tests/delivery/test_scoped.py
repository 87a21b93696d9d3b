"""Registered clients: told within the scopes of the token they asked with, and as the user they asked for."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
import records
import registered_clients as rc
import smart_clients as sc
import subscribers
import worlds
import yaml
from subscribers import settle, subscription

from adapter.services.panel_people import Person

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"
LEVELS = "https://sallyport.example/fhir/CodeSystem/jbh-result-code"
WANTED = ["system/Subscription.cruds", "system/Observation.rs", "system/Patient.rs", "system/Group.cruds"]
BOTH = records.choice("cottonwood", purposes=("TREAT",), classes=(records.MENTAL_HEALTH, records.SUBSTANCE_USE))


def registered(folder):
    """A chart of the clinic, and a tablet on which users sign for themselves."""
    rights = ["population-search", "population-subscribe", "patient-match"]
    chart = sc.spec(scopes=WANTED, rights=rights, notify_hosts=["listen.cottonwood.example"])
    rc.register_all(folder, summary_chart=chart)
    subscribers.register(folder)
    path = folder / "partners.yaml"
    document = yaml.safe_load(path.read_text())
    tablet = {
        "notify_hosts": ["listen.cottonwood.example"],
        "scopes": ["system/Observation.rs", "system/Subscription.crs"],
    }
    document["clients"]["crisis-tablet"] |= tablet
    path.write_text(yaml.safe_dump(document))


@pytest.fixture
async def county(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=registered)
    world.receiver = subscribers.attach(world)
    await world.deliver("releases", records.ndjson(records.release(BOTH)), "release")
    yield world
    await world.close()


async def token(world, client="summary-chart", **more):
    answer = await rc.ask_token(world, sc.EC_KEY, client, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


async def asked(world, held, document):
    async with rc.opened(world) as client:
        headers = {"Authorization": f"Bearer {held}", "Content-Type": "application/fhir+json"}
        return await client.post("/fhir/Subscription", headers=headers, json=document)


async def subscribe(world, scope, document=None):
    """A subscription asked for within a scope; its id."""
    told = await asked(world, await token(world, scope=scope), document or subscription(content="full-resource"))
    assert told.status_code == 201, told.text
    await settle(world)
    return told.json()["id"]


async def screened(world):
    """One summary of each of two instruments."""
    await world.deliver(FEED, records.hl7(records.phq9(4)), "phq")
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient()), "p")
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_result("o2", code="82667-7", score=3)), "o")
    await settle(world)


def told(world, ident):
    """The codes of what a subscription was told, and the numbers."""
    found = []
    for sending in world.receiver.got:
        if sending.row.id == ident and sending.kind == "event-notification":
            bundle = orjson.loads(sending.body)
            bodies = [entry["resource"]["code"]["coding"][0]["code"] for entry in bundle["entry"][1:]]
            found += list(zip((number for number, _, _ in subscribers.events(bundle)), bodies, strict=True))
    return found


async def test_who_may_read_one_instrument_is_told_of_one(county):
    narrow = f"system/Subscription.cruds system/Observation.rs?code={LEVELS}|dast-10-level"
    part = await subscribe(county, narrow)
    whole = await subscribe(county, "system/Subscription.cruds system/Observation.rs")
    await screened(county)
    assert [code for _, code in told(county, whole)] == ["phq-9-level", "dast-10-level"]
    # Numbered as if there were nothing else.
    assert told(county, part) == [(1, "dast-10-level")]
    async with rc.opened(county) as client:
        headers = {"Authorization": f"Bearer {await token(county, scope=narrow)}"}
        told_again = (await client.get(f"/fhir/Subscription/{part}/$events", headers=headers)).json()
    assert subscribers.events(told_again)[0][0] == 1
    assert len(subscribers.events(told_again)) == 1


async def test_a_topic_no_scope_holds_is_refused(county):
    held = await token(county, scope="system/Subscription.cruds system/Observation.rs")
    answer = await asked(county, held, subscription("booked"))
    assert answer.status_code == 403
    assert (await asked(county, held, subscription(filters=["_in=Group/g"]))).status_code == 403


async def test_a_list_of_people_is_compared_with_patients_that_may_be_read(county):
    """Without a scope for Patient nobody fits a list of names."""
    row = await county.services.groups.keep("Organization/cottonwood", "", "", [], [_ada()])
    following = subscription(content="full-resource", filters=[f"_in=Group/{row.id}"])
    blind = await subscribe(county, "system/Subscription.cruds system/Observation.rs system/Group.r", following)
    sees = await subscribe(
        county, "system/Subscription.cruds system/Observation.rs system/Group.r system/Patient.r", following
    )
    await screened(county)
    assert told(county, blind) == []
    assert len(told(county, sees)) == 2


def _ada():
    return Person(family="Marsh", given="Ada", birth_date="1980-04-02")


async def test_a_user_is_told_as_long_as_the_user_may_ask(county):
    """A clinician's subscription ends when she leaves, whatever else the tablet may do."""
    world = county
    await rc.sign(world, "ana", "Organization/police-triage")
    clinician = sc.b2b("police-triage", ["TREAT"], "ana")
    patient = world.patient(FEED, records.JAIL)
    answer = await asked(
        world, await token(world, "crisis-tablet", **clinician), subscription(filters=[f"patient={patient}"])
    )
    assert answer.status_code == 201, answer.text
    ident = answer.json()["id"]
    await settle(world)
    assert [(one.kind, one.row.user) for one in world.receiver.got] == [("handshake", "ana")]
    entries = [entry async for entry in world.services.ledger.since(0)]
    assert {one.client for one in entries if one.interaction == "notification-handshake"} == {"crisis-tablet for ana"}
    await world.services.user_agreements.depart(
        world.services.store, user="ana", organisation="Organization/police-triage", at=world.services.now()
    )
    world.clock.forward(seconds=1)
    await screened(world)
    world.clock.forward(days=1)
    async with world.services.store.transaction() as change:
        row = await world.services.store.subscription(ident)
        await change.put_subscription(replace(row, due=world.clock.now))
    await settle(world)
    row = await world.services.store.subscription(ident)
    assert (row.status, row.reason.split(":")[0]) == ("off", "nobody may be told any more")
    assert told(world, ident) == []
