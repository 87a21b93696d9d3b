"""Text encodings of extracts: how a byte scanner can cut them safely, and the byte order mark.

Connectors find record boundaries in bytes before they decode, so that one undecodable record costs no
other. That is only sound where line ends, commas, quotes and brackets are the same single bytes as in
ASCII. UTF-16 is read as UTF-8, and the bytes of each record are turned back into what they were.

Encodings known to Python: https://docs.python.org/3/library/codecs.html#standard-encodings
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from adapter.errors import ConfigurationError, Problem
from adapter.source import Malformed, Position
from connectors.transport.files import chunks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adapter.source import ExtractOptions, SourceRecord

BOM = codecs.BOM_UTF8
"""UTF-8 byte order mark; where it occurs the text is UTF-8, whatever the feed says."""
WIDE_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
"""Byte order marks of UTF-16, which say as much."""

ARCHIVES = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x28\xb5\x2f\xfd",
)
"""How archives and compressed files begin, workbooks among them: a small one may hold more than any disk."""

_ASCII = bytes(range(128))
_WIDE = frozenset({"utf-16", "utf-16-le", "utf-16-be"})
_SAMPLE = 1024
_HALF = b"\xff"
"""Stands before the odd last byte of a UTF-16 file; it occurs in no UTF-8."""


@cache
def ascii_based(name: str) -> str | None:
    """The normal name of the encoding ``name`` when ASCII bytes mean ASCII in it, else None.

    ``utf-8-sig`` counts as UTF-8: the mark is taken off before decoding.
    """
    try:
        normal = codecs.lookup(name).name
        if normal == "utf-8-sig":
            return "utf-8"
        return normal if _ASCII.decode(normal) == _ASCII.decode("ascii") else None
    except (LookupError, ValueError):
        return None


@cache
def wide(name: str) -> str | None:
    """The normal name of ``name`` when it is a form of UTF-16, else None."""
    try:
        normal = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    return normal if normal in _WIDE else None


def feed_encoding(options: ExtractOptions) -> str:
    """The encoding the feed declares for its files, one that contains ASCII or UTF-16.

    Raises ConfigurationError when Python does not know it or it is neither.
    """
    known = ascii_based(options.encoding) or wide(options.encoding)
    if known is None:
        raise ConfigurationError(
            [
                Problem(
                    where="feed",
                    path="encoding",
                    message=f"`{options.encoding}` cannot be read",
                    expected="an encoding that contains ASCII, such as utf-8, cp1252 or latin-1, or utf-16",
                )
            ]
        )
    return known


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The bytes of an extract without a mark, in ``encoding``, which contains ASCII.

    ``sure`` tells that a mark has settled the encoding. ``original`` is the form of UTF-16 they are in fact in, or "".
    ``packed`` is the beginning of an archive: that is no text, and it is never unpacked.
    """

    chunks: Iterator[bytes]
    encoding: str
    sure: bool = False
    original: str = ""
    packed: bytes = b""

    def restored(self, items: Iterable[SourceRecord | Malformed]) -> Iterator[SourceRecord | Malformed]:
        """``items`` with their bytes as they were received."""
        if self.packed:
            expected = "the file as its system writes it, unpacked by its sender"
            yield Malformed(position=Position(line=1), code="packed", expected=expected, raw=self.packed)
            return
        if not self.original:
            yield from items
            return
        last, restored = b"", b""
        for item in items:
            if item.raw is not last:
                last, restored = item.raw, _widened(item.raw, self.original)
            yield item._replace(raw=restored)


def opened(stream: BinaryIO, options: ExtractOptions) -> Text:
    """The text in ``stream``: a byte order mark decides what it is written in, else the feed does."""
    declared = feed_encoding(options)
    arriving = chunks(stream)
    head = b""
    for chunk in arriving:
        head += chunk
        if len(head) >= _SAMPLE:
            break
    if head.startswith(ARCHIVES):
        return Text(chunks=iter(()), encoding="utf-8", packed=head)
    if head.startswith(BOM):
        return Text(chunks=_rest(head.removeprefix(BOM), arriving), encoding="utf-8", sure=True)
    for mark, codec in WIDE_MARKS.items():
        if head.startswith(mark):
            narrow = _narrowed(_rest(head[len(mark) :], arriving), codec)
            return Text(chunks=narrow, encoding="utf-8", sure=True, original=codec)
    if declared in _WIDE:
        codec = _order(head) if declared == "utf-16" else declared
        return Text(chunks=_narrowed(_rest(head, arriving), codec), encoding="utf-8", sure=True, original=codec)
    return Text(chunks=_rest(head, arriving), encoding=declared)


def _rest(head: bytes, arriving: Iterator[bytes]) -> Iterator[bytes]:
    return chain([head] if head else [], arriving)


def _order(head: bytes) -> str:
    """Which byte of each pair comes first, by where the zero bytes of ASCII stand."""
    return "utf-16-be" if head[::2].count(0) > head[1::2].count(0) else "utf-16-le"


def _narrowed(arriving: Iterator[bytes], codec: str) -> Iterator[bytes]:
    """UTF-16 as UTF-8. Half a surrogate pair becomes what no strict decoder takes, so that its record is refused."""
    held = b""
    for chunk in arriving:
        data = held + chunk
        whole = len(data) - len(data) % 2
        high = data[whole - 1 if codec.endswith("le") else whole - 2] if whole else 0
        if 0xD8 <= high <= 0xDB:  # noqa: PLR2004 - the first byte of the first half of a pair
            whole -= 2
        held = data[whole:]
        yield data[:whole].decode(codec, "surrogatepass").encode("utf-8", "surrogatepass")
    even = len(held) - len(held) % 2
    tail = held[:even].decode(codec, "surrogatepass").encode("utf-8", "surrogatepass")
    yield tail + (_HALF + held[even:] if held[even:] else b"")


def _widened(raw: bytes, codec: str) -> bytes:
    """UTF-8 as the UTF-16 it was. Pieces of one character, which only a record cut for its length has, stay UTF-8."""
    half, odd = raw, b""
    if len(raw) > 1 and raw[-2:-1] == _HALF:
        half, odd = raw[:-2], raw[-1:]
    try:
        return half.decode("utf-8", "surrogatepass").encode(codec, "surrogatepass") + odd
    except UnicodeError:
        return raw


def without_mark(arriving: Iterator[bytes]) -> tuple[Iterator[bytes], bool]:
    """The chunks ``arriving`` without a leading UTF-8 byte order mark, and whether there was one."""
    head = b""
    for chunk in arriving:
        head += chunk
        if len(head) >= len(BOM):
            break
    marked = head.startswith(BOM)
    head = head.removeprefix(BOM)
    return chain([head] if head else [], arriving), marked
