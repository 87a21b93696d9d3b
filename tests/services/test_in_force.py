"""What is in force for a person changes in the transaction of what changes it, and holds for the next request."""

from __future__ import annotations

import itertools

import pytest
import records
import worlds

from adapter.services.in_force import EMPTY
from adapter.store.shapes import BEGINNING, END, row_key

pytestmark = pytest.mark.anyio
PRETRIAL, DEFENDER = ("pretrial", "pretrial-release"), ("defender", "diversion")
CHOICES = (records.choice(), records.choice("defender", purposes=("diversion",)))
AT = "2026-03-05T10:00:00-07:00"


async def seen(world, caller=PRETRIAL):
    patient = world.patient("jail-medical-hl7", records.JAIL)
    return len(await world.matches(caller, f"/fhir/Observation?patient={patient}"))


@pytest.fixture
async def ada(world):
    """Ada, with one PHQ-9 and a release for two partners."""
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.deliver("releases", records.ndjson(records.release(*CHOICES)))
    assert (await seen(world), await seen(world, DEFENDER)) == (1, 1)
    return world


async def sign(world, **changed):
    await world.deliver("releases", records.ndjson(records.release(*CHOICES) | changed))


async def test_a_revocation_holds_for_the_next_request(ada):
    await sign(ada, revocations=[{"at": AT, "partners": "all"}])
    assert (await seen(ada), await seen(ada, DEFENDER)) == (0, 0)


async def test_a_revocation_of_one_partner_leaves_the_others(ada):
    await sign(ada, revocations=[{"at": AT, "partners": ["pretrial"]}])
    assert (await seen(ada), await seen(ada, DEFENDER)) == (0, 1)


async def test_a_refusal_signed_later_denies_beside_an_older_release(ada):
    await sign(ada, submission="r2", refused=True, choices=[])
    assert (await seen(ada), await seen(ada, DEFENDER)) == (0, 0)


async def test_a_release_holds_through_its_last_day_and_no_longer(ada):
    ada.clock.set("2027-03-01T23:59:59-07:00")
    ada.tokens.clear()
    assert await seen(ada) == 1
    ada.clock.set("2027-03-02T00:00:00-07:00")
    assert await seen(ada) == 0


async def test_a_release_says_nothing_about_the_time_before_it(ada):
    ada.clock.set("2026-03-01T09:59:59-07:00")
    assert await seen(ada) == 0


async def test_the_moment_of_a_boundary_is_remembered(ada):
    due = {moment for (moment,) in ada.rows("SELECT due FROM boundary")}
    ada.clock.set("2027-03-02T00:00:00-07:00")
    assert due == {ada.clock.now}


async def test_the_policies_of_a_patient_cover_all_time(ada):
    for (patient,) in ada.rows("SELECT DISTINCT patient FROM patient_policy"):
        spans = ada.rows("SELECT start, stop FROM patient_policy WHERE patient = ? ORDER BY start", patient)
        assert spans[0][0] == BEGINNING
        assert spans[-1][1] == END
        assert all(one[1] == other[0] for one, other in itertools.pairwise(spans))


async def test_a_patient_without_a_consent_has_a_policy_that_denies(world):
    await world.deliver("jail-roster", records.roster(records.roster_row()))
    patient = world.patient("jail-roster", records.JAIL)
    found = world.rows(
        "SELECT q.body FROM patient_policy p JOIN policy q ON q.id = p.policy "
        "JOIN resource r ON r.rid = p.patient WHERE r.id = ?",
        patient,
    )
    assert found == [(EMPTY,)]


async def test_everyone_who_signs_the_same_has_the_same_policy(world):
    people = [records.release(*CHOICES, submission=f"s{n}", person=f"q{n}", ssn=f"433-27-59{n:02}") for n in range(4)]
    await world.deliver("releases", records.ndjson(*people))
    policies = world.rows("SELECT count(DISTINCT policy) FROM patient_policy WHERE patient <> 0 AND stop > start")
    # One while nothing is in force, one while the release is.
    assert policies == [(2,)]


async def test_what_no_longer_links_no_longer_applies(ada):
    """The registry corrects the number that made the records one person: the release goes with its own record."""
    corrected = records.release(*CHOICES, ssn=records.OTHER_SSN)
    await ada.deliver("releases", records.ndjson(corrected))
    assert ada.rows("SELECT count(*) FROM patient_link") == [(0,)]
    assert await seen(ada) == 0
    async with ada.services.store.snapshot() as view:
        span = await view.policy_of(row_key("Patient", ada.patient("jail-medical-hl7", records.JAIL)), at=ada.clock.now)
    assert list(span.sources) == []


async def test_consents_of_both_records_apply_once_they_are_linked(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4, ssn="")))
    await world.deliver("releases", records.ndjson(records.release(*CHOICES)))
    assert await seen(world) == 0
    await world.deliver("jail-medical-hl7", records.hl7(records.admission()))
    assert await seen(world) == 1
    await world.close()


async def test_a_rebuild_says_what_was_in_force_before(ada):
    await ada.deliver(
        "releases", records.ndjson(records.release(*CHOICES, submission="r9", person="q9", ssn="433-27-5999"))
    )
    before = await policies(ada)
    done = []
    count = await ada.services.in_force.rebuild(
        ada.services.store, at=ada.clock(), progress=lambda *told: done.append(told)
    )
    assert await policies(ada) == before
    assert len(before) > 2
    assert done[-1] == (count, count)
    assert (await seen(ada), await seen(ada, DEFENDER)) == (1, 1)


async def policies(world):
    found = {}
    async with world.services.store.snapshot() as view:
        for patient in await world.services.store.patients():
            for at in (world.clock(), world.clock() + 10**15, 0):
                span = await view.policy_of(patient, at=at)
                found[patient, at] = (span.start, span.stop, span.policy, span.ends, span.sources)
    return found
