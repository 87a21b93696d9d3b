"""Hard cases of HL7 v2, 37 and 40 to 54: observations, and segments that stand beside each other."""

from __future__ import annotations

import base64
from decimal import Decimal

import pytest
from hl7_messages import adt, message, oru, pid, pv1, seen

METHOD = "https://sallyport.example/fhir/StructureDefinition/further-method"
ORIGINAL = "https://sallyport.example/fhir/StructureDefinition/original-text"


def obx(kind, value, *, code="44261-6^PHQ-9 total^LN", unit="", status="F", place=1):
    return f"OBX|{place}|{kind}|{code}||{value}|{unit}|||||{status}"


def one(*lines):
    return seen(oru(*lines)).one("Observation")


def said(body):
    return [name for name in body if name.startswith("value") or name in {"component", "dataAbsentReason"}]


def test_case_37_what_one_diagnosis_lacks_never_comes_from_another():
    found = seen(
        adt(
            "A01",
            *(pid(), pv1()),
            "DG1|1||F10.20^Alcohol dependence^I10|||A||||||||||||Y",
            "DG1|2|I10|Z59.0||20260301|F",
            "DG1|3|||Toothache",
        )
    )
    first, second, third = [draft for draft in found.drafts if draft.type == "Condition"]
    assert [len(draft.key) for draft in (first, second, third)] == [2, 2, 2]
    assert "recordedDate" not in first.body
    assert (first.labels[0][1], second.labels, third.labels) == ("R", (), ())
    assert second.body["code"] == {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "Z59.0"}]}
    assert third.body["code"] == {"text": "Toothache"}
    assert "verificationStatus" not in third.body
    deleted = seen(adt("A08", pid(), pv1(), "DG1|1||F10.20^x^I10|||A||||||||||||||D1|D")).one("Condition")
    assert deleted["verificationStatus"]["coding"][0]["code"] == "entered-in-error"


def test_case_40_an_obx_of_an_adt_is_no_observation_until_a_sender_says_so():
    text = adt("A01", pid(), pv1(), "OBX|1|CWE|CUST^Custody level^L||MAX^Maximum^L", "OBX|2|NM|HT^Height^L||70|in")
    found = seen(text)
    assert found.of("Observation") == []
    assert found.warnings.count("no-resource") == 2
    assert found.unmapped == []
    sender = """
mapping: 1
source: jail.hl7v2
extends: hl7v2
kinds:
  OBX:
    columns: {OBX-2: field, OBX-3: field, OBX-5: field}
    resources:
      - name: custody-level
        type: Observation
        when: {column: OBX-3.1, equals: CUST}
        key: [{call: person_number, args: [PID-3, PID-2, {constant: person}]}, OBX-3.1]
        fields:
          status: {literal: final}
          code: {call: cwe_concept, args: [OBX-3, {literal: {L: "https://alder-jail.example/codes"}}]}
          valueCodeableConcept: {call: obx_concept, args: [OBX-2, OBX-5, {constant: code_systems}]}
"""
    (level,) = seen(text, sender=sender).of("Observation")
    assert level["valueCodeableConcept"]["text"] == "Maximum"


def test_case_41_a_result_after_its_specimen_is_a_result():
    body = one("SPM|1|||BLD^Whole blood", obx("NM", "5"))
    assert (body["valueQuantity"]["value"], body["specimen"]) == (Decimal(5), {"display": "Whole blood"})


def test_case_42_a_note_belongs_to_the_segment_right_before_it():
    found = seen(
        message(
            "ORU^R01",
            *(pid(), "NTE|1||on the person", "OBR|1||O1|44249-1^P^LN", "NTE|1||on the order"),
            *(obx("NM", "1"), "NTE|1||first", "NTE|2||second~third", obx("NM", "2", place=2)),
        )
    )
    first, second = found.of("Observation")
    assert first["note"] == [{"text": "first\nsecond\nthird"}]
    assert "note" not in second
    assert "on the person" not in str(found.drafts)


def test_case_43_repeated_values_are_components_and_none_is_lost():
    body = one(obx("NM", "1~2~x"))
    assert said(body) == ["component"]
    values = [part.get("valueQuantity", {}).get("value", part.get("valueString")) for part in body["component"]]
    assert values == [Decimal(1), Decimal(2), "x"]


@pytest.mark.parametrize(("kind", "warned"), [("", "value-type-missing"), ("QQ", "value-type-unknown")])
def test_case_44_a_missing_or_invalid_type_is_text_with_a_warning(kind, warned):
    found = seen(oru(obx(kind, "seen")))
    assert found.one("Observation")["valueString"] == "seen"
    assert warned in found.warnings


def test_case_45_coded_values_and_telephone_numbers_keep_their_parts():
    body = one(obx("CE", "refer^Refer^L^LA33-6^Yes^LN", code="1^One^L^2^Two^LN"))
    assert [coding["code"] for coding in body["code"]["coding"]] == ["1", "2"]
    assert [coding["code"] for coding in body["valueCodeableConcept"]["coding"]] == ["refer", "LA33-6"]
    assert one(obx("XTN", "^PRN^PH^^^555^5550100"))["valueString"] == "^PRN^PH^^^555^5550100"
    assert one(obx("TN", "(555)555-0100"))["valueString"] == "(555)555-0100"
    assert one(obx("ST", "a^b&c"))["valueString"] == "a^b&c"


@pytest.mark.parametrize("kind", ["TX", "FT", "ST"])
def test_case_46_narrative_is_an_observation(kind):
    assert one(obx(kind, "Seen by the nurse"))["valueString"] == "Seen by the nurse"


@pytest.mark.parametrize(
    ("value", "status", "why"), [("", "F", "unknown"), ('""', "F", "unknown"), ("", "N", "not-asked")]
)
def test_case_47_a_value_that_is_not_there_has_a_reason(value, status, why):
    body = one(obx("NM", value, status=status))
    assert said(body) == ["dataAbsentReason"]
    assert body["dataAbsentReason"]["coding"][0]["code"] == why


@pytest.mark.parametrize(
    ("status", "read", "warned"),
    [("", "unknown", "missing-code"), ("Q", "unknown", "unmapped-code"), ("W", "entered-in-error", None)],
)
def test_case_48_a_missing_or_unknown_status_never_blanks_the_result(status, read, warned):
    found = seen(oru(obx("NM", "5", status=status)))
    body = found.one("Observation")
    assert (body["status"], body["valueQuantity"]["value"]) == (read, Decimal(5))
    assert warned is None or warned in found.warnings


@pytest.mark.parametrize(
    ("sent", "element", "kept"),
    [
        (">^100", "valueQuantity", False),
        ("=^100", "valueQuantity", False),
        ("<>^100", "valueString", False),
        ("^1^-^5", "valueString", True),
        ("^1^:^128", "valueString", True),
    ],
)
def test_case_49_structured_numbers(sent, element, kept):
    body = one(obx("SN", sent))
    assert said(body) == [element]
    originals = [part["valueString"] for part in body.get("extension", ()) if part["url"] == ORIGINAL]
    assert originals == ([sent] if kept else [])


@pytest.mark.parametrize("sent", ["<5", "1,200", "neg"])
def test_case_50_a_number_that_is_none_is_text_with_a_warning(sent):
    found = seen(oru(obx("NM", sent)))
    assert found.one("Observation")["valueString"] == sent
    assert "number-expected" in found.warnings


def test_case_51_repetitions_that_fhir_has_no_place_for_are_kept():
    found = seen(oru(obx("NM", "5") + "||||||M1^First^L~M2^Second^L~M3^Third^L"))
    body = found.one("Observation")
    assert body["method"]["coding"][0]["code"] == "M1"
    further = [part["valueCodeableConcept"]["text"] for part in body["extension"] if part["url"] == METHOD]
    assert further == ["Second", "Third"]
    assert "repeats-kept" in found.warnings


def test_case_52_every_reason_of_an_order_is_kept():
    text = message("ORU^R01", pid(), f"OBR|1||O1|44249-1^P^LN{'|' * 27}R1^One^L~R2^Two^L", obx("NM", "5"))
    body = seen(text).one("Observation")
    assert [part["valueCodeableConcept"]["text"] for part in body["extension"]] == ["One", "Two"]


def test_case_53_a_long_document_is_told_by_what_it_is_and_stays_as_received():
    content = b"%PDF-1.7\n" + b"x" * 100_000
    data = base64.b64encode(content).decode()
    found = seen(oru(obx("ED", f"^TEXT^PLAIN^Base64^{data}")))
    body = found.one("Observation")
    (attached,) = [part["valueAttachment"] for part in body["extension"]]
    assert (attached["contentType"], attached["size"]) == ("application/pdf", len(content))
    assert data[:40] not in str(body)
    assert body["dataAbsentReason"]["coding"][0]["code"] == "unsupported"
    assert sum(mapped.leaves.lossy for mapped in found.mapped) == 1
    broken = seen(oru(obx("ED", "^AP^^Base64^***"))).one("Observation")
    assert "valueAttachment" not in str(broken)


def test_case_54_a_person_who_comes_twice_in_a_message_is_flagged_and_nothing_is_guessed():
    order = ("OBR|1||O1|44249-1^P^LN", obx("NM", "5"))
    found = seen(message("ORU^R01", pid(), *order, pid(), "OBR|2||O2|44249-1^P^LN", obx("NM", "6")))
    assert found.warnings == ["ambiguous-group"]
    assert len({draft.key for draft in found.drafts if draft.type == "Observation"}) == 2
    others = seen(message("ORU^R01", pid(), *order, pid("J2"), "OBR|2||O2|44249-1^P^LN", obx("NM", "6")))
    assert others.warnings == []


def test_relatives_allergies_documents_and_appointments():
    found = seen(
        adt("A01", pid(), "NK1|1|MARSH^BO|SPO^Spouse|1 MAIN ST|5550100", pv1(), "AL1|1|DA|P^Penicillin^L|SV|HIVES~RASH")
    )
    relative, allergy = found.one("RelatedPerson"), found.one("AllergyIntolerance")
    assert (relative["name"][0]["given"], relative["relationship"][0]["coding"][0]["code"]) == (["BO"], "SPO")
    assert "MAIN" not in str(found.drafts)
    assert (allergy["category"], allergy["criticality"]) == (["medication"], "high")
    assert [part["manifestation"][0]["text"] for part in allergy["reaction"]] == ["HIVES", "RASH"]
    text = message(
        "MDM^T02",
        "EVN|T02|20260302080000-0700",
        pid(),
        pv1(),
        f"TXA|1|CN^Consult||{'|' * 2}20260302080000-0700||||||D1|||||AU|V|AV",
        "OBX|1|TX|x||Narrative text",
    )
    document = seen(text)
    body = document.one("DocumentReference")
    assert (body["masterIdentifier"]["value"], body["docStatus"], body["status"]) == ("D1", "final", "current")
    assert "Narrative" not in str(document.drafts)
    assert [draft.labels for draft in document.drafts] == [
        (("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "V"),)
    ]


@pytest.mark.parametrize(
    ("event", "status"), [("S12", "booked"), ("S13", "booked"), ("S14", "booked"), ("S15", "cancelled")]
)
def test_appointments_by_event(event, status):
    timing = "^^^20260310090000-0700^20260310093000-0700"
    found = seen(message(f"SIU^{event}", f"SCH|P1|F1|||||CHK^Checkup|FU^Follow-up|||{timing}", pid(), pv1()))
    body = found.one("Appointment")
    assert (body["status"], body["start"], body["end"]) == (
        status,
        "2026-03-10T09:00:00-07:00",
        "2026-03-10T09:30:00-07:00",
    )
    assert body["reasonCode"][0]["text"] == "Checkup"
