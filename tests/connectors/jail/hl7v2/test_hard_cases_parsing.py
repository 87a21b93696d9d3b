"""Hard cases of HL7 v2, 1 to 19 and 62 to 66: bytes that are not as the standard has them."""

from __future__ import annotations

import pytest
from hl7_messages import adt, evn, message, oru, pid, pv1, seen

from connectors.jail.hl7v2.tokenizer import segments


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_case_1_other_terminators_are_read_with_a_warning(end):
    found = seen(adt("A01", pid(), pv1(), end=end))
    assert [draft.type for draft in found.drafts] == ["Patient", "Encounter"]
    assert found.warnings == ["line-feed-terminator"]
    assert "line-feed-terminator" not in seen(adt("A01", pid(), pv1())).warnings


def test_case_2_a_line_feed_inside_a_field_is_part_of_it():
    assert seen(oru("OBX|1|TX|1^x^L||first\nsecond||||||F")).one("Observation")["valueString"] == "first\nsecond"


def test_case_3_a_blank_line_is_no_new_message():
    found = seen(adt("A01", "", pid(), "", pv1()))
    assert (found.faults, len(found.of("Encounter"))) == ([], 1)


def test_case_4_a_byte_order_mark_is_stripped_with_a_warning():
    found = seen(adt("A01", pid(), pv1()) + "\ufeff" + adt("A02", pid(), pv1()))
    assert len(found.of("Patient")) == 2
    assert found.warnings == ["byte-order-mark"]


def test_case_5_a_truncation_character_is_accepted():
    found = seen(adt("A01", pid(), pv1()).replace("^~\\&|", "^~\\&#|", 1))
    assert (found.faults, found.one("Patient")["gender"]) == ([], "female")


def test_case_6_three_encoding_characters_are_accepted_with_a_warning():
    found = seen(adt("A01", pid(), pv1()).replace("^~\\&|", "^~\\|", 1))
    assert (found.faults, found.one("Patient")["birthDate"]) == ([], "1980-04-02")
    assert found.warnings == ["encoding-characters"]


def test_case_7_delimiters_are_those_of_the_message():
    told = adt("A01", pid(name="O\\T\\NEIL^ADA"), pv1())
    plain, other = seen(told), seen(told.translate(str.maketrans("|^~\\&", "%*!/@")))
    for element in ("identifier", "birthDate", "gender", "extension"):
        assert plain.one("Patient")[element] == other.one("Patient")[element]
    names = [found.one("Patient")["name"][0]["family"] for found in (plain, other)]
    assert names == ["O&NEIL", "O@NEIL"]


def test_case_8_a_header_without_fields_waits():
    assert seen("MSH\r").faults == ["bad-delimiters"]


def test_case_9_odd_segment_names_are_kept_unmapped_with_a_warning():
    found = seen(adt("A01", pid(), pv1(), "zz|1|x", "Z1|y"))
    assert found.faults == []
    assert [path.partition("[")[0] for path in found.unmapped] == ["zz-1", "zz-2", "Z1-1"]
    assert found.warnings == ["segment-name", "segment-name"]


def test_case_10_z_segments_are_kept_and_rules_may_read_them():
    text = adt("A01", "ZAA|before", pid(), pv1(), "ZJL|1|MAX~MED^x")
    assert sorted(seen(text).unmapped) == ["ZAA-1[0].1", "ZJL-1[0].1", "ZJL-2[0].1", "ZJL-2[1].1", "ZJL-2[1].2"]
    sender = """
mapping: 1
source: jail.hl7v2
extends: hl7v2
kinds:
  ADT:
    columns: {ZAA: segment, ZJL-1: field, ZJL-2: field}
    unused: {ZAA: the sender's own, ZJL-1: set id, ZJL-2.2: x}
    resources:
      - name: booking
        fields: {priority: {text: ZJL-2.1}}
"""
    found = seen(text, sender=sender)
    assert found.one("Encounter")["priority"] == {"text": "MAX"}
    assert found.unmapped == ["ZJL-2[1].1"]


@pytest.mark.parametrize("kind", ["ADT^A01", "ADT^A01^ADT_XXX"])
@pytest.mark.parametrize("version", ["2.5.1", "", "2.8.2"])
def test_case_11_code_and_event_say_what_a_message_is(kind, version):
    text = message(kind, evn("A01"), pid(), pv1()).replace("|2.5.1\r", f"|{version}\r", 1)
    assert seen(text).one("Encounter")["status"] == "in-progress"


def test_case_12_escapes_are_read_after_splitting():
    name = seen(adt("A01", pid(name="A\\S\\B\\T\\C\\F\\D\\R\\E\\E\\F^ADA"), pv1())).one("Patient")["name"][0]
    assert (name["family"], name["given"]) == ("A^B&C|D~E\\F", ["ADA"])


def test_case_13_line_breaks_and_highlighting():
    body = seen(oru("OBX|1|FT|1^x^L||a\\.br\\b \\H\\c\\N\\ d||||||F")).one("Observation")
    assert body["valueString"] == "a\nb c d"


@pytest.mark.parametrize(("charset", "spelled"), [("8859/1", "E9"), ("UNICODE UTF-8", "C3A9"), ("8859/1", "00E9")])
def test_case_14_spelled_bytes_are_in_the_character_set_of_the_message(charset, spelled):
    found = seen(adt("A01", pid(name=f"JOS\\X{spelled}\\^ADA"), pv1(), charset=charset))
    assert found.one("Patient")["name"][0]["family"] == "JOSé"


@pytest.mark.parametrize("text", ["C:\\dir", "a\\Q9\\b", "tail\\"])
def test_case_15_a_stray_backslash_stays_with_a_warning(text):
    found = seen(oru(f"OBX|1|ST|1^x^L||{text}||||||F"))
    assert found.one("Observation")["valueString"] == text
    assert "stray-escape" in found.warnings


@pytest.mark.parametrize(("charset", "feed"), [("8859/1", "utf-8"), ("", "cp1252")])
def test_case_16_the_declared_character_set_and_else_the_senders(charset, feed):
    data = adt("A01", pid(name="NUÑEZ^ADA"), pv1(), charset=charset).encode("latin-1")
    assert seen(data, encoding=feed).one("Patient")["name"][0]["family"] == "NUÑEZ"
    assert seen(data, encoding="utf-8").faults == ([] if charset else ["undecodable"])


def test_case_17_the_micro_sign_of_a_unit_survives():
    data = oru("OBX|1|NM|1^x^LN||5|μg/L^^L|||||F", charset="UNICODE UTF-8")
    assert seen(data).one("Observation")["valueQuantity"]["unit"] == "μg/L"


def test_case_18_two_quotes_delete_and_nothing_changes_nothing():
    (deleted,) = [draft for draft in seen(adt("A08", pid(born='""', race='""'))).drafts if draft.type == "Patient"]
    assert "birthDate" in deleted.cleared
    assert any(path.endswith("us-core-race") for path in deleted.cleared)
    (empty,) = [draft for draft in seen(adt("A08", pid(born="", race=""))).drafts if draft.type == "Patient"]
    assert empty.cleared == ()
    assert '""' not in str(deleted.body)


def test_case_19_white_space_is_nothing():
    found = seen(adt("A01", pid(name="   ", born=" "), "PV1|1| |   "))
    assert found.one("Patient").keys() == {"resourceType", "identifier", "gender", "extension"}
    assert found.of("Encounter") == []


def test_case_62_an_accented_byte_is_read():
    data = adt("A01", pid(name="MÜLLER^ADA"), pv1(), charset="8859/1").encode("latin-1")
    assert seen(b"\x0b" + data + b"\x1c\r").one("Patient")["name"][0]["family"] == "MÜLLER"


def test_case_63_framing_left_in_a_file_breaks_nothing():
    one = "\x0b" + adt("A01", pid(), pv1()) + "\x1c\r"
    found = seen(one + one)
    assert (found.faults, len(found.of("Encounter"))) == ([], 2)


def test_case_64_batches_and_what_is_wrong_with_them():
    one = adt("A01", pid(), pv1())
    head = "FHS|^~\\&|A\rBHS|^~\\&|A\r"
    assert seen(head + one + "BTS|1\rFTS|1\r").faults == []
    assert seen(head + one + one + "BTS|5\rFTS|1\r").faults == ["batch-count"]
    assert seen(head + one).faults == ["batch-trailer"]
    assert len(seen(one + one + one).of("Encounter")) == 3


@pytest.mark.parametrize("kind", ["ORM^O01", "ADT^A60", "MDM^T01", "SIU^S26", "ACK^A01", "VXU^V04", "^", ""])
def test_case_65_what_is_not_read_waits_and_says_so(kind):
    found = seen(message(kind, evn(""), pid()))
    assert (found.faults, found.drafts) == (["unsupported-message"], [])


def test_case_66_one_segment_that_nothing_reads_fails_alone():
    sender = "mapping: 1\nsource: jail.hl7v2\nextends: hl7v2\nkinds: {AL1: null}\n"
    found = seen(adt("A01", pid(), pv1(), "AL1|1|DA|P^PENICILLIN^L", "DG1|1||Z59.0^x^I10"), sender=sender)
    assert found.waiting == ["unmapped-kind"]
    assert [draft.type for draft in found.drafts] == ["Patient", "Encounter", "Condition"]


def test_every_message_can_be_put_together_again_from_its_tokens():
    for text in (
        adt("A01", "", pid(), pv1()),
        oru("OBX|1|TX|1||a\nb"),
        "\x0b" + adt("A08", pid(), end="\n") + "\x1c\r",
    ):
        data = text.encode()
        assert b"".join(segment.raw for segment in segments(data)) == data
