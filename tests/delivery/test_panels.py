"""Following a list of people: a Group of ids, or one of people as the partner knows them."""

from __future__ import annotations

import bulk_requests
import httpx2
import orjson
import pytest
import records
import subscribers
import worlds
from asserting import staff
from subscribers import COTTONWOOD, send, settle, subscribe, subscription

from adapter.services.panel_people import Person
from adapter.store.sqlite.transaction import SqliteTransaction

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"
RELEASE = records.choice("cottonwood", purposes=("TREAT",))
REVOKED = [{"at": "2026-03-05T10:00:00-07:00", "partners": "all"}]
ADA = "key,family,given,birth_date,sex\r\nFF-1,Marsh,Ada,1980-04-02,F\r\n"
NOBODY = "key,family,given,birth_date,sex\r\nFF-1,Nemo,Nora,1981-05-03,F\r\n"


@pytest.fixture
async def ada(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=subscribers.register)
    world.receiver = subscribers.attach(world)
    yield world
    await world.close()


async def upload(world, content, *, group="", caller=COTTONWOOD, kind="text/csv", query=""):
    headers = {"Authorization": f"Bearer {await world.token(*caller)}", "Content-Type": kind}
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        url = f"/panels/{group}{query}" if group else f"/panels{query}"
        return await client.request("PUT" if group else "POST", url, headers=headers, content=content)


async def uploaded(world, content, **more):
    answer = await upload(world, content, **more)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()["group"]


def group(*members):
    entities = [{"entity": {"reference": f"Patient/{one}"}} for one in members]
    return {"resourceType": "Group", "type": "person", "actual": True, "member": entities}


async def written(world, *members):
    answer = await send(world, COTTONWOOD, "POST", "/fhir/Group", group(*members))
    assert answer.status_code == 201
    return f"Group/{answer.json()['id']}"


async def sign(world, **changed):
    await world.deliver("releases", records.ndjson(records.release(RELEASE) | changed), f"r{sorted(changed)}")


async def screen(world, day=2, **more):
    message = records.phq9(4, control=f"R{day}{more.get('person', '')}", at=f"202603{day:02d}080000-0700", **more)
    await world.deliver(FEED, records.hl7(message), f"{day}{sorted(more.items())}")


async def follow(world, group, topic="screening-summary", **more):
    ident = await subscribe(world, subscription(topic, filters=[f"_in={group}"], **more))
    await settle(world)
    return ident


def told(world):
    return [(number, notice) for number, _, notice in world.receiver.events()]


async def test_who_is_unknown_now_is_followed_once_known_and_permitted(ada):
    """On the list before anybody here knew her, screened next, and her release signed last."""
    await follow(ada, await uploaded(ada, ADA))
    await screen(ada)
    await settle(ada)
    assert told(ada) == []
    await sign(ada)
    await settle(ada)
    assert told(ada) == [(1, "")]


async def test_nobody_else_is_told_of(ada):
    await follow(ada, await uploaded(ada, NOBODY))
    await sign(ada)
    await screen(ada)
    await settle(ada)
    assert told(ada) == []


async def test_the_answer_is_the_same_whoever_is_on_the_list(ada):
    await sign(ada)
    await screen(ada)
    seen = ada.patient(FEED, records.JAIL)
    lists = [ADA, NOBODY, f"key,patient\r\nFF-1,{seen}\r\n", "key,patient\r\nFF-1,absent\r\n"]
    answers = [await upload(ada, one) for one in lists]
    shapes = [(one.status_code, {**one.json(), "group": "", "version": ""}, len(one.content)) for one in answers]
    assert shapes == [(201, {"group": "", "version": "", "rows": 1}, shapes[0][2])] * 4
    assert ada.rows("SELECT count(*) FROM stirred") == [(0,)]


async def test_who_comes_onto_the_list_is_told_of_at_once_and_who_leaves_it_no_more(ada):
    await sign(ada)
    await screen(ada, 2)
    group = await uploaded(ada, NOBODY)
    await follow(ada, group)
    assert told(ada) == []
    ada.clock.forward(seconds=1)
    await uploaded(ada, ADA, group=group.removeprefix("Group/"))
    await settle(ada)
    assert told(ada) == [(1, "")]
    # The same list again is no news, and leaving it takes nothing back.
    await uploaded(ada, ADA, group=group.removeprefix("Group/"))
    await uploaded(ada, NOBODY, group=group.removeprefix("Group/"))
    await settle(ada)
    await screen(ada, 3)
    await settle(ada)
    assert told(ada) == [(1, "")]
    ada.clock.forward(seconds=1)
    await uploaded(ada, ADA, group=group.removeprefix("Group/"))
    await settle(ada)
    assert told(ada) == [(1, ""), (2, "")]
    await sign(ada, revocations=REVOKED)
    await settle(ada)
    assert [notice for _, notice in told(ada)[2:]] == ["no-longer-permitted"] * 2


async def test_a_group_of_ids_follows_every_record_seen_to_be_the_same_person(ada):
    await ada.deliver("riverside-ehr", records.ndjson(records.clinic_patient()), "p")
    await sign(ada)
    await screen(ada)
    jail, clinic = ada.patient(FEED, records.JAIL), ada.patient("riverside-ehr", records.CLINIC)
    await follow(ada, await written(ada, jail, "absent"))
    await ada.deliver("riverside-ehr", records.ndjson(records.clinic_result()), "o")
    await settle(ada)
    (first,) = ada.receiver.events()
    await ada.services.identities.unlink(jail, clinic, staff(), why="two people")
    await settle(ada)
    assert ada.receiver.events()[1:] == [(2, first[1], "entered-in-error")]


async def test_a_name_that_is_corrected_on_one_record_brings_in_the_others(ada):
    """The clinic's record is followed for the name that the jail's, linked to it, is given at last."""
    first = records.clinic_patient() | {"name": [{"family": "Marsch", "given": ["Adda"]}], "birthDate": "1980-04-02"}
    await ada.deliver("riverside-ehr", records.ndjson(first), "p1")
    await sign(ada)
    await ada.deliver("riverside-ehr", records.ndjson(records.clinic_result()), "o")
    await follow(ada, await uploaded(ada, "family,given,birth_date\r\nMarsh-Lake,Ada,1980-04-02\r\n"))
    assert told(ada) == []
    before = ada.rows("SELECT count(*) FROM subscription_known")
    renamed = records.clinic_patient() | {"name": [{"family": "Marsh-Lake", "given": ["Ada"]}]}
    await ada.deliver("riverside-ehr", records.ndjson(renamed), "p2")
    await settle(ada)
    assert told(ada) == [(1, "")]
    assert before == [(0,)]


async def test_a_list_by_the_number_that_a_record_shows(ada):
    await sign(ada)
    await screen(ada)
    (patient,) = [one for one in await ada.matches(COTTONWOOD, "/fhir/Patient?name=marsh") if one.get("identifier")][:1]
    number = patient["identifier"][0]
    rows = f"identifier_system,identifier\r\n{number['system']},{number['value']}\r\n"
    await follow(ada, await uploaded(ada, rows))
    await screen(ada, 5)
    await settle(ada)
    assert told(ada) == [(1, "")]


async def test_a_group_is_read_back_with_what_its_owner_calls_whom_it_may_see(ada):
    group = await uploaded(ada, ADA, query="?name=Familiar%20faces")
    read = await ada.ask(COTTONWOOD, f"/fhir/{group}")
    assert read.json()["name"] == "Familiar faces"
    assert "member" not in read.json()
    await screen(ada)
    await sign(ada)
    members = (await ada.ask(COTTONWOOD, f"/fhir/{group}")).json()["member"]
    assert {one["entity"]["identifier"]["value"] for one in members} == {"FF-1"}
    # The jail's own record shows this clinic no name; it is followed because it is seen to be the same person's.
    registry = ada.patient("releases", records.REGISTRY)
    assert [one["entity"]["reference"] for one in members] == [f"Patient/{registry}"]
    assert (await ada.ask(("pretrial", "pretrial-release"), f"/fhir/{group}")).status_code == 404


async def test_the_status_of_each_release_and_whom_to_call(ada):
    """What a search for familiar faces shows, as it changes: the share of the release, its state, its organisation."""
    await follow(ada, await uploaded(ada, ADA), "consent", content="full-resource")
    await sign(ada)
    await settle(ada)
    ada.clock.forward(days=1)
    await sign(ada, revocations=REVOKED)
    await settle(ada)
    entries = [entry for one in ada.receiver.bundles("event-notification") for entry in one["entry"][1:]]
    assert [entry["resource"]["status"] for entry in entries if "resource" in entry] == ["active", "inactive"]
    share = entries[0]["resource"]
    ada.tokens.clear()
    (keeper,) = share["organization"]
    organisation = (await ada.ask(COTTONWOOD, f"/fhir/{keeper['reference']}")).json()
    phone = {"system": "phone", "value": "555-0100", "use": "work"}
    assert organisation["contact"] == [{"name": {"text": "Privacy officer"}, "telecom": [phone]}]
    assert organisation["telecom"] == [phone]


async def test_another_organisations_group_is_as_one_that_is_not_there(ada):
    ada.tokens[("riverside-main", "TREAT")] = await ada.services.tokens.issue(
        client="test", organisation="Organization/riverside-main", purposes=["TREAT"], lifetime=3600
    )
    group = await uploaded(ada, ADA)
    other = ("riverside-main", "TREAT")
    subscribers.register(ada.services.site.folder, partner="riverside-main")
    answers = [
        await send(ada, other, "POST", "/fhir/Subscription", subscription(filters=[f"_in={one}"]))
        for one in (group, "Group/absent")
    ]
    assert answers[0].status_code == 400
    bodies = [one.json() for one in answers]
    assert bodies[0] == bodies[1]
    assert (await upload(ada, "patient\r\nx\r\n", group=group.removeprefix("Group/"), caller=other)).status_code == 404


async def test_what_the_county_keeps_for_a_partner_is_the_partners_own(ada):
    row = await ada.services.groups.keep("Organization/cottonwood", "", "of the county", ["absent"])
    await follow(ada, f"Group/{row.id}")
    await ada.services.groups.drop(row.id)
    await sign(ada)
    await screen(ada)
    await settle(ada)
    assert told(ada) == []


async def test_without_the_right_to_ask_who_somebody_is_only_ids_are_taken(ada):
    ada.tokens[COTTONWOOD] = await ada.services.tokens.issue(
        client="test", organisation="Organization/cottonwood", purposes=["TREAT"], lifetime=3600
    )
    assert (await upload(ada, ADA)).status_code == 403
    assert (await upload(ada, "patient\r\nabsent\r\n")).status_code == 201
    # What the county keeps for it compares nobody either.
    person = Person(family="Marsh", given="Ada", birth_date="1980-04-02")
    row = await ada.services.groups.keep("Organization/cottonwood", "", "of the county", [], [person])
    await follow(ada, f"Group/{row.id}")
    await sign(ada)
    await screen(ada)
    await settle(ada)
    assert told(ada) == []
    assert "member" not in (await ada.ask(COTTONWOOD, f"/fhir/Group/{row.id}")).json()


async def test_an_export_of_a_list_holds_whom_it_means(ada):
    await sign(ada)
    await screen(ada)
    token = await ada.token(*COTTONWOOD)
    found = await bulk_requests.export(ada, token, f"/fhir/{await uploaded(ada, ADA)}/$export?_type=Observation")
    assert len(found["Observation"]) == 1
    none = await bulk_requests.export(ada, token, f"/fhir/{await uploaded(ada, NOBODY)}/$export?_type=Observation")
    assert none == {}


async def test_what_is_wrong_with_a_list_is_told_and_nothing_is_kept(ada):
    answer = await upload(ada, "family,given,birth_date\r\nMarsh,Ada,4/2/1980\r\n,Eve,1975-11-30\r\n")
    assert answer.status_code == 422
    assert [one["expression"] for one in answer.json()["issue"]] == [["line 2, birth_date"], ["line 3"]]
    assert "Marsh" not in answer.text
    assert ada.rows("SELECT count(*) FROM panel") == [(0,)]


async def test_what_is_no_list_is_refused_and_ledgered(ada):
    assert (await upload(ada, ADA, kind="application/json")).status_code == 400
    assert (await upload(ada, ADA, query="?colour=red")).status_code == 400
    assert (await upload(ada, b"x" * 4_000_001)).status_code == 413
    entries = [entry async for entry in ada.services.ledger.since(0)]
    assert [one.outcome for one in entries] == ["400 not-supported"] * 2 + ["413 refused"]
    twice = subscription(filters=["_in=Group/a", "_in=Group/b"])
    assert (await send(ada, COTTONWOOD, "POST", "/fhir/Subscription", twice)).status_code == 400


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("after", [False, True])
async def test_whoever_came_onto_a_list_is_told_of_though_the_process_is_killed_meanwhile(tmp_path, monkeypatch, after):
    folder = tmp_path / "site"
    world = await worlds.open_site(folder, adjust=subscribers.register)
    world.receiver = subscribers.attach(world)
    await sign(world)
    await screen(world)
    group = await uploaded(world, NOBODY)
    await follow(world, group)
    world.clock.forward(seconds=1)
    inner, now = SqliteTransaction.spread_panel, world.clock.now

    async def spread(self, ident, version):
        if after:
            await inner(self, ident, version)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(SqliteTransaction, "spread_panel", spread)
        await uploaded(world, ADA, group=group.removeprefix("Group/"))
        with pytest.raises(Killed):
            await settle(world)
    await world.close()
    world = await worlds.open_site(folder, now=now + 70_000_000, first_id=5_000)
    world.receiver = subscribers.attach(world)
    await settle(world)
    assert told(world) == [(1, "")]
    await world.close()


async def test_lists_are_described_for_programs(ada):
    described = (await ada.ask(COTTONWOOD, "/openapi.json")).json()["paths"]
    assert {*described["/panels"]} == {"post"}
    assert {*described["/panels/{group}"]} == {"put"}
    assert orjson.dumps(described).count(b"text/csv") >= 2
