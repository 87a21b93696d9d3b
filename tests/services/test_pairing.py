"""Pairs of records: what each band lets pass, what it holds back, and that the order of arrival changes nothing."""

from __future__ import annotations

from itertools import permutations

import asserting
import orjson
import pytest
import records
import worlds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from told import traits

from adapter.errors import SallyportError
from adapter.identity.match import Band
from adapter.services import recordings
from adapter.services.keys import SiteKeys
from adapter.services.pairing import Pairing
from adapter.services.seal import TraitSeal
from adapter.store.shapes import row_key

pytestmark = pytest.mark.anyio
PRETRIAL = ("pretrial", "pretrial-release")
COTTONWOOD = ("cottonwood", "TREAT")


@pytest.fixture
async def county(tmp_path):
    made = await worlds.open_site(tmp_path / "site")
    yield made
    await made.close()


async def jail(world, key="J1", **changed):
    await world.deliver("jail-roster", records.roster(records.roster_row(key, booking=f"B-{key}", **changed)))
    return world.patient("jail-roster", key)


async def screened(world, score=4, **changed):
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(score, **changed)))
    return world.patient("jail-medical-hl7", records.JAIL)


async def released(world, choice=None, **changed):
    await world.deliver("releases", records.ndjson(records.release(choice or records.choice(), **changed)))
    return world.patient("releases", records.REGISTRY)


def state(world, one, other):
    pair = (row_key("Patient", one), row_key("Patient", other))
    rows = world.rows("SELECT state FROM identity_pair WHERE (patient, other) = (?, ?)", *pair)
    back = world.rows("SELECT state FROM identity_pair WHERE (other, patient) = (?, ?)", *pair)
    assert rows == back
    return Band(rows[0][0]) if rows else Band.NONE


async def summaries(world, caller, patient):
    return len(await world.matches(caller, f"/fhir/Observation?patient={patient}"))


async def test_a_likely_pair_is_kept_and_no_link(county):
    one, other = await jail(county, ssn=""), await released(county)
    assert state(county, one, other) is Band.LINK
    assert county.rows("SELECT count(*) FROM patient_link") == [(0,)]


async def test_a_consent_never_crosses_a_likely_pair_and_crosses_it_once_a_number_confirms(county):
    patient = await screened(county, ssn="")
    other = await released(county)
    assert state(county, patient, other) is Band.LINK
    assert await summaries(county, PRETRIAL, patient) == 0
    await screened(county)
    assert state(county, patient, other) is Band.CONFIRMED
    assert await summaries(county, PRETRIAL, patient) == 1


async def test_a_likely_pair_is_not_told_and_searches_do_not_cross_it(county):
    patient = await screened(county, ssn="")
    other = await released(county)
    for caller in (PRETRIAL, COTTONWOOD, ("jail-medical", "discharge-planning"), ("registry", "TREAT")):
        for ident in (patient, other):
            answer = await county.ask(caller, f"/fhir/Patient/{ident}")
            assert b'"link"' not in answer.content
        found = await county.matches(caller, f"/fhir/Observation?patient={other}")
        assert {one["subject"]["reference"] for one in found} <= {f"Patient/{other}"}


async def test_what_is_kept_to_compare_is_sealed_and_bound_to_its_record(county):
    ident = await jail(county)
    ((sealed, blocks),) = county.rows("SELECT sealed, blocks FROM identity_trait")
    assert b"marsh" not in sealed.lower()
    assert records.SSN.replace("-", "").encode() not in sealed
    assert len(blocks) == 8 * len(county.rows("SELECT key FROM identity_block"))
    seal = county.services.people.pairing.seal
    assert seal.open(row_key("Patient", ident), sealed).names[0].family == "marsh"
    with pytest.raises(SallyportError, match=r"site\.key"):
        seal.open(1, sealed)
    with pytest.raises(SallyportError, match=r"site\.key"):
        TraitSeal(SiteKeys(bytes(32))).open(row_key("Patient", ident), sealed)


async def ada_twice(world, **changed):
    """Ada's screening with her own release, and a second person of the registry who is likely she, by a middle name."""
    named = records.pid().replace("MARSH^ADA", "MARSH^ADA^LEE")
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4).replace(records.pid(), named)))
    await released(world)
    patient = world.patient("jail-medical-hl7", records.JAIL)
    assert await summaries(world, PRETRIAL, patient) == 1
    second = records.release(records.choice(), submission="r2", person="q2", ssn="", **changed)
    second["person"] |= {"middle": "Lee"}
    await world.deliver("releases", records.ndjson(second), name="second")
    other = world.patient("releases", "q2")
    assert state(world, patient, other) is Band.LINK
    return patient, other


async def test_a_permit_of_a_likely_record_changes_nothing(county):
    patient, _ = await ada_twice(county)
    assert await summaries(county, PRETRIAL, patient) == 1


async def test_a_refusal_of_a_likely_record_refuses_here_until_somebody_decides(county):
    patient, other = await ada_twice(county, refused=True, choices=[])
    assert await summaries(county, PRETRIAL, patient) == 0
    by = asserting.staff()
    await county.services.identities.decide(patient, other, by, same=False, why="two women")
    assert await summaries(county, PRETRIAL, patient) == 1
    await county.services.identities.decide(patient, other, by, same=True, why="one after all")
    assert await summaries(county, PRETRIAL, patient) == 0


async def test_a_change_of_a_likely_record_is_felt_at_once_and_after_everything_is_computed_anew(county):
    patient, _ = await ada_twice(county)
    second = records.release(submission="r2", person="q2", ssn="", refused=True)
    second["person"] |= {"middle": "Lee"}
    await county.deliver("releases", records.ndjson(second), name="third")
    assert await summaries(county, PRETRIAL, patient) == 0
    services = county.services
    policies = county.rows("SELECT * FROM patient_policy ORDER BY patient, start")
    await services.in_force.rebuild(services.store, at=county.clock.now, progress=lambda *_: None)
    assert county.rows("SELECT * FROM patient_policy ORDER BY patient, start") == policies
    assert await summaries(county, PRETRIAL, patient) == 0


async def test_a_hold_on_a_likely_record_holds_this_one_too(county):
    patient, other = await ada_twice(county)
    await asserting.record(county, other, recordings.hold(recordings.IDENTITY))
    assert await summaries(county, PRETRIAL, patient) == 0


async def test_a_jacket_that_tells_otherwise_of_two_traits_is_held_and_linked_to_nobody(county):
    patient = await screened(county)
    await released(county)
    assert await summaries(county, PRETRIAL, patient) == 1
    brother = records.pid().replace("MARSH^ADA", "MARSH^BERT").replace("|F|", "|M|").replace("19800402", "19781105")
    message = records.phq9(9, control="R2", at="20260303080000-0700").replace(records.pid(), brother)
    await county.deliver("jail-medical-hl7", records.hl7(message))
    assert await summaries(county, PRETRIAL, patient) == 0
    (item,) = [one for one in await county.services.identities.open() if one.other is None]
    assert item.one.patient == patient
    assert county.rows("SELECT count(*) FROM patient_link") == [(0,)]
    (listed,) = await county.services.authorities.listed(patient)
    assert orjson.loads(listed.fact.evidence)["changed"] == ["birth_date", "name", "sex"]
    entries = county.services.store._ledger_db.execute("SELECT target FROM entry WHERE interaction = 'hold'").fetchall()
    assert entries == [(f"Patient {listed.fact.id}",)]


async def test_one_changed_trait_holds_nothing(county):
    patient = await screened(county)
    await released(county)
    changed = records.pid().replace("MARSH^ADA", "OAK^ADA")
    message = records.phq9(9, control="R2", at="20260303080000-0700").replace(records.pid(), changed)
    await county.deliver("jail-medical-hl7", records.hl7(message))
    assert await summaries(county, PRETRIAL, patient) == 2


async def test_the_same_told_again_writes_nothing(county):
    await jail(county)
    before = county.rows("SELECT * FROM identity_trait")
    changes = county.rows("SELECT total_changes()")
    await county.deliver("jail-roster", records.roster(records.roster_row("J1", booking="B-J1")), name="again")
    assert county.rows("SELECT * FROM identity_trait") == before
    assert changes[0][0] < county.rows("SELECT total_changes()")[0][0]


async def test_records_that_their_source_merges_take_the_most_restrictive_consents_until_confirmed(county):
    await released(county)
    second = records.release(submission="r2", person="q2", ssn="", refused=True)
    second["person"] |= {"last": "Oak", "dob": "1980-04-03"}
    await county.deliver("releases", records.ndjson(second), name="second")
    patient = await screened(county)
    assert await summaries(county, PRETRIAL, patient) == 1
    pair = [row_key("Patient", county.patient("releases", key)) for key in (records.REGISTRY, "q2")]
    services = county.services
    async with services.store.transaction() as change:
        merged = await services.people.pairing.merged(change, *pair, source="releases", at=county.clock.now)
        await services.in_force.refresh(change, merged.patients, at=county.clock.now)
        assert (await services.people.pairing.merged(change, *pair, source="releases", at=1)).patients == set()
    assert merged.patients == set(pair)
    assert await summaries(county, PRETRIAL, patient) == 0
    first, other = (county.patient("releases", key) for key in (records.REGISTRY, "q2"))
    assert state(county, first, other) is Band.LINK
    await county.deliver("releases", records.ndjson(second | {"copy_given": True}), name="told again")
    assert state(county, first, other) is Band.LINK
    await services.identities.decide(first, other, asserting.staff(), same=False, why="the registry was wrong")
    assert await summaries(county, PRETRIAL, patient) == 1


async def test_likely_pairs_never_release(tmp_path):
    """With all likely pairs of a county forgotten, nobody sees less: they only ever hold back."""
    world = await worlds.open_site(tmp_path / "site")
    await worlds.ingest_all(world, worlds.extracts(tmp_path / "extracts", people=25, seed=4))
    assert world.rows("SELECT count(*) FROM identity_pair WHERE state = 2")[0][0] > 20

    async def seen():
        found = set()
        for caller in worlds.CALLERS:
            for (ident,) in world.rows("SELECT id FROM resource WHERE type = 1"):
                matches = await world.matches(caller, f"/fhir/Observation?patient={ident}")
                found |= {(caller, one["id"]) for one in matches}
        return found

    with_pairs = await seen()
    world.services.store._writer.execute("DELETE FROM identity_pair WHERE state = 2")
    await world.services.in_force.rebuild(world.services.store, at=world.clock.now, progress=lambda *_: None)
    without = await seen()
    assert with_pairs <= without
    assert with_pairs
    await world.close()


async def place_all(world, told, order, before=None):
    """Place records one after the other, some of which told otherwise ``before``; pairs and people."""
    pairing = Pairing(world.services.identities.matcher, world.services.people.pairing.seal, world.services.keys)
    async with world.services.store.transaction() as change:
        world.services.store._writer.execute("SAVEPOINT trial")
        for place, one in [*(before or {}).items(), *((place, told[place]) for place in order)]:
            portrait = pairing.portrait(place + 1, f"s{place % 3}", b"", one, doubted=False)
            await change.put_portrait(portrait)
            await pairing.place(change, portrait, one, at=1)
        pairs = sorted((row.patient, row.other, row.state) for row in await change.pairs(range(1, 9)) if row.state)
        components = sorted(map(sorted, await change.components(range(1, len(told) + 1))))
        world.services.store._writer.execute("ROLLBACK TO trial")
        world.services.store._writer.execute("RELEASE trial")
    return pairs, components


@settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
@given(told=st.lists(traits(), min_size=3, max_size=4))
async def test_the_order_of_arrival_changes_neither_pairs_nor_people(tmp_path_factory, told):
    world = await shared(tmp_path_factory)
    orders = list(permutations(range(len(told))))
    first = await place_all(world, told, orders[0])
    for order in orders[1 :: max(1, len(orders) // 4)]:
        assert await place_all(world, told, order) == first


@settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
@given(told=st.lists(traits(), min_size=2, max_size=4), earlier=traits())
async def test_what_a_record_told_before_leaves_no_pair_behind(tmp_path_factory, told, earlier):
    world = await shared(tmp_path_factory)
    plain = await place_all(world, told, range(len(told)))
    assert await place_all(world, told, range(len(told)), before={0: earlier}) == plain


_SHARED = {}


async def shared(factory):
    """One empty site for all examples."""
    if "world" not in _SHARED:
        _SHARED["world"] = await worlds.open_site(factory.mktemp("order") / "site")
    return _SHARED["world"]
