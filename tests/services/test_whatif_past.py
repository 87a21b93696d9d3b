"""Recorded disclosures under a change: which would not have been made."""

from __future__ import annotations

import orjson
import pytest
import records
import worlds
from rehearsing_worlds import CONSENTS, agreement, rehearsed, reopened

pytestmark = pytest.mark.anyio


async def test_recorded_disclosures_are_looked_at_again(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    world.clock.forward(minutes=1)
    patient = world.patient("jail-medical-hl7", records.JAIL)
    caller = ("pretrial", "pretrial-release")
    (item,) = await world.matches(caller, f"/fhir/Observation?patient={patient}")
    given = await world.ask(caller, f"/fhir/Patient/{patient}")
    await world.ask(("defender", "diversion"), f"/fhir/Patient/{patient}")
    await world.ask(caller, "/fhir/Organization?name=alder")
    middle = world.clock.now + 1
    world.clock.forward(minutes=30)
    await world.ask(caller, f"/fhir/Observation/{item['id']}")
    changed = agreement(world)
    changed["grants"] = changed["grants"][1:]
    past = (await rehearsed(world, changed, since=0)).past
    unmade = [(one.recipient, one.resource) for one in past.unmade]
    assert unmade == [
        ("Organization/pretrial", f"Observation/{item['id']}"),
        ("Organization/pretrial", f"Patient/{patient}"),
        ("Organization/pretrial", f"Observation/{item['id']}"),
    ]
    assert past.unmade[1].request_id == given.headers["x-request-id"]
    assert past.beyond == 0
    assert past.looked > 3
    assert len((await rehearsed(world, changed, since=middle)).past.unmade) == 1
    assert (await rehearsed(world, changed)).past is None
    ended = agreement(world) | {"end": "2026-11-21"}
    assert len((await rehearsed(world, ended, since=0)).past.unmade) == 3
    await world.close()


async def test_a_consent_is_held_against_the_disclosures_of_its_person_only(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    world.clock.forward(minutes=1)
    patient = world.patient("jail-medical-hl7", records.JAIL)
    caller = ("pretrial", "pretrial-release")
    await world.ask(caller, "/fhir/Organization?name=alder")
    await world.ask(caller, f"/fhir/Observation?patient={patient}")
    ((body,),) = world.rows(CONSENTS)
    refused = orjson.loads(body) | {"status": "inactive"}
    world.clock.forward(minutes=1)
    change = await world.services.changes.read(refused, "x.json")
    found = await world.services.whatif.rehearse(change, since=0)
    assert (found.past.looked, len(found.past.unmade), found.past.beyond) == (1, 1, 0)
    assert found.moved == []
    assert found.withheld.total() == 2
    await world.close()


async def test_what_cannot_be_decided_again_is_counted_apart(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    world.clock.forward(minutes=1)
    patient = world.patient("jail-medical-hl7", records.JAIL)
    caller = ("pretrial", "pretrial-release")
    await world.ask(caller, f"/fhir/Observation?patient={patient}")
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(9, status="C")), name="corrected")
    world.clock.forward(minutes=1)
    await world.ask(caller, f"/fhir/Observation?patient={patient}")
    late = agreement(world) | {"start": "2027-01-01"}
    both = (await rehearsed(world, late, since=0)).past
    assert (both.looked, len(both.unmade), both.beyond) == (2, 2, 0)
    world.services.store._writer.execute("DELETE FROM resource_history")
    assert (await rehearsed(world, late, since=0)).past.beyond == 1
    await world.deliver("releases", records.ndjson(records.release(records.choice("defender"))), name="other")
    world.services.store._writer.execute("DELETE FROM policy WHERE id NOT IN (SELECT policy FROM patient_policy)")
    again = await reopened(world, tmp_path / "again")
    assert (await rehearsed(again, late, since=0)).past.beyond == 2
    await again.close()
    await world.close()
