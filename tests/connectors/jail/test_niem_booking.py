"""Booking messages: who was booked is resolved, and what is said of health goes nowhere but into its own record."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapter.errors import ConfigurationError
from connectors.jail.niem_booking import NiemBooking

BOOKINGS = NiemBooking()
SECRETS = ("schizo-9", "olanzapine-9", "Riverside-9", "true-9", "provider-note-9")
HEALTH = (
    "<x:PersonBehavioralHealthInformation><x:SeriousMentalIllnessIndicator>true-9</x:SeriousMentalIllnessIndicator>"
    "<x:Evaluation><x:DiagnosisText>schizo-9</x:DiagnosisText></x:Evaluation>"
    '<x:TreatmentProvider><nc:Organization s:ref="o1"/></x:TreatmentProvider></x:PersonBehavioralHealthInformation>'
)
AROUND = (
    '<x:Medication><x:ItemName>olanzapine-9</x:ItemName></x:Medication><nc:Organization s:id="o1"><nc:OrganizationName>'
    'Riverside-9</nc:OrganizationName><nc:Contact s:ref="c1"/></nc:Organization>'
    '<nc:ContactInformation s:id="c1"><nc:Text>provider-note-9</nc:Text></nc:ContactInformation>'
)


def message(name="BookingReport", ident="P1", booking="B1", health="", around="", *, prefix="br:", inline=False):
    person = (
        "<nc:PersonName><nc:PersonGivenName>Ada</nc:PersonGivenName><nc:PersonSurName>Marsh</nc:PersonSurName>"
        f"</nc:PersonName><nc:PersonBirthDate><nc:Date>1980-04-02</nc:Date></nc:PersonBirthDate>{health}"
    )
    role = "<nc:RoleOfPerson s:ref='p1'/>" if not inline else f"<nc:RoleOfPerson>{person}</nc:RoleOfPerson>"
    named = "" if inline else f"<nc:Person s:id='p1'>{person}</nc:Person><nc:Person s:id='p2'>\n</nc:Person>"
    return (
        f"<{prefix}{name} xmlns:br='urn:b' xmlns:nc='urn:n' xmlns:j='urn:j' xmlns:s='urn:s' xmlns:x='urn:x'>\n"
        f"<j:Booking><j:BookingAgencyRecordIdentification><nc:IdentificationID>{booking}\n</nc:IdentificationID>"
        "</j:BookingAgencyRecordIdentification><nc:ActivityDate><nc:DateTime>2026-03-01T08:10:00</nc:DateTime>"
        f"</nc:ActivityDate><j:BookingSubject>{role}<j:SubjectIdentification><nc:IdentificationID>{ident}"
        f"</nc:IdentificationID></j:SubjectIdentification></j:BookingSubject></j:Booking>{named}"
        f"<j:Charge><j:ChargeText>a</j:ChargeText></j:Charge><j:Charge><j:ChargeText>b</j:ChargeText></j:Charge>{around}"
        f"</{prefix}{name}>\n"
    ).encode()


def batch(*messages):
    return b"<?xml version='1.0'?>\n<Batch>\n" + b"".join(messages) + b"</Batch>\n"


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(
    ("name", "kind"),
    [("BookingReport", "booking"), ("CustodyReleaseReport", "release"), ("CustodyStatusChangeReport", "status")],
)
def test_a_message_is_one_record_about_the_person_it_refers_to(read, name, kind, inline):
    (record,) = read(BOOKINGS, message(name, inline=inline)).records
    assert record.kind == kind
    assert record.values["Subject"]["PersonName"] == {"PersonGivenName": "Ada", "PersonSurName": "Marsh"}
    assert record.values["Role"] == {"SubjectIdentification": {"IdentificationID": "P1"}}
    assert set(record.values["Booking"]) == {"BookingAgencyRecordIdentification", "ActivityDate"}
    assert record.values["Charge"] == [{"ChargeText": "a"}, {"ChargeText": "b"}]
    assert record.raw == message(name, inline=inline)[: len(record.raw)]
    assert record.raw.strip() == message(name, inline=inline).strip()


@pytest.mark.parametrize("inline", [True, False])
def test_what_is_said_of_health_and_who_treats_is_in_no_other_record(read, inline):
    data = message(health=HEALTH, around=AROUND, inline=inline)
    plain, health = read(BOOKINGS, data).records
    assert plain.values == read(BOOKINGS, message(inline=inline)).records[0].values
    assert not any(secret in repr((plain.values, plain.position)) for secret in SECRETS)
    assert (health.kind, health.consent, plain.consent) == ("behavioral-health", True, False)
    assert all(secret in repr(health.values["BehavioralHealth"]) for secret in SECRETS)
    assert health.values["Subject"] == plain.values["Subject"]
    assert "Charge" not in health.values


def test_refused_it_is_told_and_read_by_nothing(read):
    data = message(health=HEALTH, around=AROUND)
    reading = read(BOOKINGS, data, behavioral_health="refuse")
    assert [record.kind for record in reading.records] == ["booking"]
    (fault,) = reading.malformed
    assert (fault.code, fault.raw) == ("behavioral-health-refused", b"")
    assert not any(secret in repr(fault) for secret in SECRETS)
    with pytest.raises(ConfigurationError, match="quarantine, refuse"):
        read(BOOKINGS, data, behavioral_health="publish")


def test_one_message_without_a_subject_that_can_be_told_leaves_the_others_alone(read):
    unclear = message(ident="P2").replace(b"<nc:RoleOfPerson s:ref='p1'/>", b"")
    twice = message(ident="P3").replace(b"</j:Booking>", b"<j:BookingSubject/></j:Booking>")
    broken = message(ident="P4").replace(b"</j:Booking>", b"")
    reading = read(BOOKINGS, batch(message(), unclear, twice, broken, message(ident="P5")))
    assert [code for code, _ in reading.faults] == ["ambiguous-subject", "ambiguous-subject", "bad-xml"]
    told = [one.values["Role"]["SubjectIdentification"]["IdentificationID"] for one in reading.records]
    assert told == ["P1", "P5"]


BOMBS = (
    b"<!DOCTYPE BookingReport [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'>]>\n",
    b"<!DOCTYPE BookingReport [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>\n",
    b"<!DOCTYPE BookingReport SYSTEM 'http://127.0.0.1/x.dtd'>\n",
)


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_document_type_declaration_is_refused(read, bomb):
    reading = read(BOOKINGS, b"<?xml version='1.0'?>\n" + bomb + message())
    assert (reading.records, reading.faults) == ([], [("dtd-refused", 2)])
    inside = read(
        BOOKINGS, batch(message(), message(ident="P2").replace(b"<j:Booking>", bomb + b"<j:Booking>"), message())
    )
    assert [code for code, _ in inside.faults] == ["bad-xml"]
    assert len(inside.records) == 2


def test_an_entity_nobody_declared_costs_its_message_only(read):
    reading = read(BOOKINGS, batch(message().replace(b"Ada", b"&x;"), message()))
    assert [code for code, _ in reading.faults] == ["bad-xml"]
    assert len(reading.records) == 1


def test_deep_nesting_costs_its_message_only(read):
    deep = b"<a>" * 5000 + b"</a>" * 5000
    reading = read(BOOKINGS, batch(message(around=deep.decode()), message()))
    assert [code for code, _ in reading.faults] == ["bad-xml"]
    assert len(reading.records) == 1


def test_a_field_of_ten_megabytes_costs_its_message_only(read):
    reading = read(BOOKINGS, batch(message(), message(around="<x>" + "A" * 11_000_000 + "</x>"), message()))
    assert [code for code, _ in reading.faults] == ["bad-xml"]
    assert len(reading.records) == 2


@settings(deadline=None, max_examples=60)
@given(data=st.binary(max_size=300), at=st.integers(0, 2000), step=st.integers(1, 600))
@example(data=b"<!DOCTYPE a>", at=0, step=50)
@example(data=b"<j:BookingSubject/>", at=300, step=50)
def test_no_bytes_make_it_fail_and_what_comes_after_is_read(read, in_order, data, at, step):
    good = message(health=HEALTH, around=AROUND)
    broken = good[:at] + data + good[at:]
    reading = read(BOOKINGS, broken, step=step)
    in_order([item for item in reading.items if item.raw], broken)
    whole = read(BOOKINGS, batch(good, broken, good), step=step)
    in_order([item for item in whole.items if item.raw], batch(good, broken, good))
    assert whole.records[0].values == read(BOOKINGS, good).records[0].values


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(["SubstanceUse", "MentalHealthFlag", "Medication", "PersonName2", "Note"]), max_size=4))
def test_what_is_kept_apart_is_what_names_health(read, names):
    inside = "".join(f"<x:{name}><x:v>secret-{place}</x:v></x:{name}>" for place, name in enumerate(names))
    reading = read(BOOKINGS, message(health=inside))
    apart = [place for place, name in enumerate(names) if re.match("Subst|Mental|Medic", name)]
    told = repr([one.values for one in reading.records if not one.consent])
    assert [place for place in range(len(names)) if f"secret-{place}" not in told] == apart
