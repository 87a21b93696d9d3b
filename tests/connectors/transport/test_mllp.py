"""MLLP framing: any cut of the stream gives the same frames, junk never hangs or is handed out, nothing unended is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.transport.mllp import OPENING, Frame, Framing, Skipped, TooLong, Unfinished, framed

CAP = 200
MESSAGE = b"MSH|^~\\&|A|B|||||ADT^A01|1|P|2.5\rPID|1\r"
PIECES = st.sampled_from(
    [b"\x0b", b"\x1c", b"\r", b"\x1c\r", b"\0", b"\n", MESSAGE, b"log: started", b"MSH|", b"\xff\xfe", b"x" * 150]
)
STREAMS = st.lists(PIECES, max_size=14).map(b"".join)


def fed(stream, cuts=(), longest=CAP):
    framing, found, last = Framing(longest), [], 0
    for cut in [*sorted(cuts), len(stream)]:
        found += framing.feed(stream[last:cut])
        last = max(last, cut)
    return found, framing


def frames(found):
    return [event.content for event in found if isinstance(event, Frame)]


@settings(max_examples=400, deadline=None)
@given(STREAMS, st.data())
def test_any_cut_of_the_stream_gives_the_same_events(stream, data):
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    whole, framing = fed(stream)
    cut, other = fed(stream, cuts)
    assert cut == whole
    assert (other.is_inside, other.has_junk, other.waits_for_cr) == (
        framing.is_inside,
        framing.has_junk,
        framing.waits_for_cr,
    )
    assert fed(stream, range(len(stream)))[0] == whole


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=60).filter(lambda b: b"\x0b" not in b and b"\x1c\r" not in b), max_size=5))
def test_what_was_framed_comes_out(contents):
    assert frames(fed(b"".join(framed(each) for each in contents))[0]) == contents


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80).filter(lambda b: b"\x0b" not in b), STREAMS)
def test_junk_before_a_frame_is_counted_and_never_handed_out(junk, rest):
    found, _framing = fed(junk + framed(MESSAGE) + rest)
    expected = [Skipped(count=len(junk), junk=len(junk.translate(None, b"\0\r\n \t")))] if junk else []
    assert found[: len(expected) + 1] == [*expected, Frame(content=MESSAGE)]


@settings(max_examples=300, deadline=None)
@given(STREAMS)
def test_every_frame_handed_out_was_begun_and_ended_in_the_stream(stream):
    for content in frames(fed(stream)[0]):
        assert b"\x0b" + content + b"\x1c\r" in stream
        assert len(content) <= CAP


@pytest.mark.parametrize("between", [b"", b"\0\0\0", b"\n", b"\r\n", b" "])
def test_several_frames_in_one_read_with_padding_between(between):
    found, framing = fed(framed(b"one") + between + framed(b"two") + between)
    assert frames(found) == [b"one", b"two"]
    assert not framing.has_junk


def test_a_block_end_without_cr_is_content():
    found, _ = fed(framed(b"a\x1cb\x1c\nc"))
    assert found == [Frame(content=b"a\x1cb\x1c\nc")]


def test_a_frame_that_never_ends_is_not_handed_out():
    found, framing = fed(b"\x0b" + MESSAGE)
    assert (found, framing.is_inside) == ([], True)
    assert framing.abandon() == [Unfinished(count=len(MESSAGE))]
    assert framing.feed(framed(b"next")) == [Frame(content=b"next")]


def test_a_block_end_at_the_end_waits_for_its_cr():
    found, framing = fed(b"\x0b" + MESSAGE + b"\x1c")
    assert (found, framing.waits_for_cr) == ([], True)
    assert framing.opening == MESSAGE + b"\x1c"
    assert framing.feed(b"\r") == [Frame(content=MESSAGE)]
    assert not framing.waits_for_cr


@pytest.mark.parametrize("end", [b"", b"\r", b"\x1c"])
def test_a_frame_that_begins_again_was_never_finished(end):
    cut = MESSAGE[:25] + end
    found, _ = fed(b"\x0b" + cut + framed(MESSAGE))
    assert found == [Unfinished(count=len(cut)), Frame(content=MESSAGE)]


def test_vt_inside_text_is_content():
    content = MESSAGE + b"NTE|1||a\x0bb and MSH\r"
    assert fed(framed(content))[0] == [Frame(content=content)]


@pytest.mark.parametrize("size", [CAP, CAP + 1, CAP + 2, 10 * CAP])
def test_a_frame_over_the_cap_is_told_once_and_passed_over(size):
    stream = framed(b"x" * size) + framed(b"next")
    for cuts in ((), range(0, len(stream), 3), range(len(stream))):
        found, _ = fed(stream, cuts)
        first = Frame(content=b"x" * size) if size <= CAP else TooLong(opening=b"x" * CAP)
        assert found == [first, Frame(content=b"next")]


def test_an_endless_frame_is_told_at_once_and_costs_no_memory():
    framing = Framing(1_000_000)
    found = framing.feed(b"\x0b" + MESSAGE)
    for _ in range(60):
        found += framing.feed(b"y" * 100_000)
        assert len(framing._held) <= 1_100_002
    (only,) = found
    assert only.opening == (MESSAGE + b"y" * OPENING)[:OPENING]
    assert framing.abandon() == []


def test_a_field_of_ten_megabytes_is_a_frame_like_others():
    content = MESSAGE + b"OBX|1|ED|x||" + b"A" * 10_000_000 + b"\r"
    stream = framed(content)
    found, _ = fed(stream, range(0, len(stream), 65_536), longest=16_000_000)
    assert found == [Frame(content=content)]


def test_what_is_left_when_a_connection_ends_is_told():
    framing = Framing(CAP)
    framing.feed(b"GET / HTTP/1.1\r\n\0")
    assert framing.has_junk
    assert framing.abandon() == [Skipped(count=17, junk=12)]
    assert not framing.has_junk
