"""The acknowledgement of a message: made from its header, in its own delimiters, and saying nothing of its content."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.jail.hl7v2.acknowledgement import acknowledgement
from connectors.jail.hl7v2.header import read_header
from connectors.jail.hl7v2.message import Message, read_message

HEADER = b"MSH|^~\\&|JAILEHR|ALDERJAIL|SALLYPORT|COUNTY|20260302080000||ORU^R01^ORU_R01|R1|P|2.5.1||||||UNICODE UTF-8"
MESSAGE = HEADER + b"\rPID|1||J00123||MARSH^ADA\rOBX|1|NM|44261-6||14\r"


def lines(answer):
    return answer.decode("latin-1").split("\r")


def test_the_parties_are_exchanged_and_the_control_id_comes_back():
    assert lines(acknowledgement(MESSAGE, "AA", at="20260302080001+0000", control="c1")) == [
        "MSH|^~\\&|SALLYPORT|COUNTY|JAILEHR|ALDERJAIL|20260302080001+0000||ACK^R01^ACK|c1|P|2.5.1||||||UNICODE UTF-8",
        "MSA|AA|R1",
        "",
    ]


def test_an_error_says_that_it_is_ours_and_what_to_do():
    answer = lines(acknowledgement(MESSAGE, "AE", "try again | later"))
    assert answer[1:] == [
        "MSA|AE|R1|try again \\F\\ later",
        "ERR|||207^Application internal error^HL70357|E||||try again \\F\\ later",
        "",
    ]
    assert answer[0].split("|")[9] == "R1"


def test_nothing_of_the_person_comes_back():
    for code in ("AA", "AE", "AR"):
        assert b"MARSH" not in acknowledgement(MESSAGE, code, "x")
        assert b"J00123" not in acknowledgement(MESSAGE, code, "x")


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"", b"\x1c\r"])
@pytest.mark.parametrize("lead", [b"", b"\x0b", b"\r\n", b"\xef\xbb\xbf", b"\x0b\xef\xbb\xbf"])
def test_framing_and_line_ends_do_not_matter(lead, end):
    assert acknowledgement(lead + HEADER + end, "AA") == acknowledgement(MESSAGE, "AA")
    header = read_header(lead + HEADER + end)
    assert "|".join(header.parts).encode() == HEADER


def test_the_delimiters_are_those_of_the_message():
    own = b"MSH#:+*%#JAIL#A#COUNTY#B###ADT:A01#7#P#2.3\r"
    assert lines(acknowledgement(own, "AE", "a#b:c+d*e%f", at="2026", control="8"))[:2] == [
        "MSH#:+*%#COUNTY#B#JAIL#A#2026##ACK:A01:ACK#8#P#2.3",
        "MSA#AE#7#a*F*b*S*c*R*d*E*e*T*f",
    ]


def test_bytes_of_the_header_come_back_as_they_came():
    own = b"MSH|^~\\&|K\xc4FIG|\xff|||||ADT|\xe9\x81|P|2.5\r"
    answer = acknowledgement(own, "AA")
    assert b"|K\xc4FIG|\xff|" in answer
    assert b"MSA|AA|\xe9\x81\r" in answer


def test_a_short_header_is_answered_as_far_as_it_goes():
    assert lines(acknowledgement(b"MSH|^~\\&\r", "AA")) == ["MSH|^~\\&|||||||ACK", "MSA|AA", ""]
    assert lines(acknowledgement(b"MSH|^~\\&|||||||ADT~X^A02", "AA"))[0].endswith("|ACK")


@pytest.mark.parametrize(
    "body",
    [b"", b"PID|1", b"FHS|^~\\&|A\rMSH|^~\\&|B\r", b"MSH", b"MSH|^^^^|", b"MSHA1234|", b"Last,First\r\nMarsh,Ada\r\n"],
)
def test_what_has_no_header_of_a_message_is_not_answered(body):
    with pytest.raises(ValueError, match=r"expected|delimiters|characters"):
        acknowledgement(body, "AA")


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=60),
    st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="|"), max_size=20),
)
def test_an_acknowledgement_is_a_message_that_can_be_read(text, control):
    message = b"MSH|^~\\&|A|B|C|D|||ADT^A08|" + control.encode() + b"|P|2.5\r"
    answer = acknowledgement(message, "AE", text, at="20260101", control="42")
    read = read_message(answer, line=1, fallback="latin-1")
    assert isinstance(read, Message)
    assert [line.name for line in read.lines] == ["MSH", "MSA", "ERR"]
    assert read.lines[1].field(2) == control
    assert (read.component(9, 1), read.component(9, 2), read.component(10, 1)) == ("ACK", "A08", "42")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_answered_or_refused(body):
    for message in (body, b"MSH" + body, b"MSH|^~\\&" + body):
        try:
            answer = acknowledgement(message, "AA")
        except ValueError:
            continue
        assert answer.startswith(b"MSH")
        assert answer.endswith(b"\r")
