"""HL7 v2 messages of events: read back by our own reader, whatever stands in the text; nothing is lost unsaid."""

from __future__ import annotations

from io import BytesIO
from zoneinfo import ZoneInfo

import orjson
import pytest
from event_resources import AT, CONSENT, ENCOUNTER, NOTICE, OBSERVATION, PATIENT, event
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.delivery.mllp import acknowledged
from adapter.fhir.codec import parse
from adapter.listening import MLLP, Hl7Endpoint
from adapter.source import AnswerOptions, ExtractOptions
from adapter.subscription.hl7v2 import Address, control_id, event_message, quiet_message
from adapter.subscription.hl7v2_text import authority, coded, escaped, joined, name, time, value
from connectors.jail.hl7v2.answering import Hl7Answering
from connectors.jail.hl7v2.connector import Hl7v2
from connectors.jail.hl7v2.escapes import unescape, well_escaped
from connectors.jail.hl7v2.message import Message, read_message
from connectors.jail.hl7v2.tokenizer import Delimiters, tree

ZONE = ZoneInfo("America/Denver")
PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\r\n"), max_size=40)
"""Text as FHIR has it."""
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def endpoint(**more):
    told = {"channel": MLLP, "address": "mllps://ehr.jail.example:2575", "application": "JAILEHR"}
    return Hl7Endpoint.model_validate(told | more)


def address(topic="screening-summary", **more):
    url = f"https://sallyport.example/fhir/SubscriptionTopic/{topic}"
    return Address(to=endpoint(**more), subscription="s1", topic=url, zone=ZONE)


def message(resource, *patients, to=None, **more):
    """The message of an event, as our own reader reads it."""
    whole, _ = event_message(event(resource, **more), [orjson.dumps(one) for one in patients], to or address())
    read = read_message(whole, line=1, fallback="ascii")
    assert isinstance(read, Message)
    assert read.warnings == ()
    return read


def leaf(read, segment, number, component=1, *, repetition=0, nth=0):
    line = [one for one in read.lines if one.name == segment][nth]
    parts = tree(line.field(number), read.delimiters)[repetition]
    text = "&".join(parts[component - 1]) if component <= len(parts) else ""
    return unescape(text, read.delimiters, read.encoding)


def all_of(read, segment, number):
    return [line.field(number) for line in read.lines if line.name == segment]


@given(TEXT)
def test_a_text_is_one_leaf_and_comes_back(text):
    told, marks = escaped(text), Delimiters()
    assert tree(told, marks) == [[[told]]]
    assert not {*told} & {*"|\r\n\x0b\x1c"}
    assert well_escaped(told, marks)
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    assert unescape(told, marks, "utf-8") == plain


def test_a_text_of_two_quotation_marks_deletes_nothing():
    assert escaped('""') != '""'
    assert unescape(escaped('""'), Delimiters(), "utf-8") == '""'


@settings(max_examples=60, deadline=None)
@given(
    family=PLAIN,
    jail=PLAIN,
    display=PLAIN,
    note=PLAIN,
    charset=st.sampled_from(["ASCII", "8859/1", "UNICODE UTF-8"]),
)
def test_whatever_stands_in_a_resource_comes_back_from_our_own_reader(family, jail, display, note, charset):
    patient = PATIENT | {
        "name": [{"family": family}],
        "identifier": [{"system": "https://jail.example/n", "value": jail}],
    }
    concept = {"coding": [{"system": "https://x.example/c", "code": "z", "display": display}]}
    observation = OBSERVATION | {"valueCodeableConcept": concept, "note": [{"text": note}]}
    read = message(observation, patient, to=address(charset=charset, identifiers="https://jail.example/n"))

    def same(got, text):
        return got == text.replace("\r\n", "\n").replace("\r", "\n")

    assert same(leaf(read, "PID", 5), family)
    assert same(leaf(read, "PID", 3), jail)
    assert same(leaf(read, "OBX", 5, 2), display)
    assert same(leaf(read, "NTE", 3, nth=1), note)
    # What the receiver's set cannot say is said in UTF-8, and the message tells so.
    assert read.component(18, 1) in {charset, "UNICODE UTF-8"}
    if all(text.isascii() for text in (family, jail, display, note)):
        assert read.component(18, 1) == charset


def test_a_summary_carries_who_what_its_labels_and_its_notice():
    other = {"resourceType": "Patient", "id": "p2", "identifier": [{"system": "https://jail.example/n", "value": "J2"}]}
    to = address(identifiers="https://jail.example/n", authorities={"https://jail.example/n": "JAIL"}, facility="ALDER")
    read = message(OBSERVATION, PATIENT, other, to=to)
    assert [line.name for line in read.lines] == ["MSH", "PID", "ARV", "ARV", "OBR", "NTE", "OBX"]
    assert read.lines[0].field(8) == "R"
    assert (read.component(9, 1), read.component(9, 2), read.component(9, 3)) == ("ORU", "R01", "ORU_R01")
    assert (read.component(3, 1), read.component(5, 1), read.component(6, 1)) == ("SALLYPORT", "JAILEHR", "ALDER")
    assert read.component(10, 1) == control_id("s1", "7")
    assert len(read.component(10, 1)) <= 20
    numbers = read.lines[1].field(3).split("~")
    assert [one.partition("^")[0] for one in numbers] == ["J1", "J2", "A1", "p1", "p2"]
    assert numbers[0] == "J1^^^JAIL&https://jail.example/n&URI"
    assert read.lines[1].fields[7:9] == ("19800402", "F")
    assert leaf(read, "PID", 5, 2) == "Ada"
    assert [one.partition("^")[0] for one in all_of(read, "ARV", 3)] == ["42CFRPart2", "R"]
    assert leaf(read, "NTE", 3).splitlines() == [
        part.get("valueString", part.get("valueUri")) for part in NOTICE["extension"]
    ]
    assert leaf(read, "OBX", 5) == "severe"
    assert leaf(read, "OBX", 5, 3) == "99JBHRESULTCATEGORY"
    assert (leaf(read, "OBX", 11), leaf(read, "OBR", 25), leaf(read, "OBX", 14)) == ("F", "F", "20260302")


def test_our_own_connector_takes_it_in_as_a_result_with_its_restrictions():
    whole, _ = event_message(event(OBSERVATION), [orjson.dumps(PATIENT)], address())
    found = list(Hl7v2().records(BytesIO(whole), ExtractOptions(encoding="utf-8", settings={})))
    (values,) = [one.values for one in found]
    assert [one["1"] for one in values["PID-3"]] == ["A1", "J1", "p1"]
    assert values["OBX-5"][0]["1"] == "severe"
    assert values["MSH-8"] == [{"1": "R"}]
    assert [one["1"] for one in values["PID.ARV-3"]] == ["42CFRPart2", "R"]
    assert values["OBR.NTE-3"][0]["1"].startswith("42 CFR part 2 prohibits | unauthorized use")


@pytest.mark.parametrize("acknowledge", ["original", "enhanced"])
def test_our_own_listener_takes_every_message_and_we_read_its_answer(acknowledge):
    """One Sallyport may tell another: each is acknowledged by its control id, in the mode that was asked for."""
    people = [orjson.dumps(PATIENT)]
    sent = [quiet_message(kind, AT, address(acknowledge=acknowledge)) for kind in ("handshake", "heartbeat")]
    for resource, topic in ((OBSERVATION, "screening-summary"), (ENCOUNTER, "moved"), (CONSENT, "consent")):
        to = address(topic, acknowledge=acknowledge)
        sent.append(event_message(event(resource), people, to))
        sent.append(event_message(event(resource, notice="recall", body=None), people, to))
    for content, control in sent:
        (answered,) = Hl7Answering().answered(content, AnswerOptions(at="2026", control="c1"))
        assert acknowledged(answered.answer) == ("CA" if acknowledge == "enhanced" else "AA", control.encode())


def test_custody_is_an_adt_of_the_topic_with_place_booking_and_notice():
    for topic, trigger, structure in (
        ("booked", "A01", "ADT_A01"),
        ("moved", "A02", "ADT_A02"),
        ("released", "A03", "ADT_A03"),
        ("of-our-own", "A08", "ADT_A01"),
    ):
        read = message(ENCOUNTER, PATIENT, to=address(topic))
        assert read.lines[0].field(9) == f"ADT^{trigger}^{structure}"
        assert [line.name for line in read.lines][:5] == ["MSH", "EVN", "PID", "ARV", "PV1"]
        assert read.lines[1].field(1) == trigger
    read = message(ENCOUNTER, PATIENT, to=address("released"))
    assert read.lines[1].field(6) == "20260320090000-0600"
    assert (leaf(read, "PV1", 2), leaf(read, "PV1", 19), leaf(read, "PV1", 3)) == ("I", "B1", "pod-a")
    assert leaf(read, "PV1", 3, 9) == "Pod A"
    assert (leaf(read, "PV1", 44), leaf(read, "PV1", 45)) == ("20260301081000-0700", "20260320090000-0600")
    told = {line.field(3).partition("^")[0]: line.field(5) for line in read.lines if line.name == "OBX"}
    assert told["encounter"] == "e1"
    assert told["discharge-disposition"] == "^Posted bond"
    assert "42 CFR part 2" in told["disclosure-notice"]
    bare = message({"resourceType": "Encounter", "id": "e2", "status": "planned", "class": {"code": "HH"}}, PATIENT)
    assert (leaf(bare, "PV1", 2), leaf(bare, "PV1", 19), leaf(bare, "PV1", 19, 5)) == ("N", "e2", "VN")


def test_a_consent_is_told_with_its_state_and_period_and_says_that_its_provisions_are_not_there():
    read = message(CONSENT, PATIENT, to=address("consent"))
    assert leaf(read, "OBR", 4) == "59284-0"
    assert all_of(read, "OBX", 5)[:2] == ["inactive^^99FHIRCONSENTSTATE", "20260205^20270205"]
    assert leaf(read, "NTE", 3).startswith("what this consent permits is not told here")


@pytest.mark.parametrize(
    ("more", "code", "status"),
    [
        ({"notice": "recall", "body": None}, "entered-in-error", "D"),
        ({"notice": "stop", "body": None}, "no-longer-permitted", "D"),
        ({"body": None}, "event", "F"),
        ({"body": None, "focus": None}, "event", "F"),
    ],
)
def test_what_is_not_told_in_full_names_nobody(more, code, status):
    read = message(OBSERVATION, PATIENT, **more)
    assert {line.name for line in read.lines} == {"MSH", "OBR", "OBX"}
    assert leaf(read, "OBR", 4) == code
    assert leaf(read, "OBR", 3) == ("" if more.get("focus", 1) is None else "o1")
    assert {*all_of(read, "OBX", 11)} == {status}
    assert b"Marsh" not in read.raw
    assert read.lines[0].field(8) == ""


def test_without_anybody_whom_it_is_about_an_event_is_told_by_its_id_only():
    assert {line.name for line in message(OBSERVATION).lines} == {"MSH", "OBR", "OBX"}


def test_a_repeat_is_the_same_bytes_and_quiet_messages_are_each_their_own():
    first, again = (event_message(event(OBSERVATION), [orjson.dumps(PATIENT)], address()) for _ in range(2))
    assert first == again
    one, control = quiet_message("handshake", AT, address(acknowledge="enhanced", version="2.3.1", processing="T"))
    assert control != quiet_message("handshake", AT + 1_000_000, address())[1]
    read = read_message(one, line=1, fallback="ascii")
    assert [read.lines[0].field(place) for place in (11, 12, 15, 16)] == ["T", "2.3.1", "AL", "NE"]
    assert control_id("s1", "1") != control_id("s2", "1")


VALUES = [
    ('"valueInteger":12', ("NM", "12", "")),
    ('"valueQuantity":{"value":1.50,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}', None),
    ('"valueQuantity":{"value":5,"comparator":"<"}', ("SN", "<^5", "")),
    ('"valueString":"a|b"', ("ST", "a\\F\\b", "")),
    ('"valueBoolean":false', ("CWE", "N^No^HL70136", "")),
    ('"valueDateTime":"2026-03-02T10:00:00.1234567Z"', ("TS", "20260302100000.1234+0000", "")),
    ('"valueTime":"10:00:00"', ("TM", "100000", "")),
    ('"valuePeriod":{"start":"2026-03"}', ("DR", "202603", "")),
    ('"valueRange":{"low":{"value":1},"high":{"value":2E1}}', ("SN", "^1^-^20", "")),
    ('"valueRatio":{"numerator":{"value":1},"denominator":{"value":128}}', ("SN", "^1^:^128", "")),
    ('"valueSampledData":{}', "none"),
]


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_values_keep_their_digits_and_units(text, expected):
    found = value(parse(f'{{"resourceType":"Observation",{text}}}'.encode()))
    if expected is None:
        assert found == ("NM", "1.50", "mg/dL^mg/dL^UCUM")
    else:
        assert found == (None if expected == "none" else expected)


def test_what_a_message_has_no_place_for_is_named_in_it():
    read = message(OBSERVATION | {"bodySite": {"text": "arm"}, "method": {}}, PATIENT)
    assert leaf(read, "NTE", 3, nth=1) == "not carried by this message: bodySite, method"


def test_components_and_absent_values_have_a_line_each():
    parts = [
        {"code": {"text": "one"}, "valueInteger": 1},
        {"code": {"text": "two"}, "dataAbsentReason": {"coding": [{"code": "unknown"}]}},
    ]
    bare = {key: told for key, told in OBSERVATION.items() if key != "valueCodeableConcept"}
    more = {"identifier": [{"value": "C1"}], "category": [{"text": "survey"}], "performer": [{"display": "Jail"}]}
    read = message(bare | {"component": parts} | more, PATIENT)
    assert all_of(read, "OBX", 1) == ["1", "2", "3", "4", "5", "6"]
    assert all_of(read, "OBX", 4)[:3] == ["0", "1", "1"]
    assert [one.partition("^")[0] for one in all_of(read, "OBX", 3)][2:] == [
        "data-absent-reason",
        "identifier",
        "category",
        "performer",
    ]


def test_fields_as_other_readers_expect_them():
    assert joined("a", "", "") == "a"
    assert coded({"text": "only"}) == "^only"
    assert coded({"coding": [{"system": "http://loinc.org", "code": "1-2"}], "text": "t"}) == "1-2^t^LN^^^^^^t"
    assert coded(None) == ""
    assert name({"text": "Ada M."}) == "Ada M."
    assert name({"family": "M", "given": [None, "Ada"]}) == "M^Ada"
    assert authority("urn:oid:1.2.3", {"urn:oid:1.2.3": "X"}) == "X&1.2.3&ISO"
    assert authority("", {}) == ""
    assert name({"use": "usual", "family": "M", "prefix": ["Dr"], "suffix": ["Jr", "II"]}) == "M^^^Jr II^Dr^^D"
    assert (time("2026"), time("2026-03-02T10:00:00-07:00"), time(None), time("yesterdayT")) == (
        "2026",
        "20260302100000-0700",
        "",
        "",
    )
