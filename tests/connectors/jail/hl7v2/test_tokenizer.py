"""Tokens lose nothing: any bytes, any delimiters, any mixture of terminators."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.jail.hl7v2.charsets import charset
from connectors.jail.hl7v2.escapes import unescape
from connectors.jail.hl7v2.message import read_message
from connectors.jail.hl7v2.tokenizer import BadDelimitersError, Delimiters, fields, segments, tree, untree

STANDARD = Delimiters()
ODD = Delimiters(field="%", component="*", repetition="!", escape="/", subcomponent="@", truncation="#")

pieces = st.sampled_from(
    [
        b"MSH|^~\\&|",
        b"PID|1||J1^^^A&B^PCN~J2",
        b"\r",
        b"\n",
        b"\r\n",
        b"\x0b",
        b"\x1c\r",
        b"\xef\xbb\xbf",
        b"OBX|",
        b" ",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(pieces | st.binary(max_size=5), max_size=25).map(b"".join))
def test_any_bytes_come_back_byte_for_byte(data):
    found = segments(data, line=5)
    assert b"".join(segment.raw for segment in found) == data
    lines = [segment.line for segment in found]
    assert lines == sorted(lines)
    for segment in found:
        assert segment.line == 5 + len((data[: _offset(found, segment)] + segment.lead + b"x").splitlines()) - 1


def _offset(found, segment):
    return sum(len(each.raw) for each in found[: next(i for i, each in enumerate(found) if each is segment)])


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.sampled_from("|^~\\&#%*!/@ab \n") | st.characters(), max_size=40),
    st.sampled_from([STANDARD, ODD]),
)
def test_fields_and_their_trees_lose_nothing(text, delimiters):
    parts = fields(text, delimiters)
    assert delimiters.field.join(untree(tree(part, delimiters), delimiters) for part in parts) == text


@pytest.mark.parametrize(
    ("data", "bodies"),
    [
        (b"MSH|a\rPID|1\rPV1|1\r", [b"MSH|a", b"PID|1", b"PV1|1"]),
        (b"MSH|a\nPID|1\nPV1|1", [b"MSH|a", b"PID|1", b"PV1|1"]),
        (b"MSH|a\r\nPID|1\r\n", [b"MSH|a", b"PID|1"]),
        (b"MSH|a\rPID|1\nPV1|1\r\nOBX|1\r", [b"MSH|a", b"PID|1", b"PV1|1", b"OBX|1"]),
        (
            b"MSH|a\rOBX|1|two\nlines\n\nand more\rNTE|1\r",
            [b"MSH|a", b"OBX|1|two\nlines\n\nand more", b"NTE|1"],
        ),
        (b"MSH|a\r\nOBX|1|two\nlines\r\n\nNTE|1\r\n", [b"MSH|a", b"OBX|1|two\nlines", b"NTE|1"]),
        (b"MSH|a\r\rPID|1\r", [b"MSH|a", b"", b"PID|1"]),
        (b"MSH%a\rOBX%1\nPID|no\nPID%1\r", [b"MSH%a", b"OBX%1\nPID|no", b"PID%1"]),
        (b"\x0bMSH|a\rPID|1\x1c\r", [b"MSH|a", b"PID|1"]),
        (b"\xef\xbb\xbfMSH|a\r", [b"MSH|a"]),
        (b"", []),
    ],
)
def test_what_ends_a_segment(data, bodies):
    assert [segment.body for segment in segments(data)] == bodies


def test_lines_are_counted_whatever_ends_them():
    found = segments(b"\r\nMSH|a\rOBX|1|two\nlines\r\nPID|1\r", line=10)
    assert [segment.line for segment in found] == [11, 12, 14]


def test_delimiters_are_those_of_the_header():
    assert Delimiters.read(r"MSH|^~\&|A") == STANDARD
    assert Delimiters.read(r"MSH|^~\&#|A").truncation == "#"
    assert Delimiters.read(r"MSH|^~\|A").subcomponent == "&"
    assert Delimiters.read("MSH%*!/@#%A") == ODD
    assert Delimiters.read("FHS%*!/@#%A") == ODD


@pytest.mark.parametrize(
    "header",
    [
        "MSH",
        "MSH|",
        "MSH|^~|",
        r"MSH|^~\&#$|",
        r"MSH|^^\&|",
        "MSH|^~\\\\&|",
        "MSHabcde",
        "MSH|^~ &|",
        "MSH|^~é&|",
    ],
)
def test_a_header_without_usable_delimiters_is_refused(header):
    with pytest.raises(BadDelimitersError):
        Delimiters.read(header)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", r"a|b^c&d~e\f"),
        (r"one\.br\two\.sp2\three\.sp\four", "one\ntwo\n\nthree\nfour"),
        (r"\H\bold\N\ plain", "bold plain"),
        (r"C:\dir\file", r"C:\dir\file"),
        (r"a\b", r"a\b"),
        (r"x\y\T\z", r"x\y&z"),
        (r"\Zlocal\ \C2842\ \.unknown\ ", r"\Zlocal\ \C2842\ \.unknown\ "),
        (r"\X4A6F\e", "Joe"),
        (r"\XE9\ ", r"\XE9\ "),
        (r"\XC3A9\ ", "é "),
        (r"\X00E9\ ", "é "),
        (r"\X4\ \Xzz\ ", r"\X4\ \Xzz\ "),
        (r"\P\ ", r"\P\ "),
        (r"\E\T\ ", r"\T\ "),
    ],
)
def test_escapes(text, meaning):
    assert unescape(text, STANDARD, "utf-8") == meaning


def test_escaped_bytes_are_read_in_the_character_set_of_the_message():
    assert unescape(r"\XE9\ ", STANDARD, "iso8859-1") == "é "
    assert unescape("/F//P//XE9/", ODD, "iso8859-1") == "%#é"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30), st.sampled_from([STANDARD, ODD]))
def test_escaping_every_delimiter_is_undone(text, delimiters):
    codes = {
        delimiters.escape: "E",
        delimiters.field: "F",
        delimiters.component: "S",
        delimiters.subcomponent: "T",
        delimiters.repetition: "R",
    }
    mark = delimiters.escape
    written = "".join(f"{mark}{codes[each]}{mark}" if each in codes else each for each in text)
    assert unescape(written, delimiters, "utf-8") == text


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("", "cp1252"),
        (" 8859/15 ", "iso8859-15"),
        ("UNICODE", "utf-8"),
        ("windows-1252", "cp1252"),
        ("latin1", "iso8859-1"),
        ("ISO IR87", None),
        ("shift_jis", None),
        ("UNICODE UTF-16", None),
        ("rot13", None),
    ],
)
def test_character_sets_by_table_and_by_name(declared, encoding):
    assert charset(declared, "cp1252") == encoding


@pytest.mark.parametrize(("raw", "part"), [(b"", "segment 1"), (b"PID|1\r", "PID"), (b"?|x", "segment 1")])
def test_a_message_without_its_header_is_told(raw, part):
    fault = read_message(raw, line=4, fallback="utf-8")
    assert (fault.code, fault.position.line, fault.position.part) == ("missing-msh", 4, part)
