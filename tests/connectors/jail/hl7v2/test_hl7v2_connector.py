"""HL7 v2 extracts: what becomes a record, what is a fault, and that a fault leaves its neighbours alone."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.jail.hl7v2.batch import pieces
from connectors.jail.hl7v2.connector import Hl7v2

HL7 = Hl7v2()


def msh(kind="ADT^A01^ADT_A01", control="M1", processing="P", charset=""):
    start = r"MSH|^~\&|JAILEHR|ALDERJAIL|SALLYPORT||20260302081000-0700||"
    return f"{start}{kind}|{control}|{processing}|2.5.1||||||{charset}"


def text(*lines, end="\r"):
    return "".join(line + end for line in lines).encode()


def adt(control="M1", ident="J1", **header):
    return text(
        msh(control=control, **header),
        "EVN|A01|20260302081000",
        f"PID|1||{ident}^^^ALDERJAIL&1.2.3&ISO^PCN~X9^^^^SS||DOE^JANE^^JR||19870810|F|||||||||||123456789",
        "NK1|1|ROE^RICHARD",
        "NK1|2|POE^PAT",
        'PV1|1|I|PODA^12^1||||||||||""||||||B1^^^ALDERJAIL^VN',
    )


def oru(control="R1", ident="J1"):
    return text(
        msh("ORU^R01^ORU_R01", control),
        f"PID|1||{ident}^^^ALDERJAIL^PCN||DOE^JANE",
        "NTE|1||on the patient",
        "PV1|1|I",
        "ORC|RE",
        "OBR|1|||bjmhs^Brief Jail Mental Health Screen^L|||20260302081500",
        "NTE|1||on the order",
        "OBX|1|CWE|bjmhs-result^Result^L||refer^Refer^L||||||F",
        "NTE|1||first",
        "NTE|2||second~third",
        "OBX|2|NM|44250-9^Little interest^LN||2||||||F",
        "OBR|2|||44249-1^PHQ-9 panel^LN|||20260302083000",
        "OBX|1|NM|44261-6^Total^LN||14||||||F",
        "SPM|1",
        "OBX|2|ST|x^y^L||a~b||||||F",
    )


BROKEN = text(r"MSH|^~\|", "PI")


def controls(reading):
    return [item.values["MSH-10"][0]["1"] for item in reading.records if item.kind in {"ADT", "ORU"}]


def test_an_adt_message_has_every_field_of_every_segment(read):
    record, *others = read(HL7, adt()).items
    assert record.kind == "ADT"
    assert record.values["event"] == "A01"
    assert record.raw == adt()
    assert record.values["MSH-9"] == [{"1": "ADT", "2": "A01", "3": "ADT_A01"}]
    assert record.values["MSH-10"] == [{"1": "M1"}]
    assert record.values["PID-3"] == [
        {"1": "J1", "4": "ALDERJAIL", "4.2": "1.2.3", "4.3": "ISO", "5": "PCN"},
        {"1": "X9", "5": "SS"},
    ]
    assert record.values["PID-5"] == [{"1": "DOE", "2": "JANE", "4": "JR"}]
    assert record.values["PID-19"] == [{"1": "123456789"}]
    assert [(other.kind, other.values["NK1-set"]) for other in others] == [("NK1", "1"), ("NK1", "2")]
    assert [other.values["NK1-2"] for other in others] == [[{"1": "ROE", "2": "RICHARD"}], [{"1": "POE", "2": "PAT"}]]
    assert all(other.values["PID-3"] == record.values["PID-3"] for other in others)
    assert record.values["PV1-13"] == [{"1": '""'}]
    assert {"MSH-1", "MSH-2", "PID-2", "PID-4"}.isdisjoint(record.values)


def test_each_obx_is_a_record_with_what_it_stands_under(read):
    reading = read(HL7, oru())
    assert reading.faults == []
    one, two, three, four = reading.records
    assert {item.kind for item in reading.records} == {"ORU"}
    assert [(item.values["OBR-set"], item.values["OBX-set"]) for item in reading.records] == [
        ("1", "1"),
        ("1", "2"),
        ("2", "1"),
        ("2", "2"),
    ]
    assert [item.position.line for item in reading.records] == [8, 11, 13, 15]
    assert three.position.part == "OBX[3]"
    assert all(item.values["PID-3"][0]["1"] == "J1" for item in reading.records)
    assert one.values["OBR-4"][0]["1"] == two.values["OBR-4"][0]["1"] == "bjmhs"
    assert three.values["OBR-4"][0]["1"] == four.values["OBR-4"][0]["1"] == "44249-1"
    assert one.values["NTE-3"] == [{"1": "first"}, {"1": "second"}, {"1": "third"}]
    assert "NTE-3" not in two.values
    assert one.values["PID.NTE-3"] == [{"1": "on the patient"}]
    assert one.values["OBR.NTE-3"] == [{"1": "on the order"}]
    assert "OBR.NTE-3" not in three.values
    assert "ORC-1" in one.values
    assert "ORC-1" not in three.values
    assert four.values["OBX-5"] == [{"1": "a"}, {"1": "b"}]


def test_observations_of_two_patients_in_one_message_keep_their_own(read):
    second = text("PID|2||J2", "PV1|1|O", "OBR|1|||x", "OBX|1|NM|y||1")
    reading = read(HL7, oru() + second)
    assert [item.values["PID-3"][0]["1"] for item in reading.records] == ["J1"] * 4 + ["J2"]
    assert reading.records[-1].values["PV1-2"] == [{"1": "O"}]
    assert reading.records[-1].values["OBR-set"] == "3"
    assert "PID.NTE-3" not in reading.records[-1].values


def test_an_order_without_observations_is_not_passed_over(read):
    head = text(msh("ORU^R01"), "PID|1||J1", "OBR|1|||x")
    assert read(HL7, head).faults == [("no-observation", 3)]
    reading = read(HL7, head + text("OBR|2|||y", "OBX|1|NM|z||1"))
    assert reading.faults == [("no-observation", 3)]
    assert [item.values["OBR-set"] for item in reading.records] == ["2"]
    assert read(HL7, text(msh("ORU^R01"), "PID|1||J1")).faults == [("no-observation", 1)]


def test_an_obx_without_its_order_is_still_a_record(read):
    (record,) = read(HL7, text(msh("ORU^R01"), "PID|1||J1", "OBX|1|NM|z||1")).items
    assert record.values["PID-3"] == [{"1": "J1"}]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_any_terminator_gives_the_same_columns(read, end):
    data = oru().replace(b"\r", end.encode())
    expected = [item.values for item in read(HL7, oru()).records]
    assert [item.values for item in read(HL7, data).records] == expected
    assert [item.position.line for item in read(HL7, data).records] == [8, 11, 13, 15]


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\x0b", b"\r\n\r\n", b"\0\0\0"])
def test_what_stands_before_the_first_message_does_no_harm(read, mark):
    assert controls(read(HL7, mark + adt() + b"\x1c\r\x0b" + adt("M2") + b"\x1c\r")) == ["M1", "M2"]


def test_blank_lines_inside_a_message_are_skipped(read):
    reading = read(HL7, adt().replace(b"\rPID", b"\r\r\rPID") + adt("M2"))
    assert controls(reading) == ["M1", "M2"]
    assert "PV1-3" in reading.records[0].values


def test_custom_delimiters_and_escapes(read):
    data = rb"MSH%*!/@#%A%B%C%D%20260302%%ADT*A08%M1%P%2.5" + b"\rPID%1%%J1@x***PCN!J2%%O/S/NEIL/F/X/E/\r"
    (record,) = read(HL7, data).items
    assert record.values["PID-3"] == [{"1": "J1", "1.2": "x", "4": "PCN"}, {"1": "J2"}]
    assert record.values["PID-5"] == [{"1": "O*NEIL%X/"}]


@pytest.mark.parametrize(
    ("charset", "encoded", "feed"),
    [
        ("", "latin-1", "latin-1"),
        ("8859/1", "latin-1", "utf-8"),
        ("UNICODE UTF-8", "utf-8", "cp1252"),
        ("utf-8~ISO IR87", "utf-8", "cp1252"),
        ("ISO-8859-1", "latin-1", "utf-8"),
    ],
)
def test_the_character_set_of_the_message_goes_before_that_of_the_feed(read, charset, encoded, feed):
    data = adt(charset=charset).decode().replace("JANE", "JOSÉ").encode(encoded)
    assert read(HL7, data, encoding=feed).records[0].values["PID-5"][0]["2"] == "JOSÉ"


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (BROKEN, ("broken-segment", 8)),
        (text("MSH"), ("bad-delimiters", 7)),
        (text("MSH|^~|", "PID|1||J9"), ("bad-delimiters", 7)),
        (text(r"MSH|^~\\&|A", "PID|1||J9"), ("bad-delimiters", 7)),
        (text(r"MHS|^~\&|A|B|||||ADT^A01|M9|P|2.5", "PID|1||J9"), ("missing-msh", 7)),
        (adt("M9").replace(b"DOE", b"D\xff"), ("undecodable", 9)),
        (adt("M9", charset="ISO IR87"), ("unknown-charset", 7)),
        (adt("M9", kind="SIU^S26"), ("unsupported-message", 7)),
        (adt("M9", kind=""), ("unsupported-message", 7)),
        (adt("M9", kind="ADT^A24"), ("unsupported-message", 7)),
        (adt("M9", kind="ADT^A60"), ("unsupported-message", 7)),
        (adt("M9", processing="T"), ("not-production", 7)),
        (adt("M9", processing="D^T"), ("not-production", 7)),
        (adt("M9").replace(b"\rNK1|1|", b"\rthis is no segment\rNK1|1|"), ("broken-segment", 10)),
    ],
)
def test_a_message_that_cannot_be_read_leaves_its_neighbours_alone(read, broken, fault):
    reading = read(HL7, adt() + broken + adt("M2"))
    assert reading.faults == [fault]
    assert reading.malformed[0].raw == broken
    assert reading.malformed[0].position.part
    assert controls(reading) == ["M1", "M2"]


def test_a_message_that_lost_its_header_is_not_read_into_the_one_before(read):
    headless = b"".join(adt("M9", ident="J9").splitlines(keepends=True)[1:])
    reading = read(HL7, adt() + headless + adt("M2"))
    assert reading.faults == [("missing-msh", 7)]
    assert reading.malformed[0].raw == headless
    assert controls(reading) == ["M1", "M2"]
    assert reading.records[0].raw == adt()
    assert not any("J9" in str(item.values) for item in reading.records)
    after_results = read(HL7, oru() + headless)
    assert after_results.faults == [("missing-msh", 16)]
    assert len(after_results.records) == 4


def test_what_stands_before_any_header_is_a_fault_of_its_own(read):
    reading = read(HL7, b"PID|1||J9\r" + adt())
    assert reading.faults == [("missing-msh", 1)]
    assert controls(reading) == ["M1"]


def test_a_header_in_the_middle_of_a_line_starts_a_message_and_the_one_before_is_cut_off(read):
    reading = read(HL7, adt()[:-12] + adt("M2") + adt("M3"))
    assert reading.faults == [("truncated", 6)]
    assert reading.malformed[0].raw == adt()[:-12]
    assert controls(reading) == ["M2", "M3"]


def test_two_letter_and_local_segments_are_kept(read):
    values = read(HL7, adt() + text("ZJL|hold^x", "zz|1")).records[0].values
    assert values["ZJL-1"] == [{"1": "hold", "2": "x"}]
    assert values["zz-1"] == [{"1": "1"}]


def batch(*messages, said, files="1"):
    return text(r"FHS|^~\&|A", r"BHS|^~\&|A") + b"".join(messages) + text(f"BTS|{said}", f"FTS|{files}")


def test_a_batch_with_right_counts_is_its_messages(read):
    reading = read(HL7, batch(adt(), adt("M2"), said="2"))
    assert reading.faults == []
    assert controls(reading) == ["M1", "M2"]
    assert reading.records[0].position.line == 3
    assert read(HL7, batch(adt(), said="")).faults == []
    assert read(HL7, batch(adt(), said="01")).faults == []


def test_a_wrong_count_is_a_fault_of_the_trailer(read):
    reading = read(HL7, batch(adt(), BROKEN, adt("M2"), said="5", files="2"))
    assert reading.faults == [("broken-segment", 10), ("batch-count", 17), ("batch-count", 18)]
    assert reading.malformed[1].raw == b"BTS|5\r"
    assert "3" in reading.malformed[1].expected
    assert controls(reading) == ["M1", "M2"]


def test_a_batch_without_its_trailer_is_told(read):
    whole = batch(adt(), adt("M2"), said="2")
    cut = whole[: whole.index(b"BTS")]
    reading = read(HL7, cut)
    assert controls(reading) == ["M1", "M2"]
    assert reading.faults == [("batch-trailer", 15)]
    torn = read(HL7, cut[:-9])
    assert controls(torn) == ["M1"]
    assert torn.faults == [("truncated", 14), ("batch-trailer", 14)]
    again = text(r"BHS|^~\&|A") + adt() + batch(adt("M2"), said="1")
    assert ("batch-trailer", 9) not in read(HL7, again).faults
    assert read(HL7, text(r"BHS|^~\&|A") + adt() + text(r"BHS|^~\&|A") + adt() + text("BTS|1")).faults == [
        ("batch-trailer", 8)
    ]


def test_a_last_message_without_a_final_terminator_is_read(read):
    assert controls(read(HL7, adt() + adt("M2")[:-1])) == ["M1", "M2"]


def test_text_between_envelope_and_message_is_a_fault(read):
    reading = read(HL7, text(r"BHS|^~\&|A", "NTE|1||hello") + adt() + text("BTS|1"))
    assert reading.faults == [("missing-msh", 2)]
    assert controls(reading) == ["M1"]


def test_faults_never_carry_content(read):
    broken = adt().replace(b"\rNK1|1|", b"\rDOE JANE 123\rNK1|1|")
    (fault,) = read(HL7, broken).items
    assert "DOE" not in str(fault.position)
    assert "DOE" not in fault.expected


def test_a_message_without_end_comes_back_in_bounded_pieces():
    stream = iter([adt(), b"MSH|^~\\&|" + b"x" * 5000, b"y" * 5000, b"z\r" + adt("M2")])
    found = list(pieces(stream, longest=4000))
    assert [piece.whole for piece in found].count(False) >= 2
    assert max(len(piece.raw) for piece in found) <= 9000
    assert found[-1].raw == adt("M2")
    assert found[-1].name == "MSH"


def test_memory_stays_flat(peak, repeated):
    message = adt() + text("NTE|1||" + "A" * 200_000)
    count, most = peak(HL7, repeated(message, 30_000_000))
    assert count > 140
    assert most < 8_000_000


dirt = st.sampled_from(
    [
        b"\r",
        b"\n",
        b"\r\n",
        b"\x0b",
        b"\x1c\r",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xff",
        b"|",
        b"^~\\&",
        b"\\X41\\",
        b"PID|1||J2\r",
        b"OBX|1|NM|x||1\r",
        b"NTE|1||n\r",
        b"EVN|A01\r",
        b"BTS|1\r",
        b"FTS|1\r",
        b"BHS|^~\\&|\r",
        b"FHS|^~\\&|\n",
        b"MSH|^~\\&|",
        b"XSH|^~\\&|",
        adt(),
        oru(),
        text(msh("ORU^R01")),
        text(msh("ADT^A08")),
    ]
)


@settings(max_examples=250, deadline=None)
@given(st.lists(dirt | st.binary(max_size=4), max_size=14).map(b"".join), st.integers(1, 40))
def test_any_bytes_are_read_the_same_however_they_arrive(read, in_order, data, step):
    reading = read(HL7, data)
    in_order(reading.items, data)
    assert read(HL7, data, step=step) == reading


@settings(max_examples=200, deadline=None)
@given(st.lists(dirt | st.binary(max_size=4), max_size=14).map(b"".join), st.integers(1, 40))
def test_pieces_are_the_stream(data, step):
    arriving = (data[at : at + step] for at in range(0, len(data), step))
    found = list(pieces(arriving))
    assert b"".join(piece.raw for piece in found) == data
    for before, piece in pairwise(found):
        assert piece.line >= before.line
