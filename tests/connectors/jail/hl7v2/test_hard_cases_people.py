"""Hard cases of HL7 v2, 20 to 32: dates, and who somebody is."""

from __future__ import annotations

import pytest
from hl7_messages import adt, message, oru, pid, pv1, seen
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import ConfigurationError
from adapter.mapping import Environment

ORIGINAL = "https://sallyport.example/fhir/StructureDefinition/original-text"
SYSTEM = "https://alder-jail.example/person"
PLAIN = "mapping: 1\nsource: jail.hl7v2\nextends: hl7v2\n"


def patient(**changed):
    return seen(adt("A01", pid(**changed), pv1()))


def effective(text):
    found = seen(oru(f"OBX|1|NM|1^x^LN||5||||||F|||{text}"))
    return found.one("Observation").get("effectiveDateTime"), found.warnings


@pytest.mark.parametrize(("sent", "read"), [("199911", "1999-11"), ("1999", "1999"), ("19991130", "1999-11-30")])
def test_case_20_a_partial_date_stays_partial(sent, read):
    assert patient(born=sent).one("Patient")["birthDate"] == read
    assert effective(sent)[0] == read


@pytest.mark.parametrize("sent", ["19991", "0000", "19991301", "20260230", "yesterday"])
def test_case_21_a_date_that_is_none_keeps_the_senders_text_and_warns(sent):
    found = patient(born=sent)
    body = found.one("Patient")
    assert "birthDate" not in body
    assert body["_birthDate"] == {"extension": [{"url": ORIGINAL, "valueString": sent}]}
    assert "bad-date" in found.warnings


def test_case_22_a_local_time_is_in_the_zone_of_the_sender_which_has_no_default():
    assert effective("20260115093000")[0] == "2026-01-15T09:30:00-07:00"
    assert effective("20260715093000")[0] == "2026-07-15T09:30:00-06:00"
    east = seen(oru("OBX|1|NM|1^x^LN||5||||||F|||20260115093000"), zone=Environment(zone="America/New_York"))
    assert east.one("Observation")["effectiveDateTime"] == "2026-01-15T09:30:00-05:00"
    with pytest.raises(ConfigurationError):
        Environment(zone="")


@pytest.mark.parametrize(
    ("sent", "read"),
    [("20260115093000-0500", "-05:00"), ("20260115093000+00", "+00:00"), ("20260115093000+0000", "+00:00")],
)
def test_case_23_an_offset_stays_what_it_is(sent, read):
    assert effective(sent)[0] == "2026-01-15T09:30:00" + read


def test_case_24_fractions_of_four_digits_and_old_offsets():
    assert effective("20260115093000.1234-0700")[0] == "2026-01-15T09:30:00.1234-07:00"
    assert effective("19691231000000+0800")[0] == "1969-12-31T00:00:00+08:00"


@pytest.mark.parametrize(("sent", "warned"), [("20260308023000", "dst-gap"), ("20261101013000", "dst-overlap")])
def test_case_25_a_time_the_clocks_skip_or_repeat_is_read_with_a_warning(sent, warned):
    value, warnings = effective(sent)
    assert value.startswith("2026-")
    assert warned in warnings


NUMBERS = ["J1^^^ALDERJAIL^PCN", "S77^^^STATE^PI", "X9^^^ALDERJAIL^MR", "433-27-5914^^^SSA^SS"]


@given(st.permutations(NUMBERS))
@settings(max_examples=24, deadline=None)
def test_case_26_the_order_of_numbers_never_makes_another_person(order):
    found = seen(adt("A01", pid("~".join(order)), pv1()))
    assert [mapped.person for mapped in found.mapped] == [("J1",)]
    assert {one["value"] for one in found.one("Patient")["identifier"]} == {"J1", "S77", "X9", "433275914"}
    plain = seen(adt("A01", pid("~".join(order)), pv1()), sender=PLAIN)
    assert [mapped.person for mapped in plain.mapped] == [("J1^ALDERJAIL",)]


def test_case_27_no_system_is_invented_for_an_authority():
    found = seen(adt("A01", pid("J1^^^ALDERJAIL^PCN~N1^^^^PI~U1^^^AUTH&1.2.36.1&ISO^PI~V1^^^OTHER^PI"), pv1()))
    kept = {one["value"]: one for one in found.one("Patient")["identifier"]}
    assert kept["J1"]["system"] == SYSTEM
    assert "system" not in kept["N1"]
    assert "assigner" not in kept["N1"]
    assert kept["U1"]["system"] == "urn:oid:1.2.36.1"
    assert ("system" in kept["V1"], kept["V1"]["assigner"]) == (False, {"display": "OTHER"})


@pytest.mark.parametrize("former", ["J1", "J1^^^ALDERJAIL", "J1^^^ALDERJAIL^PCN"])
def test_case_28_where_pid_3_is_empty_pid_2_counts_with_a_warning(former):
    found = seen(adt("A01", f"PID|1|{former}|||MARSH^ADA", pv1()))
    assert [mapped.person for mapped in found.mapped] == [("J1",)]
    assert "superseded-field" in found.warnings
    stranger = seen(adt("A01", "PID|1|J1^^^STATE|||MARSH^ADA", pv1()))
    assert stranger.waiting == ["missing-key"]


def test_case_29_a_social_security_number_is_typed_and_never_the_number_of_a_person():
    found = seen(adt("A01", pid("J1^^^ALDERJAIL^PCN~433-27-5914^^^SSA^SB"), pv1()))
    (number,) = [one for one in found.one("Patient")["identifier"] if one["value"] == "433275914"]
    assert number["system"] == "http://hl7.org/fhir/sid/us-ssn"
    assert number["type"]["coding"][0]["code"] == "SS"
    only = seen(adt("A01", pid("433-27-5914^^^SSA^SS"), pv1()), sender=PLAIN)
    assert (only.waiting, only.drafts) == (["missing-key"], [])


@pytest.mark.parametrize("event", ["A18", "A34", "A40", "A47"])
def test_case_30_a_merge_is_two_patients_the_old_one_inactive(event):
    found = seen(adt(event, pid("J1"), "MRG|J2^^^ALDERJAIL^PCN"))
    survivor, prior = [draft for draft in found.drafts if draft.type == "Patient"]
    assert (survivor.key, survivor.replaces, prior.name, prior.person) == (("J1",), prior.name, prior.name, ("J2",))
    assert prior.body["active"] is False
    assert found.mapped[0].provenance.activity["coding"][0]["code"] == event


def test_case_30_every_patient_group_of_a_merge_is_one():
    found = seen(
        message(
            "ADT^A40^ADT_A39",
            "EVN|A40|20260302080000-0700",
            *(pid("J1"), "MRG|J2^^^ALDERJAIL^PCN", pid("J3"), "MRG|J4^^^ALDERJAIL^PCN"),
        )
    )
    assert [(draft.key, draft.person) for draft in found.drafts] == [
        (("J1",), ()),
        (("J2",), ("J2",)),
        (("J3",), ()),
        (("J4",), ("J4",)),
    ]


def test_case_31_equal_numbers_of_two_authorities_are_two_persons():
    found = seen(adt("A01", pid("7^^^NORTH^PI"), pv1()) + adt("A01", pid("7^^^SOUTH^PI"), pv1()), sender=PLAIN)
    assert {mapped.person for mapped in found.mapped} == {("7^NORTH",), ("7^SOUTH",)}
    assert len({draft.key for draft in found.drafts if draft.type == "Encounter"}) == 2


def test_case_32_aliases_and_what_the_sender_says_of_its_own_doubt_are_kept():
    text = pid(name="DOE^JOHN~MARSH^ADA^^^^^A").replace("PID|1||", "PID|1||", 1) + "|" * 12 + "Y|UD~AL"
    body = seen(adt("A01", text, pv1())).one("Patient")
    assert [(name["use"], name["family"]) for name in body["name"]] == [("official", "DOE"), ("nickname", "MARSH")]
    said = {one["url"].rpartition("/")[2]: one for one in body["extension"]}
    assert said["identity-unknown"]["valueBoolean"] is True
    doubts = [one["valueCoding"]["code"] for one in body["extension"] if one["url"].endswith("identity-reliability")]
    assert doubts == ["UD", "AL"]


def test_case_52_suffixes_and_repetitions_of_pid_are_all_kept():
    text = (
        "PID|1||J1^^^ALDERJAIL^PCN||MARSH^ADA^^JR^DR^MD^L^^^^^^^ESQ|BIRCH^EVE~ELM^EVE||F||2106-3||||||||||||H^Hispanic"
    )
    body = seen(adt("A01", text, pv1())).one("Patient")
    assert body["name"][0]["suffix"] == ["JR", "MD", "ESQ"]
    maiden = [one["valueString"] for one in body["extension"] if one["url"].endswith("patient-mothersMaidenName")]
    assert maiden == ["EVE BIRCH", "EVE ELM"]
