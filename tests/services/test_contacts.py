"""How to reach a person: kept apart from the Patient, for care alone, and for more only where counsel says so."""

from __future__ import annotations

import asserting
import orjson
import pytest
import records
import worlds
import yaml

from adapter.services import recordings

pytestmark = pytest.mark.anyio
EHR = "riverside-ehr"
PHONE, STREET = "505-555-0142", "7 Pine Court"
CARE = ("cottonwood", "TREAT")
OUTSIDE = ("cottonwood", "COC")
GRANT = {"recipient": "cottonwood", "classes": ["contact"], "regimes": ["hipaa"], "bases": ["T"]}
DIRECTION = {"senders": ["riverside"], "recipients": ["cottonwood"], "classes": ["contact"]}
ENABLED = {"partner": "cottonwood", "approved_by": "Lee Hart", "role": "county counsel", "date": "2026-02-01"}


def agreed(*, counsel=()):
    def adjust(folder):
        path = folder / "agreements" / "memorandum.yaml"
        found = yaml.safe_load(path.read_text())
        found["grants"] += [GRANT | {"purposes": [purpose]} for _, purpose in (CARE, OUTSIDE)]
        found["directions"].append(DIRECTION)
        found.setdefault("counsel", {})["contact_details"] = list(counsel)
        path.write_text(yaml.safe_dump(found))

    return adjust


def reachable(**changed):
    address = {"use": "home", "line": [STREET], "city": "Alder", "postalCode": "80999"}
    told = {"telecom": [{"system": "phone", "value": PHONE, "use": "mobile"}], "address": [address]}
    return records.clinic_patient() | told | changed


async def opened(folder, **agreement):
    world = await worlds.open_site(folder, adjust=agreed(**agreement))
    await world.deliver(EHR, records.ndjson(reachable(), records.clinic_result()))
    await treated(world)
    return world


async def treated(world):
    """A treatment relationship, on which a grant may rest."""
    fact = recordings.referral(to="Organization/cottonwood", how="a referral", days=30)
    await asserting.record(world, world.patient(EHR, records.CLINIC), fact)


def stored(world):
    rows = world.rows("SELECT head, tail FROM resource WHERE type = 12")
    return [orjson.loads(head + b"]" + tail) for head, tail in rows]


async def test_a_patient_never_has_them_and_a_resource_of_its_own_does(tmp_path):
    world = await opened(tmp_path / "site")
    for body in (tail for (tail,) in world.rows("SELECT tail FROM resource WHERE type <> 12")):
        assert PHONE.encode() not in body
        assert STREET.encode() not in body
    (contact,) = stored(world)
    assert contact["patient"] == {"reference": f"Patient/{world.patient(EHR, records.CLINIC)}"}
    assert (contact["telecom"][0]["value"], contact["address"][0]["line"]) == (PHONE, [STREET])
    assert contact["relationship"][0]["coding"][0]["code"] == "ONESELF"
    await world.close()


async def test_what_a_source_no_longer_tells_is_gone(tmp_path):
    world = await opened(tmp_path / "site")
    await world.deliver(EHR, records.ndjson(records.clinic_patient()), name="moved")
    (contact,) = stored(world)
    assert {"telecom", "address"}.isdisjoint(contact)
    await world.deliver(EHR, records.ndjson(reachable(telecom=[])), name="back")
    assert stored(world)[0]["address"][0]["line"] == [STREET]
    await world.close()


async def test_a_source_that_never_told_them_has_no_such_resource(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    await world.deliver(EHR, records.ndjson(records.clinic_patient()))
    assert stored(world) == []
    await world.close()


@pytest.mark.parametrize(("counsel", "outside"), [((), 0), ((ENABLED,), 1), ((ENABLED | {"date": "2026-12-01"},), 0)])
async def test_outside_of_care_they_are_seen_only_where_counsel_says_so(tmp_path, counsel, outside):
    world = await opened(tmp_path / "site", counsel=counsel)
    address = f"/fhir/RelatedPerson?patient={world.patient(EHR, records.CLINIC)}"
    assert len(await world.matches(CARE, address)) == 1
    assert len(await world.matches(OUTSIDE, address)) == outside
    (contact,) = stored(world)
    answer = await world.ask(OUTSIDE, f"/fhir/RelatedPerson/{contact['id']}")
    assert answer.status_code == (200 if outside else 404)
    await world.close()


async def test_who_may_not_see_them_is_answered_as_if_there_were_none(tmp_path):
    """Byte for byte, with the contact details in the store and with a source that never sent any."""
    answers = []
    for place, patient in enumerate((reachable(), records.clinic_patient())):
        world = await worlds.open_site(tmp_path / str(place), adjust=agreed())
        await world.deliver(EHR, records.ndjson(patient, records.clinic_result()))
        await treated(world)
        ident = world.patient(EHR, records.CLINIC)
        urls = [
            f"/fhir/Patient/{ident}",
            f"/fhir/Patient?_id={ident}&_revinclude=RelatedPerson:patient",
            f"/fhir/RelatedPerson?patient={ident}",
            f"/fhir/Observation?patient={ident}&_revinclude=Provenance:target",
            f"/fhir/Patient/{ident}/_history",
        ]
        answers.append([worlds.comparable(await world.ask(OUTSIDE, url)) for url in urls])
        await world.close()
    assert answers[0] == answers[1]


async def test_the_fields_of_hl7_are_kept_apart_and_taken_back_by_their_sender(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    feed = "jail-medical-hl7"
    parts = records.pid().split("|")
    parts[11], parts[13] = f"{STREET}^^Alder^CO^80999^USA^H", f"^PRN^CP^^1^505^5550142~{PHONE}"
    told = records.admission().replace(records.pid(), "|".join(parts))
    await world.deliver(feed, records.hl7(told))
    (contact,) = stored(world)
    assert contact["address"] == [
        {"use": "home", "line": [STREET], "city": "Alder", "state": "CO", "postalCode": "80999", "country": "USA"}
    ]
    assert [one["value"] for one in contact["telecom"]] == ["+1 505 5550142", PHONE]
    assert [one["use"] for one in contact["telecom"]] == ["mobile", "home"]
    silent = records.admission("A2").replace("20260301081000", "20260302081000")
    await world.deliver(feed, records.hl7(silent), name="silent")
    assert stored(world)[0]["address"] == contact["address"]
    parts[11] = parts[13] = '""'
    deleted = records.admission("A3").replace(records.pid(), "|".join(parts))
    await world.deliver(feed, records.hl7(deleted.replace("20260301081000", "20260303081000")), name="deleted")
    assert {"telecom", "address"}.isdisjoint(stored(world)[0])
    await world.close()
