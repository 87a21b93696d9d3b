"""What concerns everybody: other agreements, time, somebody who cannot be decided; and clients that are registered."""

from __future__ import annotations

import pytest
import records
import registered_clients
import smart_clients as sc
import subscribers
import worlds
from subscribers import settle, subscribe, subscription

from adapter.errors import Unavailable

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"
RELEASE = records.choice("cottonwood", purposes=("TREAT",))


async def county(folder, **more):
    world = await worlds.open_site(folder, **more)
    world.receiver = subscribers.attach(world)
    return world


async def screened(world, day=2, **more):
    message = records.phq9(4, control=f"R{day}{more.get('person', '')}", at=f"202603{day:02d}080000-0700", **more)
    await world.deliver(FEED, records.hl7(message), f"{day}{sorted(more.items())}")


async def test_what_an_agreement_newly_allows_is_told_after_the_next_start(tmp_path):
    def without(folder):
        subscribers.register(folder)
        path = folder / "agreements" / "memorandum.yaml"
        path.write_text(path.read_text().replace("regimes: [hipaa, part2]\n    rights", "regimes: [part2]\n    rights"))

    world = await county(tmp_path / "site", adjust=without)
    await world.deliver("releases", records.ndjson(records.release(RELEASE)), "release")
    await subscribe(world)
    await settle(world)
    await screened(world)
    await settle(world)
    assert world.receiver.events() == []
    await world.close()
    path = tmp_path / "site" / "agreements" / "memorandum.yaml"
    path.write_text(path.read_text().replace("regimes: [part2]\n    rights", "regimes: [hipaa, part2]\n    rights"))
    world = await county(tmp_path / "site", first_id=900)
    await settle(world)
    assert [number for number, _, _ in world.receiver.events()] == [1]
    await world.close()


async def test_what_ends_by_time_alone_is_stopped_when_it_does(tmp_path):
    world = await county(tmp_path / "site", adjust=subscribers.register)
    await world.deliver("releases", records.ndjson(records.release(RELEASE)), "release")
    await subscribe(world)
    await settle(world)
    await screened(world)
    await settle(world)
    world.clock.set("2027-03-02T12:00:00-07:00")
    await settle(world)
    (_, focus, _), stop = world.receiver.events()
    assert stop == (2, focus, "no-longer-permitted")
    await world.close()


async def test_who_cannot_be_decided_keeps_nobody_else_waiting(tmp_path, monkeypatch):
    world = await county(tmp_path / "site", adjust=subscribers.register)
    await world.deliver("releases", records.ndjson(records.release(RELEASE)), "release")
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient()), "patient")
    await subscribe(world)
    await settle(world)
    reconciler = world.services.notifying.announcements._reconciler
    inner, (stuck,) = reconciler._gate.look, [None]

    async def look(caller, kinds, patient, *, at):
        if patient == stuck:
            raise Unavailable("not now")
        return await inner(caller, kinds, patient, at=at)

    monkeypatch.setattr(reconciler._gate, "look", look)
    await screened(world, 2)
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_result()), "result")
    clinic = world.patient("riverside-ehr", records.CLINIC)
    ((stuck,),) = world.rows("SELECT rid FROM resource WHERE id = ?", clinic)
    await settle(world)
    assert len(world.receiver.events()) == 1
    stuck = None
    world.clock.forward(seconds=61)
    await settle(world)
    assert [number for number, _, _ in world.receiver.events()] == [1, 2]
    await world.close()


async def test_a_registered_client_is_told_within_its_scopes_and_while_it_is_registered(tmp_path):
    def registered(folder):
        registered_clients.register_all(folder)
        subscribers.register(folder)

    world = await county(tmp_path / "site", adjust=registered)
    await world.deliver("releases", records.ndjson(records.release(RELEASE)), "release")
    patient = world.patient(FEED, records.JAIL)
    asked = subscription(filters=[f"patient={patient}"])
    codes = {}
    for scope in (
        "system/Observation.rs",
        "system/Subscription.cruds",
        "system/Subscription.crs system/Observation.rs",
    ):
        answer = await registered_clients.ask_token(world, sc.EC_KEY, "clinic-chart", scope=scope)
        if answer.status_code != 200:
            codes[scope] = answer.json()["error"]
            continue
        world.tokens[subscribers.COTTONWOOD] = answer.json()["access_token"]
        made = await subscribers.send(world, subscribers.COTTONWOOD, "POST", "/fhir/Subscription", asked)
        codes[scope] = made.status_code
    # The client is registered for records and not for subscriptions.
    assert codes["system/Observation.rs"] == 403
    assert set(codes.values()) <= {403, "invalid_scope", 201}
    await world.close()
