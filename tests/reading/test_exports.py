"""Exports of a county: decided when a chunk leaves, resumed, bound to who asked, and in the ledger."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import bulk_requests
import orjson
import pytest
import records
import worlds
import yaml

from adapter.services import bulk, bulk_files
from adapter.services.authorities import Author
from adapter.services.bulk_files import LIFETIME
from adapter.store.sqlite.connection import connect, migrate
from adapter.store.sqlite.exports import _statements

pytestmark = pytest.mark.anyio
CLINIC, PRETRIAL = ("cottonwood", "TREAT"), ("pretrial", "pretrial-release")
CHOICES = (records.choice(), records.choice("cottonwood", purposes=("TREAT",), classes=(records.MENTAL_HEALTH,)))
REVOKED = [{"at": "2026-11-22T11:00:00-07:00", "partners": ["cottonwood"]}]
OBSERVATIONS = "/fhir/Patient/$export?_type=Observation"


@pytest.fixture
async def world(tmp_path):
    made = await worlds.open_site(tmp_path / "site")
    days = [f"2026030{day}080000-0700" for day in range(1, 8)]
    results = [records.phq9(4 + number, at=day, control=f"R{number}") for number, day in enumerate(days)]
    await made.deliver("jail-medical-hl7", records.hl7(*results))
    await sign(made)
    made.clock.forward(minutes=1)
    yield made
    await made.close()


async def sign(world, **changed):
    await world.deliver("releases", records.ndjson(records.release(*CHOICES) | changed))


async def seen(world, caller=CLINIC):
    """What a search by the same caller finds."""
    patient = world.patient("jail-medical-hl7", records.JAIL)
    return {f"Observation/{one['id']}" for one in await world.matches(caller, f"/fhir/Observation?patient={patient}")}


async def observations(world, token, url=OBSERVATIONS):
    return bulk_requests.ids(await bulk_requests.export(world, token, url))


async def test_an_export_holds_what_searches_find_and_each_chunk_is_in_the_ledger(world):
    token = await world.token(*CLINIC)
    place = await bulk_requests.kick_off(world, token)
    told = await bulk_requests.manifest(world, token, place)
    found = await bulk_requests.files(world, token, told)
    assert {name for name in bulk_requests.ids(found) if name.startswith("Observation/")} == await seen(world)
    assert len(await seen(world)) == 7
    assert {one["id"] for one in found["Patient"]} >= {world.patient("jail-medical-hl7", records.JAIL)}
    for one in told["output"]:
        answer = await bulk_requests.get(world, token, one["url"])
        (entry,) = await world.services.ledger.of_request(answer.headers["x-request-id"])
        names = {f"{one['type']}/{orjson.loads(line)['id']}" for line in answer.content.splitlines()}
        assert (entry.interaction, {row[0] for row in entry.passed}) == ("$export", names)
        assert b"\r" not in answer.content
    patient = world.patient("jail-medical-hl7", records.JAIL)
    account = await world.services.accounting.of(patient, since=0, until=world.clock.now + 1)
    exported = [one for one in account.asked if one.interaction == "$export" and one.given]
    assert {given.resource.partition("/")[0] for one in exported for given in one.given} >= {"Patient", "Observation"}


async def test_what_is_revoked_after_the_kick_off_does_not_leave(world):
    token = await world.token(*CLINIC)
    told = await bulk_requests.manifest(world, token, await bulk_requests.kick_off(world, token, OBSERVATIONS))
    await sign(world, revocations=REVOKED)
    for one in told["output"]:
        answer = await bulk_requests.get(world, token, one["url"])
        assert (answer.status_code, answer.content) == (200, b"")
        (entry,) = await world.services.ledger.of_request(answer.headers["x-request-id"])
        assert entry.passed == []


async def download(world, token, url, between):
    """The pieces of a file; ``between`` is run after the first."""
    pieces, never = [], asyncio.get_running_loop().create_future()

    async def receive():
        return await never

    async def send(message):
        pieces.append(message)
        if len(pieces) == 2:
            await between()

    headers = [(b"authorization", f"Bearer {token}".encode())]
    path = url.removeprefix(bulk_requests.BASE)
    await world.app(
        {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}, receive, send
    )
    never.cancel()
    lines = b"".join(piece.get("body", b"") for piece in pieces[1:]).splitlines()
    return [orjson.loads(line)["id"] for line in lines], not pieces[-1].get("more_body", False)


async def test_what_is_revoked_while_a_file_is_downloaded_stops_there(world, monkeypatch):
    monkeypatch.setattr(bulk, "CHUNK", 2)
    token = await world.token(*CLINIC)
    told = await bulk_requests.manifest(world, token, await bulk_requests.kick_off(world, token, OBSERVATIONS))
    got, ended = await download(world, token, told["output"][0]["url"], lambda: sign(world, revocations=REVOKED))
    assert (len(got), ended) == (2, True)


@pytest.mark.parametrize("how", ["cancelled", "token", "expired"])
async def test_a_download_breaks_off_when_what_it_stands_on_ends(world, monkeypatch, how):
    monkeypatch.setattr(bulk, "CHUNK", 2)
    token = await world.token(*CLINIC)
    other = await world.services.tokens.issue(
        client="test",
        organisation="Organization/cottonwood",
        purposes=["TREAT"],
        rights=["population-search"],
        lifetime=10**6,
    )
    place = await bulk_requests.kick_off(world, token, OBSERVATIONS)
    told = await bulk_requests.manifest(world, token, place)

    async def end():
        if how == "cancelled":
            assert (await bulk_requests.get(world, token, place, "DELETE")).status_code == 202
        elif how == "token":
            async with world.services.store.transaction() as change:
                await change.revoke_token((await world.services.tokens.holder(other.encode())).digest)
        else:
            world.clock.now += LIFETIME

    got, ended = await download(world, other, told["output"][0]["url"], end)
    assert (len(got), ended) == (2, False)


async def test_a_file_that_broke_off_is_downloaded_again_after_a_restart(world, monkeypatch, tmp_path):
    monkeypatch.setattr(bulk, "CHUNK", 2)
    monkeypatch.setattr(bulk_files, "FILE", 1)
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient(), records.clinic_result()))
    token = await world.token(*CLINIC)
    place = await bulk_requests.kick_off(world, token, OBSERVATIONS)
    told = await bulk_requests.manifest(world, token, place)
    assert len(told["output"]) == 2
    expected = await seen(world)
    await world.close()
    again = await worlds.open_site(tmp_path / "site", now=world.clock.now, first_id=5000)
    found = {}
    for _ in range(2):
        assert await bulk_requests.manifest(again, token, place) == told
        found = await bulk_requests.files(again, token, told)
    assert bulk_requests.ids(found) == expected
    assert len(expected) == 8
    await again.close()


async def test_an_export_that_was_not_planned_before_a_restart_is_planned_after_it(world, tmp_path):
    token = await world.token(*CLINIC)
    place = await bulk_requests.kick_off(world, token, OBSERVATIONS)
    ident = place.rpartition("/")[2]
    task = world.services.bulk._planning[ident]
    task.cancel()
    await asyncio.sleep(0)
    await world.close()
    again = await worlds.open_site(tmp_path / "site", now=world.clock.now, first_id=5000)
    told = await bulk_requests.manifest(again, token, place)
    assert len(bulk_requests.ids(await bulk_requests.files(again, token, told))) == 7
    await again.close()


async def test_planning_that_failed_is_told_and_begun_anew(world, monkeypatch):
    token = await world.token(*CLINIC)
    whole = world.services.bulk._weigh

    def broken(*_):
        raise RuntimeError("a defect")

    monkeypatch.setattr(world.services.bulk, "_weigh", broken)
    place = await bulk_requests.kick_off(world, token, OBSERVATIONS)
    answer = await bulk_requests.get(world, token, place)
    while answer.status_code == 202:
        await asyncio.sleep(0)
        answer = await bulk_requests.get(world, token, place)
    assert answer.status_code == 500
    monkeypatch.setattr(world.services.bulk, "_weigh", whole)
    assert len((await bulk_requests.manifest(world, token, place))["output"]) == 1


async def test_an_export_is_its_own_clients_for_its_purpose(world):
    token = await world.token(*CLINIC)
    place = await bulk_requests.kick_off(world, token, OBSERVATIONS)
    told = await bulk_requests.manifest(world, token, place)

    async def issue(client, organisation, purpose):
        return await world.services.tokens.issue(
            client=client, organisation=organisation, purposes=[purpose], rights=["population-search"], lifetime=600
        )

    for asking in (
        await issue("other", "Organization/cottonwood", "TREAT"),
        await issue("test", "Organization/cottonwood", "discharge-planning"),
        await issue("test", "Organization/pretrial", "pretrial-release"),
    ):
        for path, method in ((place, "GET"), (told["output"][0]["url"], "GET"), (place, "DELETE")):
            foreign = await bulk_requests.get(world, asking, path, method)
            absent = await bulk_requests.get(world, asking, path.replace(place.rpartition("/")[2], "absent"), method)
            assert foreign.status_code == 404
            assert worlds.comparable(foreign) == worlds.comparable(absent)
    world.clock.now += LIFETIME
    late = await world.services.tokens.issue(
        client="test",
        organisation="Organization/cottonwood",
        purposes=["TREAT"],
        rights=["population-search"],
        lifetime=600,
    )
    assert (await bulk_requests.get(world, late, place)).status_code == 404


async def test_everyone_is_exported_with_the_right_to_it_alone_and_not_without_end(world, monkeypatch):
    token = await world.token(*PRETRIAL)
    answer = await bulk_requests.get(world, token, OBSERVATIONS, **bulk_requests.ASYNC)
    assert answer.status_code == 403
    (entry,) = await world.services.ledger.of_request(answer.headers["x-request-id"])
    assert (entry.interaction, entry.outcome) == ("$export", "403 population-search")
    monkeypatch.setattr(bulk, "MOST_OPEN", 1)
    token = await world.token(*CLINIC)
    place = await bulk_requests.kick_off(world, token, OBSERVATIONS)
    answer = await bulk_requests.get(world, token, OBSERVATIONS, **bulk_requests.ASYNC)
    assert answer.status_code == 429
    await bulk_requests.manifest(world, token, place)
    assert (await bulk_requests.get(world, token, place, "DELETE")).status_code == 202
    await bulk_requests.kick_off(world, token, OBSERVATIONS)


async def since_of(world):
    world.clock.forward(minutes=1)
    token = await world.token(*CLINIC)
    told = await bulk_requests.manifest(world, token, await bulk_requests.kick_off(world, token, OBSERVATIONS))
    world.clock.forward(minutes=1)
    return told["transactionTime"]


async def test_since_gives_what_is_new_and_what_became_permitted_and_nothing_else(world):
    token = await world.token(*CLINIC)
    since = await since_of(world)
    url = f"{OBSERVATIONS}&_since={since}"
    assert await observations(world, token, url) == set()
    # Signing again what was signed changes nothing that this recipient may see.
    await sign(world, choices=[*[dict(one) for one in CHOICES], records.choice("defender", purposes=("diversion",))])
    assert await observations(world, token, url) == set()
    before = await seen(world)
    await sign(world, choices=[records.choice()])
    later = await since_of(world)
    assert await observations(world, token, f"{OBSERVATIONS}&_since={later}") == await seen(world) == set()
    await sign(world)
    assert await seen(world) == before
    assert await observations(world, token, f"{OBSERVATIONS}&_since={later}") == before
    everything = bulk_requests.ids(await bulk_requests.export(world, token, f"/fhir/Patient/$export?_since={later}"))
    assert {name.partition("/")[0] for name in everything} >= {"Patient", "Observation"}


async def test_after_a_change_of_the_agreements_everything_is_there_again(world, tmp_path):
    token = await world.token(*CLINIC)
    since = await since_of(world)
    await world.close()

    def adjust(folder):
        """Somebody else's grant is taken out."""
        path = folder / "agreements" / "memorandum.yaml"
        document = yaml.safe_load(path.read_text())
        document["grants"] = [grant for grant in document["grants"] if grant["recipient"] != "defender"]
        path.write_text(yaml.safe_dump(document, sort_keys=False))

    again = await worlds.open_site(tmp_path / "site", now=world.clock.now, first_id=5000)
    assert await observations(again, token, f"{OBSERVATIONS}&_since={since}") == set()
    await again.close()
    again = await worlds.open_site(tmp_path / "site", adjust=adjust, now=world.clock.now, first_id=9000)
    assert len(await observations(again, token, f"{OBSERVATIONS}&_since={since}")) == 7
    await again.close()


async def test_a_group_is_its_owners_and_hidden_and_unknown_members_are_alike(world):
    token, patient = await world.token(*CLINIC), world.patient("jail-medical-hl7", records.JAIL)
    await world.deliver("jail-roster", records.roster(records.roster_row("J9", last="HIDDEN", ssn=records.OTHER_SSN)))
    hidden = world.patient("jail-roster", "J9")
    members = [{"entity": {"reference": f"Patient/{one}"}} for one in (patient, hidden, "absent")]
    document = {"resourceType": "Group", "type": "person", "actual": True, "member": members}
    made = await bulk_requests.get(world, token, "/fhir/Group", "POST", document)
    place = f"/fhir/Group/{made.json()['id']}"
    assert [one["entity"]["reference"] for one in made.json()["member"]] == [f"Patient/{patient}"]
    other = await world.token(*PRETRIAL)
    for tail, method in (("", "GET"), ("", "PUT"), ("", "DELETE"), ("/$export", "GET")):
        foreign = await bulk_requests.get(world, other, place + tail, method, document, **bulk_requests.ASYNC)
        absent = await bulk_requests.get(
            world, other, f"/fhir/Group/absent{tail}", method, document, **bulk_requests.ASYNC
        )
        assert foreign.status_code == 404
        assert worlds.comparable(foreign) == worlds.comparable(absent)
    found = await bulk_requests.export(world, token, f"{place}/$export?_type=Patient,Observation")
    links = {link["other"]["reference"] for one in found["Patient"] for link in one.get("link", ())}
    assert bulk_requests.ids(found) == {f"Patient/{patient}"} | links | await seen(world)
    assert len(found["Patient"]) == 2
    without = await world.services.tokens.issue(
        client="test", organisation="Organization/cottonwood", purposes=["TREAT"], lifetime=600
    )
    assert bulk_requests.ids(
        await bulk_requests.export(world, without, f"{place}/$export?_type=Observation")
    ) == await seen(world)
    assert (await bulk_requests.get(world, token, place, "DELETE")).status_code == 204
    assert (await bulk_requests.get(world, token, place)).status_code == 404


async def test_custody_that_was_too_old_to_be_relied_on_counts_as_not_permitted_then(world):
    async with world.services.store.transaction() as change:
        number = await change.freshen("a-roster", until=100, at=50)
        await change.freshen("a-roster", until=300, at=200)
        await change.freshen("a-roster", until=400, at=250)
    rows = world.rows("SELECT start, stop FROM freshness_gap WHERE number = ?", number)
    assert rows == [(100, 200)]


async def test_an_export_is_explained_to_officers(world):
    token = await world.token(*CLINIC)
    told = await bulk_requests.manifest(world, token, await bulk_requests.kick_off(world, token, OBSERVATIONS))
    answer = await bulk_requests.get(world, token, told["output"][0]["url"])
    overview, *groups = await world.services.explain.request(answer.headers["x-request-id"])
    assert overview.lines[0] == "7 resources were given on this page."
    assert {one.effect for one in groups} == {"PERMIT", "DENY"}


def test_the_rows_of_an_export_come_in_order_without_sorting(tmp_path):
    db = connect(tmp_path / "store.sqlite")
    migrate(db)
    names = ("context", "at", "live", "low", "high", "limit", "after", "type", "after_low", "after_rid")
    given = dict.fromkeys(names, 1)
    for kind in ("Observation", "Patient"):
        for statement in _statements(kind, since=False):
            plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + statement, given)]
            assert not [step for step in plan if "TEMP B-TREE" in step]
            assert not [
                step for step in plan if step.startswith("SCAN") and "SCAN q" not in step and "CONSTANT" not in step
            ]


async def destroy(world, name):
    staff = Author(name="A. Clerk", request="1", request_id="seal-1")
    asked = await world.services.sealing.seal(name, staff, authority="order 2026-77", expunge=True)
    await world.services.sealing.confirm(asked.row.id, replace(staff, name="P. Officer"))


async def deletions(world, token, since):
    """What an export says was deleted: the names in each Bundle."""
    told = await bulk_requests.manifest(
        world, token, await bulk_requests.kick_off(world, token, f"{OBSERVATIONS}&_since={since}")
    )
    found = []
    for one in told["deleted"]:
        answer = await bulk_requests.get(world, token, one["url"])
        bundles = [orjson.loads(line) for line in answer.content.splitlines()]
        assert {(one["resourceType"], one["type"]) for one in bundles} <= {("Bundle", "transaction")}
        found += [entry["request"]["url"] for one in bundles for entry in one["entry"]]
        entries = await world.services.ledger.of_request(answer.headers["x-request-id"])
        assert [entry.target for entry in entries] == ["Observation?_id=" + found[0].partition("/")[2]] * len(bundles)
    return found


async def test_who_had_been_given_what_was_destroyed_is_told_and_nobody_else(world):
    token = await world.token(*CLINIC)
    given = min(await seen(world))
    assert await deletions(world, token, await since_of(world)) == []
    since = await since_of(world)
    await destroy(world, given)
    assert given not in await seen(world)
    assert await deletions(world, token, since) == [given]
    other = await world.services.tokens.issue(
        client="o",
        organisation="Organization/pretrial",
        purposes=["pretrial-release"],
        rights=["population-search"],
        lifetime=600,
    )
    assert await deletions(world, other, since) == []
    assert await deletions(world, token, await since_of(world)) == []
    narrow = await world.token(*CLINIC)
    await sign(world, revocations=REVOKED)
    assert await deletions(world, narrow, since) == []
