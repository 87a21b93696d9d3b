"""The county's jail feeds: rows and messages become valid R4, and every leaf is accounted for."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from adapter.errors import RecordError
from adapter.mapping import LeafCounts

CANONICAL = "https://sallyport.example/fhir"

ROSTER = {
    "Last": "ASH JR  ",
    "First": "BO",
    "Middle": "NULL",
    "PatientID": "J00123",
    "DOB": "6/5/62",
    "SSN": "123-45-6780",
    "Sex": "M ",
    "Race": "H",
    "Facility": "ALDER",
    "Agency": "Alder City Police",
    "Housing": "POD A †",
    "Bed": "12",
    "Booking#": "B2026000123",
    "BookingDate": "2026-03-02 08:10:00",
    "ReleaseDate": "9999-12-31 00:00:00",
    "Height": "507",
    "Photo": "J00123.jpg",
}
CHARGE = {
    "Individual ID": "9",
    "Last Name": "ASH",
    "First Name": "BO",
    "Alias": "ELM, BO",
    "Race": "White",
    "DOB": "6/5/1962 12:00:00 AM",
    "Sex": "M",
    "SSN": "XXX-XX-6780",
    "SID": "CO777",
    "County of Residence": "Birch",
    "Booking Number": "77",
    "Booking Date": "3/2/2026 8:10:00 AM",
    "Release Date": "3/4/2026 9:00:00 AM",
    "Custody Status": "Released",
    "Holds": "insulin at 0600",
    "Facility": "Birch County Detention",
    "Arresting Agency": "State Patrol",
    "Charge ID": "77-1",
    "Offense Date": "3/1/2026 12:00:00 AM",
    "Charge Status": "Filed",
    "Charge Description": "Criminal trespass",
    "Charge Statute": "A 22-1",
    "Charge Class": "Misdemeanor",
    "Charge Degree": "2",
    "BondID": "77-1-B",
    "Bond Amount": "500.00",
    "Bond Type": "Cash",
    "Bond Status": "Posted",
}
PID = {
    "PID-1": [{"1": "1"}],
    "PID-3": [{"1": "J00123", "4": "ALDERJAIL", "5": "PCN"}],
    "PID-5": [{"1": "ASH", "2": "BO"}, {"1": "ELM", "2": "BO", "7": "A"}],
    "PID-7": [{"1": "19620605"}],
    "PID-8": [{"1": "M"}],
    "PID-10": [{"1": "2106-3", "2": "White", "3": "CDCREC"}],
    "PID-19": [{"1": "123-45-6780"}],
    "PID-22": [{"1": "N", "2": "Not Hispanic or Latino", "3": "HL70189"}],
}
MSH = {
    "MSH-3": [{"1": "JAILEHR"}],
    "MSH-4": [{"1": "ALDERJAIL"}],
    "MSH-5": [{"1": "SALLYPORT"}],
    "MSH-6": [{"1": "ALDERCOUNTY"}],
    "MSH-7": [{"1": "20260302081000-0700"}],
    "MSH-10": [{"1": "M1"}],
    "MSH-11": [{"1": "P"}],
    "MSH-12": [{"1": "2.5.1"}],
    "MSH-18": [{"1": "UNICODE UTF-8"}],
}
PV1 = {
    "PV1-1": [{"1": "1"}],
    "PV1-2": [{"1": "I"}],
    "PV1-3": [{"1": "POD-A", "2": "12", "3": "1", "4": "ALDERJAIL"}],
    "PV1-19": [{"1": "B2026000123", "4": "ALDERJAIL", "5": "VN"}],
    "PV1-44": [{"1": "20260302081000"}],
}


def adt(event, **fields):
    head = {
        "event": event,
        "MSH-9": [{"1": "ADT", "2": event, "3": "ADT_A01"}],
        "EVN-1": [{"1": event}],
        "EVN-2": [{"1": "20260302"}],
    }
    return MSH | head | PID | PV1 | {name.replace("_", "-"): value for name, value in fields.items()}


def oru(**fields):
    values = {
        "MSH-9": [{"1": "ORU", "2": "R01", "3": "ORU_R01"}],
        "OBR-1": [{"1": "1"}],
        "OBR-3": [{"1": "M1-1", "2": "JAILEHR"}],
        "OBR-4": [{"1": "44249-1", "2": "PHQ-9", "3": "LN"}],
        "OBR-7": [{"1": "20260302090000-0700"}],
        "OBR-25": [{"1": "F"}],
        "OBR-set": "1",
        "OBX-1": [{"1": "10"}],
        "OBX-2": [{"1": "NM"}],
        "OBX-3": [{"1": "44261-6", "2": "PHQ-9 total", "3": "LN"}],
        "OBX-5": [{"1": "12"}],
        "OBX-6": [{"1": "{score}", "3": "UCUM"}],
        "OBX-11": [{"1": "F"}],
        "OBX-set": "10",
    }
    return MSH | PID | PV1 | values | {name.replace("_", "-"): value for name, value in fields.items()}


def test_a_roster_row_is_a_person_and_a_booking(map_record):
    mapped = map_record("jail_roster", "row", ROSTER)
    patient, booking = mapped.drafts
    assert (mapped.unit, mapped.person) == (None, ("J00123",))
    assert (patient.key, booking.key) == (("J00123",), ("J00123", "B2026000123"))
    assert patient.body["name"] == [{"use": "official", "family": "ASH", "given": ["BO"], "suffix": ["JR"]}]
    assert (patient.body["gender"], patient.body["birthDate"]) == ("male", "1962-06-05")
    assert {entry["value"] for entry in patient.body["identifier"]} == {"J00123", "123456780"}
    assert [entry["url"].rsplit("-", 1)[1] for entry in patient.body["extension"]] == ["race", "ethnicity"]
    assert (booking.body["status"], booking.body["period"]) == (
        "in-progress",
        {"start": "2026-03-02T08:10:00-07:00"},
    )
    assert booking.body["class"]["code"] == "IMP"
    assert booking.body["type"] == [{"text": "custody"}]
    assert mapped.leaves == LeafCounts(mapped=8, lossy=1, ignored=8)
    assert [warning.code for warning in mapped.warnings] == ["two-digit-year"]


def test_a_released_person_has_an_end_and_a_release_before_the_booking_has_none(map_record):
    released = map_record("jail_roster", "row", ROSTER | {"ReleaseDate": "2026-03-04 07:00:00"}).drafts[1].body
    assert (released["status"], released["period"]["end"]) == ("finished", "2026-03-04T07:00:00-07:00")
    swapped = map_record("jail_roster", "row", ROSTER | {"ReleaseDate": "2026-03-01 07:00:00"})
    assert "end" not in swapped.drafts[1].body["period"]
    assert swapped.unmapped == ("ReleaseDate",)


@pytest.mark.parametrize("names", [("TEST ONLY", "PROGRAMS"), ("NOT A CLIENT", "TEST")])
def test_a_row_that_is_no_person_is_refused(map_record, names):
    with pytest.raises(RecordError, match="test-record"):
        map_record("jail_roster", "row", ROSTER | {"Last": names[0], "First": names[1]})


def test_all_rows_of_a_booking_make_the_same_drafts(map_record):
    first = map_record("jail_charges", "booking", CHARGE)
    second = map_record(
        "jail_charges", "booking", CHARGE | {"Charge ID": "77-2", "Charge Class": "Felony", "BondID": ""}
    )
    assert first.drafts == second.drafts
    patient, booking = first.drafts
    assert [name["use"] for name in patient.body["name"]] == ["official", "nickname"]
    assert [entry["value"] for entry in patient.body["identifier"]] == ["9", "CO777", "6780"]
    assert booking.body["status"] == "finished"
    assert booking.body["identifier"][0]["value"] == "77"
    assert "insulin" not in json.dumps([patient.body, booking.body])
    assert "trespass" not in json.dumps([patient.body, booking.body])


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("A01", "in-progress"),
        ("A03", "finished"),
        ("A04", "planned"),
        ("A05", "planned"),
        ("A11", "cancelled"),
        ("A13", "in-progress"),
    ],
)
def test_an_admission_event_says_the_status_of_the_booking(map_record, event, status):
    booking = map_record("jail_hl7", "ADT", adt(event)).drafts[1]
    assert (booking.key, booking.body["status"]) == (("J00123", "B2026000123"), status)


@pytest.mark.parametrize(("event", "status"), [("A02", "in-progress"), ("A08", "unknown"), ("A12", "in-progress")])
def test_other_events_amend_the_booking_and_say_no_more_than_they_know(map_record, event, status):
    mapped = map_record("jail_hl7", "ADT", adt(event))
    assert [draft.type for draft in mapped.drafts] == ["Patient", "Encounter"]
    assert mapped.drafts[1].body["status"] == status
    assert "location" not in mapped.drafts[1].body
    assert (mapped.amends, mapped.event, mapped.unmapped) == (True, "2026-03-02", ())


def test_a_release_has_its_end_and_its_reason_with_the_senders_word(map_record):
    values = adt("A03", PV1_45=[{"1": "20260304070000"}], PV1_36=[{"1": "Own Recognizance"}])
    body = map_record("jail_hl7", "ADT", values).drafts[1].body
    assert body["period"] == {"start": "2026-03-02T08:10:00-07:00", "end": "2026-03-04T07:00:00-07:00"}
    disposition = body["hospitalization"]["dischargeDisposition"]
    assert (disposition["coding"][0]["code"], disposition["text"]) == ("home", "Own Recognizance")
    odd = map_record("jail_hl7", "ADT", values | {"PV1-36": [{"1": "Weekender Release"}]})
    assert odd.drafts[1].body["hospitalization"]["dischargeDisposition"] == {"text": "Weekender Release"}
    assert [(warning.code, warning.column) for warning in odd.warnings] == [("unmapped-code", "PV1-36.1")]


def test_repetitions_of_a_person_may_come_in_any_order(map_record):
    other = {"1": "999", "4": "STATE", "5": "PI"}
    for numbers in ([other, *PID["PID-3"]], [*PID["PID-3"], other]):
        mapped = map_record("jail_hl7", "ADT", adt("A01", PID_3=numbers))
        assert mapped.person == ("J00123",)
        assert [entry["value"] for entry in mapped.drafts[0].body["identifier"]] == ["J00123", "123456780"]
    assert [name["use"] for name in mapped.drafts[0].body["name"]] == ["official", "nickname"]


def test_another_sender_is_refused_and_a_protected_visit_is_labelled(map_record):
    with pytest.raises(RecordError, match="unknown-sender"):
        map_record("jail_hl7", "ADT", adt("A01", MSH_4=[{"1": "OTHERJAIL"}]))
    patient, booking = map_record("jail_hl7", "ADT", adt("A01", PV2_22=[{"1": "Y"}])).drafts
    assert (patient.labels, booking.labels) == (
        (),
        (("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "R"),),
    )
    assert map_record("jail_hl7", "ADT", adt("A01")).labels == ()


def test_unread_segments_are_reported(map_record):
    mapped = map_record("jail_hl7", "ADT", adt("A01") | {"NK1[2]-3": [{"1": "MTH"}], "ZZZ-1": [{"1": "x"}]})
    assert mapped.unmapped == ("NK1[2]-3[0].1", "ZZZ-1[0].1")
    assert mapped.leaves.unmapped == 2


def test_a_score_is_an_observation_of_its_loinc_code(map_record):
    patient, observation = map_record("jail_hl7", "ORU", oru()).drafts
    assert patient.key == ("J00123",)
    assert observation.key == ("M1-1", "44249-1", "10", "44261-6")
    assert observation.profile == f"{CANONICAL}/StructureDefinition/screening-detail"
    body = observation.body
    assert (body["status"], body["effectiveDateTime"]) == ("final", "2026-03-02T09:00:00-07:00")
    assert body["code"]["coding"] == [{"system": "http://loinc.org", "code": "44261-6", "display": "PHQ-9 total"}]
    assert body["valueQuantity"]["value"] == Decimal(12)
    assert body["valueQuantity"]["code"] == "{score}"


def test_messages_of_both_kinds_make_the_same_person(map_record):
    admitted, screened = map_record("jail_hl7", "ADT", adt("A01")), map_record("jail_hl7", "ORU", oru())
    assert admitted.drafts[0].body == screened.drafts[0].body
    assert admitted.person == screened.person


def test_a_level_is_an_observation_of_the_local_codes(map_record):
    values = oru(
        OBX_2=[{"1": "CWE"}],
        OBX_3=[{"1": "bjmhs-result", "3": "L"}],
        OBX_5=[{"1": "refer", "2": "Refer", "3": "L"}],
        OBX_14=[{"1": "20260302"}],
    )
    body = map_record("jail_hl7", "ORU", values).drafts[1].body
    assert body["code"]["coding"][0]["system"] == f"{CANONICAL}/CodeSystem/jbh-result-code"
    assert body["valueCodeableConcept"]["coding"][0]["system"] == f"{CANONICAL}/CodeSystem/jbh-result-category"
    assert body["effectiveDateTime"] == "2026-03-02"


@pytest.mark.parametrize(
    ("code", "status", "warned"),
    [
        ("F", "final", []),
        ("P", "preliminary", []),
        ("C", "corrected", []),
        ("A", "amended", []),
        ("X", "cancelled", []),
        ("D", "entered-in-error", []),
        ("W", "entered-in-error", []),
        ("N", "final", []),
        ("?", "unknown", ["unmapped-code"]),
        (None, "unknown", ["missing-code"]),
    ],
)
def test_the_status_of_a_result(map_record, code, status, warned):
    values = oru(OBX_11=[{"1": code}]) if code else {k: v for k, v in oru().items() if k != "OBX-11"}
    mapped = map_record("jail_hl7", "ORU", values)
    assert mapped.drafts[1].body["status"] == status
    assert [warning.code for warning in mapped.warnings] == warned


def test_a_result_without_an_order_number_is_keyed_by_its_message(map_record):
    values = {key: value for key, value in oru().items() if key not in {"OBR-3", "OBX-1"}}
    assert map_record("jail_hl7", "ORU", values).drafts[1].key == ("M1", "44249-1", "10", "44261-6")


@pytest.mark.parametrize(
    ("fields", "element"),
    [
        ({"OBX_5": [{"1": "<5"}]}, "valueString"),
        ({"OBX_5": [{"1": "1"}, {"1": "2"}]}, "component"),
        ({"OBX_5": [{"1": '""'}]}, "dataAbsentReason"),
        ({"OBX_2": [{"1": "DT"}], "OBX_5": [{"1": "20260302"}]}, "valueDateTime"),
        ({"OBX_2": [{"1": "TX"}], "OBX_5": [{"1": "seen"}]}, "valueString"),
    ],
)
def test_a_value_or_the_reason_for_none_is_always_there(map_record, fields, element):
    body = map_record("jail_hl7", "ORU", oru(**fields)).drafts[1].body
    said = [name for name in body if name.startswith("value") or name in {"component", "dataAbsentReason"}]
    assert said == [element]


def test_notes_of_a_result_stay_behind_by_rule(map_record):
    mapped = map_record("jail_hl7", "ORU", oru() | {"NTE-3": [{"1": "says she ..."}], "OBR.NTE-3": [{"1": "..."}]})
    assert mapped.unmapped == ()
    assert "says" not in json.dumps([draft.body for draft in mapped.drafts], default=str)
