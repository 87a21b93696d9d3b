"""How messages are acknowledged: modes, codes, batches, and what is told where nothing is kept."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.source import AnswerOptions
from connectors.jail.hl7v2.answering import NOT_KEPT, Hl7Answering

PLAIN = AnswerOptions(at="20260302080001+0000", control="c1")
ANSWERING = Hl7Answering()


def message(
    kind="ADT^A01", control="M1", processing="P", version="2.5.1", modes="", charset="", sender="JAILEHR|ALDERJAIL"
):
    header = f"MSH|^~\\&|{sender}|SALLYPORT|COUNTY|20260302||{kind}|{control}|{processing}|{version}"
    accept, _, apply = modes.partition("/")
    return f"{header}|||{accept}|{apply}||{charset}\rPID|1||J1||MARSH^ADA\r".encode()


def answered(content, **options):
    found = ANSWERING.answered(content, AnswerOptions(at="2026", control="c1", **options))
    return [(each.code, each.fault, each.answer.decode("latin-1").split("\r")) for each in found]


def one(content, **options):
    ((code, fault, lines),) = answered(content, **options)
    return code, fault, lines


def test_a_message_that_can_be_used_is_accepted():
    code, fault, lines = one(message(charset="8859/1"))
    assert (code, fault) == ("AA", "")
    assert lines[:2] == [
        "MSH|^~\\&|SALLYPORT|COUNTY|JAILEHR|ALDERJAIL|2026||ACK^A01^ACK|c1|P|2.5.1||||||8859/1",
        "MSA|AA|M1",
    ]


@pytest.mark.parametrize(
    ("changed", "code", "where"),
    [
        ({"kind": "RDE^O11"}, "200", "MSH^1^9"),
        ({"kind": "ACK"}, "200", "MSH^1^9"),
        ({"kind": "ADT^A99"}, "201", "MSH^1^9"),
        ({"kind": "ADT"}, "201", "MSH^1^9"),
        ({"kind": "MDM^T11"}, "201", "MSH^1^9"),
        ({"processing": "T"}, "202", "MSH^1^11"),
        ({"processing": "D"}, "202", "MSH^1^11"),
        ({"processing": "X^T"}, "202", "MSH^1^11"),
        ({"version": "3.0"}, "203", "MSH^1^12"),
        ({"version": "2"}, "", ""),
        ({"version": "2.9.1"}, "", ""),
        ({"version": "2.3^USA"}, "", ""),
        ({"version": ""}, "", ""),
        ({"processing": ""}, "", ""),
        ({"kind": "ORU"}, "", ""),
        ({"kind": "ORU^R01"}, "", ""),
        ({"kind": "MDM^T02^MDM_T02"}, "", ""),
        ({"kind": "SIU^S15"}, "", ""),
        ({"kind": ""}, "101", "MSH^1^9"),
        ({"control": ""}, "101", "MSH^1^10"),
    ],
)
def test_a_message_that_cannot_be_used_is_rejected_with_the_reason(changed, code, where):
    found, fault, lines = one(message(**changed))
    assert (found, fault) == ("AR" if code else "AA", code)
    if code:
        error = lines[2].split("|")
        assert (error[2], error[3].split("^")[0], error[4]) == (where, code, "E")
        assert not any("MARSH" in line for line in lines)


def test_an_error_of_an_old_version_is_one_field():
    lines = one(message(kind="RDE^O11", version="2.3"))[2]
    assert lines[2] == "ERR|MSH^1^9^200&Unsupported message type&HL70357"


@pytest.mark.parametrize("content", [b"MSH|^~\\&|\r", b"MSH", b"MSH|\rPID|1\r", b"MSH|^^^^|A\r", b"PID|1||J1\r", b"x"])
def test_a_header_that_says_nothing_is_rejected(content):
    code, fault, lines = one(content)
    assert (code, fault) == ("AR", "101")
    assert lines[1].startswith("MSA|AR|")
    assert "101^Required field missing^HL70357" in lines[2]


def test_what_the_sender_cannot_stop_sending_is_accepted_where_the_feed_says_so():
    assert one(message(kind="RDE^O11"), accept_unsupported=True)[:2] == ("AA", "200")
    assert one(message(kind="ADT^A99"), accept_unsupported=True)[:2] == ("AA", "201")
    assert one(message(processing="T"), accept_unsupported=True)[:2] == ("AR", "202")


@pytest.mark.parametrize(
    ("modes", "kind", "code", "told", "apply"),
    [
        ("AL/AL", "ADT^A01", "CA", True, "AL"),
        ("AL/", "ADT^A01", "CA", True, "NE"),
        ("NE/AL", "ADT^A01", "CA", False, "AL"),
        ("/SU", "ADT^A01", "CA", False, "SU"),
        ("SU/ER", "ADT^A01", "CA", True, "ER"),
        ("ER/NE", "ADT^A01", "CA", False, "NE"),
        ("AL/AL", "RDE^O11", "CR", True, "NE"),
        ("ER/AL", "RDE^O11", "CR", True, "NE"),
        ("SU/AL", "RDE^O11", "CR", False, "NE"),
        ("NE/AL", "RDE^O11", "CR", False, "NE"),
        ("??/AL", "ADT^A01", "CA", True, "AL"),
    ],
)
def test_the_enhanced_mode_answers_as_it_is_asked_to(modes, kind, code, told, apply):
    (found,) = ANSWERING.answered(message(kind=kind, modes=modes), PLAIN)
    assert (found.code, bool(found.answer), found.apply) == (code, told, apply)
    if told:
        assert found.answer.split(b"\r")[1].startswith(b"MSA|%s|M1" % code.encode())


def test_the_application_acknowledgement_wants_no_answer_itself():
    for code in ("AA", "AE"):
        lines = ANSWERING.applied(message(modes="AL/AL"), code, PLAIN).decode().split("\r")
        assert lines[0].split("|")[14:16] == ["NE", "NE"]
        assert lines[1].startswith(f"MSA|{code}|M1")
        assert len(lines) == (3 if code == "AA" else 4)


@pytest.mark.parametrize("why", sorted(NOT_KEPT))
def test_that_nothing_was_kept_is_told_whatever_the_sender_wants(why):
    code = NOT_KEPT[why][0]
    plain = ANSWERING.refused(message(), why, PLAIN).split(b"\r")
    assert plain[1].startswith(b"MSA|%s|M1|" % code.encode())
    silent = ANSWERING.refused(message(modes="NE/NE"), why, PLAIN).split(b"\r")
    assert silent[1].startswith(b"MSA|C%s|M1|" % code[1:].encode())
    assert ANSWERING.refused(b"", why, PLAIN).split(b"\r")[1].startswith(b"MSA|%s||" % code.encode())
    assert (
        ANSWERING.refused(b"BHS|^~\\&|J|A|||||||B7\r" + message(), why, PLAIN)
        .split(b"\r")[1]
        .startswith(b"MSA|%s|B7|" % code.encode())
    )


def test_only_senders_of_the_connection_may_speak():
    allowed = {"senders": frozenset({("JAILEHR", "ALDERJAIL")})}
    assert one(message(), **allowed)[0] == "AA"
    assert one(message(sender="JAILEHR^1.2^ISO|ALDERJAIL"), **allowed)[0] == "AA"
    assert answered(message(sender="OTHER|ALDERJAIL"), **allowed) == []
    assert answered(message() + message(sender="OTHER|ALDERJAIL", control="M2"), **allowed) == []
    assert one(b"no header", **allowed)[0] == "AR"


def batch(*messages, count=None):
    number = len(messages) if count is None else count
    return b"FHS|^~\\&|J|A\rBHS|^~\\&|J|A|S|C|||||B7\r" + b"".join(messages) + b"BTS|%d\rFTS|1\r" % number


def test_a_batch_is_acknowledged_message_by_message():
    content = batch(message(), message(control="M2", kind="RDE^O11"), message(control="M3"))
    own, *members = ANSWERING.answered(content, PLAIN)
    assert (own.is_batch, own.answer, own.raw) == (True, b"", content)
    assert [(each.control, each.code, each.line, each.stop) for each in members] == [
        ("M1", "AA", 3, 5),
        ("M2", "AR", 5, 7),
        ("M3", "AA", 7, 9),
    ]
    assert b"".join(each.raw for each in members) in content
    controls = {each.answer.split(b"|")[9] for each in members}
    assert len(controls) == 3


@pytest.mark.parametrize(
    ("content", "code", "control", "faults"),
    [
        (batch(message(), message(control="M2")), b"AA", b"B7", []),
        (batch(message(), count=3), b"AR", b"B7", [b"BTS^1^1"]),
        (batch(message(), message(control="M2", kind="RDE^O11")), b"AR", b"B7", [b"MSH^2^9"]),
        (batch(message())[: -len(b"BTS|1\rFTS|1\r")], b"AR", b"B7", [b"BTS^1^1"]),
        (batch(), b"AA", b"B7", []),
        (message() + message(control="M2"), b"AA", b"M1", []),
        (b"BHS|^~\\&|J|A|||||||B7\r" + message() + b"BTS|1\r", b"AA", b"B7", []),
    ],
)
def test_a_batch_is_acknowledged_once_where_the_sender_wants_that(content, code, control, faults):
    own, *members = ANSWERING.answered(content, AnswerOptions(per_batch=True, control="c1"))
    assert [each.answer for each in members] == [b""] * len(members)
    lines = own.answer.split(b"\r")
    assert lines[1].split(b"|")[1:3] == [code, control]
    assert [line.split(b"|")[2] for line in lines[2:-1]] == faults
    assert (own.code.encode(), own.is_batch) == (code, True)


def test_a_message_in_an_envelope_alone_is_a_batch_of_one():
    assert [each.is_batch for each in ANSWERING.answered(batch(message()), PLAIN)] == [True, False]


def test_messages_on_one_line_have_no_lines_of_their_own():
    glued = ANSWERING.answered(message()[:-1] + message(control="M2") + message(control="M3"), PLAIN)[1:]
    assert [(each.control, each.line, each.stop) for each in glued] == [("M1", 1, 1), ("M2", 2, 2), ("M3", 4, 6)]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [message(), b"MSH", b"FHS|^~\\&|\r", b"BTS|9\r", b"\x0b", b"\x1c", b"\r", b"|^~\\&|", b"BHS|"]
            ),
            st.binary(max_size=40),
        ),
        max_size=7,
    ).map(b"".join),
    st.booleans(),
)
def test_any_bytes_are_answered(content, per_batch):
    found = ANSWERING.answered(content, AnswerOptions(per_batch=per_batch, control="c1"))
    assert found
    told = [each.answer for each in found if each.answer]
    assert all(each.startswith(b"MSH") and b"\rMSA" in each for each in told)
    assert ANSWERING.refused(content, "closed", PLAIN).startswith(b"MSH")
    assert ANSWERING.applied(content, "AE", PLAIN).startswith(b"MSH")
    if len(found) > 1:
        places = [(each.line, each.stop) for each in found[1:]]
        assert all(line <= stop for line, stop in places)
        assert all(stop <= line for (_, stop), (line, _) in itertools.pairwise(places))
