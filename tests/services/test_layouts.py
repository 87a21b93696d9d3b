"""Layouts to start from: each reads an extract of its kind, every leaf is accounted for, and nothing goes astray."""

import json

import layouts
import orjson
import pytest
import records
import worlds

from adapter.errors import ConfigurationError

pytestmark = pytest.mark.anyio
KEPT_BACK = ("12 Elm Street", "505-555-0142", "POD-7", "insulin", "STABLE-SECRET")


def event(kind, **names):
    return "".join(f'{name}="{value}"\r\n' for name, value in {"DataType": kind, **names}.items())


EVENTS = (
    event(
        "PatientDemographics",
        EventDate="2026-03-01 08:15:00",
        PatientID="J1",
        LastName="MARSH",
        FirstName="ADA",
        DOB="04/02/1980",
        SSN="433-27-5914",
        Sex="F",
        Race="W",
        BookingNumber="B1",
        BookingDate="2026-03-01 08:10:00",
        Address="12 Elm Street",
        Phone="505-555-0142",
    )
    + event(
        "PatientLocation",
        EventDate="2026-03-01 09:00:00",
        PatientID="J1",
        BookingNumber="B1",
        Facility="ALDER",
        Housing="POD-7",
    )
).encode()
ALERTS = b'"J1","B1","2026-03-01 08:10:00","","Suicide Watch","STABLE-SECRET",""\r\n'
JAILTRACKER = json.dumps(
    [
        {
            "ArrestNo": "A1",
            "Jacket": "J1",
            "FirstName": "ADA",
            "LastName": "MARSH",
            "OriginalBookDateTime": "Feb  4 2017  2:04PM",
            "FinalReleaseDateTime": "9/15/2017 2:53:00 PM",
            "AgencyName": "Police",
            "Details": [
                {"Field": "DOB:", "Value": "1980-04-02"},
                {"Field": "Sex:", "Value": "F"},
                {"Field": "Address:", "Value": "12 Elm Street"},
                {"Field": "Phone:", "Value": "505-555-0142"},
                {"Field": "Cell:", "Value": "POD-7"},
                {"Field": "Holds:", "Value": "insulin"},
            ],
        }
    ]
).encode()
ZUERCHER = json.dumps(
    {
        "total_record_count": 1,
        "records": [
            {
                "name": "MARSH, ADA",
                "race": "W",
                "sex": "F",
                "dob": "1980-04-02",
                "cell_block": "POD-7",
                "arrest_date": "2026-03-01",
                "held_for_agency": "STABLE-SECRET",
                "hold_reasons": "insulin",
                "is_juv": False,
                "mugshot": "STABLE-SECRET",
            }
        ],
    }
).encode()


def niem(root="BookingReport", more="", ident="P1"):
    return (
        f"<b:{root} xmlns:b='urn:b' xmlns:nc='urn:n' xmlns:j='urn:j' xmlns:s='urn:s'><j:Booking>"
        "<j:BookingAgencyRecordIdentification><nc:IdentificationID>B1</nc:IdentificationID>"
        "</j:BookingAgencyRecordIdentification><nc:ActivityDate><nc:DateTime>2026-03-01T08:10:00-07:00</nc:DateTime>"
        f"</nc:ActivityDate>{more}<j:BookingSubject><nc:RoleOfPerson s:ref='p'/><j:SubjectIdentification>"
        f"<nc:IdentificationID>{ident}</nc:IdentificationID></j:SubjectIdentification></j:BookingSubject></j:Booking>"
        "<nc:Person s:id='p'><nc:PersonName><nc:PersonGivenName>Ada</nc:PersonGivenName><nc:PersonSurName>Marsh"
        "</nc:PersonSurName></nc:PersonName><nc:PersonBirthDate><nc:Date>1980-04-02</nc:Date></nc:PersonBirthDate>"
        "<j:PersonSexCode>F</j:PersonSexCode></nc:Person><nc:Location><nc:AddressFullText>12 Elm Street"
        f"</nc:AddressFullText></nc:Location></b:{root}>"
    ).encode()


RELEASED = (
    "<j:BookingRelease><nc:ActivityDate><nc:DateTime>2026-03-04T09:00:00-07:00</nc:DateTime></nc:ActivityDate>"
    "<nc:ActivityReasonText>Posted Bond</nc:ActivityReasonText></j:BookingRelease>"
)
ECF = (
    b"<m:CaseResponseMessage xmlns:m='urn:m' xmlns:nc='urn:n' xmlns:j='urn:j' xmlns:e='urn:e'><e:CriminalCase>"
    b"<nc:CaseTrackingID>C1</nc:CaseTrackingID><j:CaseDefendantParty><nc:EntityPerson><nc:PersonName>"
    b"<nc:PersonGivenName>Ada</nc:PersonGivenName><nc:PersonSurName>Marsh</nc:PersonSurName></nc:PersonName><nc:PersonOtherIdentification>"
    b"<nc:IdentificationID>D1</nc:IdentificationID></nc:PersonOtherIdentification></nc:EntityPerson>"
    b"</j:CaseDefendantParty><j:CourtOrder><nc:OrderIdentification><nc:IdentificationID>O1</nc:IdentificationID>"
    b"</nc:OrderIdentification><nc:OrderCategoryText>Competency</nc:OrderCategoryText><nc:OrderDescriptionText>insulin"
    b"</nc:OrderDescriptionText></j:CourtOrder><j:SupervisionCondition><nc:ActivityIdentification><nc:IdentificationID>S1"
    b"</nc:IdentificationID></nc:ActivityIdentification><nc:ActivityDescriptionText>STABLE-SECRET"
    b"</nc:ActivityDescriptionText></j:SupervisionCondition><j:CaseHearing><nc:ActivityIdentification>"
    b"<nc:IdentificationID>H1</nc:IdentificationID></nc:ActivityIdentification><nc:ActivityDate><nc:DateTime>"
    b"2026-04-01T09:00:00-06:00</nc:DateTime></nc:ActivityDate></j:CaseHearing><j:CaseDisposition><nc:DispositionDate>"
    b"<nc:Date>2026-05-01</nc:Date></nc:DispositionDate></j:CaseDisposition></e:CriminalCase></m:CaseResponseMessage>"
)
ODYSSEY = json.dumps(
    [
        {
            "case_number": "C1",
            "case_status": "Closed",
            "disposition_date": "2026-05-01",
            "defendant": {"party_id": "D1", "name": "MARSH, ADA", "DOB": "4/2/1980", "address": "12 Elm Street"},
            "charges": [{"statute_code": "STABLE-SECRET"}],
            "schedule": [{"id": "H1", "date": "2026-04-01", "time": "09:00", "type": "insulin"}],
            "orders": [{"id": "O1", "type": "Release-Conditions", "date": "2026-03-04", "text": "insulin"}],
            "conditions": [{"id": "S1", "type": "STABLE-SECRET", "date": "2026-03-04"}],
        }
    ]
).encode()
ODYSSEY_ROW = (
    b"case_number,court_system,location,case_title,case_type,filing_date,filing_date_str,case_status,tracking_numbers,"
    b"judicial_officer,party_id,name,race,sex,height,weight,hair_color,eye_color,DOB,DOB_str,address,city,state,zip_code,"
    b"charge_number,charge_description,cjis_code,statute_code,plea,plea_date,plea_date_str,disposition,disposition_date,"
    b"disposition_date_str\n"
    b'C1,,,STABLE-SECRET,,,,Closed,,,D1,"MARSH, ADA",W,F,,,,,4/2/1980,,12 Elm Street,,,,1,insulin,,,,,,No,5/1/2026,\n'
)

CASES = {
    # layout: (extract, resources by type)
    "corerm_events": (EVENTS, {"Patient": 1, "Encounter": 1, "Observation": 1}),
    "corerm_alerts": (ALERTS, {"Patient": 1, "Observation": 1}),
    "jailtracker": (JAILTRACKER, {"Patient": 1, "Encounter": 1}),
    "zuercher": (ZUERCHER, {"Patient": 1, "Encounter": 1}),
    "niem_booking": (niem(), {"Patient": 1, "Encounter": 1}),
    "ecf": (ECF, {"Patient": 1, "Observation": 4}),
    "odyssey_csv": (ODYSSEY_ROW, {"Patient": 1, "Observation": 1}),
    "odyssey_json": (ODYSSEY, {"Patient": 1, "Observation": 4}),
}


def bodies(world, kind=None):
    found = []
    for head, tail in world.rows("SELECT head, tail FROM resource WHERE type <> 8"):
        found.append(joined(head, tail))
    return [one for one in found if kind in (None, one["resourceType"])]


def joined(head, tail):
    return orjson.loads(bytes(head) + b"]" + bytes(tail))


async def site(tmp_path, layout, *lines):
    return await worlds.open_site(tmp_path / layout, adjust=layouts.with_layout(layout, *lines))


@pytest.mark.parametrize("layout", CASES)
async def test_a_whole_extract_is_read_and_every_leaf_accounted_for(tmp_path, layout):
    extract, expected = CASES[layout]
    world = await site(tmp_path, layout)
    try:
        report = await world.deliver(layouts.feed_of(layout), extract)
        assert report.quarantined == {}
        assert report.unmapped == {}
        assert dict(report.written) == expected
        told = json.dumps(bodies(world))
        if layout != "corerm_events":
            assert [word for word in KEPT_BACK if word in told] == []
        else:
            assert [word for word in KEPT_BACK if word in told] == ["POD-7"]
        again = await world.deliver(layouts.feed_of(layout), extract + b"\n", "again")
        assert again.written == {}
    finally:
        await world.close()


@pytest.mark.parametrize("layout", [name for name in CASES if "Encounter" in CASES[name][1]])
async def test_the_number_of_a_booking_identifies_the_stay_and_never_the_person(tmp_path, layout):
    world = await site(tmp_path, layout)
    try:
        await world.deliver(layouts.feed_of(layout), CASES[layout][0])
        (stay,) = bodies(world, "Encounter")
        (person,) = bodies(world, "Patient")
        numbers = {one["value"] for one in stay["identifier"]}
        assert numbers.isdisjoint(one["value"] for one in person.get("identifier", ()))
        assert not {"address", "telecom", "photo"} & set(person)
    finally:
        await world.close()


async def test_events_and_alerts_of_one_system_are_about_the_person_and_the_stay_of_its_roster(tmp_path):
    def adjust(folder):
        for layout in ("corerm_events", "corerm_alerts"):
            layouts.with_layout(layout, "system: jail-roster")(folder)

    world = await worlds.open_site(tmp_path / "site", adjust=adjust)
    try:
        await world.deliver("jail-roster", records.roster(records.roster_row()))
        before = bodies(world, "Encounter")
        await world.deliver("corerm-events", EVENTS)
        await world.deliver("corerm-alerts", ALERTS)
        (person,) = bodies(world, "Patient")
        assert person["id"] == world.patient("jail-roster", "J1")
        assert [one["id"] for one in bodies(world, "Encounter")] == [one["id"] for one in before]
        alert = next(one for one in bodies(world, "Observation") if one["code"]["text"] == "Suicide Watch")
        assert {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "MH"} in alert["meta"]["security"]
        released = EVENTS.replace(b"Address=", b'ReleaseDate="2026-03-04 09:00:00"\r\nAddress=', 1)
        await world.deliver("corerm-events", released, "later")
        (stay,) = bodies(world, "Encounter")
        assert (stay["status"], stay["period"]["end"]) == ("finished", "2026-03-04T09:00:00-07:00")
    finally:
        await world.close()


async def test_a_feed_that_would_write_the_records_of_another_sender_stops_the_site(tmp_path):
    with pytest.raises(ConfigurationError, match=r"feeds/corerm-events.yaml at `system`.*jail-roster"):
        await site(tmp_path, "corerm_events", "system: court-cases")


async def test_an_alert_that_nobody_listed_waits_until_somebody_did(tmp_path):
    world = await site(tmp_path, "corerm_alerts")
    try:
        report = await world.deliver("corerm-alerts", ALERTS.replace(b"Suicide Watch", b"TB ISOLATION"))
        assert report.quarantined == {"missing-element": 1}
        assert "TB ISOLATION" not in json.dumps(bodies(world))
    finally:
        await world.close()


async def test_booking_release_and_status_are_one_stay(tmp_path):
    world = await site(tmp_path, "niem_booking")
    try:
        await world.deliver("niem-booking", niem())
        status = "<j:BookingStatusCode>Out to court</j:BookingStatusCode>"
        await world.deliver("niem-booking", niem("CustodyStatusChangeReport", status), "status")
        (stay,) = bodies(world, "Encounter")
        assert stay["status"] == "in-progress"
        await world.deliver("niem-booking", niem("CustodyReleaseReport", RELEASED), "release")
        (stay,) = bodies(world, "Encounter")
        assert stay["status"] == "finished"
        assert stay["period"]["end"] == "2026-03-04T09:00:00-07:00"
        reason = stay["hospitalization"]["dischargeDisposition"]
        assert (reason["coding"][0]["code"], reason["text"]) == ("home", "Posted Bond")
    finally:
        await world.close()


async def test_what_a_booking_says_of_health_waits_and_leaks_nowhere(tmp_path, caplog):
    world = await site(tmp_path, "niem_booking")
    block = "<j:SeriousMentalIllnessIndicator>STABLE-SECRET</j:SeriousMentalIllnessIndicator>"
    data = niem().replace(b"<j:PersonSexCode>", block.encode() + b"<j:PersonSexCode>")
    try:
        report = await world.deliver("niem-booking", data)
        assert dict(report.written) == {"Patient": 1, "Encounter": 1}
        assert report.quarantined.total() == 1
        (waiting,) = await world.services.store.quarantined("niem-booking")
        assert waiting.part.endswith("behavioral-health")
        assert b"STABLE-SECRET" in waiting.raw
        told = [json.dumps(bodies(world)), caplog.text, json.dumps(report.as_dict())]
        told += [waiting.code, waiting.element, waiting.expected]
        assert not any("STABLE-SECRET" in one or "Mental" in one for one in told)
    finally:
        await world.close()
