"""Text encodings of extracts: which ones a byte scanner can cut safely, and the byte order mark.

Connectors find record boundaries in bytes before they decode, so that one undecodable record costs no
other. That is only sound where line ends, commas, quotes and brackets are the same single bytes as in
ASCII.

Encodings known to Python: https://docs.python.org/3/library/codecs.html#standard-encodings
"""

from __future__ import annotations

import codecs
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

from adapter.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.source import ExtractOptions

BOM = codecs.BOM_UTF8
"""UTF-8 byte order mark; where it occurs the text is UTF-8, whatever the feed says."""

_ASCII = bytes(range(128))


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


def feed_encoding(options: ExtractOptions) -> str:
    """The encoding the feed declares for its files.

    Raises ConfigurationError when Python does not know it or its line ends are not those of ASCII (UTF-16).
    """
    known = ascii_based(options.encoding)
    if known is None:
        raise ConfigurationError(
            [
                Problem(
                    where="feed",
                    path="encoding",
                    message=f"`{options.encoding}` cannot be read",
                    expected="an encoding that contains ASCII, such as utf-8, cp1252 or latin-1",
                )
            ]
        )
    return known


def without_mark(arriving: Iterator[bytes]) -> tuple[Iterator[bytes], bool]:
    """The chunks ``arriving`` without a leading byte order mark, and whether there was one."""
    head = b""
    for chunk in arriving:
        head += chunk
        if len(head) >= len(BOM):
            break
    marked = head.startswith(BOM)
    head = head.removeprefix(BOM)
    return chain([head] if head else [], arriving), marked
