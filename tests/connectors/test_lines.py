"""Lines keep their bytes and numbers; encodings that cannot be cut in bytes are known."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.encodings import ascii_based, without_mark
from connectors.lines import SAMPLE, blocks

dirt = st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"x", b"xyz" * 5, b""]) | st.binary(max_size=3), max_size=30)


def numbered(found):
    return [(number, line) for block in found for number, line in enumerate(block.lines(), block.first)]


@settings(max_examples=300, deadline=None)
@given(dirt)
def test_blocks_are_the_stream_and_lines_have_their_numbers(chunked):
    data = b"".join(chunked)
    found = list(blocks(iter(chunked)))
    assert b"".join(block.data for block in found) == data
    expected = [line + b"\n" for line in data.split(b"\n")]
    expected[-1] = expected[-1][:-1]
    assert numbered(found) == list(enumerate(filter(None, expected), 1))


@settings(max_examples=300, deadline=None)
@given(dirt, st.integers(1, 20))
def test_no_block_is_longer_than_asked_but_for_one_chunk(chunked, longest):
    data = b"".join(chunked)
    found = list(blocks(iter(chunked), longest=longest))
    assert b"".join(block.data for block in found) == data
    assert all(len(block.data) <= longest + max(map(len, chunked)) for block in found)
    for block in found:
        assert block.first == 1 + data.count(b"\n", 0, _offset(found, block))


def _offset(found, block):
    return sum(len(each.data) for each in found[: next(at for at, each in enumerate(found) if each is block)])


def test_carriage_returns_end_lines_only_where_asked_and_alone():
    assert len(numbered(blocks(iter([b"a\rb\rc"])))) == 1
    assert len(numbered(blocks(iter([b"a\rb\rc"]), carriage_return=True))) == 3
    assert len(numbered(blocks(iter([b"a\r", b"\nb\rc"]), carriage_return=True))) == 2
    crlf_at_the_edge = b"a" * (SAMPLE - 1) + b"\r\nb\r\n"
    assert len(numbered(blocks(iter([crlf_at_the_edge]), carriage_return=True))) == 2


@pytest.mark.parametrize("chunked", [[b"\xef\xbb\xbfab"], [b"\xef", b"\xbb", b"\xbfa", b"b"]])
def test_a_byte_order_mark_is_taken_off(chunked):
    arriving, marked = without_mark(iter(chunked))
    assert (b"".join(arriving), marked) == (b"ab", True)


def test_what_is_no_byte_order_mark_stays():
    for data in (b"", b"\xef\xbb", b"abc\xef\xbb\xbf"):
        arriving, marked = without_mark(iter([data] if data else []))
        assert (b"".join(arriving), marked) == (data, False)


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("UTF-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("windows-1252", "cp1252"),
        ("latin-1", "iso8859-1"),
        ("utf-16", None),
        ("utf-7", None),
        ("cp037", None),
        ("base64", None),
        ("no-such-thing", None),
    ],
)
def test_encodings_that_contain_ascii(name, normal):
    assert ascii_based(name) == normal
