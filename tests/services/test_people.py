"""Recognising people: linked by strong keys alone, never against a contradiction, and taken back when one appears."""

from __future__ import annotations

import pytest
import records
import worlds

from adapter.services.keys import SiteKeys
from adapter.services.people import People
from adapter.store.shapes import row_key

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def county(tmp_path_factory):
    made = await worlds.open_site(tmp_path_factory.mktemp("people") / "site")
    yield made
    await made.close()


def linked(world, *patients):
    """Whether two Patients, each a (feed, key), are confirmed to be one person."""
    rids = [row_key("Patient", world.patient(*patient)) for patient in patients]
    pairs = {(one, other) for one, other in world.rows("SELECT patient, other FROM patient_link")}
    assert {(other, one) for one, other in pairs} == pairs
    return tuple(rids) in pairs


async def jail(world, key, **changed):
    await world.deliver("jail-roster", records.roster(records.roster_row(key, booking=f"B-{key}", **changed)))


async def clinic(world, key, **changed):
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient(key, **changed)))


async def test_a_full_number_and_a_birth_date_link(county):
    await jail(county, "P1", ssn="433-27-6001")
    await clinic(county, "p1", ssn="433-27-6001")
    assert linked(county, ("jail-roster", "P1"), ("riverside-ehr", "p1"))


async def test_a_name_and_a_birth_date_alone_never_link(county):
    await jail(county, "P2", ssn="")
    await clinic(county, "p2", ssn="433-27-6002")
    assert not linked(county, ("jail-roster", "P2"), ("riverside-ehr", "p2"))


async def test_records_of_one_source_are_never_linked(county):
    await jail(county, "P3", ssn="433-27-6003")
    await jail(county, "P3b", ssn="433-27-6003")
    assert not linked(county, ("jail-roster", "P3"), ("jail-roster", "P3b"))


async def test_a_correction_that_contradicts_takes_the_link_back(county):
    await jail(county, "P4", ssn="433-27-6004")
    await clinic(county, "p4", ssn="433-27-6004")
    assert linked(county, ("jail-roster", "P4"), ("riverside-ehr", "p4"))
    await jail(county, "P4", ssn="433-27-6999")
    assert not linked(county, ("jail-roster", "P4"), ("riverside-ehr", "p4"))


async def test_the_number_of_links_is_reported(county):
    await jail(county, "P5", ssn="433-27-6005")
    report = await county.deliver("riverside-ehr", records.ndjson(records.clinic_patient("p5", ssn="433-27-6005")))
    assert report.links == 1


async def test_what_is_compared_is_kept_as_keyed_hashes_only(county):
    await jail(county, "P6", ssn="433-27-6006")
    stored = " ".join(facts for (facts,) in county.rows("SELECT CAST(facts AS TEXT) FROM identity"))
    assert "ssn_last4" in stored
    assert not {"433276006", "1980-04-02", "marsh"} & set(stored.casefold().replace('"', " ").split())
    assert "433276006" not in stored


def test_keys_of_two_sites_do_not_compare(county):
    body = {
        "resourceType": "Patient",
        "birthDate": "1980-04-02",
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "433276007"}],
    }
    matcher = county.services.identities.matcher
    sites = [People(SiteKeys(bytes([n]) * 32), matcher, county.services.ledger) for n in (1, 2)]
    one, other = (site.recognise(1, "x", body) for site in sites)
    ours, theirs = (site.facts(1, "x", one.traits) for site in sites)
    assert len(ours.keys) == 1
    assert set(ours.keys).isdisjoint(theirs.keys)
    assert set(ours.facts.values()).isdisjoint(theirs.facts.values())
    assert one.digest != other.digest
    portraits = [site.pairing.portrait(1, "x", b"", one.traits, doubted=False) for site in sites]
    assert portraits[0].sealed != portraits[1].sealed
    assert set(portraits[0].blocks).isdisjoint(portraits[1].blocks)
