"""Orders for disclosure, unmapped codes, and what a booking says of health: work for people, and never a permit."""

import json

import asserting
import layouts
import pytest
import records
import worlds

from adapter.errors import NotFound, RequestError

pytestmark = pytest.mark.anyio
ORDERED = "<CourtOrder><OrderID>O9</OrderID><OrderDate>2026-03-04</OrderDate><OrderType>{}</OrderType></CourtOrder>"
PRETRIAL = ("pretrial", "pretrial-release")


@pytest.fixture
async def world(tmp_path):
    made = await worlds.open_site(tmp_path / "site")
    yield made
    await made.close()


def court(kind="order authorizing disclosure", day="2026-03-04"):
    ssn = f"<PersonSSNIdentification><IdentificationID>{records.SSN}</IdentificationID></PersonSSNIdentification>"
    extra = ORDERED.format(kind).replace("2026-03-04", day)
    return records.court(records.court_case(extra=extra).replace("<PartyID>", f"{ssn}<PartyID>", 1))


# -- orders for disclosure ---------------------------------------------------------------------------


async def test_an_order_for_disclosure_permits_nothing_and_is_work_for_somebody(world):
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    patient = world.patient("jail-medical-hl7", records.JAIL)
    before = world.rows("SELECT patient, start, stop, policy FROM patient_policy ORDER BY patient, start")
    await world.deliver("court-cases", court())
    (item,) = await world.services.work.open()
    assert (item.kind, item.feed) == ("disclosure-order", "court-cases")
    assert item.about.startswith("Observation/")
    assert "MARSH" not in item.why.upper()
    after = world.rows("SELECT patient, start, stop, policy FROM patient_policy ORDER BY patient, start")
    assert {row[3] for row in after} == {row[3] for row in before}
    for caller in (("court", "HLEGAL"), PRETRIAL):
        assert await world.matches(caller, f"/fhir/Observation?patient={patient}") == []
    await asserting.assert_for(world, patient, basis="O", recipient="court", purpose="HLEGAL")
    found = await world.matches(("court", "HLEGAL"), f"/fhir/Observation?patient={patient}&category=survey")
    assert len(found) == 1


async def test_the_same_order_is_looked_at_once_and_an_amended_one_again(world):
    await world.deliver("court-cases", court(), "one")
    await world.deliver("court-cases", court() + b"\n", "two")
    (item,) = await world.services.work.open()
    await world.services.work.close(item.id, author="staff R. Desk", words="recorded as basis O")
    await world.deliver("court-cases", court() + b"\n\n", "three")
    assert await world.services.work.open() == []
    await world.deliver("court-cases", court(day="2026-03-05"), "four")
    assert [one.about for one in await world.services.work.open()] == [item.about]


@pytest.mark.parametrize("kind", ["competency-evaluation", "disposition", "release-conditions"])
async def test_other_orders_are_no_work(world, kind):
    await world.deliver("court-cases", court(kind))
    assert await world.services.work.open() == []


async def test_work_is_closed_once_and_with_words(world):
    await world.deliver("court-cases", court())
    (item,) = await world.services.work.open()
    close = world.services.work.close
    with pytest.raises(RequestError, match="--words"):
        await close(item.id, author="staff R. Desk", words=" ")
    await close(item.id, author="staff R. Desk", words="denied by counsel")
    with pytest.raises(NotFound, match="feeds work"):
        await close(item.id, author="staff R. Desk", words="again")


# -- unmapped codes ----------------------------------------------------------------------------------


def coded(sex="F", race="W", person="J1"):
    return records.roster(records.roster_row(person, booking=f"B{person}").replace('"F","W"', f'"{sex}","{race}"'))


async def test_codes_that_no_table_lists_are_counted_for_their_sender(world):
    await world.deliver("jail-roster", coded(sex=" qq "), "one")
    await world.deliver("jail-roster", coded(sex="QQ", person="J2"), "two")
    await world.deliver("jail-roster", coded(sex="M", race="Z" * 80), "three")
    found = [(one.table, one.column, one.code, one.number) for one in await world.services.work.unmapped("jail-roster")]
    assert found == [("sex", "Sex", "QQ", 2), ("race", "Race", "(longer than 64 characters)", 1)]
    assert await world.services.work.unmapped("court-cases") == []


async def test_codes_are_in_no_report_and_no_log(world, caplog):
    report = await world.deliver("jail-roster", coded(sex="SECRET-WORD"))
    assert "SECRET-WORD" not in json.dumps(report.as_dict()).upper() + caplog.text.upper()
    assert report.warnings == {"unmapped-code Sex": 1}


async def test_a_code_that_its_table_lists_by_now_is_no_longer_work(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    await world.deliver("jail-roster", coded(sex="QQ"))
    assert len(await world.services.work.unmapped()) == 1
    tables = world.services.work._tables
    table = tables["sex"]
    world.services.work._tables = tables | {
        "sex": type(table)(**_fields(table) | {"codes": {**table.codes, "QQ": "other"}})
    }
    assert await world.services.work.unmapped() == []
    assert world.rows("SELECT * FROM unmapped_code") == []
    await world.close()


def _fields(table):
    return {name: getattr(table, name) for name in ("name", "gives", "otherwise", "codes")}


async def test_an_alert_that_waits_for_its_code_tells_which(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=layouts.with_layout("corerm_alerts"))
    await world.deliver("corerm-alerts", b'"J1","B1","2026-03-01 08:10:00","","TB ISOLATION","",""\r\n')
    codes = {(one.table, one.code) for one in await world.services.work.unmapped()}
    assert ("jail-alert", "TB ISOLATION") in codes
    await world.close()


# -- what a booking says of health -------------------------------------------------------------------


HEALTH_SECTION = """
  behavioral-health:
    columns: {Subject: element, Role: element, Booking: element, BehavioralHealth: element}
    unused:
      Subject: the booking says who it is
      Booking: the booking says it
    person: [Role.SubjectIdentification.IdentificationID]
    resources:
      - name: flag
        type: Observation
        key: [Role.SubjectIdentification.IdentificationID]
        fields:
          status: {literal: final}
          code: {text: {literal: flag at booking}}
          valueString: BehavioralHealth.SeriousMentalIllnessIndicator
"""


def booking(ssn=records.SSN):
    return (
        "<b:BookingReport xmlns:b='urn:b' xmlns:n='urn:n'><n:Booking><n:BookingAgencyRecordIdentification>"
        "<n:IdentificationID>B1</n:IdentificationID></n:BookingAgencyRecordIdentification><n:BookingSubject>"
        "<n:SubjectIdentification><n:IdentificationID>P1</n:IdentificationID></n:SubjectIdentification>"
        "</n:BookingSubject></n:Booking><n:Person><n:PersonName><n:PersonGivenName>Ada</n:PersonGivenName>"
        "<n:PersonSurName>Marsh</n:PersonSurName></n:PersonName><n:PersonBirthDate><n:Date>1980-04-02</n:Date>"
        f"</n:PersonBirthDate><n:PersonSSNIdentification><n:IdentificationID>{ssn}</n:IdentificationID>"
        "</n:PersonSSNIdentification><n:SeriousMentalIllnessIndicator>SECRET-WORD</n:SeriousMentalIllnessIndicator>"
        "</n:Person></b:BookingReport>"
    ).encode()


def with_health(folder):
    layouts.with_layout("niem_booking", sender="jail-medical")(folder)
    path = folder / "mappings" / "niem_booking.yaml"
    path.write_text(path.read_text() + HEALTH_SECTION)


def flags(world):
    rows = world.rows("SELECT head FROM resource WHERE type = 3")
    return [json.loads(bytes(head) + b"]}}") for (head,) in rows if b"niem" not in bytes(head)]


async def test_what_a_booking_says_of_health_is_read_only_with_a_consent_of_the_person(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=with_health)
    report = await world.deliver("niem-booking", booking())
    assert report.quarantined == {"consent-required": 1}
    assert flags(world) == []
    both = (records.MENTAL_HEALTH, records.SUBSTANCE_USE)
    only = records.release(records.choice(), submission="r1")
    await world.deliver("releases", records.ndjson(only), "one")
    assert (await world.services.ingest.replay("niem-booking"))["niem-booking"].quarantined == {"consent-required": 1}
    signed = records.release(records.choice(classes=both), submission="r1")
    await world.deliver("releases", records.ndjson(signed), "two")
    await world.services.ingest.replay("niem-booking")
    (flag,) = flags(world)
    codes = {label["code"] for label in flag["meta"]["security"]}
    assert {"MH", "SUD", "R"} <= codes
    assert await world.services.store.quarantined("niem-booking") == []
    await world.close()


async def test_a_consent_of_somebody_else_opens_nothing(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=with_health)
    both = (records.MENTAL_HEALTH, records.SUBSTANCE_USE)
    await world.deliver("releases", records.ndjson(records.release(records.choice(classes=both))))
    report = await world.deliver("niem-booking", booking(ssn=records.OTHER_SSN))
    assert report.quarantined == {"consent-required": 1}
    await world.close()
